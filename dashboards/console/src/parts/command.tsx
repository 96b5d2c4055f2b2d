/** How a command fares: sent, confirmed by the device, or failed and why. */
import { useQuery } from "@tanstack/react-query";
import { commandQuery } from "../api/queries";
import type { CommandStatus } from "../api/shapes";
import { useWords } from "../i18n";
import { At } from "./age";

export function CommandLine({ command }: { command: CommandStatus }) {
  const { t } = useWords();
  const { data } = useQuery({
    ...commandQuery(command.id),
    initialData: command,
    staleTime: 1000,
    refetchInterval: (query) => (query.state.data?.status === "sent" ? 2000 : false),
  });
  const failed = data.status !== "sent" && data.status !== "done";
  return (
    <p className={failed ? "command look-2" : "command"} data-testid="command" data-status={data.status}>
      <At ms={data.at_ms} /> {t(`command.${data.status}`)}
      {data.detail && <>: {data.detail}</>}
    </p>
  );
}
