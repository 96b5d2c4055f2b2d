import { Suspense } from "react";
import { Navigate, NavLink, Route, Routes } from "react-router";
import type { Me } from "../api/shapes";
import { useWords } from "../i18n";
import { useConnection } from "../live/connection";
import { useStream } from "../live/stream";
import { Loading } from "../parts/states";
import { CutBar } from "./cut-bar";
import { ThingDrawer } from "./drawer";
import { menuOf, SCREENS, type ScreenName } from "./menu";
import { TopBar } from "./top-bar";

/** Everything around the screens: bar above, menu at the left, drawer at the right. */
export function Frame({ me }: { me: Me }) {
  useStream();
  const connection = useConnection();
  const screens = menuOf(me);
  return (
    <div className="frame" data-connection={connection.state}>
      <TopBar me={me} />
      <CutBar />
      <nav className="menu">
        {screens.map((name) => (
          <MenuItem key={name} name={name} />
        ))}
      </nav>
      <main>
        <Suspense fallback={<Loading />}>
          <Routes>
            {screens.map((name) => {
              const Page = SCREENS[name].page;
              return <Route key={name} path={`/${name}`} element={<Page />} />;
            })}
            <Route path="*" element={<Navigate to={`/${screens[0] ?? "alarms"}`} replace />} />
          </Routes>
        </Suspense>
      </main>
      <ThingDrawer />
    </div>
  );
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
