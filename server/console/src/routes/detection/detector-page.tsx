import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button, Form } from "antd";
import { useTranslation } from "react-i18next";
import type { DetectorKind } from "../../api/evidence";
import {
  type DetectorDraft,
  useDetectorSignals,
  useDetectors,
  useRemoveDetector,
  useSaveDetector,
} from "../../api/hooks";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { BacktestPanel } from "./backtest-panel";
import { DetectorForm, draftOf, KindText, type Values } from "./detector-form";
import { IMMEDIATE, KINDS, withDefaults } from "./kinds";
import { MutePanel } from "./mute-panel";

function Editor(props: { draft: DetectorDraft }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const save = useSaveDetector();
  const remove = useRemoveDetector();
  const [form] = Form.useForm<Values>();
  const { draft } = props;
  const isNew = draft.version === undefined;
  const leave = () => void navigate({ to: "/settings/detectors" });

  async function submit(values: Values) {
    try {
      await save.mutateAsync(draftOf(draft, values));
      message.success(t("app.saved"));
      if (isNew) leave();
    } catch {
      // Shown above the form.
    }
  }

  /** The rule as it stands in the form; a back-test needs no name. */
  async function current(): Promise<DetectorDraft | null> {
    try {
      await form.validateFields(["params"], { recursive: true });
    } catch {
      return null;
    }
    return draftOf(draft, form.getFieldsValue(true) as Values);
  }

  return (
    <div className="columns columns--editor">
      <div className="stack">
        <Panel title={isNew ? t("detectors.add") : draft.key}>
          <div className="stack">
            <ProblemAlert error={save.error ?? remove.error} />
            <KindText kind={draft.kind} />
            <DetectorForm form={form} draft={draft} onSave={submit} />
            <div className="row row--between">
              <span className="row">
                <Button type="primary" loading={save.isPending} onClick={() => form.submit()}>
                  {t("app.save")}
                </Button>
                <Button onClick={leave}>{t("app.back")}</Button>
              </span>
              {!isNew && (
                <RemoveButton
                  remove={() => remove.mutateAsync(draft.key)}
                  pending={remove.isPending}
                  onDone={leave}
                />
              )}
            </div>
          </div>
        </Panel>
      </div>
      <div className="stack">
        <BacktestPanel draft={current} />
        {draft.version !== undefined && (
          <>
            <MutePanel detector={{ ...draft, version: draft.version }} />
            <Signals detectorKey={draft.key} />
          </>
        )}
      </div>
    </div>
  );
}

/** What the rule did lately, muted or not. */
function Signals(props: { detectorKey: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const signals = useDetectorSignals(props.detectorKey);
  return (
    <Panel title={t("detectors.signals")}>
      <QueryView query={signals}>
        {(items) =>
          items.length === 0 ? (
            <p className="soft">{t("detectors.signals_none")}</p>
          ) : (
            <ul className="stack stack--tight">
              {items.slice(0, 20).map((signal) => (
                <li key={signal.id} className="signal">
                  <strong>{say(signal.subject_name)}</strong>{" "}
                  <span className="faint num">{format.day(signal.day)}</span>
                  {signal.withheld && <span className="faint"> · {t("detectors.was_withheld")}</span>}
                  {signal.information && <span className="faint"> · {t("detectors.information")}</span>}
                  <p className="soft">{say(signal.explanation)}</p>
                  {signal.issue_id && (
                    <Link to="/issues/$id" params={{ id: signal.issue_id }}>
                      {t("overview.fix_now_open")}
                    </Link>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </Panel>
  );
}

/** The kinds to choose from, each with what it is for. */
function Choose() {
  const { t } = useTranslation();
  const group = (immediate: boolean) => KINDS.filter((kind) => IMMEDIATE.has(kind) === immediate);
  return (
    <Panel title={t("detectors.choose")}>
      {[true, false].map((immediate) => (
        <div key={String(immediate)}>
          <h3 className="subhead" style={{ marginTop: 10 }}>
            {t(immediate ? "detectors.group_immediate" : "detectors.group_daily")}
          </h3>
          <ul className="kinds">
            {group(immediate).map((kind) => (
              <li key={kind}>
                <Link to="/settings/detectors/edit" search={{ kind }}>
                  <strong>{word("detector_kind", kind)}</strong>
                  <span className="soft">{word("detector_hint", kind)}</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </Panel>
  );
}

export function DetectorPage() {
  const { t } = useTranslation();
  const { key, kind } = useSearch({ from: "/shell/settings/detectors/edit" });
  const detectors = useDetectors();
  if (!useMay("manage_organisation")) return <NoAccessPage />;
  const back = (
    <Link className="crumb" to="/settings/detectors">
      <span aria-hidden="true">←</span> {t("settings.detectors")}
    </Link>
  );
  if (key === undefined) {
    const chosen = KINDS.find((known) => known === kind) as DetectorKind | undefined;
    return (
      <div className="stack stack--tight">
        {back}
        {chosen ? (
          <Editor
            key={chosen}
            draft={{
              key: "",
              kind: chosen,
              scope: {},
              params: withDefaults(chosen, {}),
              enabled: true,
              owner: null,
            }}
          />
        ) : (
          <Choose />
        )}
      </div>
    );
  }
  return (
    <div className="stack stack--tight">
      {back}
      <QueryView query={detectors}>
        {(items) => {
          const detector = items.find((item) => item.key === key);
          return detector ? (
            <Editor key={`${detector.key} ${detector.version}`} draft={detector} />
          ) : (
            <Panel>
              <EmptyState title={t("detectors.gone")} />
            </Panel>
          );
        }}
      </QueryView>
    </div>
  );
}
