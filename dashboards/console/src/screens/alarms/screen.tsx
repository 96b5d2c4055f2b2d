import { useMemo, useState } from "react";
import { Segmented, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { openAlarmsQuery, pastAlarmsQuery } from "../../api/queries";
import type { Alarm } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useWhyNot } from "../../parts/act";
import { DataTable } from "../../parts/data-table";
import { useKeys } from "../../parts/keys";
import { PRIORITIES, type Priority } from "../../parts/priority";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { useAcknowledge } from "./act";
import { useAlarmColumns } from "./columns";
import { byUrgency, needsSomeone } from "./words";

type Show = "open" | "all";

export default function Alarms() {
  const { t } = useWords();
  const [show, setShow] = useState<Show>("open");
  const [priorities, setPriorities] = useState<Priority[]>([]);
  const query = useQuery(show === "open" ? openAlarmsQuery : pastAlarmsQuery);
  return (
    <div className="screen" data-testid="alarms">
      <div className="bar">
        <h1>{t("menu.alarms")}</h1>
        <Segmented<Show>
          value={show}
          onChange={setShow}
          options={[
            { value: "open", label: t("alarms.open") },
            { value: "all", label: t("alarms.all") },
          ]}
        />
        <Select<Priority[]>
          mode="multiple"
          allowClear
          className="filter"
          placeholder={t("alarms.any_priority")}
          value={priorities}
          onChange={setPriorities}
          options={PRIORITIES.map((priority) => ({ value: priority, label: `P${priority}` }))}
        />
        <span className="quiet keys-hint">{t("alarms.keys")}</span>
      </div>
      <Loaded query={query}>{(alarms) => <AlarmList alarms={alarms} priorities={priorities} sorted={show === "open"} />}</Loaded>
    </div>
  );
}

function AlarmList({ alarms, priorities, sorted }: { alarms: Alarm[]; priorities: Priority[]; sorted: boolean }) {
  const { t } = useWords();
  const { thing, open } = useThing();
  const columns = useAlarmColumns();
  const rows = useMemo(() => {
    const wanted = alarms.filter((alarm) => priorities.length === 0 || priorities.includes(alarm.priority));
    return sorted ? wanted.sort(byUrgency) : wanted.sort((a, b) => b.raised_ms - a.raised_ms);
  }, [alarms, priorities, sorted]);
  const [current, setCurrent] = useState<number | null>(null);
  const at = rows.findIndex((alarm) => alarm.id === current);
  useAlarmKeys(rows, at, (alarm) => {
    setCurrent(alarm.id);
    if (thing) open("alarm", alarm.id);
  });
  return (
    <DataTable<Alarm>
      rows={rows}
      columns={columns}
      rowKey={(alarm) => alarm.id}
      current={thing?.kind === "alarm" ? Number(thing.id) : current}
      onOpen={(alarm) => {
        setCurrent(alarm.id);
        open("alarm", alarm.id);
      }}
      rowProps={(alarm) => ({ "data-testid": "alarm-row", "data-alarm": alarm.id, "data-state": alarm.state })}
      rowClass={(alarm) => (needsSomeone(alarm) ? `unseen p${alarm.priority}` : "seen")}
      empty={<Empty>{t(sorted ? "alarms.none_open" : "alarms.none")}</Empty>}
    />
  );
}

/** j k move, Enter opens, a acknowledges, s opens the card to shelve. */
function useAlarmKeys(rows: Alarm[], at: number, go: (alarm: Alarm) => void): void {
  const { open } = useThing();
  const acknowledge = useAcknowledge();
  const whyNot = useWhyNot();
  const row = rows[at];
  const move = (step: number): void => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    if (next) go(next);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => row && open("alarm", row.id),
    a: () => row && needsSomeone(row) && !whyNot && acknowledge.mutate({ id: row.id, note: "" }),
    s: () => row && open("alarm", `${row.id}/shelve`),
  });
}
