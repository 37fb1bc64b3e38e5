//! One article's file: front matter between two `---`, then the text.

use plugin_sdk::time::rfc3339_seconds;
use plugin_sdk::{Article, BodyFormat, Failure, Receipt, RemoteState, Visibility, failure};

/// Begins the line that tells readers of a doubt.
const NOTICE: &str = "> **存疑 Doubtful:** ";

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleFile {
    text: String,
}

/// The text of a new file.
#[must_use]
pub fn render(article: &Article) -> String {
    let title = one_line(&article.title);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let list = |words: &[String]| serde_json::Value::from(words.to_vec()).to_string();
    let mut text = String::from("---\n");
    let mut line = |key: &str, value: String| text.push_str(&format!("{key}: {value}\n"));
    line("id", quoted(&article.id));
    line("title", quoted(&title));
    if let Some(topic) = article.attributes.iter().find(|a| a.name == "topic") {
        line("topic", quoted(&topic.value));
    }
    line("tags", list(&article.tags));
    line("locale", quoted(&article.locale));
    line(
        "visibility",
        match article.visibility {
            Visibility::Draft => "draft",
            Visibility::Internal => "internal",
            Visibility::Public => "public",
        }
        .to_owned(),
    );
    line("updated", quoted(&rfc3339_seconds(article.updated_at)));
    line("content_hash", quoted(&article.content_hash));
    line("status", "current".to_owned());
    text.push_str("---\n\n");
    text.push_str(&format!("# {}\n\n", escaped(&title)));
    let body = article.body.replace("\r\n", "\n");
    match article.format {
        BodyFormat::Markdown | BodyFormat::Html => text.push_str(body.trim_end()),
        BodyFormat::Plain => text.push_str(&escape_lines(body.trim_end())),
    }
    text.push('\n');
    ArticleFile { text }.sealed().text
}

impl ArticleFile {
    /// Any text: what is no article of ours shows in [`ArticleFile::state`].
    #[must_use]
    pub const fn parse(text: String) -> Self {
        Self { text }
    }

    /// The whole file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Changes with every edit, by whomever.
    #[must_use]
    pub fn version(&self) -> String {
        checksum(&self.text)
    }

    /// The receipts inside are empty: the caller knows the path.
    #[must_use]
    pub fn state(&self, article: &Article) -> RemoteState {
        let none = Receipt {
            external_ref: String::new(),
            external_version: None,
            url: None,
        };
        let ours = self.value("id").is_some_and(|id| id == article.id);
        if !ours || !self.is_sealed() {
            return RemoteState::ChangedRemotely(none);
        }
        let same = self
            .value("content_hash")
            .is_some_and(|hash| hash == article.content_hash);
        // A doubtful article is to be written again: new evidence takes the doubt away.
        if same && self.value("status").as_deref() == Some("current") {
            RemoteState::Unchanged(none)
        } else {
            RemoteState::Ours(none)
        }
    }

    /// # Errors
    /// `markdown.not_ours` when the front matter is not one of ours.
    pub fn must_be_ours(&self, path: &str) -> Result<(), Failure> {
        if self.value("id").is_some() && self.value("content_hash").is_some() {
            return Ok(());
        }
        Err(failure::invalid_input(
            "markdown.not_ours",
            format!("{path} is no article of this knowledge base"),
        ))
    }

    /// With a doubt for machines and readers. Doubting twice for the same reason changes nothing.
    #[must_use]
    pub fn doubted(&self, reason: &str) -> Self {
        let was_sealed = self.is_sealed();
        let notice = format!("{NOTICE}{}", escaped(&one_line(reason)));
        let mut lines: Vec<String> = Vec::new();
        let (mut fences, mut told) = (0, false);
        let mut skip_blank = false;
        for line in self.text.lines() {
            if skip_blank && line.is_empty() {
                skip_blank = false;
                continue;
            }
            skip_blank = false;
            if line == "---" && fences < 2 {
                fences += 1;
            }
            if fences == 1 && line.starts_with("status: ") {
                lines.push("status: doubtful".to_owned());
                continue;
            }
            if fences == 2 && line.starts_with(NOTICE) {
                skip_blank = true;
                continue;
            }
            lines.push(line.to_owned());
            if fences == 2 && !told && line.starts_with("# ") {
                told = true;
                lines.push(String::new());
                lines.push(notice.clone());
            }
        }
        if !told {
            lines.push(String::new());
            lines.push(notice);
        }
        let mut text = lines.join("\n");
        text.push('\n');
        let marked = Self { text };
        // Sealing an edited file would hide the edit.
        if was_sealed { marked.sealed() } else { marked }
    }

    /// With a fresh checksum as the last line of the front matter.
    fn sealed(self) -> Self {
        let bare = without_checksum(&self.text);
        let sum = checksum(&bare);
        let text = bare.replacen("\n---\n", &format!("\nchecksum: \"{sum}\"\n---\n"), 1);
        Self { text }
    }

    /// Whether nobody edited the file since we wrote it.
    fn is_sealed(&self) -> bool {
        self.value("checksum")
            .is_some_and(|sum| sum == checksum(&without_checksum(&self.text)))
    }

    /// A value of the front matter.
    fn value(&self, key: &str) -> Option<String> {
        let front = self.text.strip_prefix("---\n")?.split_once("\n---\n")?.0;
        let raw = front
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))?;
        match serde_json::from_str::<String>(raw) {
            Ok(text) => Some(text),
            Err(_) => Some(raw.to_owned()),
        }
    }
}

/// The checksum's own line does not count; only the first, in the front matter, is one.
fn without_checksum(text: &str) -> String {
    let Some((front, rest)) = text.split_once("\n---\n") else {
        return text.to_owned();
    };
    let kept: Vec<&str> = front
        .lines()
        .filter(|line| !line.starts_with("checksum: "))
        .collect();
    format!("{}\n---\n{rest}", kept.join("\n"))
}

/// FNV-1a: finds edits, withstands no forger, who could write the file anyway.
fn checksum(text: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file of synonyms: (what people say, official term), sorted, each once.
#[must_use]
pub fn synonyms(terms: &[(String, String)]) -> String {
    let mut terms: Vec<_> = terms.iter().collect();
    terms.sort();
    terms.dedup();
    let mut text =
        "# 同义词 Synonyms\n\n| 客户说法 people say | 正式用语 official term |\n|---|---|\n"
            .to_owned();
    for (said, official) in terms {
        text.push_str(&format!("| {} | {} |\n", escaped(said), escaped(official)));
    }
    text
}

/// Plain words in a line of Markdown.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Plain text as Markdown that reads the same: lines stay lines, nothing becomes markup.
fn escape_lines(text: &str) -> String {
    let line = |line: &str| {
        let mut safe = escaped(line);
        let digits = safe.chars().take_while(char::is_ascii_digit).count();
        if safe.starts_with(['-', '+', '=']) {
            safe.insert(0, '\\');
        } else if digits > 0 && safe[digits..].starts_with(['.', ')']) {
            safe.insert(digits, '\\');
        }
        safe
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        out.push_str(line);
        if let Some(next) = lines.get(number + 1) {
            // A hard break keeps a line break inside a paragraph.
            out.push_str(if line.is_empty() || next.is_empty() {
                "\n"
            } else {
                "\\\n"
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_civil() {
        assert_eq!(rfc3339_seconds(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339_seconds(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339_seconds(1_767_139_199_999), "2025-12-30T23:59:59Z");
        assert_eq!(rfc3339_seconds(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn plain_text_stays_plain() {
        assert_eq!(escape_lines("a*b\n- c\n\n1. d"), "a\\*b\\\n\\- c\n\n1\\. d");
        assert_eq!(
            escaped("<script> [x](y) | z"),
            "\\<script\\> \\[x\\](y) \\| z"
        );
    }
}
