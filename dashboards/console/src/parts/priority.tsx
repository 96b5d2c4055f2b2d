/** Priorities differ by colour, by shape and by letter, since one man in twelve does not see red against green. */
import { useWords } from "../i18n";

export type Priority = 1 | 2 | 3 | 4;
export const PRIORITIES: readonly Priority[] = [1, 2, 3, 4];

const SHAPES: Record<Priority, string> = {
  1: "M6 1h12l5 5v12l-5 5H6l-5-5V6z", // octagon
  2: "M12 1.5 23.5 22H.5z", // triangle
  3: "M12 .5 23.5 12 12 23.5.5 12z", // diamond
  4: "M12 1a11 11 0 1 0 .01 0z", // circle
};

/** The mark alone. `quiet`: there is none of this priority, so it stays grey. */
export function PriorityMark({ priority, quiet = false }: { priority: Priority; quiet?: boolean }) {
  const { t } = useWords();
  return (
    <svg className={`mark p${priority} ${quiet ? "quiet" : ""}`} viewBox="0 0 24 24" role="img" aria-label={t("priority.name", { priority })}>
      <path d={SHAPES[priority]} />
      <text x="12" y={priority === 2 ? 19 : 16.5} textAnchor="middle">
        {priority}
      </text>
    </svg>
  );
}
