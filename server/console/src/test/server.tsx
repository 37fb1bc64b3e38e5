import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { cleanup, render } from "@testing-library/react";
import { App, ConfigProvider } from "antd";
import { vi } from "vitest";
import { queryClient } from "../api/hooks";
import { makeRouter } from "../router";
import { theme } from "../styles/theme";
import { session } from "./fixtures";

type Call = { method: string; path: string; search: URLSearchParams; body: unknown };

/** A server that answers with what `answers` holds for `METHOD /path`, and with empty lists otherwise. */
export function serve(answers: Record<string, unknown | ((call: Call) => unknown)>): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    const text = request.method === "GET" ? "" : await request.text();
    const call: Call = {
      method: request.method,
      path: pathname.replace("/api/v1", ""),
      search: searchParams,
      body: text ? JSON.parse(text) : null,
    };
    calls.push(call);
    const known = answers[`${call.method} ${decodeURIComponent(call.path)}`];
    let body = typeof known === "function" ? known(call) : known;
    if (body === undefined) body = call.path === "/session" ? session : { items: [], next_cursor: null };
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  });
  return calls;
}

/** Opens an address of the console. */
export function visit(path: string) {
  window.history.replaceState(null, "", path);
  return render(
    <ConfigProvider theme={theme} button={{ autoInsertSpace: false }}>
      <App>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={makeRouter()} />
        </QueryClientProvider>
      </App>
    </ConfigProvider>,
  );
}

/** To be run after each test that opened an address. */
export function leave(): void {
  // What is still on the page must not ask the real network.
  cleanup();
  queryClient.clear();
  vi.unstubAllGlobals();
  window.history.replaceState(null, "", "/");
}
