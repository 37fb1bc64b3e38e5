import { afterEach, expect, test, vi } from "vitest";
import { http, ifMatch, once, randomId, rememberCsrfToken, unwrap } from "./client";
import { ProblemError, UNREACHABLE } from "./problem";

afterEach(() => {
  rememberCsrfToken(null);
  vi.unstubAllGlobals();
});

function answer(body: unknown, status = 200, type = "application/json") {
  return new Response(body === undefined ? null : JSON.stringify(body), {
    status,
    headers: { "Content-Type": type },
  });
}

test("writes carry the session's token, reads do not", async () => {
  rememberCsrfToken("secret");
  const seen: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    seen.push(request);
    return answer({});
  });
  await unwrap(http.GET("/api/v1/overview"));
  await unwrap(http.POST("/api/v1/session", { body: { email: "a@example.com", password: "p" } }));
  expect(seen[0]?.headers.get("X-CSRF-Token")).toBeNull();
  expect(seen[1]?.headers.get("X-CSRF-Token")).toBe("secret");
});

test("a failed call throws the server's problem", async () => {
  vi.stubGlobal("fetch", async () =>
    answer({ code: "rate_limited", title: "t", detail: "d", status: 429 }, 429, "application/problem+json"),
  );
  await expect(unwrap(http.GET("/api/v1/overview"))).rejects.toMatchObject({
    problem: { code: "rate_limited", status: 429, errors: [] },
  });
});

test("a lost connection throws a problem too", async () => {
  vi.stubGlobal("fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  await expect(unwrap(http.GET("/api/v1/overview"))).rejects.toMatchObject({
    problem: { code: UNREACHABLE },
  });
});

test("the same content keeps its key while no answer came, and gets a new one afterwards", async () => {
  const keys: string[] = [];
  const silent = async (headers: { "Idempotency-Key": string }) => {
    keys.push(headers["Idempotency-Key"]);
    throw new ProblemError({
      type: "",
      title: "",
      status: 0,
      detail: "",
      code: UNREACHABLE,
      request_id: "",
      errors: [],
    });
  };
  await expect(once("task", { a: 1 }, silent)).rejects.toThrow();
  await expect(once("task", { a: 2 }, silent)).rejects.toThrow();
  await once("task", { a: 1 }, async (headers) => keys.push(headers["Idempotency-Key"]));
  await once("task", { a: 1 }, async (headers) => keys.push(headers["Idempotency-Key"]));
  expect(keys[2]).toBe(keys[0]);
  expect(keys[1]).not.toBe(keys[0]);
  expect(keys[3]).not.toBe(keys[0]);
});

test("a refusal ends the intent", async () => {
  const keys: string[] = [];
  const refuse = async (headers: { "Idempotency-Key": string }) => {
    keys.push(headers["Idempotency-Key"]);
    throw new ProblemError({
      type: "",
      title: "",
      status: 422,
      detail: "",
      code: "x",
      request_id: "",
      errors: [],
    });
  };
  await expect(once("user", "b", refuse)).rejects.toThrow();
  await expect(once("user", "b", refuse)).rejects.toThrow();
  expect(keys[0]).not.toBe(keys[1]);
});

test("identifiers are random UUIDs", () => {
  expect(randomId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(randomId()).not.toBe(randomId());
});

test("a version is an entity tag, a new object has none", () => {
  expect(ifMatch(3)).toEqual({ "If-Match": '"3"' });
  expect(ifMatch(undefined)).toEqual({});
});
