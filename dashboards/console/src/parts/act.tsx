/** Buttons that change something: off with a reason while the hub is cut off, never pressed twice. */
import type { ReactNode } from "react";
import { useEffect, useRef, useState } from "react";
import { App, Button, Tooltip, type ButtonProps } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiProblem } from "../api/client";
import { useWords } from "../i18n";
import { useConnection } from "../live/connection";

interface Act<Answer> {
  call: () => Promise<Answer>;
  /** Query keys to fetch again. */
  refresh?: (string | number)[][];
  done?: (answer: Answer) => void;
}

/** Do something at the hub; a refusal is shown in the hub's own words. */
export function useAct<Answer, Given = void>(make: (given: Given) => Act<Answer>) {
  const cache = useQueryClient();
  const { message } = App.useApp();
  const { text } = useWords();
  return useMutation({
    mutationFn: async (given: Given) => {
      const act = make(given);
      return { act, answer: await act.call() };
    },
    onSuccess: ({ act, answer }) => {
      for (const queryKey of act.refresh ?? []) void cache.invalidateQueries({ queryKey });
      act.done?.(answer);
    },
    onError: (error) => {
      if (error instanceof ApiProblem && error.status === 409) return;
      void message.error(error instanceof ApiProblem ? text(error.problem.message) : error.message);
    },
  });
}

export function useWhyNot(): string {
  const { t } = useWords();
  return useConnection().state === "cut" ? t("cut.no_action") : "";
}

export function ActButton({ children, disabled, title, ...rest }: ButtonProps) {
  const whyNot = useWhyNot();
  return (
    <Tooltip title={whyNot || title}>
      <Button {...rest} disabled={disabled || whyNot !== ""}>
        {children}
      </Button>
    </Tooltip>
  );
}

const HOLD_MS = 1000;

/** For what is dangerous: takes effect after being held for one second. */
export function HoldButton({ children, onHold, ...rest }: Omit<ButtonProps, "onClick"> & { onHold: () => void; children: ReactNode }) {
  const { t } = useWords();
  const [held, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const release = (): void => {
    clearTimeout(timer.current);
    setHeld(false);
  };
  const press = (): void => {
    setHeld(true);
    timer.current = setTimeout(() => {
      setHeld(false);
      onHold();
    }, HOLD_MS);
  };
  useEffect(() => release, []);
  return (
    <ActButton
      {...rest}
      danger
      title={t("act.hold")}
      className={held ? "hold held" : "hold"}
      onPointerDown={press}
      onPointerUp={release}
      onPointerLeave={release}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !event.repeat) press();
      }}
      onKeyUp={release}
    >
      {children}
    </ActButton>
  );
}
