import type { EventLine } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { Empty } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { useEventName, useEventReason } from "./words";

/** What happened, one a line. */
export function EventList({ events }: { events: EventLine[] }) {
  const { t } = useWords();
  const nameOf = useEventName();
  const reasonOf = useEventReason();
  if (events.length === 0) return <Empty>{t("events.none")}</Empty>;
  return (
    <ul className="lines">
      {events.map((event) => (
        <li key={event.id}>
          <At ms={event.at_ms} />
          <span className="grow cut">
            {nameOf(event.kind)} <span className="quiet">{reasonOf(event)}</span>
          </span>
          {event.person && <ThingLink kind="person" id={event.person}>{event.person}</ThingLink>}
        </li>
      ))}
    </ul>
  );
}
