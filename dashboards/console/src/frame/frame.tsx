import { Suspense, useEffect } from "react";
import { Navigate, NavLink, Route, Routes } from "react-router";
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { api, dataOf } from "../api/client";
import type { Me, Status } from "../api/shapes";
import { useWords } from "../i18n";
import { useConnection } from "../live/connection";
import { setStatus } from "../live/status";
import { useStream } from "../live/stream";
import { Loaded, Loading } from "../parts/states";
import { CutBar } from "./cut-bar";
import { ThingDrawer } from "./drawer";
import { menuOf, SCREENS, type ScreenName } from "./menu";
import { TopBar } from "./top-bar";

/** Everything around the screens: bar above, menu at the left, drawer at the right. */
export function Frame({ me }: { me: Me }) {
  useStream();
  const connection = useConnection();
  const first = useFirstStatus();
  useEffect(() => {
    document.documentElement.dataset["connection"] = connection.state; // the drawer stands outside the frame
  }, [connection.state]);
  const screens = menuOf(me);
  return (
    <div className="frame">
      <TopBar me={me} />
      <CutBar />
      <nav className="menu">
        {screens.map((name) => (
          <MenuItem key={name} name={name} />
        ))}
      </nav>
      <main>
        <Loaded query={first}>
          {() => (
            <Suspense fallback={<Loading />}>
              <Routes>
                {screens.map((name) => {
                  const Page = SCREENS[name].page;
                  return <Route key={name} path={`/${name}`} element={<Page />} />;
                })}
                <Route path="*" element={<Navigate to={`/${screens[0] ?? "alarms"}`} replace />} />
              </Routes>
            </Suspense>
          )}
        </Loaded>
      </main>
      {first.data && <ThingDrawer />}
    </div>
  );
}

/** Nothing is shown before the hub's time and the site's zone are known: every time and age rests on them. */
function useFirstStatus(): UseQueryResult<Status> {
  return useQuery({
    queryKey: ["first-status"],
    queryFn: async () => {
      const status = await dataOf(api.GET("/api/status"));
      setStatus(status);
      return status;
    },
    staleTime: Infinity,
  });
}

function MenuItem({ name }: { name: ScreenName }) {
  const { t } = useWords();
  const Icon = SCREENS[name].icon;
  return (
    <NavLink to={`/${name}`} title={t(`menu.${name}`)} data-testid={`menu-${name}`}>
      <Icon />
      <span>{t(`menu.${name}`)}</span>
    </NavLink>
  );
}
