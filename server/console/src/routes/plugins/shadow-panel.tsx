import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useBeginShadow, useShadow } from "../../api/plugins";
import type { Plugin } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";

const VOICES = 1000;

/** How many labels another classifier would change, before anybody switches to it. */
export function ShadowPanel(props: { plugin: Plugin; mayManage: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [asked, setAsked] = useState(false);
  const shadow = useShadow(props.plugin.id);
  const begin = useBeginShadow();
  const seen = shadow.data;
  return (
    <div className="stack stack--tight">
      {props.mayManage && (
        <div className="row">
          <Button
            loading={begin.isPending}
            onClick={() => {
              setAsked(true);
              begin.mutate({ id: props.plugin.id, voices: VOICES });
            }}
          >
            {t("plugins.shadow_begin", { n: VOICES })}
          </Button>
        </div>
      )}
      <ProblemAlert error={asked ? begin.error : null} />
      {seen && (
        <>
          <p>
            {t("plugins.shadow_result", {
              looked_at: format.count(seen.looked_at),
              changed: format.count(seen.changed),
              share: format.percent(seen.looked_at > 0 ? seen.changed / seen.looked_at : 0),
            })}
            {seen.state === "running" && <span className="faint"> {t("plugins.shadow_running")}</span>}
          </p>
          {seen.error && <p role="alert">{seen.error}</p>}
          {seen.topics.length > 0 && (
            <table className="moves">
              <thead>
                <tr>
                  <th>{t("plugins.shadow_topic")}</th>
                  <th>{t("plugins.shadow_before")}</th>
                  <th>{t("plugins.shadow_after")}</th>
                  <th>{t("plugins.shadow_lost")}</th>
                  <th>{t("plugins.shadow_gained")}</th>
                </tr>
              </thead>
              <tbody>
                {seen.topics.slice(0, 30).map((topic) => (
                  <tr key={topic.topic ?? ""}>
                    <td>{topic.topic ?? t("plugins.shadow_no_topic")}</td>
                    <td className="num">{format.count(topic.before)}</td>
                    <td className="num">{format.count(topic.after)}</td>
                    <td className="num">{format.count(topic.lost)}</td>
                    <td className="num">{format.count(topic.gained)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </>
      )}
    </div>
  );
}
