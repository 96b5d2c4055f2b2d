import { useQuery } from "@tanstack/react-query";
import { quarantineQuery } from "../../api/queries";
import type { HistorianStatus, QuarantineLine, Status } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useStatus } from "../../live/status";
import { At } from "../../parts/age";
import { DataTable, type Column } from "../../parts/data-table";
import { dateTimeText, numberText } from "../../parts/format";
import { Facts, Panel } from "../../parts/panel";
import { Empty, Loaded, Loading } from "../../parts/states";

export default function Health() {
  const { t } = useWords();
  const status = useStatus();
  const quarantine = useQuery(quarantineQuery);
  return (
    <div className="screen health">
      <div className="bar">
        <h1>{t("menu.health")}</h1>
      </div>
      <div className="energy-top">
        <Panel title={t("overview.data")}>{status ? <Counts status={status} /> : <Loading />}</Panel>
        <Panel title={t("health.historians")}>{status ? <Historians historians={status.historians} /> : <Loading />}</Panel>
      </div>
      <Panel title={t("health.quarantine")} className="fill">
        <Loaded query={quarantine}>{(lines) => <Quarantine lines={lines} />}</Loaded>
      </Panel>
    </div>
  );
}

function Counts({ status }: { status: Status }) {
  const { t } = useWords();
  const bad = (count: number) => <span className={count > 0 ? "num look-2" : "num"}>{numberText(count)}</span>;
  return (
    <div className="live">
      <Facts
        rows={[
          [t("health.clock"), <span className="num">{dateTimeText(status.now_ms)} {status.zone}{status.speed !== 1 && ` ×${numberText(status.speed)}`}</span>],
          [t("overview.readings_per_s"), <span className="num">{numberText(Math.round(status.readings_per_s))}</span>],
          [t("overview.readings"), <span className="num">{numberText(status.readings)}</span>],
          [t("top.lost"), bad(status.lost)],
          [t("top.doubled"), bad(status.doubled)],
          [t("overview.repeated"), <span className="num">{numberText(status.repeated)}</span>],
          [t("health.quarantined"), bad(status.quarantined)],
          [t("overview.devices_lost"), bad(status.devices_lost)],
        ]}
      />
    </div>
  );
}

function Historians({ historians }: { historians: HistorianStatus[] }) {
  const { t } = useWords();
  return (
    <table className="points live">
      <thead>
        <tr><th>{t("health.historian")}</th><th>{t("health.written")}</th><th>{t("word.state")}</th></tr>
      </thead>
      <tbody>
        {historians.map((historian) => (
          <tr key={historian.name}>
            <th>{historian.name}</th>
            <td className="num">{numberText(historian.points_written)}</td>
            <td className={historian.problem ? "look-2" : ""}>
              {historian.problem || (historian.behind === 0 ? t("overview.up_to_date") : t("overview.behind", { count: historian.behind }))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Quarantine({ lines }: { lines: QuarantineLine[] }) {
  const { t } = useWords();
  const columns: Column<QuarantineLine>[] = [
    { title: t("alarms.when"), width: 140, render: (_, line) => <At ms={line.at_ms} /> },
    { title: t("health.topic"), width: 300, ellipsis: true, dataIndex: "topic" },
    { title: t("reason.label"), width: 420, ellipsis: true, dataIndex: "reason" },
    { title: t("health.size"), width: 100, align: "right", render: (_, line) => <span className="num">{numberText(line.size)} B</span> },
    { title: t("health.count"), width: 90, align: "right", render: (_, line) => <span className="num">{numberText(line.count)}</span> },
  ];
  return <DataTable<QuarantineLine> rows={lines} columns={columns} rowKey={(line) => line.id} empty={<Empty>{t("health.no_quarantine")}</Empty>} />;
}
