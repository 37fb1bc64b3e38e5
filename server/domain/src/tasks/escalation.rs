//! What happens by itself when a task is unanswered, silent or late: who is told, and when.
//!
//! Nothing here remembers: from the policy, the task's life so far and what has been done for the present
//! owner follows what is due now and when to look again. A timer that rings early, late, twice or after
//! a week without power therefore does no harm.

use super::working::{Wait, WorkingTime};
use super::{State, Task};
use crate::clock::Timestamp;
use crate::organisation::{Invalid, check_key};
use serde::{Deserialize, Serialize};

/// Key of the policy that holds where no other does.
pub const DEFAULT: &str = "default";
/// Most steps of a policy.
const MOST_STEPS: usize = 30;
/// Most repeats of a step.
pub const MOST_REPEATS: u8 = 5;

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = EscalationWhen))]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The owner has not answered the offer. An open question is an answer; its answer begins the wait anew.
    Unanswered,
    /// Accepted, and no progress since.
    Silent,
    /// It will be due.
    BeforeDue,
    /// It was due.
    AfterDue,
    /// The approver has not decided.
    Unapproved,
}

impl When {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Silent => "silent",
            Self::BeforeDue => "before_due",
            Self::AfterDue => "after_due",
            Self::Unapproved => "unapproved",
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = EscalationAction))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Reminds the owner.
    RemindOwner,
    /// Tells the department's manager.
    TellManager,
    /// Gives the task to the department's deputy.
    HandToDeputy,
    /// Tells whoever assigned the task.
    TellVocOwner,
    /// Tells the organisation's arbiter.
    TellArbiter,
    /// Reminds the approver.
    RemindApprover,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] = [
        Self::RemindOwner,
        Self::TellManager,
        Self::HandToDeputy,
        Self::TellVocOwner,
        Self::TellArbiter,
        Self::RemindApprover,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RemindOwner => "remind_owner",
            Self::TellManager => "tell_manager",
            Self::HandToDeputy => "hand_to_deputy",
            Self::TellVocOwner => "tell_voc_owner",
            Self::TellArbiter => "tell_arbiter",
            Self::RemindApprover => "remind_approver",
        }
    }
}

/// A step of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = EscalationStep))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it waits for.
    pub when: When,
    /// How long, in working time.
    pub after: Wait,
    /// What it does.
    #[serde(rename = "do")]
    pub action: Action,
    /// How often it is done again, 0 to 5.
    #[serde(default)]
    pub repeat: u8,
    /// Wait before each repeat; as `after` when missing.
    #[serde(default)]
    pub every: Option<Wait>,
}

impl Step {
    fn every(&self) -> Wait {
        self.every.unwrap_or(self.after)
    }
}

/// What happens by itself to tasks of some departments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = EscalationPolicy))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Stable name; `default` holds for departments that no other policy names.
    #[serde(default)]
    pub key: String,
    /// Name for people.
    #[serde(default)]
    pub name: String,
    /// Departments that it holds for.
    #[serde(default)]
    pub departments: Vec<String>,
    /// The steps; none: nothing happens by itself.
    pub steps: Vec<Step>,
    /// Counts changes. A task keeps the version that it was offered with.
    #[serde(default)]
    pub version: i64,
}

impl Policy {
    /// The policy in the box.
    #[must_use]
    pub fn in_the_box() -> Self {
        use {Action::*, When::*};
        let step = |when, after, action| Step {
            when,
            after,
            action,
            repeat: 0,
            every: None,
        };
        Self {
            key: DEFAULT.to_owned(),
            name: "默认升级".to_owned(),
            departments: Vec::new(),
            steps: vec![
                step(Unanswered, Wait::Hours(8), RemindOwner),
                step(Unanswered, Wait::Hours(16), TellManager),
                step(Unanswered, Wait::Hours(24), HandToDeputy),
                step(Silent, Wait::Days(3), RemindOwner),
                step(Silent, Wait::Days(5), TellManager),
                step(BeforeDue, Wait::Hours(8), RemindOwner),
                step(AfterDue, Wait::Hours(0), RemindOwner),
                step(AfterDue, Wait::Hours(0), TellManager),
                step(AfterDue, Wait::Hours(16), TellVocOwner),
                // Behind the others: what was done of them is known by their places.
                step(Unapproved, Wait::Hours(8), RemindApprover),
                step(Unapproved, Wait::Hours(16), TellVocOwner),
            ],
            version: 0,
        }
    }
}

/// Checks a policy against the others: a department has one.
pub fn check(policy: &Policy, others: &[Policy], departments: &[String]) -> Result<(), Invalid> {
    let refuse = |field: String, detail: &str| {
        Err(Invalid::Field {
            field,
            detail: detail.to_owned(),
        })
    };
    check_key(&policy.key)?;
    if policy.name.chars().count() > 120 {
        return refuse("name".into(), "longer than 120 characters");
    }
    if policy.steps.len() > MOST_STEPS {
        return refuse("steps".into(), "at most 30");
    }
    if policy.departments.len() > 500 {
        return refuse("departments".into(), "at most 500");
    }
    if policy.key == DEFAULT && !policy.departments.is_empty() {
        return refuse(
            "departments".into(),
            "the default holds for whatever department no other policy names",
        );
    }
    for (n, department) in policy.departments.iter().enumerate() {
        let field = format!("departments[{n}]");
        if !departments.contains(department) {
            return refuse(field, "no such department");
        }
        if policy.departments[..n].contains(department) {
            return refuse(field, "named twice");
        }
        let taken = others
            .iter()
            .find(|o| o.key != policy.key && o.departments.contains(department));
        if let Some(other) = taken {
            return refuse(field, &format!("the policy {} names it already", other.key));
        }
    }
    for (n, step) in policy.steps.iter().enumerate() {
        let long = |wait: Wait| match wait {
            Wait::Hours(h) => h > 500,
            Wait::Days(d) => d > 60,
        };
        if long(step.after) {
            return refuse(
                format!("steps[{n}].after"),
                "at most 500 hours or 60 working days",
            );
        }
        if step.every.is_some_and(long) {
            return refuse(
                format!("steps[{n}].every"),
                "at most 500 hours or 60 working days",
            );
        }
        if step.repeat > MOST_REPEATS {
            return refuse(format!("steps[{n}].repeat"), "at most 5");
        }
        if step.repeat > 0 && step.every().is_zero() {
            return refuse(
                format!("steps[{n}].every"),
                "a step that is repeated needs a wait before each repeat",
            );
        }
        let of_approval = step.when == When::Unapproved;
        let for_approvers = step.action == Action::RemindApprover;
        let for_owners = matches!(step.action, Action::RemindOwner | Action::HandToDeputy);
        if of_approval && for_owners || for_approvers && !of_approval {
            return refuse(
                format!("steps[{n}].do"),
                "an approver is waited for: remind_approver goes with unapproved, the owner has done their part",
            );
        }
        if step.after.is_zero()
            && matches!(
                step.when,
                When::Unanswered | When::Silent | When::Unapproved
            )
        {
            return refuse(
                format!("steps[{n}].after"),
                "nobody has answered at once: a wait above 0",
            );
        }
        if step.action == Action::HandToDeputy && step.repeat > 0 {
            return refuse(
                format!("steps[{n}].repeat"),
                "a task is handed over once: the deputy's own chain begins then",
            );
        }
        if policy.steps[..n]
            .iter()
            .any(|s| (s.when, s.after, s.action) == (step.when, step.after, step.action))
        {
            return refuse(format!("steps[{n}]"), "the same step stands above");
        }
    }
    Ok(())
}

/// The policy for a department.
#[must_use]
pub fn policy_for<'a>(department: &str, all: &'a [Policy]) -> Option<&'a Policy> {
    all.iter()
        .find(|p| p.departments.iter().any(|d| d == department))
        .or_else(|| all.iter().find(|p| p.key == DEFAULT))
}

/// What of a task its steps depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Where it is.
    pub state: State,
    /// Since when the present owner has it.
    pub since: Timestamp,
    /// The owner's last word: acceptance, progress, question.
    pub spoke_at: Option<Timestamp>,
    /// When it is due.
    pub due_at: Timestamp,
    /// The owner wants no reminder before.
    pub snoozed_until: Option<Timestamp>,
    /// The owner waits for an answer.
    pub waits: bool,
    /// The clock of the due time stands.
    pub stands: bool,
    /// Since when somebody is asked to approve it.
    pub asked_at: Option<Timestamp>,
}

impl Life {
    /// The life of a task so far.
    #[must_use]
    pub fn of(task: &Task) -> Self {
        Self {
            state: task.state,
            since: task.since.unwrap_or(task.created_at),
            spoke_at: task.spoke_at,
            due_at: task.due_at,
            snoozed_until: task.snoozed_until,
            waits: task.waits_since().is_some(),
            stands: task.stands_since().is_some(),
            asked_at: task.open_approval().map(|a| a.asked_at),
        }
    }

    /// What a step's wait counts from; `None`: it waits for something else or for nothing any more.
    #[must_use]
    pub fn base(&self, when: When) -> Option<Timestamp> {
        let word = self.spoke_at.map_or(self.since, |at| at.max(self.since));
        match when {
            When::Unanswered => (!self.waits && self.state == State::Assigned).then_some(word),
            When::Silent => {
                let silent = matches!(self.state, State::Accepted | State::InProgress);
                (!self.waits && silent).then_some(word)
            }
            When::BeforeDue | When::AfterDue => {
                (!self.stands && self.state.is_under_way()).then_some(self.due_at)
            }
            When::Unapproved => self.asked_at,
        }
    }
}

/// A step that was done for the present owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Its place in the policy.
    pub step: usize,
    /// Which time, from 1; those before it are spent too.
    pub n: u8,
    /// What its wait counted from.
    pub base: Timestamp,
    /// When.
    pub at: Timestamp,
}

/// A step that is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its place in the policy.
    pub step: usize,
    /// Which time, from 1.
    pub n: u8,
    /// What its wait counts from.
    pub base: Timestamp,
    /// When its wait is over.
    pub planned_at: Timestamp,
    /// When it may be done: in the recipient's working time, after what the owner put off.
    pub act_at: Timestamp,
    /// When it could have been done, had nothing stood still.
    pub ideal_at: Timestamp,
    /// Earlier times of the same step that are left out because this one says it all.
    pub missed: u8,
}

/// What follows from a look at a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// To be done now, in this order.
    pub due: Vec<Move>,
    /// The others, the next one first.
    pub ahead: Vec<Move>,
}

fn spent(
    step: &Step,
    place: usize,
    n: u8,
    base: Timestamp,
    at: Timestamp,
    fired: &[Fired],
) -> bool {
    fired.iter().any(|f| {
        let again = match step.when {
            When::BeforeDue => at > f.at,
            _ => base > f.at,
        };
        f.step == place && f.n >= n && (f.base == base || !again)
    })
}

/// Looks at a task at `now`. `owner` is the owner's working time, `hours` tells the working time of
/// whoever a step goes to.
pub fn look<'a>(
    policy: &Policy,
    life: &Life,
    fired: &[Fired],
    owner: &dyn WorkingTime,
    hours: impl Fn(Action) -> &'a dyn WorkingTime,
    now: Timestamp,
) -> Look {
    let mut found = Look::default();
    for (place, step) in policy.steps.iter().enumerate() {
        let Some(base) = life.base(step.when) else {
            continue;
        };
        let first = match step.when {
            When::BeforeDue => owner.before(base, step.after),
            _ => owner.after(base, step.after),
        };
        let of_due = matches!(step.when, When::BeforeDue | When::AfterDue);
        let mut due: Option<Move> = None;
        for n in 1..=step.repeat.saturating_add(1) {
            let planned_at = match n {
                1 => first,
                _ => owner.after(first, step.every().times(u16::from(n - 1))),
            };
            // Who gets a task that is late already hears that from the offer.
            if of_due && planned_at < life.since || spent(step, place, n, base, planned_at, fired) {
                continue;
            }
            let mut from = planned_at;
            if let Some(until) = life.snoozed_until
                && step.action == Action::RemindOwner
            {
                from = from.max(until.min(life.due_at));
            }
            let recipient = hours(step.action);
            let ideal_at = recipient.next(from);
            let act_at = recipient.next(ideal_at.max(now));
            // That it will be due is no news any more once it is.
            if step.when == When::BeforeDue && act_at >= base {
                continue;
            }
            let next = Move {
                step: place,
                n,
                base,
                planned_at,
                act_at,
                ideal_at,
                missed: 0,
            };
            // What could have been done by now is one with those before it, done or held together.
            match &mut due {
                Some(earlier) if ideal_at <= now || ideal_at <= earlier.act_at => {
                    *earlier = Move {
                        missed: earlier.missed + 1,
                        ..next
                    };
                }
                None if ideal_at <= now => due = Some(next),
                _ => found.ahead.push(next),
            }
        }
        if let Some(next) = due {
            if next.act_at <= now {
                found.due.push(next);
            } else {
                found.ahead.push(next);
            }
        }
    }
    found.due.sort_by_key(|m| (m.planned_at, m.step));
    found
        .ahead
        .sort_by_key(|m| (m.act_at, m.planned_at, m.step));
    found
}

#[cfg(test)]
mod tests {
    use super::super::working::tests::office;
    use super::*;
    use crate::calendar::Days;
    use chrono::{TimeDelta, TimeZone as _, Utc};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static SHANGHAI: LazyLock<Days> = LazyLock::new(|| office(chrono_tz::Asia::Shanghai));
    static NEW_YORK: LazyLock<Days> = LazyLock::new(|| office(chrono_tz::America::New_York));

    /// 2026-11-23 is a Monday.
    fn at(d: u32, h: u32, m: u32) -> Timestamp {
        let day = chrono_tz::Asia::Shanghai
            .with_ymd_and_hms(2026, 11, 1, h, m, 0)
            .unwrap();
        day.with_timezone(&Utc) + TimeDelta::days(i64::from(d) - 1)
    }

    fn life(state: State) -> Life {
        Life {
            state,
            since: at(23, 10, 0),
            spoke_at: None,
            due_at: at(30, 18, 0),
            snoozed_until: None,
            waits: false,
            stands: false,
            asked_at: None,
        }
    }

    fn here(_: Action) -> &'static dyn WorkingTime {
        &*SHANGHAI
    }

    fn seen(policy: &Policy, life: &Life, fired: &[Fired], now: Timestamp) -> Look {
        look(policy, life, fired, &*SHANGHAI, here, now)
    }

    fn names(policy: &Policy, moves: &[Move]) -> Vec<&'static str> {
        moves
            .iter()
            .map(|m| policy.steps[m.step].action.as_str())
            .collect()
    }

    fn one(step: Step) -> Policy {
        Policy {
            key: "x".into(),
            steps: vec![step],
            ..Policy::in_the_box()
        }
    }

    fn done(m: &Move, now: Timestamp) -> Fired {
        Fired {
            step: m.step,
            n: m.n,
            base: m.base,
            at: now,
        }
    }

    #[test]
    fn the_policy_in_the_box_as_its_words_say() {
        let policy = Policy::in_the_box();
        assert_eq!(check(&policy, &[], &[]), Ok(()));
        let open = life(State::Assigned);
        let look = seen(&policy, &open, &[], at(23, 10, 0));
        assert!(look.due.is_empty());
        let times: Vec<(&str, Timestamp)> = look
            .ahead
            .iter()
            .map(|m| (policy.steps[m.step].action.as_str(), m.act_at))
            .collect();
        assert_eq!(
            times,
            [
                ("remind_owner", at(23, 18, 0) + TimeDelta::hours(15)),
                ("tell_manager", at(24, 17, 0)),
                ("hand_to_deputy", at(25, 16, 0)),
                ("remind_owner", at(30, 10, 0)),
                ("remind_owner", at(31, 9, 0)),
                ("tell_manager", at(31, 9, 0)),
                ("tell_voc_owner", at(32, 16, 0)),
            ]
        );
        let silent = Life {
            spoke_at: Some(at(24, 11, 0)),
            due_at: at(60, 18, 0),
            ..life(State::Accepted)
        };
        let look = seen(&policy, &silent, &[], at(24, 11, 0));
        assert_eq!(look.ahead[0].act_at, at(27, 11, 0));
        assert_eq!(look.ahead[1].act_at, at(31, 11, 0));
    }

    #[test]
    fn three_days_off_do_each_overdue_step_once() {
        let policy = Policy::in_the_box();
        let open = life(State::Assigned);
        // Offered Monday ten o'clock; the power comes back on Thursday.
        let now = at(26, 10, 0);
        let look = seen(&policy, &open, &[], now);
        assert_eq!(
            names(&policy, &look.due),
            ["remind_owner", "tell_manager", "hand_to_deputy"]
        );
        assert_eq!(now - look.due[1].ideal_at, TimeDelta::hours(17 + 24));
        let fired: Vec<Fired> = look.due.iter().map(|m| done(m, now)).collect();
        assert!(seen(&policy, &open, &fired, now).due.is_empty());
    }

    #[test]
    fn missed_repeats_are_one() {
        let policy = one(Step {
            when: When::Unanswered,
            after: Wait::Hours(4),
            action: Action::RemindOwner,
            repeat: 5,
            every: Some(Wait::Hours(2)),
        });
        let open = life(State::Assigned);
        let now = at(24, 11, 30);
        // 14, 16, 18 of Monday, 11 of Tuesday are over; 13 and 15 are ahead.
        let look = seen(&policy, &open, &[], now);
        assert_eq!(look.due.len(), 1);
        assert_eq!((look.due[0].n, look.due[0].missed), (4, 3));
        assert_eq!(look.ahead.len(), 2);
        let fired = [done(&look.due[0], now)];
        let next = seen(&policy, &open, &fired, at(24, 13, 0));
        assert_eq!((next.due[0].n, next.due[0].missed), (5, 0));
    }

    #[test]
    fn nobody_is_written_to_at_night() {
        let policy = Policy::in_the_box();
        let open = life(State::Assigned);
        let night = at(25, 3, 0);
        let look = seen(&policy, &open, &[], night);
        assert!(look.due.is_empty());
        assert_eq!(look.ahead[0].act_at, at(25, 9, 0));
        // A manager in New York is told in the New York morning, not in the Shanghai one.
        let far = |action: Action| -> &'static dyn WorkingTime {
            if action == Action::TellManager {
                &*NEW_YORK
            } else {
                &*SHANGHAI
            }
        };
        let look = super::look(&policy, &open, &[], &*SHANGHAI, far, at(25, 9, 0));
        assert_eq!(names(&policy, &look.due), ["remind_owner"]);
        let manager = look.ahead.iter().find(|m| m.step == 1).unwrap();
        assert_eq!(manager.act_at, at(25, 22, 0));
    }

    #[test]
    fn an_answer_stops_and_a_word_begins_anew() {
        let policy = Policy::in_the_box();
        for state in State::ALL {
            let look = seen(&policy, &life(state), &[], at(27, 10, 0));
            let expected: &[&str] = match state {
                State::Assigned => &["remind_owner", "tell_manager", "hand_to_deputy"],
                State::Accepted | State::InProgress => &["remind_owner"],
                _ => &[],
            };
            assert_eq!(names(&policy, &look.due), expected, "{state:?}");
        }
        // Whoever waits for an answer is not silent.
        for state in [State::Assigned, State::InProgress] {
            let asked = Life {
                waits: true,
                ..life(state)
            };
            assert!(seen(&policy, &asked, &[], at(27, 10, 0)).due.is_empty());
            let stands = Life {
                stands: true,
                ..asked
            };
            assert_eq!(seen(&policy, &stands, &[], at(60, 10, 0)), Look::default());
        }
        let mut silent = life(State::InProgress);
        silent.due_at = at(90, 18, 0);
        let first = seen(&policy, &silent, &[], at(26, 10, 0)).due;
        assert_eq!(names(&policy, &first), ["remind_owner"]);
        let fired = [done(&first[0], at(26, 10, 0))];
        silent.spoke_at = Some(at(26, 15, 0));
        assert_eq!(seen(&policy, &silent, &fired, at(30, 10, 0)).due, []);
        let again = seen(&policy, &silent, &fired, at(31, 15, 0)).due;
        assert_eq!(names(&policy, &again), ["remind_owner"]);
    }

    #[test]
    fn a_due_time_that_moves() {
        let policy = one(Step {
            when: When::AfterDue,
            after: Wait::Hours(1),
            action: Action::TellManager,
            repeat: 0,
            every: None,
        });
        let late = Life {
            due_at: at(24, 10, 0),
            ..life(State::Accepted)
        };
        let first = seen(&policy, &late, &[], at(24, 11, 0)).due;
        let fired = [done(&first[0], at(24, 11, 0))];
        // Put back by an hour it is as late as before: told once.
        let moved = Life {
            due_at: at(24, 9, 30),
            ..late
        };
        assert!(seen(&policy, &moved, &fired, at(25, 11, 0)).due.is_empty());
        // A new term that passes too is news.
        let later = Life {
            due_at: at(26, 10, 0),
            ..late
        };
        assert!(seen(&policy, &later, &fired, at(26, 10, 0)).due.is_empty());
        assert_eq!(seen(&policy, &later, &fired, at(26, 11, 0)).due.len(), 1);
    }

    #[test]
    fn who_gets_a_late_task_is_not_reproached_at_once() {
        let policy = Policy::in_the_box();
        let late = Life {
            due_at: at(20, 18, 0),
            ..life(State::Assigned)
        };
        let look = seen(&policy, &late, &[], at(23, 10, 0));
        assert!(look.due.is_empty());
        // That it stays late is told to whoever assigned it, as of any other task.
        assert_eq!(
            names(&policy, &look.ahead),
            [
                "remind_owner",
                "tell_voc_owner",
                "tell_manager",
                "hand_to_deputy"
            ]
        );
    }

    #[test]
    fn the_owner_puts_reminders_off_and_nothing_else() {
        let policy = Policy::in_the_box();
        let snoozed = Life {
            snoozed_until: Some(at(26, 9, 0)),
            ..life(State::Assigned)
        };
        let look = seen(&policy, &snoozed, &[], at(25, 16, 0));
        assert_eq!(
            names(&policy, &look.due),
            ["tell_manager", "hand_to_deputy"]
        );
        let look = seen(&policy, &snoozed, &[], at(26, 9, 0));
        assert_eq!(look.due.len(), 3);
        let reminder = look.due.iter().find(|m| m.step == 0).unwrap();
        assert_eq!(reminder.ideal_at, at(26, 9, 0), "put off is not late");
    }

    #[test]
    fn policies_that_say_nothing_clear_are_refused() {
        let step = Policy::in_the_box().steps[0];
        let departments = ["d".to_owned(), "e".to_owned()];
        let field = |policy: Policy| match check(
            &policy,
            &[
                one(step),
                Policy {
                    key: "y".into(),
                    departments: vec!["d".into()],
                    ..one(step)
                },
            ],
            &departments,
        ) {
            Err(Invalid::Field { field, .. }) => field,
            other => format!("{other:?}"),
        };
        let with = |change: fn(&mut Step)| {
            let mut policy = one(step);
            change(&mut policy.steps[0]);
            policy
        };
        assert_eq!(field(one(step)), "Ok(())");
        assert_eq!(field(with(|s| s.after = Wait::Hours(0))), "steps[0].after");
        assert_eq!(field(with(|s| s.after = Wait::Days(61))), "steps[0].after");
        assert_eq!(field(with(|s| s.repeat = 6)), "steps[0].repeat");
        let zero = with(|s| {
            s.repeat = 1;
            s.every = Some(Wait::Days(0));
        });
        assert_eq!(field(zero), "steps[0].every");
        let deputy = with(|s| {
            s.action = Action::HandToDeputy;
            s.repeat = 1;
        });
        assert_eq!(field(deputy), "steps[0].repeat");
        let twice = Policy {
            steps: vec![step, step],
            ..one(step)
        };
        assert_eq!(field(twice), "steps[1]");
        let named = |names: &[&str]| Policy {
            departments: names.iter().map(|n| (*n).to_owned()).collect(),
            ..one(step)
        };
        assert_eq!(field(named(&["e"])), "Ok(())");
        assert_eq!(field(named(&["d"])), "departments[0]");
        assert_eq!(field(named(&["e", "e"])), "departments[1]");
        assert_eq!(field(named(&["nobody"])), "departments[0]");
        let all = [
            Policy {
                departments: vec!["d".into()],
                ..one(step)
            },
            Policy::in_the_box(),
        ];
        assert_eq!(policy_for("d", &all).unwrap().key, "x");
        assert_eq!(policy_for("e", &all).unwrap().key, DEFAULT);
    }

    fn steps() -> impl Strategy<Value = Policy> {
        let when = prop_oneof![
            Just(When::Unanswered),
            Just(When::Silent),
            Just(When::BeforeDue),
            Just(When::AfterDue)
        ];
        let wait = prop_oneof![
            (1_u16..30).prop_map(Wait::Hours),
            (1_u16..5).prop_map(Wait::Days)
        ];
        let action = (0_usize..5).prop_map(|n| Action::ALL[n]);
        let step = (when, wait, action, 0_u8..4).prop_map(|(when, after, action, repeat)| Step {
            when,
            after,
            action,
            repeat: if action == Action::HandToDeputy {
                0
            } else {
                repeat
            },
            every: None,
        });
        proptest::collection::vec(step, 1..6).prop_map(|steps| Policy {
            key: "x".into(),
            steps,
            ..Policy::in_the_box()
        })
    }

    /// What happens next: (what, minutes).
    fn histories() -> impl Strategy<Value = Vec<(u8, i64)>> {
        proptest::collection::vec((0_u8..10, 0_i64..6000), 1..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// Random histories and clocks that jump both ways: no step twice for one wait, none before its
        /// time, none outside the recipient's hours, none after what stops it, and none forgotten.
        #[test]
        fn whatever_happens_each_step_at_most_once(policy in steps(), history in histories(), far in any::<bool>()) {
            let hours = |action: Action| -> &'static dyn WorkingTime {
                if far && action != Action::RemindOwner { &*NEW_YORK } else { &*SHANGHAI }
            };
            let mut now = at(23, 10, 0);
            let mut present = life(State::Assigned);
            let mut fired: Vec<Fired> = Vec::new();
            let mut seen = std::collections::BTreeSet::new();
            for (what, minutes) in history {
                match what {
                    0 if present.state == State::Assigned => {
                        present.state = State::Accepted;
                        present.spoke_at = Some(now);
                    }
                    1 if present.state.is_under_way() && present.state != State::Assigned => {
                        present.state = State::InProgress;
                        present.spoke_at = Some(now);
                    }
                    2 if present.state.is_under_way() => present.spoke_at = Some(now),
                    3 => present.due_at = now + TimeDelta::minutes(minutes),
                    4 => present.snoozed_until = Some((now + TimeDelta::minutes(minutes)).min(present.due_at)),
                    5 if minutes < 600 => {
                        present = Life { since: now, due_at: present.due_at, ..life(State::Assigned) };
                        fired.clear();
                        seen.clear();
                    }
                    6 if minutes < 300 => present.state = State::Done,
                    7 => now -= TimeDelta::minutes(minutes / 3),
                    _ => now += TimeDelta::minutes(minutes),
                }
                let found = look(&policy, &present, &fired, &*SHANGHAI, hours, now);
                for m in &found.due {
                    let step = &policy.steps[m.step];
                    prop_assert!(m.planned_at <= now && m.act_at <= now, "before its time: {:?} at {}", m, now);
                    prop_assert_eq!(hours(step.action).next(now), now, "outside hours");
                    prop_assert_eq!(present.base(step.when), Some(m.base), "stopped");
                    prop_assert!(m.n <= step.repeat + 1);
                    prop_assert!(seen.insert((m.step, m.base, m.n)), "twice: {:?}", m);
                    prop_assert!(seen.iter().all(|(s, b, n)| (*s, *b) != (m.step, m.base) || *n <= m.n), "an earlier one after a later one");
                    fired.push(done(m, now));
                }
                // One time of a step in a look, and nothing is left after it.
                let after = look(&policy, &present, &fired, &*SHANGHAI, hours, now);
                prop_assert!(after.due.is_empty(), "{:?}", after.due);
                // What is ahead is done when its time has come, if nothing happens before.
                if let Some(next) = after.ahead.first() {
                    prop_assert!(next.act_at > now);
                    let then = look(&policy, &present, &fired, &*SHANGHAI, hours, next.act_at);
                    prop_assert!(then.due.iter().any(|m| (m.step, m.base) == (next.step, next.base)), "forgotten: {:?}", next);
                }
            }
        }
    }
}
