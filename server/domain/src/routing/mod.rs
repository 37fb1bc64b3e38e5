//! Who gets it: owner rules, one a line, in the order in which they stand; the first that matches wins.
//!
//! ```text
//! # what, where, why  ->  who
//! topic:物流/* region:华东 channel:app cause:"天气" -> department:logistics owner:a@b.cn
//! channel:wechat,app -> department:digital
//! * -> department:service
//! ```
//!
//! Conditions of a line must all hold; several values of one condition stand for "any of them". `topic:a`
//! is that topic alone, `topic:a/*` the topic and everything below it; elsewhere `*` at the end of a
//! value stands for any ending. Where no line matches, the topic's own department gets it; where it has
//! none, the organisation's arbiter or those who run the loop.

mod amend;
mod parse;
#[cfg(test)]
mod tests;

pub use amend::{Change, amend};
pub use parse::{LONGEST_TEXT, MOST_RULES, parse};

use crate::organisation::{Bilingual, Department, Topic, subtree};

/// Something that a rule names, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As written, without quotes.
    pub text: String,
    /// Column of its first character, from 1.
    pub column: usize,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line as written, trimmed.
    pub text: String,
    /// Topics, any of; empty: all.
    pub topics: Vec<Named>,
    /// Regions, any of; empty: all.
    pub regions: Vec<Named>,
    /// Channels, any of; empty: all.
    pub channels: Vec<Named>,
    /// Causes, any of; empty: all.
    pub causes: Vec<Named>,
    /// Who gets it.
    pub department: Named,
    /// The person there; `None`: its first owner.
    pub owner: Option<Named>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Number of the line, from 1.
    pub line: usize,
    /// Column, in characters, from 1.
    pub column: usize,
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub detail: Bilingual,
}

/// What somebody is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matter<'a> {
    /// Topic; empty: none.
    pub topic: &'a str,
    /// Channel, where it is about one.
    pub channel: Option<&'a str>,
    /// Region, where it is about one.
    pub region: Option<&'a str>,
    /// Cause, where known.
    pub cause: Option<&'a str>,
}

/// Why somebody gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A line of the rules.
    Rule {
        /// Its number.
        line: usize,
        /// As written.
        text: String,
    },
    /// No line matches; the topic has a department.
    Topic,
    /// Nobody else: who decides in the organisation.
    Arbiter,
    /// Nobody else: those who run the loop.
    Loop,
}

/// Who gets it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The department; `None`: a person who is asked directly, or those who run the loop.
    pub department: Option<String>,
    /// Address of the person; `None`: nobody is named, or those who run the loop.
    pub owner: Option<String>,
    /// Why.
    pub by: By,
}

impl Route {
    /// Why, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> Bilingual {
        match &self.by {
            By::Rule { line, text } => Bilingual::new(
                format!("第 {line} 行规则最先匹配：{text}"),
                format!("line {line} is the first that matches: {text}"),
            ),
            By::Topic => Bilingual::new(
                "没有规则匹配，由主题的责任部门负责",
                "no rule matches: the topic's own department",
            ),
            By::Arbiter => Bilingual::new(
                "没有规则匹配，主题也没有责任部门，由组织的仲裁人决定",
                "no rule matches and the topic has no department: whoever decides in the organisation",
            ),
            By::Loop => Bilingual::new(
                "没有规则匹配，主题也没有责任部门，由客户之声负责人决定",
                "no rule matches and the topic has no department: those who run the loop",
            ),
        }
    }
}

/// Last part of a topic as a rule names it, and whether everything below it is meant.
fn topic_of(text: &str) -> (&str, bool) {
    let (path, below) = match text.strip_suffix("/*") {
        Some(path) => (path, true),
        None => (text, false),
    };
    (path.rsplit('/').next().unwrap_or_default(), below)
}

fn is_topic(pattern: &Named, topic: &str, topics: &[Topic]) -> bool {
    if pattern.text == "*" {
        return !topic.is_empty();
    }
    let (key, below) = topic_of(&pattern.text);
    key == topic || (below && subtree(key, topics).iter().any(|t| t == topic))
}

fn is_value(pattern: &Named, value: &str) -> bool {
    match pattern.text.strip_suffix('*') {
        Some(begin) => !value.is_empty() && value.starts_with(begin),
        None => pattern.text == value,
    }
}

impl Rule {
    /// Whether it says nothing of what must hold.
    #[must_use]
    pub fn matches_everything(&self) -> bool {
        self.topics.is_empty()
            && self.regions.is_empty()
            && self.channels.is_empty()
            && self.causes.is_empty()
    }

    /// Whether all of its conditions hold. What is not known of a matter meets no condition.
    #[must_use]
    pub fn matches(&self, matter: &Matter<'_>, topics: &[Topic]) -> bool {
        let any = |patterns: &[Named], value: Option<&str>| {
            patterns.is_empty()
                || value.is_some_and(|value| patterns.iter().any(|p| is_value(p, value)))
        };
        (self.topics.is_empty()
            || self
                .topics
                .iter()
                .any(|p| is_topic(p, matter.topic, topics)))
            && any(&self.regions, matter.region)
            && any(&self.channels, matter.channel)
            && any(&self.causes, matter.cause)
    }
}

/// What rules name that does not exist, and lines that nothing can reach.
#[must_use]
pub fn check(rules: &[Rule], topics: &[Topic], departments: &[Department]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut all_before: Option<usize> = None;
    for rule in rules {
        let mut fault = |named: &Named, code, zh: String, en: String| {
            faults.push(Fault {
                line: rule.line,
                column: named.column,
                code,
                detail: Bilingual::new(zh, en),
            });
        };
        for topic in rule.topics.iter().filter(|t| t.text != "*") {
            let path = topic.text.strip_suffix("/*").unwrap_or(&topic.text);
            let parts: Vec<&str> = path.split('/').collect();
            let unknown = parts
                .iter()
                .find(|part| !topics.iter().any(|t| t.key == **part));
            if let Some(part) = unknown {
                fault(
                    topic,
                    "unknown_topic",
                    format!("没有主题「{part}」"),
                    format!("there is no topic {part:?}"),
                );
                continue;
            }
            let loose = parts.windows(2).find(|pair| {
                pair[0] == pair[1] || !subtree(pair[0], topics).iter().any(|t| t == pair[1])
            });
            if let Some(pair) = loose {
                fault(
                    topic,
                    "not_below",
                    format!("主题「{}」不在「{}」之下", pair[1], pair[0]),
                    format!("topic {:?} is not below {:?}", pair[1], pair[0]),
                );
            }
        }
        match departments.iter().find(|d| d.key == rule.department.text) {
            None => fault(
                &rule.department,
                "unknown_department",
                format!("没有部门「{}」", rule.department.text),
                format!("there is no department {:?}", rule.department.text),
            ),
            Some(department) => {
                let owner = rule.owner.as_ref();
                let strange =
                    owner.filter(|o| !department.owners.iter().any(|known| known.email == o.text));
                if let Some(owner) = strange {
                    fault(
                        owner,
                        "unknown_owner",
                        format!("{} 不是部门「{}」的责任人", owner.text, department.key),
                        format!(
                            "{} is no owner of department {:?}",
                            owner.text, department.key
                        ),
                    );
                }
            }
        }
        if let Some(line) = all_before {
            let start = Named {
                text: String::new(),
                column: 1,
            };
            fault(
                &start,
                "unreachable",
                format!("第 {line} 行已匹配所有情况，这一行永远不会生效"),
                format!("line {line} matches everything: this line is never reached"),
            );
        } else if rule.matches_everything() {
            all_before = Some(rule.line);
        }
    }
    faults
}

/// Everything that a decision needs.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The rules, in their order.
    pub rules: Vec<Rule>,
    /// The taxonomy.
    pub topics: Vec<Topic>,
    /// All departments.
    pub departments: Vec<Department>,
    /// Who decides where nobody else does.
    pub arbiter: Option<String>,
}

impl Directory {
    /// Who gets a matter. Lines whose department is no more are passed over.
    #[must_use]
    pub fn decide(&self, matter: &Matter<'_>) -> Route {
        let department = |key: &str| self.departments.iter().find(|d| d.key == key);
        let first = |d: &Department| d.owners.first().map(|o| o.email.clone());
        let ruled = self
            .rules
            .iter()
            .filter(|rule| rule.matches(matter, &self.topics))
            .find_map(|rule| Some((rule, department(&rule.department.text)?)));
        if let Some((rule, department)) = ruled {
            let named = rule
                .owner
                .as_ref()
                .filter(|o| department.owners.iter().any(|known| known.email == o.text))
                .map(|o| o.text.clone());
            return Route {
                owner: named.or_else(|| first(department)),
                department: Some(department.key.clone()),
                by: By::Rule {
                    line: rule.line,
                    text: rule.text.clone(),
                },
            };
        }
        let own = self
            .topics
            .iter()
            .find(|t| t.key == matter.topic)
            .and_then(|t| t.owner_department.as_deref())
            .and_then(department);
        if let Some(own) = own {
            return Route {
                department: Some(own.key.clone()),
                owner: first(own),
                by: By::Topic,
            };
        }
        match self
            .arbiter
            .as_deref()
            .map(str::trim)
            .filter(|a| !a.is_empty())
        {
            Some(arbiter) => Route {
                department: None,
                owner: Some(arbiter.to_lowercase()),
                by: By::Arbiter,
            },
            None => Route {
                department: None,
                owner: None,
                by: By::Loop,
            },
        }
    }
}
