//! Reads the mailbox that answers come to. One reader at a time; the place of reading, what a mail does and
//! the mail itself are written in one transaction, so a mail acts once, whatever ends when.
//!
//! **Trust.** The secret line in the quoted body is possession, like the link of the same mail: whoever has
//! it may do what its reader may, whatever the sender's address; it dies with the assignment. A subject tag
//! or the headers of the thread only name a task: then the sender's address must be the owner's (or the
//! assigner's), and the receiving server must not call it forged (`Authentication-Results`, RFC 8601). Links
//! and secrets of one assignment end together.

use super::answer::{answer, tell, thread};
use super::bounces;
use crate::app::{App, Shared};
use crate::identity::hash_secret;
use crate::mail::imap::{Account, Fetched, Mailbox};
use crate::mail::parse::{Parsed, parse};
use crate::mail::{Letter, Problem, Recipient, Role, mark_of_tag, mark_of_token, preference};
use crate::tasks::{
    ActError, Upload, act_in, approval_token, assigner, attach as attach_file, link_token,
    open_proposal, owner_of, propose_due, set_due,
};
use chrono::{NaiveTime, TimeDelta};
use domain::clock::{Timestamp, local_day};
use domain::identity::{Actor, ActorKind};
use domain::intake::values::in_zone;
use domain::mail::command::{self, Named, Ruling, Setting, Spoken, Verdict};
use domain::mail::dates::Said;
use domain::mail::marks::{self, Found};
use domain::mail::{Incoming, bounce, quote};
use domain::organisation::Department;
use domain::tasks::kind::{Advance, Track};
use domain::tasks::{Command, Refused, State, Task};
use serde_json::{Value, json};
use storage::incoming::{Cursor, Inbound};
use storage::{DbError, Tx};
use tokio::time::{Duration, sleep};

/// Seconds after which another reader may take over.
const LEASE_SECONDS: i64 = 20;
/// Attempts at one mail before it is put aside, visibly.
const ATTEMPTS: u32 = 5;
/// Days that the bytes of mails are kept.
const RAW_DAYS: i64 = 90;

/// Forgets the bytes of mails that have had their time, whether or not a mailbox is still read.
pub async fn forget(app: &App) -> Result<u64, DbError> {
    let tx = app.begin().await?;
    let old = tx.now() - TimeDelta::days(RAW_DAYS);
    let n = storage::incoming::forget_raw(&tx, old).await?;
    tx.commit().await?;
    Ok(n)
}

/// Whose answer a mail is.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    /// Where answers to it go: never the sender's address as such.
    pub to: Recipient,
    /// What they are to the task.
    pub role: Role,
}

/// What became of a mail.
struct Dealt {
    outcome: &'static str,
    task: Option<String>,
    data: Value,
}

impl Dealt {
    fn new(outcome: &'static str, task: Option<&Task>, data: Value) -> Self {
        Self {
            outcome,
            task: task.map(|t| t.id.to_string()),
            data,
        }
    }
}

/// Why a round ended.
enum Trouble {
    /// Somebody else reads, or the database or the server failed: later.
    Later(String),
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        Self::Later(format!("{error} {}", source.unwrap_or_default()))
    }
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self::Later(text)
    }
}

/// Reads until the server stops.
pub async fn run(app: Shared) {
    let Some(account) = app.mail_in.clone() else {
        return;
    };
    let reader = Reader {
        name: account.name(),
        worker: app.ids.next().to_string(),
        app: app.clone(),
        account,
    };
    let mut failures = 0_u32;
    while !app.stop.is_cancelled() {
        let wait = match reader.watch().await {
            Ok(()) => {
                failures = 0;
                reader.account.every
            }
            Err(Trouble::Later(reason)) => {
                failures += 1;
                tracing::warn!(
                    mailbox = reader.name,
                    reason,
                    failures,
                    "answers to mails could not be read"
                );
                let now = app.now();
                if let Err(error) =
                    storage::incoming::looked(&app.db, &reader.name, Some(&reason), now).await
                {
                    tracing::warn!(error = %error, "that could not be written down either");
                }
                Duration::from_secs(2_u64.pow(failures.min(8))).max(reader.account.every)
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => break,
            () = sleep(wait) => {}
        }
    }
    let _ = storage::incoming::release(&app.db, &reader.name, &reader.worker, app.now()).await;
}

struct Reader {
    app: Shared,
    account: Account,
    name: String,
    worker: String,
}

impl Reader {
    async fn lease(&self) -> Result<Option<Cursor>, DbError> {
        let (db, now) = (&self.app.db, self.app.now());
        storage::incoming::lease(db, &self.name, &self.worker, LEASE_SECONDS, now).await
    }

    /// Keeps the right to read while something slow is under way.
    async fn held<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = sleep(Duration::from_secs(LEASE_SECONDS as u64 / 3)) => {
                    // Lost or failed: the compare-and-set of the next mail finds out.
                    if let Err(error) = self.lease().await {
                        tracing::debug!(error = %error, "the right to read was not prolonged");
                    }
                }
            }
        }
    }

    /// Reads over one connection until it ends, somebody else reads, or the server stops.
    async fn watch(&self) -> Result<(), Trouble> {
        if self.lease().await?.is_none() {
            return Ok(());
        }
        let mut mailbox = Mailbox::open(&self.account).await?;
        loop {
            let Some(cursor) = self.lease().await? else {
                break;
            };
            self.round(&mut mailbox, cursor).await?;
            let now = self.app.now();
            storage::incoming::looked(&self.app.db, &self.name, None, now).await?;
            tokio::select! {
                () = self.app.stop.cancelled() => break,
                () = sleep(self.account.every) => {}
            }
        }
        mailbox.close().await;
        Ok(())
    }

    async fn round(&self, mailbox: &mut Mailbox, cursor: Cursor) -> Result<(), Trouble> {
        let validity = i64::from(mailbox.select().await?);
        let mut cursor = cursor;
        if cursor.uid_validity != validity {
            // The server counts anew: everything is read again, and known mails are passed over.
            let start = Cursor {
                uid_validity: validity,
                last_uid: 0,
            };
            let tx = self.app.begin().await?;
            storage::incoming::advance(&tx, &self.name, &self.worker, cursor, start).await?;
            tx.commit().await?;
            cursor = start;
        }
        let after = u32::try_from(cursor.last_uid).unwrap_or(u32::MAX);
        let mut seen = Vec::new();
        for uid in mailbox.after(after).await? {
            if self.app.stop.is_cancelled() {
                break;
            }
            let fetched = self.held(mailbox.fetch(uid)).await?;
            cursor = self.take(cursor, uid, fetched.as_ref()).await?;
            seen.push(uid);
            if self.lease().await?.is_none() {
                break;
            }
        }
        for some in seen.chunks(200) {
            if let Err(reason) = mailbox.mark_seen(some).await {
                tracing::debug!(reason, "mails could not be marked as read");
            }
        }
        Ok(())
    }

    /// Deals with one mail, once.
    async fn take(
        &self,
        from: Cursor,
        uid: u32,
        mail: Option<&Fetched>,
    ) -> Result<Cursor, Trouble> {
        let to = Cursor {
            uid_validity: from.uid_validity,
            last_uid: i64::from(uid),
        };
        let parsed = mail.and_then(|m| parse(&m.raw));
        let mut attempt = 1;
        loop {
            let failed = match self.one(from, to, mail, parsed.as_ref(), None).await {
                Ok(()) => return Ok(to),
                Err(DbError::Stale {
                    table: "mail_cursor",
                    ..
                }) => {
                    return Err(Trouble::Later(
                        "somebody else reads this mailbox".to_owned(),
                    ));
                }
                Err(error) => error,
            };
            if attempt == ATTEMPTS {
                // A mail that cannot be dealt with must not hold up those behind it. Where the database
                // itself is gone this fails too, and the mail is read again.
                let source = std::error::Error::source(&failed).map(ToString::to_string);
                let reason = format!("{failed} {}", source.unwrap_or_default());
                tracing::error!(
                    mailbox = self.name,
                    uid,
                    reason,
                    "a mail could not be dealt with"
                );
                self.one(from, to, mail, parsed.as_ref(), Some(&reason))
                    .await?;
                return Ok(to);
            }
            sleep(Duration::from_millis(100 << attempt)).await;
            attempt += 1;
        }
    }

    async fn one(
        &self,
        from: Cursor,
        to: Cursor,
        mail: Option<&Fetched>,
        parsed: Option<&Parsed>,
        failed: Option<&str>,
    ) -> Result<(), DbError> {
        let app = &self.app;
        let tx = app.begin().await?;
        storage::incoming::advance(&tx, &self.name, &self.worker, from, to).await?;
        if let Some(mail) = mail {
            let key = mail_key(app, mail, parsed);
            if !storage::incoming::is_known(&tx, &key).await? {
                let id = app.ids.next().to_string();
                let dealt = match failed {
                    Some(reason) => Dealt::new("failed", None, json!({"reason": reason})),
                    None => deal(app, &tx, &id, mail, parsed).await?,
                };
                let header = parsed.map(|p| &p.mail);
                let kept = Inbound {
                    id,
                    mail_key: key,
                    mailbox: self.name.clone(),
                    cursor: to,
                    sender: header.and_then(|m| m.from.clone()).unwrap_or_default(),
                    subject: header.map(|m| m.subject.clone()).unwrap_or_default(),
                    outcome: dealt.outcome.to_owned(),
                    task_id: dealt.task,
                    data: dealt.data,
                    size: i64::from(mail.size),
                    read_at: tx.now(),
                };
                storage::incoming::insert(&tx, &kept, Some(&mail.raw)).await?;
                tracing::info!(mail.id = kept.id, outcome = kept.outcome, "a mail was read");
            }
        }
        tx.commit().await?;
        app.wake_workers();
        Ok(())
    }
}

/// Two copies of a mail are the same by Message-ID, writer and words; relays change the rest.
fn mail_key(app: &App, mail: &Fetched, parsed: Option<&Parsed>) -> String {
    let Some(parsed) = parsed else {
        return app.hash(&mail.raw);
    };
    let m = &parsed.mail;
    let parts = [
        m.message_id.as_deref().unwrap_or_default(),
        m.from.as_deref().unwrap_or_default(),
        &m.subject,
        m.header("date").unwrap_or_default(),
        &m.text,
    ];
    app.hash(parts.join("\0").as_bytes())
}

/// Where a mail belongs.
struct Match {
    task: Task,
    writer: Option<Writer>,
    by: Found,
    /// The right that the mark stood for is the present one.
    current: bool,
}

/// What somebody is to a task now. An open approval is the last word about it, so it comes first.
async fn part_of(tx: &Tx, task: &Task, email: &str) -> Result<Option<Writer>, DbError> {
    let approval = task.open_approval();
    let (to, role) = if let Some(a) = approval.filter(|a| a.approver.email == email) {
        (Some(Recipient::of(&a.approver)), Role::Approver)
    } else if task.owner.email == email {
        (Some(Recipient::of(&task.owner)), Role::Owner)
    } else {
        let to = assigner(tx, task).await?.filter(|to| to.email == email);
        (to, Role::Assigner)
    };
    let Some(to) = to else { return Ok(None) };
    let to = to.as_wished(&preference(tx, email).await?);
    Ok(Some(Writer { to, role }))
}

/// Somebody who once had a right, in their own language where they are still known.
async fn former(tx: &Tx, task: &Task, email: String) -> Result<Recipient, DbError> {
    let departments: Vec<Department> = storage::organisation::all(tx).await?;
    let known = departments
        .iter()
        .flat_map(|d| &d.owners)
        .find(|o| o.email == email);
    let wish = preference(tx, &email).await?;
    let to = known.map_or_else(
        || Recipient {
            name: email.split('@').next().unwrap_or_default().to_owned(),
            email: email.clone(),
            ..Recipient::of(&task.owner)
        },
        Recipient::of,
    );
    Ok(to.as_wished(&wish))
}

async fn find(tx: &Tx, mail: &Incoming) -> Result<Option<Match>, DbError> {
    let found = marks::find(mail);
    let mut stale = None;
    for token in &found.tokens {
        let Some(mark) = storage::incoming::mark(tx, &mark_of_token(token)).await? else {
            continue;
        };
        let Some(task) = storage::tasks::hold(tx, mark.task_id).await? else {
            continue;
        };
        let Some(role) = Role::parse(&mark.kind) else {
            continue;
        };
        let current = match role {
            Role::Owner => mark.assignment == task.assignment && mark.email == task.owner.email,
            Role::Assigner => task.assigned_by.email.as_ref() == Some(&mark.email),
            Role::Approver => task
                .open_approval()
                .is_some_and(|a| a.round == mark.assignment && a.approver.email == mark.email),
        };
        let writer = match part_of(tx, &task, &mark.email).await? {
            // Who gave the task may be asked to approve it: one person, one answer.
            Some(known) if known.role == role || current && known.role == Role::Approver => known,
            _ => Writer {
                to: former(tx, &task, mark.email).await?,
                role,
            },
        };
        let matched = Match {
            task,
            writer: Some(writer),
            by: Found::Token,
            current,
        };
        if current {
            return Ok(Some(matched));
        }
        stale.get_or_insert(matched);
    }
    if stale.is_some() {
        return Ok(stale);
    }
    let mut named = None;
    if let Some(tag) = &found.tag
        && let Some(mark) = storage::incoming::mark(tx, &mark_of_tag(tag)).await?
    {
        named = Some((mark.task_id, Found::Subject));
    }
    for left in &found.mails {
        if named.is_some() {
            break;
        }
        let id = match left.strip_prefix("task-") {
            Some(task) => task.parse().ok(),
            None => storage::notify::get(tx, left)
                .await?
                .and_then(|d| d.task_id)
                .and_then(|id| id.parse().ok()),
        };
        named = id.map(|id| (id, Found::Headers));
    }
    let Some((id, by)) = named else {
        return Ok(None);
    };
    let Some(task) = storage::tasks::hold(tx, id).await? else {
        return Ok(None);
    };
    let writer = match &mail.from {
        Some(from) => part_of(tx, &task, from).await?,
        None => None,
    };
    Ok(Some(Match {
        current: writer.is_some(),
        task,
        writer,
        by,
    }))
}

async fn deal(
    app: &App,
    tx: &Tx,
    id: &str,
    raw: &Fetched,
    parsed: Option<&Parsed>,
) -> Result<Dealt, DbError> {
    let Some(parsed) = parsed else {
        return Ok(Dealt::new("ignored", None, json!({"reason": "no_mail"})));
    };
    let mail = &parsed.mail;
    if let Some(report) = bounce::read(mail) {
        let (task, data) = bounces::apply(app, tx, &report, mail).await?;
        return Ok(Dealt {
            outcome: "bounce",
            task,
            data,
        });
    }
    let matched = find(tx, mail).await?;
    let task = matched.as_ref().map(|m| &m.task);
    let own = [
        app.config.mail_from.as_str(),
        app.config.mail_reply_to.as_deref().unwrap_or_default(),
    ];
    if let Some(why) = domain::mail::automatic(mail, &own) {
        return Ok(Dealt::new("ignored", task, json!({"reason": why.as_str()})));
    }
    let Some(Match {
        task,
        writer,
        by,
        current,
    }) = matched
    else {
        return Ok(Dealt::new("unmatched", None, json!({"reason": "no_mark"})));
    };
    let with = |data: Value| {
        let mut data = data;
        data["matched_by"] = by.as_str().into();
        data
    };
    let Some(writer) = writer else {
        let data = with(json!({"reason": "not_the_person"}));
        return Ok(Dealt::new("unmatched", Some(&task), data));
    };
    let words = quote::own_words(&mail.text, |line| !marks::tokens_in(line).is_empty());
    let refuse = async |problem: Problem, reason: &str| {
        let answered = answer(app, tx, &task, &writer, problem, id, &words).await?;
        let data = with(json!({"reason": reason, "answered": answered}));
        Ok::<_, DbError>(Dealt::new("refused", Some(&task), data))
    };
    if by != Found::Token && marks::is_forged(mail) {
        return refuse(Problem::NoProof, "no_proof").await;
    }
    if !current || !link_is_alive(app, tx, &task, writer.role).await? {
        return match writer.role {
            // Late, and still theirs: the answer goes to their own address and opens the way again.
            Role::Owner if current && task.state.is_under_way() => {
                refuse(Problem::Late, "late").await
            }
            Role::Approver => refuse(Problem::Decided, "decided").await,
            Role::Owner | Role::Assigner => refuse(Problem::NotYours, "not_yours").await,
        };
    }
    if !raw.whole {
        return refuse(Problem::TooLarge, "too_large").await;
    }
    if mail.from.as_ref() == Some(&writer.to.email) {
        // Whoever writes is there: bounces of before do not count any more.
        bounces::enable(app, tx, &writer.to.email).await?;
    }
    let actor = Actor {
        kind: match writer.role {
            Role::Owner | Role::Approver => ActorKind::Owner,
            Role::Assigner => ActorKind::User,
        },
        name: writer.to.name.clone(),
        email: Some(writer.to.email.clone()),
        via: "mail".to_owned(),
    };
    let said = Saying {
        app,
        tx,
        id,
        writer: &writer,
        actor: &actor,
        words: &words,
    };
    let (outcome, data) = match writer.role {
        Role::Owner => said.owner(task.clone(), parsed).await?,
        Role::Assigner => said.assigner(task.clone()).await?,
        Role::Approver => said.approver(task.clone()).await?,
    };
    let mut note = with(data.clone());
    note["mail"] = id.into();
    note["from"] = mail.from.clone().into();
    note["outcome"] = outcome.into();
    event(app, tx, &task, "task.mail_received", &actor, &note).await?;
    Ok(Dealt::new(outcome, Some(&task), with(data)))
}

/// What a mail says: its writer's own words, masked, and the names of its files. `None`: its bytes are gone or
/// no mail.
pub(super) async fn words_of(
    db: &impl storage::Read,
    id: &str,
) -> Result<Option<(String, Parsed)>, DbError> {
    let raw = storage::incoming::raw(db, id).await?;
    Ok(raw.and_then(|raw| parse(&raw)).map(|parsed| {
        let is_mark = |line: &str| !marks::tokens_in(line).is_empty();
        let words = quote::own_words(&parsed.mail.text, is_mark);
        (masked(&words), parsed)
    }))
}

/// Keeps the files of a mail with a task: the names of those that were kept, and of those that were not.
async fn keep_files(
    app: &App,
    tx: &Tx,
    task: &Task,
    parsed: &Parsed,
    by: &str,
) -> Result<(Vec<String>, Vec<String>), DbError> {
    let (mut files, mut left_out) = (Vec::new(), parsed.left_out.clone());
    for file in &parsed.files {
        let kept = Upload {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            content: file.content.clone(),
        };
        match attach_file(app, tx, task.id, kept, by).await? {
            Ok(_) => files.push(file.name.clone()),
            Err(_) => left_out.push(file.name.clone()),
        }
    }
    Ok((files, left_out))
}

/// Puts a mail that led nowhere to a task, by somebody who looked at it: its words and files are kept there. It
/// commands nothing, for its writer has proved nothing.
pub(super) async fn attach(
    app: &App,
    tx: &Tx,
    mail: &Inbound,
    task: &Task,
    actor: &Actor,
) -> Result<Option<Vec<String>>, DbError> {
    let Some((words, parsed)) = words_of(tx, &mail.id).await? else {
        return Ok(None);
    };
    let (files, left_out) = keep_files(app, tx, task, &parsed, &actor.name).await?;
    let note = json!({
        "mail": mail.id, "from": mail.sender, "comment": words, "files": files, "left_out": left_out,
    });
    event(app, tx, task, "task.mail_attached", actor, &note).await?;
    let mut data = mail.data.clone();
    data["was"] = mail.outcome.clone().into();
    data["attached_by"] = actor.name.clone().into();
    let id = task.id.to_string();
    storage::incoming::attached(tx, mail, &id, &data).await?;
    Ok(Some(files))
}

/// The same checks as on the action page: revoked and expired links are dead, and so is the secret line.
async fn link_is_alive(app: &App, tx: &Tx, task: &Task, role: Role) -> Result<bool, DbError> {
    let token = match (role, task.open_approval()) {
        (Role::Owner, _) => link_token(app, task),
        (Role::Approver, Some(approval)) => approval_token(app, task, approval),
        (Role::Approver, None) => return Ok(false),
        // Who gave a task has an account, and no link that could end.
        (Role::Assigner, _) => return Ok(true),
    };
    let link = storage::tasks::link(tx, &hash_secret(&token)).await?;
    Ok(link.is_some_and(|l| l.revoked_at.is_none() && l.expires_at > tx.now()))
}

async fn event(
    app: &App,
    tx: &Tx,
    task: &Task,
    kind: &str,
    actor: &Actor,
    data: &Value,
) -> Result<(), DbError> {
    let id = task.id.to_string();
    storage::events::record(tx, app.ids.next(), "task", &id, kind, actor, data).await
}

/// Texts of people are masked like voices: they travel by mail.
fn masked(text: &str) -> String {
    domain::text::mask(text).text
}

/// One understood mail of somebody who may act.
struct Saying<'a> {
    app: &'a App,
    tx: &'a Tx,
    id: &'a str,
    writer: &'a Writer,
    actor: &'a Actor,
    words: &'a str,
}

impl Saying<'_> {
    fn at(&self, said: Said) -> Timestamp {
        let six = NaiveTime::from_hms_opt(18, 0, 0).unwrap_or_default();
        in_zone(
            said.day.and_time(said.time.unwrap_or(six)),
            self.writer.to.time_zone,
        )
    }

    async fn owner(&self, task: Task, parsed: &Parsed) -> Result<(&'static str, Value), DbError> {
        let (app, tx) = (self.app, self.tx);
        let names: Vec<Named> = storage::organisation::all::<Department>(tx)
            .await?
            .into_iter()
            .map(|d| Named {
                name: d.title().to_owned(),
                key: d.key,
            })
            .collect();
        let zone = self.writer.to.time_zone;
        let of = Setting {
            today: local_day(tx.now(), zone),
            departments: &names,
            track: &task.track,
            due: local_day(task.due_at, zone),
        };
        let reply = command::parse(self.words, of);
        let mut now = task;
        let mut done: Vec<&'static str> = Vec::new();
        let mut problem = None;
        for step in &reply.steps {
            // Who reports or delivers has taken the task, though they did not say the word.
            let works = matches!(
                step,
                Spoken::Report { .. }
                    | Spoken::Ticked { .. }
                    | Spoken::Trained { .. }
                    | Spoken::Ticket { .. }
                    | Spoken::Complete { .. }
            );
            if works && now.state == State::Assigned {
                match self.step(now.clone(), &Spoken::Accept).await? {
                    Ok((next, name)) => {
                        now = next;
                        done.push(name);
                    }
                    Err(why) => {
                        problem = Some(why);
                        break;
                    }
                }
            }
            match self.step(now.clone(), step).await? {
                Ok((next, name)) => {
                    now = next;
                    done.push(name);
                }
                Err(why) => {
                    problem = Some(why);
                    break;
                }
            }
        }
        if let Some(comment) = reply.comment.as_ref().filter(|_| problem.is_none()) {
            self.comment(&now, "task.commented", comment).await?;
            // Whoever only adds a word to a command needs no lesson.
            if done.is_empty() {
                problem = Some(Problem::NotUnderstood);
            }
        }
        // An empty answer: a file alone, or nothing at all.
        if reply.steps.is_empty() && reply.comment.is_none() && parsed.files.is_empty() {
            problem = Some(Problem::NotUnderstood);
        }
        let worked = problem.is_none() || problem == Some(Problem::NotUnderstood);
        let (mut files, mut left_out) = (Vec::new(), parsed.left_out.clone());
        if worked {
            (files, left_out) = keep_files(app, tx, &now, parsed, &self.actor.name).await?;
            if problem.is_none() && !left_out.is_empty() {
                problem = Some(Problem::FileLeftOut);
            }
        }
        let mut answered = false;
        if let Some(problem) = problem {
            answered = answer(app, tx, &now, self.writer, problem, self.id, self.words).await?;
        }
        let outcome = match (
            done.is_empty(),
            reply.comment.is_some() || !files.is_empty(),
            worked,
        ) {
            (false, ..) => "acted",
            (true, true, true) => "commented",
            _ => "answered",
        };
        let data = json!({
            "commands": done, "problem": problem, "answered": answered, "files": files, "left_out": left_out,
        });
        Ok((outcome, data))
    }

    /// One command, by the same service as the action page.
    async fn step(
        &self,
        task: Task,
        step: &Spoken,
    ) -> Result<Result<(Task, &'static str), Problem>, DbError> {
        let (app, tx) = (self.app, self.tx);
        let (name, command) = match step {
            Spoken::Help => return Ok(Err(Problem::Help)),
            Spoken::Accept => ("accept", Command::Accept),
            Spoken::Decline { reason, department } => (
                "decline",
                Command::Decline {
                    reason: reason.clone(),
                    department: department.clone(),
                },
            ),
            Spoken::HandOver { department, reason } => {
                let Some(key) = department.as_ref().filter(|k| **k != task.department) else {
                    return Ok(Err(Problem::NoDepartment));
                };
                let Ok((department, owner)) = owner_of(tx, key, None).await else {
                    return Ok(Err(Problem::NoDepartment));
                };
                let command = Command::HandOver {
                    department: department.key,
                    owner,
                    reason: Some(reason.clone()),
                };
                ("hand_over", command)
            }
            Spoken::Ask { comment } => (
                "ask",
                Command::Ask {
                    comment: comment.clone(),
                },
            ),
            // A figure that would be swallowed: what is counted is not estimated.
            Spoken::Report { .. }
                if matches!(task.track, Track::Checklist { .. } | Track::Coverage { .. }) =>
            {
                return Ok(Err(Problem::Counted));
            }
            Spoken::Ticked {
                done,
                undone,
                comment,
            } => {
                let Track::Checklist { items } = &task.track else {
                    return Ok(Err(Problem::Counted));
                };
                if done
                    .iter()
                    .chain(undone)
                    .any(|n| !(1..=items.len()).contains(n))
                {
                    return Ok(Err(Problem::NoItem));
                }
                // The page says how the whole list is, a mail what is new of it.
                let is = |n: usize, item: &domain::tasks::kind::Item| {
                    let ticked = item.done_at.is_some() || done.contains(&(n + 1));
                    ticked && !undone.contains(&(n + 1))
                };
                let ticked = items.iter().enumerate();
                let ticked = ticked.filter(|(n, i)| is(*n, i)).map(|(n, _)| n).collect();
                let command = Command::Advance {
                    step: Advance::Ticked(ticked),
                    comment: comment.clone(),
                };
                ("advance", command)
            }
            Spoken::Trained {
                trained,
                total,
                comment,
            } => {
                let step = Advance::Trained {
                    trained: *trained,
                    total: *total,
                };
                let comment = comment.clone();
                ("advance", Command::Advance { step, comment })
            }
            Spoken::Ticket {
                url,
                state,
                comment,
            } => {
                let Track::Ticket(now) = &task.track else {
                    return Ok(Err(Problem::Counted));
                };
                let step = Advance::Ticket {
                    url: url.clone(),
                    state: state.unwrap_or(now.state),
                };
                let comment = comment.clone();
                ("advance", Command::Advance { step, comment })
            }
            Spoken::Later { at } => {
                let Some(said) = at else {
                    return Ok(Err(Problem::NoDate));
                };
                let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
                let zone = self.writer.to.time_zone;
                let at = in_zone(said.day.and_time(said.time.unwrap_or(nine)), zone);
                // The due day itself is the last one, however early the task is due on it.
                let until = if local_day(at, zone) == local_day(task.due_at, zone) {
                    at.min(task.due_at)
                } else {
                    at
                };
                ("snooze", Command::Snooze { until })
            }
            Spoken::Report { percent, comment } => {
                let Some(percent) = u8::try_from(*percent).ok().filter(|p| *p <= 100) else {
                    return Ok(Err(Problem::BadPercent));
                };
                let command = Command::Report {
                    percent,
                    comment: comment.clone(),
                };
                ("progress", command)
            }
            Spoken::Complete {
                solution,
                effective,
            } => (
                "complete",
                Command::Complete {
                    solution: solution.clone(),
                    effective_at: effective.map(|said| {
                        let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
                        let time = said.time.unwrap_or(noon);
                        in_zone(said.day.and_time(time), self.writer.to.time_zone)
                    }),
                    // By mail the same words say what was done and what was left.
                    rest: Some(solution.clone()),
                },
            ),
            Spoken::Due { at, comment } => return self.propose(task, *at, comment).await,
        };
        match act_in(app, tx, task, &command, self.actor).await {
            Ok(next) => Ok(Ok((next, name))),
            Err(ActError::Refused(why)) => Ok(Err(problem_of(&why))),
            Err(ActError::NotFound) => Ok(Err(Problem::State)),
            Err(ActError::Stale) => Err(DbError::Stale {
                table: "task",
                id: String::new(),
            }),
            Err(ActError::Database(error)) => Err(error),
        }
    }

    /// A date is proposed, not taken: whoever assigned the task agrees by one word.
    async fn propose(
        &self,
        task: Task,
        said: Option<Said>,
        comment: &str,
    ) -> Result<Result<(Task, &'static str), Problem>, DbError> {
        let Some(said) = said else {
            return Ok(Err(Problem::NoDate));
        };
        let (app, tx) = (self.app, self.tx);
        let at = self.at(said);
        let cause = format!("mail:{}", self.id);
        match propose_due(app, tx, &task, at, comment, self.actor, &cause).await {
            Ok(()) => Ok(Ok((task, "due"))),
            Err(ActError::Refused(why)) => Ok(Err(problem_of(&why))),
            Err(ActError::Database(error)) => Err(error),
            Err(ActError::NotFound | ActError::Stale) => Err(DbError::Stale {
                table: "task",
                id: String::new(),
            }),
        }
    }

    async fn forward(
        &self,
        task: &Task,
        to: &Recipient,
        event: &str,
        words: String,
    ) -> Result<(), DbError> {
        let letter = Letter::TaskAnswer {
            thread: thread(task),
            title: task.title.clone(),
            event: event.to_owned(),
            who: self.actor.name.clone(),
            words,
            department: None,
            link: format!("/tasks/{}", task.id),
        };
        let key = format!("task:{}:mail:{}:{event}", task.id, self.id);
        tell(self.app, self.tx, task, to, &letter, key)
            .await
            .map(|_| ())
    }

    /// Words that are no command: kept, and passed on.
    async fn comment(&self, task: &Task, kind: &str, comment: &str) -> Result<(), DbError> {
        let comment = masked(comment);
        event(
            self.app,
            self.tx,
            task,
            kind,
            self.actor,
            &json!({"comment": comment}),
        )
        .await?;
        if let Some(to) = assigner(self.tx, task).await? {
            self.forward(task, &to, kind, comment).await?;
        }
        Ok(())
    }

    /// An approver says yes or no; anything else is kept, and passed on to the owner.
    async fn approver(&self, task: Task) -> Result<(&'static str, Value), DbError> {
        let (app, tx) = (self.app, self.tx);
        let (name, command) = match command::parse_approver(self.words) {
            Ruling::Approve(comment) => ("approve", Command::Approve { comment }),
            Ruling::Reject(reason) => ("reject", Command::Reject { reason }),
            Ruling::Words => {
                let words = masked(self.words);
                if !words.is_empty() {
                    let data = json!({"comment": words});
                    event(app, tx, &task, "task.commented", self.actor, &data).await?;
                    self.note(&task, "words", words).await?;
                }
                let problem = Problem::NoRuling;
                let answered =
                    answer(app, tx, &task, self.writer, problem, self.id, self.words).await?;
                let data = json!({"problem": problem, "answered": answered});
                return Ok(("commented", data));
            }
        };
        match act_in(app, tx, task.clone(), &command, self.actor).await {
            Ok(_) => Ok(("acted", json!({"commands": [name]}))),
            Err(ActError::Refused(why)) => {
                let problem = problem_of(&why);
                let answered =
                    answer(app, tx, &task, self.writer, problem, self.id, self.words).await?;
                let data = json!({"problem": problem, "answered": answered});
                Ok(("answered", data))
            }
            Err(ActError::Database(error)) => Err(error),
            Err(ActError::NotFound | ActError::Stale) => Err(DbError::Stale {
                table: "task",
                id: String::new(),
            }),
        }
    }

    /// Tells the owner what somebody said.
    async fn note(&self, task: &Task, what: &str, words: String) -> Result<(), DbError> {
        let letter = Letter::TaskNote {
            thread: thread(task),
            title: task.title.clone(),
            who: self.actor.name.clone(),
            what: what.to_owned(),
            words,
            due_at: task.due_at,
            link: format!("/a/{}", link_token(self.app, task)),
        };
        let key = format!("task:{}:mail:{}:note", task.id, self.id);
        let to = Recipient::of(&task.owner);
        tell(self.app, self.tx, task, &to, &letter, key)
            .await
            .map(|_| ())
    }

    /// Whoever assigned the task agrees to a date, or says something to the owner.
    async fn assigner(&self, task: Task) -> Result<(&'static str, Value), DbError> {
        let (app, tx) = (self.app, self.tx);
        let open = open_proposal(tx, &task).await?;
        let today = local_day(tx.now(), self.writer.to.time_zone);
        let verdict = command::parse_assigner(self.words, today);
        let words = masked(self.words);
        let (task, what, outcome) = match (verdict, open) {
            (Verdict::Agree(other), Some(proposed)) => {
                let at = other.map_or(proposed, |said| self.at(said));
                match set_due(app, tx, task.clone(), at, self.actor, &words).await {
                    Ok(next) => (next, "due_agreed", "acted"),
                    Err(ActError::Refused(why)) => {
                        let problem = problem_of(&why);
                        let answered =
                            answer(app, tx, &task, self.writer, problem, self.id, self.words)
                                .await?;
                        return Ok((
                            "answered",
                            json!({"problem": problem, "answered": answered}),
                        ));
                    }
                    Err(ActError::Database(error)) => return Err(error),
                    Err(ActError::NotFound | ActError::Stale) => {
                        return Err(DbError::Stale {
                            table: "task",
                            id: String::new(),
                        });
                    }
                }
            }
            (Verdict::Disagree, Some(proposed)) => {
                let data = json!({"due_at": proposed, "comment": words});
                event(app, tx, &task, "task.due_refused", self.actor, &data).await?;
                (task, "due_refused", "acted")
            }
            _ if self.words.is_empty() => return Ok(("answered", json!({"problem": "empty"}))),
            // The answer to a question: the clock of the due time goes on, and the owner is told of both.
            _ if task.waits_since().is_some() && task.state.is_under_way() => {
                let command = Command::Answer {
                    comment: self.words.to_owned(),
                };
                return match act_in(app, tx, task, &command, self.actor).await {
                    Ok(_) => Ok(("acted", json!({"commands": ["answer"]}))),
                    Err(ActError::Database(error)) => Err(error),
                    Err(_) => Err(DbError::Stale {
                        table: "task",
                        id: String::new(),
                    }),
                };
            }
            _ => {
                event(
                    app,
                    tx,
                    &task,
                    "task.commented",
                    self.actor,
                    &json!({"comment": words}),
                )
                .await?;
                (task, "words", "commented")
            }
        };
        self.note(&task, what, words).await?;
        Ok((outcome, json!({"commands": [what]})))
    }
}

fn problem_of(refused: &Refused) -> Problem {
    match refused {
        Refused::State { .. } | Refused::OpenSubTasks { .. } => Problem::State,
        Refused::Field { field, code, .. } => match (*field, *code) {
            (_, "too_long") => Problem::TooLong,
            ("reason", _) => Problem::NoReason,
            ("solution", _) => Problem::NoSolution,
            ("percent", _) => Problem::BadPercent,
            ("trained" | "total", _) => Problem::BadCount,
            ("url", _) => Problem::BadLink,
            ("until", _) => Problem::BadReminder,
            ("due_at", "unchanged") => Problem::SameDate,
            ("effective_at" | "due_at", _) => Problem::BadDate,
            _ => Problem::NotUnderstood,
        },
    }
}
