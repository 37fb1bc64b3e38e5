//! What detection remembers: signals of a rule, what people said that a rule watches for, channels
//! that fell silent, days whose close was looked at.

use crate::tx::{Document, json, micros, one, parse, placeholders, rows, timestamp};
use crate::{DbError, Read, Tx};
use chrono::NaiveDate;
use domain::clock::Timestamp;
use domain::detection::{Moment, Signal};
use domain::ids::{FeedbackId, IssueId};
use domain::issues::State;
use domain::organisation::Bilingual;
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use uuid::Uuid;

fn day(table: &'static str, text: &str) -> Result<NaiveDate, DbError> {
    NaiveDate::from_str(text).map_err(|e| DbError::Corrupt {
        table,
        column: "day",
        id: text.to_owned(),
        detail: e.to_string(),
    })
}

/// A signal of a rule, with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// Identity.
    pub id: String,
    /// When it fired first.
    pub fired_at: Timestamp,
    /// Its issue; `None`: it was held back or opens none.
    pub issue: Option<IssueId>,
    /// It was held back: the rule was muted.
    pub withheld: bool,
    /// When late data took its reason away.
    pub withdrawn_at: Option<Timestamp>,
    /// Why, with what is counted now; `None` in what an earlier version took back.
    pub withdrawn_why: Option<Bilingual>,
    /// The voices that made it ring, the latest that did; empty where days decide.
    pub voices: Vec<FeedbackId>,
    /// What it counted.
    pub signal: Signal,
}

/// What is kept beside a signal's own figures.
#[derive(Default, Serialize, Deserialize)]
struct Beside {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn_why: Option<Bilingual>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    voices: Vec<FeedbackId>,
}

#[derive(Serialize)]
struct Kept<'a> {
    #[serde(flatten)]
    signal: &'a Signal,
    #[serde(flatten)]
    beside: Beside,
}

#[derive(FromQueryResult)]
pub(crate) struct RaisedRow {
    id: String,
    issue_id: String,
    data: String,
    fired_at: i64,
    withheld: bool,
}

impl RaisedRow {
    pub(crate) fn read(self) -> Result<Raised, DbError> {
        let beside: Beside = parse("signal", &self.id, &self.data)?;
        Ok(Raised {
            signal: parse("signal", &self.id, &self.data)?,
            withdrawn_at: beside.withdrawn_at,
            withdrawn_why: beside.withdrawn_why,
            voices: beside.voices,
            fired_at: timestamp(self.fired_at),
            issue: self.issue_id.parse().ok(),
            withheld: self.withheld,
            id: self.id,
        })
    }
}

/// The signal of a rule for a subject and day.
pub async fn fired(
    db: &impl Read,
    detector: &str,
    subject: &str,
    on: NaiveDate,
) -> Result<Option<Raised>, DbError> {
    one::<RaisedRow>(
        db,
        "SELECT id, issue_id, data, fired_at, withheld FROM signal WHERE detector = $1 AND subject = $2 AND day = $3",
        vec![detector.into(), subject.into(), on.to_string().into()],
    )
    .await?
    .map(RaisedRow::read)
    .transpose()
}

/// Signals on the days `from` to `to` that stand: neither held back nor withdrawn.
pub async fn standing(
    db: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Raised>, DbError> {
    let found: Vec<RaisedRow> = rows(
        db,
        "SELECT id, issue_id, data, fired_at, withheld FROM signal WHERE day >= $1 AND day <= $2 \
         AND NOT withheld ORDER BY id LIMIT 10000",
        vec![from.to_string().into(), to.to_string().into()],
    )
    .await?;
    let all: Vec<Raised> = found
        .into_iter()
        .map(RaisedRow::read)
        .collect::<Result<_, _>>()?;
    Ok(all
        .into_iter()
        .filter(|s| s.withdrawn_at.is_none())
        .collect())
}

/// Rule, subject and day of every signal since `since` that was not withdrawn.
pub async fn heard(
    db: &impl Read,
    since: NaiveDate,
) -> Result<Vec<(String, String, NaiveDate)>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        id: String,
        detector: String,
        subject: String,
        day: String,
        data: String,
    }
    let found: Vec<Found> = rows(
        db,
        "SELECT id, detector, subject, day, data FROM signal WHERE day >= $1",
        vec![since.to_string().into()],
    )
    .await?;
    let mut all = Vec::with_capacity(found.len());
    for f in found {
        let beside: Beside = parse("signal", &f.id, &f.data)?;
        if beside.withdrawn_at.is_none() {
            all.push((f.detector, f.subject, day("signal", &f.day)?));
        }
    }
    Ok(all)
}

/// Signals of an issue from `from` on that stand.
pub async fn standing_of(
    db: &impl Read,
    issue: IssueId,
    from: NaiveDate,
) -> Result<Vec<Raised>, DbError> {
    let found: Vec<RaisedRow> = rows(
        db,
        "SELECT id, issue_id, data, fired_at, withheld FROM signal WHERE issue_id = $1 AND day >= $2 \
         AND NOT withheld",
        vec![issue.to_string().into(), from.to_string().into()],
    )
    .await?;
    let mut standing = Vec::new();
    for row in found {
        standing.extend(Some(row.read()?).filter(|s| s.withdrawn_at.is_none()));
    }
    Ok(standing)
}

/// Notes that late data took the reason of a signal away. Raised anew it stands again.
pub async fn withdraw(tx: &Tx, raised: &Raised, why: &Bilingual) -> Result<(), DbError> {
    let kept = Kept {
        signal: &raised.signal,
        beside: Beside {
            withdrawn_at: Some(tx.now()),
            withdrawn_why: Some(why.clone()),
            voices: raised.voices.clone(),
        },
    };
    tx.exec(
        "UPDATE signal SET data = $1 WHERE id = $2",
        vec![json(&kept).into(), raised.id.clone().into()],
    )
    .await?;
    Ok(())
}

/// Signals of a rule (`None`: of all) on the days `from` to `to`, newest first.
pub async fn signals_of(
    db: &impl Read,
    detector: Option<&str>,
    from: NaiveDate,
    to: NaiveDate,
    limit: u64,
) -> Result<Vec<Raised>, DbError> {
    let mut values: Vec<Value> = vec![
        from.to_string().into(),
        to.to_string().into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let mut only = "";
    if let Some(detector) = detector {
        values.push(detector.into());
        only = " AND detector = $4";
    }
    let sql = format!(
        "SELECT id, issue_id, data, fired_at, withheld FROM signal WHERE day >= $1 AND day <= $2{only} \
         ORDER BY fired_at DESC, id DESC LIMIT $3"
    );
    rows::<RaisedRow>(db, &sql, values)
        .await?
        .into_iter()
        .map(RaisedRow::read)
        .collect()
}

/// How often each rule fired on the days `from` to `to`: (rule, raised, held back).
pub async fn fired_counts(
    db: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(String, i64, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        detector: String,
        raised: i64,
        withheld: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT detector, CAST(SUM(CASE WHEN withheld THEN 0 ELSE 1 END) AS BIGINT) AS raised, \
         CAST(SUM(CASE WHEN withheld THEN 1 ELSE 0 END) AS BIGINT) AS withheld FROM signal \
         WHERE day >= $1 AND day <= $2 GROUP BY detector ORDER BY detector",
        vec![from.to_string().into(), to.to_string().into()],
    )
    .await?;
    Ok(found
        .into_iter()
        .map(|r| (r.detector, r.raised, r.withheld))
        .collect())
}

/// Writes a signal with the voices that made it ring, or what it has counted since. A signal that was
/// held back can be raised later in its day, never the other way round. `true`: it is new.
pub async fn keep_signal(
    tx: &Tx,
    id: Uuid,
    issue: Option<IssueId>,
    signal: &Signal,
    voices: &[FeedbackId],
    withheld: bool,
) -> Result<bool, DbError> {
    let issue = issue.map(|i| i.to_string()).unwrap_or_default();
    let kept = json(&Kept {
        signal,
        beside: Beside {
            withdrawn_at: None,
            withdrawn_why: None,
            voices: voices.to_vec(),
        },
    });
    let written = tx
        .exec(
            "INSERT INTO signal (id, issue_id, detector, subject, day, data, fired_at, withheld) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (detector, subject, day) DO NOTHING",
            vec![
                id.to_string().into(),
                issue.clone().into(),
                signal.detector.clone().into(),
                signal.subject.key.clone().into(),
                signal.window.to_string().into(),
                kept.clone().into(),
                micros(tx.now()).into(),
                withheld.into(),
            ],
        )
        .await?;
    if written == 0 {
        tx.exec(
            "UPDATE signal SET data = $1, issue_id = CASE WHEN $2 = '' THEN issue_id ELSE $2 END, \
             withheld = (withheld AND $3) WHERE detector = $4 AND subject = $5 AND day = $6",
            vec![
                kept.into(),
                issue.into(),
                withheld.into(),
                signal.detector.clone().into(),
                signal.subject.key.clone().into(),
                signal.window.to_string().into(),
            ],
        )
        .await?;
    }
    Ok(written == 1)
}

/// A voice that says what a rule watches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub detector: String,
    /// The voice.
    pub voice: FeedbackId,
    /// What the signal would be about.
    pub subject: String,
    /// The voice's day.
    pub day: NaiveDate,
    /// The customer; empty: unknown.
    pub customer: String,
}

/// Remembers a voice: once, whatever is sent again.
pub async fn hit(tx: &Tx, hit: &Hit) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO detector_hit (detector, feedback_id, subject, day, customer_hash) VALUES ($1,$2,$3,$4,$5) \
         ON CONFLICT (detector, feedback_id) DO UPDATE SET subject = excluded.subject, day = excluded.day, \
         customer_hash = excluded.customer_hash",
        vec![
            hit.detector.clone().into(),
            hit.voice.to_string().into(),
            hit.subject.clone().into(),
            hit.day.to_string().into(),
            hit.customer.clone().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Forgets what these voices said before they were sent anew.
pub async fn forget_hits(tx: &Tx, voices: &[FeedbackId]) -> Result<(), DbError> {
    for chunk in voices.chunks(200) {
        let sql = format!(
            "DELETE FROM detector_hit WHERE feedback_id IN {}",
            placeholders(1, chunk.len(), 1)
        );
        let values = chunk.iter().map(|v| Value::from(v.to_string())).collect();
        tx.exec(&sql, values).await?;
    }
    Ok(())
}

/// Forgets voices of days before `day`: nothing counts them any more.
pub async fn sweep_hits(tx: &Tx, before: NaiveDate) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM detector_hit WHERE day < $1",
        vec![before.to_string().into()],
    )
    .await?;
    Ok(())
}

/// What a rule heard of one customer on one day.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct HeardRow {
    /// The day, as a date.
    pub day: String,
    /// The customer; empty: unknown.
    pub customer_hash: String,
    /// Voices.
    pub n: i64,
}

/// Voices of a rule for a subject on the days `from` to `to`, by day and customer.
pub async fn hits(
    db: &impl Read,
    detector: &str,
    subject: &str,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<HeardRow>, DbError> {
    rows(
        db,
        "SELECT day, customer_hash, COUNT(*) AS n FROM detector_hit WHERE detector = $1 AND subject = $2 \
         AND day >= $3 AND day <= $4 GROUP BY day, customer_hash ORDER BY day, customer_hash",
        vec![
            detector.into(),
            subject.into(),
            from.to_string().into(),
            to.to_string().into(),
        ],
    )
    .await
}

/// When voices of a rule for a subject were said after `from` and up to `to`, in the order of time.
pub async fn hit_moments(
    db: &impl Read,
    detector: &str,
    subject: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Moment>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        occurred_at: i64,
        customer_hash: String,
    }
    // Days are of the organisation's zone: one more on each side holds every instant.
    let day =
        |at: Timestamp, more: i64| (at.date_naive() + chrono::TimeDelta::days(more)).to_string();
    let found: Vec<Found> = rows(
        db,
        "SELECT f.occurred_at, h.customer_hash FROM detector_hit h JOIN feedback f ON f.id = h.feedback_id \
         WHERE h.detector = $1 AND h.subject = $2 AND h.day >= $3 AND h.day <= $4 \
         AND f.occurred_at > $5 AND f.occurred_at <= $6 ORDER BY f.occurred_at",
        vec![
            detector.into(),
            subject.into(),
            day(from, -1).into(),
            day(to, 1).into(),
            micros(from).into(),
            micros(to).into(),
        ],
    )
    .await?;
    Ok(found
        .into_iter()
        .map(|f| Moment {
            at: timestamp(f.occurred_at),
            customer: f.customer_hash,
        })
        .collect())
}

/// How many voices of each channel were said from `from` on and received, too, before `cut`.
pub async fn received(
    db: &impl Read,
    from: Timestamp,
    cut: Timestamp,
) -> Result<Vec<(String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        channel: String,
        n: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT channel, COUNT(*) AS n FROM feedback WHERE occurred_at >= $1 AND occurred_at < $2 \
         AND received_at < $2 GROUP BY channel",
        vec![micros(from).into(), micros(cut).into()],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.channel, r.n)).collect())
}

/// Days on which a channel sent less than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The channel.
    pub channel: String,
    /// First silent day.
    pub from: NaiveDate,
    /// Last silent day; `None`: it has not come back yet.
    pub to: Option<NaiveDate>,
}

#[derive(FromQueryResult)]
struct GapRow {
    channel: String,
    from_day: String,
    to_day: Option<String>,
}

/// Silent days of all channels that touch the days `from` to `to`, in order of channel and day.
pub async fn gaps(db: &impl Read, from: NaiveDate, to: NaiveDate) -> Result<Vec<Gap>, DbError> {
    let found: Vec<GapRow> = rows(
        db,
        "SELECT channel, from_day, to_day FROM source_gap WHERE from_day <= $1 \
         AND (to_day IS NULL OR to_day >= $2) ORDER BY channel, from_day",
        vec![to.to_string().into(), from.to_string().into()],
    )
    .await?;
    found
        .into_iter()
        .map(|r| {
            Ok(Gap {
                from: day("source_gap", &r.from_day)?,
                to: r
                    .to_day
                    .as_deref()
                    .map(|t| day("source_gap", t))
                    .transpose()?,
                channel: r.channel,
            })
        })
        .collect()
}

/// Replaces the gaps of a channel that begin on `since` or later.
pub async fn replace_gaps(
    tx: &Tx,
    channel: &str,
    since: NaiveDate,
    gaps: &[Gap],
) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM source_gap WHERE channel = $1 AND from_day >= $2",
        vec![channel.into(), since.to_string().into()],
    )
    .await?;
    for gap in gaps {
        tx.exec(
            "INSERT INTO source_gap (channel, from_day, to_day, found_at) VALUES ($1,$2,$3,$4) \
             ON CONFLICT (channel, from_day) DO UPDATE SET to_day = excluded.to_day",
            vec![
                channel.into(),
                gap.from.to_string().into(),
                gap.to.map(|d| d.to_string()).into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    }
    Ok(())
}

/// The last day whose close was looked at.
pub async fn last_close(db: &impl Read) -> Result<Option<NaiveDate>, DbError> {
    let row = one::<Document>(
        db,
        "SELECT day AS data FROM detect_day ORDER BY day DESC LIMIT 1",
        vec![],
    )
    .await?;
    row.map(|r| day("detect_day", &r.data)).transpose()
}

/// Notes that a day's close is being looked at. `false`: somebody else does.
pub async fn close(tx: &Tx, on: NaiveDate) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO detect_day (day, seen_at) VALUES ($1,$2) ON CONFLICT (day) DO NOTHING",
            vec![on.to_string().into(), micros(tx.now()).into()],
        )
        .await?;
    Ok(written == 1)
}

/// From an issue's alarm to the day it was resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueDays {
    /// The issue's key.
    pub key: String,
    /// The day that made the alarm ring.
    pub alarm: NaiveDate,
    /// The day it was resolved; `None`: it is open.
    pub closed: Option<NaiveDate>,
}

/// When issues were open, from their histories; `local` tells the organisation's day of a time.
pub async fn issue_days(
    db: &impl Read,
    local: impl Fn(Timestamp) -> NaiveDate,
) -> Result<Vec<IssueDays>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        issue_id: String,
        issue_key: String,
        kind: String,
        data: String,
        at: i64,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT i.id AS issue_id, COALESCE(i.signal_key, i.issue_key) AS issue_key, e.kind, e.data, e.at \
         FROM issue i JOIN event e ON e.subject = 'issue' AND e.subject_id = i.id WHERE e.kind IN ('issue.opened', 'issue.relapsed', 'issue.resolved', 'issue.open', \
         'issue.in_progress', 'issue.verifying', 'issue.alarm_withdrawn', 'issue.dismissed', 'issue.snoozed', \
         'issue.merged', 'issue.reopened', 'issue.woken', 'issue.unmerged', 'issue.task_assigned', 'issue.rejoined', \
         'issue.taken_back') ORDER BY i.id, e.id",
        vec![],
    )
    .await?;
    // With the issue that each belongs to: a part that was split off takes signals of the same key.
    let mut all: Vec<(String, IssueDays)> = Vec::new();
    for row in found {
        let on = local(timestamp(row.at));
        let is_open = |d: &(String, IssueDays)| d.0 == row.issue_id && d.1.closed.is_none();
        if row.kind == "issue.alarm_withdrawn" {
            // Nothing was wrong: those days are like any other.
            if all.last().is_some_and(is_open) {
                all.pop();
            }
            continue;
        }
        let last = all.last_mut().filter(|d| is_open(d));
        // What a person put aside must be heard again when it grows: its days are days like any other.
        let closes = match row.kind.as_str() {
            "issue.resolved" | "issue.dismissed" | "issue.snoozed" | "issue.merged"
            | "issue.rejoined" => true,
            "issue.unmerged" | "issue.taken_back" => {
                let data: serde_json::Value = parse("event", &row.issue_key, &row.data)?;
                let to = data["to"].as_str().and_then(State::parse);
                to.is_some_and(State::is_quiet)
            }
            _ => false,
        };
        match (closes, last) {
            (true, Some((_, open))) => open.closed = Some(on),
            (true, None) | (_, Some(_)) => {}
            (_, None) => {
                // The event of an alarm holds its signal; a verdict that opens again holds none.
                let alarm = parse::<Signal>("event", &row.issue_key, &row.data)
                    .map_or(on, |signal| signal.window);
                let days = IssueDays {
                    key: row.issue_key,
                    alarm,
                    closed: None,
                };
                all.push((row.issue_id, days));
            }
        }
    }
    Ok(all.into_iter().map(|(_, days)| days).collect())
}
