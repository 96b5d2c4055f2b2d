import { Input, InputNumber } from "antd";
import type { EditableLimit } from "../../api/shapes";
import { useWords } from "../../i18n";
import { numberText } from "../../parts/format";
import { problemOf } from "./limits";

interface LimitFieldProps {
  limit: EditableLimit;
  value: number | string;
  disabled: boolean;
  onChange: (value: number | string) => void;
}

export function LimitField({ limit, value, disabled, onChange }: LimitFieldProps) {
  const { t, text } = useWords();
  const problem = problemOf(limit, value);
  const status = problem ? "error" : "";
  const low = limit.minimum ?? null;
  const high = limit.maximum ?? null;
  return (
    <label className="limit">
      <span>{text(limit.label)}</span>
      {typeof limit.value === "number" ? (
        <InputNumber value={value === "" ? null : Number(value)} step={limit.step ?? 1} status={status} suffix={limit.unit} disabled={disabled}
          onChange={(next) => onChange(next ?? "")} data-testid={`limit-${limit.path}`} />
      ) : (
        <Input value={String(value)} status={status} suffix={limit.unit} disabled={disabled} onChange={(event) => onChange(event.target.value)} data-testid={`limit-${limit.path}`} />
      )}
      <small className={problem ? "look-1" : "quiet num"}>
        {problem
          ? t(`limit_problem.${problem}`, { low: numberText(low ?? 0), high: numberText(high ?? 0) })
          : low !== null && high !== null && t("devices.range", { low: numberText(low), high: numberText(high) })}
      </small>
    </label>
  );
}
