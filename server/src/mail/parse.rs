//! From bytes to what the rules read: MIME, character sets, attachments. Decides nothing.

use domain::mail::{FILE_LIMIT, FILES, Incoming};
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of a picture inside the text from which on it is something to keep: below are logos of signatures.
const PICTURE: usize = 20 * 1024;

/// A file that came with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Name without folders.
    pub name: String,
    /// As the sender says.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A mail, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// For the rules.
    pub mail: Incoming,
    /// Files to keep, within the limits.
    pub files: Vec<File>,
    /// Names of files that are too large or too many.
    pub left_out: Vec<String>,
}

/// Takes a mail apart. `None`: these bytes are no mail.
#[must_use]
pub fn parse(raw: &[u8]) -> Option<Parsed> {
    // What arrives is written by anybody: a panic of the parser must not end the reader.
    catch_unwind(AssertUnwindSafe(|| {
        MessageParser::default().parse(raw).map(|m| take_apart(&m))
    }))
    .ok()
    .flatten()
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(text) => vec![text.to_string()],
        HeaderValue::TextList(list) => list.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn header_text(message: &Message<'_>) -> String {
    message
        .headers_raw()
        .map(|(name, value)| format!("{name}: {}\n", value.trim_end()))
        .collect()
}

/// The text of HTML. The parser breaks lines at `<br>` only; clients write a line a block.
fn lines_of(html: &str) -> String {
    const BLOCKS: [&str; 10] = [
        "</div",
        "</p",
        "</tr",
        "</li",
        "</table",
        "</blockquote",
        "</h1",
        "</h2",
        "</h3",
        "</pre",
    ];
    let lower = html.to_ascii_lowercase();
    let mut broken = String::with_capacity(html.len() + html.len() / 8);
    let mut copied = 0;
    for (at, _) in lower.match_indices("</") {
        let ends = |block: &str| {
            lower[at..]
                .strip_prefix(block)
                .is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c.is_ascii_whitespace()))
        };
        if BLOCKS.iter().any(|block| ends(block)) {
            broken.push_str(&html[copied..at]);
            broken.push_str("<br>");
            copied = at;
        }
    }
    broken.push_str(&html[copied..]);
    mail_parser::decoders::html::html_to_text(&broken)
}

/// Every text body, one after the other: Apple Mail writes several around an attachment.
fn text_of(message: &Message<'_>) -> String {
    let bodies: Vec<String> = message
        .text_body
        .iter()
        .take(20)
        .filter_map(|part| message.part(*part))
        .filter_map(|part| match &part.body {
            PartType::Text(text) => Some(text.to_string()),
            PartType::Html(html) => Some(lines_of(html)),
            _ => None,
        })
        .collect();
    bodies.join("\n").trim().to_owned()
}

fn take_apart(message: &Message<'_>) -> Parsed {
    let headers = message
        .headers_raw()
        .take(500)
        .map(|(name, value)| {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            (name.to_ascii_lowercase(), value)
        })
        .collect();
    let mut references = ids(message.in_reply_to());
    references.extend(ids(message.references()).into_iter().rev());
    let html_text = message
        .body_html(0)
        .map(|html| lines_of(&html))
        .unwrap_or_default();
    let text = match text_of(message) {
        // An empty text beside a full HTML part is a bad habit of some clients.
        text if text.is_empty() => html_text.trim().to_owned(),
        text => text,
    };
    let mut delivery_status = None;
    let mut reported_header = None;
    let mut files = Vec::new();
    let mut left_out = Vec::new();
    for part in &message.parts {
        let of = |kind: &str, sub: &str| part.is_content_type(kind, sub);
        if of("message", "delivery-status") {
            delivery_status = Some(String::from_utf8_lossy(part.contents()).into_owned());
        } else if of("text", "rfc822-headers") {
            reported_header = Some(String::from_utf8_lossy(part.contents()).into_owned());
        } else if let PartType::Message(inner) = &part.body {
            reported_header.get_or_insert_with(|| header_text(inner));
        }
    }
    for part in message.attachments() {
        let (media_type, is_picture) = part.content_type().map_or_else(
            || ("application/octet-stream".to_owned(), false),
            |c| {
                let sub = c.subtype().unwrap_or("octet-stream");
                (format!("{}/{sub}", c.ctype()), c.ctype() == "image")
            },
        );
        let content = part.contents();
        let inside = part
            .content_disposition()
            .is_none_or(|d| !d.is_attachment());
        let logo = is_picture && inside && content.len() < PICTURE;
        if content.is_empty()
            || logo
            || media_type.starts_with("message/")
            || media_type == "text/calendar"
        {
            continue;
        }
        let name = part.attachment_name().unwrap_or("attachment");
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = match super::clean_name(name, 120) {
            name if name.is_empty() => "attachment".to_owned(),
            name => name,
        };
        if content.len() > FILE_LIMIT || files.len() >= FILES {
            left_out.push(name);
        } else {
            files.push(File {
                name,
                media_type: super::clean_name(&media_type, 100),
                content: content.to_vec(),
            });
        }
    }
    left_out.truncate(50);
    Parsed {
        mail: Incoming {
            headers,
            from: message
                .from()
                .and_then(|from| from.first())
                .and_then(|a| a.address())
                .map(str::to_lowercase)
                .filter(|a| a.len() <= 320),
            subject: super::clean_name(message.subject().unwrap_or_default(), 500),
            message_id: message.message_id().map(str::to_owned),
            references,
            text,
            html_text,
            delivery_status,
            reported_header,
        },
        files,
        left_out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same words in the character sets of Chinese clients.
    #[test]
    fn character_sets_of_chinese_clients_are_read() {
        for (charset, encoding) in [
            ("GBK", encoding_rs::GBK),
            ("gb2312", encoding_rs::GBK),
            ("GB18030", encoding_rs::GB18030),
            ("Big5", encoding_rs::BIG5),
            ("utf-8", encoding_rs::UTF_8),
        ] {
            let words = if charset == "Big5" {
                "接受\r\n進度"
            } else {
                "接受\r\n进度"
            };
            let (body, _, lost) = encoding.encode(words);
            assert!(!lost, "{charset}");
            let mut raw = format!(
                "From: =?utf-8?B?5p2O6Zu3?= <Li@Example.com>\r\nSubject: =?GBK?B?vdPK3A==?=\r\n\
                 Message-ID: <1@example.com>\r\nIn-Reply-To: <b@x>\r\nReferences: <a@x>\r\n <b@x>\r\n\
                 MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\n\
                 Content-Transfer-Encoding: 8bit\r\n\r\n"
            )
            .into_bytes();
            raw.extend_from_slice(&body);
            let mail = parse(&raw).unwrap().mail;
            assert_eq!(
                mail.text.replace("\r\n", "\n"),
                words.replace("\r\n", "\n"),
                "{charset}"
            );
            assert_eq!(mail.subject, "接受");
            assert_eq!(mail.from.as_deref(), Some("li@example.com"));
            assert_eq!(mail.references, ["b@x", "b@x", "a@x"]);
            assert_eq!(mail.header("in-reply-to"), Some("<b@x>"));
        }
    }

    #[test]
    fn html_alone_becomes_text() {
        let raw = "From: li@qq.com\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
                   <div>接受</div><div><br></div><div>------------------&nbsp;原始邮件&nbsp;------------------</div>\
                   <div>发件人: x</div><div>BH-7K3QX-9M2TC-4PDHW-0ABCD</div>";
        let mail = parse(raw.as_bytes()).unwrap().mail;
        assert_eq!(
            domain::mail::quote::own_words(&mail.text, |_| false),
            "接受",
            "{:?}",
            mail.text
        );
        assert_eq!(
            domain::mail::marks::find(&mail).tokens,
            ["7K3QX9M2TC4PDHW0ABCD"]
        );
    }

    #[test]
    fn files_are_kept_and_logos_are_not() {
        let picture = |size: usize, how: &str, name: &str| {
            format!(
                "--b\r\nContent-Type: image/png; name=\"{name}\"\r\nContent-Disposition: {how}; filename=\"{name}\"\r\n\
                 Content-ID: <{name}>\r\n\r\n{}\r\n",
                "x".repeat(size)
            )
        };
        let mut raw = "From: li@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                       --b\r\nContent-Type: text/plain\r\n\r\ndone: see file\r\n"
            .to_owned();
        raw.push_str(&picture(500, "inline", "logo.png"));
        raw.push_str(&picture(30_000, "inline", "screen.png"));
        raw.push_str(&picture(500, "attachment", "..\\\\..\\\\small.png"));
        raw.push_str(&picture(FILE_LIMIT + 1, "attachment", "film.png"));
        raw.push_str("--b--\r\n");
        let parsed = parse(raw.as_bytes()).unwrap();
        let names: Vec<&str> = parsed.files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["screen.png", "small.png"]);
        assert_eq!(parsed.left_out, ["film.png"]);
        assert_eq!(parsed.mail.text, "done: see file");
    }

    #[test]
    fn a_report_is_taken_apart() {
        let raw = "From: MAILER-DAEMON@mx.example.com\r\nSubject: Undelivered\r\n\
                   Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
                   --b\r\nContent-Type: text/plain\r\n\r\nI am sorry\r\n\
                   --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n\
                   Final-Recipient: rfc822; wang@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
                   --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <task-1@example.com>\r\nFrom: voc@example.com\r\n\r\nbody\r\n\
                   --b--\r\n";
        let parsed = parse(raw.as_bytes()).unwrap();
        let report = domain::mail::bounce::read(&parsed.mail).unwrap();
        assert_eq!(report.mail.as_deref(), Some("task-1@example.com"));
        assert_eq!(report.recipients[0].addresses, ["wang@example.com"]);
        assert!(parsed.files.is_empty(), "{:?}", parsed.files);
    }

    #[test]
    fn bytes_that_are_no_mail_end_nothing() {
        for raw in [&b""[..], b"\0\0\0", b"\r\n\r\n", b"From", &[0xff; 300]] {
            let _ = parse(raw).map(|p| domain::mail::automatic(&p.mail, &[]));
        }
    }
}
