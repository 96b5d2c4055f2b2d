import { useState } from "react";
import { Input, Space } from "antd";
import type { Alarm } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/act";
import { ReasonForm } from "../../parts/reason-form";
import { useMay } from "../../parts/session";
import { useAcknowledge, useComment, useShelve, useUnshelve } from "./act";
import { needsSomeone } from "./words";

const SHELVE_MINUTES = [30, 10, 60, 240, 480, 1440];

export function AlarmActions({ alarm, shelving }: { alarm: Alarm; shelving: boolean }) {
  const { t } = useWords();
  const may = useMay("security", "gate", "facilities");
  const [note, setNote] = useState("");
  const [form, setForm] = useState(shelving && alarm.shelvable);
  const acknowledge = useAcknowledge();
  const comment = useComment();
  const unshelve = useUnshelve();
  if (!may) return <p className="quiet">{t("alarms.may_not")}</p>;
  const unseen = needsSomeone(alarm);
  const done = { onSuccess: () => setNote("") };
  return (
    <div className="actions">
      <Input.TextArea
        value={note} onChange={(event) => setNote(event.target.value)} placeholder={t("alarms.note")} aria-label={t("alarms.note")}
        autoSize={{ minRows: 1, maxRows: 4 }} maxLength={1000} data-testid="alarm-note"
      />
      <Space wrap>
        {unseen ? (
          <ActButton type="primary" size="large" loading={acknowledge.isPending} data-testid="acknowledge"
            onClick={() => acknowledge.mutate({ id: alarm.id, note: note.trim() }, done)}>
            {t("alarms.acknowledge")}
          </ActButton>
        ) : (
          <ActButton disabled={!note.trim()} loading={comment.isPending} onClick={() => comment.mutate({ id: alarm.id, note: note.trim() }, done)}>
            {t("alarms.comment")}
          </ActButton>
        )}
        {alarm.shelved_until_ms ? (
          <ActButton loading={unshelve.isPending} onClick={() => unshelve.mutate(alarm.id)}>{t("alarms.unshelve")}</ActButton>
        ) : (
          <ActButton size={unseen ? "large" : "middle"} disabled={!alarm.shelvable} onClick={() => setForm(true)} data-testid="shelve"
            title={alarm.shelvable ? "" : t("alarms.not_shelvable")}>
            {t("alarms.shelve")}
          </ActButton>
        )}
      </Space>
      {form && <ShelveForm alarm={alarm} onClose={() => setForm(false)} />}
    </div>
  );
}

function ShelveForm({ alarm, onClose }: { alarm: Alarm; onClose: () => void }) {
  const { t } = useWords();
  const shelve = useShelve();
  return (
    <ReasonForm
      effect={t("alarms.shelve")}
      presets={[t("alarms.reason_known"), t("alarms.reason_works"), t("alarms.reason_false")]}
      minutes={SHELVE_MINUTES}
      busy={shelve.isPending}
      onCancel={onClose}
      onSubmit={(reason, minutes) => shelve.mutate({ id: alarm.id, minutes, reason }, { onSuccess: onClose })}
    />
  );
}
