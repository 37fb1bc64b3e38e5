import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { addDays, dayIn, makeFormat } from "../../lib/format";
import { backtest } from "../../test/evidence";
import { leave, serve, visit } from "../../test/server";
import { backtestOption } from "./backtest-option";
import { draftOf, valuesOf } from "./detector-form";
import { fromForm, KINDS, PARAMS, scopesOf, toForm } from "./kinds";
import { muteOn } from "./mute-panel";

vi.mock("../../components/chart", () => ({
  Chart: (props: { label: string }) => <div role="img" aria-label={props.label} />,
}));

afterEach(leave);

const words = {
  count: "count",
  limit: "limit",
  baseline: "usual",
  level: "share",
  signal: "signal",
  signals: (n: string) => `${n} signals`,
  note: (note: { zh: string; en: string }) => note.en,
};
type Series = { name: string; data: Array<{ value: number; itemStyle: { color: string } }> };

describe("the parameters of a kind", () => {
  test.each(KINDS)("of %s survive the form", (kind) => {
    const sent = fromForm(kind, toForm(kind, {}));
    for (const param of PARAMS[kind]) expect(sent[param.name], param.name).toEqual(param.usual);
  });

  test("shares are entered in percent", () => {
    expect(toForm("unhelpful_article", {}).max_unhelpful_share).toBe(40);
    expect(fromForm("unhelpful_article", { max_unhelpful_share: 35.5 }).max_unhelpful_share).toBe(0.355);
  });

  test("what a newer page set stays", () => {
    expect(fromForm("risk", { limit: 2 }, { limit: 9, later: 5 })).toEqual({ limit: 2, later: 5 });
  });

  test("what belongs to another kind is not sent", () => {
    expect(fromForm("risk", { limit: 2, factor: 3 })).toEqual({ limit: 2 });
  });

  test("searches, articles and agents have no scope", () => {
    const draft = {
      key: "a",
      kind: "agent_drift" as const,
      scope: { topic: "x" },
      params: {},
      enabled: true,
      owner: null,
    };
    expect(scopesOf("agent_drift")).toEqual([]);
    expect(draftOf(draft, { ...valuesOf(draft), topic: "x" }).scope).toEqual({});
  });
});

test("a mute holds to its last day and no longer", () => {
  const mute = { until: "2026-03-05", reason: "migration" };
  expect(muteOn({ mute }, "2026-03-05")).toEqual(mute);
  expect(muteOn({ mute }, "2026-03-06")).toBeNull();
  expect(muteOn({}, "2026-03-06")).toBeNull();
});

test("the days of the shown subject stand out, those of others do not", () => {
  const option = backtestOption({
    backtest,
    from: "2026-03-01",
    to: "2026-03-04",
    format: makeFormat("en", "UTC"),
    words,
  });
  const series = option.series as unknown as Series[];
  const bars = series[0]?.data ?? [];
  expect(bars.map((bar) => bar.value)).toEqual([30, 60, 31, 0]);
  const colours = bars.map((bar) => bar.itemStyle.color);
  expect(colours[1]).not.toBe(colours[0]);
  expect(colours[2]).toBe(colours[0]);
  expect(series.map((line) => line.name)).toEqual(["count", "usual", "limit", "signal"]);
});

test("a rule that looks at shares is drawn in shares", () => {
  const option = backtestOption({
    backtest: {
      signals: [],
      issues: 0,
      days: [{ day: "2026-03-01", count: 40, level: 0.55, limit: 0.4, baseline: null }],
    },
    from: "2026-03-01",
    to: "2026-03-01",
    format: makeFormat("en", "UTC"),
    words,
  });
  expect((option.series as unknown as Series[])[0]?.data[0]?.value).toBe(0.55);
});

test("a day above its line that did not ring says why", () => {
  const note = { zh: "只来自 2 位客户", en: "by 2 customers only" };
  const option = backtestOption({
    backtest: { signals: [], issues: 0, days: [{ day: "2026-03-01", count: 90, limit: 40, note }] },
    from: "2026-03-01",
    to: "2026-03-01",
    format: makeFormat("en", "UTC"),
    words,
  });
  const { formatter } = option.tooltip as unknown as { formatter: (items: unknown) => string };
  expect(formatter([{ dataIndex: 0 }])).toContain("by 2 customers only");
});

test("a rule is tried as it stands in the form, before anything is saved", async () => {
  const calls = serve({ "POST /detectors/backtest": backtest });
  visit("/settings/detectors/edit?kind=low_rating");
  const limit = await screen.findByLabelText("上限");
  fireEvent.change(limit, { target: { value: "3" } });
  fireEvent.click(screen.getByRole("button", { name: "试算" }));
  expect(await screen.findByText(/会发出 2 个信号，打开 2 个问题，发 1 封邮件/)).toBeTruthy();
  expect(screen.getByText("60 次，超过 50")).toBeTruthy();
  expect(screen.getByText("58 位客户")).toBeTruthy();
  const trial = calls.find((call) => call.path === "/detectors/backtest")?.body as {
    detector: { kind: string; params: unknown };
  };
  expect(trial.detector).toMatchObject({ kind: "low_rating", params: { max_rating: 2, limit: 3 } });
  expect(calls.some((call) => call.method === "PUT")).toBe(false);
});

test("a trial ends yesterday, and what the server notes about it is shown", async () => {
  const note = { zh: "今天还没过完，未计入。", en: "Today is not over and was left out." };
  const calls = serve({ "POST /detectors/backtest": { ...backtest, notes: [note] } });
  visit("/settings/detectors/edit?kind=low_rating");
  const limit = await screen.findByLabelText("上限");
  fireEvent.change(limit, { target: { value: "3" } });
  const yesterday = addDays(dayIn(new Date(), "Asia/Shanghai"), -1);
  fireEvent.click(screen.getByRole("button", { name: "试算" }));
  expect(await screen.findByText(note.zh)).toBeTruthy();
  const trial = calls.find((call) => call.path === "/detectors/backtest")?.body as {
    from: string;
    to: string;
  };
  expect(trial.to).toBe(yesterday);
  expect(trial.from).toBe(addDays(trial.to, -55));
});

test("a mute needs a reason", async () => {
  const rule = {
    key: "spike",
    kind: "spike",
    scope: {},
    params: { factor: 1.5 },
    enabled: true,
    owner: null,
    version: 4,
  };
  const calls = serve({
    "GET /detectors": { items: [rule], next_cursor: null },
    "PUT /detectors/spike": rule,
  });
  visit("/settings/detectors/edit?key=spike");
  fireEvent.click(await screen.findByRole("button", { name: "静音" }));
  expect(await screen.findByText("此项必填")).toBeTruthy();
  fireEvent.change(screen.getByLabelText("原因"), { target: { value: "系统切换" } });
  fireEvent.click(screen.getByRole("button", { name: "静音" }));
  await waitFor(() => expect(calls.some((call) => call.method === "PUT")).toBe(true));
  const sent = calls.find((call) => call.method === "PUT")?.body as {
    mute: { reason: string; until: string };
  };
  expect(sent.mute.reason).toBe("系统切换");
  expect(sent.mute.until).toMatch(/^\d{4}-\d\d-\d\d$/);
});
