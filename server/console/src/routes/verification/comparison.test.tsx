import { expect, test } from "vitest";
import { IntervalRows, scaleOf } from "../../components/interval-rows";
import { evidence, task } from "../../test/evidence";
import { show } from "../../test/fixtures";
import { Comparison, endsOf, ownChange } from "./comparison";

test("the scale holds every interval and mark, and nought", () => {
  const at = scaleOf(
    [{ key: "a", name: "", value: 0.1, low: 0.05, high: 0.2, colour: "", text: "" }],
    [{ at: 0.05, label: "" }],
  );
  for (const value of [0, 0.05, 0.2]) {
    expect(at(value)).toBeGreaterThan(0);
    expect(at(value)).toBeLessThan(100);
  }
  expect(at(0)).toBeLessThan(at(0.05));
});

test("the drawing is for eyes only, the figures are text", () => {
  const { container } = show(
    <IntervalRows
      rows={[
        { key: "a", name: "change", value: 0.1, low: 0.05, high: 0.2, colour: "red", text: "+10 points" },
      ]}
      marks={[{ at: 0, label: "no change" }]}
    />,
  );
  expect(container.querySelector(".intervals__track")?.getAttribute("aria-hidden")).toBe("true");
  expect(container.querySelector(".intervals__text")?.textContent).toBe("+10 points");
});

test("a topic's own change is a difference for shares and a ratio for counts", () => {
  const { before, after } = evidence();
  expect(ownChange({ metric: "csat", before, after })).toBeCloseTo(0.1376);
  const day = (adjusted: number) => ({ ...before, adjusted });
  expect(ownChange({ metric: "volume", before: day(40), after: day(30) })).toBeCloseTo(-0.25);
  expect(ownChange({ metric: "volume", before: day(0), after: day(30) })).toBeNull();
});

test("the other topics stand beside, with what is taken off and what is left", () => {
  const { container } = show(<Comparison task={task()} verification={evidence()} />);
  const rows = [...container.querySelectorAll(".intervals__name")].map((row) => row.textContent);
  expect(rows[0]).toBe("本主题的变化");
  expect(rows[1]).toContain("其他 9 个主题");
  expect(rows[1]).toContain("1.04");
  expect(rows[2]).toContain("属于修复的变化");
  expect(container.querySelector(".levels")?.textContent).toContain("79.0%");
});

test("what is not proven is not credited to the fix", () => {
  const { container } = show(<Comparison task={task()} verification={evidence({ verdict: "recovered" })} />);
  expect(container.textContent).toContain("扣除同期变化后");
  expect(container.textContent).not.toContain("属于修复的变化");
  expect(container.textContent).not.toContain("误判为有效");
});

test("no comparison is said with its reason, not passed over", () => {
  const { container } = show(
    <Comparison
      task={task()}
      verification={evidence({ control: { kind: "none", why: "too_few_topics" } })}
    />,
  );
  expect(container.textContent).toContain("未与其他主题比较（可比的主题不到 3 个）");
  expect(container.querySelectorAll(".intervals__row--strong")).toHaveLength(1);
});

test("shows an adjusted level with its own interval, never the raw one's", () => {
  const side = { n: 355, value: 0.43, low: 0.401, high: 0.467, from: null, to: null };
  const adjusted = { ...side, adjusted: 0.525, adjusted_low: 0.47, adjusted_high: 0.58 };
  expect(endsOf(adjusted)).toEqual({ low: 0.47, high: 0.58 });
  expect(endsOf({ ...side, adjusted: null })).toEqual({ low: 0.401, high: 0.467 });
  // A result of an earlier version has none: better no interval than another level's.
  expect(endsOf({ ...side, adjusted: 0.525 })).toBeNull();
});
