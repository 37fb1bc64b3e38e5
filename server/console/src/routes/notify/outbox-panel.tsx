import { Link } from "@tanstack/react-router";
import { App, Button, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useOutboxOf, useSendAgain } from "../../api/mail";
import type { OutboxItem } from "../../api/types";
import { Badge } from "../../components/badges";
import { More, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";

const OUTBOX_COLOUR: Record<OutboxItem["state"], string> = {
  queued: colour.inkFaint,
  sending: colour.teal700,
  sent: verdictColour.improved,
  retry: colour.accent,
  dead: verdictColour.worse,
  withdrawn: colour.inkFaint,
  held: colour.accent,
  merged: colour.inkFaint,
};
const STATES = Object.keys(OUTBOX_COLOUR) as OutboxItem["state"][];

/** A closed address is opened on its own page, and nobody can make an hour longer. */
const canGo = (item: OutboxItem) =>
  item.state === "dead" || (item.state === "held" && (item.hold === "digest" || item.hold === "quiet_hours"));

function Subject(props: { item: OutboxItem }) {
  const { item } = props;
  const shown = item.subject || item.kind;
  if (item.task_id) {
    return (
      <Link to="/tasks/$id" params={{ id: item.task_id }}>
        {shown}
      </Link>
    );
  }
  if (item.issue_id) {
    return (
      <Link to="/issues/$id" params={{ id: item.issue_id }}>
        {shown}
      </Link>
    );
  }
  return shown;
}

function SendAgain(props: { item: OutboxItem }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const again = useSendAgain();
  return (
    <>
      <Button
        size="small"
        loading={again.isPending}
        onClick={() =>
          again.mutate(props.item.id, { onSuccess: () => message.success(t("mailbox.queued_again")) })
        }
      >
        {t(props.item.state === "held" ? "mailbox.send_now" : "mailbox.send_again")}
      </Button>
      <ProblemAlert error={again.error} />
    </>
  );
}

/** What was or will be sent: why it waits, until when, and what became of it. */
export function OutboxPanel() {
  const { t } = useTranslation();
  const format = useFormat();
  const [state, setState] = useState<OutboxItem["state"] | undefined>();
  const outbox = useOutboxOf(state);
  const mayAct = useMay("run_loop");
  return (
    <Panel
      extra={
        <Select
          allowClear
          placeholder={t("mailbox.any_state")}
          aria-label={t("mailbox.state")}
          style={{ minWidth: 150 }}
          value={state}
          onChange={(value) => setState(value)}
          options={STATES.map((value) => ({ value, label: t(`outbox_state.${value}`) }))}
        />
      }
      title={t("mailbox.outbox")}
    >
      <QueryView query={outbox}>
        {(items) =>
          items.length === 0 ? (
            <p className="soft">{t(state ? "mailbox.outbox_none_such" : "mailbox.outbox_none")}</p>
          ) : (
            <div className="scroll-x">
              <table className="table">
                <thead>
                  <tr>
                    <th>{t("mailbox.target")}</th>
                    <th>{t("mailbox.state")}</th>
                    <th className="right">{t("mailbox.attempts")}</th>
                    <th>{t("import.past_at")}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.id}>
                      <td>
                        <Subject item={item} />
                        <br />
                        <span className="faint">{item.target}</span>
                        {item.bounce_reason && <p className="danger">{item.bounce_reason}</p>}
                        {item.last_error && <p className="danger">{item.last_error}</p>}
                      </td>
                      <td>
                        {item.bounced ? (
                          <Badge colour={verdictColour.worse}>{t("mailbox.bounced")}</Badge>
                        ) : (
                          <Badge colour={OUTBOX_COLOUR[item.state] ?? colour.inkFaint}>
                            {t(`outbox_state.${item.state}`)}
                          </Badge>
                        )}
                        <br />
                        {item.hold && (
                          <span className="faint">
                            {word("hold", item.hold)}
                            {item.held_until &&
                              ` · ${t("hold.until", { at: format.dateTime(item.held_until) })}`}
                            <br />
                          </span>
                        )}
                        {mayAct && canGo(item) ? (
                          <SendAgain item={item} />
                        ) : (
                          <span className="faint">
                            {t(item.left_machine ? "mailbox.left" : "mailbox.stayed")}
                          </span>
                        )}
                      </td>
                      <td className="right">{item.attempts}</td>
                      <td>{format.dateTime(item.sent_at ?? item.created_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </QueryView>
      <More query={outbox} />
    </Panel>
  );
}
