/** The one set of design tokens: seeds for Ant Design and the colours that belong to calls. */

import { theme, type ThemeConfig } from "antd";

const fontFamily =
  '"Inter Variable", "Inter", "Segoe UI", system-ui, -apple-system, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans", sans-serif';

const shared = { fontFamily, fontSize: 14, borderRadius: 8, wireframe: false };

/** Text of every rank keeps a contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3) on all grounds it stands on. */
const light = {
  colorPrimary: "#0f766e",
  colorInfo: "#0f766e",
  colorSuccess: "#116632",
  colorWarning: "#b45309",
  colorError: "#c2312d",
  colorTextBase: "#16212b",
  colorTextSecondary: "#4c5a66",
  colorTextTertiary: "#5d6a76",
  colorTextDescription: "#586572",
  colorTextLabel: "#4c5a66",
  colorTextPlaceholder: "#667380",
  colorBgLayout: "#f3f5f7",
  colorInfoBg: "#e4f3f1",
  colorInfoBorder: "#b7ded9",
  colorSuccessBg: "#e7f6ec",
  colorSuccessBorder: "#b5e0c2",
  colorWarningBg: "#fdf3e2",
  colorWarningBorder: "#f3d9ab",
  colorErrorBg: "#fdecea",
  colorErrorBorder: "#f3c0bc",
};

const dark = {
  colorPrimary: "#2bb5a6",
  colorInfo: "#52dccc",
  colorSuccess: "#5ad88a",
  colorWarning: "#f2b857",
  colorError: "#f07670",
  colorTextBase: "#e4ebf0",
  colorTextSecondary: "#b7c2ca",
  colorTextTertiary: "#9aa7b1",
  colorTextDescription: "#9fabb5",
  colorTextLabel: "#b7c2ca",
  colorTextPlaceholder: "#8a97a1",
  colorBgLayout: "#0c1114",
  colorBgContainer: "#151c20",
  colorBgElevated: "#1d262b",
  colorBorder: "#2d383f",
  colorBorderSecondary: "#222b31",
  colorInfoBg: "#10302d",
  colorInfoBorder: "#1c4a45",
  colorSuccessBg: "#132b1c",
  colorSuccessBorder: "#21492f",
  colorWarningBg: "#2f2513",
  colorWarningBorder: "#54411d",
  colorErrorBg: "#341b1a",
  colorErrorBorder: "#5c2c2a",
};

/** Colours that Ant Design has no name for; used in style sheets as `var(--ms-...)`. */
const callColours = {
  light: {
    "--ms-customer": "#2563b8",
    "--ms-agent": "#0f766e",
    "--ms-bot": "#8a5cc4",
    "--ms-event": "#b45309",
    "--ms-stage": "#11191e",
    "--ms-stage-text": "#dbe5ea",
    "--ms-quiet": "#8796a3",
    "--ms-accent-soft": "#e4f3f1",
    "--ms-on-accent": "#ffffff",
  },
  dark: {
    "--ms-customer": "#6aa5f0",
    "--ms-agent": "#38c3b3",
    "--ms-bot": "#b592e6",
    "--ms-event": "#e0a03f",
    "--ms-stage": "#070b0d",
    "--ms-stage-text": "#c5d2d9",
    "--ms-quiet": "#6f808c",
    "--ms-accent-soft": "#12302e",
    "--ms-on-accent": "#04211e",
  },
};

export function themeFor(isDark: boolean): ThemeConfig {
  return {
    algorithm: isDark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: { ...shared, ...(isDark ? dark : light) },
    components: {
      Layout: { headerHeight: 56, headerPadding: "0 20px", headerBg: isDark ? dark.colorBgContainer : "#ffffff" },
      Button: { primaryColor: callColoursFor(isDark)["--ms-on-accent"] ?? "" },
      Card: { bodyPadding: 20, headerFontSize: 15 },
      Menu: { horizontalItemSelectedColor: isDark ? dark.colorPrimary : light.colorPrimary, itemBg: "transparent" },
      Table: { headerBg: "transparent", headerSplitColor: "transparent", cellPaddingBlock: 12 },
    },
  };
}

export function callColoursFor(isDark: boolean): Record<string, string> {
  return isDark ? callColours.dark : callColours.light;
}
