import { expect, test } from "vitest";
import { addDays, dayIn, makeFormat, wallTime } from "./format";

const zh = makeFormat("zh", "Asia/Shanghai");
const en = makeFormat("en", "Asia/Shanghai");

test("differences of shares are percentage points, with the word", () => {
  expect(zh.points(0.138)).toBe("+13.8 个百分点");
  expect(en.points(-0.021)).toBe("−2.1 points");
  expect(zh.points(0)).toBe("0.0 个百分点");
  expect(zh.points(null)).toBe("–");
});

test("what is not known is a dash, never zero", () => {
  expect(zh.percent(null)).toBe("–");
  expect(zh.percent(0)).toBe("0.0%");
});

test("figures are grouped, large ones in the reader's units", () => {
  expect(zh.count(1234567)).toBe("1,234,567");
  expect(zh.compact(128400)).toBe("12.8万");
  expect(en.compact(128400)).toBe("128.4k");
});

test("times are those of the organisation, wherever the reader sits", () => {
  expect(zh.dateTime("2026-03-31T16:30:00Z")).toBe("2026/4/1 00:30");
  expect(dayIn("2026-03-31T16:30:00Z", "Asia/Shanghai")).toBe("2026-04-01");
  expect(zh.day("2026-04-01")).toBe("2026/4/1");
});

test("wall-clock times become instants of the zone, also around a change of summer time", () => {
  expect(wallTime("2026-03-10T18:00", "Asia/Shanghai")).toBe("2026-03-10T18:00:00+08:00");
  expect(wallTime("2026-01-15T09:00", "America/New_York")).toBe("2026-01-15T09:00:00-05:00");
  expect(wallTime("2026-07-15T09:00", "America/New_York")).toBe("2026-07-15T09:00:00-04:00");
  expect(wallTime("2026-03-08T03:30", "America/New_York")).toBe("2026-03-08T03:30:00-04:00");
  expect(wallTime("2026-06-01T12:00", "Asia/Kolkata")).toBe("2026-06-01T12:00:00+05:30");
});

test("days are counted on the calendar", () => {
  expect(addDays("2026-02-28", 1)).toBe("2026-03-01");
  expect(addDays("2026-01-01", -1)).toBe("2025-12-31");
});
