import { api, dataOf } from "../../api/client";
import type { Gateway } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, HoldButton, useAct } from "../../parts/act";
import { useMay } from "../../parts/session";

/** Approve a gateway whose code was compared, or refuse or revoke it. */
export function DecideGateway({ gateway }: { gateway: Gateway }) {
  const { t } = useWords();
  const may = useMay("installer");
  const decide = useAct((approve: boolean) => ({
    call: () => dataOf(api.POST("/api/gateways/{gateway}/decide", { params: { path: { gateway: gateway.id } }, body: { approve, reason: "" } })),
    refresh: [["gateways"]],
  }));
  if (!may) return null;
  return (
    <span className="pair" onClick={(event) => event.stopPropagation()}>
      {gateway.state !== "approved" && (
        <ActButton size="small" type="primary" title={t("gateways.compare")} loading={decide.isPending} onClick={() => decide.mutate(true)} data-testid="approve">
          {t("devices.approve")}
        </ActButton>
      )}
      {gateway.state !== "revoked" && (
        <HoldButton size="small" onHold={() => decide.mutate(false)} data-testid="revoke">
          {t(gateway.state === "pending" ? "gateways.refuse" : "gateways.revoke")}
        </HoldButton>
      )}
    </span>
  );
}
