import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Button, Checkbox, Modal, Segmented, Select } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ISSUE_KINDS } from "../../api/evidence";
import { type IssueFilter, useIssues, useTopics } from "../../api/hooks";
import type { Issue, IssueState, Quadrant } from "../../api/types";
import { IssueStateBadge, QuadrantBadge } from "../../components/badges";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { languageOf } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useIssueName } from "../../lib/issue-name";
import { useMay } from "../../lib/session";
import { topicName } from "../../lib/topic-names";
import { useKeys } from "../../lib/use-keys";
import { BulkDialog, type BulkKind } from "./bulk-dialog";
import { HoldDialog, type HoldKind } from "./hold-dialogs";
import { KindBadge } from "./kind-panel";

const STATES: readonly IssueState[] = [
  "open",
  "relapsed",
  "in_progress",
  "verifying",
  "resolved",
  "snoozed",
  "dismissed",
];
/** As many as the server takes at once. */
const MOST = 100;
const KEYS = [
  ["j / k", "key_next"],
  ["x", "key_choose"],
  ["Enter", "key_open"],
  ["b", "key_view"],
  ["Esc", "key_none"],
  ["?", "key_help"],
] as const;
const QUADRANTS: readonly Quadrant[] = ["fix_now", "plan", "quick_win", "watch"];

export function IssueRow(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nameOf = useIssueName();
  const { issue } = props;
  return (
    <Link className="record" to="/issues/$id" params={{ id: issue.id }}>
      <span>
        <span className="record__title">{nameOf(issue)}</span>
        <span className="record__meta num">
          <span>{t("issues.opened", { at: format.dateTime(issue.opened_at) })}</span>
          <span>{t("issues.contacts", { n: format.count(issue.frequency.contacts) })}</span>
          <span>{t("issues.since", { n: format.count(issue.contacts_since_open) })}</span>
          <span>
            {issue.tasks.length > 0 ? t("issues.tasks_n", { n: issue.tasks.length }) : t("issues.no_task")}
          </span>
        </span>
      </span>
      <span className="record__side">
        <KindBadge kind={issue.kind} />
        <QuadrantBadge quadrant={issue.quadrant} kind={issue.kind} />
        <IssueStateBadge state={issue.state} />
      </span>
    </Link>
  );
}

/** Issues by state, side by side; every card is a link, so that the keyboard walks through it in order. */
function Board(props: { issues: readonly Issue[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nameOf = useIssueName();
  return (
    <div className="board">
      {STATES.map((state) => {
        const of = props.issues.filter((issue) => issue.state === state);
        return (
          <section key={state} className="board__column" aria-label={t(`issue_state.${state}`)}>
            <h2>
              {t(`issue_state.${state}`)} <span className="faint num">{of.length}</span>
            </h2>
            {of.length === 0 && <p className="faint">{t("bulk.empty")}</p>}
            <ul className="stack stack--tight">
              {of.map((issue) => (
                <li key={issue.id}>
                  <Link className="board__card" to="/issues/$id" params={{ id: issue.id }}>
                    <strong>{nameOf(issue)}</strong>
                    <span className="row">
                      <KindBadge kind={issue.kind} />
                      <QuadrantBadge quadrant={issue.quadrant} kind={issue.kind} />
                    </span>
                    <span className="faint num">
                      {issue.held
                        ? format.day(issue.held.until)
                        : t("issues.contacts", { n: format.count(issue.frequency.contacts) })}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

/** Whether a person may put it aside. */
function canHold(issue: Issue): boolean {
  return !issue.merged_into && (issue.state === "open" || issue.state === "relapsed" || Boolean(issue.held));
}

export function IssuesPage() {
  const { t, i18n } = useTranslation();
  const { state, quadrant, kind, topic } = useSearch({ from: "/shell/issues" });
  // Only these: the address may carry more, and the server refuses what it does not know.
  const filter: IssueFilter = {
    ...(state && { state }),
    ...(quadrant && { quadrant }),
    ...(kind && { kind }),
    ...(topic && { topic }),
  };
  const navigate = useNavigate();
  const issues = useIssues(filter);
  const topics = useTopics();
  const english = languageOf(i18n.language) === "en";
  const filtered = Object.keys(filter).length > 0;
  const nameOf = useIssueName();
  const mayHold = useMay("run_loop");
  const [bulk, setBulk] = useState<BulkKind | null>(null);
  const [help, setHelp] = useState(false);
  const [at, setAt] = useState(-1);
  const list = useRef<HTMLDivElement>(null);
  const [board, setBoard] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [holding, setHolding] = useState<HoldKind | null>(null);
  const items = issues.data ?? [];
  const picked = items.filter((issue) => chosen.has(issue.id) && !issue.merged_into);
  const holdable = picked.filter(canHold);
  const choose = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };

  /** Moves through what is shown: the focus goes along, so that Enter opens and a reader hears where it is. */
  const go = (step: number) => {
    const links = list.current?.querySelectorAll<HTMLAnchorElement>("a.record, a.board__card") ?? [];
    const next = Math.max(0, Math.min(links.length - 1, at + step));
    setAt(next);
    links[next]?.focus();
  };
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    x: () => {
      const href = (document.activeElement as HTMLAnchorElement | null)?.getAttribute?.("href");
      const issue = items.find((one) => href?.endsWith(`/issues/${one.id}`));
      if (issue && mayHold && !issue.merged_into) choose(issue.id, !chosen.has(issue.id));
    },
    b: () => setBoard(!board),
    Escape: () => setChosen(new Set()),
    "?": () => setHelp(true),
  });

  const set = (change: { [K in keyof IssueFilter]: IssueFilter[K] | undefined }) => {
    const next: IssueFilter = {};
    for (const [name, value] of Object.entries({ ...filter, ...change })) {
      if (value) next[name as keyof IssueFilter] = value;
    }
    void navigate({ to: "/issues", search: next, replace: true });
  };

  return (
    <Page title={t("issues.title")} intro={t("issues.intro")}>
      <div className="filters">
        <Select
          allowClear
          aria-label={t("issues.filter_quadrant")}
          placeholder={t("issues.filter_quadrant")}
          value={filter.quadrant ?? null}
          onChange={(quadrant) => set({ quadrant: quadrant ?? undefined })}
          options={QUADRANTS.map((value) => ({ value: value as string, label: t(`quadrant.${value}`) }))}
        />
        <Select
          allowClear
          aria-label={t("issues.filter_state")}
          placeholder={t("issues.filter_state")}
          value={filter.state ?? null}
          onChange={(state) => set({ state: state ?? undefined })}
          options={STATES.map((value) => ({ value: value as string, label: t(`issue_state.${value}`) }))}
        />
        <Select
          allowClear
          aria-label={t("kind.filter")}
          placeholder={t("kind.filter")}
          value={filter.kind ?? null}
          onChange={(kind) => set({ kind: kind ?? undefined })}
          options={ISSUE_KINDS.map((value) => ({ value: value as string, label: t(`issue_kind.${value}`) }))}
        />
        <Select
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          aria-label={t("issues.filter_topic")}
          placeholder={t("issues.filter_topic")}
          value={filter.topic ?? null}
          onChange={(topic) => set({ topic: topic ?? undefined })}
          popupMatchSelectWidth={260}
          options={(topics.data ?? []).map((topic) => ({
            value: topic.key,
            label: topicName(topic, english),
          }))}
        />
        {filtered && (
          <Button type="text" onClick={() => void navigate({ to: "/issues", search: {}, replace: true })}>
            {t("issues.clear")}
          </Button>
        )}
        <Segmented
          aria-label={t("bulk.view")}
          value={board ? "board" : "list"}
          onChange={(value) => setBoard(value === "board")}
          options={[
            { value: "list", label: t("bulk.list") },
            { value: "board", label: t("bulk.board") },
          ]}
        />
        <Button type="text" aria-label={t("bulk.keys")} onClick={() => setHelp(true)}>
          ?
        </Button>
      </div>
      {picked.length > 0 && (
        <div className="row flagged" role="status" style={{ marginBottom: 12 }}>
          <strong>{t("bulk.chosen", { n: picked.length })}</strong>
          <Button disabled={picked.length > MOST} onClick={() => setBulk("assign")}>
            {t("bulk.assign")}
          </Button>
          <Button disabled={holdable.length === 0} onClick={() => setHolding("snooze")}>
            {t("life.snooze")}
          </Button>
          <Button disabled={holdable.length === 0} onClick={() => setHolding("dismiss")}>
            {t("life.dismiss")}
          </Button>
          <Button disabled={picked.length > MOST} onClick={() => setBulk("merge")}>
            {t("bulk.merge")}
          </Button>
          {picked.length > MOST && <span className="faint">{t("bulk.most")}</span>}
          <Button type="text" onClick={() => setChosen(new Set())}>
            {t("bulk.none")}
          </Button>
        </div>
      )}
      <HoldDialog
        kind={holding}
        issues={holdable.slice(0, MOST)}
        onClose={(done) => {
          setHolding(null);
          if (done) setChosen(new Set());
        }}
      />
      <BulkDialog
        kind={bulk}
        issues={picked}
        onClose={(done) => {
          setBulk(null);
          if (done) setChosen(new Set());
        }}
      />
      <Modal open={help} title={t("bulk.keys")} footer={null} onCancel={() => setHelp(false)}>
        <dl className="facts">
          {KEYS.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{t(`bulk.${what}`)}</dd>
            </div>
          ))}
        </dl>
      </Modal>
      <div ref={list}>
        <QueryView query={issues}>
          {(items) =>
            board && items.length > 0 ? (
              <Board issues={items} />
            ) : (
              <Panel flush>
                {items.length === 0 ? (
                  filtered ? (
                    <EmptyState title={t("issues.none")} next={t("issues.none_filter")} />
                  ) : (
                    <EmptyState
                      title={t("issues.none_yet")}
                      next={t("issues.none_yet_next")}
                      action={<Link to="/settings/detectors">{t("issues.to_detectors")}</Link>}
                    />
                  )
                ) : (
                  <ul className="records">
                    {items.map((issue) => (
                      <li key={issue.id} className={mayHold ? "choosable" : undefined}>
                        {mayHold && (
                          <Checkbox
                            aria-label={t("bulk.choose", { name: nameOf(issue) })}
                            disabled={Boolean(issue.merged_into)}
                            checked={chosen.has(issue.id)}
                            onChange={(event) => choose(issue.id, event.target.checked)}
                          />
                        )}
                        <IssueRow issue={issue} />
                      </li>
                    ))}
                  </ul>
                )}
              </Panel>
            )
          }
        </QueryView>
      </div>
      <More query={issues} />
    </Page>
  );
}
