import type { Door } from "../../api/shapes";
import { useWords } from "../../i18n";

/** Open, closed or unknown; never a closed door that cannot be seen. */
export function DoorLeaf({ door }: { door: Door }) {
  const { t } = useWords();
  if (!door.online || door.open === null) return <span className="stale">{t("doors.unknown")}</span>;
  return door.open ? <b>{t("doors.is_open")}</b> : <>{t("doors.is_closed")}</>;
}

export function DoorMode({ door }: { door: Door }) {
  const { t } = useWords();
  return door.mode === "normal" ? <>{t("door_mode.normal")}</> : <b>{t(`door_mode.${door.mode}`)}</b>;
}
