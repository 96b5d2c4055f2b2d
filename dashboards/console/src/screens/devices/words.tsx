import type { TFunction } from "i18next";
import type { Device } from "../../api/shapes";
import { useWords } from "../../i18n";

const FAMILIES = ["modbus", "osdp", "serial_card", "camera", "class_sign"] as const;

/** The kind of device in words; a family this console does not know keeps its own name. */
export function familyName(family: string, t: TFunction): string {
  const known = FAMILIES.find((one) => one === family);
  return known ? t(`family.${known}`) : family;
}

/** State in words, with why it is lost. */
export function DeviceState({ device }: { device: Device }) {
  const { t, text } = useWords();
  if (device.state !== "live") return <b>{t(`device_state.${device.state}`)}</b>;
  if (device.online) return <>{t("device_state.online")}</>;
  return (
    <span className="look-3">
      {t("device_state.lost")}
      {device.problem && <>{t("list.colon")}{text(device.problem)}</>}
    </span>
  );
}
