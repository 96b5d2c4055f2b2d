import { useState } from "react";
import { Select, Space } from "antd";
import { useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../../api/client";
import { doorsQuery, schedulesQuery } from "../../api/queries";
import type { Grant, PersonDetail } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { dateTimeText } from "../../parts/format";
import { usePlaceText } from "../../parts/place";
import { useMay } from "../../parts/session";

/** Which doors, when: own grants, and those from the person's groups. */
export function Grants({ person }: { person: PersonDetail }) {
  const { t } = useWords();
  const isAdmin = useMay();
  return (
    <section>
      <h3>{t("people.grants")}</h3>
      {person.grants.map((grant) => <GrantLine key={`own-${grant.id}`} grant={grant} person={person.id} removable={isAdmin} />)}
      {person.inherited.map((grant) => <GrantLine key={`group-${grant.id}-${grant.doors}`} grant={grant} person={person.id} removable={false} inherited />)}
      {person.grants.length + person.inherited.length === 0 && <p className="quiet">{t("people.no_grants")}</p>}
      {isAdmin && <NewGrant person={person.id} />}
    </section>
  );
}

/** A grant's doors in words: a door, a zone, or all. */
function useDoorsName(): (doors: string) => string {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const { data: doors = [] } = useQuery(doorsQuery);
  return (named) => {
    if (named === "all") return t("people.all_doors");
    if (named.startsWith("zone:")) return t("people.zone", { zone: placeText(named.slice(5)) });
    const door = doors.find((one) => one.id === named);
    return door ? text(door.name) : named;
  };
}

function GrantLine({ grant, person, removable, inherited = false }: { grant: Grant; person: string; removable: boolean; inherited?: boolean }) {
  const { t, text } = useWords();
  const nameOf = useDoorsName();
  const { data: schedules = [] } = useQuery(schedulesQuery);
  const schedule = schedules.find((one) => one.id === grant.schedule);
  const remove = useAct(() => ({
    call: () => dataOf(api.DELETE("/api/grants/{grant}", { params: { path: { grant: grant.id } } })),
    refresh: [["person", person]],
  }));
  return (
    <div className="card-line">
      <span className="grow">
        {nameOf(grant.doors)} <span className="quiet">{schedule ? text(schedule.title) : grant.schedule}{grant.valid_until_ms ? ` ${t("alarms.until", { time: dateTimeText(grant.valid_until_ms) })}` : ""}</span>
      </span>
      {inherited && <small className="quiet">{t("people.from_group")}</small>}
      {removable && <ActButton size="small" loading={remove.isPending} onClick={() => remove.mutate()}>{t("people.remove_grant")}</ActButton>}
    </div>
  );
}

function NewGrant({ person }: { person: string }) {
  const { t, text } = useWords();
  const { data: doors = [] } = useQuery(doorsQuery);
  const { data: schedules = [] } = useQuery(schedulesQuery);
  const nameOf = useDoorsName();
  const [where, setWhere] = useState<string>();
  const [schedule, setSchedule] = useState<string>();
  const add = useAct(() => ({
    call: () => dataOf(api.POST("/api/people/{person}/grants", { params: { path: { person } }, body: { doors: where ?? "", schedule: schedule ?? "" } })),
    refresh: [["person", person]],
  }));
  const zones = [...new Set(doors.map((door) => door.zone).filter(Boolean))].map((zone) => `zone:${zone}`);
  return (
    <Space.Compact block>
      <Select showSearch={{ optionFilterProp: "label" }} placeholder={t("people.which_doors")} value={where} onChange={setWhere} style={{ width: "45%" }}
        options={["all", ...zones, ...doors.map((door) => door.id)].map((value) => ({ value, label: nameOf(value) }))} />
      <Select placeholder={t("people.which_schedule")} value={schedule} onChange={setSchedule} style={{ width: "35%" }}
        options={schedules.map((one) => ({ value: one.id, label: text(one.title) }))} />
      <ActButton disabled={!where || !schedule} loading={add.isPending} onClick={() => add.mutate()}>{t("people.new_grant")}</ActButton>
    </Space.Compact>
  );
}
