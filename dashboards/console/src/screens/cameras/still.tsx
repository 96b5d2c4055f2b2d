import { Image } from "antd";
import { useWords } from "../../i18n";

/** A kept picture; a click shows it large. */
export function Still({ evidence, word, small = false }: { evidence: number; word: string; small?: boolean }) {
  const { t } = useWords();
  return (
    <figure className={small ? "still small" : "still"}>
      <Image src={`/api/evidence/${evidence}`} alt={word} preview={{ mask: t("cameras.enlarge") }} />
      <figcaption>{word}</figcaption>
    </figure>
  );
}
