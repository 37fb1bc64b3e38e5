import { expect, test } from "vitest";
import type { PolicyStep } from "../../api/handling";
import { rowOf, waitOf } from "./policies-page";

test("a step is the same after the form", () => {
  const steps: PolicyStep[] = [
    { when: "unanswered", after: { hours: 8 }, do: "remind_owner", repeat: 2 },
    { when: "silent", after: { days: 3 }, do: "tell_manager" },
  ];
  expect(steps.map(rowOf)).toEqual([
    { when: "unanswered", do: "remind_owner", amount: 8, unit: "hours", repeat: 2 },
    { when: "silent", do: "tell_manager", amount: 3, unit: "days", repeat: 0 },
  ]);
  expect(steps.map((step) => waitOf(rowOf(step).amount, rowOf(step).unit))).toEqual([
    { hours: 8 },
    { days: 3 },
  ]);
});
