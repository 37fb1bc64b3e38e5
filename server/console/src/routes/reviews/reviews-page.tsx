import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button, Drawer, Form, Input, Radio, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDepartments } from "../../api/hooks";
import {
  REVIEW_OUTCOMES,
  REVIEW_STATES,
  type ReviewOutcome,
  type ReviewState,
  type ReviewTicket,
  useReview,
  useReviewTickets,
} from "../../api/life";
import { Badge } from "../../components/badges";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { Timeline } from "../../components/timeline";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";

const COLOUR: Record<ReviewState, string> = {
  open: colour.accent,
  analysed: colour.teal700,
  called_back: verdictColour.pending,
  closed: colour.inkFaint,
};

function ReviewBadge(props: { state: ReviewState }) {
  return <Badge colour={COLOUR[props.state]}>{word("review_state", props.state)}</Badge>;
}

function useReason() {
  const { t } = useTranslation();
  return (ticket: ReviewTicket) =>
    ticket.reason.kind === "low_rating"
      ? t("review.rating", { n: ticket.reason.rating })
      : t("review.nps", { n: ticket.reason.nps });
}

/** What is to be done with a ticket, in its order. */
function Steps(props: { ticket: ReviewTicket }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { ticket } = props;
  const review = useReview(ticket.id, ticket.version);
  const mayGive = useMay("run_loop");
  const departments = useDepartments().data ?? [];
  const required = [{ required: true, whitespace: true, message: t("app.required") }];
  const run = async (change: Parameters<typeof review.mutateAsync>[0]) => {
    try {
      await review.mutateAsync(change);
      message.success(t("app.saved"));
    } catch {
      // Shown above the forms.
    }
  };
  return (
    <div className="stack">
      <ProblemAlert error={review.error} />
      <Panel title={t("review.analyse")}>
        <Form
          layout="vertical"
          initialValues={{ cause: ticket.cause ?? "", text: ticket.analysis }}
          onFinish={(values: { cause: string; text?: string }) =>
            run({ what: "analyse", body: { cause: values.cause.trim(), text: values.text?.trim() ?? "" } })
          }
        >
          <Form.Item name="cause" label={t("review.cause")} rules={required}>
            <Input maxLength={200} />
          </Form.Item>
          <Form.Item name="text" label={t("review.text")}>
            <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} maxLength={4000} />
          </Form.Item>
          <Button htmlType="submit" loading={review.isPending}>
            {t("review.save_analysis")}
          </Button>
        </Form>
      </Panel>
      <Panel title={t("review.call")}>
        <Form
          key={ticket.calls.length}
          layout="vertical"
          initialValues={{ reached: true }}
          onFinish={(values: { reached: boolean; text: string }) =>
            run({ what: "call_back", body: { reached: values.reached, text: values.text.trim() } })
          }
        >
          <Form.Item name="reached">
            <Radio.Group
              options={[
                { value: true, label: t("review.reached") },
                { value: false, label: t("review.not_reached") },
              ]}
            />
          </Form.Item>
          <Form.Item name="text" label={t("review.call_text")} rules={required}>
            <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} maxLength={4000} />
          </Form.Item>
          <Button htmlType="submit" loading={review.isPending}>
            {t("review.save_call")}
          </Button>
        </Form>
      </Panel>
      <Panel title={t("review.close")}>
        <Form
          layout="vertical"
          onFinish={(values: { outcome: ReviewOutcome; text: string }) =>
            run({ what: "close", body: { outcome: values.outcome, text: values.text.trim() } })
          }
        >
          <Form.Item
            name="outcome"
            label={t("review.outcome")}
            rules={[{ required: true, message: t("app.required") }]}
          >
            <Select
              options={REVIEW_OUTCOMES.map((value) => ({ value, label: word("review_outcome", value) }))}
            />
          </Form.Item>
          <Form.Item name="text" label={t("review.outcome_text")} rules={required}>
            <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} maxLength={4000} />
          </Form.Item>
          <Button type="primary" htmlType="submit" loading={review.isPending}>
            {t("review.close")}
          </Button>
        </Form>
      </Panel>
      {mayGive && (
        <Panel title={t("review.reassign")}>
          <p className="faint">{t("review.reassign_hint")}</p>
          <Form
            layout="vertical"
            onFinish={(values: { department: string; reason: string }) =>
              run({ what: "reassign", body: { department: values.department, reason: values.reason.trim() } })
            }
          >
            <Form.Item
              name="department"
              label={t("topics.department")}
              rules={[{ required: true, message: t("app.required") }]}
            >
              <Select
                options={departments
                  .filter((d) => d.owners.length > 0 && d.owners[0]?.email !== ticket.owner)
                  .map((d) => ({ value: d.key, label: d.name || d.key }))}
              />
            </Form.Item>
            <Form.Item name="reason" label={t("review.reassign_reason")} rules={required}>
              <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
            </Form.Item>
            <Button htmlType="submit" loading={review.isPending}>
              {t("review.reassign")}
            </Button>
          </Form>
        </Panel>
      )}
    </div>
  );
}

function Detail(props: { ticket: ReviewTicket }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { ticket } = props;
  const may = useMay("do_task");
  return (
    <div className="stack">
      <Panel title={t("review.voice")}>
        {ticket.text ? (
          <div className="voice">
            <blockquote>{ticket.text}</blockquote>
            <footer>
              <span>{ticket.channel}</span>
              {ticket.occurred_at && (
                <time dateTime={ticket.occurred_at}>{format.dateTime(ticket.occurred_at)}</time>
              )}
            </footer>
          </div>
        ) : (
          <p className="soft">{t("review.voice_hidden")}</p>
        )}
        {ticket.gathered > 0 && <p className="flagged">{t("review.gathered", { n: ticket.gathered })}</p>}
        {ticket.issue_id && (
          <Link to="/issues/$id" params={{ id: ticket.issue_id }}>
            {t("review.to_issue")}
          </Link>
        )}
      </Panel>
      {ticket.calls.length > 0 && (
        <Panel title={t("review.calls")}>
          <ul className="stack stack--tight">
            {ticket.calls.map((call) => (
              <li key={call.at}>
                <div className="row row--between">
                  <strong>{t(call.reached ? "review.reached" : "review.not_reached")}</strong>
                  <time dateTime={call.at}>{format.dateTime(call.at)}</time>
                </div>
                <p className="soft">
                  {call.by} · {call.text}
                </p>
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {ticket.outcome && (
        <div className="flagged">
          <strong>{word("review_outcome", ticket.outcome)}</strong>
          <p>{ticket.outcome_text}</p>
        </div>
      )}
      {may && ticket.state !== "closed" && <Steps ticket={ticket} />}
      <Timeline events={ticket.timeline} />
    </div>
  );
}

export function ReviewsPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const reasonOf = useReason();
  const navigate = useNavigate();
  const { state } = useSearch({ from: "/shell/review-tickets" });
  const tickets = useReviewTickets(state ? { state } : {});
  const [open, setOpen] = useState<string | null>(null);
  const chosen = tickets.data?.find((ticket) => ticket.id === open);
  return (
    <Page title={t("review.title")} intro={t("review.intro")}>
      <div className="filters">
        <Select
          allowClear
          aria-label={t("review.state")}
          placeholder={t("review.state")}
          value={state ?? null}
          onChange={(value) =>
            void navigate({ to: "/review-tickets", search: value ? { state: value } : {}, replace: true })
          }
          options={REVIEW_STATES.map((value) => ({
            value: value as string,
            label: word("review_state", value),
          }))}
        />
      </div>
      <QueryView query={tickets}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("review.none")} />
            ) : (
              <ul className="records">
                {items.map((ticket) => (
                  <li key={ticket.id}>
                    <button type="button" className="record" onClick={() => setOpen(ticket.id)}>
                      <span>
                        <span className="record__title">
                          {say(ticket.topic_name) || ticket.channel} · {reasonOf(ticket)}
                        </span>
                        <span className="record__meta">
                          <span>{ticket.owner || t("review.nobody")}</span>
                          <span>{ticket.department_name}</span>
                          <span>{format.dateTime(ticket.created_at)}</span>
                          {ticket.text && <span>{ticket.text.slice(0, 60)}</span>}
                        </span>
                      </span>
                      <span className="record__side">
                        <ReviewBadge state={ticket.state} />
                      </span>
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <More query={tickets} />
      <Drawer
        open={chosen !== undefined}
        onClose={() => setOpen(null)}
        title={chosen && `${say(chosen.topic_name) || chosen.channel} · ${reasonOf(chosen)}`}
        extra={chosen && <ReviewBadge state={chosen.state} />}
        size={Math.min(620, window.innerWidth)}
        destroyOnHidden
      >
        {chosen && <Detail ticket={chosen} />}
      </Drawer>
    </Page>
  );
}
