import type { Passage } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { Empty } from "../../parts/states";
import { ThingLink } from "../../parts/thing";

/** Photo, or the initials where there is none. */
export function Face({ passage, size }: { passage: Passage; size: number }) {
  const style = { width: size, height: size, fontSize: size / 2.6 };
  if (passage.photo) return <img className="face" style={style} src={`/api/people/${passage.person}/photo`} alt="" />;
  return (
    <span className="face" style={style} aria-hidden>
      {passage.initials || "?"}
    </span>
  );
}

export function Verdict({ passage }: { passage: Passage }) {
  const { t } = useWords();
  return <span className={passage.granted ? "" : "look-1 verdict"}>{t(passage.granted ? "gate.allowed" : "gate.denied")}</span>;
}

/** Decisions, newest first, one a line. */
export function PassageList({ passages }: { passages: Passage[] }) {
  const { t, text } = useWords();
  if (passages.length === 0) return <Empty>{t("gate.none")}</Empty>;
  return (
    <ul className="lines">
      {passages.map((passage) => (
        <li key={passage.id}>
          <At ms={passage.at_ms} />
          <span className="grow cut">
            {passage.person ? <ThingLink kind="person" id={passage.person}>{passage.name}</ThingLink> : t("gate.unknown_card", { tail: passage.credential_tail })}{" "}
            <span className="quiet">{passage.granted ? text(passage.door_name) : text(passage.reason_text)}</span>
          </span>
          <Verdict passage={passage} />
        </li>
      ))}
    </ul>
  );
}
