import type { Span } from "../../api/calendars";

// Chinese punctuation counts like Western punctuation.
const TIME = String.raw`([01]?\d|2[0-4])[:\uff1a](\d{2})`;
const SPAN = new RegExp(`^${TIME}\\s*[-–—~\uff5e\u81f3]\\s*${TIME}$`);

const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** `08:00–12:00, 13:30–18:00` as people write it; null where it is none. Empty: a free day. */
export function spansOf(text: string): Span[] | null {
  const parts = text
    .split(/[,\uff0c\u3001;\uff1b]/)
    .map((part) => part.trim())
    .filter(Boolean);
  const spans: Span[] = [];
  for (const part of parts) {
    const found = SPAN.exec(part);
    if (!found) return null;
    const [, h1 = "", m1 = "", h2 = "", m2 = ""] = found;
    const span = { from: `${h1.padStart(2, "0")}:${m1}`, to: `${h2.padStart(2, "0")}:${m2}` };
    const last = spans.at(-1);
    if (Number(m1) > 59 || Number(m2) > 59 || minutes(span.to) > 1440) return null;
    if (minutes(span.from) >= minutes(span.to)) return null;
    if (last && minutes(last.to) > minutes(span.from)) return null;
    spans.push(span);
  }
  return spans;
}

export function textOf(spans: readonly Span[] | undefined): string {
  return (spans ?? []).map((span) => `${span.from}–${span.to}`).join(", ");
}

/** Hours of some minutes without needless digits: `7.5`. */
export function hoursOf(minutes: number): string {
  return String(Math.round((minutes / 60) * 100) / 100);
}
