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
use domain::organisation::{Department, Locale};
use domain::tasks::{Change, Command, Refused, Task, may};
use minijinja::context;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use storage::tasks::{Attachment, Link};

/// Bytes of an attached file.
const FILE_LIMIT: usize = 10 * 1024 * 1024;

/// The pages' routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/a/{token}", get(show).post(submit))
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
    task: Task,
    link: Link,
    hash: String,
}

/// Why a link does not open.
pub(crate) enum Dead {
    /// Nobody was ever sent it.
    Unknown,
    /// It has expired, or somebody else has the matter now.
    Over,
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
    let mine = link.assignment == task.assignment && link.email == task.owner.email;
    if link.revoked_at.is_some() || link.expires_at <= app.now() || !mine {
        return Ok(Err(Dead::Over));
    }
    Ok(Ok(Opened { task, link, hash }))
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
    };
    let html = render(context! { locale => locale.as_str(), zh, dead => true, title, text })?;
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
    let locale = task.owner.language;
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
        at.with_timezone(&task.owner.time_zone)
            .format("%Y-%m-%d %H:%M")
            .to_string()
    };
    let actions: Vec<_> = [
        ("accept", Change::Accept),
        ("progress", Change::Report),
        ("complete", Change::Complete),
        ("ask", Change::Ask),
        ("snooze", Change::Snooze),
        ("hand_over", Change::HandOver),
        ("decline", Change::Decline),
    ]
    .into_iter()
    .filter(|(name, change)| {
        may(task.state, *change)
            && (*name != "hand_over" || !others.is_empty())
            && (*name != "snooze" || task.due_at > app.now())
    })
    .map(|(name, _)| context! { name, nonce => random_token() })
    .collect();
    let html = render(context! {
        locale => locale.as_str(),
        zh,
        dead => false,
        notice_kind => kind,
        notice => text,
        title => task.title.clone(),
        state => state_name(task.state, zh),
        due => local(task.due_at),
        due_rule => due_rule.as_ref().map(|r| r.get(locale).to_owned()),
        standing => task.stands_since().is_some(),
        zone => task.owner.time_zone.name(),
        owner => task.owner.display_name(),
        on_behalf_of => task.on_behalf_of.clone(),
        snoozed => task.snoozed_until.filter(|at| *at > app.now()).map(local),
        due_day => local(task.due_at)[..10].to_owned(),
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
        Refused::Field { field, code, .. } => {
            let name = match (*field, zh) {
                ("reason", true) => "原因",
                ("solution", true) => "解决办法",
                ("comment", true) => "内容",
                ("percent", true) => "进度",
                ("effective_at", true) => "上线时间",
                ("until", true) => "提醒时间",
                (other, _) => other,
            };
            match (*code, zh) {
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
        Err(reason) => return dead(&reason),
    };
    let zh = opened.task.owner.language == Locale::ZhCn;
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
    let tx = app.begin().await?;
    // Read again inside the transaction: somebody may have acted in between.
    let Some(task) = storage::tasks::get(&tx, opened.task.id).await? else {
        return dead(&Dead::Unknown);
    };
    let link = storage::tasks::link(&tx, &opened.hash).await?;
    let alive = link.is_some_and(|l| {
        l.revoked_at.is_none() && l.assignment == task.assignment && l.email == task.owner.email
    });
    if !alive {
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
    let command = match command(&tx, &task, &form).await? {
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
    let actor = Actor {
        kind: ActorKind::Owner,
        name: task.owner.display_name().to_owned(),
        email: Some(task.owner.email.clone()),
        via: "link".to_owned(),
    };
    let id = task.id;
    match act_in(&app, &tx, task, &command, &actor).await {
        Ok(_) => {}
        Err(ActError::Refused(why)) => {
            drop(tx);
            let status = match why {
                Refused::State { .. } => StatusCode::CONFLICT,
                Refused::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            };
            return view(&app, &opened, status, Notice::Wrong(refused(&why, zh))).await;
        }
        Err(error) => return Err(error.into()),
    }
    if let Some((name, media_type, content)) = form.file {
        let file = Attachment {
            id: app.ids.next().to_string(),
            name,
            media_type,
            content,
        };
        storage::tasks::attach(&tx, id, &file).await?;
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

async fn fresh(app: &Shared, opened: &Opened) -> Result<Opened, Problem> {
    let task = storage::tasks::get(&app.db, opened.task.id)
        .await?
        .unwrap_or_else(|| opened.task.clone());
    Ok(Opened {
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
