//! From any JSON to items, by JSON pointers (RFC 6901) that stand in the settings.
//!
//! ```json
//! {
//!   "items": "/data/tickets",
//!   "only_if": [{"at": "/type", "is": ["complaint"]}],
//!   "fields": {
//!     "external_id": "/id",
//!     "occurred_at": "/created_at",
//!     "text": {"at": ["/subject", "/description"], "join": "\n"},
//!     "kind": {"at": "/source", "values": {"phone": "call"}, "default": "ticket"},
//!     "business_line": {"from": "body", "at": "/shop/name"},
//!     "channel": {"value": "helpdesk"}
//!   },
//!   "attributes": {"priority": "/priority"},
//!   "turns": {"items": "/messages", "speaker": "/from", "speakers": {"user": "customer"}, "text": "/body"}
//! }
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connector::{Item, Rejected, Scalar, Turn};
use crate::{Attribute, Failure, failure};

/// How items are found in a JSON document and what their fields are made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Where the array of items stands. Absent: the document itself, or its elements when it is an
    /// array. One object there counts as an array of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// Whether nothing at all may stand there: for services that leave an empty array out, or send other things
    /// as well. Otherwise it is a mapping that does not fit ([`Mapped::absent`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub items_optional: bool,
    /// Items for which one of these does not hold are passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_if: Vec<Condition>,
    /// Field of [`Item`] to its source; `external_id` is required.
    pub fields: BTreeMap<String, Source>,
    /// Name of an attribute to its source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Source>,
    /// Where a conversation stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<Turns>,
}

/// What must hold for an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Pointer into the item.
    pub at: String,
    /// One of these values.
    pub is: Vec<Value>,
}

/// Where a value comes from: a pointer, or more than that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// Pointer into the item.
    At(String),
    /// Everything else.
    Full(FullSource),
}

/// A value with all that can be said of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullSource {
    /// One pointer or several; the first that leads to a value counts, unless `join` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Pointers>,
    /// Where the pointers start.
    #[serde(default)]
    pub from: From,
    /// Puts all values that are there together with this between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<String>,
    /// Written value to meant value; others stay as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Value>,
    /// When nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Always this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// One pointer or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Pointers {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// Where pointers start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// At the item.
    #[default]
    Item,
    /// At the whole document.
    Body,
}

/// Where a conversation stands in an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turns {
    /// The array of turns.
    pub items: String,
    /// Who speaks, below a turn.
    pub speaker: String,
    /// What is written there to `customer`, `agent` or `bot`; turns of others are passed over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub speakers: BTreeMap<String, String>,
    /// What was said, below a turn.
    pub text: String,
    /// When, below a turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Items of a document and what was none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapped {
    /// In the order of the document.
    pub items: Vec<Item>,
    /// Elements without an identifier.
    pub rejected: Vec<Rejected>,
    /// Elements that `only_if` passed over.
    pub passed_over: usize,
    /// Where nothing stands although the mapping looks for the items there: taking that for an empty list would
    /// lose what the document holds.
    pub absent: Option<String>,
}

/// Longest raw record that is kept of a rejected element, in bytes.
const MAX_RAW: usize = 16 * 1024;

/// Texts of an item by their names.
type TextField = (&'static str, fn(&mut Item) -> &mut Option<String>);
/// Values of an item by their names.
type ScalarField = (&'static str, fn(&mut Item) -> &mut Option<Scalar>);

macro_rules! fields {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), |item| &mut item.$name)),*] };
}

const TEXTS: [TextField; 20] = fields!(
    channel,
    text,
    kind,
    customer_ref,
    customer_tier,
    agent_ref,
    team,
    region,
    business_line,
    language,
    title,
    url,
    thread_id,
    process_step,
    handled_by,
    query,
    article,
    topic,
    cause,
    sentiment,
);

const SCALARS: [ScalarField; 17] = fields!(
    occurred_at,
    rating,
    rating_max,
    nps,
    ces,
    invited,
    handle_seconds,
    talk_seconds,
    after_seconds,
    response_seconds,
    resolved,
    resolved_first_contact,
    transferred,
    script_score,
    compensation_cents,
    hits,
    helpful,
);

impl Mapping {
    /// Checks that every field exists and every pointer is one.
    ///
    /// # Errors
    /// `config`, with the name of what is wrong.
    pub fn validate(&self) -> Result<(), Failure> {
        if !self.fields.contains_key("external_id") {
            return Err(wrong(
                "fields.external_id is missing: it identifies a voice",
            ));
        }
        for name in self.fields.keys() {
            let known = name == "external_id"
                || TEXTS.iter().any(|(n, _)| n == name)
                || SCALARS.iter().any(|(n, _)| n == name);
            if !known {
                return Err(wrong(format!("fields.{name}: there is no such field")));
            }
        }
        let sources = self.fields.iter().chain(&self.attributes);
        let mut pointers: Vec<(String, &str)> = Vec::new();
        for (name, source) in sources {
            match source {
                Source::At(at) => pointers.push((name.clone(), at)),
                Source::Full(full) => {
                    if full.at.is_none() && full.value.is_none() {
                        return Err(wrong(format!("{name}: needs `at` or `value`")));
                    }
                    pointers.extend(full.pointers().map(|at| (name.clone(), at)));
                }
            }
        }
        pointers.extend(
            self.items
                .iter()
                .map(|at| ("items".to_owned(), at.as_str())),
        );
        pointers.extend(
            self.only_if
                .iter()
                .map(|c| ("only_if".to_owned(), c.at.as_str())),
        );
        if let Some(turns) = &self.turns {
            let parts = [
                Some(&turns.items),
                Some(&turns.speaker),
                Some(&turns.text),
                turns.at.as_ref(),
            ];
            pointers.extend(
                parts
                    .into_iter()
                    .flatten()
                    .map(|at| ("turns".to_owned(), at.as_str())),
            );
            let unknown = turns
                .speakers
                .values()
                .find(|s| !SPEAKERS.contains(&s.as_str()));
            if let Some(speaker) = unknown {
                return Err(wrong(format!(
                    "turns.speakers: {speaker:?} is none of {SPEAKERS:?}"
                )));
            }
        }
        for (name, at) in pointers {
            if !at.is_empty() && !at.starts_with('/') {
                return Err(wrong(format!(
                    "{name}: {at:?} is no JSON pointer, it must start with /"
                )));
            }
        }
        Ok(())
    }

    /// The items of a document.
    #[must_use]
    pub fn map(&self, document: &Value) -> Mapped {
        let mut mapped = Mapped::default();
        let list = match &self.items {
            Some(at) => document.pointer(at),
            None => Some(document),
        };
        if list.is_none() && !self.items_optional {
            mapped.absent = self.items.clone();
        }
        let elements: &[Value] = match list {
            Some(Value::Array(elements)) => elements,
            None | Some(Value::Null) => &[],
            Some(one) => std::slice::from_ref(one),
        };
        for element in elements {
            let wanted = |c: &Condition| {
                let there = element.pointer(&c.at).unwrap_or(&Value::Null);
                c.is.contains(there)
            };
            if !self.only_if.iter().all(wanted) {
                mapped.passed_over += 1;
                continue;
            }
            match self.item(element, document) {
                Some(item) => mapped.items.push(item),
                None => mapped.rejected.push(Rejected {
                    external_id: None,
                    raw: cut(element),
                    failure: failure::invalid_input(
                        "mapping.no_id",
                        "the record has no external_id where the mapping looks for it",
                    ),
                }),
            }
        }
        mapped
    }

    fn item(&self, element: &Value, document: &Value) -> Option<Item> {
        let mut item = Item::default();
        for (name, source) in &self.fields {
            let Some(value) = source.value(element, document) else {
                continue;
            };
            if name == "external_id" {
                item.external_id = text_of(&value)?;
            } else if let Some((_, field)) = TEXTS.iter().find(|(n, _)| n == name) {
                *field(&mut item) = text_of(&value);
            } else if let Some((_, field)) = SCALARS.iter().find(|(n, _)| n == name) {
                *field(&mut item) = scalar_of(&value);
            }
        }
        for (name, source) in &self.attributes {
            if let Some(value) = source.value(element, document).as_ref().and_then(text_of) {
                item.attributes.push(Attribute {
                    name: name.clone(),
                    value,
                });
            }
        }
        if let Some(turns) = &self.turns {
            item.turns = turns.of(element);
            if !item.turns.is_empty() {
                // The contract takes a text or turns.
                item.text = None;
            }
        }
        (!item.external_id.trim().is_empty()).then_some(item)
    }
}

const SPEAKERS: [&str; 3] = ["customer", "agent", "bot"];

impl Turns {
    fn of(&self, element: &Value) -> Vec<Turn> {
        let list = element.pointer(&self.items).and_then(Value::as_array);
        list.map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|turn| {
                let written = text_of(turn.pointer(&self.speaker)?)?;
                let speaker = self.speakers.get(&written).unwrap_or(&written);
                let text = text_of(turn.pointer(&self.text)?)?;
                SPEAKERS.contains(&speaker.as_str()).then(|| Turn {
                    speaker: speaker.clone(),
                    at: self.at.as_ref().and_then(|at| scalar_of(turn.pointer(at)?)),
                    text,
                })
            })
            .collect()
    }
}

impl FullSource {
    fn pointers(&self) -> impl Iterator<Item = &str> {
        let list = match &self.at {
            None => &[][..],
            Some(Pointers::One(one)) => std::slice::from_ref(one),
            Some(Pointers::Many(many)) => many,
        };
        list.iter().map(String::as_str)
    }
}

impl Source {
    fn value(&self, element: &Value, document: &Value) -> Option<Value> {
        let full = match self {
            Self::At(at) => return element.pointer(at).filter(|v| !v.is_null()).cloned(),
            Self::Full(full) => full,
        };
        if let Some(value) = &full.value {
            return Some(value.clone());
        }
        let start = match full.from {
            From::Item => element,
            From::Body => document,
        };
        let mut found = full
            .pointers()
            .filter_map(|at| start.pointer(at))
            .filter(|v| !v.is_null());
        let value = match &full.join {
            None => found.next().cloned(),
            Some(between) => {
                let texts: Vec<String> = found.filter_map(text_of).collect();
                (!texts.is_empty()).then(|| Value::String(texts.join(between)))
            }
        };
        let value = value.map(|v| {
            let written = text_of(&v).unwrap_or_default();
            full.values.get(&written).cloned().unwrap_or(v)
        });
        value.or_else(|| full.default.clone())
    }
}

/// A value as text: lists of plain values with commas, objects not at all.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let texts: Vec<String> = list.iter().filter_map(text_of).collect();
            (!texts.is_empty()).then(|| texts.join(","))
        }
        plain => Some(plain.to_string()),
    }
}

fn scalar_of(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(flag) => Some(Scalar::Flag(*flag)),
        Value::Number(number) => number.as_f64().map(Scalar::Number),
        other => text_of(other).map(Scalar::Text),
    }
}

/// The record as JSON, small enough to be kept.
fn cut(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= MAX_RAW {
        return text;
    }
    let end = (0..=MAX_RAW).rev().find(|at| text.is_char_boundary(*at));
    Value::String(text[..end.unwrap_or(0)].to_owned()).to_string()
}

fn wrong(message: impl std::fmt::Display) -> Failure {
    failure::config("mapping.invalid", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping(value: Value) -> Mapping {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_mapping_that_does_not_fit_is_no_empty_list() {
        let mapping = |more: Value| -> Mapping {
            let mut all = json!({"items": "/data", "fields": {"external_id": "/id"}});
            if let (Some(all), Some(more)) = (all.as_object_mut(), more.as_object()) {
                all.extend(more.clone());
            }
            serde_json::from_value(all).unwrap()
        };
        let strict = mapping(json!({}));
        let absent = |document: Value| strict.map(&document).absent;
        assert_eq!(
            absent(json!({"rows": [{"id": 1}]})),
            Some("/data".to_owned())
        );
        assert_eq!(absent(json!("busy")), Some("/data".to_owned()));
        for empty in [
            json!({"data": []}),
            json!({"data": null}),
            json!({"data": [{"id": 1}]}),
        ] {
            assert_eq!(absent(empty), None);
        }
        let lax = mapping(json!({"items_optional": true}));
        assert_eq!(lax.map(&json!({"rows": []})).absent, None);
    }

    #[test]
    fn fields_come_from_pointers_values_defaults_and_the_whole_document() {
        let m = mapping(json!({
            "items": "/data/list",
            "only_if": [{"at": "/type", "is": ["complaint", null]}],
            "fields": {
                "external_id": "/id",
                "text": {"at": ["/subject", "/none", "/body"], "join": "\n"},
                "kind": {"at": "/source", "values": {"phone": "call"}, "default": "ticket"},
                "business_line": {"from": "body", "at": "/shop/name"},
                "rating": {"at": ["/stars", "/score"], "values": {"good": 5}},
                "channel": {"value": "helpdesk"},
                "resolved": "/done"
            },
            "attributes": {"tags": "/tags", "priority": "/priority"}
        }));
        m.validate().unwrap();
        let mapped = m.map(&json!({
            "shop": {"name": "east"},
            "data": {"list": [
                {"id": 9_007_199_254_740_993_u64, "type": "complaint", "subject": "甲", "body": "乙",
                 "source": "phone", "score": "good", "done": false, "tags": ["a", "b"]},
                {"id": "x", "priority": null},
                {"id": "y", "type": "praise"},
                {"type": "complaint", "subject": "no id"},
            ]}
        }));
        let [first, second] = mapped.items.as_slice() else {
            panic!("{mapped:?}")
        };
        assert_eq!(first.external_id, "9007199254740993", "no digit is lost");
        assert_eq!(first.text.as_deref(), Some("甲\n乙"));
        assert_eq!(first.kind.as_deref(), Some("call"));
        assert_eq!(first.business_line.as_deref(), Some("east"));
        assert_eq!(first.rating, Some(Scalar::Number(5.0)));
        assert_eq!(first.resolved, Some(Scalar::Flag(false)));
        assert_eq!(first.attributes[0].value, "a,b");
        assert_eq!(second.kind.as_deref(), Some("ticket"));
        assert_eq!((second.text.clone(), second.attributes.len()), (None, 0));
        assert_eq!(mapped.passed_over, 1);
        assert_eq!(mapped.rejected.len(), 1);
        assert!(mapped.rejected[0].raw.contains("no id"));
    }

    #[test]
    fn a_conversation_replaces_the_text() {
        let m = mapping(json!({
            "fields": {"external_id": "/id", "text": "/summary"},
            "turns": {"items": "/log", "speaker": "/by", "speakers": {"u": "customer", "a": "agent"},
                      "text": "/say", "at": "/t"}
        }));
        let mapped = m.map(&json!({"id": "1", "summary": "s", "log": [
            {"by": "u", "say": "您好", "t": 1_700_000_000},
            {"by": "system", "say": "joined"},
            {"by": "agent", "say": "在的"}
        ]}));
        let turns = &mapped.items[0].turns;
        assert_eq!(turns.len(), 2);
        assert_eq!(
            (turns[0].speaker.as_str(), turns[1].speaker.as_str()),
            ("customer", "agent")
        );
        assert_eq!(turns[0].at, Some(Scalar::Number(1.7e9)));
        assert_eq!(mapped.items[0].text, None);
    }

    #[test]
    fn one_object_is_a_list_of_one_and_nothing_is_none() {
        let m = mapping(json!({"fields": {"external_id": "/id"}}));
        assert_eq!(m.map(&json!({"id": 1})).items.len(), 1);
        assert_eq!(m.map(&json!([{"id": 1}, {"id": 2}])).items.len(), 2);
        assert_eq!(m.map(&Value::Null), Mapped::default());
    }

    #[test]
    fn mistakes_are_named() {
        for (bad, named) in [
            (json!({"fields": {}}), "external_id"),
            (
                json!({"fields": {"external_id": "/id", "txt": "/t"}}),
                "txt",
            ),
            (json!({"fields": {"external_id": "id"}}), "external_id"),
            (
                json!({"fields": {"external_id": "/id", "text": {"join": " "}}}),
                "text",
            ),
            (
                json!({"items": "data", "fields": {"external_id": "/id"}}),
                "items",
            ),
            (
                json!({"fields": {"external_id": "/id"}, "turns": {"items": "/a", "speaker": "/b",
                    "speakers": {"x": "boss"}, "text": "/c"}}),
                "boss",
            ),
        ] {
            let failure = mapping(bad).validate().unwrap_err();
            assert!(
                failure.message.contains(named),
                "{named}: {}",
                failure.message
            );
        }
    }

    #[test]
    fn every_field_of_the_contract_can_be_mapped() {
        let fields = include_str!("../wit/guest.wit")
            .split("record item {")
            .nth(1)
            .and_then(|rest| rest.split('}').next())
            .unwrap();
        let names: Vec<String> = fields
            .lines()
            .filter_map(|l| {
                l.trim()
                    .split_once(": ")
                    .filter(|(n, _)| !n.starts_with('/'))
            })
            .map(|(n, _)| n.replace('-', "_"))
            .collect();
        assert_eq!(names.len(), TEXTS.len() + SCALARS.len() + 3);
        for name in names {
            let known = ["external_id", "turns", "attributes"].contains(&name.as_str())
                || TEXTS.iter().any(|(n, _)| *n == name)
                || SCALARS.iter().any(|(n, _)| *n == name);
            assert!(known, "{name}");
        }
    }
}
