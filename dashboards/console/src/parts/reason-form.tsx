/** Asks why before something is done, with presets, and for how long where it ends by itself. */
import { useState } from "react";
import { AutoComplete, Select, Space } from "antd";
import { useWords } from "../i18n";
import { ActButton } from "./act";
import { durationText } from "./format";

interface ReasonFormProps {
  /** What the button will do, in words: "Open Lab 3 for 5 s". */
  effect: string;
  presets: string[];
  /** Choices of minutes; without them there is no duration. */
  minutes?: number[];
  optional?: boolean;
  danger?: boolean;
  busy?: boolean;
  onCancel: () => void;
  onSubmit: (reason: string, minutes: number) => void;
}

export function ReasonForm({ effect, presets, minutes, optional, danger, busy, onCancel, onSubmit }: ReasonFormProps) {
  const { t } = useWords();
  const [reason, setReason] = useState("");
  const [chosen, setChosen] = useState(minutes?.[0] ?? 0);
  const ready = optional || reason.trim() !== "";
  const submit = (): void => {
    if (ready) onSubmit(reason.trim(), chosen);
  };
  return (
    <form
      className="reason-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onCancel();
      }}
    >
      <Space wrap>
        {presets.map((preset) => (
          <ActButton key={preset} size="small" type={preset === reason ? "primary" : "default"} onClick={() => setReason(preset)}>
            {preset}
          </ActButton>
        ))}
      </Space>
      <AutoComplete
        autoFocus
        aria-label={t("reason.label")}
        data-testid="reason"
        value={reason}
        onChange={setReason}
        maxLength={300}
        placeholder={optional ? t("reason.optional") : t("reason.label")}
      />
      <Space wrap>
        {minutes && (
          <Select
            aria-label={t("reason.minutes")}
            value={chosen}
            onChange={setChosen}
            options={minutes.map((count) => ({ value: count, label: durationText(count * 60_000) }))}
          />
        )}
        <ActButton type="primary" htmlType="submit" danger={danger ?? false} disabled={!ready} loading={busy ?? false} data-testid="reason-submit">
          {effect}
        </ActButton>
        <ActButton onClick={onCancel}>{t("act.cancel")}</ActButton>
      </Space>
    </form>
  );
}
