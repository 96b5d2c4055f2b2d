import { useMemo, useState } from "react";
import { Input, Segmented, Space } from "antd";
import { useQuery } from "@tanstack/react-query";
import { devicesQuery } from "../../api/queries";
import type { Device } from "../../api/shapes";
import { useWords } from "../../i18n";
import { Age } from "../../parts/age";
import { DataTable, type Column } from "../../parts/data-table";
import { usePlaceText } from "../../parts/place";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { DecideDevice } from "./decide";
import { DeviceState, familyName } from "./words";

type Show = "all" | "pending" | "lost" | "blocked";
const SHOWN: Record<Show, (device: Device) => boolean> = {
  all: () => true,
  pending: (device) => device.state === "pending",
  lost: (device) => device.state === "live" && !device.online,
  blocked: (device) => device.state === "blocked",
};
/** Waiting first, then lost, then the rest by place. */
const rank = (device: Device): number => (SHOWN.pending(device) ? 0 : SHOWN.lost(device) ? 1 : SHOWN.blocked(device) ? 3 : 2);

export default function Devices() {
  const { t } = useWords();
  const [show, setShow] = useState<Show>("all");
  const [q, setQ] = useState("");
  const query = useQuery(devicesQuery);
  const count = (one: Show): number => query.data?.filter(SHOWN[one]).length ?? 0;
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.devices")}</h1>
        <Segmented<Show>
          value={show}
          onChange={setShow}
          options={(["all", "pending", "lost", "blocked"] as const).map((one) => ({ value: one, label: `${t(`devices.${one}`)} ${count(one)}` }))}
        />
        <Input className="filter" allowClear placeholder={t("list.filter")} aria-label={t("list.filter")} value={q} onChange={(event) => setQ(event.target.value)} />
      </div>
      <Loaded query={query}>{(devices) => <DeviceList devices={devices} show={show} q={q.toLowerCase()} />}</Loaded>
    </div>
  );
}

function DeviceList({ devices, show, q }: { devices: Device[]; show: Show; q: string }) {
  const { t } = useWords();
  const { thing, open } = useThing();
  const columns = useDeviceColumns();
  const rows = useMemo(
    () =>
      devices
        .filter((device) => SHOWN[show](device) && `${device.id} ${device.name.en} ${device.name.zh} ${device.place} ${device.identity}`.toLowerCase().includes(q))
        .sort((a, b) => rank(a) - rank(b) || a.place.localeCompare(b.place) || a.id.localeCompare(b.id)),
    [devices, show, q],
  );
  return (
    <DataTable<Device>
      rows={rows}
      columns={columns}
      rowKey={(device) => device.id}
      current={thing?.kind === "device" ? thing.id : null}
      onOpen={(device) => open("device", device.id)}
      rowProps={(device) => ({ "data-testid": "device-row", "data-device": device.id, "data-state": device.state })}
      rowClass={(device) => (device.state === "pending" || device.online ? "" : "stale")}
      empty={<Empty>{t(devices.length ? "list.nothing_found" : "devices.none")}</Empty>}
    />
  );
}

function useDeviceColumns(): Column<Device>[] {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  return [
    { title: t("kind.device"), width: 220, ellipsis: true, render: (_, device) => text(device.name) },
    { title: t("devices.family"), width: 110, render: (_, device) => familyName(device.family, t) },
    { title: t("word.place"), width: 210, ellipsis: true, render: (_, device) => <span className="quiet">{placeText(device.place)}</span> },
    { title: t("word.state"), width: 300, ellipsis: true, render: (_, device) => <DeviceState device={device} /> },
    { title: t("devices.seen"), width: 130, render: (_, device) => (device.seen_ms === null ? t("value.never") : <Age atMs={device.seen_ms} />) },
    { title: "", width: 170, render: (_, device) => (device.state === "pending" ? <Space size={4}><DecideDevice device={device} /></Space> : null) },
  ];
}
