//! What a plugin brought becomes voices and refused records, in an open transaction.

use crate::app::{App, Shared};
use crate::intake::{Arrived, Options, Prepared, Receipt, prepare, rules, store_batch};
use crate::plugins::Unusable;
use domain::clock::Timestamp;
use domain::intake::feedback::Incoming;
use domain::plugins::Installation;
use storage::collect::Rejected;
use storage::{DbError, Tx};

/// What came with one page or one request.
pub(super) struct Brought {
    items: Vec<Incoming>,
    unusable: Vec<Unusable>,
    prepared: Prepared,
}

/// What became of it.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) receipt: Receipt,
    pub(super) refused: i64,
    pub(super) newest: Option<Timestamp>,
}

/// Where a refused record came from.
pub(super) struct Origin<'a> {
    pub(super) stream: &'a str,
    pub(super) hook: Option<&'a str>,
}

/// Where a refused record belongs: what is sealed for one place does not open in another.
pub(super) fn place(installation: &str) -> String {
    format!("rejected/{installation}")
}

impl Brought {
    /// Reads items by the rules that hold for files and the API.
    pub(super) async fn read(
        app: &Shared,
        row: &Installation,
        items: Vec<Incoming>,
        unusable: Vec<Unusable>,
    ) -> Result<Self, DbError> {
        let options = Options {
            channel: row.set.channel.clone(),
            occurred_at: None,
        };
        let rules = rules(app, options).await?;
        let arrived: Vec<Arrived> = items
            .iter()
            .enumerate()
            .map(|(index, item)| Arrived {
                index: i64::try_from(index).unwrap_or(i64::MAX),
                external_id: item.external_id.clone(),
                item: Ok(item.clone()),
            })
            .collect();
        let shared = app.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&shared, &rules, arrived))
            .await
            .map_err(|_| DbError::Busy)?;
        Ok(Self {
            items,
            unusable,
            prepared,
        })
    }

    /// Whether nothing was unusable or refused.
    pub(super) fn is_clean(&self) -> bool {
        self.unusable.is_empty() && self.prepared.rejected.is_empty()
    }

    /// Writes voices and refused records.
    pub(super) async fn write(
        self,
        app: &App,
        tx: &Tx,
        row: &Installation,
        from: &Origin<'_>,
    ) -> Result<Kept, DbError> {
        let mut kept = Kept {
            newest: self
                .prepared
                .voices
                .iter()
                .filter_map(|v| v.occurred_at)
                .max(),
            ..Kept::default()
        };
        let mut aside = Vec::new();
        for refusal in &self.prepared.rejected {
            let item = usize::try_from(refusal.index)
                .ok()
                .and_then(|i| self.items.get(i));
            let raw = item.map(said).unwrap_or_default();
            aside.push(rejected(
                app,
                row,
                from,
                "item",
                refusal.external_id.clone(),
                (&refusal.code, &refusal.detail),
                &raw,
            )?);
        }
        for bad in &self.unusable {
            let external_id = bad
                .external_id
                .clone()
                .filter(|id| id.len() <= 512 && !domain::text::mask::is_personal(id));
            aside.push(rejected(
                app,
                row,
                from,
                "record",
                external_id,
                (&bad.code, &bad.detail),
                &bad.raw,
            )?);
        }
        kept.refused = i64::try_from(aside.len()).unwrap_or(i64::MAX);
        storage::collect::set_aside(tx, &aside).await?;
        let backfill = self.prepared.is_backfill();
        store_batch(app, tx, self.prepared.voices, backfill, &mut kept.receipt).await?;
        Ok(kept)
    }
}

/// An item as JSON, without what it does not say.
fn said(item: &Incoming) -> String {
    let mut value = serde_json::to_value(item).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, v| !v.is_null());
    }
    value.to_string()
}

/// A record to be set aside, sealed: it is not masked.
pub(super) fn rejected(
    app: &App,
    row: &Installation,
    from: &Origin<'_>,
    source: &str,
    external_id: Option<String>,
    why: (&str, &str),
    raw: &str,
) -> Result<Rejected, DbError> {
    let fingerprint = app.hash(
        format!(
            "{source}\u{1f}{}\u{1f}{}\u{1f}{raw}",
            from.stream,
            external_id.as_deref().unwrap_or_default()
        )
        .as_bytes(),
    );
    let raw = app
        .plugins
        .vault
        .seal(&place(&row.key), raw.as_bytes())
        .map_err(|e| {
            tracing::error!(error = %e, "a record was not sealed");
            DbError::Busy
        })?;
    Ok(Rejected {
        id: app.ids.next().to_string(),
        installation: row.key.clone(),
        fingerprint,
        stream: from.stream.to_owned(),
        source: source.to_owned(),
        external_id,
        code: why.0.to_owned(),
        detail: domain::text::mask::mask(why.1).text,
        raw,
        hook_id: from.hook.map(str::to_owned),
        state: "waiting".to_owned(),
        times: 1,
        created_at: 0,
    })
}
