import { App, Button, Form, Input, Modal, Popconfirm, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDecideQuadrant, useReleaseQuadrant } from "../../api/hooks";
import type { Issue, Quadrant } from "../../api/types";
import { QuadrantBadge } from "../../components/badges";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { ImpactFormula } from "../overview/quadrant-chart";

const QUADRANTS: readonly Quadrant[] = ["fix_now", "plan", "quick_win", "watch"];

function Decide(props: { issue: Issue; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const decide = useDecideQuadrant(props.issue.id);
  const [form] = Form.useForm<{ quadrant: Quadrant; reason: string }>();
  return (
    <Modal
      open={props.open}
      title={t("decision.title")}
      okText={t("app.save")}
      cancelText={t("app.cancel")}
      confirmLoading={decide.isPending}
      onCancel={props.onClose}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <ProblemAlert error={decide.error} />
      <p className="soft" style={{ marginBottom: 12 }}>
        {t("decision.intro")}
      </p>
      <Form
        form={form}
        layout="vertical"
        initialValues={{ quadrant: props.issue.quadrant }}
        onFinish={async (values) => {
          try {
            await decide.mutateAsync({ quadrant: values.quadrant, reason: values.reason.trim() });
            message.success(t("app.saved"));
            props.onClose();
          } catch {
            // Shown above.
          }
        }}
      >
        <Form.Item name="quadrant" label={t("decision.quadrant")} rules={[{ required: true }]}>
          <Select
            options={QUADRANTS.map((value) => ({
              value,
              label: `${t(`quadrant.${value}`)} · ${t(`quadrant.${value}_hint`)}`,
            }))}
          />
        </Form.Item>
        <Form.Item
          name="reason"
          label={t("decision.reason")}
          rules={[{ required: true, whitespace: true, message: t("app.required") }]}
        >
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={500} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** Where the issue stands and how it came there; a person's decision holds until it is released. */
export function QuadrantPanel(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { message } = App.useApp();
  const mayDecide = useMay("run_loop");
  const release = useReleaseQuadrant(props.issue.id);
  const [deciding, setDeciding] = useState(false);
  const { issue } = props;
  const { override: decided, movement, impact } = issue;
  const trail = [...(movement?.trail ?? [])].reverse().filter((move) => move.from !== null);
  return (
    <Panel title={t("decision.panel")}>
      <div className="stack stack--tight">
        <ProblemAlert error={release.error} />
        <div className="row row--between">
          <span className="row">
            <QuadrantBadge quadrant={issue.quadrant} large />
            {issue.borderline && !decided && <span className="faint">{t("quadrant.uncertain")}</span>}
          </span>
          {mayDecide && !decided && <Button onClick={() => setDeciding(true)}>{t("decision.decide")}</Button>}
        </div>
        {decided && (
          <div className="flagged">
            <p>
              {t("decision.by", { name: decided.by.name, at: format.dateTime(decided.at) })}
              {t("app.colon")}
              {decided.reason}
            </p>
            {issue.computed_quadrant && (
              <p className="faint">
                {t("decision.computed", { quadrant: t(`quadrant.${issue.computed_quadrant}`) })}
              </p>
            )}
            {mayDecide && (
              <span className="row" style={{ marginTop: 6 }}>
                <Button size="small" onClick={() => setDeciding(true)}>
                  {t("decision.change")}
                </Button>
                <Popconfirm
                  title={t("decision.release_ask")}
                  okText={t("decision.release")}
                  cancelText={t("app.back")}
                  onConfirm={async () => {
                    try {
                      await release.mutateAsync();
                      message.success(t("decision.released"));
                    } catch {
                      // Shown above.
                    }
                  }}
                >
                  <Button size="small" loading={release.isPending}>
                    {t("decision.release")}
                  </Button>
                </Popconfirm>
              </span>
            )}
          </div>
        )}
        {(impact.parts ?? []).length > 0 && (
          <details className="why">
            <summary>{t("quadrant.formula")}</summary>
            <ImpactFormula parts={impact.parts ?? []} total={impact.value} />
          </details>
        )}
        {trail.length > 0 && (
          <ol className="timeline">
            {trail.map((move) => (
              <li key={move.at}>
                <div className="row row--between">
                  <strong>
                    {move.from && t(`quadrant.${move.from}`)} → {t(`quadrant.${move.to}`)}
                  </strong>
                  <time dateTime={move.at}>{format.day(move.day)}</time>
                </div>
                <p className="faint">{say(move.why)}</p>
              </li>
            ))}
          </ol>
        )}
      </div>
      {mayDecide && <Decide issue={issue} open={deciding} onClose={() => setDeciding(false)} />}
    </Panel>
  );
}
