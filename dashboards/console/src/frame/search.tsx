import { useDeferredValue, useRef, useState } from "react";
import { AutoComplete, Input, type InputRef } from "antd";
import { SearchOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../api/client";
import type { Found } from "../api/shapes";
import { useWords } from "../i18n";
import { usePlaceText } from "../parts/place";
import { useKeys } from "../parts/keys";
import { useThing, type Kind } from "../parts/thing";

/** `/`: anything by name: person, door, device, rule, alarm, gateway, camera. */
export function Search() {
  const { t, text } = useWords();
  const placeText = usePlaceText();
  const { open } = useThing();
  const [q, setQ] = useState("");
  const wanted = useDeferredValue(q.trim());
  const input = useRef<InputRef>(null);
  useKeys({ "/": () => input.current?.focus() });
  const found = useQuery({
    queryKey: ["search", wanted],
    queryFn: () => dataOf(api.GET("/api/search", { params: { query: { q: wanted } } })),
    enabled: wanted.length > 0,
    placeholderData: keepPreviousData,
  });
  const option = (line: Found) => ({
    value: `${line.kind}:${line.id}`,
    label: (
      <span className="found">
        <small className="quiet">{t(`kind.${line.kind}`)}</small> {text(line.title)} <small className="quiet">{placeText(line.place)}</small>
      </span>
    ),
  });
  const choose = (value: string): void => {
    const colon = value.indexOf(":");
    open(value.slice(0, colon) as Kind, value.slice(colon + 1));
    setQ("");
    input.current?.blur();
  };
  return (
    <AutoComplete
      className="search"
      value={q}
      options={wanted ? (found.data ?? []).map(option) : []}
      onSearch={setQ}
      onSelect={choose}
      defaultActiveFirstOption
      popupMatchSelectWidth={360}
      notFoundContent={wanted && found.isFetched ? t("search.nothing") : null}
    >
      <Input
        ref={input}
        prefix={<SearchOutlined />}
        placeholder={t("search.hint")}
        aria-label={t("search.hint")}
        data-testid="search"
        onKeyDown={(event) => event.key === "Escape" && input.current?.blur()}
      />
    </AutoComplete>
  );
}
