use super::*;
use crate::identity::{Actor, ActorKind};
use crate::ids::{IssueId, TaskId};
use crate::organisation::{Department, Locale, Owner};
use crate::verification::{Asked, Facts, Verdict, propose};
use chrono::{NaiveDate, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use uuid::Uuid;

pub(super) fn owner(email: &str) -> Owner {
    Owner {
        email: email.into(),
        name: String::new(),
        language: Locale::ZhCn,
        time_zone: chrono_tz::Asia::Shanghai,
    }
}

pub(super) fn actor() -> Actor {
    Actor {
        kind: ActorKind::Owner,
        name: "li".into(),
        email: None,
        via: "link".into(),
    }
}

pub(super) fn now() -> crate::clock::Timestamp {
    Utc.with_ymd_and_hms(2026, 3, 1, 8, 0, 0).unwrap()
}

pub(super) fn task(state: State) -> Task {
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
        Command::Answer {
            comment: "that".into(),
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
        Command::Snooze {
            until: now() + TimeDelta::days(1),
        },
        Command::PassOn {
            owner: owner("deputy@example.com"),
            why: PassOn::Escalated,
        },
        Command::Refer {
            refusal: Box::new(Command::Decline {
                reason: "not ours".into(),
                department: None,
            }),
            arbiter: Some(owner("chief@example.com")),
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
    fn any_sequence_keeps_the_rules(picks in proptest::collection::vec(0_usize..16, 0..40)) {
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
                    // The clock stands once at most, and never for somebody who need not deliver.
                    let open = next.pauses.iter().filter(|p| p.until.is_none()).count();
                    prop_assert!(open <= 1);
                    prop_assert!(open == 0 || next.state.is_under_way());
                    prop_assert_eq!(&next.due_rule, &before.due_rule);
                    present = next;
                }
                Err(_) => present = before,
            }
        }
    }
}

/// Forty working hours from Sunday noon of `now()` on: 09:00 on 2026-03-02 to 11:30 on 2026-03-09.
fn clocked(state: State) -> (Task, crate::calendar::Days) {
    let calendar = crate::calendar::Calendar::built_in();
    let days = crate::calendar::Days::of(&calendar);
    let rule = DueRule::Calendar {
        calendar: calendar.key.clone(),
        stamp: calendar.stamp(),
        minutes: 40 * 60,
        from: now(),
    };
    let task = Task {
        due_rule: rule,
        ..task(state)
    };
    let due_at = task.due_by_rule(&days).unwrap().unwrap();
    (Task { due_at, ..task }, days)
}

#[test]
fn a_question_stops_the_clock_until_it_is_answered() {
    let (task, days) = clocked(State::Accepted);
    let hour = |d: u32, h: u32| Utc.with_ymd_and_hms(2026, 3, d, h, 0, 0).unwrap();
    assert_eq!(task.due_at, hour(9, 4) - TimeDelta::minutes(30));
    let ask = Command::Ask {
        comment: "which page?".into(),
    };
    let answer = Command::Answer {
        comment: "the first".into(),
    };
    // Tuesday 10:00 to Wednesday 15:00 there: 2:00, 4:30, 3:00 and 1:30 hours.
    let (asked, _) = apply(task.clone(), &ask, &actor(), hour(3, 2)).unwrap();
    assert_eq!(asked.due_at, task.due_at, "it moves when the answer comes");
    assert_eq!(asked.stands_since(), Some(hour(3, 2)));
    assert!(
        !asked.is_overdue(hour(30, 0)),
        "a clock that stands makes nothing late"
    );
    assert!(task.is_overdue(hour(30, 0)));
    // A second question changes nothing of the first one's pause.
    let (twice, _) = apply(asked, &ask, &actor(), hour(3, 9)).unwrap();
    assert_eq!(
        (twice.pauses.len(), twice.stands_since()),
        (1, Some(hour(3, 2)))
    );
    let (answered, effects) = apply(twice, &answer, &actor(), hour(4, 7)).unwrap();
    assert_eq!(effects, [Effect::TellOwner]);
    assert_eq!(answered.stands_since(), None);
    let moved = answered.due_by_rule(&days).unwrap().unwrap();
    // Eleven hours more: five are left of Monday, Tuesday has the other six.
    assert_eq!(moved, hour(10, 8) + TimeDelta::minutes(30));
    // An answer without a question is a message.
    let (again, effects) = apply(answered, &answer, &actor(), hour(5, 2)).unwrap();
    assert_eq!((again.pauses.len(), effects), (1, vec![Effect::TellOwner]));
}

#[test]
fn whoever_gets_or_ends_a_task_ends_the_pause() {
    let ask = Command::Ask {
        comment: "?".into(),
    };
    let ends = commands().into_iter().filter(|c| {
        !matches!(
            c,
            Command::Ask { .. }
                | Command::Accept
                | Command::Report { .. }
                | Command::Snooze { .. }
                | Command::Judge { .. }
        )
    });
    let mut n = 0;
    for (state, command) in
        ends.flat_map(|c| [(State::Assigned, c.clone()), (State::InProgress, c)])
    {
        let (asked, _) = apply(clocked(state).0, &ask, &actor(), now()).unwrap();
        let Ok((next, _)) = apply(asked, &command, &actor(), now() + TimeDelta::hours(1)) else {
            continue;
        };
        n += 1;
        assert_eq!(next.waits_since(), None, "{}", command.event());
        assert_eq!(next.pauses.len(), 1);
    }
    assert_eq!(n, 13);
    let (asked, _) = apply(clocked(State::Accepted).0, &ask, &actor(), now()).unwrap();
    let report = Command::Report {
        percent: 1,
        comment: String::new(),
    };
    let (reported, _) = apply(asked, &report, &actor(), now()).unwrap();
    assert!(reported.waits_since().is_some(), "a report is no answer");
}

#[test]
fn what_a_person_set_does_not_move() {
    let (clocked, days) = clocked(State::Assigned);
    assert!(clocked.due_can_move());
    let done = Task {
        done_at: Some(now()),
        ..clocked.clone()
    };
    assert!(!done.due_can_move());
    let fixed = Task {
        due_rule: DueRule::Person,
        ..clocked
    };
    assert_eq!(fixed.due_by_rule(&days), Ok(None));
    assert!(!fixed.due_can_move());
    let ask = Command::Ask {
        comment: "?".into(),
    };
    let (asked, _) = apply(fixed, &ask, &actor(), now()).unwrap();
    assert_eq!(asked.stands_since(), None);
    assert!(asked.is_overdue(asked.due_at + TimeDelta::minutes(1)));
    // Tasks of before there were rules.
    let mut old = serde_json::to_value(&asked).unwrap();
    old.as_object_mut().unwrap().remove("due_rule");
    old.as_object_mut().unwrap().remove("pauses");
    let old: Task = serde_json::from_value(old).unwrap();
    assert_eq!((old.due_rule, old.pauses), (DueRule::Person, vec![]));
}
