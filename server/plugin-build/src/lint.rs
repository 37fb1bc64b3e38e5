//! Rules for the JSON Schema of a plugin's settings, which the console draws as a form.

use serde_json::Value;

/// Largest schema in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting of schemas.
const MAX_DEPTH: usize = 12;
/// Parts of names of properties that hold credentials, which belong into `asks.secrets`.
const CREDENTIALS: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credential",
    "passphrase",
];

/// What is wrong with a schema, one sentence each; empty when nothing is.
#[must_use]
pub fn lint(schema: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let size = schema.to_string().len();
    if size > MAX_BYTES {
        problems.push(format!("the schema has {size} bytes, at most {MAX_BYTES}"));
    }
    if schema["type"] != "object" {
        problems.push("the settings are an object: `\"type\": \"object\"`".to_owned());
    }
    if schema["additionalProperties"] != Value::Bool(false) {
        problems.push(
            "`\"additionalProperties\": false` is missing: a misspelt setting would be ignored"
                .to_owned(),
        );
    }
    walk(schema, "", 0, &mut problems);
    problems
}

fn walk(schema: &Value, at: &str, depth: usize, problems: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        problems.push(format!("{at}: nested more than {MAX_DEPTH} deep"));
        return;
    }
    let Some(object) = schema.as_object() else {
        return;
    };
    for (keyword, value) in object {
        match (keyword.as_str(), value) {
            ("$ref" | "$dynamicRef", Value::String(target)) if !target.starts_with('#') => {
                problems.push(format!("{at}: `$ref` leads out of the schema, to {target}"));
            }
            ("properties" | "$defs" | "definitions", Value::Object(members)) => {
                for (name, member) in members {
                    let place = format!("{at}/{name}");
                    if keyword == "properties" && holds_text(member) && is_credential(name) {
                        problems.push(format!(
                            "{place}: looks like a credential; declare it in `asks.secrets`, settings are no place for it"
                        ));
                    }
                    walk(member, &place, depth + 1, problems);
                }
            }
            ("items" | "additionalProperties" | "contains" | "not" | "if" | "then" | "else", sub) => {
                walk(sub, at, depth + 1, problems);
            }
            ("oneOf" | "anyOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                for sub in list {
                    walk(sub, at, depth + 1, problems);
                }
            }
            _ => {}
        }
    }
}

/// Whether a text could be typed there; a switch or a list of objects holds no credential.
fn holds_text(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => kinds.iter().any(|k| k == "string"),
        _ => schema.get("enum").is_none() && schema.get("const").is_none(),
    }
}

fn is_credential(name: &str) -> bool {
    let plain = name.to_lowercase().replace('-', "_");
    CREDENTIALS.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn closed(properties: Value) -> Value {
        json!({"type": "object", "additionalProperties": false, "properties": properties})
    }

    #[test]
    fn credentials_open_objects_and_foreign_references_are_found() {
        for (schema, named) in [
            (closed(json!({"api-key": {"type": "string"}})), "/api-key"),
            (closed(json!({"a": {"type": "object", "properties": {"dbPassword": {}}}})), "/a/dbPassword"),
            (closed(json!({"l": {"type": "array", "items": {"properties": {"token": {"type": "string"}}}}})), "/l/token"),
            (json!({"type": "object"}), "additionalProperties"),
            (closed(json!({"a": {"$ref": "https://example.com/s.json"}})), "example.com"),
            (json!({"type": "string", "additionalProperties": false}), "object"),
        ] {
            let problems = lint(&schema).join("\n");
            assert!(problems.contains(named), "{named}: {problems}");
        }
    }

    #[test]
    fn good_schemas_have_no_problem() {
        let fine = closed(json!({
            "subdomain": {"type": "string"},
            "use_token": {"type": "boolean"},
            "token_place": {"enum": ["header", "query"]},
            "author": {"type": "string"}
        }));
        assert_eq!(lint(&fine), [""; 0]);
    }

    #[test]
    fn endless_nesting_is_no_trap() {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = json!({"type": "array", "items": schema});
        }
        assert!(lint(&closed(json!({"a": schema}))).join("").contains("deep"));
    }

    #[test]
    fn the_schemas_of_our_plugins_keep_the_rules() {
        let plugins = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        for entry in std::fs::read_dir(plugins).unwrap() {
            let folder = entry.unwrap().path();
            if !folder.join("plugin.toml").is_file() {
                continue;
            }
            let manifest = crate::read_manifest(&folder).unwrap();
            if let Some(schema) = manifest.config_schema {
                assert_eq!(lint(&schema), [""; 0], "{}", manifest.name);
            }
        }
    }
}
