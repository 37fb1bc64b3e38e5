import type { Problem } from "./types";

/** What went wrong in a call, in the server's own words where it said any. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): string {
    return this.problem.code;
  }
}

/** Code of a call that never got an answer; its text comes from the translations. */
export const UNREACHABLE = "unreachable";
/** Code of an answer that is not `application/problem+json`, for example from a proxy in between. */
export const UNREADABLE = "unreadable_answer";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Reads a failed answer's body as a problem; a body of another shape becomes one with the status alone. */
export function toProblem(body: unknown, status: number): Problem {
  if (isRecord(body) && typeof body.code === "string") {
    const errors = Array.isArray(body.errors) ? body.errors.filter(isRecord) : [];
    return {
      type: text(body.type),
      title: text(body.title),
      status: typeof body.status === "number" ? body.status : status,
      detail: text(body.detail),
      code: body.code,
      request_id: text(body.request_id),
      errors: errors.map((e) => ({ field: text(e.field), code: text(e.code), detail: text(e.detail) })),
    };
  }
  return { type: "", title: "", status, detail: "", code: UNREADABLE, request_id: "", errors: [] };
}

/** Any thrown thing as a problem, so that one component can show them all. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return {
    type: "",
    title: "",
    status: 0,
    detail: error instanceof Error ? error.message : String(error),
    code: UNREACHABLE,
    request_id: "",
    errors: [],
  };
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ProblemError && error.status === status;
}
