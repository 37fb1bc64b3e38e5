import { useTranslation } from "react-i18next";
import { usePauses } from "../../api/work";
import { Panel, QueryView } from "../../components/page";
import { useFormat } from "../../lib/format";

/** How long tasks waited for others, by reason and department. */
export function PausesPanel(props: { from: string; to: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const report = usePauses(props.from, props.to);
  const hours = (minutes: number) => format.decimal(minutes / 60, 1);
  return (
    <Panel title={t("pauses.title")}>
      <p className="soft">{t("pauses.intro")}</p>
      <QueryView query={report}>
        {(data) =>
          data.rows.length === 0 ? (
            <p className="faint">{t("pauses.none")}</p>
          ) : (
            <div style={{ overflowX: "auto" }}>
              <table className="table">
                <thead>
                  <tr>
                    <th>{t("pauses.why")}</th>
                    <th>{t("refusals.department")}</th>
                    <th className="num">{t("pauses.tasks")}</th>
                    <th className="num">{t("pauses.pauses")}</th>
                    <th className="num">{t("pauses.lasting")}</th>
                    <th className="num">{t("pauses.hours")}</th>
                    <th className="num">{t("pauses.longest")}</th>
                  </tr>
                </thead>
                <tbody>
                  {data.rows.map((row) => (
                    <tr key={`${row.why} ${row.department}`}>
                      <td>{t(`pause_why.${row.why}`)}</td>
                      <td>{row.department_name}</td>
                      <td className="num">{row.tasks}</td>
                      <td className="num">{row.pauses}</td>
                      <td className="num">{row.lasting}</td>
                      <td className="num">{hours(row.working_minutes)}</td>
                      <td className="num">{hours(row.longest_minutes)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </QueryView>
    </Panel>
  );
}
