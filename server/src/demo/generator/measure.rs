//! Does the verification tell the three stories apart? Over many seeds, on counts alone: the same
//! draws that the texts are written over, labelled rightly.

use super::course::{CHANNELS, Count, DAYS, Dates, StoryKind, THEMES, Theme, counts};
use super::{Plan, STARTER_SET, topic_name};
use chrono::{Days, NaiveDate};
use domain::facts::Counters;
use domain::verification::baseline::Windows;
use domain::verification::contract::Asked;
use domain::verification::{
    Course, DayRow, Facts, MATURITY_SCHEDULED, Verdict, Verification, evaluate, propose,
    usual_noise,
};
use std::fmt;
use std::ops::RangeInclusive;

/// The daily counts of a theme over the history.
fn rows(seed: u64, at: usize, theme: &Theme, first: NaiveDate) -> Vec<DayRow> {
    let mut rows = Vec::new();
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
    rows
}

/// The heading of a topic in the starter set.
fn heading(topic: Option<&str>) -> Option<String> {
    let set = crate::analysis::sets()
        .into_iter()
        .find(|s| s.key == STARTER_SET)?;
    let topic = set
        .topics
        .into_iter()
        .find(|t| Some(t.key.as_str()) == topic)?;
    topic.parent
}

/// The themes that a story is compared with: no story of their own, another heading of the set.
fn compared(kind: StoryKind) -> Vec<(usize, &'static Theme)> {
    let own = THEMES
        .iter()
        .find(|t| t.story == Some(kind))
        .and_then(|t| heading(t.key));
    THEMES
        .iter()
        .enumerate()
        .filter(|(_, t)| t.key.is_some() && t.story.is_none() && heading(t.key) != own)
        .collect()
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
/// alarm, the looks of all nights to the horizon.
fn verify(
    seed: u64,
    kind: StoryKind,
    compared: &[(usize, &Theme)],
    until: NaiveDate,
) -> Verification {
    let plan = Plan::new(seed, until);
    let first = plan.first_day();
    let own: Vec<DayRow> = THEMES
        .iter()
        .enumerate()
        .filter(|(_, t)| t.story == Some(kind))
        .flat_map(|(at, theme)| rows(seed, at, theme, first))
        .collect();
    let others: Vec<Vec<DayRow>> = compared
        .iter()
        .map(|(at, theme)| rows(seed, *at, theme, first))
        .collect();
    let control: Vec<DayRow> = others.concat();
    let dates = Dates::of(seed, kind);
    let day = |index: i64| first + Days::new(index.unsigned_abs());
    let (alarm, fix) = (day(dates.alarm), day(dates.fix));
    let known = |rows: &[DayRow]| -> Vec<DayRow> {
        rows.iter()
            .filter(|row| row.day <= alarm)
            .cloned()
            .collect()
    };
    let (known_own, known_control) = (known(&own), known(&control));
    let facts = Facts {
        topic: &known_own,
        control: &known_control,
        control_topics: others.len(),
        siblings: &[],
    };
    let topic = topic_name(kind);
    let contract = propose(
        &facts,
        &Asked::by_rule(topic.zh.clone(), alarm, Some(alarm)),
    );
    let today = until + Days::new(1);
    let now = today.and_time(chrono::NaiveTime::MIN).and_utc();
    let mut course = Course {
        maturity_days: MATURITY_SCHEDULED,
        ..Course::on_request(now, today, fix, topic)
    };
    let until = Windows::of(&contract, &course, false).history_end;
    let series: Vec<&[DayRow]> = others.iter().map(Vec::as_slice).collect();
    course.usual_noise = usual_noise(contract.metric, &series, &[], until);
    let facts = Facts {
        topic: &own,
        control: &control,
        ..facts
    };
    evaluate(&contract, &facts, &course)
}

/// The date that the measurement ends on: a fixed one, as weekdays matter.
fn until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 30).unwrap_or_default()
}

/// The verdicts of a seed whose history ends with `until`, in the order of [`StoryKind::ALL`].
/// The date matters by its day of the week only.
#[must_use]
pub fn verdicts(seed: u64, until: NaiveDate) -> [Verdict; 3] {
    StoryKind::ALL.map(|kind| verify(seed, kind, &compared(kind), until).verdict)
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
    let with = StoryKind::ALL.map(compared);
    let mut count = 0;
    for seed in seeds {
        count += 1;
        for (outcome, with) in outcomes.iter_mut().zip(&with) {
            let result = verify(seed, outcome.story, with, until());
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
