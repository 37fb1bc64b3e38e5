// Every mail as a picture: each template in both languages, at desktop and phone width, in the light, in the dark
// that the mail knows of, and in the dark that clients make by force: `npm run mails -- FOLDER`. On the way it is
// measured: nothing is wider than the phone, nothing is loaded, and every text stands out from its ground.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { startServer } from "./server.mjs";

const folder = resolve(process.argv[2] ?? "mails");
const only = process.argv[3];
await mkdir(folder, { recursive: true });
const server = await startServer();
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"];
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const problems = [];
let pictures = 0;

/** Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3), and whether the page is wider than its window. */
const measure = () => {
  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.textContent.trim()) continue;
    let ground = node.parentElement;
    while (ground && (parse(getComputedStyle(ground).backgroundColor)[3] ?? 1) === 0) ground = ground.parentElement;
    const [a, b] = [
      light(parse(getComputedStyle(node.parentElement).color)),
      light(parse(ground ? getComputedStyle(ground).backgroundColor : "rgb(255,255,255)")),
    ].sort((p, q) => q - p);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: ${node.textContent.trim().slice(0, 40)}`);
  }
  if (document.documentElement.scrollWidth > window.innerWidth) {
    found.push(`wider than the window: ${document.documentElement.scrollWidth} of ${window.innerWidth}`);
  }
  return found;
};

try {
  const login = await fetch(`${server.address}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: server.email, password: server.password }),
  });
  const cookie = login.headers.get("set-cookie").split(";")[0];
  const ask = async (path) => (await fetch(`${server.address}/api/v1/mail/templates${path}`, { headers: { cookie } })).json();
  const mails = [];
  for (const language of ["zh-CN", "en"]) {
    for (const { name } of (await ask(`?language=${language}`)).items) {
      if (!only || name === only) mails.push({ name, language, ...(await ask(`/${name}?language=${language}`)) });
    }
  }
  for (const [mode, colorScheme, more] of [
    ["light", "light", []],
    ["dark", "dark", []],
    ["forced", "light", ["--blink-settings=forceDarkModeEnabled=true"]],
  ]) {
    const browser = await chromium.launch({ executablePath, args: [...args, ...more] });
    for (const [width, height] of [
      [680, 900],
      [375, 812],
    ]) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, javaScriptEnabled: true });
      const page = await context.newPage();
      const loaded = [];
      page.on("request", (request) => loaded.push(request.url()));
      for (const mail of mails) {
        await page.setContent(mail.html);
        const name = `${mail.name}-${mail.language}-${width}-${mode}`;
        // What is forced upon a page does not show in its computed colours: there only the picture tells.
        const wrong = mode === "forced" ? [] : await page.evaluate(measure);
        problems.push(...wrong.map((what) => `${name}: ${what}`));
        await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
        pictures += 1;
      }
      problems.push(...loaded.map((url) => `loaded: ${url}`));
      await context.close();
    }
    await browser.close();
  }
  console.log(`${mails.length} mails, ${pictures} pictures in ${folder}`);
} finally {
  await server.stop();
}
if (problems.length > 0) {
  console.error([...new Set(problems)].join("\n"));
  process.exitCode = 1;
}
