import { expect, test } from "vitest";
import type { Role, TaskState } from "../../api/types";
import { offered } from "./task-actions";

const STATES: readonly TaskState[] = [
  "assigned",
  "accepted",
  "declined",
  "in_progress",
  "awaiting_approval",
  "done",
  "verifying",
  "verified",
  "not_verified",
  "cancelled",
];

const verbs = (role: Role, state: TaskState, department: string | null = null) =>
  offered({ state, department: "ops" }, { role, department });

test("a viewer, an analyst and an integrator are offered nothing", () => {
  for (const role of ["viewer", "analyst", "integrator"] as const) {
    for (const state of STATES) expect(verbs(role, state)).toEqual([]);
  }
});

test("a department owner works on tasks of their own department only", () => {
  expect(verbs("department_owner", "assigned", "ops")).toEqual(["accept", "decline", "ask"]);
  expect(verbs("department_owner", "accepted", "ops")).toEqual(["progress", "complete", "ask"]);
  expect(verbs("department_owner", "assigned", "network")).toEqual([]);
  expect(verbs("department_owner", "done", "ops")).toEqual([]);
});

test("whoever runs the loop answers first what an owner waits for", () => {
  const due = {
    rule: "calendar" as const,
    hours: 48,
    calendar: "cn",
    calendar_name: null,
    waits_since: "2026-11-20T01:00:00Z",
    standing_since: "2026-11-20T01:00:00Z",
  };
  const task = { state: "accepted" as const, department: "ops", due };
  expect(offered(task, { role: "voc_owner" })[0]).toBe("answer");
  expect(offered(task, { role: "department_owner", department: "ops" })).not.toContain("answer");
});

test("a VoC owner reassigns and cancels what is under way, and evaluates what is done", () => {
  for (const state of ["assigned", "accepted", "in_progress", "declined", "awaiting_approval"] as const) {
    expect(verbs("voc_owner", state)).toEqual(expect.arrayContaining(["reassign", "cancel"]));
  }
  for (const state of ["done", "verifying", "verified", "not_verified"] as const) {
    expect(verbs("voc_owner", state)).toEqual(["evaluate"]);
  }
  expect(verbs("voc_owner", "cancelled")).toEqual([]);
});

test("what is counted is not estimated, and an approval is no question", () => {
  const counted = {
    by: "checklist" as const,
    items: [],
    group: null,
    total: null,
    trained: null,
    url: null,
    ticket_state: null,
  };
  const track = { ...counted, whole: false, missing: null };
  const task = { state: "accepted" as const, department: "ops", track };
  expect(offered(task, { role: "department_owner", department: "ops" })).toEqual(["complete", "ask"]);
  const due = {
    rule: "calendar" as const,
    hours: 48,
    calendar: "cn",
    calendar_name: null,
    waits_since: "2026-11-20T01:00:00Z",
    waits_for: "approval" as const,
    standing_since: null,
  };
  const asked = { state: "awaiting_approval" as const, department: "ops", due };
  expect(offered(asked, { role: "voc_owner" })).toEqual(["remind", "reassign", "cancel"]);
  expect(offered(asked, { role: "department_owner", department: "ops" })).toEqual([]);
});
