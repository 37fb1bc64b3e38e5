import { expect, test } from "vitest";
import type { CalendarNote } from "../../api/evidence";
import type { Topic } from "../../api/types";
import { makeFormat } from "../../lib/format";
import { noted, trendOption } from "./trend-option";

const note = (name: string, from: string, to: string, topics: string[] = []) =>
  ({ key: name, name, kind: "event", from, to, topics, channels: [], version: 1 }) as CalendarNote;
const topic = (key: string, parent: string | null) => ({ key, parent }) as Topic;

test("planned events of the topic, of those above it and of everything stand on the chart", () => {
  const topics = [topic("物流", null), topic("延误", "物流"), topic("退款", null)];
  const notes = [
    note("大雪", "2026-01-05", "2026-01-07"),
    note("换仓", "2025-12-20", "2026-01-02", ["物流"]),
    note("退款新规", "2026-01-05", "2026-01-06", ["退款"]),
    note("去年", "2025-01-01", "2025-01-02"),
  ];
  const shown = noted(notes, "延误", topics, "2026-01-01", "2026-01-31");
  expect(shown.map((one) => one.name)).toEqual(["大雪", "换仓"]);
  const option = trendOption({
    contacts: [],
    csat: [],
    from: "2026-01-01",
    to: "2026-01-31",
    notes: shown,
    format: makeFormat("zh", "Asia/Shanghai"),
    words: { contacts: "", csat: "", rated: (n) => n },
  });
  const [bars] = option.series as unknown as { markArea: { data: { name?: string; xAxis: string }[][] } }[];
  const bands = bars?.markArea.data.map(([from, to]) => [from?.name, from?.xAxis, to?.xAxis]);
  expect(bands).toEqual([
    ["大雪", "2026-01-05", "2026-01-07"],
    ["换仓", "2026-01-01", "2026-01-02"],
  ]);
});
