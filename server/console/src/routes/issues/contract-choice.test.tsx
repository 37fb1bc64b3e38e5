import { cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { candidate, contract } from "../../test/evidence";
import { show } from "../../test/fixtures";
import { ContractChoice, chanceOf, enteredSize, sizeEntered } from "./contract-choice";

// Names of topics are asked for and never come: keys stand in for them.
beforeEach(() => {
  vi.stubGlobal("fetch", () => new Promise(() => {}));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const slow = candidate({
  metric: "fcr",
  decidable: "too_slow",
  horizon_days: null,
  days: 92,
  smallest_visible: 0.18,
  reason: { zh: "要 92 天，超过 56 天。", en: "" },
});

function choose(change: Parameters<typeof contract>[0], onChange = vi.fn()) {
  const view = show(
    <ContractChoice contract={contract(change)} error={null} pending={false} wish={{}} onChange={onChange} />,
  );
  return { ...view, onChange };
}

test("the proposal is a sentence, its candidates say answers, days and chance", () => {
  const { container } = choose({ candidates: [slow, candidate()] });
  expect(screen.getByRole("status").textContent).toBe("约需 310 条评分，大约 9 天");
  const [first, second] = [...container.querySelectorAll(".choice")].map((choice) => choice.textContent);
  expect(first).toContain("约需 310 条评分，大约 9 天；如果真的改善，28 天内约 93% 的机会看得出来");
  expect(second).toContain("要 92 天，超过 56 天。 56 天内最小能看出 +18.0 个百分点。");
});

test("a person's choice of metric is asked of the server", () => {
  const { onChange } = choose({ candidates: [candidate(), slow] });
  fireEvent.click(screen.getByRole("radio", { name: /首次解决率/ }));
  expect(onChange).toHaveBeenCalledWith({ metric: "fcr" });
});

test("a refusal gives its reason and what can be taken instead", () => {
  const { onChange } = choose({
    candidates: [candidate(), slow],
    refused: {
      metric: "fcr",
      expected_change: 0.1,
      why: "too_slow",
      smallest_visible: 0.18,
      instead: "csat",
      sentence: { zh: "每天只有 2 次已知结果。", en: "" },
    },
  });
  expect(screen.getByRole("alert").textContent).toContain("每天只有 2 次已知结果。");
  fireEvent.click(screen.getByRole("button", { name: "改用满意度" }));
  expect(onChange).toHaveBeenCalledWith({});
});

test("sizes are entered in points, percent or stars, without sign", () => {
  expect(enteredSize("volume", -0.2)).toBe(20);
  expect(sizeEntered("csat", 7.5)).toBe(0.075);
  expect(enteredSize("mean_rating", 0.3)).toBe(0.3);
  expect(sizeEntered("mean_rating", 0.3)).toBe(0.3);
});

test("the chance is that of the planned horizon, else of the longest", () => {
  expect(chanceOf(candidate())).toEqual({ days: 28, power: 0.93 });
  expect(chanceOf(slow)).toEqual({ days: 56, power: 0.97 });
  expect(chanceOf(candidate({ power: [] }))).toBeNull();
});
