//! Files of tasks: one way in, whoever brings them.

use crate::app::App;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::ids::TaskId;
use domain::tasks::Refused;
use domain::tasks::files::{Kept, check};
use storage::tasks::Attachment;
use storage::{DbError, Tx};

/// A file as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name; folders are cut off.
    pub name: String,
    /// Its type, as the sender says.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Keeps a file with a task. The same bytes twice are one file.
pub async fn attach(
    app: &App,
    tx: &Tx,
    task: TaskId,
    file: Upload,
    by: &str,
) -> Result<Result<String, Refused>, DbError> {
    let name = file.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = crate::mail::clean_name(name, 120);
    let kept = storage::tasks::attachments(tx, task).await?;
    let sha256 = plugin_host::sha256(&file.content);
    if let Some(known) = kept.iter().find(|f| f.sha256 == sha256 && f.name == name) {
        return Ok(Ok(known.id.clone()));
    }
    let bytes = kept
        .iter()
        .map(|f| usize::try_from(f.size).unwrap_or(0))
        .sum();
    let before = Kept {
        files: kept.len(),
        bytes,
    };
    if let Err(refused) = check(&name, &file.content, before) {
        return Ok(Err(refused));
    }
    let id = app.ids.next().to_string();
    let kept = Attachment {
        id: id.clone(),
        name,
        media_type: file.media_type,
        content: file.content,
        sha256,
        added_by: by.to_owned(),
    };
    storage::tasks::attach(tx, task, &kept).await?;
    Ok(Ok(id))
}

/// The answer that saves a file. Never shown: what somebody sent is not ours to run.
pub(super) fn download(file: Attachment) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    // RFC 8187: names are not ASCII here.
    let name: String = file
        .name
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                char::from(b).to_string()
            }
            b => format!("%{b:02X}"),
        })
        .collect();
    if let Ok(value) = format!("attachment; filename*=UTF-8''{name}").parse() {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    (headers, file.content).into_response()
}
