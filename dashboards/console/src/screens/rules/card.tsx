import { useQuery } from "@tanstack/react-query";
import { ruleQuery } from "../../api/queries";
import type { Rule } from "../../api/shapes";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { Facts } from "../../parts/panel";
import { PriorityMark, type Priority } from "../../parts/priority";
import { useMay } from "../../parts/session";
import { Loaded } from "../../parts/states";
import { RuleEditor } from "./editor";
import { RuleVersions } from "./versions";
import { authorName, calendarName } from "./words";

export default function RuleCard({ id }: { id: string }) {
  const query = useQuery(ruleQuery(id));
  return <Loaded query={query}>{(rule) => <Card rule={rule} />}</Loaded>;
}

function Card({ rule }: { rule: Rule }) {
  const { t, text } = useWords();
  const mayEdit = useMay(rule.engine === "energy" ? "facilities" : "security");
  return (
    <article className="card" data-testid="rule-card" data-rule={rule.id} data-version={rule.version}>
      <h2>
        <PriorityMark priority={rule.priority as Priority} quiet /> {text(rule.title)}
      </h2>
      <p className="sentence">{text(rule.sentence)}</p>
      <Facts
        rows={[
          [t("word.state"), t(rule.enabled ? "rules.on" : "rules.off")],
          ...(rule.calendar ? ([[t("rules.calendar"), calendarName(rule.calendar, t)]] as [string, string][]) : []),
          [t("rules.active"), <span className="num">{rule.active}</span>],
          [t("rules.fired_24h"), <span className="num">{rule.fired_24h}</span>],
          [t("rules.version"), <span className="num">{rule.version}{t("list.comma")}{authorName(rule.changed_by, t)}{t("list.comma")}<At ms={rule.changed_ms} /></span>],
        ]}
      />
      <RuleEditor key={rule.version} rule={rule} mayEdit={mayEdit} />
      <RuleVersions rule={rule.id} version={rule.version} />
    </article>
  );
}
