/** Things (alarm, door, device, person ...) open in one drawer over any screen: ?open=kind:id. */
import type { MouseEvent, ReactNode } from "react";
import { useSearchParams } from "react-router";
import type { Found } from "../api/shapes";

export type Kind = Found["kind"];

export interface Thing {
  kind: Kind;
  id: string;
}

export function useThing(): { thing: Thing | null; open: (kind: Kind, id: string | number) => void; close: () => void } {
  const [params, setParams] = useSearchParams();
  const named = params.get("open");
  const colon = named?.indexOf(":") ?? -1;
  const change = (value: string | null): void =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === null) next.delete("open");
        else next.set("open", value);
        return next;
      },
      { replace: named !== null },
    );
  return {
    thing: named && colon > 0 ? { kind: named.slice(0, colon) as Kind, id: named.slice(colon + 1) } : null,
    open: (kind, id) => change(`${kind}:${id}`),
    close: () => change(null),
  };
}

/** A link to a thing; a click inside a row opens the link's thing, not the row's. */
export function ThingLink({ kind, id, children }: { kind: Kind; id: string | number; children: ReactNode }) {
  const { open } = useThing();
  const onClick = (event: MouseEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    open(kind, id);
  };
  return (
    <a href={`?open=${kind}:${encodeURIComponent(id)}`} onClick={onClick}>
      {children}
    </a>
  );
}
