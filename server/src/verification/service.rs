//! Reads the facts, asks the rules, and writes verdict, states, article and mails in one transaction.

use crate::app::Shared;
use crate::http::{Code, Problem};
use crate::tasks::{Actions, act_in};
use chrono::TimeDelta;
use domain::clock::local_day;
use domain::identity::Actor;
use domain::ids::TaskId;
use domain::organisation::{Topic, subtree};
use domain::tasks::{Command, State, Task};
use domain::verification::{Course, Facts, OtherFix, Verdict, Verification, evaluate as judge};

/// Days before the fix that can matter: quiet baseline, guard, and what the noise is learnt from.
const REACH: i64 = 240;

/// Computes the verdict of a done task now.
pub async fn evaluate(
    app: &Shared,
    id: TaskId,
    actor: &Actor,
    maturity_days: u32,
) -> Result<Verification, Problem> {
    let tx = app.begin().await?;
    let Some(task) = storage::tasks::get(&tx, id).await? else {
        return Err(Problem::not_found("task"));
    };
    let Some(effective_at) = task.effective_at.filter(|_| task.state.is_judged()) else {
        return Err(Problem::new(
            Code::WrongState,
            "a task is verified when it is done",
        ));
    };
    let zone = storage::organisation::organisation(&tx).await?.zone;
    let today = local_day(tx.now(), zone);
    let effective_day = local_day(effective_at, zone);
    let topics: Vec<Topic> = storage::organisation::all(&tx).await?;
    let concerned = subtree(&task.topic, &topics);
    let first = effective_day.min(task.contract.alarm_day.unwrap_or(effective_day))
        - TimeDelta::days(REACH);
    let rows = crate::issues::day_rows(&tx, &concerned, first, today).await?;
    let history = storage::verification::history(&tx, id).await?;
    let course = Course {
        edited_afterwards: task.backdated,
        maturity_days,
        other_fixes: other_fixes(&tx, &task, zone).await?,
        previous: history.last().cloned().map(Box::new),
        ..Course::on_request(
            tx.now(),
            today,
            effective_day,
            crate::issues::topic_name(&task.topic, &topics),
        )
    };
    let verification = judge(&task.contract, &Facts::of_topic(&rows), &course);
    storage::verification::insert(&tx, app.ids.next(), id, &verification).await?;
    let before = task.clone();
    let command = Command::Judge {
        verdict: verification.verdict,
    };
    let judged = act_in(app, &tx, task, &command, actor).await?;
    let news = before.verdict != judged.verdict && verification.verdict != Verdict::Pending;
    if news {
        let sentence = verification.sentence.clone();
        Actions::verdict(app, &tx, &judged, verification.verdict, &sentence).await?;
    }
    if verification.verdict == Verdict::Improved
        && let Some(issue) = storage::issues::get(&tx, judged.issue_id).await?
    {
        crate::knowledge::write_article(app, &tx, &judged, &issue, &verification).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    Ok(verification)
}

/// Other tasks of the same topic whose fix went live.
async fn other_fixes(
    tx: &storage::Tx,
    task: &Task,
    zone: chrono_tz::Tz,
) -> Result<Vec<OtherFix>, storage::DbError> {
    let filter = storage::tasks::Filter {
        topic: Some(task.topic.clone()),
        ..Default::default()
    };
    Ok(storage::tasks::list(tx, &filter, 200)
        .await?
        .items
        .into_iter()
        .filter(|t| t.id != task.id && t.state != State::Cancelled)
        .filter_map(|t| {
            Some(OtherFix {
                name: t.id.to_string(),
                day: local_day(t.effective_at?, zone),
            })
        })
        .collect())
}
