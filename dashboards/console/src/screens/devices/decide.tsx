import { api, dataOf } from "../../api/client";
import type { Device } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, HoldButton, useAct } from "../../parts/act";
import { useMay } from "../../parts/session";

/** Approve or block a device; clicks stay off the row below. */
export function DecideDevice({ device }: { device: Device }) {
  const { t } = useWords();
  const may = useMay("installer");
  const decide = useAct((approve: boolean) => ({
    call: () => dataOf(api.POST("/api/devices/{device}/decide", { params: { path: { device: device.id } }, body: { approve, reason: "" } })),
    refresh: [["devices"], ["device", device.id]],
  }));
  if (!may) return null;
  return (
    <span className="pair" onClick={(event) => event.stopPropagation()}>
      {device.state !== "live" && (
        <ActButton size="small" type="primary" loading={decide.isPending} onClick={() => decide.mutate(true)} data-testid="approve">
          {t("devices.approve")}
        </ActButton>
      )}
      {device.state !== "blocked" && (
        <HoldButton size="small" onHold={() => decide.mutate(false)} data-testid="block">
          {t("devices.block")}
        </HoldButton>
      )}
    </span>
  );
}
