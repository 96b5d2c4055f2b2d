import { useQuery } from "@tanstack/react-query";
import { rulesQuery } from "../../api/queries";
import type { Rule } from "../../api/shapes";
import { useWords } from "../../i18n";
import { DataTable, type Column } from "../../parts/data-table";
import { PriorityMark, type Priority } from "../../parts/priority";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";

export default function Rules() {
  const { t } = useWords();
  const query = useQuery(rulesQuery);
  const { thing, open } = useThing();
  const columns = useRuleColumns();
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.rules")}</h1>
      </div>
      <Loaded query={query}>
        {(rules) => (
          <DataTable<Rule>
            rows={rules}
            columns={columns}
            rowKey={(rule) => rule.id}
            current={thing?.kind === "rule" ? thing.id : null}
            onOpen={(rule) => open("rule", rule.id)}
            rowProps={(rule) => ({ "data-testid": "rule-row", "data-rule": rule.id })}
            rowClass={(rule) => (rule.enabled ? "" : "stale")}
            empty={<Empty>{t("rules.none")}</Empty>}
          />
        )}
      </Loaded>
    </div>
  );
}

function useRuleColumns(): Column<Rule>[] {
  const { t, text } = useWords();
  return [
    { title: "", width: 44, render: (_, rule) => <PriorityMark priority={rule.priority as Priority} quiet /> },
    { title: t("kind.rule"), width: 190, ellipsis: true, render: (_, rule) => text(rule.title) },
    { title: t("rules.engine"), width: 90, render: (_, rule) => t(`engine.${rule.engine}`) },
    { title: t("rules.sentence"), width: 430, ellipsis: true, render: (_, rule) => <span className="quiet">{text(rule.sentence)}</span> },
    { title: t("word.state"), width: 90, render: (_, rule) => t(rule.enabled ? "rules.on" : "rules.off") },
    { title: t("rules.active"), width: 90, align: "right", render: (_, rule) => <span className="num">{rule.active}</span> },
    { title: t("rules.fired_24h"), width: 110, align: "right", render: (_, rule) => <span className="num">{rule.fired_24h}</span> },
  ];
}
