import { cleanup, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, test } from "vitest";
import type { Verdict } from "../../api/types";
import { i18next } from "../../i18n";
import { show, verification } from "../../test/fixtures";
import { naiveDirection, VerdictCard } from "./verdict-card";

const NAMES: Record<Verdict, { zh: string; en: string }> = {
  improved: { zh: "已验证有效", en: "Improved" },
  recovered: { zh: "已恢复（原因未证实）", en: "Recovered (cause unproven)" },
  no_effect: { zh: "未见效果", en: "No effect" },
  worse: { zh: "变差（重新打开）", en: "Worse (reopened)" },
  pending: { zh: "数据还不够", en: "Not enough data yet" },
  inconclusive: { zh: "证据不足", en: "Inconclusive" },
};

afterEach(async () => {
  await i18next.changeLanguage("zh-CN");
});

describe.each(Object.entries(NAMES) as Array<[Verdict, { zh: string; en: string }]>)(
  "%s",
  (verdict, names) => {
    test("is named, and its sentence comes before any number, in Chinese", () => {
      const { container } = show(<VerdictCard verification={verification(verdict)} />);
      expect(screen.getAllByText(names.zh).length).toBeGreaterThan(0);
      const text = container.textContent ?? "";
      expect(text.indexOf(`${verdict} zh`)).toBeGreaterThanOrEqual(0);
      expect(text.indexOf(`${verdict} zh`)).toBeLessThan(text.indexOf("78.1%"));
      expect(container.querySelector(`[data-verdict="${verdict}"]`)).not.toBeNull();
    });

    test("is named in English", async () => {
      await i18next.changeLanguage("en");
      show(<VerdictCard verification={verification(verdict)} />);
      expect(screen.getAllByText(names.en).length).toBeGreaterThan(0);
      expect(screen.getByText(`${verdict} en`)).toBeTruthy();
    });
  },
);

test("the simple comparison stands beside the verdict, and a disagreement is explained", () => {
  const { container } = show(<VerdictCard verification={verification("recovered")} />);
  const versus = container.querySelector<HTMLElement>(".versus");
  expect(versus).not.toBeNull();
  if (!versus) return;
  expect(within(versus).getByText("有效")).toBeTruthy();
  expect(within(versus).getByText("已恢复（原因未证实）")).toBeTruthy();
  expect(versus.textContent).toContain("76.0% → 92.0%，变化 +16.0 个百分点");
  expect(versus.textContent).toContain("把坏的那一段当作平时水平");
});

test("agreement is said, not explained away", () => {
  const { container } = show(<VerdictCard verification={verification("improved")} />);
  expect(container.querySelector(".versus")?.textContent).toContain("两种算法结论一致");
});

test("a comparison that cannot be computed claims nothing", () => {
  const { naive } = verification("pending");
  const { container } = show(
    <VerdictCard
      verification={verification("pending", {
        effect: null,
        naive: {
          ...naive,
          before: { n: 0, value: null },
          difference: null,
          p_value: null,
          claims_success: false,
        },
        missing: [{ code: "answers", need: 30, have: 12, sentence: { zh: "还差评分", en: "more ratings" } }],
      })}
    />,
  );
  expect(container.querySelector(".versus__naive")?.textContent).toContain("数据太少，算不出");
  expect(container.textContent).toContain("还差评分");
  expect(container.textContent).not.toContain("NaN");
});

test("a significant fall is no lack of change, and agrees with worse only", () => {
  const fall = { ...verification("worse").naive, difference: -0.219, p_value: 0.0001, claims_success: false };
  expect(naiveDirection({ metric: "csat", naive: fall })).toBe("worse");
  expect(naiveDirection({ metric: "csat", naive: { ...fall, p_value: 0.2 } })).toBe("none");
  expect(naiveDirection({ metric: "volume", naive: { ...fall, difference: 0.2 } })).toBe("worse");
  const said = (verdict: "worse" | "improved") =>
    show(<VerdictCard verification={verification(verdict, { naive: fall })} />).container.querySelector(
      ".versus",
    )?.textContent ?? "";
  const worse = said("worse");
  expect(worse).toContain("显著变差");
  expect(worse).toContain("两种算法结论一致");
  cleanup();
  const improved = said("improved");
  expect(improved).not.toContain("两种算法结论一致");
  expect(improved).not.toContain("没有显著变化");
});

test("contact volume is shown as contacts a day and a percentage, never as points", () => {
  const { before, after } = verification("improved");
  const { container } = show(
    <VerdictCard
      verification={verification("improved", {
        metric: "volume",
        before: { ...before, n: 2240, value: 40, adjusted: 40 },
        after: { ...after, n: 840, value: 30, adjusted: 30 },
        effect: { value: -0.25, low: -0.36, high: -0.12 },
      })}
    />,
  );
  const numbers = container.querySelector(".verdict__numbers")?.textContent ?? "";
  expect(numbers).toContain("40.0");
  expect(numbers).toContain("2,240 次联系");
  expect(numbers).toContain("−25%");
  expect(numbers).not.toContain("个百分点");
});
