import createClient from "openapi-fetch";
import { ProblemError, toProblem, UNREACHABLE } from "./problem";
import type { paths } from "./schema";

let csrfToken: string | null = null;

/** The token of the session in use; the server asks for it on every write that a cookie authenticates. */
export function rememberCsrfToken(token: string | null): void {
  csrfToken = token;
}

export const http = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  // Looked up at each call, so that tests can stand in for the network.
  fetch: (request) => globalThis.fetch(request),
});

http.use({
  onRequest({ request }) {
    if (request.method !== "GET" && csrfToken) request.headers.set("X-CSRF-Token", csrfToken);
    // Titles of problems come in the language of the page, not of the browser.
    request.headers.set("Accept-Language", document.documentElement.lang || "zh-CN");
    return request;
  },
});

type Answer = { data?: unknown; error?: unknown; response: Response };

/** The body of a good answer, as `types.ts` describes it; everything else is thrown as a `ProblemError`. */
export async function unwrap<T>(call: Promise<Answer>): Promise<T> {
  let answer: Answer;
  try {
    answer = await call;
  } catch (cause) {
    throw new ProblemError({
      type: "",
      title: "",
      status: 0,
      detail: cause instanceof Error ? cause.message : "",
      code: UNREACHABLE,
      request_id: "",
      errors: [],
    });
  }
  if (!answer.response.ok) throw new ProblemError(toProblem(answer.error, answer.response.status));
  return answer.data as T;
}

/** A UUID also where `crypto.randomUUID` is missing: browsers offer it on https and localhost only. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const pending = new Map<string, string>();

/**
 * Runs a creating POST under an `Idempotency-Key`. When the answer got lost and a person presses the
 * button again, the same content travels under the same key, so the server acts once.
 */
export async function once<T>(
  operation: string,
  content: unknown,
  run: (headers: { "Idempotency-Key": string }) => Promise<T>,
): Promise<T> {
  const intent = `${operation} ${JSON.stringify(content)}`;
  const key = pending.get(intent) ?? randomId();
  pending.set(intent, key);
  try {
    const result = await run({ "Idempotency-Key": key });
    pending.delete(intent);
    return result;
  } catch (error) {
    // A refusal is an answer: the next try is a new intent. Only silence keeps the key.
    if (error instanceof ProblemError && error.status !== 0) pending.delete(intent);
    throw error;
  }
}

export function ifMatch(version: number | undefined): Record<string, string> {
  return version === undefined ? {} : { "If-Match": `"${version}"` };
}

/** A form-data body; openapi-fetch would write JSON otherwise. */
export function multipart(fields: Record<string, string | Blob | undefined>): {
  // The generated body type of an upload is a record; the real body is form data.
  body: never;
  bodySerializer: () => FormData;
} {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(name, value);
  }
  return { body: {} as never, bodySerializer: () => form };
}
