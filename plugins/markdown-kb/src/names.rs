//! File names: readable, stable, and harmless whatever a title holds.

use plugin_sdk::{Article, Failure, failure};

/// Longest slug in bytes; with the id it stays far below the 255 of file systems.
const SLUG_BYTES: usize = 120;
/// Folders above a file.
const MAX_FOLDERS: usize = 4;

/// Where the article's file is: its earlier place when it has one, so that a changed title moves
/// nothing; else `folder/slug-id.md`.
///
/// # Errors
/// `markdown.bad_id`, `markdown.bad_reference`.
pub fn path_of(article: &Article) -> Result<String, Failure> {
    if let Some(reference) = &article.external_ref {
        return checked_reference(reference).map(str::to_owned);
    }
    let id_fine = !article.id.is_empty()
        && article.id.len() <= 64
        && article
            .id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !id_fine {
        return Err(failure::invalid_input(
            "markdown.bad_id",
            "an id has 1 to 64 letters, digits, - and _",
        ));
    }
    let mut path = String::new();
    for folder in article
        .path
        .iter()
        .map(|f| slug(f))
        .filter(|f| !f.is_empty())
        .take(MAX_FOLDERS)
    {
        path.push_str(&folder);
        path.push('/');
    }
    let slug = slug(&article.title);
    if !slug.is_empty() {
        path.push_str(&slug);
        path.push('-');
    }
    Ok(format!("{path}{}.md", article.id))
}

/// The host checks paths again; this only makes sure that it is a file that we may have written.
///
/// # Errors
/// `markdown.bad_reference`.
pub fn checked_reference(reference: &str) -> Result<&str, Failure> {
    let fine = reference.ends_with(".md")
        && reference != crate::SYNONYMS
        && reference
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.'));
    if fine {
        Ok(reference)
    } else {
        Err(failure::invalid_input(
            "markdown.bad_reference",
            "this is no reference to an article's file",
        ))
    }
}

/// Letters (Chinese too) and digits in lower case, everything else as single dashes.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        let c = if c.is_alphanumeric() { c } else { '-' };
        if c == '-' && (slug.is_empty() || slug.ends_with('-')) {
            continue;
        }
        if slug.len() + c.len_utf8() > SLUG_BYTES {
            break;
        }
        slug.push(c);
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_keep_words_and_lose_tricks() {
        assert_eq!(slug("套餐资费：为何 多扣？"), "套餐资费-为何-多扣");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("C:\\x\0y\u{202e}"), "c-x-y");
        assert_eq!(slug("…"), "");
        assert!(slug(&"长".repeat(500)).len() <= SLUG_BYTES);
    }

    #[test]
    fn references_lead_to_articles_only() {
        assert!(checked_reference("a/b-1.md").is_ok());
        for bad in [
            "",
            "a.txt",
            "../a.md",
            ".git/a.md",
            "/a.md",
            "a//b.md",
            "synonyms.md",
        ] {
            assert!(checked_reference(bad).is_err(), "{bad}");
        }
    }
}
