//! New plugins from templates, with everything that a build needs beside them: no network, no
//! repository of Bihuan.

use std::path::{Path, PathBuf};

use plugin_sdk::manifest::Role;

use crate::Language;

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The shims of script guests.
const JS_SHIM: &str = include_str!("../../../plugin-sdk/js/bihuan.js");
const PYTHON_SHIM: &str = include_str!("../../../plugin-sdk/python/bihuan.py");

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../templates/", $name))
    };
}

/// Programs that stand once: as example and as what `new` makes.
macro_rules! example {
    ($path:literal) => {
        include_str!(concat!("../../../plugins/examples/", $path))
    };
}

/// Why no plugin was made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The last part of the path names the plugin.
    #[error(
        "{0:?} cannot be the name of a plugin: 1 to 64 of a-z, 0-9 and -, starting with a letter"
    )]
    Name(String),
    /// Something is there already.
    #[error("{0} exists and is not empty")]
    Exists(PathBuf),
    /// A file could not be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
}

/// Makes a plugin in `folder`, which must be empty or missing; its last part is the name. Answers
/// the files written, relative.
///
/// # Errors
/// [`ScaffoldError`].
pub fn create(folder: &Path, role: Role, language: Language) -> Result<Vec<String>, ScaffoldError> {
    let name = folder
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let fine = (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !fine {
        return Err(ScaffoldError::Name(name));
    }
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(ScaffoldError::Exists(folder.to_owned()));
    }
    let mut written = Vec::new();
    for (path, content) in files(role, language) {
        let content = content
            .replace("@name@", &name)
            .replace("@crate@", &name.replace('-', "_"));
        let full = folder.join(&path);
        let failed = |source| ScaffoldError::Io {
            path: full.clone(),
            source,
        };
        if let Some(parent) = full.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&full, content).map_err(failed)?;
        written.push(path);
    }
    Ok(written)
}

/// Path and content of every file of a new plugin.
fn files(role: Role, language: Language) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = vec![
        entry("README.md", template!("README.md")),
        entry(
            ".gitignore",
            "/target\n/node_modules\n/.venv\n__pycache__\nkey.pem\n",
        ),
    ];
    let (manifest, library) = match role {
        Role::Connector => (
            template!("connector.plugin.toml"),
            template!("connector.lib.rs"),
        ),
        Role::Classifier => (
            template!("classifier.plugin.toml"),
            template!("classifier.lib.rs"),
        ),
        Role::KnowledgeBase => (
            template!("knowledge-base.plugin.toml"),
            template!("knowledge-base.lib.rs"),
        ),
        Role::Notifier => (
            template!("notifier.plugin.toml"),
            template!("notifier.lib.rs"),
        ),
    };
    files.push(entry("plugin.toml", manifest));
    match role {
        Role::Connector => {
            files.push(entry(
                "config.schema.json",
                template!("connector.schema.json"),
            ));
            files.push(entry("tests/first.json", template!("connector.case.json")));
        }
        Role::Notifier => files.push(entry("tests/first.json", template!("notifier.case.json"))),
        Role::Classifier => {
            files.push(entry("tests/first.json", template!("classifier.case.json")))
        }
        Role::KnowledgeBase => files.push(entry(
            "tests/first.json",
            template!("knowledge-base.case.json"),
        )),
    }
    match language {
        Language::Rust => {
            files.push(entry("Cargo.toml", template!("rust.Cargo.toml")));
            files.push(entry("src/lib.rs", library));
            if role == Role::Connector {
                files.push(entry("tests/native.rs", template!("connector.test.rs")));
            }
            let sdk = template!("sdk.Cargo.toml").replace("@version@", env!("CARGO_PKG_VERSION"));
            files.push(("vendor/plugin-sdk/Cargo.toml".to_owned(), sdk));
            for (path, content) in SDK {
                files.push((format!("vendor/plugin-sdk/{path}"), (*content).to_owned()));
            }
        }
        Language::JavaScript => {
            files.push(entry("package.json", template!("package.json")));
            files.push(entry("build.mjs", example!("javascript/build.mjs")));
            let program = match role {
                Role::Connector => example!("javascript/src/plugin.js"),
                Role::Classifier => template!("classifier.plugin.js"),
                Role::KnowledgeBase => template!("knowledge-base.plugin.js"),
                Role::Notifier => template!("notifier.plugin.js"),
            };
            files.push(entry("src/plugin.js", program));
        }
        Language::Python => {
            files.push(entry("requirements.txt", template!("requirements.txt")));
            let program = match role {
                Role::Connector => example!("python/app.py"),
                Role::Classifier => template!("classifier.app.py"),
                Role::KnowledgeBase => template!("knowledge-base.app.py"),
                Role::Notifier => template!("notifier.app.py"),
            };
            files.push(entry("app.py", program));
        }
    }
    if language != Language::Rust {
        files.push(("wit/world.wit".to_owned(), world(role)));
        files.extend(script_sdk(language));
    }
    files
}

/// What a script of this role imports beyond what every script does, and exports.
fn world(role: Role) -> String {
    let (imports, export): (&[&str], &str) = match role {
        Role::Connector => (&["secrets", "http"], "puller"),
        Role::Classifier => (&[], "classifier"),
        Role::KnowledgeBase => (&["files"], "knowledge-base"),
        Role::Notifier => (&["secrets", "http"], "notifier"),
    };
    let line = |what: &str, name: &str| format!("  {what} bihuan:plugin/{name}@1.0.0;\n");
    let imports: String = imports.iter().map(|name| line("import", name)).collect();
    template!("script.world.wit")
        .replace("@imports@", &imports)
        .replace("@exports@", &line("export", export))
}

/// What a script needs beside its program: the SDK of its language and the contract.
pub(crate) fn script_sdk(language: Language) -> Vec<(String, String)> {
    let contract = plugin_sdk::WIT_FILES
        .iter()
        .map(|(path, content)| entry(&format!("wit/deps/plugin/{path}"), content));
    let sdk = match language {
        Language::Rust => None,
        Language::JavaScript => Some(entry("src/bihuan.js", JS_SHIM)),
        Language::Python => Some(entry("bihuan.py", PYTHON_SHIM)),
    };
    sdk.into_iter().chain(contract).collect()
}

fn entry(path: &str, content: &str) -> (String, String) {
    (path.to_owned(), content.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn every_template_has_a_manifest_that_reads_and_cases_that_read() {
        for role in [
            Role::Connector,
            Role::Classifier,
            Role::KnowledgeBase,
            Role::Notifier,
        ] {
            for language in [Language::Rust, Language::JavaScript, Language::Python] {
                let parent = tempfile::tempdir().unwrap();
                let folder = parent.path().join("my-plugin");
                let files = create(&folder, role, language).unwrap();
                let manifest = crate::read_manifest(&folder).unwrap();
                assert_eq!((manifest.name.as_str(), manifest.role), ("my-plugin", role));
                assert_eq!(Language::of(&folder), Some(language));
                assert!(!crate::case::read_cases(&folder).unwrap().is_empty());
                for file in &files {
                    let text = std::fs::read_to_string(folder.join(file)).unwrap();
                    assert!(
                        ["@name@", "@crate@", "@imports@", "@exports@"]
                            .iter()
                            .all(|place| !text.contains(place)),
                        "{file}"
                    );
                }
                if let Some(schema) = &manifest.config_schema {
                    assert_eq!(crate::lint::lint(schema), [""; 0]);
                }
                assert!(matches!(
                    create(&folder, role, language),
                    Err(ScaffoldError::Exists(_))
                ));
            }
        }
    }

    #[test]
    fn a_name_is_one() {
        for bad in ["A", "1a", "a_b", "ä"] {
            let folder = Path::new("/nowhere").join(bad);
            assert!(
                create(&folder, Role::Connector, Language::Rust).is_err(),
                "{bad}"
            );
        }
    }

    /// The copy asks for what the original asks for.
    #[test]
    fn the_copied_sdk_depends_on_the_same_versions() {
        let workspace: toml::Table =
            toml::from_str(&std::fs::read_to_string(repository().join("Cargo.toml")).unwrap())
                .unwrap();
        let own: toml::Table = toml::from_str(
            &std::fs::read_to_string(repository().join("plugin-sdk/Cargo.toml")).unwrap(),
        )
        .unwrap();
        let copy: toml::Table = toml::from_str(template!("sdk.Cargo.toml")).unwrap();
        let native = "cfg(not(target_arch = \"wasm32\"))";
        let version = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            table => table["version"].as_str().unwrap().to_owned(),
        };
        for (own, copy) in [
            (&own["dependencies"], &copy["dependencies"]),
            (
                &own["target"][native]["dependencies"],
                &copy["target"][native]["dependencies"],
            ),
        ] {
            let (own, copy) = (own.as_table().unwrap(), copy.as_table().unwrap());
            assert_eq!(own.len(), copy.len());
            for (name, wanted) in own {
                let wanted = if wanted.get("workspace").is_some() {
                    &workspace["workspace"]["dependencies"][name.as_str()]
                } else {
                    wanted
                };
                assert_eq!(version(wanted), version(&copy[name.as_str()]), "{name}");
            }
        }
    }

    /// The examples are the templates, so that both are built by the test of the examples.
    #[test]
    fn the_examples_are_what_new_makes() {
        for (language, example) in [
            (Language::JavaScript, "javascript"),
            (Language::Python, "python"),
        ] {
            let folder = repository().join("plugins/examples").join(example);
            let sdk = script_sdk(language);
            for (path, content) in files(Role::Connector, language) {
                // The examples have their own words there, and the build brings the SDK.
                let brought = sdk.iter().any(|(p, _)| *p == path);
                if brought || matches!(path.as_str(), "README.md" | ".gitignore") {
                    continue;
                }
                let there = std::fs::read_to_string(folder.join(&path)).unwrap_or_default();
                let name = format!(
                    "tickets-{}",
                    if example == "python" { "python" } else { "js" }
                );
                assert!(
                    there == content.replace("@name@", &name),
                    "{example}/{path} differs"
                );
            }
        }
    }
}
