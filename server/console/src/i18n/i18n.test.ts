import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { en } from "./en";
import { zh } from "./zh-CN";

type Tree = { [key: string]: string | Tree };

function leaves(tree: Tree, path = ""): Array<[key: string, text: string]> {
  return Object.entries(tree).flatMap(([name, value]) =>
    typeof value === "string"
      ? [[`${path}${name}`, value] as [string, string]]
      : leaves(value, `${path}${name}.`),
  );
}

const chinese = new Map(leaves(zh));
const english = new Map(leaves(en));
const sources = import.meta.glob<string>(
  ["../**/*.{ts,tsx}", "!../**/*.test.*", "!../i18n/*", "!../test/*"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

test("both languages have the same keys", () => {
  expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
});

test("both languages have the same placeholders", () => {
  const different = [...chinese].filter(
    ([key, text]) => placeholders(text).join() !== placeholders(english.get(key) ?? "").join(),
  );
  expect(different.map(([key]) => key)).toEqual([]);
});

test("no text is empty", () => {
  for (const [key, text] of [...chinese, ...english]) expect(text.trim(), key).not.toBe("");
});

test("English has no Chinese in it, but for the name of the language", () => {
  const mixed = [...english].filter(
    ([key, text]) => /\p{Script=Han}/u.test(text) && key !== "language.zh-CN",
  );
  expect(mixed).toEqual([]);
});

test("components carry no hard-coded Chinese", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(40);
  const found = Object.entries(sources).flatMap(([file, source]) =>
    source
      .split("\n")
      .flatMap((line, index) =>
        /[\p{Script=Han}。，：；？！]/u.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
  // Separators people type between words are data, not text.
  expect(found.filter((line) => !line.includes("tokenSeparators"))).toEqual([]);
});

test("no translation is left over", () => {
  const source = Object.values(sources).join("\n");
  const wholeGroups = new Set(
    [...source.matchAll(/word\("(\w+)"/g), ...source.matchAll(/t\(`(\w+)\.\$/g)].map(
      (match) => match[1] ?? "",
    ),
  );
  const prefixes = [...source.matchAll(/`(\w+\.\w+)\$\{/g)].map((match) => match[1] ?? "");
  const unused = [...chinese.keys()].filter(
    (key) =>
      !source.includes(key) &&
      !wholeGroups.has(key.split(".")[0] ?? "") &&
      !prefixes.some((prefix) => key.startsWith(prefix)),
  );
  expect(unused).toEqual([]);
});

/** What the server is made of: the names of its events stand there. */
function server(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return server(path);
    return path.endsWith(".rs") ? [readFileSync(path, "utf8")] : [];
  });
}

test("every event that the server writes has a name in both languages", () => {
  const written = server("../src").flatMap((source) =>
    [...source.matchAll(/"(?:issue|task)\.([a-z_]+)"/g)].map((match) => match[1] ?? ""),
  );
  // The states of an issue are written by their names.
  const kinds = [...new Set([...written, "open", "in_progress", "verifying", "resolved", "relapsed"])];
  expect(kinds).toContain("alarm_withdrawn");
  expect(kinds.length).toBeGreaterThan(20);
  const nameless = kinds.filter((kind) => !chinese.has(`event.${kind}`) || !english.has(`event.${kind}`));
  expect(nameless).toEqual([]);
});
