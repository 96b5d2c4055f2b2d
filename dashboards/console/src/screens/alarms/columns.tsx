import type { Alarm } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import type { Column } from "../../parts/data-table";
import { timeText, valueText } from "../../parts/format";
import { PriorityMark } from "../../parts/priority";
import { ThingLink } from "../../parts/thing";
import { useNow } from "../../live/clock";
import { durationText } from "../../parts/format";
import { needsSomeone, shownState } from "./words";

export function useAlarmColumns(): Column<Alarm>[] {
  const { t, text } = useWords();
  return [
    { title: "", width: 44, render: (_, alarm) => <PriorityMark priority={alarm.priority} quiet={!needsSomeone(alarm)} /> },
    { title: t("alarms.when"), width: 128, render: (_, alarm) => <At ms={alarm.raised_ms} /> },
    { title: t("alarms.since"), width: 104, render: (_, alarm) => <Since ms={alarm.raised_ms} /> },
    { title: t("alarms.what"), width: 210, ellipsis: true, render: (_, alarm) => <b className="what">{text(alarm.title)}</b> },
    { title: t("word.place"), width: 260, ellipsis: true, render: (_, alarm) => <PlaceOf alarm={alarm} /> },
    { title: t("alarms.value"), width: 150, ellipsis: true, render: (_, alarm) => <Measured alarm={alarm} /> },
    { title: t("word.state"), width: 170, ellipsis: true, render: (_, alarm) => <StateOf alarm={alarm} /> },
  ];
}

function Since({ ms }: { ms: number }) {
  const now = useNow();
  return <span className="num quiet">{durationText(now - ms)}</span>;
}

function PlaceOf({ alarm }: { alarm: Alarm }) {
  const { text } = useWords();
  const name = text(alarm.place_name);
  if (alarm.door) return <ThingLink kind="door" id={alarm.door}>{name}</ThingLink>;
  if (alarm.device) return <ThingLink kind="device" id={alarm.device}>{name}</ThingLink>;
  return <>{name}</>;
}

function Measured({ alarm }: { alarm: Alarm }) {
  const { t } = useWords();
  if (alarm.value === null || alarm.value === undefined) return null;
  const value = valueText(alarm.value, alarm.unit);
  const limit = alarm.limit === null || alarm.limit === undefined ? "" : valueText(alarm.limit, alarm.unit);
  return <span className="num">{limit ? t("alarms.value_of_limit", { value, limit }) : value}</span>;
}

function StateOf({ alarm }: { alarm: Alarm }) {
  const { t } = useWords();
  const state = shownState(alarm);
  return (
    <span>
      {t(`alarm_state.${state}`)}
      {alarm.shelved_until_ms ? <small className="num quiet"> {t("alarms.until", { time: timeText(alarm.shelved_until_ms) })}</small> : null}
    </span>
  );
}
