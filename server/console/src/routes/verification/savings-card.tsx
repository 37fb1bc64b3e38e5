import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Amount, Savings, Statement } from "../../api/evidence";
import { useStatements } from "../../api/hooks";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { type Format, useFormat } from "../../lib/format";

/** Contacts avoided; extra ones are named as such instead of being cut to none. */
export function avoidedText(
  format: Format,
  avoided: Amount,
  words: { range: (low: string, high: string) => string },
): string {
  const extra = avoided.value < 0;
  const show = (value: number) => format.count(extra ? -value : value);
  const [low, high] = extra ? [avoided.high, avoided.low] : [avoided.low, avoided.high];
  return `${show(avoided.value)} ${words.range(show(low), show(high))}`;
}

export function Money(props: { cents: number | null | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>{typeof props.cents === "number" ? t("savings.money", { amount: format.money(props.cents) }) : "–"}</>
  );
}

export function SavingsFigures(props: { savings: Savings }) {
  const { t } = useTranslation();
  const format = useFormat();
  const s = props.savings;
  const avoided = s.contacts_avoided;
  // Without an amount the reason stands above; dashes would only look like a fault.
  const money = typeof s.secured_cents === "number" || typeof s.estimated_cents === "number";
  return (
    <dl className="facts facts--large">
      {money && (
        <>
          <div>
            <dt>{t("savings.secured")}</dt>
            <dd>
              <strong>
                <Money cents={s.secured_cents} />
              </strong>
              <small>{t("savings.secured_hint")}</small>
            </dd>
          </div>
          <div>
            <dt>{t("savings.estimated")}</dt>
            <dd>
              <strong>
                <Money cents={s.estimated_cents} />
              </strong>
              <small>{t("savings.estimated_hint")}</small>
            </dd>
          </div>
        </>
      )}
      {avoided && (
        <div>
          <dt>{t(avoided.value < 0 ? "savings.extra" : "savings.avoided")}</dt>
          <dd>
            <strong>
              {avoidedText(format, avoided, { range: (low, high) => t("savings.range", { low, high }) })}
            </strong>
            <small>{t("savings.in_days", { n: s.days })}</small>
          </dd>
        </div>
      )}
      {typeof s.freed_hours === "number" && (
        <div>
          <dt>{t("savings.hours")}</dt>
          <dd>
            <strong>{t("savings.hours_value", { n: format.decimal(s.freed_hours, 0) })}</strong>
            <small>{t("savings.hours_hint")}</small>
          </dd>
        </div>
      )}
      {money && (
        <div>
          <dt>{t("savings.year")}</dt>
          <dd>
            <strong>
              <Money cents={s.per_year_cents} />
            </strong>
            <small>{t("savings.year_hint")}</small>
          </dd>
        </div>
      )}
      {(money || avoided) && (
        <div>
          <dt>{t("savings.per_contact")}</dt>
          <dd>
            <strong>
              {typeof s.cost_per_contact_cents === "number" ? (
                <Money cents={s.cost_per_contact_cents} />
              ) : (
                t("savings.no_data")
              )}
            </strong>
            <small>{t("savings.per_contact_hint")}</small>
          </dd>
        </div>
      )}
      {typeof s.compensation_avoided_cents === "number" && (
        <div>
          <dt>{t("savings.compensation")}</dt>
          <dd>
            <strong>
              <Money cents={s.compensation_avoided_cents} />
            </strong>
            <small>{t("savings.compensation_hint")}</small>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Statements(props: { items: readonly Statement[] }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const format = useFormat();
  if (props.items.length === 0) return <p className="faint">{t("savings.statements_none")}</p>;
  return (
    <div className="scroll-x">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("savings.month")}</th>
            <th scope="col" className="right">
              {t("savings.avoided")}
            </th>
            <th scope="col" className="right">
              {t("savings.secured")}
            </th>
            <th scope="col" className="right">
              {t("savings.estimated")}
            </th>
            <th scope="col">{t("savings.note")}</th>
          </tr>
        </thead>
        <tbody>
          {props.items.map((statement) => (
            <tr key={statement.month}>
              <td>
                {statement.month}
                <small className="faint block nowrap">
                  {format.dayShort(statement.from)}–{format.dayShort(statement.to)}
                </small>
              </td>
              <td className="right">
                {statement.savings.contacts_avoided
                  ? format.count(statement.savings.contacts_avoided.value)
                  : "–"}
              </td>
              <td className="right">
                <Money cents={statement.savings.secured_cents} />
              </td>
              <td className="right">
                <Money cents={statement.savings.estimated_cents} />
              </td>
              <td>
                {statement.ended && <strong>{word("statement_ended", statement.ended)} </strong>}
                <span className="soft">{say(statement.sentence)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What the improvement is worth: beside satisfaction, never computed from it. */
export function SavingsCard(props: { taskId: string; savings: Savings | null | undefined }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const statements = useStatements(props.taskId);
  const { savings } = props;
  return (
    <Panel title={t("savings.title")} extra={<span className="faint">{t("savings.beside")}</span>}>
      {savings ? (
        <div className="stack">
          <p className="soft">{say(savings.sentence)}</p>
          {savings.no_money === "no_cost" && (
            <p>
              <Link to="/settings/organisation">{t("savings.enter_cost")}</Link>
            </p>
          )}
          <SavingsFigures savings={savings} />
          <div>
            <h3 className="subhead">{t("savings.statements")}</h3>
            <QueryView query={statements}>{(items) => <Statements items={items} />}</QueryView>
          </div>
        </div>
      ) : (
        <EmptyState title={t("savings.none")} next={t("savings.none_next")} />
      )}
    </Panel>
  );
}
