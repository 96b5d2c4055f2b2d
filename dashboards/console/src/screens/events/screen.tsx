import { useState } from "react";
import { Input } from "antd";
import { useQuery } from "@tanstack/react-query";
import { eventsQuery } from "../../api/queries";
import type { EventLine } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { DataTable, type Column } from "../../parts/data-table";
import { Empty, Loaded } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { useEventName, useEventReason } from "./words";

export default function Events() {
  const { t } = useWords();
  const [kind, setKind] = useState("");
  const query = useQuery({ ...eventsQuery(kind), refetchInterval: 10_000 });
  const columns = useEventColumns();
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.events")}</h1>
        <Input.Search className="filter" allowClear placeholder={t("events.kind")} aria-label={t("events.kind")} onSearch={setKind} />
      </div>
      <Loaded query={query}>
        {(events) => <DataTable<EventLine> rows={events} columns={columns} rowKey={(event) => event.id} empty={<Empty>{t("events.none")}</Empty>} />}
      </Loaded>
    </div>
  );
}

function useEventColumns(): Column<EventLine>[] {
  const { t } = useWords();
  const nameOf = useEventName();
  const reasonOf = useEventReason();
  return [
    { title: t("alarms.when"), width: 130, render: (_, event) => <At ms={event.at_ms} /> },
    { title: t("alarms.what"), width: 200, ellipsis: true, render: (_, event) => <span title={event.kind}>{nameOf(event.kind)}</span> },
    { title: t("kind.door"), width: 150, ellipsis: true, render: (_, event) => event.door && <ThingLink kind="door" id={event.door}>{event.door}</ThingLink> },
    { title: t("kind.device"), width: 170, ellipsis: true, render: (_, event) => event.device && <ThingLink kind="device" id={event.device}>{event.device}</ThingLink> },
    { title: t("kind.person"), width: 120, ellipsis: true, render: (_, event) => event.person && <ThingLink kind="person" id={event.person}>{event.person}</ThingLink> },
    { title: t("reason.label"), width: 220, ellipsis: true, render: (_, event) => reasonOf(event) },
  ];
}
