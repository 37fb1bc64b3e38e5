//! What a file is, from its first bytes; the name only breaks ties.

use super::FileError;
use super::decode;
use serde::Serialize;

/// Kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Delimited text.
    Csv {
        /// `,`, tab, `;` or `|`.
        delimiter: u8,
    },
    /// A JSON object a line.
    Jsonl,
    /// Excel since 2007.
    Xlsx,
    /// Excel before.
    Xls,
}

/// Kind of file and packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Format {
    /// What it is.
    pub kind: Kind,
    /// Whether it is packed with gzip.
    pub gzip: bool,
}

impl Format {
    /// The name in answers: `csv`, `tsv`, `jsonl`, `xlsx`, `xls`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.kind {
            Kind::Csv { delimiter: b'\t' } => "tsv",
            Kind::Csv { .. } => "csv",
            Kind::Jsonl => "jsonl",
            Kind::Xlsx => "xlsx",
            Kind::Xls => "xls",
        }
    }
}

pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// Tells the format of unpacked bytes. `gzip` of the answer is false.
pub fn sniff(name: &str, head: &[u8]) -> Result<Format, FileError> {
    let format = |kind| Ok(Format { kind, gzip: false });
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return format(Kind::Xlsx);
    }
    if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]) {
        return format(Kind::Xls);
    }
    let unsupported: [(&[u8], &'static str); 6] = [
        (b"%PDF", "a PDF is no table: export CSV or Excel"),
        (b"Rar!", "a RAR archive: unpack it first"),
        (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "packed with zstd: use gzip"),
        (b"SQLite format 3", "a database: export CSV or Excel"),
        (&[0x89, b'P', b'N', b'G'], "a picture is no table"),
    ];
    if let Some((_, why)) = unsupported
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
    {
        return Err(FileError::Unsupported(why));
    }
    let text = decode::sample(head);
    let start = text.trim_start();
    if start.is_empty() {
        return Err(FileError::Empty);
    }
    let controls = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace())
        .count();
    if controls * 10 > text.chars().count() {
        return Err(FileError::Unsupported("neither text nor a workbook"));
    }
    let lower = start
        .get(..64.min(start.len()))
        .unwrap_or(start)
        .to_ascii_lowercase();
    if lower.starts_with("<!doctype") || lower.starts_with("<html") || lower.starts_with("<table") {
        return Err(FileError::Unsupported(
            "a web page named as a table: export CSV or xlsx",
        ));
    }
    if start.starts_with('{') {
        return format(Kind::Jsonl);
    }
    if start.starts_with('[') && start[1..].trim_start().starts_with('{') {
        return Err(FileError::Unsupported(
            "a JSON array: write one object a line (JSONL)",
        ));
    }
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(".gz");
    if name.ends_with(".tsv") || name.ends_with(".tab") {
        return format(Kind::Csv { delimiter: b'\t' });
    }
    format(Kind::Csv {
        delimiter: delimiter(&text),
    })
}

/// The delimiter that most lines hold equally often, outside quotes.
fn delimiter(text: &str) -> u8 {
    let lines: Vec<&str> = text
        .lines()
        .filter(|l| !l.trim().is_empty())
        .take(60)
        .collect();
    let score = |delimiter: char| {
        let counts: Vec<usize> = lines
            .iter()
            .map(|line| {
                let mut quoted = false;
                line.chars()
                    .filter(|c| {
                        if *c == '"' {
                            quoted = !quoted;
                        }
                        !quoted && *c == delimiter
                    })
                    .count()
            })
            .collect();
        // How many lines agree with the commonest count above zero.
        let mut best = (0usize, 0usize);
        for count in counts.iter().filter(|c| **c > 0) {
            let agree = counts.iter().filter(|c| *c == count).count();
            best = best.max((agree, *count));
        }
        best
    };
    [',', '\t', ';', '|']
        .into_iter()
        .map(|d| (score(d), d))
        .max_by(|a, b| {
            // More agreeing lines win; a tie goes to more columns, then to the comma.
            a.0.cmp(&b.0).then((b.1 != ',').cmp(&(a.1 != ',')))
        })
        .filter(|(score, _)| score.0 > 0)
        .map_or(b',', |(_, d)| d as u8)
}
