import { useState } from "react";
import { Modal, Typography } from "antd";
import { api, dataOf } from "../../api/client";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { timeText } from "../../parts/format";

/** A one-time enrolment token for a new gateway; shown once. */
export function NewToken() {
  const { t } = useWords();
  const [shown, setShown] = useState<{ token: string; expires_ms: number } | null>(null);
  const create = useAct(() => ({ call: () => dataOf(api.POST("/api/gateways/tokens")), done: setShown }));
  return (
    <>
      <ActButton loading={create.isPending} onClick={() => create.mutate()} data-testid="new-token">
        {t("gateways.new_token")}
      </ActButton>
      <Modal title={t("gateways.new_token")} open={shown !== null} onCancel={() => setShown(null)} footer={null}>
        {shown && (
          <>
            <p>{t("gateways.token_how", { time: timeText(shown.expires_ms) })}</p>
            <Typography.Text copyable code className="token" data-testid="token">{shown.token}</Typography.Text>
            <p className="quiet">{t("gateways.token_once")}</p>
          </>
        )}
      </Modal>
    </>
  );
}
