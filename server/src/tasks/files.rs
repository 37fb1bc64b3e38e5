//! Files of tasks: one way in, whoever brings them.

use crate::app::App;
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
    let sha256 = crate::plugins::sha256(&file.content);
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
