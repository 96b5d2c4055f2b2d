import { Collapse } from "antd";
import { useQuery } from "@tanstack/react-query";
import { ruleVersionsQuery } from "../../api/queries";
import { useWords } from "../../i18n";
import { At } from "../../parts/age";
import { Loaded } from "../../parts/states";
import { authorName } from "./words";

/** Who changed what, and why; each version's text on demand. */
export function RuleVersions({ rule, version }: { rule: string; version: number }) {
  const { t } = useWords();
  const query = useQuery(ruleVersionsQuery(rule));
  return (
    <section>
      <h3>{t("rules.versions")}</h3>
      <Loaded query={query}>
        {(versions) => (
          <Collapse
            size="small"
            items={versions.map((one) => ({
              key: one.version,
              label: (
                <span>
                  <b className="num">{one.version}</b> {one.version === version && <small className="quiet">{t("rules.current")}</small>} <At ms={one.changed_ms} /> {authorName(one.changed_by, t)}{" "}
                  <span className="quiet">{one.reason}</span>
                </span>
              ),
              children: <pre className="body">{one.body}</pre>,
            }))}
          />
        )}
      </Loaded>
    </section>
  );
}
