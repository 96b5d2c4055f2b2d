import { theme as antd, type ThemeConfig } from "antd";
import { createStore, useStore } from "../live/store";

export type Theme = "light" | "dark";

const SETTING = "campushub.theme";
const kept = localStorage.getItem(SETTING);
const byDevice: Theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
const store = createStore<Theme>(kept === "light" || kept === "dark" ? kept : byDevice);

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = store.get();
}

export function useTheme(): { theme: Theme; toggle: () => void } {
  const theme = useStore(store);
  const toggle = (): void => {
    const next = theme === "dark" ? "light" : "dark";
    localStorage.setItem(SETTING, next);
    document.documentElement.dataset["theme"] = next;
    store.set(next);
  };
  return { theme, toggle };
}

const FONT = '"Inter", "Segoe UI", "Helvetica Neue", Arial, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';

/** Grey all over: colour is kept for what needs someone. */
export function antdTheme(theme: Theme): ThemeConfig {
  const dark = theme === "dark";
  const primary = dark ? "#8fa3b5" : "#3d4f61";
  return {
    algorithm: [dark ? antd.darkAlgorithm : antd.defaultAlgorithm, antd.compactAlgorithm],
    token: {
      colorPrimary: primary, colorInfo: primary, colorLink: dark ? "#b9c7d4" : "#2f4356",
      colorError: dark ? "#ff6b5e" : "#c4161c", colorWarning: dark ? "#ff9f43" : "#c25700",
      colorBgBase: dark ? "#16191c" : "#ffffff", colorTextBase: dark ? "#dde2e7" : "#1c2227",
      ...(dark ? { colorBgContainer: "#16191c", colorBgElevated: "#1c2024", colorBgLayout: "#101214", colorBorder: "#3d464e", colorBorderSecondary: "#242a2f" } : {}),
      borderRadius: 3, fontSize: 15, fontFamily: FONT, controlHeight: 30, motion: false,
    },
    components: {
      Button: { primaryColor: dark ? "#101214" : "#ffffff", primaryShadow: "none", defaultShadow: "none", dangerShadow: "none" },
      Table: {
        cellPaddingBlockSM: 5, cellPaddingInlineSM: 8, rowHoverBg: dark ? "#20252a" : "#f1f3f5",
        headerBg: dark ? "#1c2024" : "#f7f8f9", headerSplitColor: "transparent",
      },
    },
  };
}
