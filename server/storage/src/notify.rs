//! The outbox that people see, and the built-in mailbox.

use crate::tx::{Page, json, micros, one, parse, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use sea_orm::{FromQueryResult, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An effect to be carried out, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Identity; the mail's Message-ID is made of it.
    pub id: String,
    /// `mail` or `publication`.
    pub kind: String,
    /// Address, or name of the knowledge base.
    pub target: String,
    /// A second one of this key is dropped.
    pub dedupe_key: String,
    /// Deliveries of one serial key go out in order.
    pub serial_key: String,
    /// `queued`, `sending`, `sent`, `retry`, `held`, `merged` (a digest carried it), `dead` or `withdrawn` (its
    /// reason was gone before it went).
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// What to send.
    pub data: serde_json::Value,
    /// The task it is about.
    pub task_id: Option<String>,
    /// The issue it is about.
    pub issue_id: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Whether it went to another machine.
    pub left_machine: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why it is held: `address_disabled`, `hourly_budget`, `quiet_hours`, `digest`; see the API.
    pub hold: Option<String>,
    /// Until when; `None` while it is held: until somebody acts.
    pub held_until: Option<Timestamp>,
    /// The digest that carried it.
    pub merged_into: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    kind: String,
    target: String,
    dedupe_key: String,
    serial_key: String,
    state: String,
    attempts: i64,
    data: String,
    task_id: Option<String>,
    issue_id: Option<String>,
    last_error: Option<String>,
    left_machine: bool,
    created_at: i64,
    sent_at: Option<i64>,
    hold: Option<String>,
    held_until: Option<i64>,
    merged_into: Option<String>,
}

impl Row {
    fn read(self) -> Result<Delivery, DbError> {
        Ok(Delivery {
            data: parse("delivery", &self.id, &self.data)?,
            id: self.id,
            kind: self.kind,
            target: self.target,
            dedupe_key: self.dedupe_key,
            serial_key: self.serial_key,
            state: self.state,
            attempts: self.attempts,
            task_id: self.task_id,
            issue_id: self.issue_id,
            last_error: self.last_error,
            left_machine: self.left_machine,
            created_at: timestamp(self.created_at),
            sent_at: self.sent_at.map(timestamp),
            hold: self.hold,
            held_until: self.held_until.map(timestamp),
            merged_into: self.merged_into,
        })
    }
}

const DELIVERY: &str = "SELECT id, kind, target, dedupe_key, serial_key, state, attempts, data, task_id, issue_id, \
                        last_error, left_machine, created_at, sent_at, hold, held_until, merged_into FROM delivery";

/// Writes a delivery. `false`: one of the same dedupe key exists.
pub async fn insert(tx: &Tx, delivery: &Delivery) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO delivery (id, kind, target, dedupe_key, serial_key, state, attempts, data, task_id, issue_id, \
             left_machine, created_at) VALUES ($1,$2,$3,$4,$5,'queued',0,$6,$7,$8,$9,$10) \
             ON CONFLICT (dedupe_key) DO NOTHING",
            vec![
                delivery.id.clone().into(),
                delivery.kind.clone().into(),
                delivery.target.clone().into(),
                delivery.dedupe_key.clone().into(),
                delivery.serial_key.clone().into(),
                delivery.data.to_string().into(),
                delivery.task_id.clone().into(),
                delivery.issue_id.clone().into(),
                false.into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Whether a delivery of that dedupe key was written.
pub async fn exists(db: &impl Read, dedupe_key: &str) -> Result<bool, DbError> {
    let n = crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM delivery WHERE dedupe_key = $1",
        vec![dedupe_key.into()],
    )
    .await?;
    Ok(n > 0)
}

/// The delivery of that id.
pub async fn get(db: &impl Read, id: &str) -> Result<Option<Delivery>, DbError> {
    let row: Option<Row> = one(db, &format!("{DELIVERY} WHERE id = $1"), vec![id.into()]).await?;
    row.map(Row::read).transpose()
}

/// The delivery of that dedupe key.
pub async fn by_key(db: &impl Read, dedupe_key: &str) -> Result<Option<Delivery>, DbError> {
    let sql = format!("{DELIVERY} WHERE dedupe_key = $1");
    let row: Option<Row> = one(db, &sql, vec![dedupe_key.into()]).await?;
    row.map(Row::read).transpose()
}

/// Says what became of a delivery.
pub async fn set_state(
    tx: &Tx,
    id: &str,
    state: &str,
    attempts: i64,
    error: Option<&str>,
    left_machine: bool,
) -> Result<(), DbError> {
    let sent_at = (state == "sent").then(|| micros(tx.now()));
    tx.exec(
        "UPDATE delivery SET state = $1, attempts = $2, last_error = $3, left_machine = $4, \
         sent_at = COALESCE($5, sent_at), hold = NULL, held_until = NULL WHERE id = $6",
        vec![
            state.into(),
            attempts.into(),
            error
                .map(|e| e.chars().take(1000).collect::<String>())
                .into(),
            left_machine.into(),
            sent_at.into(),
            id.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Holds a delivery back, visibly: why, and until when.
pub async fn hold(tx: &Tx, id: &str, why: &str, until: Option<Timestamp>) -> Result<(), DbError> {
    tx.exec(
        "UPDATE delivery SET state = 'held', hold = $1, held_until = $2 WHERE id = $3",
        vec![why.into(), until.map(micros).into(), id.into()],
    )
    .await?;
    Ok(())
}

/// Says that a delivery waits until the mail server lets us in again: why, and when it is asked.
pub async fn wait_for_server(
    tx: &Tx,
    id: &str,
    why: &str,
    error: &str,
    until: Timestamp,
) -> Result<(), DbError> {
    tx.exec(
        "UPDATE delivery SET state = 'retry', hold = $1, held_until = $2, last_error = $3 WHERE id = $4",
        vec![
            why.into(),
            micros(until).into(),
            error.chars().take(1000).collect::<String>().into(),
            id.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Makes what waits for the mail server due at once. Answers how many.
pub async fn hurry(tx: &Tx) -> Result<u64, DbError> {
    tx.exec(
        "UPDATE job SET run_at = $1 WHERE kind = 'deliver' AND state = 'ready' AND run_at > $1 AND unique_key IN \
         (SELECT 'deliver:' || id FROM delivery WHERE state = 'retry' AND hold IS NOT NULL)",
        vec![micros(tx.now()).into()],
    )
    .await
}

/// What was given up, oldest first, behind one of them.
pub async fn oldest_dead(tx: &Tx, after: &str, limit: i64) -> Result<Vec<Delivery>, DbError> {
    let sql = format!("{DELIVERY} WHERE state = 'dead' AND id > $1 ORDER BY id LIMIT $2");
    let found: Vec<Row> = rows(tx, &sql, vec![after.into(), limit.into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// What does not go: how many, and for what reason the newest of them.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Stuck {
    /// `dead`, or `retry`.
    pub state: String,
    /// What a waiting one waits for.
    pub hold: Option<String>,
    /// How many.
    pub n: i64,
    /// What one of them was told.
    pub last_error: Option<String>,
}

/// What was given up, and what waits for the mail server.
pub async fn stuck(db: &impl Read) -> Result<Vec<Stuck>, DbError> {
    rows(
        db,
        "SELECT state, hold, COUNT(*) AS n, MAX(last_error) AS last_error FROM delivery \
         WHERE state = 'dead' OR (state = 'retry' AND hold IS NOT NULL) GROUP BY state, hold ORDER BY state, hold",
        Vec::new(),
    )
    .await
}

/// Deliveries to an address that are held for one reason, oldest first.
pub async fn held(db: &impl Read, target: &str, why: &str) -> Result<Vec<Delivery>, DbError> {
    let sql = format!(
        "{DELIVERY} WHERE target = $1 AND state = 'held' AND hold = $2 ORDER BY id LIMIT 5000"
    );
    let found: Vec<Row> = rows(db, &sql, vec![target.into(), why.into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// Deliveries of one person that a digest or quiet hours held until now or before, oldest first.
pub async fn due_of(
    db: &impl Read,
    target: &str,
    now: Timestamp,
) -> Result<Vec<Delivery>, DbError> {
    let sql = format!(
        "{DELIVERY} WHERE target = $1 AND state = 'held' AND hold IN ('digest','quiet_hours') AND held_until <= $2 \
         ORDER BY id LIMIT 5000"
    );
    let found: Vec<Row> = rows(db, &sql, vec![target.into(), micros(now).into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// Writes down that a digest carries a delivery.
pub async fn merged(tx: &Tx, id: &str, into: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE delivery SET state = 'merged', hold = NULL, held_until = NULL, merged_into = $1 WHERE id = $2",
        vec![into.into(), id.into()],
    )
    .await?;
    Ok(())
}

/// Whether an earlier mail of the same line has not gone yet, because of the hour's budget or because it is
/// only now on its way, and until when to wait for it: order is kept.
pub async fn waits_before(
    tx: &Tx,
    serial_key: &str,
    id: &str,
) -> Result<Option<Timestamp>, DbError> {
    #[derive(FromQueryResult)]
    struct Until {
        held_until: Option<i64>,
        n: i64,
    }
    let row: Option<Until> = one(
        tx,
        "SELECT MAX(held_until) AS held_until, COUNT(*) AS n FROM delivery WHERE kind = 'mail' AND serial_key = $1 \
         AND id < $2 AND (state IN ('queued','sending','retry') OR (state = 'held' AND hold = 'hourly_budget'))",
        vec![serial_key.into(), id.into()],
    )
    .await?;
    let soon = tx.now() + chrono::TimeDelta::seconds(2);
    Ok(row
        .filter(|r| r.n > 0)
        .map(|r| r.held_until.map_or(soon, timestamp).max(soon)))
}

/// Takes one place of the hour's budget for the delivery `id`, in a transaction that marks it as being sent. `None`: there
/// is one. Otherwise when there will be; mails that wait already come first, unless `urgent`.
pub async fn budget(
    tx: &Tx,
    id: &str,
    an_hour: i64,
    urgent: bool,
) -> Result<Option<Timestamp>, DbError> {
    #[derive(FromQueryResult)]
    struct Taken {
        at: i64,
    }
    // One at a time: two workers must not both take the last place.
    tx.exec(
        "INSERT INTO mail_budget (name, at) VALUES ('hour', $1) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
        vec![micros(tx.now()).into()],
    )
    .await?;
    // One statement, so one view of the table: a mail that goes from "sending" to "sent" between two would be
    // counted by neither, and one mail too many would go out.
    let since = micros(tx.now() - chrono::TimeDelta::hours(1));
    let taken: Vec<Taken> = rows(
        tx,
        "SELECT sent_at AS at FROM delivery WHERE kind = 'mail' AND left_machine AND sent_at > $1 \
         UNION ALL SELECT CAST($2 AS BIGINT) AS at FROM delivery WHERE kind = 'mail' AND state = 'sending' AND id <> $3 \
         ORDER BY at DESC LIMIT $4",
        vec![since.into(), micros(tx.now()).into(), id.into(), an_hour.into()],
    )
    .await?;
    if i64::try_from(taken.len()).unwrap_or(i64::MAX) < an_hour {
        return Ok(None);
    }
    let waiting = if urgent {
        0
    } else {
        crate::tx::count(
            tx,
            "SELECT COUNT(*) AS n FROM delivery WHERE state = 'held' AND hold = 'hourly_budget'",
            vec![],
        )
        .await?
    };
    // The k-th that waits goes when the k-th place comes free; behind a whole hour's worth, an hour later.
    let place = waiting % an_hour;
    let later = chrono::TimeDelta::hours(1 + (waiting / an_hour).min(24 * 365));
    let oldest_first = taken.iter().rev().nth(usize::try_from(place).unwrap_or(0));
    let from = oldest_first.map_or_else(|| tx.now(), |s| timestamp(s.at));
    Ok(Some(
        (from + later).max(tx.now() + chrono::TimeDelta::seconds(1)),
    ))
}

/// What a person wants of mails, as JSON, with its version.
pub async fn person(
    db: &impl Read,
    email: &str,
) -> Result<Option<(serde_json::Value, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Wish {
        data: String,
        version: i64,
    }
    let row: Option<Wish> = one(
        db,
        "SELECT data, version FROM mail_person WHERE email = $1",
        vec![email.into()],
    )
    .await?;
    row.map(|r| Ok((parse("mail_person", email, &r.data)?, r.version)))
        .transpose()
}

/// What everybody who ever said wants of mails, by address.
pub async fn people<T: DeserializeOwned>(db: &impl Read) -> Result<BTreeMap<String, T>, DbError> {
    #[derive(FromQueryResult)]
    struct Wish {
        email: String,
        data: String,
    }
    let found: Vec<Wish> = rows(db, "SELECT email, data FROM mail_person", Vec::new()).await?;
    let read = |w: Wish| Ok((w.email.clone(), parse("mail_person", &w.email, &w.data)?));
    found.into_iter().map(read).collect()
}

/// Writes what a person wants of mails.
pub async fn set_person(tx: &Tx, email: &str, data: &serde_json::Value) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO mail_person (email, data, version) VALUES ($1,$2,1) \
         ON CONFLICT (email) DO UPDATE SET data = excluded.data, version = mail_person.version + 1",
        vec![email.into(), data.to_string().into()],
    )
    .await?;
    Ok(())
}

/// Puts a delivery that is held for one reason back into the line. `false`: somebody else did, or it is held for
/// another reason now.
pub async fn let_go(tx: &Tx, id: &str, why: &str) -> Result<bool, DbError> {
    let freed = tx
        .exec(
            "UPDATE delivery SET state = 'queued', hold = NULL, held_until = NULL \
             WHERE id = $1 AND state = 'held' AND hold = $2",
            vec![id.into(), why.into()],
        )
        .await?;
    Ok(freed == 1)
}

/// Puts a delivery back into the line.
pub async fn queue_again(tx: &Tx, id: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE delivery SET state = 'queued', hold = NULL, held_until = NULL WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(())
}

/// How many deliveries were written since then whose dedupe key begins so. `prefix` holds no `%` and no `_`.
pub async fn written_since(db: &impl Read, prefix: &str, since: Timestamp) -> Result<i64, DbError> {
    crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM delivery WHERE dedupe_key LIKE $1 AND created_at >= $2",
        vec![format!("{prefix}%").into(), micros(since).into()],
    )
    .await
}

/// Queues what was given up for a target again: of one kind, written since then, of one dedupe key where one is
/// named. Answers ids and serial keys, oldest first; the caller writes their jobs.
pub async fn revive(
    tx: &Tx,
    kind: &str,
    target: &str,
    since: Timestamp,
    dedupe_key: Option<&str>,
) -> Result<Vec<(String, String)>, DbError> {
    #[derive(FromQueryResult)]
    struct Dead {
        id: String,
        serial_key: String,
    }
    let found: Vec<Dead> = rows(
        tx,
        "SELECT id, serial_key FROM delivery WHERE state = 'dead' AND kind = $1 AND target = $2 AND created_at >= $3 \
         AND ($4 = '' OR dedupe_key = $4) ORDER BY id",
        vec![
            kind.into(),
            target.into(),
            micros(since).into(),
            dedupe_key.unwrap_or_default().into(),
        ],
    )
    .await?;
    for dead in &found {
        tx.exec(
            "UPDATE delivery SET state = 'queued' WHERE id = $1 AND state = 'dead'",
            vec![dead.id.clone().into()],
        )
        .await?;
    }
    Ok(found.into_iter().map(|d| (d.id, d.serial_key)).collect())
}

/// Deliveries, newest first.
pub async fn list(
    db: &impl Read,
    state: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Delivery>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = format!("{DELIVERY} WHERE 1 = 1");
    if let Some(state) = state {
        values.push(state.into());
        sql.push_str(" AND state = $1");
    }
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(&format!(" AND id < ${}", values.len()));
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    let found: Vec<Row> = rows(db, &sql, values).await?;
    let all: Vec<Delivery> = found.into_iter().map(Row::read).collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |d| d.id.clone()))
}

/// Deliveries about a task, oldest first.
pub async fn of_task(db: &impl Read, task: &str) -> Result<Vec<Delivery>, DbError> {
    let sql = format!("{DELIVERY} WHERE task_id = $1 ORDER BY id LIMIT 200");
    let found: Vec<Row> = rows(db, &sql, vec![task.into()]).await?;
    found.into_iter().map(Row::read).collect()
}

/// Withdraws the notices of an issue that have not gone out, with the reason; mails of its tasks stay.
/// Answers how many, and the others, which have gone or are on their way: one that is refused on its way
/// is not sent again.
pub async fn withdraw(
    tx: &Tx,
    issue: &str,
    reason: &str,
) -> Result<(usize, Vec<Delivery>), DbError> {
    let sql = format!(
        "{DELIVERY} WHERE issue_id = $1 AND task_id IS NULL AND kind = 'mail' ORDER BY id LIMIT 200"
    );
    let found: Vec<Row> = rows(tx, &sql, vec![issue.into()]).await?;
    let (mut withdrawn, mut gone) = (0, Vec::new());
    for delivery in found.into_iter().map(Row::read) {
        let delivery = delivery?;
        let (id, attempts) = (&delivery.id, delivery.attempts);
        match delivery.state.as_str() {
            "sent" => gone.push(delivery),
            "held" => {
                let left = delivery.left_machine;
                set_state(tx, id, WITHDRAWN, attempts, Some(reason), left).await?;
                withdrawn += 1;
            }
            "queued" | "retry" | "sending" => {
                // A job that runs may be sending at this moment: only one that waits can be taken back.
                if crate::queue::cancel(tx, &format!("deliver:{id}")).await? {
                    let left = delivery.left_machine;
                    set_state(tx, id, WITHDRAWN, attempts, Some(reason), left).await?;
                    withdrawn += 1;
                } else {
                    note(tx, &delivery, WITHDRAWN, reason.into()).await?;
                    // Whoever sends it writes the end down and then reads the note; here it is the other
                    // way round, so that one of both sees the other.
                    gone.extend(get(tx, id).await?);
                }
            }
            _ => {}
        }
    }
    Ok((withdrawn, gone))
}

/// The state of what was withdrawn, and the note on what is to go no further.
const WITHDRAWN: &str = "withdrawn";

impl Delivery {
    /// Why this must not be tried again, if its reason went away while it was tried.
    #[must_use]
    pub fn withdrawn(&self) -> Option<&str> {
        self.data.get(WITHDRAWN)?.as_str()
    }

    /// What is to follow once it has gone out.
    #[must_use]
    pub fn follow_up(&self) -> Option<Self> {
        serde_json::from_value(self.data.get(FOLLOW_UP)?.clone()).ok()
    }
}

/// Leaves what is to follow a delivery that is on its way: whoever sends it sees to it if it went out.
pub async fn promise(tx: &Tx, delivery: &Delivery, next: &Delivery) -> Result<(), DbError> {
    let next = serde_json::to_value(next).unwrap_or_default();
    note(tx, delivery, FOLLOW_UP, next).await
}

const FOLLOW_UP: &str = "follow_up";

/// Writes a word beside what is to be sent.
async fn note(
    tx: &Tx,
    delivery: &Delivery,
    key: &str,
    value: serde_json::Value,
) -> Result<(), DbError> {
    let mut data = delivery.data.clone();
    if let Some(object) = data.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
    tx.exec(
        "UPDATE delivery SET data = $1 WHERE id = $2",
        vec![data.to_string().into(), delivery.id.clone().into()],
    )
    .await?;
    Ok(())
}

/// Publications, newest first: where articles went.
pub async fn publications(db: &impl Read, article: &str) -> Result<Vec<Delivery>, DbError> {
    let sql = format!(
        "{DELIVERY} WHERE (serial_key = $1 OR serial_key LIKE $2) ORDER BY id DESC LIMIT 50"
    );
    // One line a knowledge base: behind the article's id stands its name.
    let serial = format!("article:{article}");
    let found: Vec<Row> = rows(
        db,
        &sql,
        vec![serial.clone().into(), format!("{serial}:%").into()],
    )
    .await?;
    found.into_iter().map(Row::read).collect()
}

/// A mail that was kept instead of sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Identity.
    pub id: String,
    /// Address of the recipient.
    pub to: String,
    /// Subject, decoded.
    pub subject: String,
    /// Text part, decoded.
    pub text: String,
    /// HTML part, decoded.
    pub html: String,
    /// With angle brackets.
    pub message_id: String,
    /// Header fields, decoded.
    pub headers: std::collections::BTreeMap<String, String>,
    /// When it was kept.
    pub created_at: Timestamp,
}

/// Keeps a mail; the same Message-ID is kept once.
pub async fn keep(tx: &Tx, mail: &Mail) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO mailbox (id, recipient, message_id, data, created_at) VALUES ($1,$2,$3,$4,$5) \
         ON CONFLICT (message_id) DO NOTHING",
        vec![
            mail.id.clone().into(),
            mail.to.clone().into(),
            mail.message_id.clone().into(),
            json(mail).into(),
            micros(mail.created_at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Kept mails, newest first.
pub async fn mailbox(
    db: &impl Read,
    to: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Mail>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = "SELECT data FROM mailbox WHERE 1 = 1".to_owned();
    if let Some(to) = to {
        values.push(to.into());
        sql.push_str(" AND recipient = $1");
    }
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(&format!(" AND id < ${}", values.len()));
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    let found: Vec<crate::tx::Document> = rows(db, &sql, values).await?;
    let all: Vec<Mail> = found
        .iter()
        .map(|r| parse("mailbox", "", &r.data))
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |m| m.id.clone()))
}

/// A new delivery's serial key for everything about one task.
#[must_use]
pub fn task_serial(task: &str) -> String {
    format!("task:{task}")
}

/// Makes a delivery row.
#[must_use]
pub fn delivery(
    id: Uuid,
    kind: &str,
    target: &str,
    dedupe_key: String,
    serial_key: String,
    data: serde_json::Value,
    at: Timestamp,
) -> Delivery {
    Delivery {
        id: id.to_string(),
        kind: kind.to_owned(),
        target: target.to_owned(),
        dedupe_key,
        serial_key,
        state: "queued".to_owned(),
        attempts: 0,
        data,
        task_id: None,
        issue_id: None,
        last_error: None,
        left_machine: false,
        created_at: at,
        sent_at: None,
        hold: None,
        held_until: None,
        merged_into: None,
    }
}

/// Keeps the target's name for what was published.
pub async fn set_reference(tx: &Tx, delivery: &Delivery, reference: &str) -> Result<(), DbError> {
    note(tx, delivery, "reference", reference.into()).await
}
