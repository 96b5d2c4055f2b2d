import type { Camera } from "../../api/shapes";
import { useWords } from "../../i18n";

/** The camera's state in words; coloured only when something is wrong with it. */
export function CameraState({ camera }: { camera: Camera }) {
  const { t } = useWords();
  const wrong = camera.state !== "ok" && camera.state !== "unknown";
  return (
    <span className={wrong ? "look-2" : ""}>
      {t(`camera_state.${camera.state}`)}
      {camera.state === "ok" && camera.motion && <>{t("list.comma")}{t("cameras.motion")}</>}
    </span>
  );
}
