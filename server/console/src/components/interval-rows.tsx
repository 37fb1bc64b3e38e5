import type { CSSProperties, ReactNode } from "react";

export type IntervalRow = {
  key: string;
  name: ReactNode;
  note?: ReactNode;
  value: number;
  low?: number | null;
  high?: number | null;
  colour: string;
  /** The figures in words: what a reader of the page hears instead of the drawing. */
  text: ReactNode;
  strong?: boolean;
};

export type IntervalMark = { at: number; label: string; strong?: boolean };

/** The scale that all rows and marks share, with air at both ends. */
export function scaleOf(rows: readonly IntervalRow[], marks: readonly IntervalMark[]) {
  const values = [
    ...rows.flatMap((row) => [row.value, row.low ?? row.value, row.high ?? row.value]),
    ...marks.map((mark) => mark.at),
  ].filter(Number.isFinite);
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const air = (high - low || 1) * 0.08;
  const from = low - air;
  const width = high + air - from;
  return (value: number) => Math.round(((value - from) / width) * 1e4) / 100;
}

/** Values with their intervals on one scale, one below the other: what crosses a mark is seen at once. */
export function IntervalRows(props: { rows: readonly IntervalRow[]; marks: readonly IntervalMark[] }) {
  const { rows, marks } = props;
  const at = scaleOf(rows, marks);
  return (
    <div className="intervals">
      {rows.map((row) => (
        <div
          key={row.key}
          className={row.strong ? "intervals__row intervals__row--strong" : "intervals__row"}
          style={{ "--mark": row.colour } as CSSProperties}
        >
          <div className="intervals__name">
            {row.name}
            {row.note && <small>{row.note}</small>}
          </div>
          <div className="intervals__track" aria-hidden="true">
            {marks.map((mark) => (
              <i
                key={mark.label}
                className={mark.strong ? "intervals__line intervals__line--strong" : "intervals__line"}
                style={{ left: `${at(mark.at)}%` }}
              />
            ))}
            {typeof row.low === "number" && typeof row.high === "number" && (
              <i
                className="intervals__range"
                style={{ left: `${at(row.low)}%`, width: `${at(row.high) - at(row.low)}%` }}
              />
            )}
            <i className="intervals__dot" style={{ left: `${at(row.value)}%` }} />
          </div>
          <div className="intervals__text num">{row.text}</div>
        </div>
      ))}
      <div className="intervals__row intervals__row--marks" aria-hidden="true">
        <div className="intervals__name" />
        <div className="intervals__track">
          {marks.map((mark) => (
            <span key={mark.label} style={{ left: `${at(mark.at)}%` }}>
              {mark.label}
            </span>
          ))}
        </div>
        <div className="intervals__text" />
      </div>
    </div>
  );
}
