import { useQuery } from "@tanstack/react-query";
import { gatewaysQuery } from "../../api/queries";
import type { Gateway } from "../../api/shapes";
import { useWords } from "../../i18n";
import { AtSince } from "../../parts/age";
import { DataTable, type Column } from "../../parts/data-table";
import { numberText } from "../../parts/format";
import { Empty, Loaded } from "../../parts/states";
import { useThing } from "../../parts/thing";
import { DecideGateway } from "./decide";
import { NewToken } from "./new-token";
import { codeText, GatewayState } from "./words";

const rank = (gateway: Gateway): number => (gateway.state === "pending" ? 0 : gateway.state === "approved" && !gateway.online ? 1 : gateway.state === "approved" ? 2 : 3);

export default function Gateways() {
  const { t } = useWords();
  const query = useQuery(gatewaysQuery);
  const { thing, open } = useThing();
  const columns = useGatewayColumns();
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.gateways")}</h1>
        <NewToken />
      </div>
      <Loaded query={query}>
        {(gateways) => (
          <DataTable<Gateway>
            rows={[...gateways].sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id))}
            columns={columns}
            rowKey={(gateway) => gateway.id}
            current={thing?.kind === "gateway" ? thing.id : null}
            onOpen={(gateway) => open("gateway", gateway.id)}
            rowProps={(gateway) => ({ "data-testid": "gateway-row", "data-gateway": gateway.id, "data-state": gateway.state })}
            rowClass={(gateway) => (gateway.state === "approved" && !gateway.online ? "stale" : "")}
            empty={<Empty>{t("gateways.none")}</Empty>}
          />
        )}
      </Loaded>
    </div>
  );
}

function useGatewayColumns(): Column<Gateway>[] {
  const { t, text } = useWords();
  return [
    { title: t("kind.gateway"), width: 190, ellipsis: true, render: (_, gateway) => text(gateway.name) },
    { title: t("word.state"), width: 180, ellipsis: true, render: (_, gateway) => <GatewayState gateway={gateway} /> },
    { title: t("gateways.code"), width: 110, render: (_, gateway) => (gateway.state === "pending" ? <b className="num code">{codeText(gateway.code)}</b> : null) },
    { title: t("gateways.since"), width: 200, render: (_, gateway) => (gateway.since_ms === null ? t("value.never") : <AtSince ms={gateway.since_ms} />) },
    { title: t("gateways.devices"), width: 80, align: "right", render: (_, gateway) => <span className="num">{gateway.devices}</span> },
    { title: t("gateways.lost_doubled"), width: 130, align: "right", render: (_, gateway) => <span className={gateway.lost + (gateway.doubled ?? 0) > 0 ? "num look-2" : "num"}>{gateway.lost} / {gateway.doubled ?? t("value.unknown")}</span> },
    { title: t("gateways.backlog"), width: 120, align: "right", render: (_, gateway) => <span className="num">{gateway.backlog === null || gateway.backlog === undefined ? t("value.unknown") : numberText(gateway.backlog)}</span> },
    { title: "", width: 180, render: (_, gateway) => (gateway.state === "pending" ? <DecideGateway gateway={gateway} /> : null) },
  ];
}
