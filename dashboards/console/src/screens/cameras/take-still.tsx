import { useState } from "react";
import { api, dataOf } from "../../api/client";
import type { CommandStatus } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { CommandLine } from "../../parts/command";

/** Ask the camera for a picture of this moment. */
export function TakeStill({ camera }: { camera: string }) {
  const { t } = useWords();
  const [command, setCommand] = useState<CommandStatus | null>(null);
  const take = useAct(() => ({
    call: () => dataOf(api.POST("/api/cameras/{camera}/still", { params: { path: { camera } }, body: { reason: "" } })),
    done: setCommand,
  }));
  return (
    <>
      <ActButton loading={take.isPending} onClick={() => take.mutate()} data-testid="take-still">
        {t("cameras.take_still")}
      </ActButton>
      {command && <CommandLine command={command} />}
    </>
  );
}
