import { DownloadOutlined, InboxOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Alert, Button, Progress, Spin, Upload } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  rejectedRowsUrl,
  useChannels,
  useImport,
  useImports,
  usePreviewImport,
  useStartImport,
} from "../../api/hooks";
import type { Import, ImportPreview } from "../../api/types";
import { Badge } from "../../components/badges";
import { NoAccessPage } from "../../components/fallback-pages";
import { Page, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";
import { MappingForm } from "./mapping-form";

const STATE_COLOUR = {
  running: colour.teal700,
  done: verdictColour.improved,
  failed: verdictColour.worse,
} as const;

function Tally(props: { job: Import }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { job } = props;
  const figures = ["rows", "accepted", "updated", "duplicates", "rejected", "undated"] as const;
  return (
    <dl className="tally">
      {figures.map((name) => (
        <div key={name}>
          <dt>{t(`import.${name}`)}</dt>
          <dd className={name === "rejected" && job.rejected > 0 ? "danger" : ""}>
            {format.count(job[name])}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function RejectedLink(props: { job: Import; label: string }) {
  return (
    <a href={rejectedRowsUrl(props.job.id)} download>
      <DownloadOutlined aria-hidden="true" /> {props.label}
    </a>
  );
}

/** The import under way or just finished. */
function Result(props: { id: string; onAgain: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const job = useImport(props.id);
  const finished = job.data !== undefined && job.data.state !== "running";
  useEffect(() => {
    if (!finished) return;
    for (const key of ["imports", "overview", "coverage", "topics", "channels", "facts"]) {
      void client.invalidateQueries({ queryKey: [key] });
    }
  }, [finished, client]);
  return (
    <QueryView query={job}>
      {(data) => {
        const settled = data.accepted + data.updated + data.duplicates + data.rejected;
        return (
          <Panel
            title={
              data.state === "running"
                ? t("import.running", { file: data.file_name })
                : t(data.state === "done" ? "import.done" : "import.failed")
            }
          >
            <div role="status" aria-live="polite">
              {data.state === "running" && (
                <Progress
                  percent={data.rows > 0 ? Math.min(99, Math.floor((100 * settled) / data.rows)) : 0}
                  status="active"
                  showInfo={data.rows > 0}
                />
              )}
              {data.error && (
                <Alert type="error" showIcon title={t("import.failed")} description={data.error} />
              )}
              <Tally job={data} />
            </div>
            <div className="row">
              {data.rejected > 0 && <RejectedLink job={data} label={t("import.rejected_download")} />}
              {finished && (
                <>
                  <Link to="/">{t("import.to_overview")}</Link>
                  <Link to="/topics">{t("import.to_coverage")}</Link>
                  <Button onClick={props.onAgain}>{t("import.another")}</Button>
                </>
              )}
            </div>
          </Panel>
        );
      }}
    </QueryView>
  );
}

function PastImports() {
  const { t } = useTranslation();
  const format = useFormat();
  const imports = useImports();
  return (
    <Panel title={t("import.past")}>
      <QueryView query={imports}>
        {(items) =>
          items.length === 0 ? (
            <p className="soft">{t("import.past_none")}</p>
          ) : (
            <div className="scroll-x">
              <table className="table table--nowrap">
                <thead>
                  <tr>
                    <th>{t("import.past_file")}</th>
                    <th>{t("import.past_channel")}</th>
                    <th>{t("import.past_state")}</th>
                    <th className="right">{t("import.accepted")}</th>
                    <th className="right">{t("import.updated")}</th>
                    <th className="right">{t("import.duplicates")}</th>
                    <th className="right">{t("import.rejected")}</th>
                    <th className="right">{t("import.undated")}</th>
                    <th>{t("import.past_at")}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((job) => (
                    <tr key={job.id}>
                      <td>{job.file_name}</td>
                      <td>{job.channel}</td>
                      <td>
                        <Badge colour={STATE_COLOUR[job.state]}>{t(`import_state.${job.state}`)}</Badge>
                      </td>
                      <td className="right">{format.count(job.accepted)}</td>
                      <td className="right">{format.count(job.updated)}</td>
                      <td className="right">{format.count(job.duplicates)}</td>
                      <td className="right">
                        {job.rejected > 0 ? (
                          <RejectedLink job={job} label={format.count(job.rejected)} />
                        ) : (
                          format.count(0)
                        )}
                      </td>
                      <td className="right">{format.count(job.undated)}</td>
                      <td>{format.dateTime(job.created_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </QueryView>
    </Panel>
  );
}

type Stage =
  | { step: "file" }
  | { step: "check"; file: File; preview: ImportPreview }
  | { step: "result"; id: string };

function Importer() {
  const { t } = useTranslation();
  const [stage, setStage] = useState<Stage>({ step: "file" });
  const preview = usePreviewImport();
  const start = useStartImport();
  const channels = useChannels();

  async function read(file: File) {
    try {
      setStage({ step: "check", file, preview: await preview.mutateAsync(file) });
    } catch {
      // Shown above the drop area.
    }
  }

  switch (stage.step) {
    case "file":
      return (
        <Panel>
          <ProblemAlert error={preview.error} />
          <Spin spinning={preview.isPending} description={t("import.reading")}>
            <Upload.Dragger
              accept=".csv,.tsv,.txt,.xlsx,.xls,.jsonl,.ndjson,.gz"
              multiple={false}
              showUploadList={false}
              beforeUpload={(file) => {
                void read(file);
                return false;
              }}
            >
              <p style={{ fontSize: 34, lineHeight: 1.2, color: colour.teal500 }}>
                <InboxOutlined />
              </p>
              <p style={{ fontSize: 16, fontWeight: 500 }}>{t("import.drop")}</p>
              <p className="faint">{t("import.drop_hint")}</p>
            </Upload.Dragger>
          </Spin>
        </Panel>
      );
    case "check":
      return (
        <>
          <ProblemAlert error={start.error} />
          <MappingForm
            preview={stage.preview}
            channels={channels.data ?? []}
            starting={start.isPending}
            onBack={() => setStage({ step: "file" })}
            onStart={async (result) => {
              try {
                const job = await start.mutateAsync({ file: stage.file, ...result });
                setStage({ step: "result", id: job.id });
              } catch {
                // Shown above the form.
              }
            }}
          />
        </>
      );
    case "result":
      return (
        <Result
          id={stage.id}
          onAgain={() => {
            preview.reset();
            start.reset();
            setStage({ step: "file" });
          }}
        />
      );
  }
}

export function ImportPage() {
  const { t } = useTranslation();
  if (!useMay("send_feedback")) return <NoAccessPage />;
  return (
    <Page title={t("import.title")} intro={t("import.intro")}>
      <div className="stack">
        <Importer />
        <PastImports />
      </div>
    </Page>
  );
}
