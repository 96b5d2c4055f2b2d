import type { TFunction } from "i18next";
import type { Person } from "../../api/shapes";
import { useWords } from "../../i18n";

export const PERSON_KINDS = ["student", "teacher", "staff", "guard", "canteen", "visitor"] as const;

export function kindName(kind: string, t: TFunction): string {
  const known = PERSON_KINDS.find((one) => one === kind);
  return known ? t(`person_kind.${known}`) : kind;
}

export function PersonState({ person }: { person: Person }) {
  const { t } = useWords();
  if (person.blocked) return <b>{t("people.blocked")}</b>;
  const blocked = person.cards.filter((card) => card.blocked).length;
  return blocked > 0 ? <>{t("people.cards_blocked", { count: blocked })}</> : <span className="quiet">{t("people.valid")}</span>;
}
