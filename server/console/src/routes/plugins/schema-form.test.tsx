import { fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { readOrigins, writeOrigins } from "./grant-modal";
import { BrokenBoxes, type Schema, SchemaForm, startOf } from "./schema-form";

const schema: Schema = {
  type: "object",
  required: ["url", "paging"],
  properties: {
    url: { type: "string", title: "Address" },
    size: { type: "integer", title: "Size", minimum: 1 },
    sign: { type: "boolean", title: "Sign", default: true },
    paging: {
      type: "object",
      title: "Paging",
      required: ["type"],
      properties: { type: { enum: ["none", "page"], default: "none", title: "Kind" } },
    },
    fields: { type: "object", title: "Fields", additionalProperties: { type: "string" } },
    lines: { type: "array", title: "Lines", items: { $ref: "#/$defs/line" } },
  },
  $defs: { line: { type: "string", title: "Line" } },
};

let last: unknown;

function Form() {
  const [value, setValue] = useState<unknown>(startOf(schema, schema));
  last = value;
  return <SchemaForm schema={schema} root={schema} value={value} onChange={setValue} />;
}

test("settings begin with their defaults and become what is typed", () => {
  render(<Form />);
  expect(last).toEqual({ sign: true, paging: { type: "none" } });
  fireEvent.change(screen.getByLabelText(/Address/), { target: { value: "https://a.example" } });
  fireEvent.change(screen.getByLabelText("Size"), { target: { value: "20" } });
  fireEvent.click(screen.getByLabelText("Sign"));
  fireEvent.change(screen.getByLabelText("Fields"), { target: { value: '{"external_id": "/id"}' } });
  expect(last).toEqual({
    url: "https://a.example",
    size: 20,
    sign: false,
    paging: { type: "none" },
    fields: { external_id: "/id" },
  });
  // What was emptied is left out: "" is not "nothing" to a schema.
  fireEvent.change(screen.getByLabelText(/Address/), { target: { value: "" } });
  expect(last).not.toHaveProperty("url");
});

test("what counts while nothing is filled in is said", () => {
  const shown: Schema = {
    type: "object",
    properties: {
      level: { $ref: "#/$defs/level" },
      word: { type: "string", title: "Word", default: "due" },
      size: { type: "integer", title: "Size", default: 50 },
      sign: { type: "boolean", title: "Sign", default: true },
    },
    $defs: { level: { enum: ["low", "mid"], default: "mid", title: "Level" } },
  };
  render(<SchemaForm schema={shown} root={shown} value={{}} onChange={() => {}} />);
  expect(screen.getByText(/mid/)).toBeTruthy();
  expect(screen.getByLabelText("Word").getAttribute("placeholder")).toMatch(/due/);
  expect(screen.getByLabelText("Size").getAttribute("placeholder")).toMatch(/50/);
  expect(screen.getByLabelText("Sign").getAttribute("aria-checked")).toBe("true");
  expect(startOf(shown, shown)).toEqual({ level: "mid", word: "due", size: 50, sign: true });
});

test("text that is no JSON yet changes nothing and says so", () => {
  const told = vi.fn();
  render(
    <BrokenBoxes value={told}>
      <Form />
    </BrokenBoxes>,
  );
  fireEvent.change(screen.getByLabelText("Fields"), { target: { value: '{"a": ' } });
  expect(last).not.toHaveProperty("fields");
  expect(screen.getByRole("alert")).toBeTruthy();
  expect(told).toHaveBeenLastCalledWith(screen.getByLabelText("Fields").id, true);
});

test("origins are written one a line, their networks behind them", () => {
  const text = "https://api.example.com\nhttp://10.1.2.3:8080 10.1.0.0/16, 10.2.0.0/16";
  const hosts = readOrigins(`\n ${text} \n`);
  expect(hosts).toEqual([
    { origin: "https://api.example.com", methods: [], networks: [] },
    { origin: "http://10.1.2.3:8080", methods: [], networks: ["10.1.0.0/16", "10.2.0.0/16"] },
  ]);
  expect(readOrigins(writeOrigins(hosts))).toEqual(hosts);
});

test("fewer methods stay fewer, whoever opens the list", () => {
  const hosts = [{ origin: "https://api.example.com", methods: ["GET", "HEAD"], networks: ["10.1.0.0/16"] }];
  expect(writeOrigins(hosts)).toBe("GET,HEAD https://api.example.com 10.1.0.0/16");
  expect(readOrigins(writeOrigins(hosts))).toEqual(hosts);
});
