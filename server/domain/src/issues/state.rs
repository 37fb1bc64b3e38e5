//! What may happen to an issue.

use crate::clock::Timestamp;
use crate::detection::{Scope, Signal, Subject};
use crate::ids::IssueId;
use crate::organisation::Bilingual;
use crate::verification::Verdict;
use serde::{Deserialize, Serialize};

/// Where an issue is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody works on it.
    Open,
    /// At least one task is under way.
    InProgress,
    /// Every task is done and one waits for its verdict.
    Verifying,
    /// Its task was verified.
    Resolved,
    /// It came back after it had been resolved.
    Relapsed,
    /// What made the alarm ring no longer holds: nothing was wrong.
    Dismissed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::InProgress,
        Self::Verifying,
        Self::Resolved,
        Self::Relapsed,
        Self::Dismissed,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Verifying => "verifying",
            Self::Resolved => "resolved",
            Self::Relapsed => "relapsed",
            Self::Dismissed => "dismissed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// When an issue opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// When.
    pub at: Timestamp,
    /// The day that made the alarm ring.
    pub alarm_day: chrono::NaiveDate,
    /// What it was called; `None` in issues of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<Bilingual>,
}

/// A detected problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// Identity.
    pub id: IssueId,
    /// Topic, cause and scope in one: signals of the same key join this issue.
    pub key: String,
    /// Where it is in its life.
    pub state: State,
    /// One line for people.
    pub title: String,
    /// What it is called in both languages; `None` in issues of an earlier version, which have a title
    /// only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading: Option<Bilingual>,
    /// What it is about; in issues of an earlier version empty, they are about their topic.
    #[serde(default)]
    pub subject: Subject,
    /// The topic it is about; empty: no topic explains the voices, or it is about no topic at all.
    pub topic: String,
    /// The cause, where known.
    pub cause: Option<String>,
    /// Channel and region it is limited to.
    pub scope: Scope,
    /// The detector that opened it.
    pub detector: String,
    /// Contacts in the latest window, raised by every further voice.
    pub count: i64,
    /// When it opened, or last relapsed.
    pub opened_at: Timestamp,
    /// The day that made the alarm ring: what verification keeps out of its baseline.
    pub alarm_day: chrono::NaiveDate,
    /// How often it opened: 1, and 1 more for every relapse and whenever it was dismissed too early.
    pub openings: i64,
    /// The opening before a relapse: what a relapse that no longer holds goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Opening>,
    /// Counts changes.
    pub version: i64,
}

/// What can happen to an issue.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a command lives for one call and is never stored"
)]
pub enum Command {
    /// A detector fired, or counted on.
    Signalled(Signal),
    /// A task for it was given to somebody.
    TaskAssigned,
    /// A task's solution went live; `open_tasks` others are still under way.
    TaskDone {
        /// Tasks of this issue that are still under way.
        open_tasks: usize,
    },
    /// A task was judged; `open_tasks` others are still under way.
    Judged {
        /// The verdict.
        verdict: Verdict,
        /// Tasks of this issue that are still under way.
        open_tasks: usize,
    },
    /// The last task was cancelled or came to nothing.
    NoTaskLeft,
    /// Late data arrived, and none of the signals that opened it holds any more.
    Withdrawn,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the topic's department, once per opening.
    Notify,
}

/// Why something cannot happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an issue that is {state:?} cannot do this")]
pub struct Refused {
    /// The state it is in.
    pub state: State,
}

/// The issue that a signal opens.
#[must_use]
pub fn opened(
    id: IssueId,
    key: String,
    heading: Bilingual,
    topic: String,
    scope: Scope,
    signal: &Signal,
    at: Timestamp,
) -> Issue {
    Issue {
        id,
        key,
        state: State::Open,
        title: heading.zh.clone(),
        heading: Some(heading),
        subject: signal.subject.clone(),
        topic,
        cause: None,
        scope,
        detector: signal.detector.clone(),
        count: signal.count,
        opened_at: at,
        alarm_day: signal.window,
        openings: 1,
        before: None,
        version: 1,
    }
}

/// The issue after `command`, and what follows from it.
pub fn apply(
    issue: Issue,
    command: &Command,
    at: Timestamp,
) -> Result<(Issue, Vec<Effect>), Refused> {
    use State::{Dismissed, InProgress, Open, Relapsed, Resolved, Verifying};
    let mut next = issue;
    let mut effects = Vec::new();
    match command {
        Command::Signalled(signal) => {
            // A rule that adds days up must have begun to do so after the alarm it once raised.
            let first = signal.change_day.unwrap_or(signal.window);
            let relapses = next.state == Resolved && first > next.alarm_day;
            // Nothing was mended: even the day that was dismissed may ring again, with other figures.
            let reopens = next.state == Dismissed && signal.window >= next.alarm_day;
            // Rules count different things: the issue shows what its own rule counts.
            if relapses
                || reopens
                || (signal.detector == next.detector && signal.window >= next.alarm_day)
            {
                next.count = signal.count;
            }
            if relapses || reopens {
                next.before = relapses.then_some(Opening {
                    at: next.opened_at,
                    alarm_day: next.alarm_day,
                    heading: next.heading.clone(),
                });
                next.detector.clone_from(&signal.detector);
                next.state = if relapses { Relapsed } else { Open };
                next.openings += 1;
                next.opened_at = at;
                next.alarm_day = signal.window;
                effects.push(Effect::Notify);
            }
        }
        Command::TaskAssigned => next.state = InProgress,
        Command::TaskDone { open_tasks } => match next.state {
            Resolved => return Err(Refused { state: next.state }),
            _ if *open_tasks == 0 => next.state = Verifying,
            _ => next.state = InProgress,
        },
        Command::Judged {
            verdict,
            open_tasks,
        } => {
            next.state = match verdict {
                Verdict::Improved | Verdict::Recovered if *open_tasks == 0 => Resolved,
                Verdict::Pending if *open_tasks == 0 => Verifying,
                Verdict::Worse | Verdict::NoEffect | Verdict::Inconclusive if *open_tasks == 0 => {
                    Open
                }
                _ => InProgress,
            };
        }
        Command::NoTaskLeft => {
            if next.state != Resolved {
                next.state = Open;
            }
        }
        // Where somebody works on it, a person decides.
        Command::Withdrawn => match next.state {
            Open => next.state = Dismissed,
            Relapsed => {
                next.state = Resolved;
                if let Some(before) = next.before.take() {
                    next.opened_at = before.at;
                    next.alarm_day = before.alarm_day;
                    if let Some(heading) = before.heading {
                        next.title.clone_from(&heading.zh);
                        next.heading = Some(heading);
                    }
                }
            }
            state => return Err(Refused { state }),
        },
    }
    next.version += 1;
    Ok((next, effects))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{Detector, Params, Subject, ThresholdParams, Window};
    use chrono::{NaiveDate, TimeZone, Utc};

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, d).unwrap()
    }

    fn signal(d: u32, count: i64) -> Signal {
        let limit = ThresholdParams {
            limit: 50,
            window: Window::DAY,
        };
        let detector = Detector::new("d", Params::Threshold(limit));
        Signal::counted(&detector, Subject::topic("t"), day(d), count, None)
    }

    fn issue(state: State) -> Issue {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap();
        let id = IssueId(uuid::Uuid::nil());
        let first = opened(
            id,
            "k".into(),
            Bilingual::new("题", "t"),
            "k".into(),
            Scope::default(),
            &signal(1, 51),
            at,
        );
        Issue { state, ..first }
    }

    #[test]
    fn the_whole_transition_table() {
        let at = Utc.with_ymd_and_hms(2026, 3, 2, 0, 0, 0).unwrap();
        let commands = [
            ("signalled", Command::Signalled(signal(2, 60))),
            ("assigned", Command::TaskAssigned),
            ("done", Command::TaskDone { open_tasks: 0 }),
            (
                "improved",
                Command::Judged {
                    verdict: Verdict::Improved,
                    open_tasks: 0,
                },
            ),
            (
                "no_effect",
                Command::Judged {
                    verdict: Verdict::NoEffect,
                    open_tasks: 0,
                },
            ),
            (
                "worse",
                Command::Judged {
                    verdict: Verdict::Worse,
                    open_tasks: 0,
                },
            ),
            (
                "others",
                Command::Judged {
                    verdict: Verdict::Improved,
                    open_tasks: 1,
                },
            ),
            ("none left", Command::NoTaskLeft),
            ("withdrawn", Command::Withdrawn),
        ];
        let mut table = String::new();
        for state in State::ALL {
            for (name, command) in &commands {
                let (to, effects) = match apply(issue(state), command, at) {
                    Ok((next, effects)) => (next.state.as_str(), effects.len()),
                    Err(_) => ("refused", 0),
                };
                table.push_str(&format!(
                    "{:<12}{name:<10} → {to} {effects}\n",
                    state.as_str()
                ));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_fifty_second_contact_only_raises_the_count() {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 1, 0, 0).unwrap();
        let (next, effects) =
            apply(issue(State::Open), &Command::Signalled(signal(1, 52)), at).unwrap();
        assert_eq!(
            (next.count, next.state, next.openings),
            (52, State::Open, 1)
        );
        assert!(effects.is_empty());
    }

    #[test]
    fn an_alarm_that_no_longer_holds_is_no_relapse_when_it_rings_again() {
        let at = Utc.with_ymd_and_hms(2026, 3, 2, 1, 0, 0).unwrap();
        let (gone, effects) = apply(issue(State::Open), &Command::Withdrawn, at).unwrap();
        assert_eq!((gone.state, effects.len()), (State::Dismissed, 0));
        let again = Command::Signalled(signal(1, 70));
        let (next, effects) = apply(gone, &again, at).unwrap();
        assert_eq!((next.state, next.openings), (State::Open, 2));
        assert_eq!((next.count, next.before), (70, None));
        assert_eq!(effects, [Effect::Notify]);
    }

    #[test]
    fn a_relapse_that_no_longer_holds_goes_back_to_what_was_resolved() {
        let at = Utc.with_ymd_and_hms(2026, 3, 5, 1, 0, 0).unwrap();
        let resolved = issue(State::Resolved);
        let (back, _) = apply(resolved.clone(), &Command::Signalled(signal(4, 60)), at).unwrap();
        assert_eq!((back.state, back.alarm_day), (State::Relapsed, day(4)));
        let (gone, _) = apply(back, &Command::Withdrawn, at).unwrap();
        assert_eq!(gone.state, State::Resolved);
        assert_eq!(
            (gone.opened_at, gone.alarm_day, gone.openings),
            (resolved.opened_at, resolved.alarm_day, 2),
            "the next opening is told of again"
        );
    }

    #[test]
    fn the_alarm_day_itself_is_no_relapse() {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 1, 0, 0).unwrap();
        let (next, _) = apply(
            issue(State::Resolved),
            &Command::Signalled(signal(1, 70)),
            at,
        )
        .unwrap();
        assert_eq!(next.state, State::Resolved);
        let (next, effects) = apply(
            issue(State::Resolved),
            &Command::Signalled(signal(2, 70)),
            at,
        )
        .unwrap();
        assert_eq!((next.state, next.openings), (State::Relapsed, 2));
        assert_eq!(effects, [Effect::Notify]);
    }
}
