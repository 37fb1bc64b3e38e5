//! Files of feedback, as customers have them: CSV in whatever encoding, Excel, JSONL, gzip of them.
//!
//! A [`Reader`] finds out what the file is, where its header stands and which column is which
//! field, and then yields record after record with bounded memory. A row that cannot be used is an
//! item of its own with a reason: it never spoils the rest. Reading is blocking: use it on a thread
//! that may block.

mod decode;
mod delimited;
mod rejected;
mod sheet;
mod sniff;

pub use rejected::RejectedWriter;
pub use sniff::{Format, Kind, sniff};

use decode::Lines;
use delimited::Records;
use domain::intake::Incoming;
use domain::intake::mapping::{self, Mapping, MappingError, Target, Warning};
use domain::intake::values::{ExcelEpoch, Mark, Scalar, parse_mark, parse_time};
use serde::Serialize;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;

/// Limits and wishes of a reading.
#[derive(Clone, Debug)]
pub struct Options {
    /// Key of the channel; wins over a column of the file.
    pub channel: Option<String>,
    /// What a person says about the columns.
    pub mapping: mapping::Options,
    /// Name of the sheet; default the first visible one that is not empty.
    pub sheet: Option<String>,
    /// Most bytes after decompression.
    pub max_bytes: u64,
    /// Most bytes of a workbook as it lies on disk: workbooks are read into memory.
    pub max_workbook_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            channel: None,
            mapping: mapping::Options::default(),
            sheet: None,
            max_bytes: 4 << 30,
            max_workbook_bytes: 128 << 20,
        }
    }
}

/// Most bytes of one line of a file.
pub const MAX_LINE: usize = 1 << 20;
/// Most bytes of one record that spans several lines.
pub const MAX_RECORD: usize = 256 << 10;
/// Most lines of one record.
pub const MAX_RECORD_LINES: usize = 500;
/// Most columns of a file.
pub const MAX_COLUMNS: usize = 1_024;
/// Rows that are looked at before the mapping is decided.
const SAMPLE: usize = 200;

/// A file that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading failed.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// No known format.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The file has no rows.
    #[error("the file is empty")]
    Empty,
    /// Larger than allowed.
    #[error("the file holds more than {0} bytes")]
    TooLarge(u64),
    /// A workbook that does not open.
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
    /// More columns than allowed.
    #[error("the file has more than {MAX_COLUMNS} columns")]
    TooManyColumns,
    /// A mapping that does not fit.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

impl FileError {
    /// Stable code for answers.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "unreadable_file",
            Self::Unsupported(_) => "unsupported_format",
            Self::Empty => "empty_file",
            Self::TooLarge(_) => "file_too_large",
            Self::Workbook(_) => "broken_workbook",
            Self::TooManyColumns => "too_many_columns",
            Self::Mapping(_) => "bad_mapping",
        }
    }
}

/// Where a file comes from.
pub enum Source {
    /// On disk.
    Path(PathBuf),
    /// In memory.
    Bytes(Vec<u8>),
    /// Standard input and the like.
    Stream(Box<dyn Read + Send>),
}

/// A row as the file holds it.
#[derive(Clone, Debug, PartialEq)]
struct RawRow {
    /// Line of a text file, row of a sheet; from 1.
    row: u64,
    cells: Vec<String>,
    /// The object of a JSONL line.
    json: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A row that became a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line of a text file, row of a sheet; from 1.
    pub row: u64,
    /// The record; still to be normalised.
    pub incoming: Incoming,
    /// The row's cells, for a later refusal.
    pub cells: Vec<String>,
}

/// A row that is no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRow {
    /// Line of a text file, row of a sheet; from 1.
    pub row: u64,
    /// Stable reason: `too_few_columns`, `too_many_columns`, `unbalanced_quotes`, `line_too_long`,
    /// `bad_json`, `unreadable_row`, or a code of [`domain::intake::Code`].
    pub code: String,
    /// For people, English.
    pub detail: String,
    /// What stood there: cells, or one piece where cells could not be told apart.
    pub raw: Vec<String>,
}

/// What happened while reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Rows yielded, good and rejected.
    pub rows: u64,
    /// Rows rejected by the reader (not by the domain).
    pub rejected: u64,
    /// Rows whose columns or quotes were put right.
    pub repaired: u64,
    /// Characters that no encoding could explain.
    pub replaced_characters: u64,
    /// Lines in another encoding than the file's.
    pub foreign_lines: u64,
}

enum Rows {
    Delimited(Records),
    Json(Lines),
    Sheet(sheet::Rows),
}

/// Reads a file row by row.
pub struct Reader {
    format: Format,
    encoding: &'static str,
    title_rows: usize,
    mapping: Mapping,
    headers: Vec<String>,
    channel: Option<String>,
    excel_epoch: ExcelEpoch,
    waiting: VecDeque<Result<RawRow, RejectedRow>>,
    rows: Rows,
    stats: Stats,
}

impl Reader {
    /// Opens a file; `name` helps to tell its format.
    pub fn open(source: Source, name: &str, options: &Options) -> Result<Self, FileError> {
        let input: Box<dyn Read + Send> = match source {
            Source::Path(path) => Box::new(File::open(path)?),
            Source::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Source::Stream(stream) => stream,
        };
        let mut input = BufReader::with_capacity(64 << 10, input);
        let gzip = sniff::is_gzip(fill(&mut input)?);
        let mut input: Box<dyn BufRead + Send> = if gzip {
            let inner = flate2::bufread::MultiGzDecoder::new(input);
            Box::new(BufReader::with_capacity(64 << 10, inner))
        } else {
            Box::new(input)
        };
        let head = decode::head(&mut input, 256 << 10)?;
        let mut format = sniff(name, &head)?;
        format.gzip = gzip;
        let input = Cursor::new(head.clone()).chain(input);
        let input = Limited {
            inner: input,
            left: options.max_bytes,
            limit: options.max_bytes,
        };
        match format.kind {
            Kind::Xlsx | Kind::Xls => Self::open_sheet(input, format, options),
            Kind::Jsonl => {
                let (lines, encoding) = Lines::new(Box::new(input), &head)?;
                Self::open_json(lines, encoding, format, options)
            }
            Kind::Csv { delimiter } => {
                let (lines, encoding) = Lines::new(Box::new(input), &head)?;
                Self::open_delimited(Records::new(lines, delimiter), encoding, format, options)
            }
        }
    }

    fn open_sheet(
        mut input: impl Read,
        format: Format,
        options: &Options,
    ) -> Result<Self, FileError> {
        let mut bytes = Vec::new();
        let limit = options.max_workbook_bytes;
        input.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge(limit));
        }
        let mut rows = sheet::Rows::open(bytes, format.kind, options)?;
        let epoch = rows.epoch();
        let mut sample = Vec::new();
        while sample.len() < SAMPLE
            && let Some(row) = rows.next()
        {
            sample.push(row);
        }
        let mut reader = Self::decide(sample, Rows::Sheet(rows), "", format, options)?;
        reader.excel_epoch = epoch;
        Ok(reader)
    }

    fn open_delimited(
        mut records: Records,
        encoding: &'static str,
        format: Format,
        options: &Options,
    ) -> Result<Self, FileError> {
        let mut sample = Vec::new();
        while sample.len() < SAMPLE
            && let Some(record) = records.next()?
        {
            sample.push(record);
        }
        Self::decide(sample, Rows::Delimited(records), encoding, format, options)
    }

    /// Finds the header among the first rows and decides the mapping.
    fn decide(
        sample: Vec<Result<RawRow, RejectedRow>>,
        rows: Rows,
        encoding: &'static str,
        format: Format,
        options: &Options,
    ) -> Result<Self, FileError> {
        let cells: Vec<Vec<String>> = sample
            .iter()
            .filter_map(|r| r.as_ref().ok().map(|r| r.cells.clone()))
            .collect();
        let widest = cells.iter().map(Vec::len).max().ok_or(FileError::Empty)?;
        if widest > MAX_COLUMNS {
            return Err(FileError::TooManyColumns);
        }
        let title_rows = mapping::header_row(&cells);
        let mut waiting: VecDeque<_> = sample.into();
        let mut warnings = Vec::new();
        let mut headers: Vec<String> = match title_rows {
            Some(above) => {
                // The header and what stands above it are no rows; rejected ones stay.
                let mut seen = 0;
                waiting.retain(|r| {
                    let drop = r.is_ok() && seen <= above;
                    seen += usize::from(r.is_ok());
                    !drop
                });
                cells.get(above).cloned().unwrap_or_default()
            }
            None => {
                warnings.push(Warning::new(
                    "no_header",
                    "the file has no header: columns are numbered",
                ));
                (1..=widest).map(|i| format!("列{i}")).collect()
            }
        };
        while headers.last().is_some_and(|h| h.trim().is_empty()) && headers.len() > 1 {
            headers.pop();
        }
        let samples: Vec<Vec<String>> = waiting
            .iter()
            .filter_map(|r| r.as_ref().ok().map(|r| r.cells.clone()))
            .collect();
        let mut mapping = mapping::guess(&headers, &samples, &options.mapping)?;
        mapping.warnings.splice(0..0, warnings);
        Ok(Self {
            format,
            encoding,
            title_rows: title_rows.unwrap_or(0),
            mapping,
            headers,
            channel: options.channel.clone(),
            excel_epoch: ExcelEpoch::Y1900,
            waiting,
            rows,
            stats: Stats::default(),
        })
    }

    fn open_json(
        mut lines: Lines,
        encoding: &'static str,
        format: Format,
        options: &Options,
    ) -> Result<Self, FileError> {
        let mut waiting = VecDeque::new();
        let mut headers: Vec<String> = Vec::new();
        while waiting.len() < SAMPLE
            && let Some(row) = json_row(&mut lines)?
        {
            if let Ok(RawRow {
                json: Some(object), ..
            }) = &row
            {
                for key in object.keys() {
                    if !headers.contains(key) && headers.len() < MAX_COLUMNS {
                        headers.push(key.clone());
                    }
                }
            }
            waiting.push_back(row);
        }
        if waiting.is_empty() {
            return Err(FileError::Empty);
        }
        let samples: Vec<Vec<String>> = waiting
            .iter()
            .filter_map(|r| r.as_ref().ok().and_then(|r| r.json.as_ref()))
            .map(|object| {
                headers
                    .iter()
                    .map(|h| object.get(h).map(mapping::json_cell).unwrap_or_default())
                    .collect()
            })
            .collect();
        let mapping = mapping::guess(&headers, &samples, &options.mapping)?;
        Ok(Self {
            format,
            encoding,
            title_rows: 0,
            mapping,
            headers,
            channel: options.channel.clone(),
            excel_epoch: ExcelEpoch::Y1900,
            waiting,
            rows: Rows::Json(lines),
            stats: Stats::default(),
        })
    }

    /// What the file is.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// `utf-8`, `gb18030`, `utf-16le`, `utf-16be`; empty for workbooks.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// How many rows stood above the header.
    #[must_use]
    pub fn title_rows(&self) -> usize {
        self.title_rows
    }

    /// All columns and where they go.
    #[must_use]
    pub fn columns(&self) -> &[mapping::Column] {
        &self.mapping.columns
    }

    /// The headers as they stand in the file.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The mapping with its warnings.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// How the file counts days; goes into the domain's rules.
    #[must_use]
    pub fn excel_epoch(&self) -> ExcelEpoch {
        self.excel_epoch
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        match &self.rows {
            Rows::Delimited(records) => {
                stats.repaired += records.repaired;
                stats.replaced_characters = records.lines().replaced;
                stats.foreign_lines = records.lines().foreign;
            }
            Rows::Json(lines) => {
                stats.replaced_characters = lines.replaced;
                stats.foreign_lines = lines.foreign;
            }
            Rows::Sheet(_) => {}
        }
        stats
    }

    /// Up to `n` of the first rows, without moving on. Only rows of the sample are shown (200).
    #[must_use]
    pub fn preview(&self, n: usize) -> Vec<Row> {
        let mut stats = Stats::default();
        self.waiting
            .iter()
            .filter_map(|r| r.as_ref().ok().cloned())
            .filter_map(|r| self.row(r, &mut stats).ok())
            .take(n)
            .collect()
    }

    /// The first cells of column `index` that say something.
    #[must_use]
    pub fn samples(&self, index: usize, n: usize) -> Vec<String> {
        let header = self.headers.get(index);
        self.waiting
            .iter()
            .filter_map(|r| r.as_ref().ok())
            .filter_map(|r| match (&r.json, header) {
                (Some(object), Some(header)) => object.get(header).map(mapping::json_cell),
                _ => r.cells.get(index).cloned(),
            })
            .filter(|c| !c.trim().is_empty())
            .take(n)
            .collect()
    }

    /// Up to `n` rows; empty at the end.
    pub fn batch(&mut self, n: usize) -> Result<Vec<Result<Row, RejectedRow>>, FileError> {
        let mut batch = Vec::with_capacity(n.min(4_096));
        while batch.len() < n
            && let Some(row) = self.next_row()?
        {
            batch.push(row);
        }
        Ok(batch)
    }

    /// The next row; `None` at the end; an error ends the file.
    pub fn next_row(&mut self) -> Result<Option<Result<Row, RejectedRow>>, FileError> {
        let raw = match self.waiting.pop_front() {
            Some(raw) => Some(raw),
            None => match &mut self.rows {
                Rows::Delimited(records) => records.next()?,
                Rows::Json(lines) => json_row(lines)?,
                Rows::Sheet(rows) => rows.next(),
            },
        };
        let Some(raw) = raw else { return Ok(None) };
        let mut stats = self.stats;
        let row = raw.and_then(|raw| self.row(raw, &mut stats));
        stats.rows += 1;
        stats.rejected += u64::from(row.is_err());
        self.stats = stats;
        Ok(Some(row))
    }

    /// The record of a raw row; ragged rows are put right or refused.
    fn row(&self, mut raw: RawRow, stats: &mut Stats) -> Result<Row, RejectedRow> {
        if let Some(object) = &raw.json {
            let incoming = self
                .mapping
                .incoming_from_json(object, self.channel.as_deref());
            raw.cells = self
                .headers
                .iter()
                .map(|h| object.get(h).map(mapping::json_cell).unwrap_or_default())
                .collect();
            return Ok(Row {
                row: raw.row,
                incoming,
                cells: raw.cells,
            });
        }
        let width = self.headers.len();
        let sheet = matches!(self.rows, Rows::Sheet(_));
        while raw.cells.len() > width && raw.cells.last().is_some_and(|c| c.trim().is_empty()) {
            raw.cells.pop();
        }
        if sheet && raw.cells.len() > width {
            // Notes beside the table.
            raw.cells.truncate(width);
        }
        let got = raw.cells.len();
        if got > width {
            match self.join_text(&raw.cells, width) {
                Some(cells) => {
                    raw.cells = cells;
                    stats.repaired += 1;
                }
                None => {
                    return Err(RejectedRow {
                        row: raw.row,
                        code: "too_many_columns".to_owned(),
                        detail: format!("{got} columns, the header has {width}"),
                        raw: raw.cells,
                    });
                }
            }
        } else if got < width && !sheet {
            // One or two cells that were left out at the end are harmless, half a row is not.
            if (width - got) * 3 > width && width > 1 {
                return Err(RejectedRow {
                    row: raw.row,
                    code: "too_few_columns".to_owned(),
                    detail: format!("{got} columns, the header has {width}"),
                    raw: raw.cells,
                });
            }
            raw.cells.resize(width, String::new());
            stats.repaired += 1;
        }
        let incoming = self.mapping.incoming(&raw.cells, self.channel.as_deref());
        Ok(Row {
            row: raw.row,
            incoming,
            cells: raw.cells,
        })
    }

    /// A row with too many cells because its text holds unquoted delimiters: the surplus belongs to
    /// the text if then time and mark can be read.
    fn join_text(&self, cells: &[String], width: usize) -> Option<Vec<String>> {
        let Kind::Csv { delimiter } = self.format.kind else {
            return None;
        };
        let field = |name: &str| {
            self.mapping
                .columns
                .iter()
                .find(|c| c.target == Target::Field(name.to_owned()))
        };
        let text = field("text")?.index;
        let surplus = cells.len() - width;
        let mut joined: Vec<String> = cells.get(..text)?.to_vec();
        joined.push(
            cells
                .get(text..=text + surplus)?
                .join(&char::from(delimiter).to_string()),
        );
        joined.extend_from_slice(cells.get(text + surplus + 1..)?);
        let mut proofs = 0;
        if let Some(column) = field("occurred_at") {
            let cell = Scalar::from(joined.get(column.index)?.as_str());
            parse_time(&cell, chrono_tz::UTC, self.excel_epoch).ok()??;
            proofs += 1;
        }
        if let Some(column) = field("rating") {
            match parse_mark(&Scalar::from(joined.get(column.index)?.as_str())).ok()? {
                Mark::Rated { .. } | Mark::NotRated => proofs += 1,
            }
        }
        // Without a column that proves it, only text at the end of the row is safe.
        (proofs > 0 || text + 1 == width).then_some(joined)
    }
}

/// One line of JSONL.
fn json_row(lines: &mut Lines) -> Result<Option<Result<RawRow, RejectedRow>>, FileError> {
    loop {
        let Some(line) = lines.next()? else {
            return Ok(None);
        };
        if line.text.trim().is_empty() && !line.too_long {
            continue;
        }
        let row = line.number;
        let refused = |code: &str, detail: String| RejectedRow {
            row,
            code: code.to_owned(),
            detail,
            raw: vec![line.text.chars().take(2_000).collect()],
        };
        if line.too_long {
            return Ok(Some(Err(refused(
                "line_too_long",
                format!("more than {MAX_LINE} bytes"),
            ))));
        }
        return Ok(Some(
            match serde_json::from_str::<serde_json::Value>(line.text.trim()) {
                Ok(serde_json::Value::Object(object)) => Ok(RawRow {
                    row,
                    cells: Vec::new(),
                    json: Some(object),
                }),
                Ok(_) => Err(refused("bad_json", "the line is no JSON object".to_owned())),
                Err(error) => Err(refused(
                    "bad_json",
                    format!("not JSON, at character {}", error.column()),
                )),
            },
        ));
    }
}

fn fill(input: &mut impl BufRead) -> io::Result<&[u8]> {
    input.fill_buf()
}

/// Fails, instead of ending, when there is more than allowed.
struct Limited<R> {
    inner: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("more than {} bytes after decompression", self.limit),
            )
        })?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
