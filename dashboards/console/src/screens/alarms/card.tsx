/** The alarm card: what, where, why, what to do, whom to call, what was done. */
import { useEffect, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { alarmQuery } from "../../api/queries";
import type { Alarm } from "../../api/shapes";
import { useWords } from "../../i18n";
import { AtSince } from "../../parts/age";
import { withTimes } from "../../parts/format";
import { PriorityMark } from "../../parts/priority";
import { Loaded } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { Still } from "../cameras/still";
import { AlarmActions } from "./actions";
import { Timeline } from "./timeline";
import { needsSomeone, shownState } from "./words";

/** id: the alarm's number; "/shelve" behind it opens the form at once. */
export default function AlarmCard({ id }: { id: string }) {
  const [number, intent] = id.split("/");
  const query = useQuery(alarmQuery(Number(number)));
  return <Loaded query={query}>{(alarm) => <Card alarm={alarm} shelving={intent === "shelve"} />}</Loaded>;
}

function Card({ alarm, shelving }: { alarm: Alarm; shelving: boolean }) {
  const { t, text } = useWords();
  return (
    <article className="card" data-testid="alarm-card" data-alarm={alarm.id} data-state={alarm.state}>
      <h2 className={needsSomeone(alarm) ? `alarm-title live p${alarm.priority}` : "alarm-title"}>
        <PriorityMark priority={alarm.priority} quiet={!needsSomeone(alarm)} /> P{alarm.priority} {text(alarm.title)}
      </h2>
      <p className="place">{text(alarm.place_name)}</p>
      <p>
        <AtSince ms={alarm.raised_ms} />
        {t("list.comma")}
        {t(`alarm_state.${shownState(alarm)}`)}
        {alarm.times_this_week > 1 && (
          <>
            {t("list.comma")}
            {t("alarms.times_this_week", { count: alarm.times_this_week })}
          </>
        )}
      </p>
      <Stills alarm={alarm} />
      <AlarmActions alarm={alarm} shelving={shelving} />
      {alarm.why.length > 0 && (
        <section>
          <h3>{t("alarms.why")}</h3>
          {alarm.why.map((line) => (
            <p key={line.en}>{withTimes(text(line))}</p>
          ))}
        </section>
      )}
      <section>
        <h3>{t("alarms.todo")}</h3>
        <ol className="todo">
          {alarm.todo.map((line) => (
            <li key={line.en}>{text(line)}</li>
          ))}
        </ol>
        {alarm.call && (
          <p>
            {t("alarms.call")} <b>{text(alarm.call)}</b>
          </p>
        )}
      </section>
      <Links alarm={alarm} />
      <Timeline alarm={alarm} />
    </article>
  );
}

function Stills({ alarm }: { alarm: Alarm }) {
  const { t } = useWords();
  const [shown, setShown] = useState(alarm.still ?? null);
  useEffect(() => setShown(alarm.still ?? null), [alarm.still]);
  if (shown === null && !alarm.camera) return null;
  return (
    <div className="stills">
      {shown !== null ? <Still evidence={shown} word={t("alarms.still_then")} /> : <div className="no-still">{t("cameras.no_still")}</div>}
      {alarm.camera && <ThingLink kind="camera" id={alarm.camera}>{t("alarms.look_now")}</ThingLink>}
    </div>
  );
}

function Links({ alarm }: { alarm: Alarm }) {
  const { t, text } = useWords();
  return (
    <p className="links">
      {alarm.door && <ThingLink kind="door" id={alarm.door}>{t("kind.door")}</ThingLink>}
      {alarm.device && <ThingLink kind="device" id={alarm.device}>{t("kind.device")}</ThingLink>}
      {alarm.person && <ThingLink kind="person" id={alarm.person}>{alarm.person_name || alarm.person}</ThingLink>}
      <ThingLink kind="rule" id={alarm.rule}>
        {t("alarms.rule")} {text(alarm.rule_title)}
      </ThingLink>
    </p>
  );
}
