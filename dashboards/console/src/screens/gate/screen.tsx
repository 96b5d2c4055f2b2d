import { useState } from "react";
import { Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { doorsQuery, lanePassagesQuery } from "../../api/queries";
import type { Door, Passage } from "../../api/shapes";
import { useWords } from "../../i18n";
import { AtSince } from "../../parts/age";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { At } from "../../parts/age";
import { DoorActions } from "../doors/actions";
import { Face } from "./passages";

const STRIP = 20;

export default function Gate() {
  const { t, text } = useWords();
  const [lane, setLane] = useState("");
  const passages = useQuery(lanePassagesQuery);
  const { data: doors = [] } = useQuery(doorsQuery);
  const lanes = doors.filter((door) => door.lane);
  return (
    <div className="screen gate">
      <div className="bar">
        <h1>{t("menu.gate")}</h1>
        <Select
          className="filter"
          value={lane}
          onChange={setLane}
          aria-label={t("gate.lane")}
          options={[{ value: "", label: t("gate.all_lanes") }, ...lanes.map((door) => ({ value: door.id, label: text(door.name) }))]}
        />
      </div>
      <Loaded query={passages}>
        {(all) => <Desk passages={all.filter((passage) => lane === "" || passage.door === lane)} lanes={lanes.filter((door) => lane === "" || door.id === lane)} />}
      </Loaded>
    </div>
  );
}

function Desk({ passages, lanes }: { passages: Passage[]; lanes: Door[] }) {
  const { t } = useWords();
  const [newest, ...rest] = passages;
  const door = lanes.find((one) => one.id === newest?.door);
  const [stepOver, setStepOver] = useState("");
  const chosen = lanes.find((one) => one.id === stepOver) ?? door ?? lanes[0];
  if (!newest) return <Empty>{t("gate.none")}</Empty>;
  return (
    <>
      <Newest passage={newest} />
      {chosen && <LaneActions lanes={lanes} chosen={chosen} onChoose={setStepOver} />}
      <h3>{t("gate.before")}</h3>
      <ol className="strip">
        {rest.slice(0, STRIP).map((passage) => (
          <StripItem key={passage.id} passage={passage} />
        ))}
      </ol>
    </>
  );
}

/** Who is passing now, to be read from two metres. */
function Newest({ passage }: { passage: Passage }) {
  const { t, text } = useWords();
  return (
    <article className={`newest live ${passage.granted ? "allowed" : "denied"}`} data-testid="newest-passage" data-passage={passage.id} data-granted={passage.granted}>
      <Face passage={passage} size={240} />
      <div>
        <p className="who" title={passage.name}>{passage.name || t("gate.unknown_card", { tail: passage.credential_tail })}</p>
        <p className="quiet">
          {passage.name_en && <>{passage.name_en}{t("list.comma")}</>}
          {passage.group}
        </p>
        <p className="decision">
          <span aria-hidden>{passage.granted ? "✓" : "✕"}</span> {t(passage.granted ? "gate.allowed" : "gate.denied")}
        </p>
        {!passage.granted && <p className="reason">{text(passage.reason_text)}</p>}
        {text(passage.next_step) && <p className="next"><b>{t("gate.next")}</b> {text(passage.next_step)}</p>}
        <p className="quiet">
          {text(passage.door_name)}{t("list.comma")}<AtSince ms={passage.at_ms} />
        </p>
      </div>
    </article>
  );
}

function LaneActions({ lanes, chosen, onChoose }: { lanes: Door[]; chosen: Door; onChoose: (door: string) => void }) {
  const { t, text } = useWords();
  return (
    <div className="lane-actions">
      {lanes.length > 1 && (
        <Select size="large" value={chosen.id} onChange={onChoose} aria-label={t("gate.lane")} options={lanes.map((lane) => ({ value: lane.id, label: text(lane.name) }))} />
      )}
      <DoorActions key={chosen.id} door={chosen} onlyOpen large />
    </div>
  );
}

function StripItem({ passage }: { passage: Passage }) {
  const { t, text } = useWords();
  const { open } = useThing();
  return (
    <li className={passage.granted ? "" : "denied"} title={passage.granted ? "" : text(passage.reason_text)}>
      <button type="button" disabled={!passage.person} onClick={() => open("person", passage.person)}>
        <Face passage={passage} size={52} />
        <span className="cut">{passage.name || t("gate.unknown_card", { tail: passage.credential_tail })}</span>
        <At ms={passage.at_ms} />
        <b>{passage.granted ? "" : `✕ ${t("gate.denied")}`}</b>
      </button>
    </li>
  );
}
