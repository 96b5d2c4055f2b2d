import type { Alarm, AlarmEntry } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";

const KNOWN = ["raised", "acknowledged", "cleared", "shelved", "unshelved", "notified", "notice_failed", "normal", "commented"] as const;
type Known = (typeof KNOWN)[number];

function isKnown(what: string): what is Known {
  return (KNOWN as readonly string[]).includes(what);
}

export function Timeline({ alarm }: { alarm: Alarm }) {
  const { t } = useWords();
  const said = (entry: AlarmEntry): string => (isKnown(entry.what) ? t(`timeline.${entry.what}`) : entry.what);
  return (
    <section>
      <h3>{t("alarms.timeline")}</h3>
      <ol className="timeline">
        {alarm.timeline.map((entry, index) => (
          <li key={index} className={entry.what === "notice_failed" ? "look-2" : ""}>
            <At ms={entry.at_ms} />
            <span>
              {said(entry)} {entry.by && <span className="quiet">{entry.by}</span>}
              {entry.note && <q>{entry.note}</q>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
