//! Making a department win for a topic: what an agreed re-route changes in the rules.

use super::{By, Directory, Matter, Rule, topic_of};
use crate::organisation::Bilingual;
use serde::{Deserialize, Serialize};

/// What is changed so that a department gets a topic's matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A rule of the topic alone comes before the line that decides today, under that line's other conditions.
    RuleAdded {
        /// The line it becomes.
        line: usize,
        /// As written.
        rule: String,
        /// The line that decided, as written.
        before: String,
    },
    /// The line that decides today is about this topic alone: it names the department now.
    RuleChanged {
        /// Its number.
        line: usize,
        /// As written.
        rule: String,
        /// As it was.
        before: String,
    },
    /// No rule decides: the topic's own department does.
    TopicOwner,
}

impl Change {
    /// In one sentence, before as well as after it was done.
    #[must_use]
    pub fn sentence(&self) -> Bilingual {
        match self {
            Self::RuleAdded { line, rule, before } => Bilingual::new(
                format!("在第 {line} 行「{before}」之前加一条规则：{rule}"),
                format!("a rule before line {line} ({before}): {rule}"),
            ),
            Self::RuleChanged { line, rule, before } => Bilingual::new(
                format!("第 {line} 行「{before}」改为：{rule}"),
                format!("line {line} ({before}) becomes: {rule}"),
            ),
            Self::TopicOwner => Bilingual::new(
                "没有规则决定，改主题的责任部门",
                "no rule decides: the topic's own department changes",
            ),
        }
    }
}

/// A value as it can be read back.
fn written(value: &str) -> String {
    let plain = !value.contains(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                ',' | '，' | '、' | '"' | '“' | '”' | '「' | '」' | '→' | '>'
            )
    });
    if plain {
        value.to_owned()
    } else if value.contains('"') {
        format!("「{value}」")
    } else {
        format!("\"{value}\"")
    }
}

/// The rule that gives a topic to a department where `decided` gives it to another one today.
fn narrowed(decided: &Rule, topic: &str, department: &str) -> String {
    let mut rule = format!("topic:{}", written(topic));
    for (name, values) in [
        ("region", &decided.regions),
        ("channel", &decided.channels),
        ("cause", &decided.causes),
    ] {
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|v| written(&v.text)).collect();
            rule.push_str(&format!(" {name}:{}", values.join(",")));
        }
    }
    rule.push_str(&format!(" -> department:{}", written(department)));
    rule
}

/// What gives such a matter to the department, and the text of the rules after it; `None`: it has the
/// matter already.
///
/// The smallest change that wins: other topics, and other places that the deciding line does not speak of,
/// go where they went.
#[must_use]
pub fn amend(
    text: &str,
    directory: &Directory,
    matter: &Matter<'_>,
    department: &str,
) -> Option<(Change, String)> {
    let route = directory.decide(matter);
    if route.department.as_deref() == Some(department) {
        return None;
    }
    let By::Rule { line, text: before } = route.by else {
        return Some((Change::TopicOwner, text.to_owned()));
    };
    let decided = directory.rules.iter().find(|rule| rule.line == line)?;
    let rule = narrowed(decided, matter.topic, department);
    let alone =
        matches!(&decided.topics[..], [only] if topic_of(&only.text) == (matter.topic, false));
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<&str> = text.lines().collect();
    let change = if alone {
        lines[line - 1] = &rule;
        Change::RuleChanged {
            line,
            rule: rule.clone(),
            before,
        }
    } else {
        lines.insert(line - 1, &rule);
        Change::RuleAdded {
            line,
            rule: rule.clone(),
            before,
        }
    };
    Some((change, lines.join("\n") + "\n"))
}
