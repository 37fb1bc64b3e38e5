import { Alert, Button } from "antd";
import { useTranslation } from "react-i18next";
import { problemOf, UNREACHABLE, UNREADABLE } from "../api/problem";

/** A failed call in words: title, detail, fields, and the code a supporter would ask for. */
export function ProblemAlert(props: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  if (!props.error) return null;
  const problem = problemOf(props.error);
  let title = problem.title || t("problem.title");
  let detail = problem.detail;
  if (problem.code === UNREACHABLE) {
    title = t("problem.unreachable");
    detail = t("problem.unreachable_detail");
  } else if (problem.code === UNREADABLE) {
    title = t("problem.unreadable_answer");
    detail = t("problem.unreadable_answer_detail", { status: problem.status });
  } else if (problem.status === 412) {
    title = t("problem.stale");
    detail = t("problem.stale_detail");
  }
  if (detail === title) detail = "";
  // A single field's words are often the whole detail already.
  const errors = problem.errors.filter((error) => !detail.includes(error.detail));
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={title}
      style={{ marginBottom: 12 }}
      description={
        <>
          {detail && <p>{detail}</p>}
          {errors.length > 0 && (
            <ul>
              {errors.map((error) => (
                <li key={`${error.field} ${error.code}`}>
                  <span className="code">{error.field}</span> {error.detail}
                </li>
              ))}
            </ul>
          )}
          <p className="faint">
            {t("problem.code", { code: problem.code })}
            {problem.request_id && ` · ${t("problem.request", { id: problem.request_id })}`}
          </p>
        </>
      }
      action={
        props.onRetry && (
          <Button size="small" onClick={props.onRetry}>
            {problem.status === 412 ? t("problem.refresh") : t("problem.retry")}
          </Button>
        )
      }
    />
  );
}
