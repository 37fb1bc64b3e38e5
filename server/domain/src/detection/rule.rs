//! A detector: what it looks at, how it decides, who answers for it.

use super::params::{InvalidParam, Params, Window};
use crate::issues::IssueKind;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// Kinds of detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DetectorKind))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A fixed number of contacts per window.
    Threshold,
    /// More contacts than the topic's own history lets expect.
    Spike,
    /// Satisfaction below the topic's own history.
    CsatFall,
    /// A voice with a risk.
    Risk,
    /// A voice with a bad rating.
    LowRating,
    /// A search that finds nothing, again and again.
    NoResultSearch,
    /// An article that readers do not find helpful.
    UnhelpfulArticle,
    /// An agent who moves away from the own baseline.
    AgentDrift,
    /// Something people say.
    Phrase,
    /// A channel from which less arrives than it should.
    SilentSource,
    /// A topic without history.
    NewTopic,
    /// What a verdict found reached is lost again. The watch after every verdict says so: nobody makes a
    /// rule of this kind.
    GoalLost,
}

impl Kind {
    /// Every kind that rules can be made of.
    pub const ALL: [Self; 11] = [
        Self::Threshold,
        Self::Spike,
        Self::CsatFall,
        Self::Risk,
        Self::LowRating,
        Self::NoResultSearch,
        Self::UnhelpfulArticle,
        Self::AgentDrift,
        Self::Phrase,
        Self::SilentSource,
        Self::NewTopic,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Spike => "spike",
            Self::CsatFall => "csat_fall",
            Self::Risk => "risk",
            Self::LowRating => "low_rating",
            Self::NoResultSearch => "no_result_search",
            Self::UnhelpfulArticle => "unhelpful_article",
            Self::AgentDrift => "agent_drift",
            Self::Phrase => "phrase",
            Self::SilentSource => "silent_source",
            Self::NewTopic => "new_topic",
            Self::GoalLost => "goal_lost",
        }
    }

    /// Whether the voice that crosses the line fires it; the others look at days at their close.
    #[must_use]
    pub const fn immediate(self) -> bool {
        matches!(
            self,
            Self::Threshold | Self::Risk | Self::LowRating | Self::Phrase | Self::NoResultSearch
        )
    }
}

/// A detector that is to be quiet for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// The last day on which nothing is raised.
    pub until: NaiveDate,
    /// Why, for those who wonder.
    pub reason: String,
}

/// A rule that watches facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "Written")]
pub struct Detector {
    /// Stable name.
    #[cfg_attr(feature = "schema", schema(required = false))]
    pub key: String,
    /// What it does.
    pub kind: Kind,
    /// What it looks at.
    #[cfg_attr(feature = "schema", schema(required = false))]
    pub scope: Scope,
    /// How it decides: the parameters of its kind.
    pub params: Params,
    /// Off detectors raise nothing.
    #[cfg_attr(feature = "schema", schema(required = false))]
    pub enabled: bool,
    /// Who answers for the rule.
    pub owner: Option<String>,
    /// Quiet for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<Mute>,
    /// What its issues are; what their topic says when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raises: Option<IssueKind>,
    /// Counts changes; a signal names the version that raised it.
    #[cfg_attr(feature = "schema", schema(required = false))]
    pub version: i64,
}

/// A detector as it stands in JSON: which fields `params` may have depends on `kind`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    key: String,
    kind: Kind,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    params: Value,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    mute: Option<Mute>,
    #[serde(default)]
    raises: Option<IssueKind>,
    #[serde(default)]
    version: i64,
}

fn yes() -> bool {
    true
}

impl TryFrom<Written> for Detector {
    type Error = InvalidParam;

    fn try_from(w: Written) -> Result<Self, InvalidParam> {
        Ok(Self {
            params: Params::read(w.kind, &w.params)?,
            key: w.key,
            kind: w.kind,
            scope: w.scope,
            enabled: w.enabled,
            owner: w.owner,
            mute: w.mute,
            raises: w.raises,
            version: w.version,
        })
    }
}

impl Detector {
    /// An enabled detector of all topics.
    #[must_use]
    pub fn new(key: impl Into<String>, params: Params) -> Self {
        Self {
            key: key.into(),
            kind: params.kind(),
            scope: Scope::default(),
            params,
            enabled: true,
            owner: None,
            mute: None,
            raises: None,
            version: 1,
        }
    }

    /// Whether its values make sense; the first that does not is named.
    pub fn check(&self) -> Result<(), InvalidParam> {
        self.params.check()?;
        if let Some(mute) = &self.mute
            && (mute.reason.trim().is_empty() || mute.reason.chars().count() > 500)
        {
            return Err(InvalidParam {
                field: "mute.reason".to_owned(),
                code: "out_of_range",
                detail: "1 to 500 characters".to_owned(),
            });
        }
        Ok(())
    }

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

    /// Whether nothing of `day` is to be raised.
    #[must_use]
    pub fn muted_on(&self, day: NaiveDate) -> bool {
        self.mute.as_ref().is_some_and(|m| day <= m.until)
    }

    /// The number of voices that is still accepted, for kinds that count towards a fixed limit.
    #[must_use]
    pub fn limit(&self) -> Option<i64> {
        match &self.params {
            Params::Threshold(p) => Some(p.limit),
            Params::Risk(p) => Some(p.limit),
            Params::LowRating(p) => Some(p.limit),
            Params::Phrase(p) => Some(p.limit),
            Params::NoResultSearch(p) => Some(p.limit),
            Params::Spike(_)
            | Params::CsatFall(_)
            | Params::UnhelpfulArticle(_)
            | Params::AgentDrift(_)
            | Params::SilentSource(_)
            | Params::NewTopic(_) => None,
        }
    }

    /// What a fixed limit counts together; `None` for kinds that know no such limit, or days of their own.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        match &self.params {
            Params::Threshold(p) => Some(p.window),
            Params::Risk(p) => Some(p.window),
            Params::LowRating(p) => Some(p.window),
            Params::Phrase(p) => Some(p.window),
            _ => None,
        }
    }

    /// The days that a rule adds up: 1 for those that look at days, or moments, by themselves.
    #[must_use]
    pub fn days(&self) -> u16 {
        match &self.params {
            Params::NoResultSearch(p) => p.window_days,
            Params::UnhelpfulArticle(p) => p.window_days,
            _ => self.window().map_or(1, Window::days),
        }
    }

    /// Days of silence after an alarm, for kinds that add days up.
    #[must_use]
    pub fn quiet_days(&self) -> Option<u16> {
        match &self.params {
            Params::Spike(p) => Some(p.quiet_days),
            Params::CsatFall(p) => Some(p.quiet_days),
            _ => None,
        }
    }

    /// The same rule without silence: what it says of days after an alarm that nobody heard.
    #[must_use]
    pub fn without_silence(&self) -> Self {
        let mut rule = self.clone();
        match &mut rule.params {
            Params::Spike(p) => p.quiet_days = 0,
            Params::CsatFall(p) => p.quiet_days = 0,
            _ => {}
        }
        rule
    }

    /// Whether `count` voices in one window of a counting kind are too many on `day`.
    #[must_use]
    pub fn fires(&self, day: NaiveDate, count: i64) -> bool {
        self.enabled && !self.muted_on(day) && self.limit().is_some_and(|limit| count > limit)
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
