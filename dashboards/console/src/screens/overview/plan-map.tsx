/** The site's plan in metres (Leaflet, CRS.Simple). Grey when well; what has an alarm takes its colour and shape. */
import { useEffect, useRef } from "react";
import { CRS, divIcon, layerGroup, map, marker, rectangle, type LatLngBoundsExpression, type LayerGroup, type Map } from "leaflet";
import "leaflet/dist/leaflet.css";
import type { Alarm, Camera, Door, Plan } from "../../api/shapes";
import { useWords } from "../../i18n";
import type { Kind } from "../../parts/thing";

interface PlanMapProps {
  plan: Plan;
  doors: Door[];
  cameras: Camera[];
  alarms: Alarm[];
  onOpen: (kind: Kind, id: string | number) => void;
}

interface Pin {
  kind: "door" | "camera";
  id: string;
  x: number;
  y: number;
  letter: string;
  title: string;
  state: string;
}

export function PlanMap(props: PlanMapProps) {
  const { plan } = props;
  const box = useRef<HTMLDivElement>(null);
  const leaflet = useRef<Map>(undefined);
  const layer = useRef<LayerGroup>(undefined);
  useEffect(() => {
    if (!box.current) return;
    const bounds: LatLngBoundsExpression = [[0, 0], [plan.height, plan.width]];
    const made = map(box.current, { crs: CRS.Simple, attributionControl: false, zoomSnap: 0.1, minZoom: -3, maxZoom: 5, zoomAnimation: false });
    made.fitBounds(bounds);
    leaflet.current = made;
    layer.current = layerGroup().addTo(made);
    const observer = new ResizeObserver(() => {
      made.invalidateSize({ animate: false });
      made.fitBounds(bounds, { animate: false });
    });
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      made.remove();
    };
  }, [plan]);
  const { text, t } = useWords();
  useEffect(() => {
    const group = layer.current;
    if (!group) return;
    group.clearLayers();
    drawPlaces(group, props, text);
    const unknown = t("doors.unknown");
    const pins = [...props.doors.flatMap((door) => doorPin(door, `${text(door.name)}: ${door.online ? t(door.open ? "doors.is_open" : "doors.is_closed") : unknown}`)),
      ...props.cameras.flatMap((camera) => cameraPin(camera, `${text(camera.name)}: ${t(`camera_state.${camera.state}`)}`))];
    for (const pin of pins) drawPin(group, pin, props);
  }, [props, text, t]);
  return <div className="plan live" ref={box} />;
}

function worst(alarms: Alarm[]): Alarm | undefined {
  return alarms.reduce<Alarm | undefined>((found, alarm) => (!found || alarm.priority < found.priority ? alarm : found), undefined);
}

function drawPlaces(group: LayerGroup, { plan, alarms, onOpen }: PlanMapProps, text: (words: Plan["places"][number]["name"]) => string): void {
  for (const place of plan.places) {
    const alarm = worst(alarms.filter((one) => one.place.split("/")[0] === place.id || (place.zone !== "" && one.zone === place.zone)));
    const corner: LatLngBoundsExpression = [[place.y, place.x], [place.y + place.height, place.x + place.width]];
    const shape = rectangle(corner, { className: `place ${place.kind} ${alarm ? `p${alarm.priority}` : ""}`, weight: alarm ? 2.5 : 1 });
    if (alarm) shape.on("click", () => onOpen("alarm", alarm.id));
    shape.addTo(group);
    const label = document.createElement("span");
    label.textContent = text(place.name);
    const icon = divIcon({ className: "place-name", html: label, iconSize: [0, 0], iconAnchor: [0, 19] });
    marker([place.y + place.height, place.x], { icon, interactive: false, keyboard: false }).addTo(group);
  }
}

function doorPin(door: Door, title: string): Pin[] {
  if (door.x === null || door.x === undefined || door.y === null || door.y === undefined) return [];
  const state = !door.online ? "unknown" : door.open ? "open" : "closed";
  return [{ kind: "door", id: door.id, x: door.x, y: door.y, letter: "D", title, state }];
}

function cameraPin(camera: Camera, title: string): Pin[] {
  if (camera.x === null || camera.x === undefined || camera.y === null || camera.y === undefined) return [];
  const state = { ok: "closed", covered: "open", moved: "open", lost: "unknown", unknown: "unknown" }[camera.state];
  return [{ kind: "camera", id: camera.id, x: camera.x, y: camera.y, letter: "C", title, state }];
}

function drawPin(group: LayerGroup, pin: Pin, { alarms, onOpen }: PlanMapProps): void {
  const alarm = worst(alarms.filter((one) => (pin.kind === "door" ? one.door === pin.id : one.device === pin.id)));
  const letter = alarm ? String(alarm.priority) : pin.letter;
  const icon = divIcon({ className: `pin ${pin.kind} ${pin.state} ${alarm ? `p${alarm.priority}` : ""}`, html: `<b>${letter}</b>`, iconSize: [20, 20] });
  marker([pin.y, pin.x], { icon, title: pin.title, alt: pin.title, keyboard: true })
    .on("click", () => (alarm ? onOpen("alarm", alarm.id) : onOpen(pin.kind, pin.id)))
    .addTo(group);
}
