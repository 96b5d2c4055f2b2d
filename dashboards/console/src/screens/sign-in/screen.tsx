import { useState } from "react";
import { Button, Input } from "antd";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ApiProblem, dataOf, setCsrf } from "../../api/client";
import { language, setLanguage, useWords } from "../../i18n";

export function SignIn() {
  const { t, text } = useWords();
  const cache = useQueryClient();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => dataOf(api.POST("/api/sign-in", { body: { username, password } })),
    onSuccess: (me) => {
      cache.removeQueries({ predicate: (query) => query.queryKey[0] !== "me" });
      setCsrf(me.csrf);
      cache.setQueryData(["me"], me);
    },
  });
  const problem = signIn.error instanceof ApiProblem ? text(signIn.error.problem.message) : signIn.error?.message;
  return (
    <div className="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate();
        }}
      >
        <h1>{t("app.name")}</h1>
        <label>
          {t("sign_in.username")}
          <Input autoFocus autoComplete="username" value={username} onChange={(event) => setUsername(event.target.value)} data-testid="username" />
        </label>
        <label>
          {t("sign_in.password")}
          <Input.Password autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} data-testid="password" />
        </label>
        <p role="alert" className="look-1 problem">
          {problem ?? ""}
        </p>
        <Button type="primary" htmlType="submit" block loading={signIn.isPending} disabled={!username || !password} data-testid="sign-in">
          {t("sign_in.do")}
        </Button>
        <Button type="link" size="small" onClick={() => void setLanguage(language() === "en" ? "zh-CN" : "en")}>
          {language() === "en" ? "中文" : "English"}
        </Button>
      </form>
    </div>
  );
}
