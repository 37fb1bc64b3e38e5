import { App, Button, DatePicker, Form, Input } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";
import { useSaveDetector } from "../../api/hooks";
import type { Detector } from "../../api/types";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { addDays, dayIn, useFormat } from "../../lib/format";

/** The mute that is still in force on a day. */
export function muteOn(detector: Pick<Detector, "mute">, today: string): Detector["mute"] {
  return detector.mute && detector.mute.until >= today ? detector.mute : null;
}

/** Quiet for a while: always with an end and a reason, so that nothing is forgotten. */
export function MutePanel(props: { detector: Detector }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const save = useSaveDetector();
  const { detector } = props;
  const today = dayIn(new Date(), format.zone);
  const muted = muteOn(detector, today);

  async function set(mute: Detector["mute"]) {
    try {
      await save.mutateAsync({ ...detector, mute: mute ?? null });
      message.success(t("app.saved"));
    } catch {
      // Shown above.
    }
  }

  return (
    <Panel title={t("mute.title")}>
      <ProblemAlert error={save.error} />
      {muted ? (
        <div className="stack stack--tight">
          <p>
            <strong>{t("mute.until", { day: format.day(muted.until) })}</strong>
            <br />
            <span className="soft">{t("mute.because", { reason: muted.reason })}</span>
          </p>
          <div>
            <Button loading={save.isPending} onClick={() => set(null)}>
              {t("mute.end")}
            </Button>
          </div>
        </div>
      ) : (
        <Form<{ until: Dayjs; reason: string }>
          layout="vertical"
          initialValues={{ until: dayjs(addDays(today, 7)) }}
          onFinish={({ until, reason }) => set({ until: until.format("YYYY-MM-DD"), reason: reason.trim() })}
        >
          <p className="soft" style={{ marginBottom: 10 }}>
            {t("mute.intro")}
          </p>
          <Form.Item
            name="until"
            label={t("mute.last_day")}
            rules={[{ required: true, message: t("app.required") }]}
          >
            <DatePicker minDate={dayjs(today)} style={{ width: 180 }} />
          </Form.Item>
          <Form.Item
            name="reason"
            label={t("mute.reason")}
            rules={[{ required: true, whitespace: true, message: t("app.required") }]}
          >
            <Input maxLength={500} />
          </Form.Item>
          <Button htmlType="submit" loading={save.isPending}>
            {t("mute.start")}
          </Button>
        </Form>
      )}
    </Panel>
  );
}
