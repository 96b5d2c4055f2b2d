import { useState } from "react";
import { Input } from "antd";
import { useQuery } from "@tanstack/react-query";
import { auditCheckQuery, auditQuery } from "../../api/queries";
import type { AuditLine } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { DataTable, type Column } from "../../parts/data-table";
import { numberText } from "../../parts/format";
import { Empty, Loaded } from "../../parts/states";

export default function Audit() {
  const { t } = useWords();
  const [q, setQ] = useState("");
  const query = useQuery(auditQuery(q));
  const columns: Column<AuditLine>[] = [
    { title: t("alarms.when"), width: 140, render: (_, line) => <At ms={line.at_ms} /> },
    { title: t("audit.actor"), width: 140, ellipsis: true, dataIndex: "actor" },
    { title: t("audit.action"), width: 180, ellipsis: true, dataIndex: "action" },
    { title: t("audit.subject"), width: 220, ellipsis: true, dataIndex: "subject" },
    { title: t("audit.detail"), width: 420, ellipsis: true, dataIndex: "detail" },
  ];
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.audit")}</h1>
        <Input.Search className="filter" allowClear placeholder={t("list.filter")} aria-label={t("list.filter")} onSearch={setQ} />
        <Wholeness />
      </div>
      <Loaded query={query}>
        {(lines) => <DataTable<AuditLine> rows={lines} columns={columns} rowKey={(line) => line.id} empty={<Empty>{t(q ? "list.nothing_found" : "audit.none")}</Empty>} />}
      </Loaded>
    </div>
  );
}

/** Whether the chain of the log is whole. */
function Wholeness() {
  const { t } = useWords();
  const { data } = useQuery(auditCheckQuery);
  if (!data) return null;
  if (data.broken !== null) return <b className="look-1">{t("audit.broken", { line: data.broken })}</b>;
  return <span className="quiet num">{t("audit.whole", { lines: numberText(data.lines) })}</span>;
}
