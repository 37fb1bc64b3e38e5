//! Putting an issue aside: why, until when, and what brings it back. Never for ever: every hold has a
//! date, and a rise that is large enough ends every hold before its date.

use super::State;
use crate::clock::Timestamp;
use crate::detection::{Kind, Signal};
use crate::identity::Actor;
use crate::organisation::Bilingual;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Days after which a dismissed issue is looked at again, where nobody says.
pub const REVIEW_DAYS: i64 = 90;
/// Most days that an issue can be put aside.
pub const LONGEST_DAYS: i64 = 366;
/// The growth that brings an issue back, where nobody says.
pub const USUAL_FACTOR: f64 = 3.0;
/// Smallest and largest growth that can be asked for: no larger rise is ever swallowed.
pub const FACTORS: (f64, f64) = (1.1, 10.0);
/// Most characters of a note.
pub const LONGEST_NOTE: usize = 1000;

/// Why a person dismisses an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing is wrong.
    NotAProblem,
    /// It is known and lived with.
    AcceptedRisk,
    /// Another issue is about the same.
    Duplicate,
    /// A sale, a storm, a release: it passes by itself.
    KnownEvent,
    /// What the note says.
    Other,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::NotAProblem,
        Self::AcceptedRisk,
        Self::Duplicate,
        Self::KnownEvent,
        Self::Other,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAProblem => "not_a_problem",
            Self::AcceptedRisk => "accepted_risk",
            Self::Duplicate => "duplicate",
            Self::KnownEvent => "known_event",
            Self::Other => "other",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> Bilingual {
        let (zh, en) = match self {
            Self::NotAProblem => ("不是问题", "not a problem"),
            Self::AcceptedRisk => ("接受风险", "accepted risk"),
            Self::Duplicate => ("与其他问题重复", "duplicate"),
            Self::KnownEvent => ("已知事件", "known event"),
            Self::Other => ("其他", "other"),
        };
        Bilingual::new(zh, en)
    }
}

/// What is counted, per day: figures of one measure can be compared, whichever rule counted.
pub type Sizes = BTreeMap<String, f64>;

/// The measure and the daily size of a signal; `None`: its figure is no size (a silent source, an
/// agent's handling time), so growth says nothing.
#[must_use]
pub fn size(signal: &Signal) -> Option<(&'static str, f64)> {
    let measure = match signal.kind {
        Kind::Threshold | Kind::Spike | Kind::NewTopic => "contacts",
        Kind::LowRating | Kind::CsatFall => "bad_ratings",
        Kind::Risk => "risks",
        Kind::Phrase => "phrases",
        Kind::NoResultSearch => "searches",
        Kind::UnhelpfulArticle => "votes",
        Kind::SilentSource | Kind::AgentDrift | Kind::GoalLost => return None,
    };
    let days = signal
        .change_day
        .map_or(1, |first| (signal.window - first).num_days() + 1)
        .max(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of voices are far below 2^52"
    )]
    let size = signal.count as f64 / days as f64;
    Some((measure, size))
}

/// Days before the latest signal that a size is taken from: a morning that has only begun is no level.
const LEVEL_DAYS: i64 = 7;

/// The sizes that signals speak of: of each measure the largest of the week before its latest signal.
#[must_use]
pub fn sizes<'a>(signals: impl IntoIterator<Item = &'a Signal>) -> Sizes {
    let mut all: BTreeMap<&'static str, Vec<(chrono::NaiveDate, f64)>> = BTreeMap::new();
    for signal in signals {
        if let Some((measure, size)) = size(signal) {
            all.entry(measure).or_default().push((signal.window, size));
        }
    }
    all.into_iter()
        .filter_map(|(measure, days)| {
            let latest = days.iter().map(|(day, _)| *day).max()?;
            let level = days
                .iter()
                .filter(|(day, _)| *day > latest - TimeDelta::days(LEVEL_DAYS))
                .map(|(_, size)| *size)
                .fold(0.0, f64::max);
            Some((measure.to_owned(), level))
        })
        .collect()
}

/// An issue that is put aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// When: also what tells one hold of an issue from the next.
    pub since: Timestamp,
    /// When it is looked at again.
    pub until: Timestamp,
    /// The growth over [`Self::sizes`] that brings it back before that.
    pub factor: f64,
    /// What was counted when it was put aside.
    pub sizes: Sizes,
    /// The state it was in and comes back to: [`State::Open`] or [`State::Relapsed`].
    pub from: State,
    /// Why it was dismissed; `None`: it is snoozed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// In a person's words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Who.
    pub by: Actor,
}

/// What a person asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Why; `None`: snooze.
    pub reason: Option<Reason>,
    /// In their words.
    pub note: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Until it grows by this factor.
    pub factor: Option<f64>,
}

/// Why an issue cannot be put aside like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Which input.
    pub field: &'static str,
    /// Stable code.
    pub code: &'static str,
    /// For people.
    pub detail: Bilingual,
}

impl Unfit {
    fn new(field: &'static str, code: &'static str, zh: &str, en: &str) -> Self {
        Self {
            field,
            code,
            detail: Bilingual::new(zh, en),
        }
    }
}

/// Checks a note: trimmed, not too long.
pub fn check_note(field: &'static str, text: &str, required: bool) -> Result<String, Unfit> {
    check_text(field, text, LONGEST_NOTE, required)
}

/// Checks what a person typed: trimmed, at most `longest` characters.
pub fn check_text(
    field: &'static str,
    text: &str,
    longest: usize,
    required: bool,
) -> Result<String, Unfit> {
    let text = text.trim();
    if required && text.is_empty() {
        return Err(Unfit::new(field, "required", "必填", "must not be empty"));
    }
    if text.chars().count() > longest {
        let (zh, en) = (
            format!("最多 {longest} 个字"),
            format!("at most {longest} characters"),
        );
        return Err(Unfit::new(field, "too_long", &zh, &en));
    }
    Ok(text.to_owned())
}

/// To two places: what people read is what is compared, and what is stored comes back as it was.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl Hold {
    /// The hold that a person asks for of an issue in state `from` whose signals speak of `sizes`.
    pub fn new(
        asked: &Asked,
        from: State,
        sizes: Sizes,
        by: Actor,
        at: Timestamp,
    ) -> Result<Self, Unfit> {
        let note = check_note("text", &asked.note, asked.reason == Some(Reason::Other))?;
        if asked.reason.is_none() && asked.until.is_none() && asked.factor.is_none() {
            return Err(Unfit::new(
                "until",
                "required",
                "请给出日期或增长倍数，至少一项",
                "give a date or a factor, at least one",
            ));
        }
        let longest = at + TimeDelta::days(LONGEST_DAYS);
        let until = match (asked.until, asked.reason) {
            (Some(until), _) => until,
            (None, Some(_)) => at + TimeDelta::days(REVIEW_DAYS),
            // Until it grows, and if it never does until somebody must say so again.
            (None, None) => longest,
        };
        if until <= at {
            return Err(Unfit::new(
                "until",
                "in_the_past",
                "必须在将来",
                "must be ahead",
            ));
        }
        if until > longest {
            return Err(Unfit::new(
                "until",
                "out_of_range",
                "最多一年",
                "at most a year ahead",
            ));
        }
        let factor = asked.factor.unwrap_or(USUAL_FACTOR);
        if !(FACTORS.0..=FACTORS.1).contains(&factor) {
            return Err(Unfit::new(
                "factor",
                "out_of_range",
                "1.1 到 10 倍",
                "1.1 to 10",
            ));
        }
        Ok(Self {
            since: at,
            until,
            factor: hundredths(factor),
            sizes: sizes
                .into_iter()
                .map(|(measure, size)| (measure, hundredths(size)))
                .collect(),
            from,
            reason: asked.reason,
            note,
            by,
        })
    }

    /// The state of an issue that is put aside like this.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.reason {
            Some(_) => State::Dismissed,
            None => State::Snoozed,
        }
    }

    /// Whether a signal says more than what was put aside: the size has grown by the factor, or it
    /// counts something that nothing counted then.
    #[must_use]
    pub fn is_outgrown(&self, signal: &Signal) -> bool {
        size(signal).is_some_and(|(measure, now)| {
            self.sizes
                .get(measure)
                .is_none_or(|then| now >= then.max(1.0) * self.factor)
        })
    }
}
