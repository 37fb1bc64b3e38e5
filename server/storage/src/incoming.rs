//! Mails that came back: the place of reading in the mailbox, every mail with what became of it, and the
//! marks by which answers find their tasks.

use crate::queue::database_clock;
use crate::tx::{Page, micros, one, parse, rows, timestamp};
use crate::{Db, DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::ids::TaskId;
use sea_orm::{FromQueryResult, Value};

/// Where the reading of a mailbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Cursor {
    /// UIDVALIDITY of the mailbox when it was last read (RFC 3501, 2.3.1.1); 0: never.
    pub uid_validity: i64,
    /// The last UID that was dealt with.
    pub last_uid: i64,
}

/// Takes the right to read a mailbox, or keeps it: one reader at a time. `None`: somebody else has it.
/// The lease runs on the database's clock.
pub async fn lease(
    db: &Db,
    mailbox: &str,
    worker: &str,
    seconds: i64,
    now: Timestamp,
) -> Result<Option<Cursor>, DbError> {
    let clock = database_clock(db.engine());
    let tx = db.begin(now).await?;
    tx.exec(
        "INSERT INTO mail_cursor (mailbox, uid_validity, last_uid, worker, lease_until) VALUES ($1,0,0,'',0) \
         ON CONFLICT (mailbox) DO NOTHING",
        vec![mailbox.into()],
    )
    .await?;
    let held = one::<Cursor>(
        &tx,
        &format!(
            "UPDATE mail_cursor SET worker = $1, lease_until = {clock} + $2 \
             WHERE mailbox = $3 AND (worker = $1 OR lease_until < {clock}) RETURNING uid_validity, last_uid"
        ),
        vec![
            worker.into(),
            (seconds * 1_000_000).into(),
            mailbox.into(),
        ],
    )
    .await?;
    tx.commit().await?;
    Ok(held)
}

/// Gives the right to read back, so that the next reader need not wait.
pub async fn release(db: &Db, mailbox: &str, worker: &str, now: Timestamp) -> Result<(), DbError> {
    let tx = db.begin(now).await?;
    tx.exec(
        "UPDATE mail_cursor SET lease_until = 0 WHERE mailbox = $1 AND worker = $2",
        vec![mailbox.into(), worker.into()],
    )
    .await?;
    tx.commit().await
}

/// Writes down that the mailbox was looked at, and what stood in the way.
pub async fn looked(
    db: &Db,
    mailbox: &str,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    let tx = db.begin(now).await?;
    tx.exec(
        "UPDATE mail_cursor SET looked_at = $1, error = $2 WHERE mailbox = $3",
        vec![
            micros(now).into(),
            error
                .map(|e| e.chars().take(500).collect::<String>())
                .into(),
            mailbox.into(),
        ],
    )
    .await?;
    tx.commit().await
}

/// When the mailbox was last looked at, and what stood in the way then.
pub async fn last_look(
    db: &impl Read,
    mailbox: &str,
) -> Result<Option<(Timestamp, Option<String>)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        looked_at: Option<i64>,
        error: Option<String>,
    }
    let row: Option<Row> = one(
        db,
        "SELECT looked_at, error FROM mail_cursor WHERE mailbox = $1",
        vec![mailbox.into()],
    )
    .await?;
    Ok(row.and_then(|r| Some((timestamp(r.looked_at?), r.error))))
}

/// Moves the place of reading on, from exactly where it was read: the compare-and-set that makes every
/// mail act once, whoever reads. Fails as stale when somebody else moved it.
pub async fn advance(
    tx: &Tx,
    mailbox: &str,
    worker: &str,
    from: Cursor,
    to: Cursor,
) -> Result<(), DbError> {
    let moved = tx
        .exec(
            "UPDATE mail_cursor SET uid_validity = $1, last_uid = $2 \
             WHERE mailbox = $3 AND worker = $4 AND uid_validity = $5 AND last_uid = $6",
            vec![
                to.uid_validity.into(),
                to.last_uid.into(),
                mailbox.into(),
                worker.into(),
                from.uid_validity.into(),
                from.last_uid.into(),
            ],
        )
        .await?;
    if moved == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "mail_cursor",
            id: mailbox.to_owned(),
        })
    }
}

/// A mail that came in, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// Identity.
    pub id: String,
    /// Two copies of one mail have the same.
    pub mail_key: String,
    /// The mailbox that it was read from.
    pub mailbox: String,
    /// Its place there.
    pub cursor: Cursor,
    /// Address of the writer.
    pub sender: String,
    /// Subject, decoded.
    pub subject: String,
    /// `acted`, `commented`, `answered`, `ignored`, `bounce`, `unmatched`, `refused`.
    pub outcome: String,
    /// The task it was about.
    pub task_id: Option<String>,
    /// How it was matched, what it asked for, why nothing happened.
    pub data: serde_json::Value,
    /// Its bytes on the server.
    pub size: i64,
    /// When it was read.
    pub read_at: Timestamp,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    mail_key: String,
    mailbox: String,
    uid_validity: i64,
    uid: i64,
    sender: String,
    subject: String,
    outcome: String,
    task_id: Option<String>,
    data: String,
    size: i64,
    read_at: i64,
}

impl Row {
    fn read(self) -> Result<Inbound, DbError> {
        Ok(Inbound {
            data: parse("inbound_mail", &self.id, &self.data)?,
            id: self.id,
            mail_key: self.mail_key,
            mailbox: self.mailbox,
            cursor: Cursor {
                uid_validity: self.uid_validity,
                last_uid: self.uid,
            },
            sender: self.sender,
            subject: self.subject,
            outcome: self.outcome,
            task_id: self.task_id,
            size: self.size,
            read_at: timestamp(self.read_at),
        })
    }
}

/// Whether a mail of that key was dealt with.
pub async fn is_known(db: &impl Read, mail_key: &str) -> Result<bool, DbError> {
    let n = crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM inbound_mail WHERE mail_key = $1",
        vec![mail_key.into()],
    )
    .await?;
    Ok(n > 0)
}

/// Writes a mail with its bytes. A second one of its key is an error of the caller, who asked
/// [`is_known`] in the same transaction.
pub async fn insert(tx: &Tx, mail: &Inbound, raw: Option<&[u8]>) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO inbound_mail (id, mail_key, mailbox, uid_validity, uid, sender, subject, outcome, task_id, data, \
         size, raw, read_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)",
        vec![
            mail.id.clone().into(),
            mail.mail_key.clone().into(),
            mail.mailbox.clone().into(),
            mail.cursor.uid_validity.into(),
            mail.cursor.last_uid.into(),
            mail.sender.clone().into(),
            mail.subject.clone().into(),
            mail.outcome.clone().into(),
            mail.task_id.clone().into(),
            mail.data.to_string().into(),
            mail.size.into(),
            raw.map(<[u8]>::to_vec).into(),
            micros(mail.read_at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Mails that came in, newest first.
pub async fn list(
    db: &impl Read,
    outcome: Option<&str>,
    task: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Inbound>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = "SELECT id, mail_key, mailbox, uid_validity, uid, sender, subject, outcome, task_id, data, size, \
                   read_at FROM inbound_mail WHERE 1 = 1"
        .to_owned();
    for (column, sign, value) in [
        ("outcome", "=", outcome),
        ("task_id", "=", task),
        ("id", "<", after),
    ] {
        if let Some(value) = value {
            values.push(value.into());
            sql.push_str(&format!(" AND {column} {sign} ${}", values.len()));
        }
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    let found: Vec<Row> = rows(db, &sql, values).await?;
    let all: Vec<Inbound> = found.into_iter().map(Row::read).collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |m| m.id.clone()))
}

/// The mail of that id.
pub async fn get(db: &impl Read, id: &str) -> Result<Option<Inbound>, DbError> {
    let row: Option<Row> = one(
        db,
        "SELECT id, mail_key, mailbox, uid_validity, uid, sender, subject, outcome, task_id, data, size, read_at \
         FROM inbound_mail WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    row.map(Row::read).transpose()
}

/// Writes down that somebody put a mail to a task, from exactly the outcome that they saw.
pub async fn attached(
    tx: &Tx,
    mail: &Inbound,
    task: &str,
    data: &serde_json::Value,
) -> Result<(), DbError> {
    let moved = tx
        .exec(
            "UPDATE inbound_mail SET outcome = 'attached', task_id = $1, data = $2 WHERE id = $3 AND outcome = $4",
            vec![
                task.into(),
                data.to_string().into(),
                mail.id.clone().into(),
                mail.outcome.clone().into(),
            ],
        )
        .await?;
    if moved == 1 {
        Ok(())
    } else {
        Err(DbError::Stale {
            table: "inbound_mail",
            id: mail.id.clone(),
        })
    }
}

/// The bytes of a mail, as long as they are kept.
pub async fn raw(db: &impl Read, id: &str) -> Result<Option<Vec<u8>>, DbError> {
    #[derive(FromQueryResult)]
    struct Raw {
        raw: Option<Vec<u8>>,
    }
    let row: Option<Raw> = one(
        db,
        "SELECT raw FROM inbound_mail WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(row.and_then(|r| r.raw))
}

/// Forgets the bytes of mails that were read before then; what became of them stays.
pub async fn forget_raw(tx: &Tx, before: Timestamp) -> Result<u64, DbError> {
    tx.exec(
        "UPDATE inbound_mail SET raw = NULL WHERE read_at < $1 AND raw IS NOT NULL",
        vec![micros(before).into()],
    )
    .await
}

/// Whom a mark leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The task.
    pub task_id: TaskId,
    /// `owner` or `assigner` of a secret, `tag` of a subject.
    pub kind: String,
    /// Who got it.
    pub email: String,
    /// Which offer of the task it was sent with.
    pub assignment: i64,
}

/// Writes a mark. `false`: it stands already.
pub async fn put_mark(tx: &Tx, mark: &str, to: &Mark) -> Result<bool, DbError> {
    let written = tx
        .exec(
            "INSERT INTO mail_mark (mark, task_id, kind, email, assignment, created_at) VALUES ($1,$2,$3,$4,$5,$6) \
             ON CONFLICT (mark) DO NOTHING",
            vec![
                mark.into(),
                to.task_id.to_string().into(),
                to.kind.clone().into(),
                to.email.clone().into(),
                to.assignment.into(),
                micros(tx.now()).into(),
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Whom that mark leads to.
pub async fn mark(db: &impl Read, mark: &str) -> Result<Option<Mark>, DbError> {
    #[derive(FromQueryResult)]
    struct MarkRow {
        task_id: String,
        kind: String,
        email: String,
        assignment: i64,
    }
    let row: Option<MarkRow> = one(
        db,
        "SELECT task_id, kind, email, assignment FROM mail_mark WHERE mark = $1",
        vec![mark.into()],
    )
    .await?;
    row.map(|r| {
        Ok(Mark {
            task_id: r.task_id.parse().map_err(|_| DbError::Corrupt {
                table: "mail_mark",
                column: "task_id",
                id: mark.to_owned(),
                detail: "not an id".to_owned(),
            })?,
            kind: r.kind,
            email: r.email,
            assignment: r.assignment,
        })
    })
    .transpose()
}
