//! Action pages: what an owner sees and does from the mail, without an account, on a phone.
//!
//! GET and HEAD show and never act: mail scanners follow links. A POST acts once: every form carries
//! a number that is used up, and the version of the task that it was made from.

use super::service::{ActError, act_in, owner_of};
use crate::app::Shared;
use crate::http::problem::REQUEST;
use crate::http::{Code, Problem};
use crate::identity::{hash_secret, random_token};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::detection::{Subject, SubjectKind};
use domain::identity::{Actor, ActorKind};
use domain::intake::values::{Scalar, parse_time};
use domain::organisation::{Department, Locale, Owner};
use domain::tasks::approval::Approval;
use domain::tasks::kind::{Advance, TicketState, Track};
use domain::tasks::{Change, Command, Refused, Task, may};
use minijinja::context;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use storage::tasks::{Link, Purpose};

/// Bytes of an attached file.
const FILE_LIMIT: usize = domain::tasks::files::MOST_BYTES;

/// The pages' routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/a/{token}", get(show).post(submit))
        .route("/a/{token}/files/{file}", get(file))
        .layer(DefaultBodyLimit::max(FILE_LIMIT + 256 * 1024))
}

/// The page's source: others take their head from it, so that all look alike.
pub(crate) const PAGE: &str = include_str!("page.html");

static ENVIRONMENT: LazyLock<minijinja::Environment<'static>> = LazyLock::new(|| {
    let mut environment = minijinja::Environment::new();
    environment.set_syntax(
        minijinja::syntax::SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .unwrap_or_default(),
    );
    if let Err(error) = environment.add_template("page.html", PAGE) {
        tracing::error!(error = %error, "the action page does not parse");
    }
    environment
});

/// What a page says above the task.
enum Notice {
    None,
    Done,
    Again,
    Stale,
    Wrong(String),
}

struct Opened {
    token: String,
    task: Task,
    link: Link,
    hash: String,
}

impl Opened {
    /// Whoever the link was sent to.
    fn reader(&self) -> &Owner {
        match &self.task.approval {
            Some(approval) if self.link.purpose == Purpose::Approver => &approval.approver,
            _ => &self.task.owner,
        }
    }
}

/// Whether a link is that of whoever has the task, or of whoever approves it.
fn is_alive(link: &Link, task: &Task) -> bool {
    let owner = link.purpose == Purpose::Owner
        && link.assignment == task.assignment
        && link.email == task.owner.email;
    link.revoked_at.is_none() && (owner || super::approval::is_of(link, task))
}

/// Why a link does not open.
pub(crate) enum Dead {
    /// Nobody was ever sent it.
    Unknown,
    /// It has expired, or somebody else has the matter now.
    Over,
    /// It has expired, and the matter is still its reader's: a new mail can be asked for.
    Late,
}

/// Whether it can be the token of a link or the number of a form: 256 bits.
pub(crate) fn is_token(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.len() == 43 && text.bytes().all(letter)
}

async fn open(app: &Shared, token: &str) -> Result<Result<Opened, Dead>, Problem> {
    if !is_token(token) {
        return Ok(Err(Dead::Unknown));
    }
    let hash = hash_secret(token);
    let Some(link) = storage::tasks::link(&app.db, &hash).await? else {
        return Ok(Err(Dead::Unknown));
    };
    let Some(task) = storage::tasks::get(&app.db, link.task_id).await? else {
        return Ok(Err(Dead::Unknown));
    };
    if !is_alive(&link, &task) {
        return Ok(Err(Dead::Over));
    }
    if link.expires_at <= app.now() {
        let theirs = link.purpose == Purpose::Owner && task.state.is_under_way();
        return Ok(Err(if theirs { Dead::Late } else { Dead::Over }));
    }
    let task = as_wished(&app.db, task).await?;
    Ok(Ok(Opened {
        token: token.to_owned(),
        task,
        link,
        hash,
    }))
}

/// The task as its owner reads it: in the language and on the clock of their own wish. For showing, not for
/// storing.
async fn as_wished(db: &impl storage::Read, mut task: Task) -> Result<Task, storage::DbError> {
    let wish = crate::mail::preference(db, &task.owner.email).await?;
    wish.apply(&mut task.owner.language, &mut task.owner.time_zone);
    if let Some(Approval { approver, .. }) = &mut task.approval {
        let wish = crate::mail::preference(db, &approver.email).await?;
        wish.apply(&mut approver.language, &mut approver.time_zone);
    }
    Ok(task)
}

pub(crate) fn asked_locale() -> Locale {
    REQUEST.try_with(|r| r.locale).unwrap_or_default()
}

/// A page that nobody may keep, frame or index.
pub(crate) fn page(status: StatusCode, html: String) -> Response {
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(
        "x-robots-tag",
        HeaderValue::from_static("noindex, nofollow"),
    );
    response
}

fn render(values: minijinja::Value) -> Result<String, Problem> {
    ENVIRONMENT
        .get_template("page.html")
        .and_then(|t| t.render(values))
        .map_err(|error| {
            tracing::error!(error = %error, "an action page cannot be made");
            Code::Internal.into()
        })
}

/// A page for a link that does not open: clear, and without a word about the task.
fn dead(dead: &Dead) -> Result<Response, Problem> {
    let locale = asked_locale();
    let zh = locale == Locale::ZhCn;
    let (status, title, text) = match dead {
        Dead::Unknown => (
            StatusCode::NOT_FOUND,
            if zh {
                "链接无效"
            } else {
                "This link is not valid"
            },
            if zh {
                "链接可能没有复制完整。请从邮件里重新打开，或联系给您指派任务的人。"
            } else {
                "It may have been copied incompletely. Open it from the mail again, or ask whoever assigned the task."
            },
        ),
        Dead::Over => (
            StatusCode::GONE,
            if zh {
                "链接已失效"
            } else {
                "This link is no longer valid"
            },
            if zh {
                "任务已交给其他人，或链接已过期。您无需再做什么；如有疑问，请联系给您指派任务的人。"
            } else {
                "The task went to somebody else, or the link has expired. There is nothing to do; if in doubt, ask whoever assigned the task."
            },
        ),
        Dead::Late => (
            StatusCode::GONE,
            if zh {
                "链接已过期，任务仍由您负责"
            } else {
                "This link has expired; the task is still yours"
            },
            if zh {
                "点下面的按钮，新的邮件会发到您的邮箱，里面的链接 7 天内有效，也可以直接回复它。"
            } else {
                "Press the button: a new mail goes to your address. Its link is good for 7 days, and you can simply reply to it."
            },
        ),
    };
    let late = matches!(dead, Dead::Late);
    let html = render(context! { locale => locale.as_str(), zh, dead => true, late, title, text })?;
    Ok(page(status, html))
}

/// A state in the words of pages and mails.
#[must_use]
pub fn state_name(state: domain::tasks::State, zh: bool) -> &'static str {
    use domain::tasks::State;
    let (z, e) = match state {
        State::Assigned => ("待接受", "waiting for your answer"),
        State::Accepted => ("已接受", "accepted"),
        State::Declined => ("已拒绝", "declined"),
        State::InProgress => ("进行中", "in progress"),
        State::AwaitingApproval => ("已完成，等待审批", "done, waiting for approval"),
        State::Done => ("已完成，等待验证", "done, to be verified"),
        State::Verifying => ("验证中", "being verified"),
        State::Verified => ("已验证", "verified"),
        State::NotVerified => ("未见效果", "not verified"),
        State::Cancelled => ("已取消", "cancelled"),
    };
    if zh { z } else { e }
}

async fn view(
    app: &Shared,
    opened: &Opened,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Problem> {
    let task = &opened.task;
    let locale = opened.reader().language;
    let approves = opened.link.purpose == Purpose::Approver;
    let zh = locale == Locale::ZhCn;
    let departments: Vec<Department> = storage::organisation::all(&app.db).await?;
    let others: Vec<_> = departments
        .iter()
        .filter(|d| d.key != task.department && !d.owners.is_empty())
        .map(|d| context! { key => d.key.clone(), name => d.title() })
        .collect();
    let topics: Vec<domain::organisation::Topic> = storage::organisation::all(&app.db).await?;
    let concerned = domain::organisation::subtree(&task.topic, &topics);
    // Voices are quoted where it is about a topic: of others nobody said these words.
    let quotes = if task.contract.subject.kind == SubjectKind::Topic {
        crate::analysis::quotes(&app.db, &concerned, 3).await?
    } else {
        Vec::new()
    };
    let subject = match task.contract.subject.kind {
        SubjectKind::Topic => Subject::topic(task.topic.clone()),
        _ => task.contract.subject.clone(),
    };
    let topic = crate::issues::subject_name(&subject, &topics);
    let (kind, text) = match notice {
        Notice::None => ("", String::new()),
        Notice::Done => (
            "done",
            if zh {
                "已收到，谢谢。"
            } else {
                "Got it, thank you."
            }
            .to_owned(),
        ),
        Notice::Again => (
            "again",
            if zh {
                "这一步之前已经完成，没有重复执行。"
            } else {
                "This was done before; nothing was done twice."
            }
            .to_owned(),
        ),
        Notice::Stale => (
            "again",
            if zh {
                "任务在此期间有变化，下面是最新状态。"
            } else {
                "The task changed meanwhile; this is its present state."
            }
            .to_owned(),
        ),
        Notice::Wrong(text) => ("wrong", text),
    };
    let due_rule = super::clock::spoken(&app.db, &task.due_rule).await?;
    let local = |at: domain::clock::Timestamp| {
        at.with_timezone(&opened.reader().time_zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    };
    let actions: Vec<_> = [
        ("approve", Change::Decide),
        ("reject", Change::Decide),
        ("accept", Change::Accept),
        ("advance", Change::Report),
        ("progress", Change::Report),
        ("complete", Change::Complete),
        ("ask", Change::Ask),
        ("extend", Change::Ask),
        ("snooze", Change::Snooze),
        ("hand_over", Change::HandOver),
        ("decline", Change::Decline),
    ]
    .into_iter()
    .filter(|(name, change)| {
        may(task.state, *change)
            && approves == matches!(change, Change::Decide)
            // What is counted is not estimated; only a ticket says nothing of how far it is.
            && (*name != "advance" || task.track != Track::Percent)
            && (*name != "progress" || matches!(task.track, Track::Percent | Track::Ticket(_)))
            && (*name != "hand_over" || !others.is_empty())
            && (*name != "snooze" || task.due_at > app.now())
            && (*name != "extend" || task.state.is_under_way())
    })
    .map(|(name, _)| context! { name, nonce => random_token() })
    .collect();
    let work = work(app, task, locale).await?;
    let html = render(context! {
        locale => locale.as_str(),
        zh,
        dead => false,
        approves,
        work,
        base => format!("/a/{}", opened.token),
        notice_kind => kind,
        notice => text,
        title => task.title.clone(),
        state => state_name(task.state, zh),
        due => local(task.due_at),
        due_rule => due_rule.as_ref().map(|r| r.get(locale).to_owned()),
        standing => task.stands_since().is_some(),
        zone => opened.reader().time_zone.name(),
        owner => task.owner.display_name(),
        on_behalf_of => task.on_behalf_of.clone(),
        snoozed => task.snoozed_until.filter(|at| *at > app.now()).map(local),
        due_day => local(task.due_at)[..10].to_owned(),
        today => local(app.now())[..10].to_owned(),
        proposed => super::due::open_proposal(&app.db, task).await?.map(local),
        assigned_by => task.assigned_by.name.clone(),
        topic => topic.get(locale),
        description => {
            let names = |key: &str| {
                let known = departments.iter().find(|d| d.key == key);
                known.map_or_else(|| key.to_owned(), |d| d.title().to_owned())
            };
            let preface = super::refusal::preface(task, names);
            format!("{preface}\n{}", task.description).trim().to_owned()
        },
        measures => task.measures.clone(),
        contract => task.contract.sentence.get(locale),
        percent => task.percent(),
        solution => task.solution.clone(),
        effective => task.effective_at.map(local),
        quotes => quotes.iter().map(|q| context! { text => q.text.clone(), channel => q.channel.clone() }).collect::<Vec<_>>(),
        actions,
        departments => others,
        version => task.version,
    })?;
    Ok(page(status, html))
}

/// What is counted of a task, its parts, its files, and what an approver said.
async fn work(app: &Shared, task: &Task, locale: Locale) -> Result<minijinja::Value, Problem> {
    let zh = locale == Locale::ZhCn;
    let items: Vec<_> = match &task.track {
        Track::Checklist { items } => items
            .iter()
            .map(|i| context! { text => i.text.clone(), done => i.done_at.is_some() })
            .collect(),
        _ => Vec::new(),
    };
    let (group, total, trained) = match &task.track {
        Track::Coverage {
            group,
            total,
            trained,
        } => (group.clone(), *total, *trained),
        _ => Default::default(),
    };
    let (url, ticket) = match &task.track {
        Track::Ticket(ticket) => (ticket.url.clone(), ticket.state.as_str()),
        _ => Default::default(),
    };
    let tickets: Vec<_> = TicketState::ALL
        .into_iter()
        .map(|s| context! { key => s.as_str(), name => s.title().get(locale) })
        .collect();
    let parts: Vec<_> = storage::tasks::below(&app.db, task.id)
        .await?
        .into_iter()
        .map(|t| {
            context! { title => t.title.clone(), state => state_name(t.state, zh), owner => t.owner.display_name() }
        })
        .collect();
    let files: Vec<_> = storage::tasks::attachments(&app.db, task.id)
        .await?
        .into_iter()
        .map(|f| context! { id => f.id, name => f.name, kib => (f.size + 1023) / 1024 })
        .collect();
    let approval = task.approval.as_ref();
    let decision = approval.and_then(|a| a.decision.as_ref());
    let submitted = approval.filter(|_| task.solution.is_none() || task.open_approval().is_some());
    Ok(context! {
        kind => task.kind.title().get(locale),
        named => task.kind != domain::tasks::kind::Kind::Other,
        track => task.track.as_str(),
        spoken => task.track.spoken().map(|s| s.get(locale).to_owned()),
        whole => task.track.is_whole(),
        missing => task.track.missing().map(|m| m.get(locale).to_owned()),
        items, group, total, trained, url, ticket, tickets, parts, files,
        rest => task.rest.clone(),
        approver => approval.filter(|a| a.decision.is_none()).map(|a| a.approver.display_name().to_owned()),
        submitted => submitted.map(|a| a.solution.clone()),
        rejected => decision.filter(|d| !d.approved && !d.by.is_empty()).map(|d| format!("{}: {}", d.by, d.words)),
    })
}

/// A file of the task, to be saved.
async fn file(
    State(app): State<Shared>,
    Path((token, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let opened = match open(&app, &token).await? {
        Ok(opened) => opened,
        Err(reason) => return dead(&reason),
    };
    match storage::tasks::attachment(&app.db, opened.task.id, &id).await? {
        Some(found) => Ok(super::work_http::download(found)),
        None => dead(&Dead::Unknown),
    }
}

/// What a form says of what is counted.
fn advance(task: &Task, form: &Form) -> Option<Advance> {
    Some(match &task.track {
        Track::Checklist { items } => Advance::Ticked(
            (0..items.len())
                .filter(|n| !form.text(&format!("done_{n}")).is_empty())
                .collect(),
        ),
        Track::Coverage { .. } => Advance::Trained {
            trained: form.text("trained").parse().ok()?,
            total: match form.text("total").as_str() {
                "" => None,
                text => Some(text.parse().ok()?),
            },
        },
        Track::Ticket(_) => Advance::Ticket {
            url: Some(form.text("url")),
            state: TicketState::parse(&form.text("ticket_state"))?,
        },
        Track::Percent => return None,
    })
}

/// Shows the task. Changes nothing, however often and by whomever it is called.
async fn show(State(app): State<Shared>, Path(token): Path<String>) -> Result<Response, Problem> {
    match open(&app, &token).await? {
        Ok(opened) => view(&app, &opened, StatusCode::OK, Notice::None).await,
        Err(reason) => dead(&reason),
    }
}

/// A submitted form.
#[derive(Default)]
pub(crate) struct Form {
    fields: BTreeMap<String, String>,
    file: Option<(String, String, Vec<u8>)>,
}

impl Form {
    /// A field, trimmed; empty where it was not sent.
    pub(crate) fn text(&self, name: &str) -> String {
        self.fields
            .get(name)
            .map(|v| v.trim().to_owned())
            .unwrap_or_default()
    }
}

/// Reads a form as browsers send it.
pub(crate) async fn read(app: &Shared, request: Request<Body>) -> Result<Form, Problem> {
    let multipart = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("multipart/form-data"));
    let broken = |_| Problem::new(Code::MalformedBody, "the form could not be read");
    let mut form = Form::default();
    if multipart {
        let mut parts = Multipart::from_request(request, app)
            .await
            .map_err(broken_form)?;
        while let Some(part) = parts.next_field().await.map_err(too_large)? {
            let name = part.name().unwrap_or_default().to_owned();
            if let Some(file) = part.file_name().map(str::to_owned) {
                let kind = part
                    .content_type()
                    .unwrap_or("application/octet-stream")
                    .to_owned();
                let bytes = part.bytes().await.map_err(too_large)?;
                if bytes.len() > FILE_LIMIT {
                    return Err(Problem::new(Code::TooLarge, "a file has at most 10 MiB"));
                }
                if !bytes.is_empty() {
                    let name = file.rsplit(['/', '\\']).next().unwrap_or("file").to_owned();
                    form.file = Some((crate::mail::clean_name(&name, 120), kind, bytes.to_vec()));
                }
            } else {
                form.fields
                    .insert(name, part.text().await.map_err(too_large)?);
            }
        }
    } else {
        let bytes = axum::body::to_bytes(request.into_body(), 256 * 1024)
            .await
            .map_err(broken)?;
        let pairs: Vec<(String, String)> = serde_html_form(&bytes);
        form.fields.extend(pairs);
    }
    Ok(form)
}

fn broken_form(_: axum::extract::multipart::MultipartRejection) -> Problem {
    Problem::new(Code::MalformedBody, "the form could not be read")
}

fn too_large(error: axum::extract::multipart::MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::TooLarge, "a file has at most 10 MiB")
    } else {
        Problem::new(Code::MalformedBody, "the form could not be read")
    }
}

/// `a=b&c=d` with plus for blanks (WHATWG URL, application/x-www-form-urlencoded parsing).
fn serde_html_form(bytes: &[u8]) -> Vec<(String, String)> {
    let decode = |part: &[u8]| {
        let mut out = Vec::with_capacity(part.len());
        let mut at = 0;
        while at < part.len() {
            let hex = |i: usize| part.get(i).and_then(|b| char::from(*b).to_digit(16));
            match part[at] {
                b'+' => out.push(b' '),
                b'%' => match (hex(at + 1), hex(at + 2)) {
                    (Some(a), Some(b)) => {
                        out.push(u8::try_from(a * 16 + b).unwrap_or(b'?'));
                        at += 2;
                    }
                    _ => out.push(b'%'),
                },
                b => out.push(b),
            }
            at += 1;
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    bytes
        .split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|b| *b == b'=') {
            Some(at) => (decode(&pair[..at]), decode(&pair[at + 1..])),
            None => (decode(pair), String::new()),
        })
        .collect()
}

/// The command of a form, or what is wrong with it, in the owner's language.
async fn command(
    tx: &storage::Tx,
    task: &Task,
    form: &Form,
) -> Result<Result<Command, String>, Problem> {
    let zh = task.owner.language == Locale::ZhCn;
    let say = |z: &str, e: &str| Ok(Err(if zh { z.to_owned() } else { e.to_owned() }));
    let department = form.text("department");
    Ok(Ok(match form.text("action").as_str() {
        "accept" => Command::Accept,
        "decline" => Command::Decline {
            reason: form.text("reason"),
            department: match department.as_str() {
                "" => None,
                key => storage::organisation::get::<Department>(tx, key)
                    .await?
                    .map(|d| d.key),
            },
        },
        "hand_over" => {
            if department.is_empty() {
                return say(
                    "请选择要转交的部门。",
                    "Choose the department to hand it to.",
                );
            }
            match owner_of(tx, &department, None).await {
                Ok((department, owner)) => Command::HandOver {
                    department: department.key,
                    owner,
                    reason: Some(form.text("reason")),
                },
                Err(_) => {
                    return say(
                        "找不到这个部门的责任人。",
                        "That department has nobody to ask.",
                    );
                }
            }
        }
        "progress" => match form.text("percent").trim_end_matches('%').parse::<u8>() {
            Ok(percent) if percent <= 100 => Command::Report {
                percent,
                comment: form.text("comment"),
            },
            _ => return say("进度请填 0 到 100。", "Progress is a number from 0 to 100."),
        },
        "advance" => match advance(task, form) {
            Some(step) => Command::Advance {
                step,
                comment: form.text("comment"),
            },
            None => return say("请填写数字。", "Please fill in the figures."),
        },
        "approve" => Command::Approve {
            comment: form.text("comment"),
        },
        "reject" => Command::Reject {
            reason: form.text("reason"),
        },
        "ask" => Command::Ask {
            comment: form.text("comment"),
        },
        "snooze" => match snooze_until(&form.text("until"), task) {
            Some(until) => Command::Snooze { until },
            None => {
                return say(
                    "请选择截止日期之前的一天。",
                    "Choose a day before the task is due.",
                );
            }
        },
        "complete" => {
            let given = form.text("effective_at");
            let at = match given.as_str() {
                "" => None,
                text => {
                    match parse_time(
                        &Scalar::Text(text.to_owned()),
                        task.owner.time_zone,
                        Default::default(),
                    ) {
                        Ok(at) => at,
                        Err(_) => {
                            return say(
                                "上线时间看不懂，请重新填写。",
                                "The time of going live is not a time.",
                            );
                        }
                    }
                }
            };
            Command::Complete {
                solution: form.text("solution"),
                effective_at: at,
                rest: Some(form.text("rest")).filter(|r| !r.is_empty()),
            }
        }
        _ => return say("不认识这个操作。", "That action is not known."),
    }))
}

/// The morning of a day, in the owner's zone; the due time on the day itself when that is earlier.
fn snooze_until(text: &str, task: &Task) -> Option<domain::clock::Timestamp> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let zone = task.owner.time_zone;
    let morning = domain::clock::start_of_day(day, zone) + chrono::TimeDelta::hours(9);
    let last = domain::clock::local_day(task.due_at, zone);
    (day <= last).then(|| morning.min(task.due_at))
}

fn refused(refused: &Refused, zh: bool) -> String {
    match refused {
        Refused::State { .. } => if zh {
            "任务现在的状态不允许这个操作。"
        } else {
            "The task's state does not allow this."
        }
        .to_owned(),
        Refused::OpenSubTasks { titles } if zh => {
            format!("还有未结束的子任务：{}。", titles.join("、"))
        }
        Refused::OpenSubTasks { titles } => {
            format!("Sub-tasks are still open: {}.", titles.join(", "))
        }
        Refused::Field { field, code, .. } => {
            let name = match (*field, zh) {
                ("reason", true) => "原因",
                ("solution", true) => "解决办法",
                ("comment", true) => "内容",
                ("percent", true) => "进度",
                ("effective_at", true) => "上线时间",
                ("until", true) => "提醒时间",
                ("trained", true) => "已培训人数",
                ("total", true) => "总人数",
                ("url", true) => "链接",
                ("file", true) => "附件",
                (other, _) => other,
            };
            match (*code, zh) {
                ("unfinished", true) => {
                    "还有未完成的部分：请先更新进度，或说明剩余部分为什么不做。".to_owned()
                }
                ("unfinished", false) => {
                    "Something is not finished: report it first, or say why the rest is left."
                        .to_owned()
                }
                ("type_not_allowed", true) => {
                    "不接受这种文件，请上传文档、图片、录音、视频或 zip。".to_owned()
                }
                ("type_not_allowed", false) => {
                    "This type of file is not taken: documents, pictures, recordings, films or zip."
                        .to_owned()
                }
                ("type_mismatch", true) => "文件内容与扩展名不符。".to_owned(),
                ("type_mismatch", false) => "The file is not what its name says.".to_owned(),
                ("too_large", true) => "文件太大，最多 10 MB。".to_owned(),
                ("too_large", false) => "The file is too large: at most 10 MB.".to_owned(),
                ("too_many" | "too_large_together", true) if *field == "file" => {
                    "这项任务的附件已达上限（20 个、共 50 MB）。".to_owned()
                }
                ("too_many" | "too_large_together", false) if *field == "file" => {
                    "This task has as many files as it can: 20, together 50 MB.".to_owned()
                }
                ("required", true) => format!("请填写{name}。"),
                ("required", false) => format!("{name} must not be empty."),
                ("too_long", true) => format!("{name}太长了。"),
                ("too_long", false) => format!("{name} is too long."),
                (_, true) => format!("{name}不符合要求。"),
                (_, false) => format!("{name} is not as it must be."),
            }
        }
    }
}

/// Acts, once.
async fn submit(
    State(app): State<Shared>,
    Path(token): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let opened = match open(&app, &token).await? {
        Ok(opened) => opened,
        Err(Dead::Late) => return send_again(&app, &token).await,
        Err(reason) => return dead(&reason),
    };
    let zh = opened.reader().language == Locale::ZhCn;
    let form = match read(&app, request).await {
        Ok(form) => form,
        Err(problem) => {
            let status = problem.code.status();
            let text = match (problem.code, zh) {
                (Code::TooLarge, true) => "文件太大，最多 10 MB。",
                (Code::TooLarge, false) => "The file is too large: at most 10 MB.",
                (_, true) => "表单没有收完整，请再试一次。",
                (_, false) => "The form did not arrive completely; please try again.",
            };
            return view(&app, &opened, status, Notice::Wrong(text.to_owned())).await;
        }
    };
    if !form.text("renew").is_empty() {
        // Pressed twice: the link is good again already.
        return view(&app, &opened, StatusCode::OK, Notice::None).await;
    }
    let tx = app.begin().await?;
    // Read again inside the transaction: somebody may have acted in between.
    let Some(task) = storage::tasks::hold(&tx, opened.task.id).await? else {
        return dead(&Dead::Unknown);
    };
    let link = storage::tasks::link(&tx, &opened.hash).await?;
    if !link.is_some_and(|l| is_alive(&l, &task)) {
        return dead(&Dead::Over);
    }
    let nonce = form.text("nonce");
    if nonce.len() != 43 {
        let text = if zh {
            "表单不完整，请刷新页面再试。"
        } else {
            "The form is incomplete; reload the page."
        };
        drop(tx);
        return view(
            &app,
            &opened,
            StatusCode::BAD_REQUEST,
            Notice::Wrong(text.to_owned()),
        )
        .await;
    }
    // Only the hash: a form's number is nobody else's business.
    if !storage::tasks::use_form(&tx, &hash_secret(&format!("{token}:{nonce}")), &opened.hash)
        .await?
    {
        drop(tx);
        return view(
            &app,
            &fresh(&app, &opened).await?,
            StatusCode::OK,
            Notice::Again,
        )
        .await;
    }
    if form.text("version").parse() != Ok(task.version) {
        drop(tx);
        return view(
            &app,
            &fresh(&app, &opened).await?,
            StatusCode::CONFLICT,
            Notice::Stale,
        )
        .await;
    }
    let seen = as_wished(&tx, task.clone()).await?;
    let approves = opened.link.purpose == Purpose::Approver;
    let reader = opened.reader();
    let actor = Actor {
        kind: ActorKind::Owner,
        name: reader.display_name().to_owned(),
        email: Some(reader.email.clone()),
        via: "link".to_owned(),
    };
    if form.text("action") == "extend" && !approves {
        return extend(&app, tx, &opened, &task, &form, &actor).await;
    }
    let command = match command(&tx, &seen, &form).await? {
        Ok(command) => command,
        Err(text) => {
            drop(tx);
            return view(
                &app,
                &opened,
                StatusCode::UNPROCESSABLE_ENTITY,
                Notice::Wrong(text),
            )
            .await;
        }
    };
    // A link does what it was sent for, whatever a form says.
    if approves != matches!(command, Command::Approve { .. } | Command::Reject { .. }) {
        drop(tx);
        let text = refused(&Refused::State { state: task.state }, zh);
        return view(&app, &opened, StatusCode::CONFLICT, Notice::Wrong(text)).await;
    }
    if let Some((name, media_type, content)) = form.file {
        let file = super::files::Upload {
            name,
            media_type,
            content,
        };
        // Before the command: whoever approves is told which files there are.
        if let Err(why) = super::files::attach(&app, &tx, task.id, file, &actor.name).await? {
            drop(tx);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return view(&app, &opened, status, Notice::Wrong(refused(&why, zh))).await;
        }
    }
    match act_in(&app, &tx, task, &command, &actor).await {
        Ok(_) => {}
        Err(ActError::Refused(why)) => {
            drop(tx);
            let status = match why {
                Refused::State { .. } | Refused::OpenSubTasks { .. } => StatusCode::CONFLICT,
                Refused::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            };
            return view(&app, &opened, status, Notice::Wrong(refused(&why, zh))).await;
        }
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    app.wake_workers();
    if matches!(command, Command::HandOver { .. }) {
        // The link died with the hand-over: say that it worked, not that the link is dead.
        let title = if zh {
            "已转交，谢谢。"
        } else {
            "Handed over, thank you."
        };
        let text = if zh {
            "任务已交给新的责任人，您无需再做什么。"
        } else {
            "The task has a new owner; there is nothing more to do."
        };
        let locale = opened.task.owner.language;
        let html = render(context! { locale => locale.as_str(), zh, dead => true, title, text })?;
        return Ok(page(StatusCode::OK, html));
    }
    view(
        &app,
        &fresh(&app, &opened).await?,
        StatusCode::OK,
        Notice::Done,
    )
    .await
}

/// Mails a link that has expired to whoever it is of, once an hour: only they get it.
async fn send_again(app: &Shared, token: &str) -> Result<Response, Problem> {
    let tx = app.begin().await?;
    let Some(link) = storage::tasks::link(&tx, &hash_secret(token)).await? else {
        return dead(&Dead::Unknown);
    };
    let task = storage::tasks::hold(&tx, link.task_id).await?;
    let Some(task) = task.filter(|t| is_alive(&link, t) && t.state.is_under_way()) else {
        return dead(&Dead::Over);
    };
    let hour = tx.now().timestamp() / 3600;
    let key = format!("task:{}:link:{}:{hour}", task.id, task.assignment);
    let from = (task.assigned_by.name.as_str(), "");
    super::offer::Actions::note(app, &tx, &task, &task.owner, "link", from, key).await?;
    let data = serde_json::json!({"assignment": task.assignment});
    let id = task.id.to_string();
    let (event, kind) = (app.ids.next(), "task.link_asked");
    let actor = Actor {
        kind: ActorKind::Owner,
        name: task.owner.display_name().to_owned(),
        email: Some(task.owner.email.clone()),
        via: "link".to_owned(),
    };
    storage::events::record(&tx, event, "task", &id, kind, &actor, &data).await?;
    tx.commit().await?;
    app.wake_workers();
    let locale = asked_locale();
    let zh = locale == Locale::ZhCn;
    let (title, text) = if zh {
        (
            "邮件已发出",
            "请查看您的邮箱，打开新邮件里的链接，或直接回复它。",
        )
    } else {
        (
            "A mail is on its way",
            "Open the link in the new mail in your mailbox, or simply reply to it.",
        )
    };
    let html = render(context! { locale => locale.as_str(), zh, dead => true, title, text })?;
    Ok(page(StatusCode::OK, html))
}

/// Asks for another due date: whoever assigned the task agrees or not. The end of the working day is meant, as
/// in a reply by mail.
async fn extend(
    app: &Shared,
    tx: storage::Tx,
    opened: &Opened,
    task: &Task,
    form: &Form,
    actor: &Actor,
) -> Result<Response, Problem> {
    let owner = &opened.task.owner;
    let zh = owner.language == Locale::ZhCn;
    let wrong = |text: String| Notice::Wrong(text);
    let day = chrono::NaiveDate::parse_from_str(&form.text("due"), "%Y-%m-%d");
    let comment = form.text("comment");
    let too_long = comment.chars().count() > 20_000;
    let (Ok(day), false) = (day, too_long) else {
        drop(tx);
        let text = match (too_long, zh) {
            (true, true) => "内容太长了。",
            (true, false) => "comment is too long.",
            (false, true) => "请选择希望的完成日期。",
            (false, false) => "Choose the day by which it can be done.",
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return view(app, opened, status, wrong(text.to_owned())).await;
    };
    let six = chrono::NaiveTime::from_hms_opt(18, 0, 0).unwrap_or_default();
    let at = domain::intake::values::in_zone(day.and_time(six), owner.time_zone);
    let cause = format!("page:{}", hash_secret(&form.text("nonce")));
    match super::due::propose_due(app, &tx, task, at, &comment, actor, &cause).await {
        Ok(()) => {
            tx.commit().await?;
            app.wake_workers();
            view(
                app,
                &fresh(app, opened).await?,
                StatusCode::OK,
                Notice::Done,
            )
            .await
        }
        Err(ActError::Refused(why)) => {
            drop(tx);
            let (status, text) = match why {
                Refused::State { .. } | Refused::OpenSubTasks { .. } => {
                    (StatusCode::CONFLICT, refused(&why, zh))
                }
                Refused::Field {
                    code: "unchanged", ..
                } => (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    if zh {
                        "这就是现在的截止时间。".to_owned()
                    } else {
                        "That is when it is due already.".to_owned()
                    },
                ),
                Refused::Field { .. } if zh => (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "请选择今天以后、两年以内的日期。".to_owned(),
                ),
                Refused::Field { .. } => (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "Choose a day that is ahead, within two years.".to_owned(),
                ),
            };
            view(app, opened, status, wrong(text)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn fresh(app: &Shared, opened: &Opened) -> Result<Opened, Problem> {
    let task = storage::tasks::get(&app.db, opened.task.id)
        .await?
        .unwrap_or_else(|| opened.task.clone());
    let task = as_wished(&app.db, task).await?;
    Ok(Opened {
        token: opened.token.clone(),
        task,
        link: opened.link.clone(),
        hash: opened.hash.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::serde_html_form;

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let pairs = serde_html_form("a=1+2&b=%E5%A5%BD%0D%0A&c&d=%zz&e=%".as_bytes());
        let expected = [
            ("a", "1 2"),
            ("b", "好\r\n"),
            ("c", ""),
            ("d", "%zz"),
            ("e", "%"),
        ];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
