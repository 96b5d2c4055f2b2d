import { useState } from "react";
import { Input } from "antd";
import { useQuery } from "@tanstack/react-query";
import { doorsQuery } from "../../api/queries";
import type { Door } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At, AtSince } from "../../parts/age";
import { DataTable, type Column } from "../../parts/data-table";
import { usePlaceText } from "../../parts/place";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { DoorLeaf, DoorMode } from "./words";

export default function Doors() {
  const { t } = useWords();
  const [q, setQ] = useState("");
  const query = useQuery(doorsQuery);
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.doors")}</h1>
        <Input className="filter" allowClear placeholder={t("list.filter")} aria-label={t("list.filter")} value={q} onChange={(event) => setQ(event.target.value)} />
      </div>
      <Loaded query={query}>{(doors) => <DoorList doors={doors} q={q.toLowerCase()} />}</Loaded>
    </div>
  );
}

function DoorList({ doors, q }: { doors: Door[]; q: string }) {
  const { t } = useWords();
  const { thing, open } = useThing();
  const columns = useDoorColumns();
  const rows = doors.filter((door) => `${door.id} ${door.name.en} ${door.name.zh} ${door.place}`.toLowerCase().includes(q));
  return (
    <DataTable<Door>
      rows={rows}
      columns={columns}
      rowKey={(door) => door.id}
      current={thing?.kind === "door" ? thing.id : null}
      onOpen={(door) => open("door", door.id)}
      rowProps={(door) => ({ "data-testid": "door-row", "data-door": door.id })}
      rowClass={() => "live"}
      empty={<Empty>{t(doors.length ? "list.nothing_found" : "doors.none")}</Empty>}
    />
  );
}

function useDoorColumns(): Column<Door>[] {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  return [
    { title: t("kind.door"), width: 230, ellipsis: true, render: (_, door) => text(door.name) },
    { title: t("word.place"), width: 210, ellipsis: true, render: (_, door) => <span className="quiet">{placeText(door.place)}</span> },
    { title: t("doors.leaf"), width: 150, render: (_, door) => <DoorLeaf door={door} /> },
    { title: t("doors.mode"), width: 130, render: (_, door) => <DoorMode door={door} /> },
    { title: t("doors.since"), width: 180, render: (_, door) => <AtSince ms={door.since_ms} /> },
    { title: t("doors.last"), width: 260, ellipsis: true, render: (_, door) => <LastPassage door={door} /> },
  ];
}

function LastPassage({ door }: { door: Door }) {
  const { text } = useWords();
  if (!door.last) return null;
  return (
    <>
      <At ms={door.last.at_ms} /> {door.last.name} <span className="quiet">{text(door.last.reason_text)}</span>
    </>
  );
}
