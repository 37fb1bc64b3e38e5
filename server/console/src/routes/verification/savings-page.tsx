import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { DatePicker } from "antd";
import dayjs from "dayjs";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { SavingsReport, Statement } from "../../api/evidence";
import { useSavingsReport } from "../../api/hooks";
import { EmptyState, Page, Panel, QueryView } from "../../components/page";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { dayIn, useFormat } from "../../lib/format";
import { useTopicNames } from "../../lib/topic-names";
import { avoidedText, Money } from "./savings-card";

function Figure(props: { label: string; value: ReactNode; note: string }) {
  return (
    <div className="figure">
      <span>{props.label}</span>
      <strong>{props.value}</strong>
      <small className="faint">{props.note}</small>
    </div>
  );
}

function Row(props: { statement: Statement }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const nameOf = useTopicNames();
  const { statement: s } = props;
  const avoided = s.savings.contacts_avoided;
  return (
    <tr className={s.counted_with ? "muted" : ""}>
      <td>
        <Link to="/tasks/$id/verification" params={{ id: s.task }}>
          {nameOf(s.topic)}
        </Link>
        <small className="faint block">
          {format.dayShort(s.from)}–{format.dayShort(s.to)}
          {s.ended && ` · ${word("statement_ended", s.ended)}`}
          {s.frozen && ` · ${t("savings.frozen")}`}
        </small>
      </td>
      <td className="right">
        {avoided
          ? avoidedText(format, avoided, { range: (low, high) => t("savings.range", { low, high }) })
          : "–"}
      </td>
      <td className="right">
        <Money cents={s.savings.secured_cents} />
      </td>
      <td className="right">
        <Money cents={s.savings.estimated_cents} />
      </td>
      <td className="right">
        {typeof s.savings.freed_hours === "number"
          ? t("savings.hours_value", { n: format.decimal(s.savings.freed_hours, 0) })
          : "–"}
      </td>
      <td className="soft">
        {s.counted_with && <span className="block">{t("savings.counted_with")}</span>}
        {say(s.sentence)}
      </td>
    </tr>
  );
}

function Report(props: { report: SavingsReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { report } = props;
  const perTicket = report.cost?.per_ticket_cents ?? null;
  const cost = report.cost?.per_avoided_cents ?? null;
  const avoided = report.contacts_avoided;
  const extra = !!avoided && avoided.value < 0;
  const of = report.cost?.month;
  const costOf = !of || of === report.month ? "" : t("savings.cost_of_month", { month: of });
  return (
    <div className="stack">
      <Panel>
        <p className="verdict__sentence" style={{ margin: 0 }}>
          {say(report.sentence)}
        </p>
      </Panel>
      <div className="figures figures--six">
        <Figure
          label={t("savings.secured")}
          value={<Money cents={report.secured_cents} />}
          note={t("savings.secured_hint")}
        />
        <Figure
          label={t("savings.estimated")}
          value={<Money cents={report.estimated_cents} />}
          note={t("savings.estimated_hint")}
        />
        <Figure
          label={t(extra ? "savings.extra" : "savings.avoided")}
          value={avoided ? format.count(Math.abs(avoided.value)) : "–"}
          note={
            avoided
              ? t("savings.range", {
                  low: format.count(avoided.low),
                  high: format.count(avoided.high),
                })
              : t("savings.not_measured")
          }
        />
        <Figure
          label={t("savings.hours")}
          value={
            typeof report.freed_hours === "number"
              ? t("savings.hours_value", { n: format.decimal(report.freed_hours, 0) })
              : "–"
          }
          note={t(typeof report.freed_hours === "number" ? "savings.hours_hint" : "savings.no_handling")}
        />
        <Figure
          label={t("savings.per_ticket")}
          value={perTicket === null ? t("savings.no_data") : <Money cents={perTicket} />}
          note={
            perTicket === null
              ? t("savings.no_data_hint")
              : costOf + t("savings.per_ticket_hint", { n: format.count(report.cost?.resolved ?? 0) })
          }
        />
        <Figure
          label={t("savings.per_contact")}
          value={cost === null ? t("savings.no_data") : <Money cents={cost} />}
          note={cost === null ? t("savings.no_data_hint") : costOf + t("savings.per_contact_hint")}
        />
      </div>
      <Panel title={t("savings.by_task")}>
        {report.statements.length === 0 ? (
          <EmptyState title={t("savings.month_none")} next={t("savings.none_next")} />
        ) : (
          <div className="scroll-x">
            <table className="table table--savings">
              <thead>
                <tr>
                  <th scope="col">{t("savings.topic")}</th>
                  <th scope="col" className="right">
                    {t("savings.avoided")}
                  </th>
                  <th scope="col" className="right">
                    {t("savings.secured")}
                  </th>
                  <th scope="col" className="right">
                    {t("savings.estimated")}
                  </th>
                  <th scope="col" className="right">
                    {t("savings.hours")}
                  </th>
                  <th scope="col">{t("savings.note")}</th>
                </tr>
              </thead>
              <tbody>
                {report.statements.map((statement) => (
                  <Row key={statement.task} statement={statement} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {typeof report.compensation_avoided_cents === "number" && (
          <p className="faint" style={{ marginTop: 10 }}>
            {t("savings.compensation")}
            {t("app.colon")}
            <Money cents={report.compensation_avoided_cents} /> ({t("savings.compensation_hint")})
          </p>
        )}
      </Panel>
    </div>
  );
}

/** What the verified improvements of a month were worth: every topic's avoided contacts count once. */
export function SavingsPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const search = useSearch({ from: "/shell/savings" });
  const thisMonth = dayIn(new Date(), format.zone).slice(0, 7);
  // The router keeps what it was given; the server would refuse anything else.
  const month = search.month && /^\d{4}-(0[1-9]|1[0-2])$/.test(search.month) ? search.month : thisMonth;
  const report = useSavingsReport(month);
  return (
    <Page
      title={t("savings.page")}
      intro={t("savings.page_intro")}
      extra={
        <DatePicker
          picker="month"
          aria-label={t("savings.month")}
          allowClear={false}
          value={dayjs(`${month}-01`)}
          maxDate={dayjs(`${thisMonth}-01`)}
          onChange={(chosen) => {
            if (chosen) void navigate({ to: "/savings", search: { month: chosen.format("YYYY-MM") } });
          }}
        />
      }
    >
      <QueryView query={report}>{(data) => <Report report={data} />}</QueryView>
    </Page>
  );
}
