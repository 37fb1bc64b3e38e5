//! Cursors as typed structs.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connector::Cursor;
use crate::{Failure, FailureClass, failure};

/// Longest cursor that the host keeps, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// The place in a stream as a struct of the plugin. The host keeps it as a [`Cursor`] and never
/// looks inside; `FORMAT` tells layouts of different versions of the plugin apart.
///
/// ```
/// use plugin_sdk::cursor::Layout;
///
/// #[derive(Default, serde::Serialize, serde::Deserialize)]
/// struct Place { page: u32 }
/// impl Layout for Place { const FORMAT: u32 = 1; }
///
/// let cursor = Place { page: 7 }.to_cursor()?;
/// assert_eq!(Place::of(Some(&cursor))?.map(|p| p.page), Some(7));
/// # Ok::<(), plugin_sdk::Failure>(())
/// ```
pub trait Layout: Serialize + DeserializeOwned {
    /// Number of this layout.
    const FORMAT: u32;

    /// What a request's cursor says; `None` the first time.
    ///
    /// # Errors
    /// `cursor-expired` when it has another format or was damaged: the host starts over.
    fn of(cursor: Option<&Cursor>) -> Result<Option<Self>, Failure> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        if cursor.format != Self::FORMAT {
            return Err(expired(
                "cursor.unknown_format",
                format!("layout {} and not {}", cursor.format, Self::FORMAT),
            ));
        }
        serde_json::from_str(&cursor.value)
            .map(Some)
            .map_err(|e| expired("cursor.malformed", e))
    }

    /// For the host.
    ///
    /// # Errors
    /// `internal` when it is no JSON or longer than [`MAX_BYTES`].
    fn to_cursor(&self) -> Result<Cursor, Failure> {
        let value =
            serde_json::to_string(self).map_err(|e| failure::internal("cursor.not_json", e))?;
        if value.len() > MAX_BYTES {
            return Err(failure::internal(
                "cursor.too_long",
                format!("{} bytes, at most {MAX_BYTES}", value.len()),
            ));
        }
        Ok(Cursor {
            format: Self::FORMAT,
            value,
        })
    }
}

/// A failure that makes the host start the stream over.
pub fn expired(code: &str, message: impl std::fmt::Display) -> Failure {
    failure::new(FailureClass::CursorExpired, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Place {
        after: String,
    }
    impl Layout for Place {
        const FORMAT: u32 = 2;
    }

    #[test]
    fn a_cursor_reads_back_and_others_expire() {
        let place = Place {
            after: "甲".to_owned(),
        };
        let cursor = place.to_cursor().unwrap();
        assert_eq!(cursor.format, 2);
        assert_eq!(Place::of(Some(&cursor)).unwrap(), Some(place));
        assert_eq!(Place::of(None).unwrap(), None);
        for (format, value) in [(1, cursor.value.as_str()), (2, "{}"), (2, "garbage")] {
            let cursor = Cursor {
                format,
                value: value.to_owned(),
            };
            let class = Place::of(Some(&cursor)).unwrap_err().class;
            assert_eq!(class, FailureClass::CursorExpired, "{format} {value}");
        }
        let long = Place {
            after: "a".repeat(MAX_BYTES),
        };
        assert_eq!(long.to_cursor().unwrap_err().class, FailureClass::Internal);
    }
}
