// Plugins in a real browser: upload, review of powers, grant, installation with its form, secrets, test of the
// connection, records that were refused, an upgrade with the figures of its shadow, and back again.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { startServer } from "./server.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"];
const plugins = resolve(import.meta.dirname, "../../target/plugins");

/** The same component under another version: the manifest is text of the same length. */
async function otherVersion(name, folder) {
  const bytes = await readFile(join(plugins, `${name}.wasm`));
  const section = bytes.lastIndexOf("bihuan:manifest");
  const at = bytes.indexOf('"version":"', section) + '"version":"'.length;
  const end = bytes.indexOf('"', at);
  const version = bytes.toString("latin1", at, end).replaceAll(/\d/g, "9");
  bytes.write(version, at, "latin1");
  const file = join(folder, `${name}-${version}.wasm`);
  await writeFile(file, bytes);
  return { file, version };
}

describe("plugins in the console", { concurrency: false }, () => {
  let server;
  let source;
  let browser;
  let page;
  const troubles = [];
  let listing = [];

  const shot = async (name) => {
    const folder = process.env.SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  };
  const settled = async () => {
    await page.waitForFunction(() => !document.querySelector(".ant-spin-spinning, .loading"));
  };
  const open = async (path) => {
    await page.goto(server.address + path);
    await settled();
  };
  const confirm = (name) =>
    page.locator(".ant-popover:visible, .ant-popconfirm:visible").getByRole("button", { name }).click();

  before(async () => {
    source = createServer((request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ data: request.url.startsWith("/list") ? listing : [] }));
    });
    await new Promise((ready) => source.listen(0, "127.0.0.1", ready));
    server = await startServer();
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: FLAGS,
    });
    const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1440, height: 900 } });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("pageerror", (error) => troubles.push(`error on ${page.url()}: ${error}`));
    page.on("response", (response) => {
      if (response.status() >= 500) troubles.push(`${response.status()} ${response.url()}`);
    });
    await open("/");
    await page.getByLabel("邮箱").fill(server.email);
    await page.getByLabel("密码").fill(server.password);
    await page.getByRole("button", { name: "登录", exact: true }).click();
    await page.getByRole("heading", { name: "总览" }).first().waitFor();
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    source?.close();
  });

  test("what a plugin asks for is read in plain sentences and granted", async () => {
    await open("/settings/plugins");
    const versions = page.locator('[data-version^="http-json@"]');
    await versions.getByRole("button", { name: "审阅权限" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("除此之外它不能访问网络、文件或数据库。").waitFor();
    await dialog.getByLabel(/可以访问下面列出的地址/).fill(`http://127.0.0.1:${source.address().port}`);
    await dialog.getByRole("button", { name: "授权", exact: true }).click();
    // Plain http needs its network: the refusal names the field.
    await dialog.getByText("hosts[0].networks").waitFor();
    await dialog
      .getByLabel(/可以访问下面列出的地址/)
      .fill(`http://127.0.0.1:${source.address().port} 127.0.0.0/8`);
    await shot("plugin-review");
    await dialog.getByRole("button", { name: "授权", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.locator('[data-version^="http-json@"]').getByText("等待授权").waitFor({ state: "detached" });
  });

  test("an installation is set up with the form that its schema draws", async () => {
    listing = [
      { id: "a1", at: "2026-01-05T10:00:00+08:00", text: "套餐资费说不清楚" },
      { id: "a2", at: "2999-01-01T00:00:00+08:00", text: "请回电 13812345678" },
    ];
    await open("/settings/plugins/edit?plugin=http-json");
    await page.getByLabel("编号").fill("web-list");
    await page.getByLabel("名称").fill("官网留言");
    await page.getByLabel("渠道", { exact: true }).fill("website");
    await page.getByLabel(/列表地址/).fill(`http://127.0.0.1:${source.address().port}/list`);
    await page.getByLabel(/数组的位置/).fill("/data");
    await page
      .getByLabel(/字段 Fields/)
      .fill('{"external_id": "/id", "occurred_at": "/at", "text": "/text"}');
    await shot("plugin-form");
    await page.getByRole("button", { name: "保存", exact: true }).click();
    await page.waitForURL(/key=web-list/);
    await page.getByRole("heading", { name: "官网留言" }).waitFor();
    await page.getByText("新增 1", { exact: false }).first().waitFor();
    assert.ok(await page.getByText("正常", { exact: true }).first().isVisible());
  });

  test("what a stream would bring is seen before it counts", async () => {
    await page.locator("[data-stream]").getByRole("button", { name: /预\s?览/ }).click();
    const drawer = page.getByRole("dialog");
    await drawer.locator('[data-preview="item"]').filter({ hasText: "套餐资费说不清楚" }).waitFor();
    // People's numbers are masked as everywhere.
    assert.doesNotMatch(await drawer.innerText(), /13812345678/);
    await shot("plugin-preview");
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "hidden" });
  });

  test("a secret goes in and is never shown, the connection is tested", async () => {
    await page.getByLabel(/令牌或密码/).fill("a secret of the browser test");
    await page.getByRole("button", { name: "保存密钥" }).click();
    await page.getByText("第 1 个值", { exact: false }).waitFor();
    assert.doesNotMatch(await page.content(), /a secret of the browser test/);
    await page.getByRole("button", { name: "测试连接" }).click();
    await page.locator('[data-check="ok"]').waitFor();
    await shot("plugin-installation");
  });

  test("a refused record is seen masked, mended and taken", async () => {
    const record = page.locator("li", { hasText: "2999-01-01" });
    await record.waitFor();
    assert.doesNotMatch(await record.innerText(), /13812345678/);
    await record.getByRole("button", { name: "重新处理" }).click();
    // Nothing has changed: it is refused again, and the page says why.
    await page.getByRole("alert").filter({ hasText: "invalid_field" }).first().waitFor();
    await shot("plugin-rejected");
  });

  test("an upgrade is tried, switched to and taken back", async () => {
    const { file, version } = await otherVersion("keyword-classifier", server.folder);
    await open("/settings/plugins");
    await page.getByRole("checkbox", { name: "接受没有签名的插件" }).check();
    await page.locator('input[type="file"]').setInputFiles(file);
    const fresh = page.locator(`[data-version="keyword-classifier@${version}"]`);
    await fresh.waitFor();
    await fresh.getByRole("button", { name: /试读最近/ }).click();
    await fresh.getByText(/试读 \d+ 条，0 条/).waitFor();
    await shot("plugin-shadow");
    await fresh.getByRole("button", { name: "切换到这个版本" }).click();
    await confirm("确定切换");
    await fresh.getByText("运行中").waitFor();
    await fresh.getByRole("button", { name: "回 退" }).or(fresh.getByRole("button", { name: "回退" })).first().click();
    await confirm("确定回退");
    await fresh.getByText("已安装，未启用").waitFor();
    await shot("plugin-rolled-back");
  });

  test("nothing went wrong behind the scenes", () => {
    assert.deepEqual(troubles, []);
  });
});
