import { useQuery } from "@tanstack/react-query";
import { devicesQuery, gatewaysQuery } from "../../api/queries";
import type { Gateway } from "../../api/shapes";
import { useWords } from "../../i18n";
import { AtSince } from "../../parts/age";
import { numberText } from "../../parts/format";
import { Facts } from "../../parts/panel";
import { Empty, Loaded } from "../../parts/states";
import { ThingLink } from "../../parts/thing";
import { DeviceState } from "../devices/words";
import { DecideGateway } from "./decide";
import { codeText, GatewayState } from "./words";

const SKEW_LIMIT_MS = 5000;

export default function GatewayCard({ id }: { id: string }) {
  const { t } = useWords();
  const query = useQuery(gatewaysQuery);
  return (
    <Loaded query={query}>
      {(gateways) => {
        const gateway = gateways.find((one) => one.id === id);
        return gateway ? <Card gateway={gateway} /> : <Empty>{t("state.gone")}</Empty>;
      }}
    </Loaded>
  );
}

function Card({ gateway }: { gateway: Gateway }) {
  const { t, text } = useWords();
  const { data: devices = [] } = useQuery(devicesQuery);
  const skew = gateway.skew_ms;
  return (
    <article className="card">
      <h2>{text(gateway.name)}</h2>
      {gateway.state === "pending" && (
        <p>
          {t("gateways.compare")} <b className="num code big">{codeText(gateway.code)}</b>
        </p>
      )}
      <DecideGateway gateway={gateway} />
      <Facts
        rows={[
          [t("word.state"), <span className="live"><GatewayState gateway={gateway} /></span>],
          [t("gateways.since"), gateway.since_ms === null ? t("value.never") : <AtSince ms={gateway.since_ms} />],
          [t("gateways.software"), gateway.software || t("value.unknown")],
          [t("gateways.skew"), <span className={skew !== null && Math.abs(skew) > SKEW_LIMIT_MS ? "num look-2" : "num"}>{skew === null ? t("value.unknown") : `${numberText(Math.round(skew))} ms`}</span>],
          [t("gateways.policy"), <span className="num">{gateway.policy_version === gateway.wanted_policy_version ? gateway.policy_version : t("gateways.policy_behind", { has: gateway.policy_version, wanted: gateway.wanted_policy_version })}</span>],
          [t("gateways.lost_doubled"), <span className="num">{gateway.lost} / {gateway.doubled ?? t("value.unknown")}</span>],
          [t("overview.repeated"), <span className="num">{numberText(gateway.repeated)}</span>],
        ]}
      />
      <section>
        <h3>{t("menu.devices")}</h3>
        <ul className="lines">
          {devices.filter((device) => device.gateway === gateway.id).map((device) => (
            <li key={device.id}>
              <span className="grow cut"><ThingLink kind="device" id={device.id}>{text(device.name)}</ThingLink></span>
              <DeviceState device={device} />
            </li>
          ))}
        </ul>
      </section>
    </article>
  );
}
