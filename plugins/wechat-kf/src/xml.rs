//! The few elements of a callback. Its XML is flat, made by one service and authentic, so a whole
//! parser would only add code.

/// The text of the first element of this name, with or without CDATA. `None`: not there or empty.
pub fn text(xml: &str, name: &str) -> Option<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let start = xml.find(&open)? + open.len();
    let inner = &xml[start..];
    let inner = &inner[..inner.find(&close)?];
    let plain = match inner.trim().strip_prefix("<![CDATA[") {
        Some(rest) => rest.strip_suffix("]]>")?.to_owned(),
        None => inner
            .trim()
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    };
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn elements_with_and_without_cdata() {
        let xml = "<xml><A><![CDATA[a<b]]></A><Number>7</Number><C>x&amp;lt;</C><D></D></xml>";
        assert_eq!(text(xml, "A").as_deref(), Some("a<b"));
        assert_eq!(text(xml, "Number").as_deref(), Some("7"));
        assert_eq!(text(xml, "C").as_deref(), Some("x&lt;"));
        assert_eq!(text(xml, "D"), None);
        assert_eq!(text(xml, "E"), None);
        assert_eq!(text("<A>", "A"), None);
    }
}
