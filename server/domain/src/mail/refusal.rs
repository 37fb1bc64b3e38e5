//! What a mail server's refusal is about: us, or the mail that it was asked to carry.

/// What stands between us and a mail server, whatever mail is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// It does not let us in: user, password (授权码), or no encryption.
    LogIn,
    /// It lets us in, and not send in that name.
    Sender,
    /// It cannot be reached, or does not talk to us.
    Server,
}

impl Ours {
    /// The stable name: why a mail waits.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogIn => "mail_login",
            Self::Sender => "mail_sender",
            Self::Server => "mail_server",
        }
    }
}

/// Words for a sender that is not the log-in's own: QQ, Exmail, 163, Postfix, Exchange.
const SENDER: [&str; 6] = [
    "mail from must",
    "mail from address must",
    "same as authorization user",
    "equal authorized user",
    "not owned by user",
    "sendasdenied",
];

/// Whether an answer is about us, by its code (RFC 4954, section 6; RFC 3207) and its words. `None`: it may be about
/// the mail or its recipient.
#[must_use]
pub fn about_us(code: u16, words: &str) -> Option<Ours> {
    if matches!(code, 454 | 530 | 534 | 535 | 538) {
        return Some(Ours::LogIn);
    }
    let words = words.to_lowercase();
    let named = SENDER.iter().any(|w| words.contains(w));
    (code >= 500 && named).then_some(Ours::Sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_us_is_not_about_the_mail() {
        for (code, words, expected) in [
            (535, "Error: authentication failed", Some(Ours::LogIn)),
            (
                535,
                "Login Fail. Please enter your authorization code",
                Some(Ours::LogIn),
            ),
            (
                534,
                "5.7.9 Application-specific password required",
                Some(Ours::LogIn),
            ),
            (
                530,
                "5.7.0 Must issue a STARTTLS command first",
                Some(Ours::LogIn),
            ),
            (538, "Encryption required", Some(Ours::LogIn)),
            (
                454,
                "4.7.0 Temporary authentication failure",
                Some(Ours::LogIn),
            ),
            (
                501,
                "Mail from address must be same as authorization user.",
                Some(Ours::Sender),
            ),
            (
                553,
                "Mail from must equal authorized user",
                Some(Ours::Sender),
            ),
            (
                553,
                "5.7.1 <a@x>: Sender address rejected: not owned by user b",
                Some(Ours::Sender),
            ),
            (550, "5.1.1 no such person here", None),
            (550, "Mail content denied", None),
            (554, "5.7.1 spam", None),
            (552, "too large", None),
            (450, "4.2.1 come back later", None),
            (421, "too many connections", None),
        ] {
            assert_eq!(about_us(code, words), expected, "{code} {words}");
        }
    }
}
