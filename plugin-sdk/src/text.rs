//! Texts for services with limits.

/// The text, cut at a character so that it has at most `bytes` bytes, with `…` where it was cut.
#[must_use]
pub fn fit(text: &str, bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = bytes.saturating_sub(MARK.len());
    let end = (0..=end)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let mark = if bytes < MARK.len() { "" } else { MARK };
    format!("{}{mark}", &text[..end])
}

/// Those of the people to mention that are telephone numbers, as chats of China know people.
pub fn phones(mention: &[String]) -> impl Iterator<Item = &str> {
    mention.iter().map(String::as_str).filter(|who| {
        let digits = who.trim_start_matches('+');
        (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!(fit("甲乙丙", 9), "甲乙丙");
        assert_eq!(fit("甲乙丙", 8), "甲…");
        assert_eq!(fit("甲乙丙", 2), "");
        for bytes in 0..20 {
            assert!(fit("a甲b乙c丙d丁", bytes).len() <= bytes);
        }
    }

    #[test]
    fn people_are_telephone_numbers() {
        let who = ["13800001111", "+8613800001111", "a@b.cn", "12", "x1234567"].map(str::to_owned);
        assert_eq!(
            phones(&who).collect::<Vec<_>>(),
            ["13800001111", "+8613800001111"]
        );
    }
}
