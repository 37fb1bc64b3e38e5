//! Bytes to lines of text, line by line in the encoding that explains each line best.
//!
//! Real exports mix encodings (parts pasted from another system) and cut characters in half. A
//! line of valid UTF-8 is UTF-8; any other is read both ways and scored.

use super::{FileError, MAX_LINE};
use encoding_rs::{GB18030, UTF_16BE, UTF_16LE};
use std::io::{self, BufRead, BufReader, Read};

/// One line without its end.
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    pub(super) text: String,
    /// The line was cut at [`MAX_LINE`].
    pub(super) too_long: bool,
}

/// Lines of a text in an unknown encoding.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    gb: bool,
    end: u8,
    number: u64,
    bytes: Vec<u8>,
    pub(super) replaced: u64,
    pub(super) foreign: u64,
}

/// The first bytes of the input, as many as come, up to `limit`.
pub(super) fn head(input: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(limit as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Gb18030,
    Utf16(&'static encoding_rs::Encoding),
}

fn encoding_of(head: &[u8]) -> Encoding {
    if head.starts_with(&[0xff, 0xfe]) {
        return Encoding::Utf16(UTF_16LE);
    }
    if head.starts_with(&[0xfe, 0xff]) {
        return Encoding::Utf16(UTF_16BE);
    }
    // UTF-16 without a mark: every other byte of its ASCII is zero.
    let zeros = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .take(2_000)
            .filter(|b| **b == 0)
            .count()
    };
    let half = head.len().min(4_000) / 2;
    if half > 8 && zeros(1) * 10 > half * 2 && zeros(0) == 0 {
        return Encoding::Utf16(UTF_16LE);
    }
    if half > 8 && zeros(0) * 10 > half * 2 && zeros(1) == 0 {
        return Encoding::Utf16(UTF_16BE);
    }
    let (mut utf8, mut gb) = (0usize, 0usize);
    for line in head.split(|b| *b == b'\n').filter(|l| !l.is_ascii()) {
        if std::str::from_utf8(line).is_ok() {
            utf8 += line.len();
        } else if utf8_share(line) < gb_share(line) {
            gb += line.len();
        } else {
            utf8 += line.len();
        }
    }
    if gb > utf8 {
        Encoding::Gb18030
    } else {
        Encoding::Utf8
    }
}

/// The head as text, for looking at its shape.
pub(super) fn sample(head: &[u8]) -> String {
    match encoding_of(head) {
        Encoding::Utf8 => String::from_utf8_lossy(head)
            .trim_start_matches('\u{feff}')
            .to_owned(),
        Encoding::Gb18030 => GB18030.decode(head).0.into_owned(),
        Encoding::Utf16(encoding) => encoding.decode(head).0.into_owned(),
    }
}

impl Lines {
    /// Lines of `input`, whose first bytes are `head`; and the name of the encoding.
    pub(super) fn new(
        input: Box<dyn Read + Send>,
        head: &[u8],
    ) -> Result<(Self, &'static str), FileError> {
        let encoding = encoding_of(head);
        let (input, name): (Box<dyn Read + Send>, _) = match encoding {
            Encoding::Utf8 => (input, "utf-8"),
            Encoding::Gb18030 => (input, "gb18030"),
            Encoding::Utf16(e) => (
                Box::new(Transcoder {
                    input,
                    decoder: e.new_decoder(),
                    out: Vec::new(),
                    at: 0,
                    done: false,
                }),
                if e == UTF_16LE {
                    "utf-16le"
                } else {
                    "utf-16be"
                },
            ),
        };
        // Very old Macs end lines with \r alone.
        let end = if !head.contains(&b'\n') && head.contains(&b'\r') {
            b'\r'
        } else {
            b'\n'
        };
        let lines = Self {
            input: Box::new(BufReader::with_capacity(64 << 10, input)),
            gb: encoding == Encoding::Gb18030,
            end,
            number: 0,
            bytes: Vec::new(),
            replaced: 0,
            foreign: 0,
        };
        Ok((lines, name))
    }

    /// The next line.
    pub(super) fn next(&mut self) -> Result<Option<Line>, FileError> {
        self.bytes.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e.into()),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let found = buffer.iter().position(|b| *b == self.end);
            let part = found.map_or(buffer, |at| &buffer[..at]);
            let room = MAX_LINE - self.bytes.len();
            too_long |= part.len() > room;
            self.bytes.extend_from_slice(&part[..part.len().min(room)]);
            let used = found.map_or(buffer.len(), |at| at + 1);
            self.input.consume(used);
            if found.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        let mut bytes = self.bytes.as_slice();
        if self.number == 1 {
            bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
        }
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let (text, foreign) = decode_line(bytes, self.gb);
        self.foreign += u64::from(foreign);
        if text.contains('\u{fffd}') {
            self.replaced += text.matches('\u{fffd}').count() as u64;
        }
        Ok(Some(Line {
            number: self.number,
            text,
            too_long,
        }))
    }
}

/// The text of a line, and whether it was in another encoding than the file (`gb`: GB18030, else
/// UTF-8).
pub(super) fn decode_line(bytes: &[u8], gb: bool) -> (String, bool) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // A few GB18030 characters may look like UTF-8 (联通 is the famous case).
        let short = text.chars().filter(|c| !c.is_ascii()).count() <= 4;
        if !gb || bytes.is_ascii() {
            return (text.to_owned(), false);
        }
        if short && gb_share(bytes) >= 0.99 && text.chars().any(|c| !c.is_ascii() && !is_usual(c)) {
            return (
                GB18030.decode_without_bom_handling(bytes).0.into_owned(),
                false,
            );
        }
        return (text.to_owned(), true);
    }
    if gb_share(bytes) > utf8_share(bytes) {
        (
            GB18030.decode_without_bom_handling(bytes).0.into_owned(),
            !gb,
        )
    } else {
        (String::from_utf8_lossy(bytes).into_owned(), gb)
    }
}

/// Whether Chinese texts use the character every day.
fn is_usual(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' | '\u{2010}'..='\u{2040}')
}

/// Share of the bytes beyond ASCII that are whole UTF-8 characters.
fn utf8_share(bytes: &[u8]) -> f64 {
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|b| !b.is_ascii()).count();
        bad += chunk.invalid().len();
    }
    if good + bad == 0 {
        1.0
    } else {
        good as f64 / (good + bad) as f64
    }
}

/// Share of the bytes beyond ASCII that are everyday characters of GB18030: signs (rows A1 to A3) and
/// the 3,755 commonest characters (rows B0 to D7). UTF-8 read as GB18030 gives rare ones.
fn gb_share(bytes: &[u8]) -> f64 {
    let (mut good, mut bad) = (0.0, 0.0);
    let mut i = 0;
    while i < bytes.len() {
        let lead = bytes[i];
        if lead < 0x80 {
            i += 1;
            continue;
        }
        match bytes.get(i + 1) {
            Some(0xa1..=0xfe) if matches!(lead, 0xa1..=0xa3 | 0xb0..=0xd7) => good += 2.0,
            // Less usual, still two bytes.
            Some(0x40..=0x7e | 0x80..=0xfe) => {
                good += 0.8;
                bad += 1.2;
            }
            Some(0x30..=0x39) if matches!(bytes.get(i + 2), Some(0x81..=0xfe)) => {
                good += 2.0;
                bad += 2.0;
                i += 2;
            }
            _ => {
                bad += 1.0;
                i += 1;
                continue;
            }
        }
        i += 2;
    }
    if good + bad == 0.0 {
        0.0
    } else {
        good / (good + bad)
    }
}

/// UTF-16 to UTF-8 as a stream.
struct Transcoder {
    input: Box<dyn Read + Send>,
    decoder: encoding_rs::Decoder,
    out: Vec<u8>,
    at: usize,
    done: bool,
}

impl Read for Transcoder {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.out.len() && !self.done {
            let mut raw = [0u8; 16 << 10];
            let n = self.input.read(&mut raw)?;
            self.done = n == 0;
            let mut text =
                String::with_capacity(self.decoder.max_utf8_buffer_length(n).unwrap_or(64 << 10));
            let _ = self
                .decoder
                .decode_to_string(&raw[..n], &mut text, self.done);
            self.out = text.into_bytes();
            self.at = 0;
        }
        let n = buf.len().min(self.out.len() - self.at);
        buf[..n].copy_from_slice(&self.out[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_in_its_own_encoding() {
        let gb = |t: &str| GB18030.encode(t).0.into_owned();
        assert_eq!(
            decode_line("话费多扣了".as_bytes(), false),
            ("话费多扣了".to_owned(), false)
        );
        assert_eq!(
            decode_line(&gb("话费多扣了，要求退费"), false),
            ("话费多扣了，要求退费".to_owned(), true)
        );
        assert_eq!(decode_line(&gb("联通"), true), ("联通".to_owned(), false));
        assert_eq!(
            decode_line("话费多扣了，要求退费".as_bytes(), true),
            ("话费多扣了，要求退费".to_owned(), true)
        );
        // A character cut in half at the start: still UTF-8, one replacement.
        let cut = &"信号不好，打不通电话，已经三天了".as_bytes()[1..];
        let (text, _) = decode_line(cut, false);
        assert!(text.ends_with("号不好，打不通电话，已经三天了"), "{text}");
    }
}
