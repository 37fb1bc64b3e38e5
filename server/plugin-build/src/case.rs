//! Cases: what a plugin is asked, what the network answers it, what it must answer. JSON files in
//! the plugin's folder `tests/`, run by `bihuan plugin test` and, each with trouble mixed in, by
//! `bihuan plugin check`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plugin_sdk::testing::Exchange;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub title: String,
    /// Where the recorded answers come from.
    #[serde(default)]
    pub source: String,
    /// Settings of the installation.
    #[serde(default = "nothing")]
    pub settings: Value,
    /// Secrets that are granted and filled in.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The time, RFC 3339; it stands still.
    #[serde(default)]
    pub now: Option<String>,
    /// State at the start, as JSON values.
    #[serde(default)]
    pub state: BTreeMap<String, Value>,
    /// What the network answers.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// What is asked, in this order; state and cursor go on from call to call.
    pub calls: Vec<Step>,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// One call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `check`, `validate-config`, `streams`, `pull`, `handle`, `ack`, `notify`, `upsert`,
    /// `look-up`, `retract`, `put-synonyms`, `flag` or `classify`.
    pub call: String,
    /// Its arguments; see the SDK's documentation.
    #[serde(default = "nothing")]
    pub with: Value,
    /// What the answer must hold; members that are not named may be anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value>,
    /// The class or the code of the failure that must be answered instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
}

/// Reads the cases of a plugin's folder, sorted by name.
///
/// # Errors
/// A sentence that names the file.
pub fn read_cases(folder: &Path) -> Result<Vec<(PathBuf, Case)>, String> {
    let tests = folder.join("tests");
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&tests) {
        Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{}: {error}", tests.display())),
    };
    files.retain(|f| f.extension().is_some_and(|e| e == "json"));
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
            let text = std::fs::read_to_string(&file).map_err(|e| wrong(&e))?;
            let case: Case = serde_json::from_str(&text).map_err(|e| wrong(&e))?;
            if let Some(now) = &case.now
                && plugin_sdk::time::from_rfc3339(now).is_none()
            {
                return Err(wrong(&format!("now: {now:?} is no time")));
            }
            Ok((file, case))
        })
        .collect()
}

/// Where `found` is not what `wanted` asks for; `None`: it is. Objects may hold more than is asked
/// for, lists may not.
#[must_use]
pub fn differs(wanted: &Value, found: &Value) -> Option<String> {
    compare(wanted, found, "")
}

fn compare(wanted: &Value, found: &Value, at: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(name, value)| {
            let there = found.get(name).unwrap_or(&Value::Null);
            compare(value, there, &format!("{at}/{name}"))
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => wanted
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(n, (w, f))| compare(w, f, &format!("{at}/{n}"))),
        // 5 and 5.0 are the same number.
        (Value::Number(w), Value::Number(f)) if w.as_f64() == f.as_f64() => None,
        (wanted, found) if wanted == found => None,
        (Value::Array(wanted), Value::Array(found)) => Some(format!(
            "{at}: {} are wanted, {} are there: {}",
            wanted.len(),
            found.len(),
            Value::from(found.clone())
        )),
        (wanted, found) => Some(format!("{at}: {wanted} is wanted, {found} is there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_may_hold_more_lists_may_not() {
        let found = json!({"items": [{"id": "1", "rating": 5.0, "text": "t"}], "next": "idle"});
        assert_eq!(
            differs(&json!({"items": [{"id": "1", "rating": 5}]}), &found),
            None
        );
        for (wanted, named) in [
            (json!({"items": []}), "/items"),
            (json!({"items": [{"id": "2"}]}), "/items/0/id"),
            (json!({"items": [{"nps": 1}]}), "/items/0/nps"),
            (json!({"next": null}), "/next"),
        ] {
            let told = differs(&wanted, &found).unwrap();
            assert!(told.starts_with(named), "{told}");
        }
        assert_eq!(
            differs(&json!({"nps": null}), &found),
            None,
            "absent is null"
        );
    }

    #[test]
    fn a_broken_case_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_cases(folder.path()).unwrap().len(), 0);
        let tests = folder.path().join("tests");
        std::fs::create_dir(&tests).unwrap();
        std::fs::write(
            tests.join("a.json"),
            r#"{"title":"t","calls":[],"exchnages":[]}"#,
        )
        .unwrap();
        let told = read_cases(folder.path()).unwrap_err();
        assert!(
            told.contains("a.json") && told.contains("exchnages"),
            "{told}"
        );
        std::fs::write(
            tests.join("a.json"),
            r#"{"title":"t","calls":[],"now":"today"}"#,
        )
        .unwrap();
        assert!(read_cases(folder.path()).unwrap_err().contains("today"));
    }
}
