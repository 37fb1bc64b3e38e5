//! Ways to write bytes as text, small enough that no plugin needs a crate for them.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 of RFC 4648 section 4, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let six = (group >> (18 - 6 * place)) & 0x3f;
                out.push(char::from(BASE64[six as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// Reads base64; white space between the characters is allowed, as services break lines.
/// `None` when it is none.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut held) = (0u32, 0u32);
    let body = text.trim_end_matches(|c: char| c == '=' || c.is_ascii_whitespace());
    for byte in body.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let six = BASE64.iter().position(|b| *b == byte)?;
        group = group << 6 | u32::try_from(six).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((group >> held) as u8);
            group &= (1 << held) - 1;
        }
    }
    // One character alone holds no byte; leftover bits must be padding.
    (held < 6 && group == 0).then_some(out)
}

/// Two lower-case digits a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

/// Percent-encoding of RFC 3986 for one part of a path or one value of a query: everything but the
/// unreserved characters is encoded.
#[must_use]
pub fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_the_vectors_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
            assert_eq!(from_base64(coded).unwrap(), plain.as_bytes());
        }
        assert_eq!(from_base64("Zm9v\nYmFy\n").unwrap(), b"foobar");
        for bad in ["Z", "Zm9*", "Zh=="] {
            assert_eq!(from_base64(bad), None, "{bad}");
        }
    }

    #[test]
    fn other_writings() {
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
        assert_eq!(percent("a b/资~"), "a%20b%2F%E8%B5%84~");
    }
}
