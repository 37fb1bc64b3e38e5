import type { ThemeConfig } from "antd";
import { colour, fontFamily } from "./tokens";

export const theme: ThemeConfig = {
  token: {
    colorPrimary: colour.teal700,
    colorInfo: colour.teal500,
    colorLink: colour.teal700,
    colorInfoBg: "#eef7f5",
    colorInfoBorder: "#bfe0da",
    colorSuccessBg: "#edf7f2",
    colorSuccessBorder: "#bfe0cf",
    colorWarningBg: "#fdf6e9",
    colorWarningBorder: "#ecd7a8",
    colorErrorBg: "#fcf0ee",
    colorErrorBorder: "#efc8c2",
    colorSuccess: "#17795a",
    colorWarning: "#b7791f",
    colorError: "#b3322c",
    colorText: colour.ink,
    colorTextSecondary: colour.inkSoft,
    colorTextTertiary: colour.inkFaint,
    colorTextPlaceholder: colour.inkFaint,
    colorBorder: "#c9d5d2",
    colorBorderSecondary: colour.line,
    colorBgLayout: colour.ground,
    borderRadius: 7,
    fontFamily,
    fontSize: 14,
    // A tool for daily work: things appear at once, and nothing waits for a transition that never ends.
    motion: false,
  },
  components: {
    Button: { primaryShadow: "none", defaultShadow: "none" },
    Form: { itemMarginBottom: 16 },
    Alert: { withDescriptionPadding: "12px 16px" },
  },
};
