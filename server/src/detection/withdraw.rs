//! Alarms that lose their reason when the rest of the data arrives: half of a day looks like silence, like
//! a fall, and makes the next day look like a rise.

use super::daily::found_on;
use super::details::{days_of, known_of, tellers};
use super::history::Setup;
use super::judge::Shelf;
use super::relapse::{fix_of, is_watcher, lost_again};
use super::rolling;
use super::watch::still_rings;
use super::words::{self, Now};
use crate::app::{App, Shared};
use crate::mail::{Envelope, Letter, Thread};
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::detection::{Detector, Signal, SubjectKind};
use domain::facts::Detail;
use domain::identity::Actor;
use domain::issues::{self, Command, Issue, State};
use domain::organisation::{Bilingual, Topic, subtree};
use serde_json::json;
use std::collections::BTreeMap;
use storage::detection::Raised;
use storage::notify::Delivery;
use storage::{DbError, Read, Tx};

/// Days before an issue's first alarm within which its signals are looked for.
const BEFORE_ALARM: i64 = 400;

/// A signal that no rule would raise any more.
pub(super) struct Gone {
    raised: Raised,
    /// For people: what is counted now.
    why: Bilingual,
}

/// What took the reason of an alarm away.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// The rest of the data.
    Late,
    /// Voices that are counted no more, or as something else.
    Corrected,
}

/// Longest window of a limit, in days.
const LONGEST_WINDOW: i64 = 28;

/// Takes back what immediate rules raised because of voices that a correction took off a day, in a
/// transaction of its own: as whoever counts voices it holds them first.
pub(super) async fn corrected(app: &Shared, day: NaiveDate) -> Result<(), DbError> {
    super::present::prepare(app).await?;
    let tx = app.begin().await?;
    storage::feedback::hold(&tx).await?;
    let zone = storage::organisation::organisation(&tx).await?.zone;
    let today = local_day(tx.now(), zone);
    let topics: Vec<Topic> = storage::organisation::all(&tx).await?;
    let detectors: Vec<Detector> = storage::organisation::all(&tx).await?;
    let last = (day + TimeDelta::days(LONGEST_WINDOW - 1)).min(today);
    let mut gone = Vec::new();
    for raised in storage::detection::standing(&tx, day, last).await? {
        let signal = &raised.signal;
        let Some(rule) = detectors
            .iter()
            .find(|d| d.key == signal.detector && d.version == signal.detector_version)
        else {
            continue;
        };
        if still_rings(app, &tx, rule, signal, (&topics, zone, today)).await? == Some(false) {
            gone.push(Gone::of(&tx, &topics, Some(rule), &raised, Cause::Corrected).await?);
        }
    }
    withdraw(app, &tx, &gone).await?;
    tx.commit().await?;
    Ok(())
}

/// Which of these signals, of days that late data may have changed, their rules would not raise any
/// more. A rule that was changed since says nothing about what its former version raised.
pub(super) async fn without_reason(
    app: &App,
    setup: &Setup,
    shelf: &mut Shelf,
    detectors: &[Detector],
    doubtful: &[Raised],
    yesterday: NaiveDate,
) -> Result<Vec<Gone>, DbError> {
    let mut gone = Vec::new();
    for raised in doubtful {
        let signal = &raised.signal;
        let day = signal.window;
        let issue = match raised.issue {
            Some(id) => storage::issues::get(&app.db, id).await?,
            None => None,
        };
        if is_watcher(&signal.detector) {
            if let Some(issue) = issue.filter(|i| i.state == State::Relapsed)
                && !relapsed(app, setup, shelf, &issue, day, yesterday).await?
            {
                gone.push(Gone::of(&app.db, &setup.topics, None, raised, Cause::Late).await?);
            }
            continue;
        }
        let Some(rule) = detectors
            .iter()
            .find(|d| d.key == signal.detector && d.version == signal.detector_version)
        else {
            continue;
        };
        // Rules that add days up are silent inside an open issue: only days up to its alarm can be asked
        // again. Others ring on every day of it, and every one of these can lose its reason.
        if rule.quiet_days().is_some() && issue.as_ref().is_some_and(|i| day > i.alarm_day) {
            continue;
        }
        let found = found_on(app, rule, setup, shelf, day, yesterday).await?;
        if !found.iter().any(|f| f.signal.subject == signal.subject) {
            gone.push(Gone::of(&app.db, &setup.topics, Some(rule), raised, Cause::Late).await?);
        }
    }
    Ok(gone)
}

/// Whether the watch after a verdict still says that a day shows a relapse.
async fn relapsed(
    app: &App,
    setup: &Setup,
    shelf: &mut Shelf,
    issue: &Issue,
    day: NaiveDate,
    yesterday: NaiveDate,
) -> Result<bool, DbError> {
    let Some(fix) = fix_of(&app.db, issue).await? else {
        // Nobody knows any more what it was measured against.
        return Ok(true);
    };
    let days = (day, yesterday);
    Ok(lost_again(app, setup, shelf, issue, &fix, days)
        .await?
        .is_some())
}

impl Gone {
    /// Of a rule that the data of its day have contradicted since.
    pub(super) async fn late(
        db: &impl Read,
        topics: &[Topic],
        rule: &Detector,
        raised: &Raised,
    ) -> Result<Self, DbError> {
        Self::of(db, topics, Some(rule), raised, Cause::Late).await
    }

    async fn of(
        db: &impl Read,
        topics: &[Topic],
        rule: Option<&Detector>,
        raised: &Raised,
        cause: Cause,
    ) -> Result<Self, DbError> {
        let signal = &raised.signal;
        let now = match rule.filter(|rule| rule.limit().is_some()) {
            Some(rule) => crowd_now(db, topics, rule, signal).await?,
            None => day_now(db, topics, signal).await?,
        };
        let Bilingual { zh, en } = words::counted_now(signal, now);
        let (since_zh, since_en) = match cause {
            Cause::Late => ("补到数据后", "late data arrived"),
            Cause::Corrected => ("数据更正后", "data were corrected"),
        };
        Ok(Self {
            raised: raised.clone(),
            why: Bilingual::new(
                format!("{since_zh}，{zh}规则 {} 不再触发", signal.detector),
                format!("{since_en}: {en}rule {} no longer rings", signal.detector),
            ),
        })
    }
}

/// What a limit counts now in the window of its signal.
async fn crowd_now(
    db: &impl Read,
    topics: &[Topic],
    rule: &Detector,
    signal: &Signal,
) -> Result<Now, DbError> {
    let subject = &signal.subject.key;
    let mut known: BTreeMap<u32, i64> = BTreeMap::new();
    let days = rule.days();
    if let Some(span) = signal.span {
        let times = (span.from.to_utc(), span.to.to_utc());
        let voices = rolling::moments(db, rule, subject, topics, times).await?;
        let mut of_customers: BTreeMap<&str, i64> = BTreeMap::new();
        for voice in voices.iter().filter(|v| !v.customer.is_empty()) {
            *of_customers.entry(&voice.customer).or_default() += 1;
        }
        return Ok(Now::Crowd {
            days,
            count: i64::try_from(voices.len()).unwrap_or(i64::MAX),
            loudest: of_customers.values().copied().max().unwrap_or_default(),
        });
    }
    let span = (
        signal.window - TimeDelta::days(i64::from(days) - 1),
        signal.window,
    );
    let (count, tellers) = match signal.subject.kind {
        SubjectKind::Topic if rule.window().is_some_and(|w| w.rolling().is_none()) => {
            let rows = days_of(db, rule, subject, topics, span).await?;
            let count = rows.iter().filter_map(|row| rule.count_of(row)).sum();
            (count, known_of(db, rule, subject, topics, span).await?)
        }
        SubjectKind::SearchTerm => {
            let query = storage::facts::DetailQuery {
                from: Some(span.0),
                to: Some(span.1),
                subject: Some(subject.clone()),
                by_day: true,
                ..storage::facts::DetailQuery::of(Detail::SearchTerm)
            };
            let rows = storage::facts::sum_details(db, &query).await?;
            let count = rows
                .iter()
                .filter_map(|row| rule.count_of(&row.counters))
                .sum();
            let mut all = tellers(db, rule, Some(subject), topics, span).await?;
            (count, all.remove(subject).unwrap_or_default())
        }
        _ => return Ok(Now::Nothing),
    };
    for teller in tellers.iter().filter(|t| t.counted) {
        *known.entry(teller.customer).or_default() += teller.n;
    }
    Ok(Now::Crowd {
        days,
        count,
        loudest: known.values().copied().max().unwrap_or_default(),
    })
}

/// What the day of a daily rule's signal holds now.
async fn day_now(db: &impl Read, topics: &[Topic], signal: &Signal) -> Result<Now, DbError> {
    let (subject, day) = (&signal.subject, signal.window);
    if !matches!(subject.kind, SubjectKind::Topic | SubjectKind::Channel) {
        // The days of agents, searches and articles are not among these sums.
        return Ok(Now::Nothing);
    }
    let query = storage::facts::Query {
        from: Some(day),
        to: Some(day),
        topics: (subject.kind == SubjectKind::Topic).then(|| subtree(&subject.key, topics)),
        channel: (subject.kind == SubjectKind::Channel).then(|| subject.key.clone()),
        ..Default::default()
    };
    let sums = storage::facts::sum(db, &query).await?;
    Ok(Now::Day(Box::new(
        sums.first().map(|s| s.counters).unwrap_or_default(),
    )))
}

/// Takes signals back, and closes an issue that nothing else holds open: with a line in its history that
/// says why. Mails that have not gone out are withdrawn; of those that have, the history tells.
pub(super) async fn withdraw(app: &App, tx: &Tx, gone: &[Gone]) -> Result<(), DbError> {
    for Gone { raised, why } in gone {
        let signal = &raised.signal;
        let present =
            storage::detection::fired(tx, &signal.detector, &signal.subject.key, signal.window)
                .await?;
        // It counted on meanwhile: whoever changed it asked for another look.
        if present.as_ref() != Some(raised) {
            continue;
        }
        storage::detection::withdraw(tx, raised, why).await?;
        let issue = match raised.issue {
            Some(id) => storage::issues::get(tx, id).await?,
            None => None,
        };
        let Some(issue) = issue else {
            continue;
        };
        let data = json!({"signal": signal, "explanation": signal.explanation(), "reason": why});
        record(
            app,
            tx,
            "issue",
            &issue.id.to_string(),
            "issue.signal_withdrawn",
            &data,
        )
        .await?;
        close(app, tx, issue, signal.window, why).await?;
    }
    Ok(())
}

async fn close(
    app: &App,
    tx: &Tx,
    issue: Issue,
    day: NaiveDate,
    why: &Bilingual,
) -> Result<(), DbError> {
    let id = issue.id.to_string();
    let from = if issue.openings == 1 {
        issue.alarm_day - TimeDelta::days(BEFORE_ALARM)
    } else {
        issue.alarm_day
    };
    let standing = storage::detection::standing_of(tx, issue.id, from).await?;
    // A relapse can be of a day before the alarm that had opened the issue: what rang then does not hold it.
    let of_opening = |s: &Raised| {
        issue.before.is_none()
            || s.fired_at >= issue.opened_at
            || s.signal.window == issue.alarm_day
    };
    if standing.iter().any(of_opening) {
        return Ok(());
    }
    let before = issue.state;
    let Ok((next, _)) = issues::apply(issue.clone(), &Command::Withdrawn, tx.now()) else {
        // Somebody works on it: they are told, read it in the history of their task, and decide.
        let filter = storage::tasks::Filter {
            issue: Some(issue.id),
            ..Default::default()
        };
        for task in storage::tasks::list(tx, &filter, 200).await?.items {
            if task.state.is_under_way() {
                let data = json!({"reason": why});
                let id = task.id.to_string();
                record(app, tx, "task", &id, "task.alarm_withdrawn", &data).await?;
                crate::tasks::alarm_withdrawn(app, tx, &task, &issue, day, why).await?;
            }
        }
        return Ok(());
    };
    storage::issues::update(tx, &next).await?;
    let (withdrawn, sent) = storage::notify::withdraw(tx, &id, &why.en).await?;
    for notice in &sent {
        if let Some(delivery) = taking_back(app, tx, &issue, notice, why) {
            if notice.state == "sent" {
                crate::mail::enqueue(app, tx, &delivery).await?;
            } else {
                storage::notify::promise(tx, notice, &delivery).await?;
            }
        }
    }
    let data = json!({
        "from": before, "to": next.state, "hold": next.held, "reason": why,
        "mails_withdrawn": withdrawn, "mails_sent": sent.len(),
    });
    record(app, tx, "issue", &id, "issue.alarm_withdrawn", &data).await
}

/// What tells whoever was told of this opening that it was nothing, once, in the thread of the notice.
fn taking_back(
    app: &App,
    tx: &Tx,
    issue: &Issue,
    notice: &Delivery,
    why: &Bilingual,
) -> Option<Delivery> {
    // Mails of earlier openings stand: those alarms were right.
    let of_opening = super::raise::notice_key(issue, 0);
    let rest = notice.dedupe_key.strip_prefix(&of_opening)?;
    if !(rest.is_empty() || rest.starts_with(':')) {
        return None;
    }
    let Envelope { to, letter, .. } = serde_json::from_value(notice.data.clone()).ok()?;
    let Letter::IssueNotice { day, .. } = letter else {
        return None;
    };
    let heading = issue
        .heading
        .clone()
        .unwrap_or_else(|| Bilingual::new(issue.title.clone(), issue.title.clone()));
    let letter = Letter::AlarmWithdrawn {
        thread: Thread {
            root: notice.id.clone(),
            first: false,
            topic: issue.title.clone(),
        },
        heading,
        day,
        reason: why.clone(),
        task: None,
    };
    let mut delivery = crate::mail::delivery(
        app.ids.next(),
        &to,
        &letter,
        format!("{}:withdrawn", notice.dedupe_key),
        notice.serial_key.clone(),
        tx.now(),
    );
    delivery.issue_id = Some(issue.id.to_string());
    Some(delivery)
}

async fn record(
    app: &App,
    tx: &Tx,
    subject: &str,
    id: &str,
    kind: &str,
    data: &serde_json::Value,
) -> Result<(), DbError> {
    let event = app.ids.next();
    storage::events::record(tx, event, subject, id, kind, &Actor::system(), data).await
}
