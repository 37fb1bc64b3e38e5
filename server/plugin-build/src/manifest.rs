//! `plugin.toml` to [`Manifest`].

use std::path::Path;

use plugin_sdk::manifest::Manifest;

use crate::BuildError;

/// Reads `plugin.toml`. `config-schema` may be a table or the name of a JSON file beside it.
///
/// # Errors
/// [`BuildError::Manifest`] names the file and what is wrong.
pub fn read_manifest(crate_dir: &Path) -> Result<Manifest, BuildError> {
    let path = crate_dir.join("plugin.toml");
    let wrong = |detail: String| BuildError::Manifest {
        path: path.clone(),
        detail,
    };
    let text = std::fs::read_to_string(&path).map_err(|e| wrong(e.to_string()))?;
    let mut table: toml::Table = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let schema = match table.remove("config-schema") {
        None => None,
        Some(toml::Value::String(file)) => {
            let schema_path = crate_dir.join(&file);
            let wrong = |detail: String| BuildError::Manifest {
                path: schema_path.clone(),
                detail,
            };
            let text = std::fs::read_to_string(&schema_path).map_err(|e| wrong(e.to_string()))?;
            Some(serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?)
        }
        Some(value) => Some(serde_json::to_value(value).map_err(|e| wrong(e.to_string()))?),
    };
    let mut manifest: Manifest = table
        .try_into()
        .map_err(|e: toml::de::Error| wrong(e.to_string()))?;
    manifest.config_schema = schema;
    manifest.validate().map_err(wrong)?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLUGIN: &str = "name = \"x\"\nversion = \"1.0.0\"\nrole = \"classifier\"\ntitle = { zh = \"甲\", en = \"A\" }\n";

    fn with(files: &[(&str, &str)]) -> Result<Manifest, BuildError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        read_manifest(folder.path())
    }

    #[test]
    fn the_schema_may_stand_in_a_file_or_in_the_manifest() {
        assert_eq!(
            with(&[("plugin.toml", PLUGIN)]).unwrap().config_schema,
            None
        );
        let file = format!("config-schema = \"s.json\"\n{PLUGIN}");
        let from_file =
            with(&[("plugin.toml", &file), ("s.json", "{\"type\":\"object\"}")]).unwrap();
        let inline = format!("{PLUGIN}[config-schema]\ntype = \"object\"\n");
        assert_eq!(from_file, with(&[("plugin.toml", &inline)]).unwrap());
        assert!(from_file.config_schema.is_some());
    }

    #[test]
    fn mistakes_name_the_file_and_the_field() {
        let misspelt = with(&[("plugin.toml", &PLUGIN.replace("title", "titel"))])
            .unwrap_err()
            .to_string();
        assert!(
            misspelt.contains("plugin.toml") && misspelt.contains("titel"),
            "{misspelt}"
        );
        let missing = format!("config-schema = \"none.json\"\n{PLUGIN}");
        assert!(
            with(&[("plugin.toml", &missing)])
                .unwrap_err()
                .to_string()
                .contains("none.json")
        );
        assert!(with(&[]).is_err());
    }

    #[test]
    fn the_manifests_of_the_plugins_of_this_repository_are_valid() {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let mut found = 0;
        for entry in std::fs::read_dir(plugins).unwrap() {
            let folder = entry.unwrap().path();
            if folder.join("Cargo.toml").is_file() {
                let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
                assert_eq!(read_manifest(&folder).unwrap().name, name);
                found += 1;
            }
        }
        assert!(found >= 10, "{found}");
    }
}
