import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../../api/client";
import { personQuery } from "../../api/queries";
import type { PersonDetail } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { dateTimeText } from "../../parts/format";
import { Facts } from "../../parts/panel";
import { ReasonForm } from "../../parts/reason-form";
import { Loaded } from "../../parts/states";
import { useMay } from "../../parts/session";
import { PassageList } from "../gate/passages";
import { Cards } from "./cards";
import { Grants } from "./grants";
import { kindName, PersonState } from "./words";

export default function PersonCard({ id }: { id: string }) {
  const query = useQuery(personQuery(id));
  return <Loaded query={query}>{(person) => <Card person={person} />}</Loaded>;
}

function Card({ person }: { person: PersonDetail }) {
  const { t } = useWords();
  return (
    <article className="card" data-testid="person-card" data-person={person.id}>
      <div className="person-head">
        {person.photo ? <img className="face" src={`/api/people/${person.id}/photo`} alt="" /> : <span className="face" aria-hidden>{person.initials}</span>}
        <div>
          <h2>{person.name}</h2>
          <p className="quiet">{person.name_en}</p>
        </div>
      </div>
      <Facts
        rows={[
          [t("word.state"), <PersonState person={person} />],
          [t("people.kind"), kindName(person.kind, t)],
          [t("people.group"), person.group],
          [t("people.id"), person.id],
          ...(person.valid_until_ms === null ? [] : ([[t("people.until"), dateTimeText(person.valid_until_ms)]] as [string, string][])),
        ]}
      />
      <BlockPerson person={person} />
      <Cards person={person} />
      <Grants person={person} />
      <section>
        <h3>{t("people.passages")}</h3>
        <PassageList passages={person.passages} />
      </section>
    </article>
  );
}

/** Block everything a person holds, or allow it again. */
function BlockPerson({ person }: { person: PersonDetail }) {
  const { t } = useWords();
  const may = useMay("security");
  const [asked, setAsked] = useState(false);
  const edit = useAct((reason: string) => ({
    call: () => dataOf(api.PUT("/api/people/{person}", { params: { path: { person: person.id } }, body: { blocked: !person.blocked, reason } })),
    refresh: [["person", person.id], ["people"]],
    done: () => setAsked(false),
  }));
  if (!may) return null;
  const effect = t(person.blocked ? "people.unblock" : "people.block", { name: person.name });
  return (
    <div className="actions">
      {asked ? (
        <ReasonForm effect={effect} presets={[t("people.reason_left"), t("people.reason_misuse"), t("people.reason_solved")]} danger={!person.blocked} busy={edit.isPending}
          onCancel={() => setAsked(false)} onSubmit={(reason) => edit.mutate(reason)} />
      ) : (
        <ActButton onClick={() => setAsked(true)}>{effect}</ActButton>
      )}
    </div>
  );
}
