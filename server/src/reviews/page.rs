//! Pages of review tickets: what their person sees and does from the mail, without an account.
//!
//! The rules are those of the pages of tasks: GET and HEAD show and never act, a POST acts once, a link
//! is of one person and ends, and dies when somebody else gets the ticket. Every use is in the history.

use super::service::{act, reader};
use crate::app::{App, Shared};
use crate::http::{Code, Problem};
use crate::identity::{hash_secret, random_token};
use crate::mail::Recipient;
use crate::tasks::page::{Dead, Form, PAGE, asked_locale, is_token, page, read};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::identity::{Actor, ActorKind};
use domain::organisation::{Bilingual, Locale, Topic};
use domain::reviews::{Command, Outcome, State as Stage, Ticket};
use minijinja::context;
use std::sync::LazyLock;
use storage::reviews::Link;
use storage::{DbError, Read, Tx};

/// Bytes of a form: three texts of 4000 characters, as browsers write them, and no file.
const LIMIT: usize = 256 * 1024;
/// Days after its mail that a link opens.
const DAYS: i64 = 30;

/// The pages' routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/r/{token}", get(show).post(submit))
        .layer(DefaultBodyLimit::max(LIMIT))
}

static ENVIRONMENT: LazyLock<minijinja::Environment<'static>> = LazyLock::new(|| {
    let mut environment = minijinja::Environment::new();
    let head = PAGE.split("<body>").next().unwrap_or_default();
    let source = format!("{head}{}", include_str!("page.html"));
    if let Err(error) = environment.add_template_owned("page.html", source) {
        tracing::error!(error = %error, "the page of review tickets does not parse");
    }
    environment
});

/// The token of the link that one person gets for one ticket: the same whenever it is asked for; only
/// its hash is stored.
fn link_token(app: &App, ticket: &Ticket) -> String {
    let input = format!("review-link:{}:{}", ticket.id, ticket.owner_email);
    URL_SAFE_NO_PAD.encode(blake3::keyed_hash(&app.key, input.as_bytes()).as_bytes())
}

/// Lets the ticket's person work on it without an account; answers the path of its page.
pub(super) async fn invite(app: &App, tx: &Tx, ticket: &Ticket) -> Result<String, DbError> {
    let token = link_token(app, ticket);
    let link = Link {
        ticket: ticket.id,
        email: ticket.owner_email.clone(),
        expires_at: tx.now() + TimeDelta::days(DAYS),
        revoked_at: None,
    };
    storage::reviews::insert_link(tx, &hash_secret(&token), &link).await?;
    Ok(format!("/r/{token}"))
}

struct Opened {
    ticket: Ticket,
    person: Recipient,
    hash: String,
}

async fn open(app: &App, db: &impl Read, token: &str) -> Result<Result<Opened, Dead>, Problem> {
    if !is_token(token) {
        return Ok(Err(Dead::Unknown));
    }
    let hash = hash_secret(token);
    let Some(link) = storage::reviews::link(db, &hash).await? else {
        return Ok(Err(Dead::Unknown));
    };
    let Some(ticket) = storage::reviews::get(db, link.ticket).await? else {
        return Ok(Err(Dead::Unknown));
    };
    let mine = link.email == ticket.owner_email;
    if link.revoked_at.is_some() || link.expires_at <= app.now() || !mine {
        return Ok(Err(Dead::Over));
    }
    let person = reader(db, &ticket.owner_email).await?;
    Ok(Ok(Opened {
        ticket,
        person,
        hash,
    }))
}

fn render(values: minijinja::Value) -> Result<String, Problem> {
    ENVIRONMENT
        .get_template("page.html")
        .and_then(|t| t.render(values))
        .map_err(|error| {
            tracing::error!(error = %error, "the page of a review ticket cannot be made");
            Code::Internal.into()
        })
}

fn dead(why: &Dead) -> Result<Response, Problem> {
    let locale = asked_locale();
    let (status, title, text) = match why {
        Dead::Unknown => (
            StatusCode::NOT_FOUND,
            Bilingual::new("链接无效", "This link is not valid"),
            Bilingual::new(
                "链接可能没有复制完整。请从邮件里重新打开。",
                "It may have been copied incompletely. Open it from the mail again.",
            ),
        ),
        Dead::Over | Dead::Late => (
            StatusCode::GONE,
            Bilingual::new("链接已失效", "This link is no longer valid"),
            Bilingual::new(
                "工单已交给其他人，或链接已过期。您无需再做什么。",
                "The ticket went to somebody else, or the link has expired. There is nothing to do.",
            ),
        ),
    };
    let html = render(context! {
        locale => locale.as_str(), zh => locale == Locale::ZhCn, dead => true,
        title => title.get(locale), text => text.get(locale),
    })?;
    Ok(page(status, html))
}

fn stage(state: Stage) -> Bilingual {
    let (zh, en) = match state {
        Stage::Open => ("待分析", "waits for its analysis"),
        Stage::Analysed => ("已分析，待回访", "analysed, to be called back"),
        Stage::CalledBack => ("已回访", "called back"),
        Stage::Closed => ("已关闭", "closed"),
    };
    Bilingual::new(zh, en)
}

const OUTCOMES: [(Outcome, &str, &str, &str); 5] = [
    (
        Outcome::Recovered,
        "recovered",
        "客户已满意",
        "the customer is content",
    ),
    (
        Outcome::Explained,
        "explained",
        "已解释或道歉",
        "explained or apologised",
    ),
    (Outcome::Compensated, "compensated", "已补偿", "compensated"),
    (
        Outcome::NotReached,
        "not_reached",
        "联系不上",
        "could not be reached",
    ),
    (
        Outcome::NotOurs,
        "not_ours",
        "与我们的服务无关",
        "not about our service",
    ),
];

/// What stands above the ticket: how it is marked, and the sentence.
type Notice = Option<(&'static str, Bilingual)>;

async fn view(
    app: &App,
    opened: &Opened,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Problem> {
    let Opened { ticket, person, .. } = opened;
    let locale = person.language;
    let zone = person.time_zone;
    let voice = storage::feedback::get(&app.db, ticket.feedback).await?;
    let topics: Vec<Topic> = storage::organisation::all(&app.db).await?;
    let topic = crate::issues::topic_name(&ticket.topic, &topics);
    let local =
        |at: domain::clock::Timestamp| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    // The next step first: it stands open.
    let order: &[&str] = match ticket.state {
        Stage::Open => &["analyse", "call_back", "close"],
        Stage::Analysed => &["call_back", "analyse", "close"],
        Stage::CalledBack => &["close", "analyse", "call_back"],
        Stage::Closed => &[],
    };
    let outcome = ticket.outcome.and_then(|known| {
        let named = OUTCOMES.iter().find(|o| o.0 == known)?;
        Some(Bilingual::new(named.2, named.3))
    });
    let title = Bilingual::new(
        format!("服务回溯：{}", topic.zh),
        format!("Review: {}", topic.en),
    );
    let html = render(context! {
        locale => locale.as_str(),
        zh => locale == Locale::ZhCn,
        dead => false,
        notice_kind => notice.as_ref().map(|n| n.0),
        notice => notice.as_ref().map(|n| n.1.get(locale)),
        title => title.get(locale),
        state => stage(ticket.state).get(locale),
        reason => ticket.reason.sentence().get(locale),
        channel => ticket.channel.clone(),
        occurred => voice.as_ref().and_then(|v| v.feedback.occurred_at).map(local),
        owner => person.name.clone(),
        words => voice.map(|v| v.feedback.text).unwrap_or_default(),
        gathered => ticket.gathered.len(),
        cause => ticket.cause.clone(),
        analysis => ticket.analysis.clone(),
        calls => ticket.calls.iter().map(|c| {
            let reached = if c.reached { Bilingual::new("已联系上", "reached") } else { Bilingual::new("未联系上", "not reached") };
            context! { at => local(c.at), reached => reached.get(locale), by => c.by.clone(), text => c.text.clone() }
        }).collect::<Vec<_>>(),
        outcome => outcome.as_ref().map(|o| o.get(locale)),
        actions => order.iter().map(|name| context! { name => *name, nonce => random_token() }).collect::<Vec<_>>(),
        outcomes => OUTCOMES.iter().map(|(_, key, zh, en)| context! { key => *key, name => Bilingual::new(*zh, *en).get(locale) }).collect::<Vec<_>>(),
        version => ticket.version,
    })?;
    Ok(page(status, html))
}

/// Shows the ticket. Changes nothing, however often and by whomever it is called.
async fn show(State(app): State<Shared>, Path(token): Path<String>) -> Result<Response, Problem> {
    match open(&app, &app.db, &token).await? {
        Ok(opened) => view(&app, &opened, StatusCode::OK, None).await,
        Err(why) => dead(&why),
    }
}

fn command(form: &Form) -> Option<Command> {
    let text = form.text("text");
    Some(match form.text("action").as_str() {
        "analyse" => Command::Analyse {
            cause: form.text("cause"),
            text,
        },
        "call_back" => Command::CallBack {
            reached: form.text("reached") == "yes",
            text,
        },
        "close" => Command::Close {
            outcome: OUTCOMES.iter().find(|o| o.1 == form.text("outcome"))?.0,
            text,
        },
        _ => return None,
    })
}

/// Acts, once.
async fn submit(
    State(app): State<Shared>,
    Path(token): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let opened = match open(&app, &app.db, &token).await? {
        Ok(opened) => opened,
        Err(why) => return dead(&why),
    };
    let incomplete = || {
        let text = Bilingual::new(
            "表单不完整，请刷新页面再试。",
            "The form is incomplete; reload the page and try again.",
        );
        Some(("wrong", text))
    };
    let Ok(form) = read(&app, request).await else {
        return view(&app, &opened, StatusCode::BAD_REQUEST, incomplete()).await;
    };
    let tx = app.begin().await?;
    // Read again inside the transaction: somebody may have acted in between.
    let opened = match open(&app, &tx, &token).await? {
        Ok(opened) => opened,
        Err(why) => return dead(&why),
    };
    let nonce = form.text("nonce");
    let (true, Some(command)) = (is_token(&nonce), command(&form)) else {
        drop(tx);
        return view(&app, &opened, StatusCode::BAD_REQUEST, incomplete()).await;
    };
    let used = hash_secret(&format!("{token}:{nonce}"));
    if !storage::tasks::use_form(&tx, &used, &opened.hash).await? {
        drop(tx);
        let text = Bilingual::new(
            "这一步之前已经完成，没有重复执行。",
            "This was done before; nothing was done twice.",
        );
        return view(&app, &opened, StatusCode::OK, Some(("again", text))).await;
    }
    if form.text("version").parse() != Ok(opened.ticket.version) {
        drop(tx);
        let text = Bilingual::new(
            "工单在此期间有变化，下面是最新状态。",
            "The ticket changed meanwhile; this is its present state.",
        );
        return view(&app, &opened, StatusCode::CONFLICT, Some(("again", text))).await;
    }
    let actor = Actor {
        kind: ActorKind::Owner,
        name: opened.person.name.clone(),
        email: Some(opened.person.email.clone()),
        via: "link".to_owned(),
    };
    match act(&app, &tx, opened.ticket.clone(), &command, &actor, None).await {
        Ok(ticket) => {
            tx.commit().await?;
            app.wake_workers();
            let text = Bilingual::new("已收到，谢谢。", "Got it, thank you.");
            let now = Opened { ticket, ..opened };
            view(&app, &now, StatusCode::OK, Some(("done", text))).await
        }
        Err(problem) if problem.code.status().is_client_error() => {
            drop(tx);
            let status = problem.code.status();
            let said = problem
                .errors
                .first()
                .map_or_else(|| problem.sentence(), |e| e.detail.clone());
            let text = Bilingual::new(said.clone(), said);
            view(&app, &opened, status, Some(("wrong", text))).await
        }
        Err(problem) => Err(problem),
    }
}
