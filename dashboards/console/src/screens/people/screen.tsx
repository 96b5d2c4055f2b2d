import { useDeferredValue, useState } from "react";
import { Input } from "antd";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { api, dataOf } from "../../api/client";
import type { Person } from "../../api/shapes";
import { useWords } from "../../i18n";
import { DataTable, type Column } from "../../parts/data-table";
import { dateTimeText, numberText } from "../../parts/format";
import { useMay } from "../../parts/session";
import { Empty, Failed, Loading } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { NewPersonButton } from "./new-person";
import { kindName, PersonState } from "./words";

const PAGE = 200;

export default function People() {
  const { t } = useWords();
  const [typed, setTyped] = useState("");
  const q = useDeferredValue(typed.trim());
  const isAdmin = useMay();
  const pages = useInfiniteQuery({
    queryKey: ["people", q],
    queryFn: ({ pageParam }) => dataOf(api.GET("/api/people", { params: { query: { q, offset: pageParam, limit: PAGE } } })),
    initialPageParam: 0,
    getNextPageParam: (last, all) => (all.length * PAGE < last.total ? all.length * PAGE : undefined),
    placeholderData: keepPreviousData,
  });
  const total = pages.data?.pages[0]?.total;
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.people")}</h1>
        <Input className="filter" allowClear placeholder={t("people.search")} aria-label={t("people.search")} value={typed} onChange={(event) => setTyped(event.target.value)} data-testid="people-search" />
        {total !== undefined && <span className="quiet num" data-testid="people-total">{t("people.total", { count: total, number: numberText(total) })}</span>}
        {isAdmin && <NewPersonButton />}
      </div>
      {pages.data ? (
        <PeopleTable people={pages.data.pages.flatMap((page) => page.people)} filtered={q !== ""} onEnd={() => pages.hasNextPage && !pages.isFetching && void pages.fetchNextPage()} />
      ) : pages.error ? (
        <Failed error={pages.error} again={() => void pages.refetch()} />
      ) : (
        <Loading />
      )}
    </div>
  );
}

function PeopleTable({ people, filtered, onEnd }: { people: Person[]; filtered: boolean; onEnd: () => void }) {
  const { t } = useWords();
  const { thing, open } = useThing();
  const columns = usePersonColumns();
  return (
    <DataTable<Person>
      rows={people}
      columns={columns}
      rowKey={(person) => person.id}
      current={thing?.kind === "person" ? thing.id : null}
      onOpen={(person) => open("person", person.id)}
      onEnd={onEnd}
      rowProps={(person) => ({ "data-testid": "person-row", "data-person": person.id })}
      empty={<Empty>{t(filtered ? "list.nothing_found" : "people.none")}</Empty>}
    />
  );
}

function usePersonColumns(): Column<Person>[] {
  const { t } = useWords();
  return [
    { title: t("people.name"), width: 200, ellipsis: true, render: (_, person) => person.name },
    { title: t("people.name_en"), width: 250, ellipsis: true, render: (_, person) => <span className="quiet">{person.name_en}</span> },
    { title: t("people.kind"), width: 90, render: (_, person) => kindName(person.kind, t) },
    { title: t("people.group"), width: 190, ellipsis: true, render: (_, person) => person.group },
    { title: t("people.cards"), width: 150, ellipsis: true, render: (_, person) => <span className="num">{person.cards.map((card) => `…${card.tail}`).join("  ")}</span> },
    { title: t("people.until"), width: 140, render: (_, person) => <span className="num">{person.valid_until_ms === null ? "" : dateTimeText(person.valid_until_ms)}</span> },
    { title: t("word.state"), width: 150, render: (_, person) => <PersonState person={person} /> },
  ];
}
