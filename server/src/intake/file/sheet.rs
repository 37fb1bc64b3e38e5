//! Workbooks. They are checked for bombs, then read cell by cell on a thread of its own, so that
//! memory holds the packed file, its shared strings and some rows.

use super::{FileError, Kind, MAX_COLUMNS, Options, RawRow, RejectedRow};
use calamine::{Data, DataRef, ExcelDateTime, Reader as _, SheetVisible, Xls, Xlsx};
use chrono::{NaiveDate, TimeDelta};
use domain::intake::values::{ExcelEpoch, number_text};
use flate2::read::DeflateDecoder;
use std::io::{Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Most bytes of a workbook after decompression.
const MAX_UNPACKED: u64 = 1 << 30;
/// Most rows of a sheet (Excel's own limit).
const MAX_ROWS: u32 = 1_048_576;
/// Rows that the thread may read ahead.
const AHEAD: usize = 256;

type Item = Result<RawRow, RejectedRow>;

/// Rows of a sheet.
pub(super) struct Rows {
    rows: Receiver<Item>,
}

impl Rows {
    pub(super) fn open(bytes: Vec<u8>, kind: Kind, options: &Options) -> Result<Self, FileError> {
        if kind == Kind::Xlsx {
            guard(&bytes, MAX_UNPACKED.min(options.max_bytes))?;
        }
        let wanted = options.sheet.clone();
        let (send_rows, rows) = sync_channel::<Item>(AHEAD);
        let (send_start, start) = sync_channel::<Result<(), String>>(1);
        std::thread::Builder::new()
            .name("workbook".to_owned())
            .spawn(move || {
                let result = match kind {
                    Kind::Xls => read_xls(bytes, wanted.as_deref(), &send_start, &send_rows),
                    Kind::Xlsx | Kind::Csv { .. } | Kind::Jsonl => {
                        read_xlsx(bytes, wanted.as_deref(), &send_start, &send_rows)
                    }
                };
                if let Err(error) = result {
                    // Before the first row this is the file's error, afterwards a row's.
                    if send_start.try_send(Err(error.clone())).is_err() {
                        let _ = send_rows.send(Err(RejectedRow {
                            row: 0,
                            code: "unreadable_row".to_owned(),
                            detail: format!("the sheet breaks off: {error}"),
                            raw: Vec::new(),
                        }));
                    }
                }
            })?;
        match start.recv() {
            Ok(Ok(())) => Ok(Self { rows }),
            Ok(Err(error)) => Err(FileError::Workbook(error)),
            Err(_) => Err(FileError::Workbook("the file breaks the reader".to_owned())),
        }
    }

    /// Cells with dates come as text, so only day numbers in plain cells would need the epoch.
    pub(super) fn epoch(&self) -> ExcelEpoch {
        ExcelEpoch::Y1900
    }

    pub(super) fn next(&mut self) -> Option<Item> {
        self.rows.recv().ok()
    }
}

/// The sheets to try: the wanted one, else the visible ones in order.
fn sheets(all: &[calamine::Sheet], wanted: Option<&str>) -> Result<Vec<String>, String> {
    if let Some(wanted) = wanted {
        return match all.iter().find(|s| s.name == wanted) {
            Some(sheet) => Ok(vec![sheet.name.clone()]),
            None => Err(format!("there is no sheet {wanted:?}")),
        };
    }
    let (visible, hidden): (Vec<_>, Vec<_>) =
        all.iter().partition(|s| s.visible == SheetVisible::Visible);
    Ok(visible
        .into_iter()
        .chain(hidden)
        .map(|s| s.name.clone())
        .collect())
}

/// Collects cells into rows and sends them off.
struct Gather<'a> {
    rows: &'a SyncSender<Item>,
    row: u32,
    cells: Vec<String>,
}

impl Gather<'_> {
    /// `false`: nobody listens any more.
    fn cell(&mut self, row: u32, column: u32, text: String) -> bool {
        if row != self.row && !self.flush() {
            return false;
        }
        self.row = row;
        let column = column as usize;
        if column < MAX_COLUMNS && !text.is_empty() {
            if self.cells.len() <= column {
                self.cells.resize(column + 1, String::new());
            }
            self.cells[column] = text;
        }
        true
    }

    fn flush(&mut self) -> bool {
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().all(|c| c.trim().is_empty()) {
            return true;
        }
        self.rows
            .send(Ok(RawRow {
                row: u64::from(self.row) + 1,
                cells,
                json: None,
            }))
            .is_ok()
    }
}

fn read_xlsx(
    bytes: Vec<u8>,
    wanted: Option<&str>,
    start: &SyncSender<Result<(), String>>,
    rows: &SyncSender<Item>,
) -> Result<(), String> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    for name in sheets(book.sheets_metadata(), wanted)? {
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else {
            continue;
        };
        let mut gather = Gather {
            rows,
            row: 0,
            cells: Vec::new(),
        };
        let mut any = false;
        while let Some(cell) = cells.next_cell().map_err(|e| e.to_string())? {
            let (row, column) = cell.get_position();
            let text = ref_text(cell.get_value());
            if row >= MAX_ROWS || text.trim().is_empty() {
                continue;
            }
            if !any {
                any = true;
                let _ = start.try_send(Ok(()));
            }
            if !gather.cell(row, column, text) {
                return Ok(());
            }
        }
        gather.flush();
        if any {
            return Ok(());
        }
    }
    Err("all sheets are empty".to_owned())
}

fn read_xls(
    bytes: Vec<u8>,
    wanted: Option<&str>,
    start: &SyncSender<Result<(), String>>,
    rows: &SyncSender<Item>,
) -> Result<(), String> {
    let mut book: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    for name in sheets(book.sheets_metadata(), wanted)? {
        let Ok(range) = book.worksheet_range(&name) else {
            continue;
        };
        let Some((first_row, first_column)) = range.start() else {
            continue;
        };
        let mut gather = Gather {
            rows,
            row: 0,
            cells: Vec::new(),
        };
        let mut any = false;
        for (row, column, value) in range.used_cells() {
            let text = data_text(value);
            if text.trim().is_empty() {
                continue;
            }
            if !any {
                any = true;
                let _ = start.try_send(Ok(()));
            }
            if !gather.cell(first_row + row as u32, first_column + column as u32, text) {
                return Ok(());
            }
        }
        gather.flush();
        if any {
            return Ok(());
        }
    }
    Err("all sheets are empty".to_owned())
}

fn ref_text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => number_text(*n),
        DataRef::Bool(b) => b.to_string(),
        DataRef::DateTime(at) => time_text(at),
        // #N/A and the like say nothing.
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

fn data_text(value: &Data) -> String {
    match value {
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(n) => n.to_string(),
        Data::Float(n) => number_text(*n),
        Data::Bool(b) => b.to_string(),
        Data::DateTime(at) => time_text(at),
        Data::Error(_) | Data::Empty => String::new(),
    }
}

/// A cell formatted as time: a point in time as `2025-12-04 14:13:22`, a duration (also a time of
/// day, which is how `00:03:25` is stored) as `00:03:25`.
fn time_text(at: &ExcelDateTime) -> String {
    let days = at.as_f64();
    if at.is_duration() || days < 1.0 {
        let seconds = (days * 86_400.0).round().max(0.0) as u64;
        return format!(
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
    }
    let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
    let local = NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))
        .and_then(|d| d.and_hms_opt(u32::from(hour), u32::from(minute), u32::from(second)));
    match local {
        // Binary fractions of a day: 13:59:59.9997 is 14:00:00.
        Some(local) => {
            let local = if milli >= 500 {
                local + TimeDelta::seconds(1)
            } else {
                local
            };
            local.format("%Y-%m-%d %H:%M:%S").to_string()
        }
        None => number_text(days),
    }
}

// ---------------------------------------------------------------- bombs

/// Unpacks every entry of a zip into nothing and fails when together they are larger than `limit`:
/// the sizes that an archive declares may lie.
fn guard(bytes: &[u8], limit: u64) -> Result<(), FileError> {
    let broken = || FileError::Workbook("not a whole zip archive".to_owned());
    let u16_at = |at: usize| {
        bytes
            .get(at..at + 2)
            .map(|b| u64::from(u16::from_le_bytes([b[0], b[1]])))
    };
    let u32_at = |at: usize| {
        bytes
            .get(at..at + 4)
            .map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
    };
    let end = (0..=bytes.len().saturating_sub(22))
        .rev()
        .take(66_000)
        .find(|&at| bytes[at..].starts_with(b"PK\x05\x06"))
        .ok_or_else(broken)?;
    let entries = u16_at(end + 10).ok_or_else(broken)?;
    let mut at = u32_at(end + 16).ok_or_else(broken)? as usize;
    if entries == 0xffff || at == 0xffff_ffff {
        return Err(FileError::Workbook(
            "zip64 is not used by workbooks of this size".to_owned(),
        ));
    }
    if entries > 10_000 {
        return Err(FileError::Workbook("more than 10000 parts".to_owned()));
    }
    let mut left = limit;
    for _ in 0..entries {
        if !bytes
            .get(at..)
            .is_some_and(|b| b.starts_with(b"PK\x01\x02"))
        {
            return Err(broken());
        }
        let method = u16_at(at + 10).ok_or_else(broken)?;
        let packed = u32_at(at + 20).ok_or_else(broken)? as usize;
        let skip = [28, 30, 32]
            .iter()
            .map(|o| u16_at(at + o))
            .sum::<Option<u64>>()
            .ok_or_else(broken)? as usize;
        let local = u32_at(at + 42).ok_or_else(broken)? as usize;
        let name = u16_at(local + 26).ok_or_else(broken)? as usize;
        let extra = u16_at(local + 28).ok_or_else(broken)? as usize;
        let from = local + 30 + name + extra;
        let data = bytes.get(from..from + packed).ok_or_else(broken)?;
        let size = match method {
            0 => packed as u64,
            8 => {
                let mut unpacked = DeflateDecoder::new(data).take(left + 1);
                std::io::copy(&mut unpacked, &mut std::io::sink()).map_err(|_| broken())?
            }
            _ => return Err(FileError::Workbook("packed in an unknown way".to_owned())),
        };
        left = left.checked_sub(size).ok_or(FileError::TooLarge(limit))?;
        at += 46 + skip;
    }
    Ok(())
}
