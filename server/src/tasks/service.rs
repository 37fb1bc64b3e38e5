//! The use cases of tasks: assign, and everything that can happen to one.

use super::evidence::{Setting, Span, gather, topic_rows};
use super::offer::Actions;
use super::{absence, approval, clock, escalation, parts, refusal};
use crate::app::App;
use crate::http::{Code, Problem};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::{local_day, start_of_day};
use domain::detection::{Kind, Subject, SubjectKind};
use domain::identity::Actor;
use domain::ids::{IssueId, TaskId};
use domain::issues::quadrant::Quadrant;
use domain::issues::{self, Issue, IssueKind};
use domain::organisation::{Bilingual, Department, Owner, Topic, subtree};
use domain::tasks::kind::{self, Track, Wanted};
use domain::tasks::{self, Command, DueRule, Effect, State, Task, check_texts};
use domain::verification::contract::{Asked, BASELINE_DAYS, Parent, impossible_goal};
use domain::verification::{Contract, Decidable, GuardMetric, Metric, propose};
use storage::{DbError, Tx};

/// A task to be made.
#[derive(Clone, Debug, Default)]
pub struct NewTask {
    /// What to do, in one line.
    pub title: String,
    /// In full.
    pub description: String,
    /// Who is responsible; by the owner rules when missing.
    pub department: Option<String>,
    /// The person; the department's first owner when missing.
    pub owner_email: Option<String>,
    /// When it is due; by the rules when missing.
    pub due_at: Option<DateTime<Utc>>,
    /// Single steps.
    pub measures: Vec<String>,
    /// What sort of improvement it is.
    pub kind: kind::Kind,
    /// How its progress is told; by its kind when missing.
    pub track: Option<Wanted>,
    /// How it is to be judged, as far as a person says.
    pub wish: Wish,
}

/// What a person wants of a contract; the rest is by the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The metric that decides.
    pub metric: Option<Metric>,
    /// The topic above, where that is to be watched instead of the task's own.
    pub watched_topic: Option<String>,
    /// What is hoped for, in the metric's unit.
    pub expected_change: Option<f64>,
    /// Metrics that must not become worse.
    pub guards: Vec<GuardMetric>,
    /// Channels concerned; the issue's when missing.
    pub channels: Option<Vec<String>>,
    /// Days after the fix when the verdict falls at the latest.
    pub horizon_days: Option<u32>,
    /// The day the trouble was seen, where it is not the day the detector rang.
    pub alarm_day: Option<NaiveDate>,
}

impl Wish {
    /// Whether everything is left to the rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self, today: NaiveDate) -> Result<(), Problem> {
        let wrong = |field: &str, detail: &str| {
            let field = format!("contract.{field}");
            Err(Problem::field(field, "out_of_range", detail))
        };
        let largest = match self.metric {
            Some(Metric::MeanRating) => 4.0,
            _ => 1.0,
        };
        if let Some(change) = self.expected_change
            && !(change.is_finite() && (0.001..=largest).contains(&change.abs()))
        {
            return wrong(
                "expected_change",
                "a share between 0.001 and 1, stars between 0.001 and 4",
            );
        }
        if let Some(days) = self.horizon_days
            && !(7..=56).contains(&days)
        {
            return wrong("horizon_days", "7 to 56 days");
        }
        if let Some(day) = self.alarm_day
            && !(today - TimeDelta::days(400)..=today).contains(&day)
        {
            return wrong("alarm_day", "a day of the last 400, today at the latest");
        }
        if self.guards.len() > 8 {
            return wrong("guards", "at most 8");
        }
        for (n, guard) in self.guards.iter().enumerate() {
            if !(guard.limit.is_finite() && (0.001..=4.0).contains(&guard.limit)) {
                return wrong(&format!("guards[{n}].limit"), "0.001 to 4");
            }
        }
        if self.channels.as_ref().is_some_and(|c| c.len() > 50) {
            return wrong("channels", "at most 50");
        }
        Ok(())
    }
}

/// Why a command did not happen.
#[derive(Debug)]
pub enum ActError {
    /// The rules refuse it.
    Refused(tasks::Refused),
    /// There is no such task.
    NotFound,
    /// The caller had seen another version.
    Stale,
    /// The database failed.
    Database(DbError),
}

impl From<DbError> for ActError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Stale { .. } => Self::Stale,
            other => Self::Database(other),
        }
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(refused) => refused.into(),
            ActError::NotFound => Self::not_found("task"),
            ActError::Stale => crate::http::Code::Stale.into(),
            ActError::Database(error) => error.into(),
        }
    }
}

/// The person of a department who is asked.
pub async fn owner_of(
    tx: &Tx,
    department: &str,
    email: Option<&str>,
) -> Result<(Department, Owner), Problem> {
    let Some(department) = storage::organisation::get::<Department>(tx, department).await? else {
        return Err(Problem::field(
            "department",
            "unknown",
            "no such department",
        ));
    };
    let owner = match email {
        Some(email) => {
            let email = email.trim().to_lowercase();
            department
                .owners
                .iter()
                .find(|o| o.email == email)
                .cloned()
                .ok_or_else(|| {
                    Problem::field("owner_email", "unknown", "not an owner of this department")
                })?
        }
        None => department.owners.first().cloned().ok_or_else(|| {
            Problem::field(
                "department",
                "no_owner",
                "this department has no owner who could be asked",
            )
        })?,
    };
    Ok((department, owner))
}

/// The channels that a contract is about: the one that the issue is about, those that a person names,
/// the issue's. What an agent, an article or a search counts knows no channels.
fn channels(issue: &Issue, wish: &Wish) -> Result<Vec<String>, Problem> {
    let own: Vec<String> = match issue.subject.kind {
        SubjectKind::Topic => {
            let of_issue = || issue.scope.channel.clone().into_iter().collect();
            return Ok(wish.channels.clone().unwrap_or_else(of_issue));
        }
        SubjectKind::Channel => vec![issue.subject.key.clone()],
        SubjectKind::Agent | SubjectKind::SearchTerm | SubjectKind::Article => Vec::new(),
    };
    match &wish.channels {
        Some(wished) if *wished != own && !wished.is_empty() => Err(Problem::field(
            "contract.channels",
            "unknown",
            "channels can be chosen for issues about a topic only",
        )),
        _ => Ok(own),
    }
}

/// The metric that made the alarm of an issue ring, where it is not the rules' first anyway; and whether
/// what rang is that nothing arrives, which no metric measures.
async fn rang(db: &impl storage::Read, issue: &Issue) -> Result<(Option<Metric>, bool), DbError> {
    // Whether what was missing is there now shows in how often it is still asked for.
    if issue.kind == IssueKind::Opportunity {
        return Ok((Some(Metric::Volume), false));
    }
    if issue.subject.kind == SubjectKind::Topic {
        return Ok((None, false));
    }
    // Signals of topics may have joined the issue of their channel.
    let signals = storage::issues::signals(db, issue.id).await?;
    let Some(signal) = signals
        .into_iter()
        .map(|raised| raised.signal)
        .find(|signal| signal.subject.kind == issue.subject.kind)
    else {
        return Ok((None, false));
    };
    let metric = match signal.kind {
        Kind::Spike | Kind::Threshold => Some(Metric::Volume),
        Kind::CsatFall | Kind::LowRating => Some(Metric::Csat),
        // A ratio of times, or weeks of falling satisfaction.
        Kind::AgentDrift if signal.level.is_some_and(|level| level > 1.0) => Some(Metric::Aht),
        Kind::AgentDrift => Some(Metric::Csat),
        Kind::GoalLost => signal.goal.map(|goal| goal.metric),
        _ => None,
    };
    Ok((metric, signal.kind == Kind::SilentSource))
}

/// What a verdict about an opportunity cannot say.
fn not_measured() -> Bilingual {
    Bilingual::new(
        "这是一个机会：来访减少只说明不再有人来要，是否有人使用、带来多少收益，本系统量不到，请在机会上填写收益。",
        " This is an opportunity: fewer contacts show that it is no longer asked for; whether anybody uses it and what it earns is not measured here and is reported by hand.",
    )
}

/// Who is asked for a new task: whom a person names, else who gets the issue by the owner rules.
async fn asked_of(tx: &Tx, issue: &Issue, new: &NewTask) -> Result<(Department, Owner), Problem> {
    if let Some(department) = &new.department {
        return owner_of(tx, department, new.owner_email.as_deref()).await;
    }
    let directory = crate::routing::directory(tx).await?;
    let route = directory.decide(&crate::routing::matter_of_issue(issue));
    let Some(department) = route.department else {
        return Err(Problem::field(
            "department",
            "required",
            crate::http::spoken(&Bilingual::new(
                "没有规则或主题指明责任部门，请选择部门",
                "neither a rule nor the topic names a department: choose one",
            )),
        ));
    };
    let owner = new.owner_email.as_deref().or(route.owner.as_deref());
    owner_of(tx, &department, owner).await
}

/// The contract that an issue's task would have: proposed by the rules from the facts so far, changed
/// by what a person wants. `days_to_fix` = days until the fix is due.
pub async fn contract(
    app: &App,
    db: &impl storage::Read,
    issue: &Issue,
    wish: &Wish,
    days_to_fix: Option<u32>,
) -> Result<Contract, Problem> {
    let setting = Setting::read(db, app.now()).await?;
    let today = local_day(app.now(), setting.zone);
    wish.check(today)?;
    let alarm_day = wish.alarm_day.unwrap_or(issue.alarm_day);
    let above = setting.parent(&issue.topic);
    if let Some(wished) = &wish.watched_topic
        && (above.as_deref() != Some(wished) || issue.subject.kind != SubjectKind::Topic)
    {
        return Err(Problem::field(
            "contract.watched_topic",
            "unknown",
            "not the topic right above the issue's",
        ));
    }
    let (rang, unmeasured) = rang(db, issue).await?;
    let subject = match issue.subject.kind {
        SubjectKind::Topic => Subject::topic(issue.topic.clone()),
        _ => issue.subject.clone(),
    };
    let asked = Asked {
        unmeasured,
        rang,
        channels: channels(issue, wish)?,
        metric: wish.metric,
        watch_above: wish.watched_topic.is_some(),
        expected_change: wish.expected_change,
        horizon_days: wish.horizon_days,
        days_to_fix,
        subject,
        ..Asked::by_rule(issue.topic.clone(), today, Some(alarm_day))
    };
    let history_end = alarm_day.min(today) - TimeDelta::days(i64::from(asked.guard_days));
    let span = Span {
        anchor: alarm_day.min(today),
        windows_from: history_end - TimeDelta::days(i64::from(BASELINE_DAYS) - 1),
        history_end,
        today,
    };
    let evidence = gather(
        db,
        &setting,
        (&asked.subject, &issue.topic),
        &asked.channels,
        Metric::Csat.classes(),
        span,
    )
    .await?;
    // A channel that the topic never came by can never be judged; most often it is a slip.
    let unknown = wish
        .channels
        .iter()
        .flatten()
        .position(|channel| !evidence.topic.iter().any(|row| row.channel == *channel));
    let unknown = unknown.filter(|_| issue.subject.kind == SubjectKind::Topic);
    if let Some(n) = unknown {
        return Err(Problem::field(
            format!("contract.channels[{n}]"),
            "unknown",
            "the topic has no voices in this channel",
        ));
    }
    let of_topic = issue.subject.kind == SubjectKind::Topic;
    let searches = if of_topic {
        topic_rows(
            db,
            &setting,
            &issue.topic,
            Metric::NoResultShare.classes(),
            span,
        )
        .await?
    } else {
        Vec::new()
    };
    let parent = match above.filter(|_| of_topic) {
        Some(topic) => Some(Parent {
            name: crate::issues::topic_name(&topic, &setting.topics),
            rows: topic_rows(db, &setting, &topic, Metric::Csat.classes(), span).await?,
            topic,
        }),
        None => None,
    };
    let asked = Asked {
        usual_noise: Metric::ALL
            .into_iter()
            .filter(|metric| !of_topic || *metric != Metric::NoResultShare)
            .filter_map(|metric| Some((metric, evidence.usual_noise(metric, &[])?)))
            .collect(),
        searches,
        parent,
        ..asked
    };
    let mut contract = propose(&evidence.facts(), &asked);
    if issue.kind == IssueKind::Opportunity {
        let limits = not_measured();
        contract.sentence.zh.push_str(&limits.zh);
        contract.sentence.en.push_str(&limits.en);
    }
    if !wish.guards.is_empty() {
        contract.guards.clone_from(&wish.guards);
    }
    let goal = wish.metric.unwrap_or(Metric::Csat);
    let level = contract
        .candidates
        .iter()
        .find(|c| c.metric == goal && c.watched_topic.is_none())
        .and_then(|c| c.level);
    if let Some(change) = wish.expected_change
        && let Some(reason) = impossible_goal(goal, change, level)
    {
        let reason = crate::http::spoken(&reason);
        return Err(Problem::field(
            "contract.expected_change",
            "impossible",
            reason,
        ));
    }
    Ok(contract)
}

/// The same for a task that is made now: a metric that cannot be decided is refused.
async fn agreed(
    app: &App,
    tx: &Tx,
    issue: &Issue,
    wish: &Wish,
    days_to_fix: Option<u32>,
) -> Result<Contract, Problem> {
    let contract = contract(app, tx, issue, wish, days_to_fix).await?;
    let Some(refusal) = &contract.refused else {
        return Ok(contract);
    };
    let reason = crate::http::spoken(&refusal.sentence);
    Err(Problem {
        errors: vec![crate::http::FieldError {
            field: match refusal.why {
                Decidable::ChangeTooSmall => "contract.expected_change",
                Decidable::TooSlow if wish.horizon_days.is_some() => "contract.horizon_days",
                _ => "contract.metric",
            }
            .to_owned(),
            code: refusal.why.as_str().to_owned(),
            detail: reason.clone(),
        }],
        ..Problem::new(Code::NotDecidable, reason)
    })
}

/// Whether a task can be due then.
pub fn check_due(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Problem> {
    let wrong = |code, detail| Err(Problem::field("due_at", code, detail));
    if at <= now {
        return wrong("in_the_past", "the due time must be ahead");
    }
    if at > now + TimeDelta::days(730) {
        return wrong("out_of_range", "at most two years ahead");
    }
    Ok(())
}

/// When a task is due.
pub struct Due {
    /// Then.
    pub at: DateTime<Utc>,
    /// Why then.
    pub rule: DueRule,
    /// It must be fixed at once.
    pub urgent: bool,
    /// Days until then: the plan of a contract counts with them.
    pub days_to_fix: Option<u32>,
}

/// The department that answers for a topic.
pub async fn of_topic(db: &impl storage::Read, topic: &str) -> Result<Option<Department>, DbError> {
    let topic: Option<Topic> = storage::organisation::get(db, topic).await?;
    match topic.and_then(|t| t.owner_department) {
        Some(key) => storage::organisation::get(db, &key).await,
        None => Ok(None),
    }
}

/// When a task of this issue is due, by the calendar of the department where nobody says. Whoever looks
/// at the plan of a contract before asks here too.
pub async fn due(
    app: &App,
    db: &impl storage::Read,
    issue: &Issue,
    department: Option<&Department>,
    wished: Option<DateTime<Utc>>,
) -> Result<Due, Problem> {
    let now = app.now();
    let placed = crate::issues::place(app, db, 28).await?;
    let topics = subtree(&issue.topic, &placed.topics);
    let decided = storage::quadrants::overrides(db, &[issue.id.to_string()]).await?;
    let urgent = match decided.first() {
        Some(decided) => decided.quadrant == Quadrant::FixNow,
        None => placed
            .placement
            .points
            .iter()
            .any(|p| topics.contains(&p.topic) && p.quadrant == Quadrant::FixNow),
    };
    // The fast track puts out fires: what nobody offers yet is not on fire.
    let urgent = urgent && issue.kind != IssueKind::Opportunity;
    let organisation = storage::organisation::organisation(db).await?;
    let zone = organisation.zone;
    let today = local_day(now, zone);
    let (at, rule) = match wished {
        Some(at) => {
            check_due(at, now)?;
            (at, DueRule::Person)
        }
        None => {
            let hours = if urgent {
                organisation.fast_track_hours
            } else {
                organisation.task_hours
            };
            clock::by_calendar(app, db, department, hours).await?
        }
    };
    Ok(Due {
        at,
        rule,
        urgent,
        days_to_fix: u32::try_from((local_day(at, zone) - today).num_days()).ok(),
    })
}

/// Turns an issue into a task, in one transaction with the mail that offers it.
pub async fn assign(
    app: &App,
    tx: &Tx,
    issue_id: IssueId,
    new: &NewTask,
    actor: &Actor,
) -> Result<Task, Problem> {
    check_texts(&new.title, &new.description, &new.measures)?;
    let Some(issue) = storage::issues::get(tx, issue_id).await? else {
        return Err(Problem::not_found("issue"));
    };
    let (department, owner) = asked_of(tx, &issue, new).await?;
    let meant = absence::meant_for(app, tx, &department.key, &owner).await?;
    let due = due(app, tx, &issue, Some(&department), new.due_at).await?;
    let contract = agreed(app, tx, &issue, &new.wish, due.days_to_fix).await?;
    let measures: Vec<String> = new.measures.iter().map(|m| masked(m.trim())).collect();
    let track = Track::new(new.kind, new.track.clone(), &measures)?;
    let (task, effects) = tasks::assigned(
        TaskId(app.ids.next()),
        issue.id,
        issue.topic.clone(),
        &masked(&new.title),
        &masked(&new.description),
        &department,
        meant.owner,
        actor.clone(),
        due.at,
        due.urgent,
        measures,
        contract,
        tx.now(),
    );
    let task = Task {
        due_rule: due.rule,
        on_behalf_of: meant.for_whom,
        kind: new.kind,
        track,
        ..task
    };
    storage::tasks::insert(tx, &task).await?;
    clock::keep(tx, &task).await?;
    let (issue, _) = issues::apply(issue, &issues::Command::TaskAssigned, tx.now())?;
    storage::issues::update(tx, &issue).await?;
    let mut data = serde_json::json!({
        "department": department.key, "owner": task.owner.display_name(), "due_at": task.due_at, "title": task.title,
        "due_rule": task.due_rule, "kind": task.kind,
    });
    data["for"] = serde_json::json!(task.on_behalf_of);
    data["nobody_stands_in"] = meant.nobody.into();
    // Who dates an alarm chooses the baseline: that is written down.
    if !new.wish.is_empty() {
        data["contract"] = serde_json::json!({
            "metric": new.wish.metric, "watched_topic": new.wish.watched_topic, "expected_change": new.wish.expected_change, "guards": new.wish.guards,
            "channels": new.wish.channels, "horizon_days": new.wish.horizon_days,
            "alarm_day": new.wish.alarm_day, "alarm_day_of_the_signal": issue.alarm_day,
        });
    }
    record(app, tx, &task, "task.assigned", actor, &data).await?;
    let id = issue.id.to_string();
    let data = serde_json::json!({"task": task.id.to_string(), "department": department.key});
    storage::events::record(
        tx,
        app.ids.next(),
        "issue",
        &id,
        "issue.task_assigned",
        actor,
        &data,
    )
    .await?;
    carry(app, tx, &task, &issue, &effects, "task.assigned", actor, "").await?;
    escalation::plan(app, tx, &task).await?;
    Ok(task)
}

pub(super) async fn record(
    app: &App,
    tx: &Tx,
    task: &Task,
    kind: &str,
    actor: &Actor,
    data: &serde_json::Value,
) -> Result<(), DbError> {
    storage::events::record(
        tx,
        app.ids.next(),
        "task",
        &task.id.to_string(),
        kind,
        actor,
        data,
    )
    .await
}

/// Writes down what follows from a command: mails, revoked links, a date for the verdict.
pub async fn carry(
    app: &App,
    tx: &Tx,
    task: &Task,
    issue: &Issue,
    effects: &[Effect],
    event: &str,
    actor: &Actor,
    words: &str,
) -> Result<(), DbError> {
    for effect in effects {
        match effect {
            Effect::OfferTask => Actions::offer(app, tx, task, issue).await?,
            Effect::RevokeLinks => storage::tasks::revoke_links(tx, task.id).await?,
            Effect::ScheduleVerification => schedule(app, tx, task).await?,
            // The verdict's own service writes these: they need its numbers.
            Effect::TellVerdict(_) | Effect::PublishArticle => {}
            Effect::TellAssigner if event == "task.judged" => {}
            Effect::TellParent => parts::tell_parent(app, tx, task, actor).await?,
            mail @ (Effect::TellFormerOwner(_)
            | Effect::TellCancelled
            | Effect::TellAssigner
            | Effect::TellOwner
            | Effect::AskApproval
            | Effect::TellDecision
            | Effect::Remind) => {
                Actions::mail(app, tx, task, mail, event, actor, words).await?;
            }
        }
    }
    Ok(())
}

/// Hours after midnight of the organisation when a night's looks begin: the day before is complete.
const NIGHT_HOUR: i64 = 1;

/// Writes down the next look at a task after today, in the place of any that waits. A task that was
/// just done is looked at once at least, however old its fix is.
pub async fn schedule(app: &App, tx: &Tx, task: &Task) -> Result<(), DbError> {
    let Some(effective_at) = task.effective_at else {
        return Ok(());
    };
    let zone = storage::organisation::organisation(tx).await?.zone;
    let today = local_day(tx.now(), zone);
    let contract = &task.contract;
    let next = tasks::next_look(
        local_day(effective_at, zone),
        contract.min_days,
        contract.horizon_days,
        today,
    );
    let next = next.or_else(|| (task.state == State::Done).then(|| today + TimeDelta::days(1)));
    storage::queue::cancel_all(tx, &format!("verify:{}", task.id)).await?;
    let Some(night) = next else {
        return Ok(());
    };
    // The night is part of the key: the job that runs now may write the next one.
    let job = storage::queue::NewJob {
        unique_key: Some(format!("verify:{}:{night}", task.id)),
        ..crate::jobs::job(
            app.ids.as_ref(),
            "verify",
            serde_json::json!({"task": task.id.to_string()}),
            start_of_day(night, zone) + TimeDelta::hours(NIGHT_HOUR),
        )
    };
    storage::queue::enqueue(tx, &job).await?;
    let effective = local_day(effective_at, zone);
    let due = effective + TimeDelta::days(i64::from(contract.min_days) + 1);
    if task.state == State::Done && due <= today {
        let payload = serde_json::json!({"task": task.id.to_string(), "first": true});
        // Not among the keys of the nights; once for each report.
        let job = storage::queue::NewJob {
            unique_key: Some(format!("first:{}:{}", task.id, task.version)),
            ..crate::jobs::job(app.ids.as_ref(), "verify", payload, tx.now())
        };
        storage::queue::enqueue(tx, &job).await?;
    }
    Ok(())
}

/// What the owner said, for whoever is told.
fn words(command: &Command) -> String {
    match command {
        Command::Decline { reason, .. }
        | Command::Cancel { reason }
        | Command::Reject { reason }
        | Command::Reassign { reason, .. } => reason.clone(),
        Command::HandOver { reason, .. } => reason.clone().unwrap_or_default(),
        Command::Ask { comment }
        | Command::Answer { comment }
        | Command::Approve { comment }
        | Command::Remind { comment }
        | Command::Advance { comment, .. }
        | Command::Report { comment, .. } => comment.clone(),
        Command::Complete { solution, .. } | Command::Submit { solution, .. } => solution.clone(),
        Command::PassOn { owner, .. } => format!("→ {}", owner.display_name()),
        Command::Refer { refusal, .. } => words(refusal),
        Command::Accept
        | Command::Judge { .. }
        | Command::Snooze { .. }
        | Command::Split { .. } => String::new(),
    }
}

/// What people type about customers is masked like what customers say: it travels by mail and into
/// articles.
pub(super) fn masked(text: &str) -> String {
    domain::text::mask(text).text
}

fn masked_command(command: &Command) -> Command {
    match command.clone() {
        Command::Decline { reason, department } => Command::Decline {
            reason: masked(&reason),
            department,
        },
        Command::HandOver {
            department,
            owner,
            reason,
        } => Command::HandOver {
            department,
            owner,
            reason: reason.as_deref().map(masked),
        },
        Command::Report { percent, comment } => Command::Report {
            percent,
            comment: masked(&comment),
        },
        Command::Ask { comment } => Command::Ask {
            comment: masked(&comment),
        },
        Command::Answer { comment } => Command::Answer {
            comment: masked(&comment),
        },
        Command::Complete {
            solution,
            effective_at,
            rest,
        } => Command::Complete {
            solution: masked(&solution),
            effective_at,
            rest: rest.as_deref().map(masked),
        },
        Command::Advance { step, comment } => Command::Advance {
            step,
            comment: masked(&comment),
        },
        Command::Approve { comment } => Command::Approve {
            comment: masked(&comment),
        },
        Command::Reject { reason } => Command::Reject {
            reason: masked(&reason),
        },
        Command::Remind { comment } => Command::Remind {
            comment: masked(&comment),
        },
        Command::Reassign {
            department,
            owner,
            reason,
        } => Command::Reassign {
            department,
            owner,
            reason: masked(&reason),
        },
        Command::Cancel { reason } => Command::Cancel {
            reason: masked(&reason),
        },
        plain @ (Command::Accept
        | Command::Judge { .. }
        | Command::Snooze { .. }
        | Command::PassOn { .. }
        | Command::Split { .. }
        // Made from a completion that was masked before.
        | Command::Submit { .. }
        | Command::Refer { .. }) => plain,
    }
}

/// Applies a command in an open transaction: state, history and effects together.
pub async fn act_in(
    app: &App,
    tx: &Tx,
    task: Task,
    command: &Command,
    actor: &Actor,
) -> Result<Task, ActError> {
    let mut command = masked_command(command);
    if let Some(referred) = refusal::referred(app, tx, &task, &command).await? {
        command = referred;
    }
    let below = storage::tasks::below(tx, task.id).await?;
    tasks::family::check(&task, &below, &command).map_err(ActError::Refused)?;
    let (submitted, nobody) = approval::submitted(app, tx, &task, &command).await?;
    let mut data = submitted.as_ref().unwrap_or(&command).data();
    if nobody {
        data["nobody_approves"] = true.into();
    }
    if let Some(submitted) = submitted {
        command = submitted;
    }
    let mut for_whom = None;
    if let Command::HandOver {
        department, owner, ..
    }
    | Command::Reassign {
        department, owner, ..
    } = &mut command
    {
        let meant = absence::meant_for(app, tx, department, owner).await?;
        data["owner"] = meant.owner.display_name().into();
        data["for"] = serde_json::json!(meant.for_whom);
        data["nobody_stands_in"] = meant.nobody.into();
        *owner = meant.owner;
        for_whom = meant.for_whom;
    }
    let command = &command;
    let (stood, waited_for) = (task.stands_since(), task.waits_for());
    let hops = task.hops.len();
    let (mut next, effects) =
        tasks::apply(task, command, actor, tx.now()).map_err(ActError::Refused)?;
    if for_whom.is_some() {
        next.on_behalf_of = for_whom;
    }
    let mut said = words(command);
    if let Some(hop) = next.hops.last().filter(|_| next.hops.len() > hops) {
        data["ping_pong"] = hop.ping_pong.into();
        data["hops"] = next.hops.len().into();
        if hop.ping_pong {
            said.push_str(
                "\n（该部门此前已拒绝过这项任务。That department had refused it before.）",
            );
        }
    }
    let before = match stood {
        Some(_) if next.waits_since().is_none() => clock::resumed(tx, &mut next).await?,
        _ => None,
    };
    storage::tasks::update(tx, &next).await?;
    if next.hops.len() > hops {
        storage::refusals::note(tx, &next).await?;
    }
    record(app, tx, &next, command.event(), actor, &data).await?;
    if let Some(before) = before {
        let data = serde_json::json!({
            "due_before": before, "due_at": next.due_at, "since": stood,
            "why": waited_for.map(domain::calendar::Why::as_str),
        });
        record(app, tx, &next, "task.due_moved", &Actor::system(), &data).await?;
    }
    let Some(issue) = storage::issues::get(tx, next.issue_id).await? else {
        return Err(ActError::NotFound);
    };
    let issue = follow(app, tx, issue, &next, command, actor).await?;
    carry(
        app,
        tx,
        &next,
        &issue,
        &effects,
        command.event(),
        actor,
        said.trim(),
    )
    .await?;
    escalation::plan(app, tx, &next).await?;
    parts::close_below(app, tx, &next, actor).await?;
    Ok(next)
}

/// What a task's command means for its issue.
async fn follow(
    app: &App,
    tx: &Tx,
    issue: Issue,
    task: &Task,
    command: &Command,
    actor: &Actor,
) -> Result<Issue, ActError> {
    // A part decides nothing for the issue: the task above does.
    if task.parent.is_some() {
        return Ok(issue);
    }
    let filter = storage::tasks::Filter {
        issue: Some(issue.id),
        ..Default::default()
    };
    let others: Vec<Task> = storage::tasks::list(tx, &filter, 200)
        .await?
        .items
        .into_iter()
        .filter(|t| t.id != task.id && t.parent.is_none())
        .collect();
    let open_tasks = others.iter().filter(|t| t.state.is_open()).count();
    let command = match command {
        Command::Complete { .. } | Command::Approve { .. } => {
            issues::Command::TaskDone { open_tasks }
        }
        // Somebody works on it: what is said of the fix before theirs ends nothing.
        Command::Judge { verdict }
            if task.is_reopened() && *verdict != domain::verification::Verdict::Worse =>
        {
            return Ok(issue);
        }
        Command::Judge { verdict } => issues::Command::Judged {
            verdict: *verdict,
            open_tasks,
        },
        Command::Cancel { .. } if others.iter().all(|t| t.state == State::Cancelled) => {
            issues::Command::NoTaskLeft
        }
        Command::HandOver { .. } | Command::Reassign { .. } => issues::Command::TaskAssigned,
        Command::Refer {
            arbiter: Some(_), ..
        } => issues::Command::TaskAssigned,
        _ => return Ok(issue),
    };
    let before = issue.state;
    let Ok((next, _)) = issues::apply(issue.clone(), &command, tx.now()) else {
        return Ok(issue);
    };
    if next.state == before {
        return Ok(issue);
    }
    storage::issues::update(tx, &next).await?;
    let data = serde_json::json!({"from": before, "to": next.state, "task": task.id.to_string()});
    storage::events::record(
        tx,
        app.ids.next(),
        "issue",
        &next.id.to_string(),
        &format!("issue.{}", next.state.as_str()),
        actor,
        &data,
    )
    .await?;
    Ok(next)
}

/// Applies a command to a task, if it still is at `expected` (`None`: whatever it is).
pub async fn act(
    app: &App,
    id: TaskId,
    command: &Command,
    actor: &Actor,
    expected: Option<i64>,
) -> Result<Task, ActError> {
    let tx = app.begin().await?;
    let Some(task) = storage::tasks::hold(&tx, id).await? else {
        return Err(ActError::NotFound);
    };
    if expected.is_some_and(|e| e != task.version) {
        return Err(ActError::Stale);
    }
    let next = act_in(app, &tx, task, command, actor).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(next)
}
