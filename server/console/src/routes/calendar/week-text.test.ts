import { expect, test } from "vitest";
import { hoursOf, spansOf, textOf } from "./week-text";

test("hours are read as people write them", () => {
  const two = [
    { from: "08:00", to: "12:00" },
    { from: "13:30", to: "18:00" },
  ];
  expect(spansOf("8:00-12:00, 13:30–18:00")).toEqual(two);
  expect(spansOf("08：00至12：00，13:30～18:00")).toEqual(two);
  expect(spansOf("00:00-24:00")).toEqual([{ from: "00:00", to: "24:00" }]);
  expect(spansOf("  ")).toEqual([]);
  expect(textOf(two)).toBe("08:00–12:00, 13:30–18:00");
});

test("what is no hours is refused", () => {
  for (const bad of [
    "9",
    "9:00",
    "9:00-",
    "12:00-9:00",
    "9:00-9:00",
    "09:00-25:00",
    "09:00-24:01",
    "9:00-12:00,11:00-13:00",
    "9:60-10:00",
  ]) {
    expect(spansOf(bad), bad).toBeNull();
  }
});

test("hours have no needless digits", () => {
  expect([hoursOf(450), hoursOf(2880), hoursOf(1), hoursOf(0)]).toEqual(["7.5", "48", "0.02", "0"]);
});
