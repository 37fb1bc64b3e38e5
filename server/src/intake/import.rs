//! Imports: a file becomes voices, batch by batch, each batch in one transaction with how far it got.

use super::file::{FileError, Options as FileOptions, Reader, RejectedRow, RejectedWriter, Source};
use super::service::{self, Arrived, Options, Prepared, Receipt, Rules};
use crate::app::{App, Shared};
use domain::clock::Timestamp;
use domain::intake::mapping::{self, Target};
use domain::intake::values::{Scalar, parse_time};
use serde_json::Value;
use storage::imports::{self, Import, Rejected};
use storage::{DbError, Tx};

/// Rows in one transaction.
const ROWS: usize = 1000;
/// Refused rows that are kept with their reasons.
const KEPT_REJECTED: i64 = 20_000;

/// Why a file is not imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// What of the form it is about: `file`, `mapping`, `occurred_at`.
    pub field: &'static str,
    /// Stable code.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl From<FileError> for Unusable {
    fn from(error: FileError) -> Self {
        Self {
            field: "file",
            code: error.code().to_owned(),
            detail: error.to_string(),
        }
    }
}

impl From<mapping::MappingError> for Unusable {
    fn from(error: mapping::MappingError) -> Self {
        Self {
            field: "mapping",
            code: "bad_mapping".to_owned(),
            detail: error.to_string(),
        }
    }
}

/// What a person says about a file.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Channel of its voices.
    pub channel: String,
    /// JSON object: header → field.
    pub mapping: Option<String>,
    /// Time of rows without one.
    pub occurred_at: Option<String>,
    /// Header of the column that holds topics.
    pub topics_from: Option<String>,
}

impl Settings {
    fn options(&self) -> Result<FileOptions, Unusable> {
        let explicit = match &self.mapping {
            Some(text) => mapping::Options::explicit_from_json(text)?,
            None => Default::default(),
        };
        Ok(FileOptions {
            channel: (!self.channel.is_empty()).then(|| self.channel.clone()),
            mapping: mapping::Options {
                explicit,
                topics_from: self.topics_from.clone(),
                attributes: true,
            },
            ..FileOptions::default()
        })
    }

    fn time(&self, zone: chrono_tz::Tz) -> Result<Option<Timestamp>, Unusable> {
        let Some(text) = &self.occurred_at else {
            return Ok(None);
        };
        parse_time(&Scalar::Text(text.clone()), zone, Default::default()).map_err(|e| Unusable {
            field: "occurred_at",
            code: "bad_time".to_owned(),
            detail: e.to_string(),
        })
    }
}

/// What a file looks like.
pub struct Preview {
    /// Its name.
    pub file_name: String,
    /// `csv`, `xlsx`, …
    pub format: String,
    /// Of its text.
    pub encoding: String,
    /// Rows above the headers.
    pub title_rows: usize,
    /// Its columns.
    pub columns: Vec<PreviewColumn>,
    /// Rows that were looked at.
    pub rows_seen: usize,
    /// The first rows as feedback fields, masked.
    pub rows_preview: Vec<Value>,
    /// What a person should look at.
    pub warnings: Vec<(String, String)>,
}

/// A column and what it is taken for.
pub struct PreviewColumn {
    /// Position, from 0.
    pub index: usize,
    /// As it stands in the file.
    pub header: String,
    /// A field, `attribute:NAME`, or nothing.
    pub field: Option<String>,
    /// The first cells that say something, masked.
    pub samples: Vec<String>,
}

/// A value with personal data masked, however deep it stands.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(domain::text::mask(&text).text),
        Value::Array(all) => Value::Array(all.into_iter().map(masked).collect()),
        Value::Object(all) => Value::Object(all.into_iter().map(|(k, v)| (k, masked(v))).collect()),
        Value::Number(n) => {
            // A mobile number that a spreadsheet made a number is one all the same.
            if domain::text::mask::is_personal(&n.to_string()) {
                Value::String(domain::text::mask(&n.to_string()).text)
            } else {
                Value::Number(n)
            }
        }
        other => other,
    }
}

/// Looks at a file without keeping anything.
pub fn preview(name: &str, content: Vec<u8>, mapping: Option<&str>) -> Result<Preview, Unusable> {
    let settings = Settings {
        mapping: mapping.filter(|m| !m.trim().is_empty()).map(str::to_owned),
        ..Settings::default()
    };
    let reader = Reader::open(Source::Bytes(content), name, &settings.options()?)?;
    let rows = reader.preview(20);
    Ok(Preview {
        file_name: name.to_owned(),
        format: reader.format().name().to_owned(),
        encoding: reader.encoding().to_owned(),
        title_rows: reader.title_rows(),
        columns: reader
            .columns()
            .iter()
            .map(|c| PreviewColumn {
                index: c.index,
                header: c.header.clone(),
                field: match &c.target {
                    Target::Field(field) => Some(field.clone()),
                    Target::Attribute(name) => Some(format!("attribute:{name}")),
                    Target::Ignored => None,
                },
                samples: reader
                    .samples(c.index, 3)
                    .into_iter()
                    .map(|s| domain::text::mask(&s.chars().take(120).collect::<String>()).text)
                    .collect(),
            })
            .collect(),
        rows_seen: reader.preview(200).len(),
        rows_preview: rows
            .into_iter()
            .take(5)
            .map(|r| {
                let mut value = masked(serde_json::to_value(r.incoming).unwrap_or_default());
                if let Some(object) = value.as_object_mut() {
                    object.retain(|_, v| !v.is_null());
                }
                value
            })
            .collect(),
        warnings: reader
            .mapping()
            .warnings
            .iter()
            .map(|w| (w.code.clone(), w.detail.clone()))
            .collect(),
    })
}

/// Makes an uploaded file durable, with the job that reads it.
pub async fn start(
    app: &App,
    name: &str,
    content: Vec<u8>,
    settings: Settings,
) -> Result<Result<Import, Unusable>, DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let (options, at) = match settings
        .options()
        .and_then(|o| Ok((o, settings.time(zone)?)))
    {
        Ok(both) => both,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let copy = content.clone();
    let file = name.to_owned();
    // Whatever cannot be read at all is said now, not in the background.
    let opened = tokio::task::spawn_blocking(move || {
        Reader::open(Source::Bytes(copy), &file, &options).map(|_| ())
    })
    .await;
    if let Ok(Err(error)) = opened {
        return Ok(Err(error.into()));
    }
    let import = Import {
        id: app.ids.next().to_string(),
        channel: settings.channel.clone(),
        file_name: domain::text::mask(name).text,
        state: "running".to_owned(),
        mapping: serde_json::json!({"explicit": settings.mapping, "topics_from": settings.topics_from}),
        occurred_at: at.map(|t| t.to_rfc3339()),
        created_at: app.now(),
        ..Import::default()
    };
    let tx = app.begin().await?;
    imports::insert(&tx, &import, &content).await?;
    let payload = serde_json::json!({"import": import.id});
    let job = storage::queue::NewJob {
        unique_key: Some(format!("import:{}", import.id)),
        // People wait for what arrives live more than for a file.
        priority: -1,
        ..crate::jobs::job(app.ids.as_ref(), "import", payload, tx.now())
    };
    storage::queue::enqueue(&tx, &job).await?;
    tx.commit().await?;
    Ok(Ok(import))
}

/// Settings of an import as they were kept.
fn kept_settings(import: &Import) -> Settings {
    let text = |name: &str| {
        import
            .mapping
            .get(name)
            .and_then(|v| v.as_str())
            .map(str::to_owned)
    };
    Settings {
        channel: import.channel.clone(),
        mapping: text("explicit"),
        occurred_at: import.occurred_at.clone(),
        topics_from: text("topics_from"),
    }
}

/// A file that is being read, on a thread of its own where it may block.
struct Reading {
    reader: Reader,
    rules: Rules,
    /// Contents of rows without an id, by the identity that was made for them.
    twins: std::collections::HashMap<String, Vec<String>>,
}

/// One batch: what is good, what is refused, and how many rows that was.
struct Read {
    prepared: Prepared,
    rejected: Vec<RejectedRow>,
    rows: i64,
}

impl Reading {
    fn batch(mut self, app: &App) -> Result<(Self, Read), Unusable> {
        let batch = self.reader.batch(ROWS)?;
        let rows = i64::try_from(batch.len()).unwrap_or(0);
        let mut rejected = Vec::new();
        let mut items = Vec::new();
        let mut cells = std::collections::HashMap::new();
        for row in batch {
            match row {
                Ok(row) => {
                    let index = i64::try_from(row.row).unwrap_or(i64::MAX);
                    cells.insert(index, row.cells);
                    items.push(Arrived {
                        index,
                        external_id: None,
                        item: Ok(row.incoming),
                    });
                }
                Err(refused) => rejected.push(refused),
            }
        }
        let mut prepared = service::prepare(app, &self.rules, items);
        // Two rows without an id that say the same at the same time, and differ in something else, are two
        // voices. They are told apart by their order, which is the same every time the file is read.
        for voice in prepared.voices.iter_mut().filter(|v| !v.has_own_id) {
            let contents = self.twins.entry(voice.external_id.clone()).or_default();
            let place = contents
                .iter()
                .position(|c| *c == voice.content_hash)
                .unwrap_or_else(|| {
                    contents.push(voice.content_hash.clone());
                    contents.len() - 1
                });
            if place > 0 {
                voice.external_id = format!("{}-{}", voice.external_id, place + 1);
            }
        }
        for refusal in &prepared.rejected {
            rejected.push(RejectedRow {
                row: u64::try_from(refusal.index).unwrap_or(0),
                code: refusal.code.clone(),
                detail: refusal.detail.clone(),
                raw: cells.remove(&refusal.index).unwrap_or_default(),
            });
        }
        rejected.sort_by_key(|r| r.row);
        Ok((
            self,
            Read {
                prepared,
                rejected,
                rows,
            },
        ))
    }
}

async fn open(
    app: &Shared,
    source: Source,
    name: &str,
    settings: &Settings,
) -> Result<Result<Reading, Unusable>, DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let (options, occurred_at) = match settings
        .options()
        .and_then(|o| Ok((o, settings.time(zone)?)))
    {
        Ok(both) => both,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let rules = service::rules(
        app,
        Options {
            channel: options.channel.clone(),
            occurred_at,
        },
    )
    .await?;
    let name = name.to_owned();
    let reader = tokio::task::spawn_blocking(move || Reader::open(source, &name, &options))
        .await
        .map_err(|_| DbError::Busy)?;
    Ok(reader
        .map(|reader| Reading {
            reader,
            rules,
            twins: Default::default(),
        })
        .map_err(Unusable::from))
}

async fn next(
    app: &Shared,
    reading: Reading,
) -> Result<Result<(Reading, Read), Unusable>, DbError> {
    let app = app.clone();
    tokio::task::spawn_blocking(move || reading.batch(&app))
        .await
        .map_err(|_| DbError::Busy)
}

/// Whether any row is older than history reaches: then the file is a backfill, and what it raises
/// sends no notice. Looked at before the first row is stored, because rows come in any order.
async fn reaches_back(
    app: &Shared,
    source: Source,
    name: &str,
    settings: &Settings,
) -> Result<bool, DbError> {
    let Ok(mut reading) = open(app, source, name, settings).await? else {
        return Ok(false);
    };
    loop {
        match next(app, reading).await? {
            Ok((_, read)) if read.rows == 0 => return Ok(false),
            Ok((_, read)) if read.prepared.old > 0 => return Ok(true),
            Ok((again, _)) => reading = again,
            Err(_) => return Ok(false),
        }
    }
}

fn kept_rejected(rejected: &[RejectedRow]) -> Vec<Rejected> {
    rejected
        .iter()
        .map(|r| {
            // A file that is UTF-16 in disguise has NULs, which PostgreSQL refuses.
            let raw: Vec<String> = r
                .raw
                .iter()
                .map(|c| {
                    domain::text::mask(&c.replace('\0', "").chars().take(2000).collect::<String>())
                        .text
                })
                .collect();
            Rejected {
                row: i64::try_from(r.row).unwrap_or(i64::MAX),
                code: r.code.clone(),
                detail: r.detail.clone(),
                raw: serde_json::to_string(&raw).unwrap_or_default(),
            }
        })
        .collect()
}

/// Reads an uploaded file from where it stopped to its end. Answers the transaction of the last step,
/// not yet committed, so that the job ends with it.
pub async fn run(app: &Shared, id: &str) -> Result<Option<Tx>, DbError> {
    let Some((mut import, mut position)) = imports::get(&app.db, id).await? else {
        return Ok(None);
    };
    if import.state != "running" {
        return Ok(None);
    }
    let Some(content) = imports::file(&app.db, id).await? else {
        return Ok(None);
    };
    let settings = kept_settings(&import);
    let backfill = reaches_back(
        app,
        Source::Bytes(content.clone()),
        &import.file_name,
        &settings,
    )
    .await?;
    let mut reading = match open(app, Source::Bytes(content), &import.file_name, &settings).await? {
        Ok(reading) => reading,
        Err(unusable) => return failed(app, import, position, unusable).await.map(Some),
    };
    // Rows that are done already are read again and skipped: whole batches, as they were written.
    let mut seen = 0;
    loop {
        let (again, read) = match next(app, reading).await? {
            Ok(both) => both,
            Err(unusable) => return failed(app, import, position, unusable).await.map(Some),
        };
        reading = again;
        let tx = app.begin().await?;
        if read.rows == 0 {
            import.state = "done".to_owned();
            import.finished_at = Some(tx.now());
            imports::advance(&tx, &import, position, position, &[]).await?;
            return Ok(Some(tx));
        }
        seen += read.rows;
        if seen <= position {
            continue;
        }
        let mut receipt = Receipt::default();
        let refused = i64::try_from(read.rejected.len()).unwrap_or(0);
        service::store_batch(app, &tx, read.prepared.voices, backfill, &mut receipt).await?;
        let room = usize::try_from((KEPT_REJECTED - import.rejected).max(0)).unwrap_or(0);
        let mut kept = kept_rejected(&read.rejected);
        kept.truncate(room);
        import.rows = seen;
        import.accepted += receipt.accepted;
        import.updated += receipt.updated;
        import.duplicates += receipt.duplicates;
        import.undated += receipt.undated;
        import.rejected += refused;
        imports::advance(&tx, &import, position, seen, &kept).await?;
        tx.commit().await?;
        app.wake_workers();
        position = seen;
    }
}

async fn failed(
    app: &App,
    mut import: Import,
    position: i64,
    why: Unusable,
) -> Result<Tx, DbError> {
    let tx = app.begin().await?;
    import.state = "failed".to_owned();
    import.error = Some(format!("{}: {}", why.code, why.detail));
    import.finished_at = Some(tx.now());
    imports::advance(&tx, &import, position, position, &[]).await?;
    Ok(tx)
}

/// How far an import by command has got.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rows read.
    pub rows: i64,
    /// What became of them.
    pub receipt: Receipt,
    /// Rows refused.
    pub rejected: i64,
}

/// Imports a file from disk, straight into the database. Safe to run again at any time: identities
/// decide what is new. `on_batch` hears of progress, `on_rejected` of refused rows.
pub async fn from_disk(
    app: &Shared,
    path: &std::path::Path,
    settings: &Settings,
    dry_run: bool,
    mut on_batch: impl FnMut(&Tally),
    mut rejected_file: Option<std::path::PathBuf>,
) -> Result<Result<Tally, Unusable>, DbError> {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let source = || Source::Path(path.to_path_buf());
    let backfill = reaches_back(app, source(), &name, settings).await?;
    let mut reading = match open(app, source(), &name, settings).await? {
        Ok(reading) => reading,
        Err(unusable) => return Ok(Err(unusable)),
    };
    let headers = reading.reader.headers().to_vec();
    let mut writer: Option<RejectedWriter<std::io::BufWriter<std::fs::File>>> = None;
    let io = |e: std::io::Error| Unusable {
        field: "file",
        code: "rejected_file".to_owned(),
        detail: e.to_string(),
    };
    let mut tally = Tally::default();
    loop {
        let (again, read) = match next(app, reading).await? {
            Ok(both) => both,
            Err(unusable) => return Ok(Err(unusable)),
        };
        reading = again;
        if read.rows == 0 {
            break;
        }
        if let (Some(path), false) = (&rejected_file, read.rejected.is_empty()) {
            if writer.is_none() {
                let made = std::fs::File::create(path)
                    .and_then(|f| RejectedWriter::new(std::io::BufWriter::new(f), &headers));
                match made {
                    Ok(made) => writer = Some(made),
                    // What is refused must not stop what is good: say so once, go on without the file.
                    Err(error) => {
                        tracing::warn!(file = %path.display(), error = %error, "refused rows cannot be written there");
                        rejected_file = None;
                    }
                }
            }
            if let Some(writer) = &mut writer {
                for row in &read.rejected {
                    if let Err(error) = writer.write(row) {
                        return Ok(Err(io(error)));
                    }
                }
            }
        }
        tally.rows += read.rows;
        tally.rejected += i64::try_from(read.rejected.len()).unwrap_or(0);
        if dry_run {
            tally.receipt.accepted += i64::try_from(read.prepared.voices.len()).unwrap_or(0);
            tally.receipt.undated += read
                .prepared
                .voices
                .iter()
                .filter(|v| v.occurred_at.is_none())
                .count() as i64;
        } else {
            let tx = app.begin().await?;
            service::store_batch(app, &tx, read.prepared.voices, backfill, &mut tally.receipt)
                .await?;
            tx.commit().await?;
            app.wake_workers();
        }
        on_batch(&tally);
    }
    if let Some(writer) = writer
        && let Err(error) = writer.finish()
    {
        return Ok(Err(io(error)));
    }
    Ok(Ok(tally))
}

/// Refused rows as CSV for Excel.
#[must_use]
pub fn rejected_csv(rows: &[Rejected]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(mut writer) = RejectedWriter::new(&mut out, &[]) {
        for row in rows {
            let rejected = RejectedRow {
                row: u64::try_from(row.row).unwrap_or(0),
                code: row.code.clone(),
                detail: row.detail.clone(),
                raw: serde_json::from_str(&row.raw).unwrap_or_default(),
            };
            // Writing to memory does not fail.
            if writer.write(&rejected).is_err() {
                break;
            }
        }
        let _ = writer.finish();
    }
    out
}
