import { useState } from "react";
import { Link } from "react-router";
import { Button, Dropdown, Tooltip } from "antd";
import { BulbOutlined, QuestionCircleOutlined, SoundOutlined, UserOutlined, AudioMutedOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import type { Me, Status } from "../api/shapes";
import { language, setLanguage, useWords } from "../i18n";
import { useNow } from "../live/clock";
import { toggleSound, useSound } from "../live/sound";
import { useStatus } from "../live/status";
import { numberText, timeText } from "../parts/format";
import { useKeys } from "../parts/keys";
import { PRIORITIES, PriorityMark } from "../parts/priority";
import { useTheme } from "../parts/theme";
import { Help } from "./help";
import { Search } from "./search";

export function TopBar({ me }: { me: Me }) {
  const { t, text } = useWords();
  const status = useStatus();
  return (
    <header className="top-bar">
      <Link to="/overview" className="site" title={status ? text(status.site) : ""}>
        {status ? text(status.site) : t("app.name")}
      </Link>
      {status ? <Glance status={status} /> : <span className="glance quiet">{t("state.connecting")}</span>}
      <span className="grow" />
      <Search />
      <HubTime />
      <Tools me={me} />
    </header>
  );
}

/** One second: is anything wrong? */
function Glance({ status }: { status: Status }) {
  const { t } = useWords();
  const gatewaysLost = status.gateways_online < status.gateways;
  const wrong = status.lost > 0 || status.doubled > 0;
  return (
    <div className="glance live" data-testid="glance">
      <Link to="/alarms" className="priorities" aria-label={t("top.alarms")}>
        {PRIORITIES.map((priority) => {
          const count = status.alarms[String(priority)] ?? 0;
          return (
            <span key={priority} data-testid={`count-p${priority}`} className={count ? "count" : "count none"}>
              <PriorityMark priority={priority} quiet={count === 0} /> P{priority} <b className="num">{count}</b>
            </span>
          );
        })}
      </Link>
      <Figure testid="doors-open" word={t("top.doors_open")} value={String(status.doors_open)} />
      <Figure
        testid="gateways" word={t("top.gateways")} value={`${status.gateways_online}/${status.gateways}`} look={gatewaysLost}
        title={status.devices_lost ? t("top.devices_lost", { count: status.devices_lost }) : ""}
      />
      <Figure testid="lost" word={t("top.lost")} value={numberText(status.lost)} look={wrong && status.lost > 0} />
      <Figure testid="doubled" word={t("top.doubled")} value={numberText(status.doubled)} look={wrong && status.doubled > 0} />
    </div>
  );
}

function Figure({ testid, word, value, look = false, title = "" }: { testid: string; word: string; value: string; look?: boolean; title?: string }) {
  return (
    <Tooltip title={title}>
      <span className={look ? "figure look-2" : "figure"} data-testid={testid}>
        {word} <b className="num">{value}</b>
      </span>
    </Tooltip>
  );
}

function HubTime() {
  const now = useNow();
  return <time className="num hub-time">{now ? timeText(now) : ""}</time>;
}

function Tools({ me }: { me: Me }) {
  const { t } = useWords();
  const { theme, toggle } = useTheme();
  const sound = useSound();
  const [help, setHelp] = useState(false);
  const cache = useQueryClient();
  const speak = useMutation({
    mutationFn: async () => {
      const next = language() === "en" ? "zh-CN" : "en";
      await setLanguage(next);
      await api.PUT("/api/me/language", { body: { language: next } });
    },
  });
  const leave = useMutation({
    mutationFn: () => api.POST("/api/sign-out"),
    onSettled: () => {
      cache.clear();
      location.assign("/");
    },
  });
  useKeys({ "?": () => setHelp(true) });
  return (
    <div className="tools">
      <Tooltip title={t(`sound.${sound}`)}>
        <Button type="text" aria-label={t(`sound.${sound}`)} icon={sound === "off" ? <AudioMutedOutlined /> : <SoundOutlined />} onClick={toggleSound} />
      </Tooltip>
      <Button type="text" onClick={() => speak.mutate()} data-testid="language" lang={language() === "en" ? "zh-CN" : "en"}>
        {language() === "en" ? "中文" : "EN"}
      </Button>
      <Tooltip title={t(theme === "dark" ? "top.to_light" : "top.to_dark")}>
        <Button type="text" aria-label={t(theme === "dark" ? "top.to_light" : "top.to_dark")} icon={<BulbOutlined />} onClick={toggle} data-testid="theme" />
      </Tooltip>
      <Button type="text" aria-label={t("help.title")} icon={<QuestionCircleOutlined />} onClick={() => setHelp(true)} />
      <Dropdown
        trigger={["click"]}
        menu={{
          items: [
            { key: "who", disabled: true, label: `${me.name} (${me.roles.map((role) => t(`role.${role}`)).join(t("list.comma"))})` },
            { key: "out", label: t("top.sign_out"), onClick: () => leave.mutate() },
          ],
        }}
      >
        <Button type="text" icon={<UserOutlined />} data-testid="me">
          <span className="me-name">{me.name}</span>
        </Button>
      </Dropdown>
      <Help open={help} onClose={() => setHelp(false)} />
    </div>
  );
}
