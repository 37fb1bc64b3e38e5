//! Marks by which an answer finds its task: a secret line in the body, a tag in the subject, the
//! headers of the thread. Only the secret proves a right; see [`Found`].

use super::Incoming;

/// Letters of marks: Crockford's base 32, without `I`, `L`, `O` and `U`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a secret: 100 bits.
const TOKEN: usize = 20;
/// Letters of a subject tag: 50 bits, a name and no secret.
const TAG: usize = 10;

/// What leads to the task, strongest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Secrets in the body, as written on [`token`]: whoever has one may do what its mail offered, like
    /// the holder of the link in the same mail.
    pub tokens: Vec<String>,
    /// The tag of the subject: names the task, proves nothing.
    pub tag: Option<String>,
    /// Left parts of Message-IDs that it answers, nearest first: name a mail of ours, prove nothing.
    pub mails: Vec<String>,
}

/// What proves that an answer may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The secret line stood in the body: possession counts, whatever the sender's address.
    Token,
    /// Subject tag: the writer must be the person who is asked.
    Subject,
    /// `References` or `In-Reply-To`: likewise.
    Headers,
}

impl Found {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::Headers => "headers",
        }
    }
}

fn letters(bits: &[u8], n: usize) -> String {
    let bit = |i: usize| bits.get(i / 8).map_or(0, |b| (b >> (7 - i % 8)) & 1);
    (0..n)
        .map(|k| {
            let value = (0..5).fold(0_usize, |v, i| v << 1 | usize::from(bit(k * 5 + i)));
            char::from(ALPHABET[value])
        })
        .collect()
}

/// The secret of a mail as people see it, from a keyed hash of at least 13 bytes:
/// `BH-XXXXX-XXXXX-XXXXX-XXXXX`.
#[must_use]
pub fn token(hash: &[u8]) -> String {
    let all = letters(hash, TOKEN);
    let groups: Vec<&str> = (0..4).map(|n| &all[n * 5..n * 5 + 5]).collect();
    format!("BH-{}", groups.join("-"))
}

/// The tag of a task, from a keyed hash of at least 7 bytes: ten letters.
#[must_use]
pub fn tag(hash: &[u8]) -> String {
    letters(hash, TAG)
}

/// How a tag stands in a subject.
#[must_use]
pub fn in_subject(tag: &str) -> String {
    format!("[BH-{tag}]")
}

/// A letter of a mark as people and programs may have changed it.
fn letter(c: char) -> Option<char> {
    let c = super::plain_char(c).to_ascii_uppercase();
    let c = match c {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    (c.is_ascii() && ALPHABET.contains(&(c as u8))).then_some(c)
}

/// Places behind every `BH-` of a text.
fn starts(text: &[char]) -> impl Iterator<Item = usize> + '_ {
    let is = move |at: usize, c: char| {
        text.get(at)
            .is_some_and(|found| super::plain_char(*found) == c)
    };
    (0..text.len()).filter_map(move |at| {
        let dash = is(at + 2, '-') || text.get(at + 2).is_some_and(|c| "–—‐‑".contains(*c));
        (is(at, 'b') && is(at + 1, 'h') && dash).then_some(at + 3)
    })
}

/// Every secret in a text. Mail programs wrap lines, quote them and put entities in between: what is no
/// letter is skipped, within reason.
#[must_use]
pub fn tokens_in(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().take(400_000).collect();
    let mut found: Vec<String> = Vec::new();
    for start in starts(&text) {
        let mut all = String::new();
        let mut skipped = 0;
        for c in &text[start..text.len().min(start + 80)] {
            match letter(*c) {
                Some(c) => {
                    all.push(c);
                    skipped = 0;
                }
                None if skipped < 6 && (c.is_whitespace() || "-–—‐‑>|*_ \u{200b}".contains(*c)) =>
                {
                    skipped += 1;
                }
                None => break,
            }
            if all.len() == TOKEN {
                break;
            }
        }
        if all.len() == TOKEN && !found.contains(&all) {
            found.push(all);
        }
        if found.len() == 20 {
            break;
        }
    }
    found
}

/// The letters of a secret that was made by [`token`]: what [`tokens_in`] finds.
#[must_use]
pub fn bare(token: &str) -> String {
    token
        .strip_prefix("BH-")
        .unwrap_or(token)
        .chars()
        .filter_map(letter)
        .collect()
}

/// The last tag of a subject: forwarded subjects may hold several.
#[must_use]
pub fn tag_in(subject: &str) -> Option<String> {
    let text: Vec<char> = subject.chars().take(1000).collect();
    starts(&text)
        .filter_map(|start| {
            let all: String = text[start..].iter().map_while(|c| letter(*c)).collect();
            let closed = text
                .get(start + TAG)
                .is_some_and(|c| matches!(super::plain_char(*c), ']' | '】'));
            (all.len() == TAG && closed).then_some(all)
        })
        .last()
}

/// Every mark of a mail.
#[must_use]
pub fn find(mail: &Incoming) -> Marks {
    let mut tokens = tokens_in(&mail.text);
    for token in tokens_in(&mail.html_text) {
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    Marks {
        tokens,
        tag: tag_in(&mail.subject),
        mails: mail
            .references
            .iter()
            .filter_map(|id| id.split('@').next())
            .filter(|left| !left.is_empty() && left.len() <= 100)
            .map(str::to_owned)
            .take(50)
            .collect(),
    }
}

/// Whether the receiving server says that the address of the writer is forged: DMARC failed, or neither
/// SPF nor DKIM held (RFC 8601). Only the first field counts: the nearest server wrote it, those below
/// may come from anybody.
#[must_use]
pub fn is_forged(mail: &Incoming) -> bool {
    let Some(results) = mail.header("authentication-results") else {
        return false;
    };
    let results = results.to_ascii_lowercase();
    let says = |method: &str, result: &str| {
        results
            .split([';', ' ', '\t'])
            .any(|part| part.strip_prefix(method) == Some(&format!("={result}")))
    };
    says("dmarc", "fail")
        || ((says("spf", "fail") || says("spf", "softfail"))
            && !says("dkim", "pass")
            && !says("dmarc", "pass"))
}
