import { Link } from "@tanstack/react-router";
import { Alert, App, Button, Drawer, Form, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useTasks } from "../../api/hooks";
import {
  type InboxItem,
  OUTCOMES,
  type Outcome,
  STRAY,
  useAttachMail,
  useInbox,
  useInboxMail,
  useInboxState,
} from "../../api/mail";
import { Badge } from "../../components/badges";
import { EmptyState, More, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";

const OUTCOME_COLOUR: Record<Outcome, string> = {
  unmatched: colour.accent,
  refused: colour.accent,
  failed: verdictColour.worse,
  ignored: colour.inkFaint,
  acted: verdictColour.improved,
  commented: colour.teal700,
  answered: colour.teal700,
  bounce: verdictColour.worse,
  attached: verdictColour.improved,
};

/** Why a mail came to what it came to, in words. */
export function reasonOf(item: InboxItem): string {
  const { reason, problem, severity } = item.details;
  if (severity) return word("inbox_reason", severity);
  if (reason) return word("inbox_reason", reason);
  return problem ? word("inbox_reason", problem) : "";
}

function Attach(props: { item: InboxItem; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { item } = props;
  const mail = useInboxMail(item.id);
  const tasks = useTasks({});
  const attach = useAttachMail(item.id);
  return (
    <QueryView query={mail}>
      {(shown) => (
        <div className="stack">
          <div>
            <h2 style={{ fontSize: 16 }}>{shown.subject}</h2>
            <p className="faint">{shown.from}</p>
          </div>
          {shown.words === null ? (
            <Alert type="warning" showIcon title={t("inbox.gone")} />
          ) : (
            <div className="mail-text">{shown.words || t("inbox.no_words")}</div>
          )}
          {shown.files.length > 0 && (
            <p className="soft">
              {t("inbox.files")}: {shown.files.join(", ")}
            </p>
          )}
          {shown.words !== null && (
            <Form<{ task: string }>
              layout="vertical"
              initialValues={{ task: item.task_id ?? undefined }}
              onFinish={({ task }) =>
                attach.mutate(task, {
                  onSuccess: () => {
                    message.success(t("inbox.attached"));
                    props.onDone();
                  },
                })
              }
            >
              <ProblemAlert error={attach.error} />
              <Form.Item
                name="task"
                label={t("inbox.task")}
                extra={t("inbox.task_hint")}
                rules={[{ required: true, message: t("app.required") }]}
              >
                <Select
                  showSearch={{ optionFilterProp: "label" }}
                  loading={tasks.isPending}
                  options={(tasks.data ?? []).map((task) => ({ value: task.id, label: task.title }))}
                />
              </Form.Item>
              <Button type="primary" htmlType="submit" loading={attach.isPending}>
                {t("inbox.attach")}
              </Button>
            </Form>
          )}
        </div>
      )}
    </QueryView>
  );
}

function State() {
  const { t } = useTranslation();
  const format = useFormat();
  const state = useInboxState();
  if (!state.data) return null;
  const { mailbox, looked_at, error } = state.data;
  if (!mailbox) {
    return (
      <Alert type="info" showIcon title={t("inbox.none_read")} description={t("inbox.none_read_text")} />
    );
  }
  if (error) return <Alert type="error" showIcon title={t("inbox.trouble")} description={error} />;
  return (
    <p className="faint">
      {mailbox}
      {looked_at && ` · ${t("inbox.looked", { at: format.dateTime(looked_at) })}`}
    </p>
  );
}

/** What came back by mail, what became of it and why; what led nowhere is put to its task here. */
export function InboxPanel() {
  const { t } = useTranslation();
  const format = useFormat();
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  const [open, setOpen] = useState<InboxItem | null>(null);
  const inbox = useInbox(outcome);
  const mayAct = useMay("run_loop");
  return (
    <div className="stack">
      <State />
      <Panel
        flush
        title={t("inbox.title")}
        extra={
          <Select
            allowClear
            placeholder={t("inbox.any")}
            aria-label={t("inbox.outcome")}
            style={{ minWidth: 150 }}
            value={outcome}
            onChange={(value) => setOutcome(value)}
            options={OUTCOMES.map((value) => ({ value, label: t(`inbox_outcome.${value}`) }))}
          />
        }
      >
        <QueryView query={inbox}>
          {(items) =>
            items.length === 0 ? (
              <EmptyState title={t("inbox.none")} next={t("inbox.none_next")} />
            ) : (
              <ul className="records">
                {items.map((item) => (
                  <li key={item.id} className="record">
                    <span>
                      <span className="record__title">{item.subject || t("inbox.no_subject")}</span>
                      <span className="record__meta">
                        <span>{item.from}</span>
                        <time dateTime={item.read_at}>{format.dateTime(item.read_at)}</time>
                        {reasonOf(item) && <span>{reasonOf(item)}</span>}
                        {item.details.attached_by && (
                          <span>{t("inbox.by", { who: item.details.attached_by })}</span>
                        )}
                      </span>
                    </span>
                    <span className="record__side">
                      <Badge colour={OUTCOME_COLOUR[item.outcome] ?? colour.inkFaint}>
                        {t(`inbox_outcome.${item.outcome}`)}
                      </Badge>
                      {item.task_id && (
                        <Link to="/tasks/$id" params={{ id: item.task_id }}>
                          {t("inbox.to_task")}
                        </Link>
                      )}
                      {mayAct && STRAY.includes(item.outcome) && (
                        <Button size="small" onClick={() => setOpen(item)}>
                          {t("inbox.attach")}
                        </Button>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </QueryView>
        <More query={inbox} />
      </Panel>
      <Drawer
        open={open !== null}
        title={t("inbox.attach")}
        onClose={() => setOpen(null)}
        size={Math.min(560, window.innerWidth)}
        destroyOnHidden
      >
        {open && <Attach item={open} onDone={() => setOpen(null)} />}
      </Drawer>
    </div>
  );
}
