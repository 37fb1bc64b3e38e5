import { Link } from "@tanstack/react-router";
import { Alert, App, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useIssues } from "../../api/hooks";
import { useMerge, usePreviewMerge, useUnmerge } from "../../api/life";
import type { Issue } from "../../api/types";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { useIssueName } from "../../lib/issue-name";
import { useMay } from "../../lib/session";
import { WayBackButton } from "./way-back-button";

/** Merges an issue into another one: what it does is said before it is done. */
export function MergeDialog(props: { issue: Issue; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const nameOf = useIssueName();
  const issues = useIssues({});
  const preview = usePreviewMerge();
  const merge = useMerge();
  const [into, setInto] = useState<string | null>(null);
  const { issue } = props;
  const others = (issues.data ?? []).filter((other) => other.id !== issue.id && !other.merged_into);
  const seen = preview.data?.into === into ? preview.data : undefined;

  function close() {
    setInto(null);
    preview.reset();
    merge.reset();
    props.onClose();
  }

  return (
    <Modal
      open={props.open}
      title={t("merge.title")}
      okText={t("merge.confirm")}
      cancelText={t("app.cancel")}
      okButtonProps={{ disabled: !seen }}
      confirmLoading={merge.isPending}
      onCancel={close}
      onOk={async () => {
        if (!into) return;
        try {
          await merge.mutateAsync({ id: issue.id, version: issue.version, into });
          message.success(t("merge.done"));
          close();
        } catch {
          // Shown below.
        }
      }}
      destroyOnHidden
    >
      <ProblemAlert error={merge.error ?? preview.error} />
      <div className="stack">
        <p className="soft">{t("merge.intro")}</p>
        <Select
          aria-label={t("merge.into")}
          placeholder={t("merge.into")}
          style={{ width: "100%" }}
          showSearch={{ optionFilterProp: "label" }}
          value={into}
          onChange={(value) => {
            setInto(value);
            preview.mutate({ id: issue.id, into: value });
          }}
          options={others.map((other) => ({
            value: other.id,
            label: `${nameOf(other)} · ${t(`issue_state.${other.state}`)}`,
          }))}
        />
        {seen && (
          <div role="status" className="flagged">
            <p>
              {t("merge.counts", {
                signals: seen.signals,
                tasks: seen.tasks,
                under_way: seen.tasks_under_way,
              })}
            </p>
            {seen.following > 0 && <p>{t("merge.following", { n: seen.following })}</p>}
          </div>
        )}
      </div>
    </Modal>
  );
}

/** An issue that was merged: where its signals go, and the way back. */
export function MergedBanner(props: { issue: Issue }) {
  const { t } = useTranslation();
  const may = useMay("run_loop");
  const unmerge = useUnmerge();
  const { issue } = props;
  if (!issue.merged_into) return null;
  return (
    <Alert
      type="info"
      showIcon
      style={{ marginBottom: 16 }}
      title={t("merge.banner")}
      description={
        <Link to="/issues/$id" params={{ id: issue.merged_into }}>
          {t("merge.to_target")}
        </Link>
      }
      action={
        may && (
          <WayBackButton
            issue={issue}
            words={{ undo: t("merge.undo"), undone: t("merge.undone"), reason: t("merge.undo_reason") }}
            undo={unmerge}
          />
        )
      }
    />
  );
}

/** Issues whose signals and tasks have come to this one. */
export function MergedList(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const merged = props.issue.merged ?? [];
  if (merged.length === 0) return null;
  return (
    <Panel title={t("merge.merged")}>
      <ul className="stack stack--tight">
        {merged.map((one) => (
          <li key={one.id} className="row row--between">
            <Link to="/issues/$id" params={{ id: one.id }}>
              {one.title}
            </Link>
            {one.at && <time dateTime={one.at}>{format.dateTime(one.at)}</time>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
