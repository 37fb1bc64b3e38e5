//! Feedback and ratings over HTTP; imports by upload.

use super::service::{self, Arrived, Refusal};
use crate::app::Shared;
use crate::http::extract::When;
use crate::http::router::UPLOAD_LIMIT;
use crate::http::{Body, Caller, Code, List, Params, Problem, Result, Segment, extract};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Multipart, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use domain::ids::FeedbackId;
use domain::intake::feedback::{self as voice, GivenLabels, Incoming, Rejection, Sentiment};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::feedback::Stored;
use storage::imports::Import;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most items of one request.
const MOST_ITEMS: usize = 50_000;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    let uploads = OpenApiRouter::new()
        .routes(routes!(preview_import))
        .routes(routes!(start_import, list_imports))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT));
    OpenApiRouter::new()
        .routes(routes!(send_feedback, list_feedback))
        .routes(routes!(read_feedback))
        .routes(routes!(correct_labels))
        .routes(routes!(send_ratings))
        .routes(routes!(read_import))
        .routes(routes!(read_rejected))
        .merge(uploads)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// `analysed`: answer when labels, facts and detectors are done.
    wait: Option<String>,
}

/// What became of the items.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipt)]
struct ReceiptView {
    accepted: i64,
    updated: i64,
    duplicates: i64,
    rejected: Vec<Refusal>,
    /// What is worth knowing although nothing was refused.
    warnings: Vec<Warning>,
    /// Only with `wait=analysed`: whether labels, facts and detectors are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    analysed: Option<bool>,
}

/// Something worth knowing.
#[derive(Serialize, ToSchema)]
struct Warning {
    code: String,
    detail: String,
}

fn arrived(index: usize, value: Value) -> Arrived {
    let external_id = value
        .get("external_id")
        .and_then(Value::as_str)
        .map(str::to_owned);
    Arrived {
        index: i64::try_from(index).unwrap_or(i64::MAX),
        external_id,
        item: Incoming::from_json(value),
    }
}

fn bad_line(index: usize) -> Arrived {
    Arrived {
        index: i64::try_from(index).unwrap_or(i64::MAX),
        external_id: None,
        item: Err(Rejection::new(
            voice::Code::WrongType,
            "",
            "this line is no JSON object",
        )),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Items {
    items: Vec<Value>,
}

/// The items of a body: `{"items":[…]}`, or one a line.
fn items(kind: &str, bytes: &[u8]) -> Result<Vec<Arrived>> {
    let all = match kind {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => bytes
            .split(|b| *b == b'\n')
            .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
            .enumerate()
            .map(|(index, line)| match serde_json::from_slice(line) {
                Ok(value) => arrived(index, value),
                Err(_) => bad_line(index),
            })
            .collect::<Vec<_>>(),
        "application/json" => {
            let parsed: Items = extract::parse(bytes)?;
            parsed
                .items
                .into_iter()
                .enumerate()
                .map(|(i, v)| arrived(i, v))
                .collect()
        }
        _ => {
            return Err(Problem::new(
                Code::UnsupportedMedia,
                "send application/json or application/x-ndjson",
            ));
        }
    };
    if all.len() > MOST_ITEMS {
        return Err(Problem::new(
            Code::TooLarge,
            format!("at most {MOST_ITEMS} items a request"),
        ));
    }
    Ok(all)
}

/// What a body says it is, without its parameters.
fn content_type(request: &Request) -> String {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

async fn body_items(app: &Shared, request: Request) -> Result<Vec<Arrived>> {
    let kind = content_type(&request);
    let bytes = extract::bytes(request, app).await?;
    tokio::task::spawn_blocking(move || items(&kind, &bytes))
        .await
        .map_err(|_| Problem::from(Code::Internal))?
}

/// An item of feedback. All fields but `channel` are optional; see the field list of the API guide.
#[derive(ToSchema)]
#[schema(as = FeedbackItems)]
struct FeedbackItems {
    /// The items; each an object with the fields of the feedback record.
    #[expect(
        dead_code,
        reason = "describes the body for the API document; bodies are read item by item"
    )]
    items: Vec<Value>,
}

/// Sends feedback. The answer comes after the batch is durable; a bad item never spoils its batch.
#[utoipa::path(post, path = "/feedback", tag = "feedback", params(Wait),
    request_body(content(
        (FeedbackItems = "application/json"),
        (String = "application/x-ndjson"))),
    responses((status = 200, body = ReceiptView)), security(("bearer" = ["send_feedback"])))]
async fn send_feedback(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<Wait>,
    request: Request,
) -> Result<Json<ReceiptView>> {
    caller.may(Operation::SendFeedback)?;
    let wait = match query.wait.as_deref() {
        None => false,
        Some("analysed") => true,
        Some(_) => return Err(Problem::query("wait", "unknown", "analysed")),
    };
    let items = body_items(&app, request).await?;
    let receipt = service::receive(&app, items).await?;
    let analysed = if wait {
        Some(service::wait_analysed(&app, &receipt.jobs).await?)
    } else {
        None
    };
    let warnings = receipt
        .proposed
        .iter()
        .map(|topic| Warning {
            code: "unknown_topic".to_owned(),
            detail: format!("topic {topic:?} was not known and is proposed now"),
        })
        .collect();
    Ok(Json(ReceiptView {
        accepted: receipt.accepted,
        updated: receipt.updated,
        duplicates: receipt.duplicates,
        rejected: receipt.rejected,
        warnings,
        analysed,
    }))
}

/// What became of the ratings.
#[derive(Serialize, ToSchema)]
struct RatingsReceipt {
    /// Ratings that changed their voice.
    updated: i64,
    /// Ratings that were there already.
    duplicates: i64,
    rejected: Vec<Refusal>,
}

/// Merges late ratings; they count on the day of their contact.
#[utoipa::path(post, path = "/ratings", tag = "feedback",
    request_body(content(
        (FeedbackItems = "application/json"),
        (String = "application/x-ndjson"))),
    responses((status = 200, body = RatingsReceipt)), security(("bearer" = ["send_feedback"])))]
async fn send_ratings(
    State(app): State<Shared>,
    caller: Caller,
    request: Request,
) -> Result<Json<RatingsReceipt>> {
    caller.may(Operation::SendFeedback)?;
    let kind = content_type(&request);
    let bytes = extract::bytes(request, &app).await?;
    let values: Vec<Value> = match kind.as_str() {
        "application/json" => {
            let parsed: Items = extract::parse(&bytes)?;
            parsed.items
        }
        "application/x-ndjson" | "application/ndjson" => bytes
            .split(|b| *b == b'\n')
            .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
            .map(|line| serde_json::from_slice(line).unwrap_or(Value::Null))
            .collect(),
        _ => {
            return Err(Problem::new(
                Code::UnsupportedMedia,
                "send application/json",
            ));
        }
    };
    if values.len() > MOST_ITEMS {
        return Err(Problem::new(
            Code::TooLarge,
            format!("at most {MOST_ITEMS} items a request"),
        ));
    }
    let rules = service::rules(&app, service::Options::default()).await?;
    let mut answer = RatingsReceipt {
        updated: 0,
        duplicates: 0,
        rejected: Vec::new(),
    };
    for (index, mut value) in values.into_iter().enumerate() {
        // The time of the rating is accepted and not needed: the contact's day is what counts.
        if let Some(object) = value.as_object_mut() {
            object.remove("rated_at");
        }
        let external_id = value
            .get("external_id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let refuse = |rejection: &Rejection| {
            let index = i64::try_from(index).unwrap_or(i64::MAX);
            service::refusal(index, external_id.clone(), rejection)
        };
        let extra = value.as_object().and_then(|o| {
            const KNOWN: [&str; 6] = [
                "channel",
                "external_id",
                "rating",
                "rating_max",
                "nps",
                "ces",
            ];
            o.keys().find(|k| !KNOWN.contains(&k.as_str())).cloned()
        });
        if let Some(name) = extra {
            let name: String = name.chars().take(64).collect();
            let rejection = Rejection::new(voice::Code::UnknownField, name, "unknown field");
            answer.rejected.push(refuse(&rejection));
            continue;
        }
        match Incoming::from_json(value) {
            Err(rejection) => answer.rejected.push(refuse(&rejection)),
            Ok(incoming) => match service::rate(&app, &rules, incoming).await? {
                Ok(true) => answer.updated += 1,
                Ok(false) => answer.duplicates += 1,
                Err(rejection) => answer.rejected.push(refuse(&rejection)),
            },
        }
    }
    Ok(Json(answer))
}

/// A voice, masked, with its label.
#[derive(Serialize, ToSchema)]
#[schema(as = Feedback)]
pub(super) struct FeedbackView {
    id: String,
    channel: String,
    external_id: String,
    revision: i64,
    kind: String,
    occurred_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    title: Option<String>,
    text: String,
    turns: Vec<Value>,
    /// The mark on the common scale of 1 to 5.
    rating: Option<u8>,
    /// The mark as given, its scale and the rule that mapped it.
    rating_given: Option<Value>,
    nps: Option<u8>,
    ces: Option<u8>,
    region: Option<String>,
    business_line: Option<String>,
    customer_tier: Option<String>,
    agent_ref: Option<String>,
    team: Option<String>,
    language: Option<String>,
    url: Option<String>,
    figures: Value,
    attributes: std::collections::BTreeMap<String, String>,
    /// The label, once there is one.
    label: Option<LabelView>,
}

/// What was said of a voice.
#[derive(Serialize, ToSchema)]
#[schema(as = Label)]
struct LabelView {
    topic: Option<String>,
    cause: Option<String>,
    sentiment: Option<String>,
    sentiment_value: f64,
    risk: f64,
    confidence: f64,
    /// `classifier`, `sender` or `person`.
    source: String,
    classifier: String,
    classifier_version: String,
    repeat: bool,
}

pub(super) fn view(stored: Stored) -> FeedbackView {
    let f = stored.feedback;
    FeedbackView {
        id: stored.id.to_string(),
        channel: f.channel,
        external_id: f.external_id,
        revision: stored.revision,
        kind: f.kind.as_str().to_owned(),
        occurred_at: f.occurred_at,
        received_at: stored.received_at,
        title: f.title,
        text: f.text,
        turns: f.turns.iter().map(|t| serde_json::to_value(t).unwrap_or_default()).collect(),
        rating: f.rating.as_ref().map(|r| r.band),
        rating_given: f
            .rating
            .as_ref()
            .map(|r| serde_json::json!({"value": r.value, "max": r.max, "rule": r.rule, "satisfied": r.satisfied})),
        nps: f.nps,
        ces: f.ces,
        region: f.region,
        business_line: f.business_line,
        customer_tier: f.customer_tier,
        agent_ref: f.agent_ref,
        team: f.team,
        language: f.language,
        url: f.url,
        figures: serde_json::to_value(&f.figures).unwrap_or_default(),
        attributes: f.attributes,
        label: stored.label.map(|(l, flags)| LabelView {
            topic: l.topic,
            cause: l.cause,
            sentiment: l.polarity.map(|p| p.as_str().to_owned()),
            sentiment_value: l.sentiment,
            risk: l.risk,
            confidence: l.confidence,
            source: l.source.as_str().to_owned(),
            classifier: l.classifier,
            classifier_version: l.classifier_version,
            repeat: flags.repeat,
        }),
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FeedbackQuery {
    /// A topic and everything below it; empty: voices without a topic.
    topic: Option<String>,
    channel: Option<String>,
    region: Option<String>,
    /// Not before this time or day (of the organisation's calendar).
    #[param(value_type = Option<String>)]
    from: Option<When>,
    /// Before this time, or not after this day.
    #[param(value_type = Option<String>)]
    to: Option<When>,
    /// Must stand in the text.
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Which voices somebody wants.
pub(super) struct Wanted {
    pub(super) topic: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) region: Option<String>,
    pub(super) from: Option<When>,
    pub(super) to: Option<When>,
    pub(super) q: Option<String>,
}

impl Wanted {
    pub(super) async fn filter(
        self,
        app: &Shared,
        after: Option<String>,
    ) -> Result<storage::feedback::Filter> {
        let topics = match self.topic {
            None => None,
            Some(key) if key.is_empty() => Some(vec![key]),
            Some(key) => {
                let all: Vec<domain::organisation::Topic> =
                    storage::organisation::all(&app.db).await?;
                Some(domain::organisation::subtree(&key, &all))
            }
        };
        if self.q.as_ref().is_some_and(|q| q.chars().count() > 100) {
            return Err(Problem::query("q", "too_long", "at most 100 characters"));
        }
        let zone = storage::organisation::organisation(&app.db).await?.zone;
        let from = self.from.map(|w| w.begin(zone));
        let to = self.to.map(|w| w.end(zone));
        extract::in_order(from, to)?;
        Ok(storage::feedback::Filter {
            topics,
            channel: self.channel,
            region: self.region,
            from: from.map(|t| t.timestamp_micros()),
            to: to.map(|t| t.timestamp_micros()),
            text: self.q.filter(|q| !q.is_empty()),
            after,
        })
    }
}

/// Voices, newest arrival first.
#[utoipa::path(get, path = "/feedback", tag = "feedback", params(FeedbackQuery),
    responses((status = 200, body = List<FeedbackView>)), security(("bearer" = ["read_feedback"])))]
async fn list_feedback(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<FeedbackQuery>,
) -> Result<Json<List<FeedbackView>>> {
    caller.may(Operation::ReadFeedback)?;
    let wanted = Wanted {
        topic: query.topic,
        channel: query.channel,
        region: query.region,
        from: query.from,
        to: query.to,
        q: query.q,
    };
    let after = extract::cursor(query.cursor)?;
    let filter = wanted.filter(&app, after).await?;
    let page = storage::feedback::list(&app.db, &filter, extract::limit(query.limit)?).await?;
    Ok(List::page(page, view))
}

fn feedback_id(text: &str) -> Result<FeedbackId> {
    text.parse().map_err(|_| Problem::not_found("feedback"))
}

/// One voice.
#[utoipa::path(get, path = "/feedback/{id}", tag = "feedback", params(("id" = String, Path)),
    responses((status = 200, body = FeedbackView)), security(("bearer" = ["read_feedback"])))]
async fn read_feedback(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<FeedbackView>> {
    caller.may(Operation::ReadFeedback)?;
    match storage::feedback::get(&app.db, feedback_id(&id)?).await? {
        Some(found) => Ok(Json(view(found))),
        None => Err(Problem::not_found("feedback")),
    }
}

/// A person's correction. Left out: as it is; an empty topic: no topic explains it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Correction {
    #[serde(default)]
    topic: Option<String>,
    #[serde(default)]
    cause: Option<String>,
    /// `negative`, `neutral`, `positive` or `mixed`.
    #[serde(default)]
    sentiment: Option<String>,
}

/// Corrects the labels of a voice; its facts move with it.
#[utoipa::path(put, path = "/feedback/{id}/labels", request_body = Correction, tag = "feedback",
    params(("id" = String, Path)), responses((status = 200, body = FeedbackView)),
    security(("bearer" = ["correct_labels"])))]
async fn correct_labels(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    Body(correction): Body<Correction>,
) -> Result<Json<FeedbackView>> {
    caller.may(Operation::CorrectLabels)?;
    let sentiment = match correction.sentiment.as_deref() {
        None => None,
        Some(name) => Some(Sentiment::parse(name).ok_or_else(|| {
            Problem::field(
                "sentiment",
                "unknown",
                "negative, neutral, positive or mixed",
            )
        })?),
    };
    let given = GivenLabels {
        topic: correction.topic,
        cause: correction.cause,
        sentiment,
    };
    let found = crate::analysis::correct(&app, feedback_id(&id)?, &given, &caller.actor).await?;
    Ok(Json(view(found)))
}

// ---------------------------------------------------------------- imports

/// An import as people see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
struct ImportView {
    id: String,
    channel: String,
    file_name: String,
    /// `running`, `done` or `failed`.
    state: String,
    rows: i64,
    accepted: i64,
    updated: i64,
    duplicates: i64,
    rejected: i64,
    undated: i64,
    error: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

fn import_view(i: Import) -> ImportView {
    ImportView {
        id: i.id,
        channel: i.channel,
        file_name: i.file_name,
        state: i.state,
        rows: i.rows,
        accepted: i.accepted,
        updated: i.updated,
        duplicates: i.duplicates,
        rejected: i.rejected,
        undated: i.undated,
        error: i.error,
        created_at: i.created_at,
        finished_at: i.finished_at,
    }
}

/// The parts of an uploaded form.
#[derive(Default)]
struct Upload {
    name: String,
    content: Vec<u8>,
    fields: std::collections::BTreeMap<String, String>,
}

async fn upload(mut form: Multipart) -> Result<Upload> {
    let too_large = |e: axum::extract::multipart::MultipartError| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(
                Code::TooLarge,
                format!("files have at most {} MiB", UPLOAD_LIMIT / 1024 / 1024),
            )
        } else {
            Problem::new(Code::MalformedBody, "the form could not be read to its end")
        }
    };
    let mut upload = Upload::default();
    while let Some(part) = form.next_field().await.map_err(too_large)? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            let file = part.file_name().unwrap_or("upload").to_owned();
            // Folders of the sender's machine are nobody's business.
            upload.name = file
                .rsplit(['/', '\\'])
                .next()
                .unwrap_or("upload")
                .chars()
                .take(200)
                .collect();
            upload.content = part.bytes().await.map_err(too_large)?.to_vec();
        } else {
            let text = part.text().await.map_err(too_large)?;
            if text.len() > 64 * 1024 {
                return Err(Problem::field(name, "too_long", "at most 64 KiB"));
            }
            upload.fields.insert(name, text);
        }
    }
    if upload.content.is_empty() {
        return Err(Problem::field(
            "file",
            "required",
            "send a file that is not empty",
        ));
    }
    const KNOWN: [&str; 4] = ["channel", "mapping", "occurred_at", "topics_from"];
    if let Some(name) = upload.fields.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        return Err(Problem::field(
            name.clone(),
            "unknown_field",
            "this field does not exist here",
        ));
    }
    Ok(upload)
}

/// A form with a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for the API document")]
struct UploadForm {
    /// CSV, xlsx, xls, JSONL, or gzip of them.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Channel of the voices.
    channel: Option<String>,
    /// JSON object: header of a column → field, `attribute:NAME`, or empty to leave it out.
    mapping: Option<String>,
    /// Time of rows that have none.
    occurred_at: Option<String>,
    /// Header of the column that holds topics.
    topics_from: Option<String>,
}

/// What a file looks like before it is imported.
#[derive(Serialize, ToSchema)]
struct ImportPreview {
    file_name: String,
    format: String,
    encoding: String,
    title_rows: usize,
    columns: Vec<ColumnView>,
    rows_seen: usize,
    /// The first rows as feedback fields, personal data masked.
    rows_preview: Vec<Value>,
    warnings: Vec<Warning>,
}

/// A column and what it is taken for.
#[derive(Serialize, ToSchema)]
struct ColumnView {
    index: usize,
    header: String,
    /// The field it maps to; null: left out.
    field: Option<String>,
    samples: Vec<String>,
}

/// Looks at a file: guessed mapping, samples, warnings. Nothing is kept.
#[utoipa::path(post, path = "/imports/preview", tag = "imports",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = ImportPreview)), security(("bearer" = ["send_feedback"])))]
async fn preview_import(caller: Caller, form: Multipart) -> Result<Json<ImportPreview>> {
    caller.may(Operation::SendFeedback)?;
    let upload = upload(form).await?;
    let shown = tokio::task::spawn_blocking(move || {
        super::import::preview(
            &upload.name,
            upload.content,
            upload.fields.get("mapping").map(String::as_str),
        )
    })
    .await
    .map_err(|_| Problem::from(Code::Internal))?
    .map_err(|e| Problem::field(e.field, e.code, e.detail))?;
    Ok(Json(ImportPreview {
        file_name: shown.file_name,
        format: shown.format,
        encoding: shown.encoding,
        title_rows: shown.title_rows,
        columns: shown
            .columns
            .into_iter()
            .map(|c| ColumnView {
                index: c.index,
                header: c.header,
                field: c.field,
                samples: c.samples,
            })
            .collect(),
        rows_seen: shown.rows_seen,
        rows_preview: shown.rows_preview,
        warnings: shown
            .warnings
            .into_iter()
            .map(|(code, detail)| Warning { code, detail })
            .collect(),
    }))
}

/// Imports a file. The answer comes when the file is durable; rows follow in the background.
#[utoipa::path(post, path = "/imports", tag = "imports",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 202, body = ImportView)), security(("bearer" = ["send_feedback"])))]
async fn start_import(
    State(app): State<Shared>,
    caller: Caller,
    form: Multipart,
) -> Result<(StatusCode, Json<ImportView>)> {
    caller.may(Operation::SendFeedback)?;
    let upload = upload(form).await?;
    let channel = upload
        .fields
        .get("channel")
        .map(|c| c.trim().to_owned())
        .unwrap_or_default();
    domain::organisation::check_key(&channel)
        .map_err(|e| Problem::field("channel", "invalid", e.to_string()))?;
    let settings = super::import::Settings {
        channel,
        mapping: upload
            .fields
            .get("mapping")
            .filter(|m| !m.trim().is_empty())
            .cloned(),
        occurred_at: upload
            .fields
            .get("occurred_at")
            .filter(|t| !t.trim().is_empty())
            .cloned(),
        topics_from: upload
            .fields
            .get("topics_from")
            .filter(|t| !t.trim().is_empty())
            .cloned(),
    };
    let import = super::import::start(&app, &upload.name, upload.content, settings)
        .await?
        .map_err(|e| Problem::field(e.field, e.code, e.detail))?;
    app.wake_workers();
    Ok((StatusCode::ACCEPTED, Json(import_view(import))))
}

/// Past and running imports, newest first.
#[utoipa::path(get, path = "/imports", tag = "imports", params(crate::http::Listing),
    responses((status = 200, body = List<ImportView>)), security(("bearer" = ["send_feedback"])))]
async fn list_imports(
    State(app): State<Shared>,
    caller: Caller,
    Params(listing): Params<crate::http::Listing>,
) -> Result<Json<List<ImportView>>> {
    caller.may(Operation::SendFeedback)?;
    let page = storage::imports::list(
        &app.db,
        crate::http::extract::cursor(listing.cursor.clone())?.as_deref(),
        listing.limit()?,
    )
    .await?;
    Ok(List::page(page, import_view))
}

/// One import.
#[utoipa::path(get, path = "/imports/{id}", tag = "imports", params(("id" = String, Path)),
    responses((status = 200, body = ImportView)), security(("bearer" = ["send_feedback"])))]
async fn read_import(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<ImportView>> {
    caller.may(Operation::SendFeedback)?;
    match storage::imports::get(&app.db, &id).await? {
        Some((import, _)) => Ok(Json(import_view(import))),
        None => Err(Problem::not_found("import")),
    }
}

/// Rows that were refused, with reasons: CSV, UTF-8 with BOM for Excel.
#[utoipa::path(get, path = "/imports/{id}/rejected", tag = "imports", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/csv")), security(("bearer" = ["send_feedback"])))]
async fn read_rejected(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::SendFeedback)?;
    if storage::imports::get(&app.db, &id).await?.is_none() {
        return Err(Problem::not_found("import"));
    }
    let rows = storage::imports::rejected(&app.db, &id).await?;
    let text = super::import::rejected_csv(&rows);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rejected.csv\"",
        ),
    ];
    Ok((headers, text).into_response())
}
