//! Lives the demo's 120 days: the clock moves, everything else is what a real server does.

use crate::app::{App, Shared, SystemClock, failure};
use crate::demo::generator::{Plan, Story};
use crate::intake::Arrived;
use crate::tasks::{NewTask, act, assign};
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{Clock, Timestamp, local_day, start_of_day};
use domain::detection::{Detector, Params, Scope, ThresholdParams, Window};
use domain::identity::{Actor, ActorKind, Role};
use domain::ids::TaskId;
use domain::organisation::{Department, Locale, Organisation, Owner, Topic};
use domain::tasks::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The demo's log-in.
pub const LOGIN: &str = "demo@bihuan.example";
/// Its password: the demo holds made-up data only.
pub const PASSWORD: &str = "bihuan-demo";

const ZONE: chrono_tz::Tz = chrono_tz::Asia::Shanghai;

/// A clock that can stand at a time of the past.
#[derive(Default)]
pub struct DemoClock {
    /// Microseconds since 1970; 0: the machine's clock.
    at: AtomicI64,
}

impl DemoClock {
    fn set(&self, at: Timestamp) {
        self.at.store(at.timestamp_micros(), Ordering::SeqCst);
    }

    fn release(&self) {
        self.at.store(0, Ordering::SeqCst);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        match self.at.load(Ordering::SeqCst) {
            0 => SystemClock.now(),
            micros => Timestamp::from_timestamp_micros(micros).unwrap_or_default(),
        }
    }
}

/// What the demo remembers between starts.
#[derive(serde::Serialize, serde::Deserialize)]
struct Memory {
    seed: u64,
    /// The last of the 120 days.
    until: NaiveDate,
}

async fn memory(app: &App, fresh: &Memory) -> failure::Result<Memory> {
    let tx = app.begin().await?;
    let text = serde_json::to_string(fresh)?;
    let kept = storage::organisation::secret(&tx, "demo", &text).await?;
    tx.commit().await?;
    Ok(serde_json::from_str(&kept)?)
}

/// Makes the organisation and lives its days up to now. The second time only what is missing.
pub async fn prepare(
    app: &Shared,
    clock: &DemoClock,
    seed: u64,
    say: impl Fn(&str),
) -> failure::Result<()> {
    let today = local_day(SystemClock.now(), ZONE);
    let memory = memory(app, &Memory { seed, until: today }).await?;
    if memory.seed != seed {
        return Err(format!(
            "this data folder holds the demo of seed {}; give another --data-dir for seed {seed}",
            memory.seed
        )
        .into());
    }
    let plan = Plan::new(memory.seed, memory.until);
    let first_time = storage::access::account_by_email(&app.db, LOGIN)
        .await?
        .is_none();
    if first_time {
        clock.set(at(plan.first_day(), 6));
        organise(app, &plan).await?;
        say("demo: living 120 days of feedback through the real pipeline …");
    }
    // A day is done when the next one has begun: what was cut short is taken in again, as duplicates.
    let mut day = match storage::facts::span(&app.db).await? {
        Some((_, last)) => last.max(plan.first_day()),
        None => plan.first_day(),
    };
    let started = tokio::time::Instant::now();
    while day < today {
        live(app, clock, &plan, day).await?;
        let done = (day - plan.first_day()).num_days() + 1;
        if done % 20 == 0 {
            say(&format!(
                "demo: day {done}, {day}, {:.0} s",
                started.elapsed().as_secs_f64()
            ));
        }
        day += TimeDelta::days(1);
    }
    clock.release();
    continue_stream(app, memory.seed, memory.until).await?;
    crate::jobs::settle(app).await?;
    if first_time {
        follow_up(app, &plan).await?;
        crate::jobs::settle(app).await?;
        watch_everything(app).await?;
        say(&format!(
            "demo: ready after {:.0} s",
            started.elapsed().as_secs_f64()
        ));
    }
    Ok(())
}

fn at(day: NaiveDate, hour: i64) -> Timestamp {
    start_of_day(day, ZONE) + TimeDelta::hours(hour)
}

async fn organise(app: &Shared, plan: &Plan) -> failure::Result<()> {
    let tx = app.begin().await?;
    let organisation = Organisation {
        name: "远信通信（演示）".to_owned(),
        unit_cost_cents_per_minute: Some(150),
        target_dissatisfaction: Some(0.2),
        ..Organisation::default()
    };
    storage::organisation::save_organisation(&tx, &organisation, None).await?;
    for d in plan.departments() {
        let owner = Owner {
            email: d.owner.email.to_owned(),
            name: d.owner.name.to_owned(),
            language: if d.owner.language == "en" {
                Locale::En
            } else {
                Locale::ZhCn
            },
            time_zone: ZONE,
        };
        let department = Department {
            key: d.key.to_owned(),
            name: d.name.to_owned(),
            owners: vec![owner],
            ..Department::default()
        };
        storage::organisation::put(&tx, &department, None).await?;
    }
    let set = crate::analysis::sets()
        .into_iter()
        .find(|s| s.key == "telecom");
    for topic in set.map(|s| s.topics).unwrap_or_default() {
        let owner = plan
            .departments()
            .into_iter()
            .find(|d| d.topics.contains(&topic.key.as_str()))
            .map(|d| d.key.to_owned());
        let topic = Topic {
            owner_department: owner.or(topic.owner_department.clone()),
            ..topic
        };
        storage::organisation::put(&tx, &topic, None).await?;
    }
    for story in plan.stories() {
        let limit = ThresholdParams {
            limit: i64::from(story.limit),
            window: Window::DAY,
        };
        let detector = Detector {
            scope: Scope {
                topic: Some(story.topic.to_owned()),
                ..Scope::default()
            },
            owner: Some(LOGIN.to_owned()),
            ..Detector::new(
                format!("{}-每日上限", story.topic),
                Params::Threshold(limit),
            )
        };
        storage::organisation::put(&tx, &detector, None).await?;
    }
    tx.commit().await?;
    crate::analysis::refresh(app).await?;
    crate::identity::new_account(app, LOGIN, "林晓", Role::Admin, None, "zh-CN", PASSWORD)
        .await
        .map_err(|p| p.detail)?;
    Ok(())
}

/// The rules that a new organisation begins with, for the days that are lived from now on: the past is
/// told by the stories.
async fn watch_everything(app: &Shared) -> failure::Result<()> {
    let tx = app.begin().await?;
    let rules = [
        ("联系量突增", Params::Spike(Default::default())),
        ("满意度下降", Params::CsatFall(Default::default())),
        ("渠道中断", Params::SilentSource(Default::default())),
    ];
    for (key, params) in rules {
        let detector = Detector {
            owner: Some(LOGIN.to_owned()),
            ..Detector::new(key, params)
        };
        storage::organisation::put_new(&tx, &detector).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn arrived(plan: &Plan, day: NaiveDate, until: Option<Timestamp>) -> Vec<Arrived> {
    plan.day(day)
        .into_iter()
        .filter(|incoming| match (until, &incoming.occurred_at) {
            (Some(until), Some(domain::intake::values::Scalar::Text(text))) => {
                chrono::DateTime::parse_from_rfc3339(text).is_ok_and(|t| t <= until)
            }
            _ => true,
        })
        .enumerate()
        .map(|(index, incoming)| Arrived {
            index: i64::try_from(index).unwrap_or(0),
            external_id: None,
            item: Ok(incoming),
        })
        .collect()
}

/// One day of the past: what people do in the morning, then its voices.
async fn live(app: &Shared, clock: &DemoClock, plan: &Plan, day: NaiveDate) -> failure::Result<()> {
    clock.set(at(day, 10));
    for story in plan.stories() {
        act_story(app, &story, day).await?;
    }
    clock.set(at(day, 23) + TimeDelta::minutes(30));
    crate::intake::receive(app, arrived(plan, day, None)).await?;
    crate::jobs::settle(app).await?;
    for story in plan.stories() {
        if story.alarm_day == day {
            clock.set(at(day, 23) + TimeDelta::minutes(45));
            assign_story(app, &story).await?;
        }
    }
    crate::jobs::settle(app).await?;
    Ok(())
}

fn voc_owner() -> Actor {
    Actor {
        kind: ActorKind::User,
        name: "林晓".to_owned(),
        email: Some(LOGIN.to_owned()),
        via: "console".to_owned(),
    }
}

async fn story_task(app: &App, story: &Story) -> failure::Result<Option<TaskId>> {
    let filter = storage::tasks::Filter {
        topic: Some(story.topic.to_owned()),
        ..Default::default()
    };
    Ok(storage::tasks::list(&app.db, &filter, 1)
        .await?
        .items
        .first()
        .map(|t| t.id))
}

async fn assign_story(app: &Shared, story: &Story) -> failure::Result<()> {
    if story_task(app, story).await?.is_some() {
        return Ok(());
    }
    let filter = storage::issues::Filter {
        topic: Some(story.topic.to_owned()),
        ..Default::default()
    };
    let Some(issue) = storage::issues::list(&app.db, &filter, 1)
        .await?
        .items
        .into_iter()
        .next()
    else {
        return Err(format!(
            "demo: no issue opened for {} on {}",
            story.topic, story.alarm_day
        )
        .into());
    };
    let new = NewTask {
        title: story.title.to_owned(),
        description: story.description.to_owned(),
        department: Some(story.department.to_owned()),
        due_at: Some(at(story.due_day, 18)),
        measures: story.measures.iter().map(|m| (*m).to_owned()).collect(),
        ..NewTask::default()
    };
    let tx = app.begin().await?;
    assign(app, &tx, issue.id, &new, &voc_owner())
        .await
        .map_err(|p| p.detail)?;
    tx.commit().await?;
    Ok(())
}

/// The fix that did nothing left its issue open: somebody gets it again, today. Its mail is the one to
/// try: the link in it is alive.
async fn follow_up(app: &Shared, plan: &Plan) -> failure::Result<()> {
    let filter = storage::issues::Filter {
        states: vec!["open".to_owned()],
        ..Default::default()
    };
    for issue in storage::issues::list(&app.db, &filter, 10).await?.items {
        let Some(story) = plan.stories().into_iter().find(|s| s.topic == issue.topic) else {
            continue;
        };
        let new = NewTask {
            title: format!("{}：换一种办法再试", story.topic),
            description:
                "上一次的办法没有看到效果。请先听十通投诉录音，找出爽约的真正原因，再提出新的办法。"
                    .to_owned(),
            department: Some(story.department.to_owned()),
            measures: vec![
                "听十通投诉录音".to_owned(),
                "按原因分类，找出最常见的一种".to_owned(),
            ],
            ..NewTask::default()
        };
        let tx = app.begin().await?;
        assign(app, &tx, issue.id, &new, &voc_owner())
            .await
            .map_err(|p| p.detail)?;
        tx.commit().await?;
    }
    Ok(())
}

async fn act_story(app: &Shared, story: &Story, day: NaiveDate) -> failure::Result<()> {
    let Some(id) = story_task(app, story).await? else {
        return Ok(());
    };
    let owner = Actor {
        kind: ActorKind::Owner,
        name: story.owner.name.to_owned(),
        email: Some(story.owner.email.to_owned()),
        via: "link".to_owned(),
    };
    let mut commands = Vec::new();
    if story.accepted_day == day {
        commands.push(Command::Accept);
    }
    for step in story.progress.iter().filter(|s| s.day == day) {
        commands.push(Command::Report {
            percent: step.percent,
            comment: step.comment.to_owned(),
        });
    }
    if story.effective_day == day {
        commands.push(Command::Complete {
            solution: story.solution.to_owned(),
            effective_at: None,
            rest: None,
        });
    }
    for command in commands {
        // A day that is lived again finds its steps done: the state refuses them, which is right.
        let _ = act(app, id, &command, &owner, None).await;
    }
    Ok(())
}

/// Takes in what has happened since: the stream goes on for as long as the demo runs.
pub async fn continue_stream(app: &Arc<App>, seed: u64, until: NaiveDate) -> failure::Result<()> {
    let plan = Plan::new(seed, until);
    let now = SystemClock.now();
    let today = local_day(now, ZONE);
    let items = arrived(&plan, today, Some(now));
    if !items.is_empty() {
        crate::intake::receive(app, items).await?;
    }
    Ok(())
}
