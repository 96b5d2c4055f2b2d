/** Empty, loading, failed and forbidden: designed states of every list. */
import type { ReactNode } from "react";
import { Button, Spin } from "antd";
import type { UseQueryResult } from "@tanstack/react-query";
import { ApiProblem } from "../api/client";
import { useWords } from "../i18n";

export function Loading() {
  const { t } = useWords();
  return (
    <div className="state" aria-label={t("state.loading")}>
      <Spin delay={300} />
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <div className="state">{children}</div>;
}

/** What went wrong in the hub's words, and a way to try again. */
export function Failed({ error, again }: { error: Error; again?: () => void }) {
  const { t, text } = useWords();
  const words = error instanceof ApiProblem ? text(error.problem.message) : error.message;
  return (
    <div className="state" role="alert">
      <p>{error instanceof ApiProblem && error.status === 403 ? t("state.forbidden") : words}</p>
      {again && <Button onClick={again}>{t("state.again")}</Button>}
    </div>
  );
}

/** Show what a query brought, or the state it is in. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  return <Loading />;
}
