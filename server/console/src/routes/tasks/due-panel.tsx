import { App, Button, DatePicker, Input } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Task } from "../../api/types";
import { type ProposedDue, useDueDecision } from "../../api/work";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat, wallTime } from "../../lib/format";
import { useMay, useSession } from "../../lib/session";

function Question(props: { task: Task; wish: ProposedDue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const { organisation } = useSession();
  const { task, wish } = props;
  const decide = useDueDecision(task.id, task.version);
  const [words, setWords] = useState("");
  // The date that was asked for; another one can be agreed to instead.
  const [other, setOther] = useState<Dayjs | null>(null);
  async function say(agreed: boolean) {
    const due_at = other ? wallTime(other.format("YYYY-MM-DDTHH:mm"), organisation.zone) : wish.due_at;
    try {
      await decide.mutateAsync(
        agreed ? { agreed, due_at, words: words.trim() } : { agreed, words: words.trim() },
      );
      message.success(t("task.done_action"));
    } catch {
      // Shown above the buttons.
    }
  }
  return (
    <Panel title={t("due_wish.title")}>
      <div className="stack stack--tight">
        <p>
          {t("due_wish.asked", {
            who: wish.by,
            wished: format.dateTime(wish.due_at),
            present: format.dateTime(task.due_at),
          })}
        </p>
        {wish.comment && <p className="prose">{wish.comment}</p>}
        <ProblemAlert error={decide.error} />
        <Input.TextArea
          aria-label={t("due_wish.words")}
          placeholder={t("due_wish.words")}
          value={words}
          maxLength={20000}
          autoSize={{ minRows: 2 }}
          onChange={(event) => setWords(event.target.value)}
        />
        <div className="row">
          <DatePicker
            showTime={{ format: "HH:mm", defaultValue: dayjs("18:00", "HH:mm") }}
            format="YYYY-MM-DD HH:mm"
            minDate={dayjs()}
            placeholder={t("due_wish.other")}
            aria-label={t("due_wish.other")}
            value={other}
            onChange={setOther}
          />
          <Button type="primary" loading={decide.isPending} onClick={() => void say(true)}>
            {t(other ? "due_wish.agree_other" : "due_wish.agree")}
          </Button>
          <Button
            danger
            loading={decide.isPending}
            disabled={words.trim() === ""}
            onClick={() => void say(false)}
          >
            {t("due_wish.refuse")}
          </Button>
        </div>
      </div>
    </Panel>
  );
}

/** The date that an owner asked for, for whoever may agree to it. */
export function DuePanel(props: { task: Task }) {
  const runs = useMay("run_loop");
  const wish = props.task.proposed_due;
  return runs && wish ? <Question key={wish.at} task={props.task} wish={wish} /> : null;
}
