import { useState } from "react";
import { InputNumber, Select } from "antd";
import { api, dataOf } from "../../api/client";
import type { CommandStatus, PointValue } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useAct } from "../../parts/act";
import { CommandLine } from "../../parts/command";
import { numberText, valueText } from "../../parts/format";
import { ReasonForm } from "../../parts/reason-form";

/** A setpoint's new value, within its limits, with the reason. */
export function WriteForm({ device, point, onClose }: { device: string; point: PointValue; onClose: () => void }) {
  const { t, text } = useWords();
  const [value, setValue] = useState<number | null>(point.value);
  const [command, setCommand] = useState<CommandStatus | null>(null);
  const write = useAct(({ wanted, reason }: { wanted: number; reason: string }) => ({
    call: () => dataOf(api.POST("/api/devices/{device}/write", { params: { path: { device } }, body: { point: point.name, value: wanted, reason } })),
    done: setCommand,
  }));
  const states = Object.entries(point.states);
  return (
    <div className="actions">
      <label>
        {text(point.label)}{" "}
        {states.length > 0 ? (
          <Select value={value} onChange={setValue} options={states.map(([key, words]) => ({ value: Number(key), label: text(words) }))} />
        ) : (
          <InputNumber value={value} onChange={setValue} min={point.minimum ?? undefined} max={point.maximum ?? undefined} suffix={point.unit} data-testid="write-value" />
        )}
        {point.minimum !== null && point.maximum !== null && (
          <small className="quiet num"> {t("devices.range", { low: numberText(point.minimum), high: valueText(point.maximum, point.unit) })}</small>
        )}
      </label>
      <ReasonForm
        effect={value === null ? t("devices.write") : t("devices.set_to", { value: valueText(value, point.unit, point.states) })}
        presets={[t("devices.reason_comfort"), t("devices.reason_saving"), t("devices.reason_test")]}
        busy={write.isPending}
        onCancel={onClose}
        onSubmit={(reason) => value !== null && write.mutate({ wanted: value, reason })}
      />
      {command && <CommandLine key={command.id} command={command} />}
    </div>
  );
}
