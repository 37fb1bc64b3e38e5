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
            rest: None,
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
        Command::Advance {
            step: kind::Advance::Ticked(vec![0]),
            comment: "one".into(),
        },
        Command::Advance {
            step: kind::Advance::Ticked(vec![0, 1]),
            comment: String::new(),
        },
        submit(),
        Command::Approve {
            comment: String::new(),
        },
        Command::Reject {
            reason: "the price is missing".into(),
        },
        Command::Remind {
            comment: String::new(),
        },
        Command::Split {
            child: TaskId(Uuid::from_u128(7)),
            title: "a part".into(),
            department: "e".into(),
        },
    ]
}

fn submit() -> Command {
    Command::Submit {
        solution: "done".into(),
        effective_at: None,
        rest: Some("the second is not needed".into()),
        approver: owner("boss@example.com"),
    }
}

/// A task in `state` with a checklist of two; somebody is asked where it waits for an approval.
fn tracked(state: State) -> Task {
    let steps = ["first".to_owned(), "second".to_owned()];
    let plain = Task {
        track: kind::Track::new(kind::Kind::Policy, None, &steps).unwrap(),
        ..task(state)
    };
    if state != State::AwaitingApproval {
        return plain;
    }
    let working = Task {
        state: State::InProgress,
        ..plain
    };
    apply(working, &submit(), &actor(), now()).unwrap().0
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
            let from = if state == State::AwaitingApproval {
                tracked(state)
            } else {
                task(state)
            };
            if let Ok((next, effects)) = apply(from, &command, &actor(), now()) {
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
                    "{:<17} {name:<19} → {:<17} {}\n",
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
        rest: None,
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
        rest: None,
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
        rest: None,
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
            rest: None,
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

/// Where a task is by its history alone: the names of its events and what they say.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    state: State,
    verdict: Option<Verdict>,
    delivered: bool,
}

fn replay(told: Told, event: &str, data: &serde_json::Value) -> Told {
    let state = match event {
        "task.accepted" => State::Accepted,
        "task.declined" => State::Declined,
        "task.handed_over" | "task.reassigned" | "task.passed_on" => State::Assigned,
        "task.referred" if data["arbiter"].is_null() => State::Declined,
        "task.referred" => State::Assigned,
        "task.progress" | "task.advanced" | "task.rejected" => State::InProgress,
        "task.submitted" => State::AwaitingApproval,
        "task.completed" | "task.approved" => State::Done,
        "task.cancelled" => State::Cancelled,
        "task.judged" => {
            let verdict: Verdict = serde_json::from_value(data["verdict"].clone()).unwrap();
            let mended = matches!(verdict, Verdict::Improved | Verdict::Recovered);
            // Given back and at work on it again; any other open task is somebody's new work.
            let watched = told.state == State::InProgress && told.verdict == Some(Verdict::Worse);
            let state = match verdict {
                _ if told.state.is_open() && !watched && !mended => told.state,
                Verdict::Improved | Verdict::Recovered => State::Verified,
                Verdict::NoEffect | Verdict::Inconclusive => State::NotVerified,
                Verdict::Worse => State::InProgress,
                Verdict::Pending => State::Verifying,
            };
            return Told {
                state,
                verdict: Some(verdict),
                ..told
            };
        }
        "task.asked"
        | "task.answered"
        | "task.snoozed"
        | "task.reminded_by_hand"
        | "task.sub_task_added" => told.state,
        other => panic!("{other} is not known to the history"),
    };
    let delivered = told.delivered || state == State::Done;
    Told {
        state,
        delivered,
        ..told
    }
}

proptest! {
    /// Whatever happens in whatever order: refusals change nothing, versions count every change, a
    /// cancelled task stays cancelled, only an improved one becomes knowledge, and the history alone
    /// tells where it is.
    #[test]
    fn any_sequence_keeps_the_rules(
        picks in proptest::collection::vec(0_usize..23, 0..60),
        counted in proptest::bool::ANY,
    ) {
        let all = commands();
        prop_assert_eq!(all.len(), 23);
        let mut present = if counted { tracked(State::Assigned) } else { task(State::Assigned) };
        let mut told = Told { state: State::Assigned, verdict: None, delivered: false };
        for (n, pick) in picks.into_iter().enumerate() {
            let command = &all[pick];
            let before = present.clone();
            let at = now() + TimeDelta::minutes(i64::try_from(n).unwrap());
            match apply(present, command, &actor(), at) {
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
                    prop_assert!(open == 0 || next.state.is_chased());
                    prop_assert_eq!(&next.due_rule, &before.due_rule);
                    // Somebody is asked to approve exactly while it waits for that.
                    let waits = next.state == State::AwaitingApproval;
                    prop_assert_eq!(next.open_approval().is_some(), waits);
                    let unsaid = next.approval.as_ref().is_some_and(|a| a.decision.is_none());
                    prop_assert_eq!(unsaid, waits || (unsaid && next.state == State::Cancelled));
                    prop_assert_eq!(effects.contains(&Effect::AskApproval), matches!(command, Command::Submit { .. }));
                    prop_assert_eq!(effects.contains(&Effect::TellDecision), matches!(command, Command::Approve { .. } | Command::Reject { .. }));
                    // Nothing is delivered with something missing and nothing said of it.
                    let closes = matches!(command, Command::Complete { .. } | Command::Submit { .. });
                    prop_assert!(!closes || next.track.is_whole() || next.rest.is_some());
                    told = replay(told, command.event(), &command.data());
                    prop_assert_eq!(told.state, next.state);
                    prop_assert_eq!(told.verdict, next.verdict);
                    prop_assert_eq!(told.delivered, next.effective_at.is_some());
                    present = next;
                }
                Err(_) => present = before,
            }
        }
    }

    /// A family of tasks under random commands, as the service carries them out: no task that is not
    /// open has an open one below it, and parts are never judged.
    #[test]
    fn a_parent_closes_last(moves in proptest::collection::vec((0_usize..6, 0_usize..23), 0..120)) {
        let all = commands();
        let mut family: Vec<Task> = vec![task(State::Assigned)];
        for (n, (who, pick)) in moves.into_iter().enumerate() {
            let place = who % family.len();
            let at = now() + TimeDelta::minutes(i64::try_from(n).unwrap());
            let children: Vec<Task> = below(&family, family[place].id);
            let command = &all[pick];
            if family::check(&family[place], &children, command).is_err() {
                let may_be = matches!(command, Command::Complete { .. } | Command::Submit { .. } | Command::Approve { .. });
                let open = children.iter().any(|c| c.state.is_open());
                let split = matches!(command, Command::Split { .. });
                prop_assert!((may_be && open) || split);
                continue;
            }
            let Ok((next, effects)) = apply(family[place].clone(), command, &actor(), at) else {
                continue;
            };
            if next.parent.is_some() {
                prop_assert!(!effects.contains(&Effect::ScheduleVerification));
                prop_assert!(!matches!(next.state, State::Verifying | State::Verified | State::NotVerified));
            }
            family[place] = next;
            if matches!(command, Command::Split { .. }) {
                let id = TaskId(Uuid::from_u128(100 + n as u128));
                let child = Task { id, ..task(State::Assigned) };
                let child = family::below(&family[place], child);
                prop_assert!(child.depth <= family::MOST_DEPTH);
                family.push(child);
            }
            let mut closed = vec![place];
            while let Some(parent) = closed.pop() {
                let children = below(&family, family[parent].id);
                for orphan in family::orphans(&family[parent], &children) {
                    let place = family.iter().position(|t| t.id == orphan).unwrap();
                    let cancel = Command::Cancel { reason: "with its parent".into() };
                    let (gone, _) = apply(family[place].clone(), &cancel, &actor(), at).unwrap();
                    family[place] = gone;
                    closed.push(place);
                }
            }
            for parent in family.iter().filter(|t| !t.state.is_open()) {
                prop_assert!(below(&family, parent.id).iter().all(|c| !c.state.is_open()));
            }
        }
    }
}

fn below(family: &[Task], parent: TaskId) -> Vec<Task> {
    let children = family.iter().filter(|t| t.parent == Some(parent));
    children.cloned().collect()
}

#[test]
fn what_is_counted_is_whole_or_its_rest_is_explained() {
    let complete = |rest: Option<&str>| Command::Complete {
        solution: "done".into(),
        effective_at: None,
        rest: rest.map(str::to_owned),
    };
    let open = tracked(State::Accepted);
    let refused = apply(open.clone(), &complete(None), &actor(), now()).unwrap_err();
    assert!(
        matches!(
            refused,
            Refused::Field {
                field: "rest",
                code: "unfinished",
                ..
            }
        ),
        "{refused}"
    );
    let (left, _) = apply(open.clone(), &complete(Some("not needed")), &actor(), now()).unwrap();
    assert_eq!(
        (left.rest.as_deref(), left.percent()),
        (Some("not needed"), 100)
    );
    let tick = Command::Advance {
        step: kind::Advance::Ticked(vec![0, 1]),
        comment: String::new(),
    };
    let (ticked, effects) = apply(open, &tick, &actor(), now()).unwrap();
    assert_eq!(
        (ticked.state, ticked.percent(), effects),
        (State::InProgress, 100, vec![])
    );
    assert_eq!(ticked.progress[0].figures, "2/2");
    let (done, _) = apply(ticked, &complete(Some("ignored")), &actor(), now()).unwrap();
    assert_eq!(done.rest, None);
    // A percentage is no other track.
    let refused = apply(task(State::Accepted), &tick, &actor(), now()).unwrap_err();
    assert!(matches!(
        refused,
        Refused::Field {
            code: "other_track",
            ..
        }
    ));
}

#[test]
fn an_approver_decides_and_the_clock_stands_meanwhile() {
    let hour = |d: u32, h: u32| Utc.with_ymd_and_hms(2026, 3, d, h, 0, 0).unwrap();
    let (working, days) = clocked(State::Accepted);
    let (asked, effects) = apply(working.clone(), &submit(), &actor(), hour(3, 2)).unwrap();
    assert_eq!(effects, [Effect::AskApproval, Effect::TellAssigner]);
    assert_eq!(
        (asked.state, asked.percent()),
        (State::AwaitingApproval, 100)
    );
    assert_eq!(asked.turn().email, "boss@example.com");
    assert_eq!(asked.waits_for(), Some(crate::calendar::Why::Approval));
    assert!(!asked.is_overdue(hour(30, 0)));
    assert_eq!(
        (asked.effective_at, asked.solution.as_deref()),
        (None, None),
        "nothing is live"
    );
    let reject = Command::Reject {
        reason: "too dear".into(),
    };
    // Tuesday 10:00 to Wednesday 15:00 there: eleven working hours.
    let (back, effects) = apply(asked.clone(), &reject, &actor(), hour(4, 7)).unwrap();
    assert_eq!(effects, [Effect::TellDecision, Effect::TellAssigner]);
    assert_eq!(
        (back.state, back.turn().email.as_str()),
        (State::InProgress, "li@example.com")
    );
    assert_eq!(
        back.due_by_rule(&days).unwrap(),
        Some(hour(10, 8) + TimeDelta::minutes(30))
    );
    let (again, _) = apply(back, &submit(), &actor(), hour(5, 2)).unwrap();
    assert_eq!(again.approval.as_ref().unwrap().round, 2);
    let approve = Command::Approve {
        comment: String::new(),
    };
    let (done, effects) = apply(again, &approve, &actor(), hour(6, 2)).unwrap();
    assert_eq!(
        effects,
        [
            Effect::TellAssigner,
            Effect::ScheduleVerification,
            Effect::TellDecision
        ]
    );
    assert_eq!(
        (done.state, done.effective_at),
        (State::Done, Some(hour(6, 2)))
    );
    assert_eq!(done.solution.as_deref(), Some("done"));
    assert!(apply(done, &approve, &actor(), hour(6, 3)).is_err(), "once");
    // Given to somebody else, there is nothing to approve any more.
    let elsewhere = Command::Reassign {
        department: "e".into(),
        owner: owner("wang@example.com"),
        reason: "yours".into(),
    };
    let (offered, effects) = apply(asked, &elsewhere, &actor(), hour(4, 7)).unwrap();
    assert!(offered.open_approval().is_none() && effects.contains(&Effect::RevokeLinks));
    assert!(apply(offered, &approve, &actor(), hour(4, 8)).is_err());
}

#[test]
fn reminders_by_hand_keep_a_distance() {
    let remind = Command::Remind {
        comment: String::new(),
    };
    let (once, effects) = apply(task(State::Assigned), &remind, &actor(), now()).unwrap();
    assert_eq!(effects, [Effect::Remind]);
    let at = |m| now() + TimeDelta::minutes(m);
    let refused = apply(once.clone(), &remind, &actor(), at(59)).unwrap_err();
    assert!(matches!(
        refused,
        Refused::Field {
            code: "too_soon",
            ..
        }
    ));
    assert!(apply(once, &remind, &actor(), at(60)).is_ok());
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
                | Command::Advance { .. }
                | Command::Remind { .. }
                | Command::Split { .. }
                | Command::Submit { .. }
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
