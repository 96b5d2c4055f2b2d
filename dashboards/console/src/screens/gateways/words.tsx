import type { Gateway } from "../../api/shapes";
import { useWords } from "../../i18n";

/** "481 902": easier to compare than six digits in a row. */
export function codeText(code: string): string {
  return `${code.slice(0, 3)} ${code.slice(3)}`;
}

export function GatewayState({ gateway }: { gateway: Gateway }) {
  const { t } = useWords();
  if (gateway.state !== "approved") return <b>{t(`gateway_state.${gateway.state}`)}</b>;
  return gateway.online ? <>{t("gateway_state.online")}</> : <span className="look-2">{t("gateway_state.lost")}</span>;
}
