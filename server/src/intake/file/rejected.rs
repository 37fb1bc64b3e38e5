//! The file of rejected rows: what to put right, and where.

use super::RejectedRow;
use std::io::{self, Write};

/// Writes rejected rows as CSV for Excel: UTF-8 with a byte order mark, cells that a spreadsheet
/// would run as formulas defused, personal data masked (the row number leads to the original).
pub struct RejectedWriter<W: Write> {
    csv: csv::Writer<W>,
    width: usize,
}

impl<W: Write> RejectedWriter<W> {
    /// Starts the file; `headers` are those of the original.
    pub fn new(mut out: W, headers: &[String]) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(out);
        let fixed = ["row", "code", "detail"].map(str::to_owned);
        csv.write_record(fixed.iter().chain(headers).map(|h| safe(h)))?;
        Ok(Self {
            csv,
            width: headers.len(),
        })
    }

    /// Adds a row.
    pub fn write(&mut self, rejected: &RejectedRow) -> io::Result<()> {
        let mut cells = vec![
            rejected.row.to_string(),
            safe(&rejected.code),
            safe(&rejected.detail),
        ];
        cells.extend(
            rejected
                .raw
                .iter()
                .map(|c| safe(&domain::text::mask(c).text)),
        );
        cells.resize(cells.len().max(self.width + 3), String::new());
        self.csv.write_record(cells)?;
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// A cell that no spreadsheet takes for a formula.
fn safe(cell: &str) -> String {
    let risky = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    };
    if cell.trim_start_matches(' ').starts_with(risky) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
