import type { ImportColumn } from "../../api/types";

/** Fields of a voice that a column can be, grouped as people look for them. */
export const FIELD_GROUPS = {
  content: ["text", "turns", "title", "external_id", "occurred_at", "kind", "url", "thread_id", "language"],
  score: ["rating", "rating_max", "nps", "ces", "invited"],
  label: ["topic", "cause", "sentiment"],
  who: ["customer_ref", "customer_tier", "agent_ref", "team", "region", "business_line", "process_step"],
  figures: [
    "handle_seconds",
    "talk_seconds",
    "after_seconds",
    "response_seconds",
    "resolved",
    "resolved_first_contact",
    "handled_by",
    "transferred",
    "script_score",
    "compensation_cents",
  ],
  other: ["attribute", "query", "hits", "article", "helpful"],
} as const;

/** A column that is kept beside the fields, under its own header. */
export const ATTRIBUTE = "attribute";
const IGNORE = "ignore";

export type FieldGroup = keyof typeof FIELD_GROUPS;

/** Column index → field; null leaves the column out. */
export type Choice = Record<number, string | null>;

export function guessed(columns: readonly ImportColumn[]): Choice {
  return Object.fromEntries(columns.map((column) => [column.index, column.field ?? null]));
}

export type Flaw = { kind: "duplicate"; field: string } | { kind: "no_content" };

/** What makes the mapping unusable: two columns for one field, or nothing that says what the customer thinks. */
export function flaws(choice: Choice): Flaw[] {
  const seen = new Set<string>();
  const found: Flaw[] = [];
  for (const field of Object.values(choice)) {
    // Any number of columns can be extra attributes: each keeps its own name.
    if (!field || isAttribute(field)) continue;
    if (seen.has(field)) found.push({ kind: "duplicate", field });
    seen.add(field);
  }
  const content = ["text", "turns", "rating", "nps", "ces", "query", "article"];
  if (!content.some((field) => seen.has(field))) found.push({ kind: "no_content" });
  return found;
}

export function hasTime(choice: Choice): boolean {
  return Object.values(choice).includes("occurred_at");
}

export function isAttribute(field: string): boolean {
  return field === ATTRIBUTE || field.startsWith(`${ATTRIBUTE}:`);
}

/** The mapping as the server takes it: header → field. Columns that are left out say so, or they would be guessed. */
export function toMapping(columns: readonly ImportColumn[], choice: Choice): Record<string, string> {
  const mapping: Record<string, string> = {};
  for (const column of columns) {
    if (column.header !== "") mapping[column.header] = choice[column.index] ?? IGNORE;
  }
  return mapping;
}

/** The first rows under the present mapping, from the raw samples. */
export function sampleRows(
  columns: readonly ImportColumn[],
  choice: Choice,
): { fields: string[]; rows: string[][] } {
  const chosen = columns.filter((column) => choice[column.index]);
  const height = Math.min(3, Math.max(0, ...chosen.map((column) => column.samples.length)));
  return {
    fields: chosen.map((column) => choice[column.index] ?? ""),
    rows: Array.from({ length: height }, (_, row) => chosen.map((column) => column.samples[row] ?? "")),
  };
}
