import { useState } from "react";
import { Alert, Space } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { api, ApiProblem, dataOf } from "../../api/client";
import type { Rule } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { ReasonForm } from "../../parts/reason-form";
import { LimitField } from "./limit-field";
import { changedLimits, limitsOf, problemOf } from "./limits";
import { RuleTrial } from "./trial";

type Asked = "save" | "toggle" | null;

/** Limits, what they would have done, and saving them with a reason. */
export function RuleEditor({ rule, mayEdit }: { rule: Rule; mayEdit: boolean }) {
  const { t } = useWords();
  const [limits, setLimits] = useState(limitsOf(rule));
  const [asked, setAsked] = useState<Asked>(null);
  const changed = changedLimits(rule, limits);
  const valid = rule.limits.every((limit) => problemOf(limit, limits[limit.path] ?? "") === null);
  const save = useAct((reason: string) => ({
    call: () =>
      dataOf(
        api.PUT("/api/rules/{rule}", {
          params: { path: { rule: rule.id } },
          body: { version: rule.version, reason, limits: asked === "save" ? changed : {}, enabled: asked === "toggle" ? !rule.enabled : null },
        }),
      ),
    refresh: [["rule", rule.id], ["rules"], ["rule-versions", rule.id]],
  }));
  const conflict = save.error instanceof ApiProblem && save.error.status === 409 ? save.error : null;
  const toggle = t(rule.enabled ? "rules.turn_off" : "rules.turn_on");
  return (
    <section>
      <h3>{t("rules.limits")}</h3>
      {rule.limits.map((limit) => (
        <LimitField key={limit.path} limit={limit} value={limits[limit.path] ?? ""} disabled={!mayEdit} onChange={(value) => setLimits({ ...limits, [limit.path]: value })} />
      ))}
      {conflict && <Conflict rule={rule.id} problem={conflict} />}
      {mayEdit && (
        <Space wrap>
          <ActButton type="primary" disabled={!valid || Object.keys(changed).length === 0} onClick={() => setAsked("save")} data-testid="rule-save">{t("rules.save")}</ActButton>
          <ActButton onClick={() => setAsked("toggle")} data-testid="rule-toggle">{toggle}</ActButton>
          {Object.keys(changed).length > 0 && <ActButton type="link" onClick={() => setLimits(limitsOf(rule))}>{t("rules.reset")}</ActButton>}
        </Space>
      )}
      {asked && (
        <ReasonForm
          effect={asked === "save" ? t("rules.save") : toggle}
          presets={[t("rules.reason_season"), t("rules.reason_alarms"), t("rules.reason_test")]}
          busy={save.isPending}
          onCancel={() => setAsked(null)}
          onSubmit={(reason) => save.mutate(reason)}
        />
      )}
      <RuleTrial rule={rule.id} limits={changed} valid={valid} />
    </section>
  );
}

/** Someone else saved in between: say who, and load theirs. */
function Conflict({ rule, problem }: { rule: string; problem: ApiProblem }) {
  const { t, text } = useWords();
  const cache = useQueryClient();
  return (
    <Alert
      type="warning"
      showIcon
      data-testid="rule-conflict"
      title={text(problem.problem.message)}
      action={<ActButton size="small" onClick={() => void cache.invalidateQueries({ queryKey: ["rule", rule] })}>{t("rules.load_newer")}</ActButton>}
    />
  );
}
