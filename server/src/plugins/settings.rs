//! Settings of a plugin against the JSON Schema of its manifest.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Most levels of a schema: the console draws it as a form.
const DEPTH: usize = 24;
/// Names of members that would hold a secret in clear.
const CLEAR: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "client_secret",
    "access_token",
    "api_key",
    "apikey",
    "private_key",
];

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Place: `settings.fields[0].name`.
    pub field: String,
    /// The keyword of the schema: `required`, `pattern` …
    pub code: String,
    /// For people; never the value.
    pub detail: String,
}

fn compiled(schema: &Value) -> Result<Validator, String> {
    jsonschema::draft202012::options()
        // Patterns of a stranger: no backtracking, and nothing is fetched from anywhere.
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .offline()
        .should_validate_formats(true)
        .build(schema)
        .map_err(|e| e.masked().to_string())
}

/// Whether a schema can be used: it is checked when its plugin is installed.
pub fn accept(schema: &Value) -> Result<(), String> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err("the schema of the settings must say \"type\": \"object\"".to_owned());
    }
    look(schema, 0)?;
    compiled(schema).map(|_| ())
}

fn look(schema: &Value, depth: usize) -> Result<(), String> {
    if depth > DEPTH {
        return Err(format!("the schema is deeper than {DEPTH} levels"));
    }
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "$ref" && !value.as_str().is_some_and(|r| r.starts_with('#')) {
                    return Err("a $ref may only point inside the schema".to_owned());
                }
                if name == "properties"
                    && let Some(clear) = value.as_object().and_then(|p| {
                        p.keys()
                            .find(|k| CLEAR.contains(&k.to_lowercase().as_str()))
                    })
                {
                    return Err(format!(
                        "{clear:?} looks like a secret: ask for it in asks.secrets, settings are readable"
                    ));
                }
                look(value, depth + 1)?;
            }
            Ok(())
        }
        Value::Array(all) => all.iter().try_for_each(|v| look(v, depth + 1)),
        _ => Ok(()),
    }
}

/// Checks settings; every fault names its place below `settings`.
pub fn check(schema: Option<&Value>, settings: &Value) -> Result<(), Vec<Fault>> {
    let Some(schema) = schema else {
        return if settings.as_object().is_some_and(serde_json::Map::is_empty) {
            Ok(())
        } else {
            Err(vec![Fault {
                field: "settings".to_owned(),
                code: "unknown_field".to_owned(),
                detail: "this plugin has no settings".to_owned(),
            }])
        };
    };
    let validator = compiled(schema).map_err(|detail| {
        vec![Fault {
            field: "settings".to_owned(),
            code: "schema".to_owned(),
            detail,
        }]
    })?;
    let faults: Vec<Fault> = validator
        .iter_errors(settings)
        .take(20)
        .map(|e| {
            let mut field = place(e.instance_path().as_str());
            if let jsonschema::error::ValidationErrorKind::Required { property } = e.kind() {
                field.push('.');
                field.push_str(property.as_str().unwrap_or_default());
            }
            Fault {
                field,
                code: e.kind().keyword().to_owned(),
                detail: e.masked().to_string(),
            }
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// `/fields/0/name` as `settings.fields[0].name`.
fn place(pointer: &str) -> String {
    let mut text = "settings".to_owned();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
            text.push_str(&format!("[{part}]"));
        } else {
            text.push('.');
            text.push_str(&part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn faults_name_their_place_and_never_the_value() {
        let schema = json!({"type": "object", "additionalProperties": false, "required": ["url"], "properties": {
            "url": {"type": "string", "pattern": "^https://"},
            "fields": {"type": "array", "items": {"type": "object", "required": ["name"],
                       "properties": {"name": {"type": "string", "maxLength": 3}}}}}});
        accept(&schema).unwrap();
        assert_eq!(check(Some(&schema), &json!({"url": "https://a.b"})), Ok(()));
        let wrong = json!({"url": "13800138000", "fields": [{"name": "abc"}, {"name": "abcd"}, {}], "more": 1});
        let faults = check(Some(&schema), &wrong).unwrap_err();
        let places: Vec<(&str, &str)> = faults
            .iter()
            .map(|f| (f.field.as_str(), f.code.as_str()))
            .collect();
        for expected in [
            ("settings.url", "pattern"),
            ("settings.fields[1].name", "maxLength"),
            ("settings.fields[2].name", "required"),
            ("settings", "additionalProperties"),
        ] {
            assert!(
                places.contains(&expected),
                "{expected:?} is not in {places:?}"
            );
        }
        assert!(
            faults.iter().all(|f| !f.detail.contains("13800138000")),
            "{faults:?}"
        );
        assert_eq!(
            check(Some(&schema), &json!({})).unwrap_err()[0].field,
            "settings.url"
        );
        assert_eq!(check(None, &json!({})), Ok(()));
        assert!(check(None, &json!({"a": 1})).is_err());
    }

    #[test]
    fn schemas_that_reach_outside_or_hide_secrets_are_refused() {
        let mut deep = json!({"type": "string"});
        for _ in 0..DEPTH {
            deep = json!({"properties": {"a": deep}});
        }
        deep["type"] = json!("object");
        for bad in [
            json!({"type": "string"}),
            json!({"type": "object", "properties": {"a": {"$ref": "https://x.example/s.json"}}}),
            json!({"type": "object", "properties": {"Password": {"type": "string"}}}),
            json!({"type": "object", "properties": {"a": {"type": "strnig"}}}),
            json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)"}}}),
            deep,
        ] {
            assert!(accept(&bad).is_err(), "{bad}");
        }
        let inside = json!({"type": "object", "$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}});
        assert_eq!(accept(&inside), Ok(()));
        assert!(check(Some(&inside), &json!({"a": "x"})).is_err());
    }
}
