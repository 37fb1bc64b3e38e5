//! Mails as they really arrive: the forms of RFC 5322, RFC 2047 and RFC 2046
//! (<https://www.rfc-editor.org/rfc/rfc5322>, <https://www.rfc-editor.org/rfc/rfc2047>,
//! <https://www.rfc-editor.org/rfc/rfc2046>), the numbering of RFC 9051 section 2.3.1.1
//! (<https://www.rfc-editor.org/rfc/rfc9051#section-2.3.1.1>).
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use mailbox::Mailbox;
use plugin_sdk::connector::{Acker, Cursor, Item, Next, Page, PullMode, PullRequest, Puller};
use plugin_sdk::testing::{Folder, Host, Mailbox as Box};
use plugin_sdk::{Failure, FailureClass, Lifecycle};
use serde_json::json;

fn pull(host: &Host, cursor: Option<Cursor>, max_items: u32) -> Result<Page, Failure> {
    host.run(|| {
        Mailbox::open()?.pull(&PullRequest {
            stream_name: plugin_sdk::connector::stream_name("INBOX"),
            mode: PullMode::Incremental,
            cursor,
            since: None,
            until: None,
            max_items,
        })
    })
}

fn one(raw: &[u8]) -> Item {
    let host = Host::new().mailbox(Box::inbox(Folder::of(1, &[raw])));
    let mut page = pull(&host, None, 10).unwrap();
    assert_eq!(page.items.len(), 1, "{page:?}");
    page.items.remove(0)
}

fn plain(id: &str) -> Vec<u8> {
    format!("From: a@b.cn\r\nDate: Thu, 1 Jan 2026 08:00:00 +0800\r\nMessage-ID: <{id}@b.cn>\r\nSubject: s\r\n\r\nhello {id}\r\n").into_bytes()
}

/// A subject in two encoded words and a body in GBK, as older clients in China write.
#[test]
fn chinese_in_gbk_with_encoded_subject() {
    let mut raw = b"From: =?GBK?B?1cXI/Q==?= <Zhang@Example.COM>\r\nDate: Thu, 1 Jan 2026 09:30:00 +0800\r\n\
        Message-ID: <1@example.com>\r\nSubject: =?gb2312?B?v+20+A==?= =?GBK?B?ucrVzw==?=\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=\"gbk\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".to_vec();
    // 网速太慢了
    raw.extend_from_slice(&[0xcd, 0xf8, 0xcb, 0xd9, 0xcc, 0xab, 0xc2, 0xfd, 0xc1, 0xcb]);
    let item = one(&raw);
    assert_eq!(item.text.as_deref(), Some("网速太慢了"));
    assert_eq!(item.title.as_deref(), Some("宽带故障"));
    assert_eq!(item.customer_ref.as_deref(), Some("zhang@example.com"));
    assert_eq!(item.occurred_at, Some("2026-01-01T01:30:00.000Z".into()));
    assert_eq!(item.external_id, "1@example.com");
}

/// U+20087 (𠂇) exists in GB18030 only, as four bytes (0x95329031).
#[test]
fn gb18030_beyond_gbk_in_base64() {
    let raw = "From: a@b.cn\r\nDate: Thu, 1 Jan 2026 08:00:00 +0800\r\nMessage-ID: <2@b>\r\nSubject: x\r\n\
        Content-Type: text/plain; charset=GB18030\r\nContent-Transfer-Encoding: base64\r\n\r\nlTKQMQ==\r\n";
    assert_eq!(one(raw.as_bytes()).text.as_deref(), Some("\u{20087}"));
}

#[test]
fn html_only_becomes_text_and_attachments_are_counted() {
    let raw = "From: a@b.cn\r\nDate: Thu, 1 Jan 2026 08:00:00 +0800\r\nMessage-ID: <3@b>\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"B\"\r\n\r\n--B\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
        <html><body><p>账单&nbsp;错了</p><script>alert(1)</script></body></html>\r\n--B\r\n\
        Content-Type: image/png; name=\"a.png\"\r\nContent-Disposition: attachment; filename=\"a.png\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--B--\r\n";
    let item = one(raw.as_bytes());
    let text = item.text.unwrap();
    assert!(
        text.contains("账单") && text.contains("错了") && !text.contains('<'),
        "{text}"
    );
    let attachments = item
        .attributes
        .iter()
        .find(|a| a.name == "attachments")
        .unwrap();
    assert_eq!(attachments.value, "1");
}

#[test]
fn an_answer_belongs_to_its_thread_and_keeps_its_own_words() {
    let raw = "From: a@b.cn\r\nDate: Thu, 1 Jan 2026 08:00:00 +0800\r\nMessage-ID: <9@b>\r\nSubject: Re: x\r\n\
        References: <first@b> <second@b>\r\nIn-Reply-To: <second@b>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        还是没有解决\r\n> 您好\r\n------------------ 原始邮件 ------------------\r\n发件人: 客服\r\n旧的内容\r\n";
    let item = one(raw.as_bytes());
    assert_eq!(item.thread_id.as_deref(), Some("first@b"));
    assert_eq!(item.text.as_deref(), Some("还是没有解决"));
    assert_eq!(one(&plain("7")).thread_id.as_deref(), Some("7@b.cn"));
}

#[test]
fn mails_come_once_in_pages_and_later_ones_after_them() {
    let mails: Vec<Vec<u8>> = (1..=5).map(|n| plain(&n.to_string())).collect();
    let raw: Vec<&[u8]> = mails.iter().map(Vec::as_slice).collect();
    let host = Host::new().mailbox(Box::inbox(Folder::of(7, &raw)));
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let page = pull(&host, cursor, 2).unwrap();
        ids.extend(page.items.iter().map(|i| i.external_id.clone()));
        cursor = Some(page.cursor);
        if page.next != Next::More {
            break;
        }
    }
    assert_eq!(ids, ["1@b.cn", "2@b.cn", "3@b.cn", "4@b.cn", "5@b.cn"]);
    let idle = pull(&host, cursor.clone(), 2).unwrap();
    assert_eq!((idle.items.len(), Some(&idle.cursor)), (0, cursor.as_ref()));
    host.change_mailbox(|m| m.folders.get_mut("INBOX").unwrap().add(&plain("6"), None));
    assert_eq!(
        pull(&host, cursor, 2).unwrap().items[0].external_id,
        "6@b.cn"
    );
}

#[test]
fn another_numbering_starts_over_with_the_same_identifiers() {
    let (a, b) = (
        plain("1"),
        b"From: a@b.cn\r\nDate: Thu, 1 Jan 2026 08:00:00 +0800\r\n\r\nno id\r\n".to_vec(),
    );
    let host = Host::new().mailbox(Box::inbox(Folder::of(7, &[&a, &b])));
    let first = pull(&host, None, 10).unwrap();
    host.change_mailbox(|m| *m = Box::inbox(Folder::of(8, &[&b, &a])));
    let failure = pull(&host, Some(first.cursor.clone()), 10).unwrap_err();
    assert_eq!(failure.class, FailureClass::CursorExpired);
    let ids = |page: &Page| {
        let mut ids: Vec<_> = page.items.iter().map(|i| i.external_id.clone()).collect();
        ids.sort();
        ids
    };
    let again = pull(&host, None, 10).unwrap();
    assert_eq!(ids(&again), ids(&first));
    assert!(ids(&first)[1].starts_with("bytes-"));
}

#[test]
fn cursors_that_cannot_be_start_over() {
    let host = Host::new().mailbox(Box::inbox(Folder::of(7, &[&plain("1")])));
    for value in ["{\"validity\":7,\"uid\":4000000000}", "garbage"] {
        let cursor = Cursor {
            format: 1,
            value: value.to_owned(),
        };
        let failure = pull(&host, Some(cursor), 10).unwrap_err();
        assert_eq!(failure.class, FailureClass::CursorExpired, "{value}");
    }
}

#[test]
fn only_new_mails_own_mails_and_what_is_none() {
    let host = Host::new()
        .settings(json!({"start": "new", "own_addresses": ["@corp.cn"]}))
        .mailbox(Box::inbox(Folder::of(1, &[&plain("old")])));
    let begin = pull(&host, None, 10).unwrap();
    assert_eq!(begin.items.len(), 0);
    host.change_mailbox(|m| {
        let inbox = m.folders.get_mut("INBOX").unwrap();
        inbox.add(
            b"From: kefu@Corp.cn\r\nDate: Thu, 1 Jan 2026 08:00:00 +0800\r\n\r\nours\r\n",
            None,
        );
        inbox.add(b"\x00\x01\x02", None);
        inbox.add(&plain("new"), None);
        inbox.add(&plain("new"), None);
    });
    let page = pull(&host, Some(begin.cursor), 10).unwrap();
    let ids: Vec<&str> = page.items.iter().map(|i| i.external_id.as_str()).collect();
    assert_eq!(ids, ["new@b.cn"], "a copy counts once");
    assert_eq!(page.rejected.len(), 1);
}

#[test]
fn mails_are_marked_as_read_after_they_were_kept() {
    let host = Host::new()
        .settings(json!({"mark_seen": true}))
        .mailbox(Box::inbox(Folder::of(3, &[&plain("1"), &plain("2")])));
    let page = pull(&host, None, 10).unwrap();
    assert!(host.seen("INBOX").is_empty());
    host.run(|| Mailbox::ack(&page.ack_tokens)).unwrap();
    host.run(|| Mailbox::ack(&["2 1 INBOX".to_owned(), "nonsense".to_owned()]))
        .unwrap();
    assert_eq!(host.seen("INBOX"), [1, 2]);
}

#[test]
fn without_a_grant_it_is_refused() {
    let host = Host::new();
    for failure in [
        pull(&host, None, 1).unwrap_err(),
        host.run(Mailbox::check).unwrap_err(),
    ] {
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (FailureClass::Config, "imap.denied")
        );
    }
}
