//! Detectors: rules that watch facts and raise signals.
//!
//! Kinds so far: the fixed **threshold** per calendar day of the organisation. It fires when the
//! count *exceeds* the limit, once per detector, topic and day.

use crate::organisation::Bilingual;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What a detector looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DetectorScope))]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// A topic and everything below it; without one, every topic by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// One channel; without one, all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// One region; without one, all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Parameters of a threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ThresholdParams {
    /// Contacts in one window that are still accepted: the next one fires.
    pub limit: i64,
    /// The window; `1d` is one calendar day of the organisation.
    #[serde(default)]
    pub window: Window,
}

/// Length of a detector's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Window {
    /// One calendar day of the organisation.
    #[default]
    #[serde(rename = "1d")]
    Day,
}

/// Kinds of detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DetectorKind))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A fixed number of contacts per window.
    Threshold,
}

/// A rule that watches facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Detector {
    /// Stable name.
    #[serde(default)]
    pub key: String,
    /// What it does.
    pub kind: Kind,
    /// What it looks at.
    #[serde(default)]
    pub scope: Scope,
    /// How it decides.
    pub params: ThresholdParams,
    /// Off detectors raise nothing.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Who answers for the rule.
    #[serde(default)]
    pub owner: Option<String>,
    /// Counts changes; a signal names the version that raised it.
    #[serde(default)]
    pub version: i64,
}

fn yes() -> bool {
    true
}

impl Detector {
    /// Whether a voice of `topic` (with its ancestors), `channel` and `region` is in scope.
    #[must_use]
    pub fn watches(&self, topic_and_ancestors: &[String], channel: &str, region: &str) -> bool {
        !topic_and_ancestors.is_empty()
            && self
                .scope
                .topic
                .as_ref()
                .is_none_or(|t| topic_and_ancestors.contains(t))
            && self.scope.channel.as_deref().is_none_or(|c| c == channel)
            && self.scope.region.as_deref().is_none_or(|r| r == region)
    }

    /// The topic that the signal and the issue are about.
    #[must_use]
    pub fn subject<'a>(&'a self, topic: &'a str) -> &'a str {
        self.scope.topic.as_deref().unwrap_or(topic)
    }

    /// Whether `count` contacts in one window are too many.
    #[must_use]
    pub fn fires(&self, count: i64) -> bool {
        self.enabled && count > self.params.limit
    }
}

/// One firing of a detector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Which detector.
    pub detector: String,
    /// Its version at that time.
    pub detector_version: i64,
    /// Its kind.
    pub kind: Kind,
    /// The day that was counted.
    pub window: NaiveDate,
    /// Contacts in the window when it last was looked at.
    pub count: i64,
    /// The limit that it exceeded.
    pub limit: i64,
}

impl Signal {
    /// Why it fired, for people.
    #[must_use]
    pub fn explanation(&self) -> Bilingual {
        Bilingual::new(
            format!(
                "{} 当天 {} 次来访，超过上限 {} 次",
                self.window, self.count, self.limit
            ),
            format!(
                "{} contacts on {}, above the limit of {}",
                self.count, self.window, self.limit
            ),
        )
    }
}

/// The key under which signals of the same cause join one issue: topic, cause and scope.
#[must_use]
pub fn issue_key(topic: &str, cause: Option<&str>, scope: &Scope) -> String {
    let part = |value: Option<&str>| value.unwrap_or("*").to_owned();
    [
        topic.to_owned(),
        part(cause),
        part(scope.channel.as_deref()),
        part(scope.region.as_deref()),
    ]
    .join("\u{1f}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector(scope: Scope) -> Detector {
        Detector {
            key: "d".into(),
            kind: Kind::Threshold,
            scope,
            params: ThresholdParams {
                limit: 50,
                window: Window::Day,
            },
            enabled: true,
            owner: None,
            version: 1,
        }
    }

    #[test]
    fn a_threshold_fires_when_the_count_exceeds_the_limit() {
        let d = detector(Scope::default());
        assert!(!d.fires(50));
        assert!(d.fires(51));
        assert!(
            !Detector {
                enabled: false,
                ..d
            }
            .fires(51)
        );
    }

    #[test]
    fn scope_is_a_subtree_a_channel_and_a_region() {
        let path = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        let d = detector(Scope {
            topic: Some("物流".into()),
            ..Scope::default()
        });
        assert!(d.watches(&path(&["退换", "物流"]), "phone", ""));
        assert!(!d.watches(&path(&["退款"]), "phone", ""));
        assert_eq!(d.subject("退换"), "物流");
        let d = detector(Scope {
            channel: Some("chat".into()),
            ..Scope::default()
        });
        assert!(d.watches(&path(&["退款"]), "chat", ""));
        assert!(!d.watches(&path(&["退款"]), "phone", ""));
        assert!(
            !d.watches(&[], "chat", ""),
            "a voice without topic is nobody's signal"
        );
        assert_eq!(d.subject("退款"), "退款");
    }

    #[test]
    fn other_scopes_are_other_issues() {
        let here = Scope {
            region: Some("华东".into()),
            ..Scope::default()
        };
        assert_ne!(
            issue_key("a", None, &here),
            issue_key("a", None, &Scope::default())
        );
        assert_ne!(
            issue_key("a", Some("b"), &here),
            issue_key("a", None, &here)
        );
    }
}
