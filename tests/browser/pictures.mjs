// The pictures of the README, made from the demo: `npm run pictures -- FOLDER`.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { startDemo } from "./server.mjs";

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, "../../server/docs/screenshots"));
await mkdir(folder, { recursive: true });
const demo = await startDemo();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1280, height: 860 }, timezoneId: "Asia/Shanghai" });
const page = await context.newPage();

/** Nothing turns or moves any more. */
const still = async () => {
  await page.waitForLoadState("networkidle");
  await page.waitForFunction(() => !document.querySelector(".ant-spin-spinning, .loading"));
  await page.waitForFunction(() => {
    const same = window.lastPage === document.body.innerHTML;
    window.lastPage = document.body.innerHTML;
    return same;
  }, null, { polling: 500 });
};
const open = async (path) => {
  await page.goto(path.startsWith("http") ? path : demo.address + path);
  await still();
};
const shot = async (name, options) => {
  // The pointer marks whatever it rests on.
  await page.mouse.move(page.viewportSize().width - 4, 4);
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, `${name}.png`), ...options });
};

try {
  await open("/");
  await page.getByLabel("邮箱").fill(demo.email);
  await page.getByLabel("密码").fill(demo.password);
  await page.getByRole("button", { name: "登录", exact: true }).click();
  await page.getByRole("heading", { name: "总览" }).first().waitFor();
  await still();
  await shot("overview");

  await open("/tasks");
  await page.locator("a.record--task", { hasText: "已恢复" }).first().click();
  await page.locator(".versus").waitFor();
  await still();
  await shot("verdict");

  // The task that is still waiting for its owner: its mail, and the page that the mail opens.
  const mails = await page.evaluate(async () => (await fetch("/api/v1/mailbox?limit=200")).json());
  const offered = mails.items.find((mail) => /\/a\//.test(mail.text));
  const link = offered.text.match(/https?:\/\/\S+\/a\/\S+/)[0];
  await page.setViewportSize({ width: 680, height: 900 });
  await page.setContent(offered.html);
  await shot("mail", { fullPage: true });
  const phone = await browser.newContext({ locale: "zh-CN", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
  const small = await phone.newPage();
  await small.goto(demo.address + new URL(link).pathname);
  await small.screenshot({ path: join(folder, "action-page.png") });
  if (process.env.MORE) {
    for (const [name, path] of Object.entries({ issues: "/issues", tasks: "/tasks", topics: "/topics", detectors: "/settings/detectors", departments: "/settings/departments", calendar: "/settings/calendar", savings: "/savings", knowledge: "/knowledge", mailbox: "/mailbox" })) {
      await page.setViewportSize({ width: 390, height: 844 });
      await open(path);
      await shot(`more-${name}-phone`, { fullPage: true });
      await page.setViewportSize({ width: 1280, height: 800 });
      await open(path);
      await shot(`more-${name}`);
    }
  }
} finally {
  await browser.close();
  await demo.stop();
}
