import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { en } from "../i18n/en";
import { zh } from "../i18n/zh-CN";
import { useSession } from "./session";

/** Numbers and times as this reader expects them: language of the reader, zone of the organisation. */
export type Format = {
  language: "zh" | "en";
  zone: string;
  count: (value: number) => string;
  compact: (value: number) => string;
  decimal: (value: number, digits?: number) => string;
  /** A share 0–1 as a percentage. */
  percent: (share: number | null | undefined, digits?: number) => string;
  /** A difference of shares as signed percentage points, with the word. */
  points: (difference: number | null | undefined, digits?: number) => string;
  /** A ratio minus one (volume effects) as a signed percentage. */
  change: (ratio: number | null | undefined, digits?: number) => string;
  /** A signed number. */
  signed: (value: number, digits?: number) => string;
  /** An amount in hundredths of the currency, without its sign: the organisation knows its currency. */
  money: (cents: number) => string;
  day: (day: string) => string;
  dayShort: (day: string) => string;
  dateTime: (instant: string) => string;
  /** The same to the second, for lines that come by the dozen. */
  dateTimeSeconds: (instant: string) => string;
  date: (instant: string) => string;
};

const DASH = "–";

/** `2026-03-05` as a UTC noon, so that no zone can move a calendar day. */
function noon(day: string): Date {
  return new Date(`${day.slice(0, 10)}T12:00:00Z`);
}

export function makeFormat(language: "zh" | "en", zone: string): Format {
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(locale, {
    timeZone: "UTC",
    year: "numeric",
    month: language === "zh" ? "numeric" : "short",
    day: "numeric",
  });
  const dayShort = new Intl.DateTimeFormat(locale, {
    timeZone: "UTC",
    month: language === "zh" ? "numeric" : "short",
    day: "numeric",
  });
  const dateTime = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    year: "numeric",
    month: language === "zh" ? "numeric" : "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
  const seconds = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    month: language === "zh" ? "numeric" : "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
  const date = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    year: "numeric",
    month: language === "zh" ? "numeric" : "short",
    day: "numeric",
  });
  const decimals = (value: number, digits: number, sign = false) =>
    new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      signDisplay: sign ? "exceptZero" : "auto",
    })
      .format(value)
      .replace("-", "−");
  const unit = ` ${(language === "zh" ? zh : en).chart.points}`;
  return {
    language,
    zone,
    count: (value) => count.format(value),
    compact: (value) => compact.format(value),
    decimal: (value, digits = 1) => decimals(value, digits),
    percent: (share, digits = 1) =>
      share === null || share === undefined ? DASH : `${decimals(share * 100, digits)}%`,
    points: (difference, digits = 1) =>
      difference === null || difference === undefined
        ? DASH
        : `${decimals(difference * 100, digits, true)}${unit}`,
    change: (ratio, digits = 0) =>
      ratio === null || ratio === undefined ? DASH : `${decimals(ratio * 100, digits, true)}%`,
    signed: (value, digits = 1) => decimals(value, digits, true),
    money: (cents) => decimals(cents / 100, 2),
    day: (value) => day.format(noon(value)),
    dayShort: (value) => dayShort.format(noon(value)),
    dateTime: (instant) => dateTime.format(new Date(instant)),
    dateTimeSeconds: (instant) => seconds.format(new Date(instant)),
    date: (instant) => date.format(new Date(instant)),
  };
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  const zone = useSession().organisation.zone;
  const language = i18n.language.startsWith("zh") ? "zh" : "en";
  return useMemo(() => makeFormat(language, zone), [language, zone]);
}

/** The calendar day of an instant in a zone, as `YYYY-MM-DD`. */
export function dayIn(instant: string | Date, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(instant));
}

export function addDays(day: string, days: number): string {
  const date = noon(day);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** Minutes that `zone` is ahead of UTC at `instant`. */
function offsetMinutes(instant: Date, zone: string): number {
  const wall = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "medium",
  }).format(instant);
  return Math.round(
    (Date.parse(`${wall.replace(" ", "T")}Z`) - Math.floor(instant.getTime() / 1000) * 1000) / 60_000,
  );
}

/** A wall-clock time `YYYY-MM-DDTHH:mm` of a zone as RFC 3339 with offset; in a gap the later offset counts. */
export function wallTime(wall: string, zone: string): string {
  const asUtc = Date.parse(`${wall}:00Z`);
  let offset = offsetMinutes(new Date(asUtc), zone);
  offset = offsetMinutes(new Date(asUtc - offset * 60_000), zone);
  const sign = offset < 0 ? "-" : "+";
  const abs = Math.abs(offset);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${wall}:00${sign}${two(Math.floor(abs / 60))}:${two(abs % 60)}`;
}
