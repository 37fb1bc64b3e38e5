//! Delimited text to records, with quotes that may be broken.
//!
//! A record may span lines inside quotes. A quote that is never closed must not swallow the rest
//! of the file: when the quoted text goes on too long, or its end is followed by neither delimiter
//! nor line end, the first line alone is read with its quotes taken literally and reading goes on
//! with the next line.

use super::decode::{Line, Lines};
use super::{FileError, MAX_COLUMNS, MAX_LINE, MAX_RECORD, MAX_RECORD_LINES, RawRow, RejectedRow};
use std::collections::VecDeque;

/// Records of a delimited text.
pub(super) struct Records {
    lines: Lines,
    delimiter: char,
    /// Lines that were read ahead and given back.
    back: VecDeque<Line>,
    /// Columns of the first record with more than one: what a healthy line has.
    /// Widths of the first rows that stand on one line: titles, the header, records.
    widths: std::collections::BTreeSet<usize>,
    /// Rows until widths are known well enough.
    learning: u8,
    pub(super) repaired: u64,
}

impl Records {
    pub(super) fn new(lines: Lines, delimiter: u8) -> Self {
        Self {
            lines,
            delimiter: char::from(delimiter),
            back: VecDeque::new(),
            widths: std::collections::BTreeSet::new(),
            learning: 50,
            repaired: 0,
        }
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    fn line(&mut self) -> Result<Option<Line>, FileError> {
        match self.back.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// The next record that is not blank.
    pub(super) fn next(&mut self) -> Result<Option<Result<RawRow, RejectedRow>>, FileError> {
        loop {
            let Some(first) = self.line()? else {
                return Ok(None);
            };
            if first.too_long {
                return Ok(Some(Err(refused(
                    &first,
                    "line_too_long",
                    format!("more than {MAX_LINE} bytes"),
                ))));
            }
            if first.text.trim().is_empty() {
                continue;
            }
            let row = self.record(first)?;
            if let Ok(raw) = &row {
                if raw.cells.iter().all(|c| c.trim().is_empty()) {
                    continue;
                }
                if raw.cells.len() > MAX_COLUMNS {
                    return Err(FileError::TooManyColumns);
                }
                // A title above the header has a width of its own: a record may have any that was seen.
                if self.learning > 0 && raw.cells.len() > 1 {
                    self.learning -= 1;
                    self.widths.insert(raw.cells.len());
                }
            }
            return Ok(Some(row));
        }
    }

    fn record(&mut self, first: Line) -> Result<Result<RawRow, RejectedRow>, FileError> {
        let row = first.number;
        let mut parser = Parser::new(self.delimiter);
        parser.feed(&first.text);
        let mut ahead: Vec<Line> = Vec::new();
        let mut bytes = first.text.len();
        while parser.open() && !parser.malformed {
            let Some(line) = self.line()? else { break };
            bytes += line.text.len();
            let stop = line.too_long || bytes > MAX_RECORD || ahead.len() >= MAX_RECORD_LINES;
            if !stop {
                parser.feed_more(&line.text);
            }
            ahead.push(line);
            if stop {
                break;
            }
        }
        let healthy = !parser.open() && !parser.malformed;
        let fits = |cells: usize| self.widths.is_empty() || self.widths.contains(&cells);
        if healthy && (ahead.is_empty() || fits(parser.fields.len())) {
            return Ok(Ok(RawRow {
                row,
                cells: parser.fields,
                json: None,
            }));
        }
        // Something is wrong with the quotes: this line alone, leniently; the others go back.
        for line in ahead.into_iter().rev() {
            self.back.push_front(line);
        }
        let cells = lenient(&first.text, self.delimiter);
        if fits(cells.len()) && !self.widths.is_empty() {
            self.repaired += 1;
            return Ok(Ok(RawRow {
                row,
                cells,
                json: None,
            }));
        }
        Ok(Err(refused(
            &first,
            "unbalanced_quotes",
            "a quote is not closed".to_owned(),
        )))
    }
}

fn refused(line: &Line, code: &str, detail: String) -> RejectedRow {
    RejectedRow {
        row: line.number,
        code: code.to_owned(),
        detail,
        raw: vec![line.text.chars().take(2_000).collect()],
    }
}

/// Where the parser stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the start of a field.
    Start,
    /// Inside a field without quotes.
    Plain,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes: its end, or half of a doubled one.
    Quote,
}

/// RFC 4180, line by line.
struct Parser {
    delimiter: char,
    state: State,
    fields: Vec<String>,
    field: String,
    malformed: bool,
}

impl Parser {
    fn new(delimiter: char) -> Self {
        Self {
            delimiter,
            state: State::Start,
            fields: Vec::new(),
            field: String::new(),
            malformed: false,
        }
    }

    /// Whether a quote is still open.
    fn open(&self) -> bool {
        self.state == State::Quoted
    }

    /// Goes on with a line inside quotes.
    fn feed_more(&mut self, line: &str) {
        self.field.push('\n');
        self.feed(line);
    }

    fn feed(&mut self, line: &str) {
        for c in line.chars() {
            match self.state {
                State::Start if c == '"' => self.state = State::Quoted,
                State::Start | State::Plain if c == self.delimiter => self.end_field(),
                State::Start | State::Plain => {
                    self.field.push(c);
                    self.state = State::Plain;
                }
                State::Quoted if c == '"' => self.state = State::Quote,
                State::Quoted => self.field.push(c),
                State::Quote if c == '"' => {
                    self.field.push('"');
                    self.state = State::Quoted;
                }
                State::Quote if c == self.delimiter => self.end_field(),
                State::Quote if c.is_whitespace() => {}
                State::Quote => {
                    self.malformed = true;
                    return;
                }
            }
        }
        if self.state != State::Quoted {
            self.end_field();
        }
    }

    fn end_field(&mut self) {
        self.fields.push(std::mem::take(&mut self.field));
        self.state = State::Start;
    }
}

/// A line whose quotes do not add up: a quote ends a field only before a delimiter or the end;
/// any other is a character, and one that is never closed is too.
fn lenient(line: &str, delimiter: char) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let quoted = rest.strip_prefix('"').and_then(|inner| {
            let mut from = 0;
            while let Some(at) = inner[from..].find('"') {
                let after = &inner[from + at + 1..];
                let trimmed = after.trim_start_matches([' ', '\t']);
                if after.is_empty() || after.starts_with(delimiter) || trimmed.is_empty() {
                    return Some((&inner[..from + at], after));
                }
                from += at + 1;
            }
            None
        });
        match quoted {
            Some((field, after)) => {
                fields.push(field.replace("\"\"", "\""));
                match after.find(delimiter) {
                    Some(at) => rest = &after[at + delimiter.len_utf8()..],
                    None => return fields,
                }
            }
            None => match rest.find(delimiter) {
                Some(at) => {
                    fields.push(rest[..at].to_owned());
                    rest = &rest[at + delimiter.len_utf8()..];
                }
                None => {
                    fields.push(rest.to_owned());
                    return fields;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Result<Vec<String>, String>> {
        let (lines, _) = Lines::new(
            Box::new(std::io::Cursor::new(text.as_bytes().to_vec())),
            text.as_bytes(),
        )
        .unwrap();
        let mut records = Records::new(lines, b',');
        let mut out = Vec::new();
        while let Some(row) = records.next().unwrap() {
            out.push(row.map(|r| r.cells).map_err(|r| r.code));
        }
        out
    }

    fn ok(cells: &[&str]) -> Result<Vec<String>, String> {
        Ok(cells.iter().map(|c| (*c).to_owned()).collect())
    }

    #[test]
    fn quotes_newlines_and_doubled_quotes() {
        assert_eq!(
            all("a,b,c\r\n1,\"两行\n内容\",\"他说\"\"好\"\"\"\n,,\n2,x,\n"),
            [
                ok(&["a", "b", "c"]),
                ok(&["1", "两行\n内容", "他说\"好\""]),
                ok(&["2", "x", ""])
            ]
        );
    }

    #[test]
    fn a_title_of_several_cells_does_not_refuse_records_of_several_lines() {
        let rows = all(
            "导出人,张三,导出时间,2026\n编号,时间,内容,分,坐席\n1,2,\"第一行\n第二行\",3,A\n4,5,6,7,B\n",
        );
        assert_eq!(rows[2], ok(&["1", "2", "第一行\n第二行", "3", "A"]));
        assert_eq!(rows[3], ok(&["4", "5", "6", "7", "B"]));
    }

    #[test]
    fn an_open_quote_costs_one_line() {
        let mut text = String::from("id,内容,分\n1,\"没有结束的引号,3\n");
        for i in 2..2_000 {
            text.push_str(&format!("{i},\"内容{i}\",5\n"));
        }
        let rows = all(&text);
        assert_eq!(rows.len(), 2_000);
        assert_eq!(
            rows[1],
            ok(&["1", "\"没有结束的引号", "3"]),
            "its three cells can still be told apart"
        );
        assert_eq!(rows[2], ok(&["2", "内容2", "5"]));
        assert_eq!(rows[1_999], ok(&["1999", "内容1999", "5"]));
    }

    #[test]
    fn an_open_quote_without_later_quotes_ends_at_the_limit() {
        let mut text = String::from("id,内容,分\n1,\"没有结束,的引号,3\n");
        for i in 2..3_000 {
            text.push_str(&format!("{i},内容{i},5\n"));
        }
        let rows = all(&text);
        assert_eq!(rows[1], Err("unbalanced_quotes".to_owned()));
        assert_eq!(rows.len(), 3_000);
    }

    #[test]
    fn quotes_inside_a_quoted_field_that_are_not_doubled() {
        assert_eq!(
            all("id,内容,分\n1,\"他说\"再等等\"就挂了\",1\n2,好,5\n"),
            [
                ok(&["id", "内容", "分"]),
                ok(&["1", "他说\"再等等\"就挂了", "1"]),
                ok(&["2", "好", "5"])
            ]
        );
    }
}
