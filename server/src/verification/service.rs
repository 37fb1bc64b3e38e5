//! Reads the facts, asks the rules, and writes verdicts, states, articles and mails in one transaction.

use crate::app::Shared;
use crate::http::{Code, Problem};
use crate::tasks::{
    Actions, Evidence, Setting, Span, act_in, gather, known, label_versions, misdirected,
    needs_labels, overlap, ruled,
};
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{Timestamp, local_day};
use domain::detection::SubjectKind;
use domain::identity::Actor;
use domain::ids::TaskId;
use domain::tasks::{Command, Fix, State, Task, together};
use domain::verification::baseline::Windows;
use domain::verification::{
    Contract, Control, Course, Occasion, PastVerdict, Sentence, Verdict, Verification,
    by_new_ruler, evaluate as judge,
};
use storage::{DbError, Tx};

/// Whose look it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The night's: days young enough for late ratings are left out.
    Scheduled,
    /// The first one of a fix that was reported late: what a night would have seen.
    First,
    /// Somebody's who asks: everything that is known now.
    OnRequest,
    /// Late data's: whatever the present verdict was computed from is looked at again.
    Late,
}

impl Look {
    /// Days at the end that are left out; `present`: the verdict so far.
    fn maturity_days(self, present: Option<&Verification>, today: NaiveDate) -> u32 {
        let scheduled = domain::verification::MATURITY_SCHEDULED;
        let mature = today - TimeDelta::days(i64::from(scheduled) + 1);
        // Somebody who asked saw younger days than a night does: they may be what has changed.
        let saw_more = present.is_some_and(|v| v.after.to > Some(mature));
        match self {
            Self::OnRequest => domain::verification::MATURITY_ON_REQUEST,
            Self::Late if saw_more => domain::verification::MATURITY_ON_REQUEST,
            Self::Scheduled | Self::First | Self::Late => scheduled,
        }
    }

    /// As the history of verdicts calls it.
    const fn occasion(self) -> Occasion {
        match self {
            Self::Scheduled => Occasion::Night,
            Self::First => Occasion::Completion,
            Self::OnRequest => Occasion::Request,
            Self::Late => Occasion::LateData,
        }
    }
}

/// The days that a task's next verdict is computed from, as far as the present one tells: first and last.
pub(super) fn looks_at(
    task: &Task,
    present: &Verification,
    today: NaiveDate,
    zone: chrono_tz::Tz,
) -> (NaiveDate, NaiveDate) {
    let effective = task
        .effective_at
        .map_or(present.effective_day, |at| local_day(at, zone))
        .min(present.effective_day);
    let course = Course {
        maturity_days: Look::Late.maturity_days(Some(present), today),
        ..Course::on_request(task.created_at, today, effective, Sentence::new("", ""))
    };
    let windows = Windows::of(&task.contract, &course, true);
    // A fix of the same matter that came later moves the after-window: the present verdict knows.
    (
        windows.earliest(),
        windows
            .after
            .to
            .max(present.after.to.unwrap_or(windows.after.to)),
    )
}

/// A verdict with what it was computed from and whom it is for.
pub struct Judged {
    /// The verdict.
    pub verification: Verification,
    /// The contract that decided: the first fix's.
    pub contract: Contract,
    /// The tasks that share it, the earliest fix first.
    pub members: Vec<Task>,
    /// Its facts.
    pub evidence: Evidence,
    /// First instant whose labels must be of one ruler, and the first one that need not.
    pub ruled: (Timestamp, Timestamp),
    /// Zone of its days.
    pub zone: chrono_tz::Tz,
}

/// Computes the verdict of a done task now, and of those that share it.
pub async fn evaluate(
    app: &Shared,
    id: TaskId,
    actor: &Actor,
    look: Look,
) -> Result<Verification, Problem> {
    let mut tries = 0;
    loop {
        tries += 1;
        match once(app, id, actor, look).await {
            // Somebody else judged or changed the task while the facts were read: look again.
            Err(problem) if matches!(problem.code, Code::Stale) && tries < 4 => {}
            other => return other,
        }
    }
}

async fn once(
    app: &Shared,
    id: TaskId,
    actor: &Actor,
    look: Look,
) -> Result<Verification, Problem> {
    let Some(task) = storage::tasks::get(&app.db, id).await? else {
        return Err(Problem::not_found("task"));
    };
    if !task.can_be_judged() || task.effective_at.is_none() {
        return Err(Problem::new(
            Code::WrongState,
            "a task is verified when it is done",
        ));
    }
    let setting = Setting::read(&app.db, app.now()).await?;
    let judged = compute(app, &setting, &task, look).await?;
    let tx = app.begin().await?;
    let mut answer = judged.verification.clone();
    for member in &judged.members {
        let result = record(app, &tx, &judged, member, actor, look).await?;
        // Months that were over before anybody asked are closed like those that a night closes.
        super::worth::freeze(&tx, member).await?;
        if member.id == id {
            answer = result;
        }
    }
    if answer.missing.iter().any(|m| m.code == "same_ruler") {
        let (from, to) = judged.ruled;
        let payload = serde_json::json!({
            "task": id.to_string(), "from": from, "to": to, "on_request": look == Look::OnRequest,
            "late": look == Look::Late,
        });
        let job = storage::queue::NewJob {
            unique_key: Some(format!("relabel:{id}")),
            ..crate::jobs::job(app.ids.as_ref(), "relabel", payload, tx.now())
        };
        storage::queue::enqueue(&tx, &job).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(answer)
}

/// The verdict as the facts stand, written nowhere.
pub async fn compute(
    app: &Shared,
    setting: &Setting,
    task: &Task,
    look: Look,
) -> Result<Judged, DbError> {
    let now = app.now();
    let today = local_day(now, setting.zone);
    let mut candidates: Vec<&Task> = setting
        .deployed
        .iter()
        .filter(|t| t.id != task.id && t.can_be_judged() && same_matter(t, task))
        .collect();
    candidates.push(task);
    let set = if candidates.len() == 1 {
        fix_of(task, setting).into_iter().collect()
    } else {
        set_of(app, setting, task, &candidates, today).await?
    };
    let members: Vec<Task> = set
        .iter()
        .filter_map(|fix| candidates.iter().find(|t| t.id == fix.task))
        .map(|t| (*t).clone())
        .collect();
    let lead = members.first().unwrap_or(task);
    let mut contract = lead.contract.clone();
    contract.measurable &= !misdirected(&app.db, lead).await?;
    let mut course = course(&app.db, setting, lead, &contract, today, now).await?;
    course.edited_afterwards = members.iter().any(|t| t.backdated);
    // What was final stays so, unless the whole horizon says otherwise.
    let previous = storage::verification::latest(&app.db, lead.id).await?;
    course.maturity_days = look.maturity_days(previous.as_ref(), today);
    // Whoever joins a set changes the verdict of all in it, so that none of them may be told that it
    // knows better: days that one of them has seen are looked at.
    for member in &members {
        let Some(present) = storage::verification::latest(&app.db, member.id).await? else {
            continue;
        };
        let joined = members.iter().any(|other| {
            other.id != member.id && !present.together_with.contains(&other.id.to_string())
        });
        if joined {
            let days = Look::Late.maturity_days(Some(&present), today);
            course.maturity_days = course.maturity_days.min(days);
        }
    }
    course.previous = previous.map(Box::new);
    let evidence = read(&app.db, setting, &contract, &course).await?;
    course.usual_noise = evidence.usual_noise(contract.metric, &course.closed_days);
    // Who served, what was searched for and by which channel somebody came is no classifier's opinion.
    if needs_labels(&contract) {
        course.label_versions = label_versions(&app.db, &contract, &course, setting.zone).await?;
    }
    let mut verification = judge(&contract, &evidence.facts(), &course);
    verification.history.clear();
    let of_topic = contract.subject.kind == SubjectKind::Topic;
    name_topics(&mut verification, &evidence, setting, of_topic);
    let ruled = ruled(&contract, &course, setting.zone);
    Ok(Judged {
        verification,
        contract,
        members,
        evidence,
        ruled,
        zone: setting.zone,
    })
}

/// Says which topics it was compared with and which ones rose: the rules know counts and names only.
fn name_topics(
    verification: &mut Verification,
    evidence: &Evidence,
    setting: &Setting,
    of_topic: bool,
) {
    if of_topic && matches!(verification.control, Control::OtherTopics { .. }) {
        verification
            .control_topics
            .clone_from(&evidence.control_topics);
    }
    for risen in &mut verification.displacement {
        let mut keys = evidence.sibling_topics.iter();
        let named = |key: &&String| crate::issues::topic_name(key, &setting.topics) == risen.topic;
        risen.key = keys.find(named).cloned().unwrap_or_default();
    }
}

/// Whether two fixes are about the same thing and judged by the same metric. What another metric
/// judges has a verdict of its own, over the same joint windows: its contract is frozen.
fn same_matter(a: &Task, b: &Task) -> bool {
    let (x, y) = (&a.contract.subject, &b.contract.subject);
    let same = if x.kind == SubjectKind::Topic && y.kind == SubjectKind::Topic {
        a.contract.watched() == b.contract.watched()
    } else {
        x == y
    };
    same && a.contract.metric == b.contract.metric
        && overlap(&a.contract.channels, &b.contract.channels)
}

fn fix_of(task: &Task, setting: &Setting) -> Option<Fix> {
    Some(Fix {
        task: task.id,
        day: local_day(task.effective_at?, setting.zone),
        horizon_days: task.contract.horizon_days,
    })
}

/// The fixes that share a verdict with `task`'s. Whether one was decided before the next came is asked
/// of the facts of those days, not of what was once written down: it comes out the same whenever it is
/// asked.
async fn set_of(
    app: &Shared,
    setting: &Setting,
    task: &Task,
    candidates: &[&Task],
    today: NaiveDate,
) -> Result<Vec<Fix>, DbError> {
    let fixes: Vec<Fix> = candidates
        .iter()
        .filter_map(|t| fix_of(t, setting))
        .collect();
    let mut alone = Vec::new();
    for first in candidates {
        let course = course(&app.db, setting, first, &first.contract, today, app.now()).await?;
        let evidence = read(&app.db, setting, &first.contract, &course).await?;
        alone.push((*first, course, evidence));
    }
    Ok(together(task.id, &fixes, |fix, day| {
        alone
            .iter()
            .find(|(t, ..)| t.id == fix.task)
            .is_some_and(|(first, course, evidence)| {
                let until = Course {
                    today: day,
                    maturity_days: 0,
                    other_fixes: course
                        .other_fixes
                        .iter()
                        .filter(|o| o.day < fix.day)
                        .cloned()
                        .collect(),
                    usual_noise: evidence.usual_noise(first.contract.metric, &course.closed_days),
                    ..course.clone()
                };
                let own = judge(&first.contract, &evidence.facts(), &until);
                own.decided_on.is_some()
            })
    }))
}

async fn course(
    db: &impl storage::Read,
    setting: &Setting,
    lead: &Task,
    contract: &Contract,
    today: NaiveDate,
    now: Timestamp,
) -> Result<Course, DbError> {
    let effective = lead
        .effective_at
        .map_or(today, |at| local_day(at, setting.zone));
    let course = Course {
        edited_afterwards: lead.backdated,
        other_fixes: setting.other_fixes(lead.id, contract),
        ..Course::on_request(
            now,
            today,
            effective,
            crate::issues::judged_name(contract, &setting.topics),
        )
    };
    let first = Windows::of(contract, &course, true).earliest();
    let days = known(db, setting, contract.watched(), first, today).await?;
    Ok(Course {
        closed_days: days.closed_days,
        annotations: days.annotations,
        gaps: days.gaps,
        ..course
    })
}

async fn read(
    db: &impl storage::Read,
    setting: &Setting,
    contract: &Contract,
    course: &Course,
) -> Result<Evidence, DbError> {
    let windows = Windows::of(contract, course, false);
    let anchor = course
        .effective_day
        .min(contract.alarm_day.unwrap_or(course.effective_day))
        .min(contract.change_day.unwrap_or(course.effective_day));
    gather(
        db,
        setting,
        (&contract.subject, contract.watched()),
        &contract.channels,
        contract.metric.classes(),
        Span {
            anchor,
            windows_from: windows.quiet.from,
            history_end: windows.history_end,
            today: course.today,
        },
    )
    .await
}

/// Whether a result says something else than the one before, and not only later figures of the same.
fn differs(a: &Verification, b: &Verification) -> bool {
    a.verdict != b.verdict
        || a.metric != b.metric
        || a.effective_day != b.effective_day
        || a.method.version != b.method.version
        || a.method.statistic != b.method.statistic
        || a.new_ruler != b.new_ruler
}

/// What the history says of a verdict: what was written down with it.
fn past(verdict: &Verification) -> PastVerdict {
    let own = verdict.history.last();
    own.filter(|entry| entry.computed_at == verdict.computed_at)
        .cloned()
        // Of an earlier version: the occasion was not written down.
        .unwrap_or_else(|| PastVerdict::of(verdict, None))
}

/// Writes a verdict for one of its tasks: the present result, the history where it changed, and what
/// follows from it exactly once, however often it is computed.
async fn record(
    app: &Shared,
    tx: &Tx,
    judged: &Judged,
    member: &Task,
    actor: &Actor,
    look: Look,
) -> Result<Verification, Problem> {
    let stale = || Problem::new(Code::Stale, format!("task {}", member.id));
    let Some(task) = storage::tasks::get(tx, member.id).await? else {
        return Err(stale());
    };
    if task.version != member.version {
        return Err(stale());
    }
    let mut result = judged.verification.clone();
    let own = task.id.to_string();
    result.together_with.retain(|name| *name != own);
    for other in &judged.members {
        let name = other.id.to_string();
        if other.id != task.id && !result.together_with.contains(&name) {
            result.together_with.push(name);
        }
    }
    let history = storage::verification::history(tx, task.id).await?;
    let mut known: Vec<PastVerdict> = history.iter().map(past).collect();
    let mut occasion = look.occasion();
    let present = storage::verification::latest(tx, task.id).await?;
    if let Some(present) = present.filter(|p| p.effective_day == result.effective_day) {
        // A night sees less than somebody saw who asked: nothing new. So may the look of a task that
        // shares the verdict.
        if look != Look::OnRequest && present.after.to > result.after.to {
            return Ok(present);
        }
        // Days that cannot be compared for the moment undo nothing that was decided.
        let blind = result.verdict == Verdict::Pending
            && present.verdict != Verdict::Pending
            && result.missing.iter().any(|m| m.code == "same_ruler");
        if blind {
            if history.last().is_none_or(|last| differs(last, &result)) {
                known.push(PastVerdict::of(&result, Some(occasion)));
            }
            result.history = known;
            return Ok(result);
        }
        // Nor does another definition of the topics that leaves nothing to compare.
        let before = present.new_ruler.clone();
        let today = local_day(judged.verification.computed_at, judged.zone);
        result = by_new_ruler(&present, result, judged.contract.min_answers, today);
        if result.new_ruler.is_some() && result.new_ruler != before {
            occasion = Occasion::NewRuler;
        }
    }
    let changed = history.last().is_none_or(|last| differs(last, &result));
    if changed {
        known.push(PastVerdict::of(&result, Some(occasion)));
    }
    result.history = known;
    storage::verification::put(tx, task.id, &result).await?;
    if changed {
        storage::verification::append(tx, app.ids.next(), task.id, &result).await?;
    }
    let verdict = result.verdict;
    let moved = task.verdict != Some(verdict);
    let judged_task = if moved || task.state == State::Done {
        act_in(app, tx, task, &Command::Judge { verdict }, actor).await?
    } else {
        task
    };
    // Whose work goes on is told nothing of the fix before theirs.
    let goes_on = judged_task.is_reopened() && verdict != Verdict::Worse;
    if moved && verdict != Verdict::Pending && !goes_on {
        Actions::verdict(app, tx, &judged_task, verdict, &result.sentence).await?;
    } else if changed && let Some(ruler) = result.new_ruler.as_ref().filter(|r| r.kept) {
        // It stands, but no longer for what is counted today: whose work it was is told.
        Actions::verdict_kept(app, tx, &judged_task, ruler.on, &result.sentence).await?;
    }
    if verdict == Verdict::Improved {
        // What helped one person is between them and their supervisor.
        let published = judged_task.contract.subject.kind != SubjectKind::Agent;
        if let Some(issue) = storage::issues::get(tx, judged_task.issue_id).await?
            && published
        {
            crate::knowledge::prove(app, tx, &judged_task, &issue, &result).await?;
        }
    } else {
        crate::knowledge::withdraw(app, tx, &judged_task, actor).await?;
    }
    Ok(result)
}
