import { useWords } from "../i18n";
import { useConnection } from "../live/connection";
import { useStatus } from "../live/status";
import { Age, At } from "../parts/age";

/** One bar across the top: the hub is cut off, or it cannot store. */
export function CutBar() {
  const { t, text } = useWords();
  const connection = useConnection();
  const status = useStatus();
  if (connection.state === "cut") {
    return (
      <div className="cut-bar" role="alert" data-testid="cut-bar">
        <b>{t("cut.title")}</b>
        {connection.sinceMs > 0 && (
          <>
            {" "}
            {t("cut.since")} <At ms={connection.sinceMs} /> (<Age atMs={connection.sinceMs} />)
          </>
        )}
        {t("list.stop")}
        {t("cut.what")}
      </div>
    );
  }
  if (!status?.store_problem) return null;
  return (
    <div className="cut-bar" role="alert">
      <b>{t("cut.not_storing")}</b> {text(status.store_problem)}
    </div>
  );
}
