import { App, Button, DatePicker } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDecideProposal, useProposals, useRefusals } from "../../api/handling";
import { useDepartments } from "../../api/hooks";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { dayIn, useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { useTopicNames } from "../../lib/topic-names";
import { PausesPanel } from "../tasks/pauses-panel";

/** Topics that re-routed tasks suggest another owner for. */
function Proposals() {
  const { t } = useTranslation();
  const say = useBilingual();
  const { message } = App.useApp();
  const proposals = useProposals();
  const decide = useDecideProposal();
  const topicName = useTopicNames();
  const departments = useDepartments().data;
  const name = (key: string) => departments?.find((d) => d.key === key)?.name || key;
  return (
    <Panel title={t("refusals.proposals")}>
      <ProblemAlert error={decide.error} />
      <QueryView query={proposals}>
        {(items) =>
          items.length === 0 ? (
            <p className="faint">{t("refusals.no_proposals")}</p>
          ) : (
            <ul className="records">
              <li className="soft">{t("refusals.proposals_intro")}</li>
              {items.map((proposal) => (
                <li key={proposal.id} className="record">
                  <span>
                    <span className="record__title">
                      {topicName(proposal.topic)} → {name(proposal.department)}
                    </span>
                    <span className="record__meta">
                      <span>{t("refusals.tasks", { n: proposal.tasks.length })}</span>
                      {proposal.reason && <span>{proposal.reason}</span>}
                    </span>
                    {proposal.changes.map((change) => (
                      <span className="record__meta" key={`${change.kind} ${change.rule}`}>
                        {say(change.sentence)}
                      </span>
                    ))}
                    {proposal.changes.length === 0 && (
                      <span className="record__meta">{t("refusals.changes_nothing")}</span>
                    )}
                  </span>
                  <span className="record__side">
                    <Button
                      size="small"
                      type="primary"
                      loading={decide.isPending}
                      onClick={() =>
                        decide.mutate(
                          { id: proposal.id, accept: true },
                          {
                            onSuccess: () =>
                              message.success(t("refusals.accepted", { name: name(proposal.department) })),
                          },
                        )
                      }
                    >
                      {t("refusals.accept")}
                    </Button>
                    <Button
                      size="small"
                      loading={decide.isPending}
                      onClick={() => decide.mutate({ id: proposal.id, accept: false })}
                    >
                      {t("refusals.dismiss")}
                    </Button>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </Panel>
  );
}

/** Refusals by department, and what they propose. */
export function RefusalsPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const runs = useMay("run_loop");
  const today = dayIn(new Date(), format.zone);
  const [days, setDays] = useState<[string, string]>([
    dayjs(today).subtract(29, "day").format("YYYY-MM-DD"),
    today,
  ]);
  const report = useRefusals(days[0], days[1]);
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("refusals.intro")}</p>
        <DatePicker.RangePicker
          value={[dayjs(days[0]), dayjs(days[1])]}
          allowClear={false}
          aria-label={t("refusals.span")}
          onChange={(chosen) => {
            if (chosen?.[0] && chosen[1]) {
              setDays([chosen[0].format("YYYY-MM-DD"), chosen[1].format("YYYY-MM-DD")]);
            }
          }}
        />
      </div>
      {runs && <Proposals />}
      <QueryView query={report}>
        {(data) => (
          <Panel flush>
            {data.departments.length === 0 ? (
              <EmptyState title={t("refusals.none")} />
            ) : (
              <table className="table">
                <thead>
                  <tr>
                    <th>{t("refusals.department")}</th>
                    <th className="num">{t("refusals.offered")}</th>
                    <th className="num">{t("refusals.declined")}</th>
                    <th className="num">{t("refusals.handed_over")}</th>
                    <th className="num">{t("refusals.share")}</th>
                    <th className="num">{t("refusals.ping_pong")}</th>
                    <th className="num">{t("refusals.most_hops")}</th>
                    <th>{t("refusals.reasons")}</th>
                  </tr>
                </thead>
                <tbody>
                  {data.departments.map((row) => (
                    <tr key={row.department}>
                      <td>{row.department_name}</td>
                      <td className="num">{row.offered}</td>
                      <td className="num">{row.declined}</td>
                      <td className="num">{row.handed_over}</td>
                      <td className="num">
                        {row.share === null ? "–" : `${format.decimal(row.share * 100, 0)}%`}
                      </td>
                      <td className="num">{row.ping_pong}</td>
                      <td className="num">{row.most_hops}</td>
                      <td>
                        {row.reasons.map((reason) => (
                          <div key={reason.reason}>
                            {reason.reason} <span className="faint num">×{reason.n}</span>
                          </div>
                        ))}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Panel>
        )}
      </QueryView>
      <PausesPanel from={days[0]} to={days[1]} />
    </div>
  );
}
