//! Days that are known to be different: holidays, planned events, a new survey. They are shown on
//! charts; what each does to baselines and verdicts stands with its kind.

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

/// What sort of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = CalendarNoteKind))]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// A public holiday: judged like a weekend.
    Holiday,
    /// Something planned: a campaign, a move of systems, a price change. Out of detection's
    /// baselines.
    Event,
    /// The survey asks otherwise from `from` on (wording, scale, vendor): ratings before and after
    /// cannot be compared.
    SurveyChanged,
}

/// Days that are known to be different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CalendarNote {
    /// Stable name.
    #[serde(default)]
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What sort of days.
    pub kind: NoteKind,
    /// First day, of the organisation's calendar.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// Topics concerned, each with everything below it; empty: all.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Channels concerned; empty: all.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Counts changes.
    #[serde(default)]
    pub version: i64,
}

/// Longest note, in days: more is no exception any more.
pub const LONGEST_NOTE: i64 = 366;

impl CalendarNote {
    /// Whether it says something of this topic (with its ancestors) and channel. `None`: of all
    /// channels together, which one of them moves too.
    #[must_use]
    pub fn concerns(&self, topic_and_ancestors: &[String], channel: Option<&str>) -> bool {
        let topic =
            self.topics.is_empty() || self.topics.iter().any(|t| topic_and_ancestors.contains(t));
        let channel = self.channels.is_empty()
            || channel.is_none_or(|c| self.channels.iter().any(|own| own == c));
        topic && channel
    }

    /// Its days that lie between `from` and `to`, both included.
    pub fn days(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let (first, last) = (self.from.max(from), self.to.min(to));
        (0..=(last - first).num_days()).map(move |n| first + TimeDelta::days(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, d).unwrap()
    }

    fn note() -> CalendarNote {
        CalendarNote {
            key: "national".into(),
            name: "国庆".into(),
            kind: NoteKind::Holiday,
            from: day(1),
            to: day(7),
            topics: vec![],
            channels: vec![],
            version: 0,
        }
    }

    #[test]
    fn days_are_cut_to_what_is_asked_for() {
        let days: Vec<_> = note().days(day(6), day(20)).collect();
        assert_eq!(days, [day(6), day(7)]);
        assert_eq!(note().days(day(8), day(20)).count(), 0);
    }

    #[test]
    fn a_note_of_some_topics_or_channels_says_nothing_of_others() {
        let path = ["退换".to_owned(), "物流".to_owned()];
        assert!(note().concerns(&path, None));
        let of_topic = CalendarNote {
            topics: vec!["物流".into()],
            ..note()
        };
        assert!(of_topic.concerns(&path, Some("chat")));
        assert!(!of_topic.concerns(&["资费".to_owned()], None));
        let of_channel = CalendarNote {
            channels: vec!["chat".into()],
            ..note()
        };
        assert!(of_channel.concerns(&path, Some("chat")));
        assert!(!of_channel.concerns(&path, Some("phone")));
        assert!(
            of_channel.concerns(&path, None),
            "what moves one channel moves the sum"
        );
    }
}
