import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { BrowserRouter } from "react-router";
import { useTranslation } from "react-i18next";
import { ApiProblem, setCsrf } from "./api/client";
import { meQuery } from "./api/queries";
import { Frame } from "./frame/frame";
import { Failed, Loading } from "./parts/states";
import { antdTheme, useTheme } from "./parts/theme";
import { SignIn } from "./screens/sign-in/screen";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500),
    },
  },
});

/** Sign-in or the console, by whether the hub knows the session. */
function Gatekeeper() {
  const me = useQuery(meQuery);
  const signedOut = me.error instanceof ApiProblem && me.error.status === 401;
  if (signedOut) return <SignIn />;
  if (me.data) {
    setCsrf(me.data.csrf);
    return <Frame me={me.data} />;
  }
  return me.error ? <Failed error={me.error} again={() => void me.refetch()} /> : <Loading />;
}

export function App() {
  const { theme } = useTheme();
  const { i18n } = useTranslation();
  return (
    <ConfigProvider theme={antdTheme(theme)} locale={i18n.language === "zh-CN" ? zhCN : enUS} button={{ autoInsertSpace: false }}>
      <AntApp message={{ top: 56, maxCount: 3 }}>
        <QueryClientProvider client={client}>
          <BrowserRouter>
            <Gatekeeper />
          </BrowserRouter>
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}
