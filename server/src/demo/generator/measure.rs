//! Does the verification tell the three stories apart? Over many seeds, on counts alone: the same
//! draws that the texts are written over, labelled rightly.

use super::course::{CHANNELS, Count, DAYS, Dates, StoryKind, THEMES, counts};
use super::{Plan, topic_name};
use chrono::{Days, NaiveDate};
use domain::facts::Counters;
use domain::verification::contract::Asked;
use domain::verification::{
    Course, DayRow, Facts, MATURITY_SCHEDULED, Verdict, Verification, evaluate, propose,
};
use std::fmt;
use std::ops::RangeInclusive;

/// The daily counts of a story's topic over the history.
fn rows(seed: u64, kind: StoryKind, first: NaiveDate) -> Vec<DayRow> {
    let mut rows = Vec::new();
    for (at, theme) in THEMES
        .iter()
        .enumerate()
        .filter(|(_, t)| t.story == Some(kind))
    {
        for index in 0..DAYS {
            let day = first + Days::new(index.unsigned_abs());
            for (channel, count) in CHANNELS.iter().zip(counts(seed, at, theme, index, day)) {
                rows.push(DayRow {
                    day,
                    channel: channel.key.to_owned(),
                    counters: counters(&count),
                });
            }
        }
    }
    rows
}

fn counters(count: &Count) -> Counters {
    let (contacts, rated, satisfied) = (
        i64::from(count.contacts),
        i64::from(count.rated),
        i64::from(count.satisfied),
    );
    Counters {
        voices: contacts,
        contacts,
        rated,
        satisfied,
        ..Counters::default()
    }
}

/// The verification of one story, at the end of the history: contract as proposed on the day of the
/// alarm, one scheduled look at the horizon.
fn verify(seed: u64, kind: StoryKind, until: NaiveDate) -> Verification {
    let plan = Plan::new(seed, until);
    let first = plan.first_day();
    let all = rows(seed, kind, first);
    let dates = Dates::of(seed, kind);
    let day = |index: i64| first + Days::new(index.unsigned_abs());
    let (alarm, fix) = (day(dates.alarm), day(dates.fix));
    let known: Vec<DayRow> = all.iter().filter(|row| row.day <= alarm).cloned().collect();
    let topic = topic_name(kind);
    let contract = propose(
        &known,
        &Asked::by_rule(topic.zh.clone(), alarm, Some(alarm)),
    );
    let today = until + Days::new(1);
    let now = today.and_time(chrono::NaiveTime::MIN).and_utc();
    let course = Course {
        maturity_days: MATURITY_SCHEDULED,
        ..Course::on_request(now, today, fix, topic)
    };
    evaluate(&contract, &Facts::of_topic(&all), &course)
}

/// The date that the measurement ends on: a fixed one, as weekdays matter.
fn until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 30).unwrap_or_default()
}

/// The verdicts of a seed whose history ends with `until`, in the order of [`StoryKind::ALL`].
/// The date matters by its day of the week only.
#[must_use]
pub fn verdicts(seed: u64, until: NaiveDate) -> [Verdict; 3] {
    StoryKind::ALL.map(|kind| verify(seed, kind, until).verdict)
}

/// What became of one story over all seeds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Outcome {
    /// The story.
    pub story: StoryKind,
    /// How often each verdict fell, in the order of [`Verdict::ALL`].
    pub verdicts: [u32; Verdict::ALL.len()],
    /// How often the naive comparison claims a success.
    pub naive_success: u32,
}

impl Outcome {
    /// How often this verdict fell.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> u32 {
        Verdict::ALL
            .iter()
            .zip(self.verdicts)
            .find(|(v, _)| **v == verdict)
            .map_or(0, |(_, n)| n)
    }
}

/// The table that `measure` makes; its `Display` is the table for people.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Measured {
    /// Number of seeds.
    pub seeds: u32,
    /// By story.
    pub outcomes: Vec<Outcome>,
}

/// Verifies the three stories of every seed.
#[must_use]
pub fn measure(seeds: RangeInclusive<u64>) -> Measured {
    let mut outcomes: Vec<Outcome> = StoryKind::ALL
        .map(|story| Outcome {
            story,
            verdicts: [0; Verdict::ALL.len()],
            naive_success: 0,
        })
        .into();
    let mut count = 0;
    for seed in seeds {
        count += 1;
        for outcome in &mut outcomes {
            let result = verify(seed, outcome.story, until());
            outcome.naive_success += u32::from(result.naive.claims_success);
            for (verdict, n) in Verdict::ALL.iter().zip(&mut outcome.verdicts) {
                *n += u32::from(*verdict == result.verdict);
            }
        }
    }
    Measured {
        seeds: count,
        outcomes,
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds; share of each verdict, and of successes that a naive before/after comparison claims",
            self.seeds
        )?;
        write!(f, "{:<12}", "story")?;
        for verdict in Verdict::ALL {
            write!(f, "{:>14}", verdict.as_str())?;
        }
        writeln!(f, "{:>16}", "naive success")?;
        let share = |n: u32| {
            format!(
                "{:.1} %",
                100.0 * f64::from(n) / f64::from(self.seeds.max(1))
            )
        };
        for outcome in &self.outcomes {
            write!(f, "{:<12}", outcome.story.as_str())?;
            for n in outcome.verdicts {
                write!(f, "{:>14}", share(n))?;
            }
            writeln!(f, "{:>16}", share(outcome.naive_success))?;
        }
        Ok(())
    }
}
