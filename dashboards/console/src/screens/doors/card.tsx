import { useQuery } from "@tanstack/react-query";
import { doorPassagesQuery, doorsQuery } from "../../api/queries";
import type { Door } from "../../api/shapes";
import { useWords } from "../../i18n";
import { AtSince } from "../../parts/age";
import { usePlaceText } from "../../parts/place";
import { Facts } from "../../parts/panel";
import { Empty, Loaded } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { PassageList } from "../gate/passages";
import { DoorActions } from "./actions";
import { DoorLeaf, DoorMode } from "./words";

export default function DoorCard({ id }: { id: string }) {
  const { t } = useWords();
  const query = useQuery(doorsQuery);
  return (
    <Loaded query={query}>
      {(doors) => {
        const door = doors.find((one) => one.id === id);
        return door ? <Card door={door} /> : <Empty>{t("state.gone")}</Empty>;
      }}
    </Loaded>
  );
}

function Card({ door }: { door: Door }) {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const passages = useQuery(doorPassagesQuery(door.id));
  return (
    <article className="card" data-testid="door-card" data-door={door.id} data-mode={door.mode}>
      <h2>{text(door.name)}</h2>
      <p className="place">{placeText(door.place)}</p>
      <Facts
        rows={[
          [t("doors.leaf"), <span className="live"><DoorLeaf door={door} /></span>],
          [t("doors.mode"), <span className="live"><DoorMode door={door} /></span>],
          [t("doors.since"), <AtSince ms={door.since_ms} />],
          ...(door.camera ? ([[t("kind.camera"), <ThingLink kind="camera" id={door.camera}>{t("alarms.look_now")}</ThingLink>]] as [string, React.ReactNode][]) : []),
        ]}
      />
      <DoorActions door={door} />
      <section>
        <h3>{t("doors.passages")}</h3>
        <Loaded query={passages}>{(lines) => <PassageList passages={lines} />}</Loaded>
      </section>
    </article>
  );
}
