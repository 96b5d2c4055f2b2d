import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { deviceQuery } from "../../api/queries";
import type { DeviceDetail, PointValue } from "../../api/shapes";
import { useWords } from "../../i18n";
import { useInterest } from "../../live/values";
import { Age } from "../../parts/age";
import { usePlaceText } from "../../parts/place";
import { LiveAge, LiveValue } from "../../parts/live-value";
import { Facts } from "../../parts/panel";
import { useMay } from "../../parts/session";
import { Empty, Loaded } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { EventList } from "../events/list";
import { DecideDevice } from "./decide";
import { PointHistory } from "./history";
import { DeviceState, familyName } from "./words";
import { WriteForm } from "./write-form";

export default function DeviceCard({ id }: { id: string }) {
  const query = useQuery(deviceQuery(id));
  return <Loaded query={query}>{(device) => <Card device={device} />}</Loaded>;
}

function Card({ device }: { device: DeviceDetail }) {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const facts: [string, string][] = [
    [t("devices.identity"), device.identity],
    [t("devices.model"), device.model],
    [t("devices.address"), device.address],
  ];
  return (
    <article className="card" data-testid="device-card" data-device={device.id}>
      <h2>{text(device.name)}</h2>
      <p className="place">{placeText(device.place)}</p>
      <Facts
        rows={[
          [t("word.state"), <span className="live"><DeviceState device={device} /></span>],
          [t("devices.seen"), device.seen_ms === null ? t("value.never") : <Age atMs={device.seen_ms} />],
          [t("devices.family"), familyName(device.family, t)],
          ...facts.filter(([, value]) => value !== ""),
          [t("kind.gateway"), <ThingLink kind="gateway" id={device.gateway}>{device.gateway}</ThingLink>],
        ]}
      />
      <DecideDevice device={device} />
      <section>
        <h3>{t("devices.values")}</h3>
        {device.values.length === 0 ? <Empty>{t(device.state === "pending" ? "devices.values_pending" : "devices.values_none")}</Empty> : <Points device={device} />}
      </section>
      <section>
        <h3>{t("devices.events")}</h3>
        <EventList events={device.events} />
      </section>
    </article>
  );
}

function Points({ device }: { device: DeviceDetail }) {
  const [chosen, setChosen] = useState<PointValue | null>(null);
  useInterest(device.values.map((point) => point.id));
  const shown = chosen ?? device.values[0] ?? null;
  return (
    <>
      <table className="points">
        <tbody>
          {device.values.map((point) => (
            <PointRow key={point.id} device={device.id} point={point} chosen={shown?.id === point.id} onChoose={() => setChosen(point)} />
          ))}
        </tbody>
      </table>
      {shown && <PointHistory point={shown} />}
    </>
  );
}

function PointRow({ device, point, chosen, onChoose }: { device: string; point: PointValue; chosen: boolean; onChoose: () => void }) {
  const { t, text } = useWords();
  const mayWrite = useMay("facilities") && point.writable;
  const [writing, setWriting] = useState(false);
  return (
    <>
      <tr className={chosen ? "chosen" : ""} onClick={onChoose}>
        <th>{text(point.label)}</th>
        <td>
          <LiveValue point={point} />
        </td>
        <td className="age">
          <LiveAge point={point} />
        </td>
        <td className="do">{mayWrite && !writing && <a onClick={() => setWriting(true)} role="button" tabIndex={0} onKeyDown={(event) => event.key === "Enter" && setWriting(true)} data-testid={`write-${point.name}`}>{t("devices.write")}</a>}</td>
      </tr>
      {writing && (
        <tr>
          <td colSpan={4}>
            <WriteForm device={device} point={point} onClose={() => setWriting(false)} />
          </td>
        </tr>
      )}
    </>
  );
}
