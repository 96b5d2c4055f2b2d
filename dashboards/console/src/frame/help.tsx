import { Modal } from "antd";
import { useWords } from "../i18n";

const KEYS = ["/", "j", "k", "Enter", "a", "s", "Esc", "?"] as const;

export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useWords();
  return (
    <Modal title={t("help.title")} open={open} onCancel={onClose} footer={null} width={420}>
      <table className="help">
        <tbody>
          {KEYS.map((key) => (
            <tr key={key}>
              <th>
                <kbd>{key}</kbd>
              </th>
              <td>{t(`help.${key}`)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="quiet">{t("help.colours")}</p>
    </Modal>
  );
}
