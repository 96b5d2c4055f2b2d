import { useMemo } from "react";
import { Link } from "react-router";
import { useQuery } from "@tanstack/react-query";
import { camerasQuery, doorsQuery, openAlarmsQuery, planQuery } from "../../api/queries";
import type { Alarm, Status } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useStatus } from "../../live/status";
import { At } from "../../parts/age";
import { numberText } from "../../parts/format";
import { Facts, Panel } from "../../parts/panel";
import { PriorityMark } from "../../parts/priority";
import { useMay } from "../../parts/session";
import { Empty, Loaded, Loading } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { byUrgency, needsSomeone, shownState } from "../alarms/words";
import { PlanMap } from "./plan-map";

export default function Overview() {
  const { t } = useWords();
  const status = useStatus();
  const alarms = useQuery(openAlarmsQuery);
  return (
    <div className="screen overview">
      <Panel title={t("overview.plan")} className="plan-panel">
        <SitePlan alarms={alarms.data ?? []} />
      </Panel>
      <div className="side">
        <Panel title={t("overview.newest")} extra={<Link to="/alarms">{t("overview.all_alarms")}</Link>} className="newest-alarms">
          <Loaded query={alarms}>{(list) => <NewestAlarms alarms={list} />}</Loaded>
        </Panel>
        <Panel title={t("overview.data")}>{status ? <DataFacts status={status} /> : <Loading />}</Panel>
      </div>
    </div>
  );
}

function SitePlan({ alarms }: { alarms: Alarm[] }) {
  const mayDoors = useMay("security", "gate");
  const plan = useQuery(planQuery);
  const { data: doors = [] } = useQuery({ ...doorsQuery, enabled: mayDoors });
  const { data: cameras = [] } = useQuery({ ...camerasQuery, enabled: mayDoors });
  const { open } = useThing();
  const loud = useMemo(() => alarms.filter(needsSomeone), [alarms]);
  return <Loaded query={plan}>{(site) => <PlanMap plan={site} doors={doors} cameras={cameras} alarms={loud} onOpen={open} />}</Loaded>;
}

function NewestAlarms({ alarms }: { alarms: Alarm[] }) {
  const { t, text } = useWords();
  const { open } = useThing();
  const rows = useMemo(() => [...alarms].sort(byUrgency).slice(0, 12), [alarms]);
  if (rows.length === 0) return <Empty>{t("alarms.none_open")}</Empty>;
  return (
    <ul className="lines">
      {rows.map((alarm) => (
        <li key={alarm.id}>
          <button type="button" className={needsSomeone(alarm) ? `unseen p${alarm.priority}` : "seen"} data-testid="newest-alarm" data-alarm={alarm.id} onClick={() => open("alarm", alarm.id)}>
            <PriorityMark priority={alarm.priority} quiet={!needsSomeone(alarm)} />
            <span className="cut grow">
              <b>{text(alarm.title)}</b> <span className="quiet">{text(alarm.place_name)}</span>
            </span>
            <span className="nowrap">
              <At ms={alarm.raised_ms} /> <small className="quiet">{t(`alarm_state.${shownState(alarm)}`)}</small>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Whether the data can be trusted: what was lost and doubled, what is being stored, who lags. */
function DataFacts({ status }: { status: Status }) {
  const { t } = useWords();
  const look = (bad: boolean): string => (bad ? "num look-2" : "num");
  return (
    <div className="live">
      <Facts
        rows={[
          [t("overview.readings_per_s"), <span className="num" data-testid="readings-per-s">{numberText(Math.round(status.readings_per_s))}</span>],
          [t("overview.readings"), <span className="num">{numberText(status.readings)}</span>],
          [t("overview.events"), <span className="num">{numberText(status.events)}</span>],
          [t("top.lost"), <span className={look(status.lost > 0)}>{numberText(status.lost)}</span>],
          [t("top.doubled"), <span className={look(status.doubled > 0)}>{numberText(status.doubled)}</span>],
          [t("overview.repeated"), <span className="num" title={t("overview.repeated_why")}>{numberText(status.repeated)}</span>],
          [t("overview.devices_lost"), <span className={look(status.devices_lost > 0)}>{status.devices_lost}</span>],
          [t("overview.pending"), <span className="num">{status.pending}</span>],
          ...status.historians.map((historian): [string, React.ReactNode] => [
            t("overview.historian", { name: historian.name }),
            <span className={look(Boolean(historian.problem))}>
              {historian.problem || (historian.behind === 0 ? t("overview.up_to_date") : t("overview.behind", { count: historian.behind }))}
            </span>,
          ]),
        ]}
      />
    </div>
  );
}
