import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App } from "antd";
import { afterEach, expect, test, vi } from "vitest";
import type { Grant, Plugin } from "../../api/types";
import { begin, GrantModal, newPowers } from "./grant-modal";

const says = { zh: "读取", en: "read" };
const host = (origin: string, methods: string[]) => ({ origin, methods, purpose: says });
const secret = (name: string) => ({ name, title: { zh: name, en: name } });

function version(more: Partial<Plugin>): Plugin {
  return {
    id: "new",
    name: "helpdesk",
    version: "0.2.0",
    role: "connector",
    digest: "d",
    state: "installed",
    manifest: { limits: { "memory-mb": 64 } },
    asked: {
      hosts: [host("https://a.example", ["GET", "POST"]), host("https://more.example", ["GET"])],
      secrets: [secret("token"), secret("second")],
    },
    grant: { hosts: [], secrets: [], files: false, imap: false, limits: {} },
    needs_grant: true,
    granted_at: null,
    active_since: null,
    revision: 1,
    size: 1,
    signer: "key-2",
    created_at: "2026-01-01T00:00:00Z",
    ...more,
  };
}

const held: Grant = {
  hosts: [{ origin: "https://a.example", methods: ["GET"], networks: [] }],
  secrets: ["token"],
  files: false,
  imap: false,
  limits: { memory_mb: 32 },
};
const before = version({
  id: "old",
  version: "0.1.0",
  state: "active",
  asked: { hosts: [host("https://a.example", ["GET"])], secrets: [secret("token")] },
  grant: held,
  granted_at: "2026-01-01T00:00:00Z",
  signer: "key-1",
});

afterEach(() => vi.restoreAllMocks());

test("a plugin that is new here begins with all it asks for, a newer version with what is granted", () => {
  expect(begin(version({}), undefined).secrets).toEqual(["token", "second"]);
  expect(begin(version({}), undefined).hosts[0]?.methods).toEqual(["GET", "POST"]);
  expect(begin(version({ grant: held }), before)).toEqual(held);
  expect(begin(before, undefined)).toEqual(held);
});

test("what was not asked for before is new", () => {
  const powers = ["POST https://a.example", "GET https://more.example", "secret second"];
  expect([...newPowers(version({}), before)]).toEqual(powers);
  expect([...newPowers(version({}), undefined)]).toEqual([]);
});

test("granting without a touch grants nothing new", async () => {
  const sent: unknown[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = input instanceof Request ? input : new Request(input, init);
    sent.push(await request.json());
    return new Response(JSON.stringify(before), { headers: { "Content-Type": "application/json" } });
  });
  const done = vi.fn();
  const { container } = render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <GrantModal plugin={version({ grant: held })} inUse={before} onClose={done} />
      </App>
    </QueryClientProvider>,
  );
  expect(container.ownerDocument.querySelectorAll(".ant-alert-warning")).toHaveLength(1);
  expect((screen.getByLabelText("POST https://a.example") as HTMLInputElement).checked).toBe(false);
  const ok = container.ownerDocument.querySelector(".ant-modal-footer .ant-btn-primary");
  fireEvent.click(ok as Element);
  await waitFor(() => expect(done).toHaveBeenCalled());
  expect(sent).toEqual([held]);
});
