/** Open once, keep unlocked, lock, back to normal: each with a reason, and what became of it. */
import { useState } from "react";
import { Space } from "antd";
import { api, dataOf } from "../../api/client";
import type { CommandStatus, Door, DoorAct } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { CommandLine } from "../../parts/command";
import { ReasonForm } from "../../parts/reason-form";
import { useMay } from "../../parts/session";

type Action = DoorAct["action"];
const MINUTES = [30, 5, 60, 120, 480];

export function DoorActions({ door, onlyOpen = false, large = false }: { door: Door; onlyOpen?: boolean; large?: boolean }) {
  const { t, text } = useWords();
  const mayAll = useMay("security");
  const mayOpen = useMay("security", "gate");
  const [asked, setAsked] = useState<Action | null>(null);
  const [command, setCommand] = useState<CommandStatus | null>(null);
  const act = useAct((body: DoorAct) => ({
    call: () => dataOf(api.POST("/api/doors/{door}/act", { params: { path: { door: door.id } }, body })),
    done: (sent) => {
      setCommand(sent);
      setAsked(null);
    },
  }));
  if (!mayOpen) return null;
  const others: Action[] = door.mode === "normal" ? ["unlock", "lock"] : ["normal"];
  const actions: Action[] = mayAll && !onlyOpen ? ["open", ...others] : ["open"];
  const timed = asked === "unlock" || asked === "lock";
  const names = { door: text(door.name) };
  return (
    <div className="actions">
      <Space wrap>
        {actions.map((action) => (
          <ActButton key={action} size={large ? "large" : "middle"} type={action === "open" ? "primary" : "default"}
            disabled={!door.online} title={door.online ? t(`door_effect.${action}`, names) : t("doors.offline")}
            onClick={() => setAsked(action)} data-testid={`door-${action}`}>
            {t(`door_act.${action}`)}
          </ActButton>
        ))}
      </Space>
      {asked && (
        <ReasonForm
          key={asked}
          effect={t(`door_effect.${asked}`, names)}
          presets={asked === "open" ? [t("doors.reason_visitor"), t("doors.reason_forgot"), t("doors.reason_delivery")] : [t("doors.reason_event"), t("doors.reason_repair"), t("doors.reason_incident")]}
          {...(timed ? { minutes: MINUTES } : {})}
          busy={act.isPending}
          onCancel={() => setAsked(null)}
          onSubmit={(reason, minutes) => act.mutate({ action: asked, reason, minutes: timed ? minutes : null })}
        />
      )}
      {command && <CommandLine key={command.id} command={command} />}
    </div>
  );
}
