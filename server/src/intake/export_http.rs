//! Voices out again, as many as there are: a stream of pages, so that neither side holds them all.

use super::http::{FeedbackView, Wanted, view};
use crate::app::Shared;
use crate::http::{Caller, Params, Problem, Result};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::identity::Operation;
use serde::Deserialize;
use storage::DbError;
use storage::feedback::Filter;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Voices of one page.
const PAGE: u64 = 500;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(export_feedback))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `jsonl` (one voice a line, as the list shows it) or `csv` (UTF-8 with BOM for Excel).
    format: Option<String>,
    /// A topic and everything below it; empty: voices without a topic.
    topic: Option<String>,
    channel: Option<String>,
    region: Option<String>,
    /// Not before this time or day (of the organisation's calendar).
    #[param(value_type = Option<String>)]
    from: Option<crate::http::extract::When>,
    /// Before this time, or not after this day.
    #[param(value_type = Option<String>)]
    to: Option<crate::http::extract::When>,
    /// Must stand in the text.
    q: Option<String>,
}

const COLUMNS: [&str; 24] = [
    "id",
    "channel",
    "external_id",
    "revision",
    "kind",
    "occurred_at",
    "received_at",
    "title",
    "text",
    "rating",
    "nps",
    "ces",
    "region",
    "business_line",
    "customer_tier",
    "agent_ref",
    "team",
    "language",
    "url",
    "topic",
    "cause",
    "sentiment",
    "risk",
    "confidence",
];

/// A cell that a spreadsheet takes for text, whatever it begins with (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let number = text.parse::<f64>().is_ok();
    let text = if formula && !number {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A voice as a row: the fields of the list by their names, those of the label among them.
fn row(voice: &FeedbackView) -> String {
    let all = serde_json::to_value(voice).unwrap_or_default();
    let cells: Vec<String> = COLUMNS
        .iter()
        .map(|column| {
            let found = all.get(column).or_else(|| all["label"].get(column));
            match found {
                None | Some(serde_json::Value::Null) => String::new(),
                Some(serde_json::Value::String(text)) => cell(text),
                Some(other) => cell(&other.to_string()),
            }
        })
        .collect();
    cells.join(",") + "\r\n"
}

/// Every voice of a filter, newest arrival first, as a stream without a limit. Where the connection breaks the
/// last line is missing its end.
#[utoipa::path(get, path = "/feedback/export", tag = "feedback", params(ExportQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
    security(("bearer" = ["read_feedback"])))]
async fn export_feedback(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<ExportQuery>,
) -> Result<Response> {
    caller.may(Operation::ReadFeedback)?;
    let csv = match query.format.as_deref() {
        None | Some("jsonl") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::query("format", "unknown", "jsonl or csv")),
    };
    let wanted = Wanted {
        topic: query.topic,
        channel: query.channel,
        region: query.region,
        from: query.from,
        to: query.to,
        q: query.q,
    };
    let mut filter = wanted.filter(&app, None).await?;
    // One page ahead of the reader, and no more.
    let (out, pages) = tokio::sync::mpsc::channel::<std::result::Result<Bytes, DbError>>(1);
    // A task of its own: a reader who leaves cuts no query short.
    tokio::spawn(async move {
        let mut text = if csv {
            format!("\u{feff}{}\r\n", COLUMNS.join(","))
        } else {
            String::new()
        };
        loop {
            let (page, next) = match read(&app, &filter, csv).await {
                Ok(read) => read,
                Err(error) => {
                    tracing::warn!(error = %error, "an export broke off");
                    let _ = out.send(Err(error)).await;
                    return;
                }
            };
            text.push_str(&page);
            if out
                .send(Ok(std::mem::take(&mut text).into()))
                .await
                .is_err()
                || next.is_none()
            {
                return;
            }
            filter.after = next;
        }
    });
    let stream = futures_util::stream::unfold(pages, |mut pages| async {
        pages.recv().await.map(|page| (page, pages))
    });
    let (kind, name) = if csv {
        ("text/csv; charset=utf-8", "feedback.csv")
    } else {
        ("application/x-ndjson", "feedback.jsonl")
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// One page as text, and where the next one begins.
async fn read(
    app: &Shared,
    filter: &Filter,
    csv: bool,
) -> std::result::Result<(String, Option<String>), DbError> {
    let page = storage::feedback::list(&app.db, filter, PAGE).await?;
    let lines = page.items.into_iter().map(view).map(|voice| {
        if csv {
            row(&voice)
        } else {
            serde_json::to_string(&voice).unwrap_or_default() + "\n"
        }
    });
    Ok((lines.collect(), page.next))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("-5", "-5"),
            ("-x, \"y\"", "\"'-x, \"\"y\"\"\""),
            ("两行\n字", "\"两行\n字\""),
            ("资费", "资费"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
