import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { BusinessCalendar, CalendarYear } from "../../api/calendars";
import { leave, serve, visit } from "../../test/server";

const hours = [
  { from: "09:00", to: "12:00" },
  { from: "13:30", to: "18:00" },
];
const cn: BusinessCalendar = {
  key: "cn",
  name: "中国大陆",
  name_en: "Mainland China",
  zone: "Asia/Shanghai",
  week: { mon: hours, tue: hours, wed: hours, thu: hours, fri: hours, sat: [], sun: [] },
  base: "cn",
  holidays: [{ from: "2026-10-01", to: "2026-10-07", name: "国庆节" }],
  extra_workdays: [],
  follows_make_up_days: true,
  version: 0,
};
const factory: BusinessCalendar = {
  ...cn,
  key: "factory",
  name: "工厂",
  holidays: [{ from: "2026-08-08", name: "厂庆", name_en: "" }],
  extra_workdays: [{ day: "2026-08-09", name: "补班", name_en: "", like: "fri" }],
  version: 3,
};
const year: CalendarYear = {
  year: 2027,
  days: [
    { day: "2027-01-01", kind: "holiday", name: { zh: "元旦", en: "New Year's Day" }, minutes: 0 },
    { day: "2027-01-02", kind: "weekend", name: null, minutes: 0 },
    { day: "2027-01-03", kind: "make_up_day", name: { zh: "元旦调休上班", en: "Make-up day" }, minutes: 450 },
    { day: "2027-01-04", kind: "workday", name: null, minutes: 450 },
  ],
  working_days: 2,
  working_minutes: 900,
  known: false,
  source: null,
};

afterEach(leave);

function open(more: Record<string, unknown> = {}) {
  const calls = serve({
    "GET /calendars": { items: [cn, factory], next_cursor: null },
    "GET /calendars/cn/year": year,
    "GET /calendars/factory/year": year,
    ...more,
  });
  visit("/settings/hours");
  return calls;
}

test("the year names holidays and says what nobody knows yet", async () => {
  open();
  expect(await screen.findByText(/放假安排程序还不知道/)).toBeTruthy();
  expect(screen.getByTitle("2027-01-01 · 节假日 · 元旦 · 0 小时")).toBeTruthy();
  expect(screen.getByTitle("2027-01-03 · 调休上班 · 元旦调休上班 · 7.5 小时")).toBeTruthy();
  expect(screen.getAllByText(/周一–周五 09:00–12:00, 13:30–18:00/).length).toBe(2);
});

test("what the form does not show is not lost", async () => {
  const calls = open({ "PUT /calendars/factory": factory });
  fireEvent.click(await screen.findByRole("button", { name: "编辑" }));
  const drawer = await screen.findByRole("dialog");
  const monday = within(drawer).getByLabelText("周一");
  expect((monday as HTMLInputElement).value).toBe("09:00–12:00, 13:30–18:00");
  fireEvent.change(monday, { target: { value: "8:00-12:00，13:30-18:00" } });
  fireEvent.click(within(drawer).getByRole("button", { name: "保存" }));
  await waitFor(() => expect(calls.some((call) => call.method === "PUT")).toBe(true));
  const { version: _, ...kept } = factory;
  expect(calls.find((call) => call.method === "PUT")?.body).toEqual({
    ...kept,
    week: { ...kept.week, mon: [{ from: "08:00", to: "12:00" }, hours[1]] },
  });
});

test("a file is shown before it is imported", async () => {
  const outcome = {
    changes: [{ day: "2027-02-06", sort: "holiday", name: "春节", before: null, name_before: null }],
    skipped: [
      { name: "例会", line: 12, reason: "part_of_day", sentence: { zh: "只占一天中的一部分", en: "part" } },
    ],
    read: 1,
    applied: false,
  };
  const calls = open({ "POST /calendars/factory/import": outcome });
  fireEvent.click(await screen.findByRole("button", { name: "导入 ICS" }));
  const drawer = await screen.findByRole("dialog");
  fireEvent.change(within(drawer).getByLabelText("或把内容粘贴到这里"), {
    target: { value: "BEGIN:VCALENDAR" },
  });
  fireEvent.click(within(drawer).getByRole("button", { name: "预览" }));
  expect(await within(drawer).findByText("读到 1 个事件，1 天会变化")).toBeTruthy();
  expect(within(drawer).getByText("只占一天中的一部分")).toBeTruthy();
  const sent = () => calls.filter((call) => call.method === "POST").map((call) => call.body);
  expect(sent()).toEqual([{ ics: "BEGIN:VCALENDAR", apply: false }]);
  fireEvent.click(within(drawer).getByRole("button", { name: "导入这些变化" }));
  await waitFor(() => expect(sent().at(-1)).toEqual({ ics: "BEGIN:VCALENDAR", apply: true }));
});
