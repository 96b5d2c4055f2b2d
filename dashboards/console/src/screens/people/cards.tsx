import { useState } from "react";
import { Input, Space } from "antd";
import { api, dataOf } from "../../api/client";
import type { Card, PersonDetail } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { ReasonForm } from "../../parts/reason-form";
import { Empty } from "../../parts/states";
import { useMay } from "../../parts/session";

const SHORTEST = 4;

export function Cards({ person }: { person: PersonDetail }) {
  const { t } = useWords();
  const isAdmin = useMay();
  return (
    <section>
      <h3>{t("people.cards")}</h3>
      {person.cards.length === 0 && <Empty>{t("people.no_cards")}</Empty>}
      {person.cards.map((card) => <CardLine key={card.id} card={card} person={person.id} />)}
      {isAdmin && <NewCard person={person.id} />}
    </section>
  );
}

function CardLine({ card, person }: { card: Card; person: string }) {
  const { t } = useWords();
  const may = useMay("security");
  const [asked, setAsked] = useState(false);
  const block = useAct((reason: string) => ({
    call: () => dataOf(api.PUT("/api/cards/{card}", { params: { path: { card: card.id } }, body: { blocked: !card.blocked, reason } })),
    refresh: [["person", person], ["people"]],
    done: () => setAsked(false),
  }));
  const effect = t(card.blocked ? "people.unblock_card" : "people.block_card", { tail: card.tail });
  return (
    <div className="card-line" data-testid="card" data-card={card.id} data-blocked={card.blocked}>
      <span className="num grow">…{card.tail} {card.blocked && <b>{t("people.card_blocked")} {card.reason}</b>}</span>
      {may && !asked && <ActButton size="small" onClick={() => setAsked(true)} data-testid="block-card">{effect}</ActButton>}
      {asked && (
        <ReasonForm effect={effect} presets={[t("people.reason_lost"), t("people.reason_stolen"), t("people.reason_found")]} danger={!card.blocked} busy={block.isPending}
          onCancel={() => setAsked(false)} onSubmit={(reason) => block.mutate(reason)} />
      )}
    </div>
  );
}

function NewCard({ person }: { person: string }) {
  const { t } = useWords();
  const [number, setNumber] = useState("");
  const add = useAct(() => ({
    call: () => dataOf(api.POST("/api/people/{person}/cards", { params: { path: { person } }, body: { number: number.trim() } })),
    refresh: [["person", person], ["people"]],
    done: () => setNumber(""),
  }));
  return (
    <Space.Compact>
      <Input value={number} onChange={(event) => setNumber(event.target.value)} maxLength={20} placeholder={t("people.card_number")} aria-label={t("people.card_number")} data-testid="card-number" />
      <ActButton disabled={number.trim().length < SHORTEST} loading={add.isPending} onClick={() => add.mutate()} data-testid="add-card">{t("people.new_card")}</ActButton>
    </Space.Compact>
  );
}
