import type { Quadrant, Verdict } from "../api/types";

/** Colours as the stylesheet has them; charts and Ant Design need them as values. */
export const colour = {
  ink: "#14282b",
  inkSoft: "#46595d",
  inkFaint: "#5f7376",
  line: "#d9e2e0",
  lineSoft: "#e9efed",
  surface: "#ffffff",
  ground: "#f1f5f4",
  teal900: "#0b3b40",
  teal700: "#0f5f63",
  teal500: "#2a8a86",
  teal300: "#8cc7bf",
  teal100: "#dbeeea",
  accent: "#c2592a",
  accentSoft: "#fbebe1",
} as const;

export const quadrantColour: Record<Quadrant, string> = {
  fix_now: "#bf4a22",
  plan: "#8f6a12",
  quick_win: "#1e7c6e",
  watch: "#667b80",
};

export const verdictColour: Record<Verdict, string> = {
  improved: "#17795a",
  recovered: "#93680f",
  no_effect: "#57686d",
  worse: "#b3322c",
  pending: "#3c6488",
  inconclusive: "#6b5f8a",
};

export const fontFamily =
  '-apple-system, BlinkMacSystemFont, "Segoe UI", "PingFang SC", "HarmonyOS Sans SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", Roboto, "Helvetica Neue", Arial, sans-serif';
