// The console in a real browser: log in, import a file, read the three verdicts of the demo.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { startDemo } from "./server.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** The three fixes of the demo and what became of them, in the console's words. */
const VERDICTS = ["已验证有效", "未见效果", "已恢复（原因未证实）"];

describe("the console", { concurrency: false }, () => {
  let demo;
  let browser;
  let page;
  /** What went wrong behind the scenes. */
  const troubles = [];

  const shot = async (name, options = {}) => {
    const folder = process.env.SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), ...options });
  };

  /** Nothing on the page turns any more. */
  const settled = async () => {
    await page.waitForLoadState("networkidle");
    await page.waitForFunction(() => !document.querySelector(".ant-spin-spinning, .loading"));
  };

  /** A chart has been drawn: axes with figures, and marks. */
  const drawn = async (count = 1) => {
    await page.waitForFunction((wanted) => {
      const charts = [...document.querySelectorAll(".chart svg")];
      const full = charts.filter((chart) => chart.querySelectorAll("path").length > 5 && chart.querySelector("text"));
      return full.length >= wanted;
    }, count);
    // Points fly in; a picture is taken when they have landed.
    await page.waitForFunction(() => {
      const now = [...document.querySelectorAll(".chart svg")].map((chart) => chart.innerHTML).join("");
      const same = window.lastCharts === now;
      window.lastCharts = now;
      return same;
    }, null, { polling: 400 });
  };

  const open = async (path) => {
    await page.goto(demo.address + path);
    await settled();
  };

  /** The page as text. */
  const text = () => page.locator("body").innerText();

  before(async () => {
    demo = await startDemo();
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: FLAGS,
    });
    const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1440, height: 900 } });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("pageerror", (error) => troubles.push(`error on ${page.url()}: ${error}`));
    page.on("console", (message) => {
      // Asking who one is before one has logged in is answered with 401, which a browser calls an error.
      const expected = message.text().includes("401");
      if (message.type() === "error" && !expected) troubles.push(`console on ${page.url()}: ${message.text()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 500) troubles.push(`${response.status()} ${response.url()}`);
    });
    page.on("request", (request) => {
      // Everything comes from the program itself.
      const local = request.url().startsWith(demo.address) || /^(data|blob):/.test(request.url());
      if (!local) troubles.push(`asked somebody else: ${request.url()}`);
    });
  });

  after(async () => {
    await browser?.close();
    await demo?.stop();
  });

  test("a wrong password is told, the right one opens the overview", async () => {
    await open("/");
    await page.getByLabel("邮箱").fill(demo.email);
    await page.getByLabel("密码").fill("not the password");
    await page.getByRole("button", { name: "登录", exact: true }).click();
    await page.getByText("邮箱或密码不正确").first().waitFor();
    await shot("login");
    await page.getByLabel("密码").fill(demo.password);
    await page.getByRole("button", { name: "登录", exact: true }).click();
    await page.getByRole("heading", { name: "总览" }).first().waitFor();
    await settled();
    await drawn();
    await shot("overview");
    assert.match(await text(), /四象限/);
  });

  test("the navigation leads to pages that hold something", async () => {
    for (const [path, word] of [
      ["/issues", "问题"],
      ["/tasks", "改进任务"],
      ["/topics", "问题主题"],
      ["/mailbox", "没有任何邮件离开本机"],
      ["/knowledge", "知识"],
      ["/settings/departments", "部门"],
      ["/settings/detectors", "检测规则"],
      ["/settings/plugins", "keyword-classifier"],
    ]) {
      await open(path);
      await page.getByText(word).first().waitFor();
      assert.doesNotMatch(await text(), /页面出错了|操作没有成功|没有这个页面/, path);
      await shot(path.slice(1).replaceAll("/", "-"));
    }
  });

  test("a file is imported, its columns guessed", async () => {
    const rows = ["工单编号,受理时间,工单内容,满意度"];
    for (let n = 0; n < 30; n++) {
      rows.push(`WD${n},2025/12/4 14:${String(n).padStart(2, "0")},套餐资费说不清楚 第${n}次反馈,${(n % 5) + 1}`);
    }
    const file = join(demo.folder, "工单明细.csv");
    await writeFile(file, `﻿${rows.join("\r\n")}\r\n`);
    await open("/import");
    await page.locator('input[type="file"]').setInputFiles(file);
    await page.getByText("核对每一列的含义").waitFor();
    const checked = await text();
    for (const guessed of ["发生时间", "正文", "评分"]) assert.ok(checked.includes(guessed), `${guessed} in ${checked}`);
    await shot("import-check", { fullPage: true });
    await page.locator("#import-channel").fill("热线工单");
    await page.getByRole("button", { name: "开始导入" }).click();
    await page.getByText("导入完成").first().waitFor();
    await settled();
    await shot("import-done");
    const tally = await page.locator("dl.tally").first().innerText();
    assert.match(tally.replaceAll(/\s+/g, " "), /行 30 新收到 30/, tally);
  });

  test("all three verdicts of the demo stand in the console", async () => {
    await open("/tasks");
    const list = await text();
    for (const verdict of VERDICTS) assert.ok(list.includes(verdict), `${verdict} in ${list}`);
    for (const [index, verdict] of VERDICTS.entries()) {
      await open("/tasks");
      await page.locator("a.record--task", { hasText: verdict }).first().click();
      await page.waitForURL(/\/tasks\/.+/);
      await page.locator(".versus").waitFor();
      await settled();
      const ours = await page.locator(".versus__ours").innerText();
      assert.ok(ours.includes(verdict), `${verdict} in ${ours}`);
      const naive = await page.locator(".versus__naive").innerText();
      if (verdict.startsWith("已恢复")) assert.match(naive, /有效/, "a naive comparison calls it a success");
      await drawn();
      await shot(`verdict-${["improved", "no-effect", "recovered"][index]}`, { fullPage: true });
    }
  });

  test("the evidence of a verdict: sentence first, then the nights that led to it", async () => {
    await open("/tasks");
    await page.locator("a.record--task", { hasText: VERDICTS[0] }).first().click();
    await page.waitForURL(/\/tasks\/.+/);
    await page.getByRole("link", { name: /查看全部证据/ }).click();
    await page.waitForURL(/\/verification$/);
    await settled();
    const sentence = page.locator(".verdict__sentence--large");
    await sentence.waitFor();
    assert.match(await sentence.innerText(), /从 \d+% 升到 \d+%/);
    const looks = page.getByRole("img", { name: /每晚的判断/ });
    await looks.waitFor();
    assert.match(await looks.getAttribute("aria-label"), /\d+ 晚，最后一次 .+可信范围/);
    await drawn(2);
    const body = await text();
    const order = ["我们的结论", "前后对比，并与其他主题比较", "每晚的判断", "护栏指标", "历次结论", "节省"];
    for (const part of order) assert.ok(body.includes(part), `${part} in ${body}`);
    await shot("evidence", { fullPage: true });
    await page.getByText("数字与方法").click();
    await page.getByText("日常波动放大系数").waitFor();
  });

  test("a rule is tried on stored history before it is saved", async () => {
    await open("/settings/detectors/edit?kind=threshold");
    await page.getByLabel("上限", { exact: true }).fill("100");
    await page.getByRole("button", { name: "试算", exact: true }).click();
    const says = page.locator(".backtest__says");
    await says.waitFor();
    assert.match(await says.innerText(), /会发出 \d+ 个信号，打开 \d+ 个问题，发 \d+ 封邮件|一次也不会触发/);
    await drawn();
    await shot("backtest", { fullPage: true });
    await open("/settings/detectors");
    assert.doesNotMatch(await text(), /超过 100 次/, "nothing was saved");
  });

  test("a person decides a quadrant, and releases the decision", async () => {
    await open("/issues");
    await page.locator("main a[href^='/issues/']").first().click();
    await page.waitForURL(/\/issues\/.+/);
    await page.getByRole("button", { name: "改由人决定" }).click();
    await page.getByLabel("为什么（会记入经过）").fill("管理层要求本季度解决");
    await page.getByRole("dialog").getByRole("button", { name: "保存" }).click();
    await page.getByText("管理层要求本季度解决").first().waitFor();
    await shot("quadrant-decided", { fullPage: true });
    await page.getByRole("button", { name: "解除" }).first().click();
    await page.locator(".ant-popover, .ant-popconfirm").getByRole("button", { name: "解除" }).click();
    await page.getByRole("button", { name: "改由人决定" }).waitFor();
  });

  test("an issue shows its trend, voices and quadrant", async () => {
    await open("/issues");
    await page.locator("main a.record, main a[href^='/issues/']").first().click();
    await page.waitForURL(/\/issues\/.+/);
    await page.getByText("客户原话").first().waitFor();
    await settled();
    await drawn();
    const body = await text();
    assert.ok(["立即改进", "专项规划", "快速优化", "持续观察"].some((q) => body.includes(q)), body);
    await shot("issue", { fullPage: true });
  });

  test("it speaks English, and fits a telephone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open("/");
    await drawn();
    await shot("overview-phone", { fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 1, `the page is ${wide} pixels wider than a telephone`);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.evaluate(() => {
      for (const key of Object.keys(localStorage)) if (/lang|locale|i18n/i.test(key)) localStorage.removeItem(key);
    });
    const english = page.getByText(/^(English|EN)$/).first();
    if (await english.count()) {
      await english.click();
      await page.getByRole("heading", { name: "Overview" }).first().waitFor();
      await settled();
      await drawn();
      await shot("overview-en");
      assert.doesNotMatch(await page.locator("nav").first().innerText(), /总览/);
    } else {
      assert.fail("there is no way to choose English");
    }
  });

  test("nothing went wrong behind the scenes", () => {
    assert.deepEqual(troubles, []);
  });
});
