//! The manifest: what a plugin is and what it asks for. Written as `plugin.toml`, carried as JSON
//! in the component's custom section [`SECTION`].

use serde::{Deserialize, Serialize};

/// Name of the custom section.
pub const SECTION: &str = "bihuan:manifest";

/// Longest accepted manifest, in bytes of JSON.
pub const MAX_BYTES: usize = 64 * 1024;

/// What the plugin does for the host; decides the world it is built against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Gives feedback its labels (world `text-classifier`).
    Classifier,
    /// Keeps articles outside (world `knowledge-publisher`).
    KnowledgeBase,
}

impl Role {
    /// World of the contract for this role.
    #[must_use]
    pub const fn world(self) -> &'static str {
        match self {
            Self::Classifier => "text-classifier",
            Self::KnowledgeBase => "knowledge-publisher",
        }
    }

    /// The interface which a component of this role exports, without package and version.
    #[must_use]
    pub const fn export(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::KnowledgeBase => "knowledge-base",
        }
    }

    /// The role's name in manifests and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::KnowledgeBase => "knowledge-base",
        }
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// 1 to 64 characters of `a-z0-9-`, starting with a letter; never changes.
    pub name: String,
    /// Version of the plugin: three numbers, optionally `-pre` and `+build`.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// For people.
    pub title: Title,
    /// One or two sentences for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Title>,
    /// Number of the shape of the settings; see `lifecycle.migrate-config`.
    #[serde(default = "one")]
    pub config_version: u32,
    /// JSON Schema of the settings; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
    /// What it asks for; an administrator may grant less.
    #[serde(default, skip_serializing_if = "Powers::is_empty")]
    pub asks: Powers,
    /// What it would like to use; the host's ceiling wins.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Names that `metrics` may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
}

const fn one() -> u32 {
    1
}

/// A text in both languages of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Powers beyond computing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Powers {
    /// Origins it wants to reach, such as `https://api.example.com`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Names of secrets that the administrator fills in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// A folder to write files into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesAsked>,
}

impl Powers {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a folder is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FilesAsked {
    /// What it does there, for the administrator who decides.
    pub purpose: Title,
}

/// Resources of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u32>,
    /// Computing time of one call in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u32>,
    /// Wall-clock time of one call in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u32>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Manifest {
    /// Reads the section's JSON and checks names, version and sizes.
    ///
    /// # Errors
    /// One sentence for the author.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("the manifest is larger than {MAX_BYTES} bytes"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The checks of [`Manifest::from_json`].
    ///
    /// # Errors
    /// One sentence for the author.
    pub fn validate(&self) -> Result<(), String> {
        let name_fine = self.name.len() <= 64
            && self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !name_fine {
            return Err(format!(
                "name {:?}: 1 to 64 of a-z, 0-9 and -, starting with a letter",
                self.name
            ));
        }
        if !is_version(&self.version) {
            return Err(format!("version {:?} is not like 1.2.3", self.version));
        }
        let titles = [
            Some(&self.title),
            self.description.as_ref(),
            self.asks.files.as_ref().map(|f| &f.purpose),
        ];
        for title in titles.into_iter().flatten() {
            for text in [&title.zh, &title.en] {
                if text.trim().is_empty()
                    || text.chars().count() > 500
                    || text.chars().any(char::is_control)
                {
                    return Err("a title or description is empty, longer than 500 characters or holds control characters"
                        .to_owned());
                }
            }
        }
        if self.config_version == 0 {
            return Err("config-version starts at 1".to_owned());
        }
        if self.config_schema.as_ref().is_some_and(|s| !s.is_object()) {
            return Err("config-schema is not a JSON object".to_owned());
        }
        Ok(())
    }

    /// As JSON, always the same bytes for the same manifest.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and maps with string keys: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// `major.minor.patch` with optional `-pre` and `+build`.
fn is_version(text: &str) -> bool {
    let (text, build) = text
        .split_once('+')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let (core, pre) = text
        .split_once('-')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let extra_fine = |extra: &str| {
        !extra.is_empty()
            && extra.len() <= 64
            && extra
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
    };
    let number = |n: &str| {
        !n.is_empty()
            && n.len() <= 9
            && n.chars().all(|c| c.is_ascii_digit())
            && (n == "0" || !n.starts_with('0'))
    };
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(extra_fine)
        && build.is_none_or(extra_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"name":"a-b","version":"1.2.3","role":"classifier","title":{"zh":"甲","en":"A"}}"#;

    #[test]
    fn versions_are_three_numbers() {
        for good in ["0.1.0", "1.2.3-rc.1", "10.0.0+x"] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "", "1.2.3-", "v1.2.3",
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn a_manifest_reads_back_and_bad_ones_are_refused() {
        let manifest = Manifest::from_json(GOOD.as_bytes()).unwrap();
        assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), manifest);
        for (from, to) in [
            ("a-b", "A b"),
            ("1.2.3", "1"),
            ("甲", ""),
            ("classifier", "ruler"),
            ("title", "tilte"),
        ] {
            assert!(
                Manifest::from_json(GOOD.replace(from, to).as_bytes()).is_err(),
                "{to}"
            );
        }
    }
}
