import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App, ConfigProvider } from "antd";
import { afterEach, expect, test, vi } from "vitest";
import { queryClient } from "./api/hooks";
import type { Role } from "./api/types";
import { makeRouter } from "./router";
import { theme } from "./styles/theme";
import { session } from "./test/fixtures";

afterEach(() => {
  cleanup();
  queryClient.clear();
  vi.unstubAllGlobals();
  window.history.replaceState(null, "", "/");
});

/** A server that knows one person and has nothing else. */
function serve(role: Role, loggedIn: boolean) {
  const calls: string[] = [];
  let open = loggedIn;
  const json = (body: unknown, status = 200, type = "application/json") =>
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });
  const refuse = (code: string) =>
    json({ code, title: code, detail: "", status: 401 }, 401, "application/problem+json");
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname } = new URL(request.url);
    calls.push(`${request.method} ${pathname}`);
    if (pathname === "/api/v1/session") {
      if (request.method === "POST") {
        const { password } = (await request.json()) as { password: string };
        if (password !== "correct horse") return refuse("wrong_credentials");
        open = true;
      } else if (request.method === "DELETE") {
        open = false;
        return new Response(null, { status: 204 });
      }
      return open ? json({ ...session, user: { ...session.user, role } }) : refuse("not_authenticated");
    }
    return open ? json({ items: [], next_cursor: null }) : refuse("not_authenticated");
  });
  return { calls, end: () => (open = false) };
}

async function visit(path: string) {
  window.history.replaceState(null, "", path);
  const router = makeRouter();
  render(
    <ConfigProvider theme={theme} button={{ autoInsertSpace: false }}>
      <App>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </App>
    </ConfigProvider>,
  );
  return router;
}

async function logIn(password: string) {
  fireEvent.change(await screen.findByLabelText("邮箱"), { target: { value: "min@example.com" } });
  fireEvent.change(screen.getByLabelText("密码"), { target: { value: password } });
  fireEvent.click(screen.getByRole("button", { name: "登录" }));
}

test("a stranger logs in first and then stands where they wanted to go", async () => {
  serve("voc_owner", false);
  const router = await visit("/tasks?state=verified");
  await logIn("wrong");
  expect(await screen.findByText("wrong_credentials")).toBeTruthy();
  await logIn("correct horse");
  expect(await screen.findByRole("heading", { name: "改进任务" })).toBeTruthy();
  expect(router.state.location.href).toBe("/tasks?state=verified");
});

test.each(["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])(
  "a link cannot make the log-in lead to %s",
  async (next) => {
    serve("voc_owner", false);
    const router = await visit(`/login?next=${encodeURIComponent(next)}`);
    await logIn("correct horse");
    await screen.findByRole("heading", { name: "总览" });
    expect(router.state.location.href).toBe("/");
  },
);

test("whoever logs out sees nothing any more, and the page says where to come back to", async () => {
  serve("voc_owner", true);
  const router = await visit("/tasks");
  await screen.findByText("还没有任务");
  fireEvent.click(screen.getByRole("button", { name: "退出登录" }));
  await screen.findByLabelText("密码");
  expect(router.state.location.href).toBe("/login?next=%2Ftasks");
  expect(queryClient.getQueryCache().findAll({ queryKey: ["tasks"] })).toEqual([]);
});

test("a session that the server ended leads to the log-in at the next call", async () => {
  const server = serve("voc_owner", true);
  const router = await visit("/tasks");
  await screen.findByText("还没有任务");
  server.end();
  await queryClient.invalidateQueries({ queryKey: ["tasks"] });
  await waitFor(() => expect(router.state.location.pathname).toBe("/login"));
});

test("a role is not shown what it may not do", async () => {
  serve("viewer", true);
  await visit("/issues");
  await screen.findByText("还没有发现问题");
  const links = screen.getAllByRole("link").map((link) => link.textContent);
  expect(links).toContain("改进任务");
  for (const hidden of ["导入", "邮箱", "设置"]) expect(links).not.toContain(hidden);
});

test("a page that a role may not see says so and asks the server nothing", async () => {
  const { calls } = serve("viewer", true);
  await visit("/import");
  expect(await screen.findByText("你的角色看不到这一页")).toBeTruthy();
  expect(calls).not.toContain("GET /api/v1/imports");
});
