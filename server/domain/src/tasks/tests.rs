use super::*;
use crate::identity::{Actor, ActorKind};
use crate::ids::{IssueId, TaskId};
use crate::organisation::{Department, Locale, Owner};
use crate::verification::{Asked, Facts, Verdict, propose};
use chrono::{NaiveDate, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use uuid::Uuid;

fn owner(email: &str) -> Owner {
    Owner {
        email: email.into(),
        name: String::new(),
        language: Locale::ZhCn,
        time_zone: chrono_tz::Asia::Shanghai,
    }
}

fn actor() -> Actor {
    Actor {
        kind: ActorKind::Owner,
        name: "li".into(),
        email: None,
        via: "link".into(),
    }
}

fn now() -> crate::clock::Timestamp {
    Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap()
}

fn task(state: State) -> Task {
    let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let contract = propose(&Facts::default(), &Asked::by_rule("t", day, Some(day)));
    let department = Department {
        key: "d".into(),
        ..Department::default()
    };
    let (task, effects) = assigned(
        TaskId(Uuid::nil()),
        IssueId(Uuid::nil()),
        "t".into(),
        " title ",
        "",
        &department,
        owner("li@example.com"),
        actor(),
        now() + TimeDelta::days(7),
        false,
        vec![],
        contract,
        now(),
    );
    assert_eq!(effects, [Effect::OfferTask]);
    assert_eq!(task.title, "title");
    Task { state, ..task }
}

fn commands() -> Vec<Command> {
    vec![
        Command::Accept,
        Command::Decline {
            reason: "not ours".into(),
            department: None,
        },
        Command::HandOver {
            department: "e".into(),
            owner: owner("wang@example.com"),
            reason: None,
        },
        Command::Report {
            percent: 50,
            comment: "half".into(),
        },
        Command::Ask {
            comment: "what?".into(),
        },
        Command::Complete {
            solution: "done".into(),
            effective_at: None,
        },
        Command::Reassign {
            department: "e".into(),
            owner: owner("wang@example.com"),
            reason: "yours".into(),
        },
        Command::Cancel {
            reason: "no".into(),
        },
        Command::Judge {
            verdict: Verdict::Improved,
        },
        Command::Judge {
            verdict: Verdict::NoEffect,
        },
        Command::Judge {
            verdict: Verdict::Worse,
        },
        Command::Judge {
            verdict: Verdict::Pending,
        },
    ]
}

#[test]
fn the_whole_transition_table() {
    let mut table = String::new();
    for state in State::ALL {
        for command in commands() {
            let name = match &command {
                Command::Judge { verdict } => format!("judge {}", verdict.as_str()),
                other => other.event().to_owned(),
            };
            if let Ok((next, effects)) = apply(task(state), &command, &actor(), now()) {
                let effects: Vec<String> = effects
                    .iter()
                    .map(|e| {
                        format!("{e:?}")
                            .split('(')
                            .next()
                            .unwrap_or_default()
                            .to_owned()
                    })
                    .collect();
                table.push_str(&format!(
                    "{:<12} {name:<18} → {:<12} {}\n",
                    state.as_str(),
                    next.state.as_str(),
                    effects.join(" ")
                ));
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_task_given_back_is_judged_anew_until_something_new_is_delivered() {
    let worse = Command::Judge {
        verdict: Verdict::Worse,
    };
    let live = Task {
        effective_at: Some(now()),
        ..task(State::Verifying)
    };
    let (back, _) = apply(live, &worse, &actor(), now()).unwrap();
    assert_eq!(back.state, State::InProgress);
    assert!(back.is_reopened() && back.can_be_judged());
    for (verdict, state) in [
        (Verdict::Improved, State::Verified),
        (Verdict::NoEffect, State::NotVerified),
        (Verdict::Pending, State::Verifying),
        (Verdict::Worse, State::InProgress),
    ] {
        let command = Command::Judge { verdict };
        let (next, effects) = apply(back.clone(), &command, &actor(), now()).unwrap();
        assert_eq!((next.state, next.verdict), (state, Some(verdict)));
        let told = effects.contains(&Effect::TellVerdict(verdict));
        assert_eq!(
            told,
            matches!(verdict, Verdict::Improved | Verdict::NoEffect)
        );
    }
    // Somebody else is asked: the fix is still watched, and ends their work only where it worked after all.
    let elsewhere = Command::Reassign {
        department: "e".into(),
        owner: owner("wang@example.com"),
        reason: "yours".into(),
    };
    let (offered, _) = apply(back, &elsewhere, &actor(), now()).unwrap();
    let (accepted, _) = apply(offered.clone(), &Command::Accept, &actor(), now()).unwrap();
    let declined = Task {
        state: State::Declined,
        ..offered.clone()
    };
    for asked in [offered, accepted.clone(), declined] {
        for verdict in [Verdict::NoEffect, Verdict::Inconclusive, Verdict::Pending] {
            let command = Command::Judge { verdict };
            let (same, effects) = apply(asked.clone(), &command, &actor(), now()).unwrap();
            assert_eq!((same.state, same.verdict), (asked.state, Some(verdict)));
            assert_eq!(effects, []);
            assert!(same.can_be_judged(), "and goes on being watched");
        }
        let improved = Command::Judge {
            verdict: Verdict::Improved,
        };
        let (next, effects) = apply(asked, &improved, &actor(), now()).unwrap();
        assert_eq!(next.state, State::Verified);
        for effect in [Effect::RevokeLinks, Effect::TellVerdict(Verdict::Improved)] {
            assert!(effects.contains(&effect), "{effect:?}");
        }
    }
    // Until the new fix is delivered: from then on that one is judged.
    let complete = Command::Complete {
        solution: "another".into(),
        effective_at: None,
    };
    let (done, _) = apply(accepted, &complete, &actor(), now()).unwrap();
    assert_eq!((done.state, done.is_reopened()), (State::Done, false));
    // Who never delivered is owed no verdict.
    let never = task(State::InProgress);
    assert!(!never.can_be_judged());
    assert!(apply(never, &worse, &actor(), now()).is_err());
}

#[test]
fn complete_is_allowed_from_accepted() {
    let complete = Command::Complete {
        solution: "x".into(),
        effective_at: None,
    };
    let (next, effects) = apply(task(State::Accepted), &complete, &actor(), now()).unwrap();
    assert_eq!(next.state, State::Done);
    assert_eq!(next.effective_at, Some(now()));
    assert!(!next.backdated);
    assert!(effects.contains(&Effect::ScheduleVerification));
}

#[test]
fn a_date_in_the_past_is_kept_and_marked() {
    let at = now() - TimeDelta::days(10);
    let complete = Command::Complete {
        solution: "x".into(),
        effective_at: Some(at),
    };
    let (next, _) = apply(task(State::Accepted), &complete, &actor(), now()).unwrap();
    assert_eq!(next.effective_at, Some(at));
    assert!(next.backdated);
}

#[test]
fn a_reassigned_task_is_a_new_offer_and_its_links_are_dead() {
    let command = Command::Reassign {
        department: "e".into(),
        owner: owner("wang@example.com"),
        reason: "yours".into(),
    };
    let (next, effects) = apply(task(State::InProgress), &command, &actor(), now()).unwrap();
    assert_eq!((next.state, next.assignment), (State::Assigned, 2));
    assert_eq!(
        effects,
        [
            Effect::RevokeLinks,
            Effect::TellFormerOwner(owner("li@example.com")),
            Effect::OfferTask
        ]
    );
}

#[test]
fn empty_reasons_and_solutions_are_refused() {
    for command in [
        Command::Decline {
            reason: "  ".into(),
            department: None,
        },
        Command::Ask {
            comment: String::new(),
        },
        Command::Cancel {
            reason: String::new(),
        },
    ] {
        let refused = apply(task(State::Assigned), &command, &actor(), now()).unwrap_err();
        assert!(
            matches!(
                refused,
                Refused::Field {
                    code: "required",
                    ..
                }
            ),
            "{command:?}"
        );
    }
    let refused = apply(
        task(State::Accepted),
        &Command::Complete {
            solution: "x".repeat(20_001),
            effective_at: None,
        },
        &actor(),
        now(),
    )
    .unwrap_err();
    assert!(matches!(
        refused,
        Refused::Field {
            code: "too_long",
            ..
        }
    ));
}

#[test]
fn a_verdict_is_told_once() {
    let judge = Command::Judge {
        verdict: Verdict::NoEffect,
    };
    let (next, first) = apply(task(State::Done), &judge, &actor(), now()).unwrap();
    assert!(first.contains(&Effect::TellVerdict(Verdict::NoEffect)));
    let (_, second) = apply(next, &judge, &actor(), now()).unwrap();
    assert!(second.is_empty());
}

proptest! {
    /// Whatever happens in whatever order: refusals change nothing, versions count every change, a
    /// cancelled task stays cancelled, and only an improved one becomes knowledge.
    #[test]
    fn any_sequence_keeps_the_rules(picks in proptest::collection::vec(0_usize..12, 0..40)) {
        let all = commands();
        let mut present = task(State::Assigned);
        for pick in picks {
            let command = &all[pick];
            let before = present.clone();
            match apply(present, command, &actor(), now()) {
                Ok((next, effects)) => {
                    prop_assert_eq!(next.version, before.version + 1);
                    prop_assert_ne!(before.state, State::Cancelled);
                    prop_assert!(next.assignment >= before.assignment);
                    let improved = matches!(command, Command::Judge { verdict: Verdict::Improved });
                    prop_assert_eq!(effects.contains(&Effect::PublishArticle), improved);
                    let offered = effects.contains(&Effect::OfferTask);
                    prop_assert_eq!(offered, next.assignment > before.assignment);
                    prop_assert_eq!(offered, effects.contains(&Effect::RevokeLinks) && offered);
                    present = next;
                }
                Err(_) => present = before,
            }
        }
    }
}
