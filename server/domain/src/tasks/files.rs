//! Which files can be attached to a task.

use super::Refused;

/// Bytes of a file.
pub const MOST_BYTES: usize = 10 * 1024 * 1024;
/// Files of a task.
pub const MOST_FILES: usize = 20;
/// Bytes of all files of a task.
pub const MOST_TOTAL: usize = 50 * 1024 * 1024;

/// What can be attached, by the end of its name. Nothing that a double click runs, and nothing that a
/// browser would run.
pub const ALLOWED: [&str; 33] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "wps", "et", "dps", "odt", "ods", "odp",
    "csv", "txt", "md", "rtf", "png", "jpg", "jpeg", "gif", "webp", "heic", "bmp", "mp4", "mov",
    "mp3", "m4a", "wav", "zip", "eml", "msg", "ics",
];

/// How files of some types begin. Who renames a program keeps its beginning.
const BEGINNINGS: [(&[&str], &[&[u8]]); 4] = [
    (&["png"], &[b"\x89PNG"]),
    (&["jpg", "jpeg"], &[b"\xff\xd8\xff"]),
    (&["gif"], &[b"GIF8"]),
    (
        &["docx", "xlsx", "pptx", "zip", "odt", "ods", "odp"],
        &[b"PK"],
    ),
];

/// How programs begin, whatever they are called.
const PROGRAMS: [&[u8]; 6] = [
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xfe\xed\xfa\xcf",
];

/// What is attached already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// Whether a file can be attached.
///
/// # Errors
///
/// `required`, `type_not_allowed`, `type_mismatch`, `too_large`, `too_many` or `too_large_together`.
pub fn check(name: &str, content: &[u8], kept: Kept) -> Result<(), Refused> {
    let refuse = |code, detail: String| {
        Err(Refused::Field {
            field: "file",
            code,
            detail,
        })
    };
    if content.is_empty() {
        return refuse("required", "the file is empty".into());
    }
    let (stem, kind) = name.rsplit_once('.').unwrap_or(("", ""));
    let kind = kind.to_ascii_lowercase();
    if stem.is_empty() || !ALLOWED.contains(&kind.as_str()) {
        return refuse(
            "type_not_allowed",
            format!("allowed: {}", ALLOWED.join(", ")),
        );
    }
    if content.len() > MOST_BYTES {
        return refuse("too_large", "a file has at most 10 MiB".into());
    }
    let begins = |with: &&[u8]| content.starts_with(with);
    let expected = BEGINNINGS
        .iter()
        .find(|(kinds, _)| kinds.contains(&kind.as_str()));
    if PROGRAMS.iter().any(begins) || expected.is_some_and(|(_, all)| !all.iter().any(begins)) {
        return refuse("type_mismatch", format!("the content is no {kind}"));
    }
    if kept.files >= MOST_FILES {
        return refuse("too_many", format!("a task has at most {MOST_FILES} files"));
    }
    if kept.bytes + content.len() > MOST_TOTAL {
        return refuse(
            "too_large_together",
            "the files of a task have at most 50 MiB together".into(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, content: &[u8], kept: Kept) -> &'static str {
        match check(name, content, kept) {
            Ok(()) => "",
            Err(Refused::Field { code, .. }) => code,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_kept_and_what_not() {
        let kept = Kept::default();
        for (name, content, expected) in [
            ("方案.PDF", &b"%PDF-1.7"[..], ""),
            ("notes.txt", b"hello", ""),
            ("shot.jpg", b"\xff\xd8\xff\xe0", ""),
            ("a.xlsx", b"PK\x03\x04", ""),
            ("empty.txt", b"", "required"),
            ("run.exe", b"MZ", "type_not_allowed"),
            ("page.html", b"<p>", "type_not_allowed"),
            ("pic.svg", b"<svg", "type_not_allowed"),
            ("noname", b"x", "type_not_allowed"),
            (".pdf", b"%PDF", "type_not_allowed"),
            ("renamed.pdf", b"MZ\x90", "type_mismatch"),
            ("renamed.txt", b"\x7fELF", "type_mismatch"),
            ("script.csv", b"#!/bin/sh", "type_mismatch"),
            ("not.png", b"%PDF", "type_mismatch"),
        ] {
            assert_eq!(code(name, content, kept), expected, "{name}");
        }
    }

    #[test]
    fn limits_hold_exactly() {
        let most = vec![b'x'; MOST_BYTES];
        assert_eq!(code("a.txt", &most, Kept::default()), "");
        assert_eq!(
            code("a.txt", &vec![b'x'; MOST_BYTES + 1], Kept::default()),
            "too_large"
        );
        let files = |files| Kept { files, bytes: 0 };
        assert_eq!(code("a.txt", b"x", files(MOST_FILES - 1)), "");
        assert_eq!(code("a.txt", b"x", files(MOST_FILES)), "too_many");
        let bytes = |bytes| Kept { files: 1, bytes };
        assert_eq!(code("a.txt", b"x", bytes(MOST_TOTAL - 1)), "");
        assert_eq!(code("a.txt", b"x", bytes(MOST_TOTAL)), "too_large_together");
    }
}
