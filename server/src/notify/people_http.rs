//! What people want of mails, and what mails look like, over HTTP.

use super::held::reconsider;
use crate::app::Shared;
use crate::http::{Body, Caller, Code, List, Params, Problem, Result, Segment};
use crate::mail::{Letter, Recipient, Role, Shown, preference, render, samples};
use axum::Json;
use axum::extract::State;
use domain::identity::Operation;
use domain::mail::schedule::Preference;
use domain::organisation::{Locale, is_email};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read_preference, set_preference))
        .routes(routes!(templates))
        .routes(routes!(preview))
        .routes(routes!(try_out))
}

fn address(text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    if is_email(&email) {
        Ok(email)
    } else {
        Err(Problem::not_found("address"))
    }
}

/// How often and when a person gets mails; whoever never said gets each at once.
#[utoipa::path(get, path = "/mail/people/{email}", tag = "mail", params(("email" = String, Path)),
    responses((status = 200, body = Preference)), security(("bearer" = ["read_outbox"])))]
async fn read_preference(
    State(app): State<Shared>,
    caller: Caller,
    Segment(email): Segment<String>,
) -> Result<Json<Preference>> {
    caller.may(Operation::ReadOutbox)?;
    Ok(Json(preference(&app.db, &address(&email)?).await?))
}

/// Sets how often and when a person gets mails: at once, hourly, daily; quiet hours. What the former wish held
/// is decided anew.
#[utoipa::path(put, path = "/mail/people/{email}", tag = "mail", params(("email" = String, Path)),
    request_body = Preference, responses((status = 200, body = Preference)),
    security(("bearer" = ["manage_organisation"])))]
async fn set_preference(
    State(app): State<Shared>,
    caller: Caller,
    Segment(email): Segment<String>,
    Body(wish): Body<Preference>,
) -> Result<Json<Preference>> {
    caller.may(Operation::ManageOrganisation)?;
    let email = address(&email)?;
    wish.check()
        .map_err(|wrong| Problem::field(wrong.field, "out_of_range", wrong.detail))?;
    let tx = app.begin().await?;
    let data = serde_json::to_value(&wish).unwrap_or_default();
    storage::notify::set_person(&tx, &email, &data).await?;
    reconsider(&app, &tx, &email).await?;
    storage::events::record(
        &tx,
        app.ids.next(),
        "address",
        &app.hash(email.as_bytes()),
        "address.preference_set",
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(Json(wish))
}

/// A kind of mail.
#[derive(Serialize, ToSchema)]
struct Template {
    /// Stable name.
    name: String,
    /// Subject of its sample, in the caller's language.
    subject: String,
}

fn locale(asked: Option<&str>) -> Result<Locale> {
    match asked {
        None | Some("zh-CN") => Ok(Locale::ZhCn),
        Some("en") => Ok(Locale::En),
        Some(_) => Err(Problem::query("language", "unknown", "zh-CN or en")),
    }
}

/// A rendered sample, with marks that lead nowhere.
fn sample(app: &Shared, letter: &Letter, to: &Recipient) -> Result<crate::mail::Rendered> {
    let shown = letter.thread().map(|_| Shown {
        tag: "SAMPLE0000".to_owned(),
        token: app
            .mail_in
            .as_ref()
            .map(|_| "BH-00000-00000-00000-00000".to_owned()),
        role: Some(match letter {
            Letter::ApprovalAsked { .. } => Role::Approver,
            Letter::TaskAnswer { .. } => Role::Assigner,
            _ => Role::Owner,
        }),
        due_at: None,
        track: Default::default(),
    });
    render(letter, to, &app.config.public_url, shown.as_ref()).map_err(|error| {
        tracing::error!(error = %error, "a sample cannot be made");
        Problem::from(Code::Internal)
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LanguageQuery {
    /// `zh-CN` (default) or `en`.
    language: Option<String>,
}

/// Every kind of mail that goes out.
#[utoipa::path(get, path = "/mail/templates", tag = "mail", params(LanguageQuery),
    responses((status = 200, body = List<Template>)), security(("bearer" = ["read_outbox"])))]
async fn templates(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<LanguageQuery>,
) -> Result<Json<List<Template>>> {
    caller.may(Operation::ReadOutbox)?;
    let to = samples::reader(locale(query.language.as_deref())?);
    let items = samples::all()
        .into_iter()
        .map(|(name, letter)| {
            Ok(Template {
                name: name.to_owned(),
                subject: sample(&app, &letter, &to)?.subject,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Json(List {
        items,
        next_cursor: None,
    }))
}

/// A mail as its reader would see it.
#[derive(Serialize, ToSchema)]
#[schema(as = MailPreview)]
struct Preview {
    subject: String,
    text: String,
    html: String,
}

/// A sample of one kind of mail.
#[utoipa::path(get, path = "/mail/templates/{key}", tag = "mail", params(("key" = String, Path), LanguageQuery),
    responses((status = 200, body = Preview)), security(("bearer" = ["read_outbox"])))]
async fn preview(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Params(query): Params<LanguageQuery>,
) -> Result<Json<Preview>> {
    caller.may(Operation::ReadOutbox)?;
    let to = samples::reader(locale(query.language.as_deref())?);
    let Some((_, letter)) = samples::all().into_iter().find(|(name, _)| *name == key) else {
        return Err(Problem::not_found("template"));
    };
    let rendered = sample(&app, &letter, &to)?;
    Ok(Json(Preview {
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
    }))
}

/// A trial.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailTrial)]
struct Trial {
    /// Where it goes.
    to: String,
    /// `zh-CN` (default) or `en`.
    language: Option<String>,
    /// Send the sample of this template; without it, a short test mail.
    template: Option<String>,
}

/// What was written into the outbox.
#[derive(Serialize, ToSchema)]
struct Written {
    /// The delivery: see the outbox for what became of it.
    delivery_id: String,
}

/// Sends a test mail through the outbox, as every other mail goes.
#[utoipa::path(post, path = "/mail/trial", tag = "mail", request_body = Trial,
    responses((status = 200, body = Written)), security(("bearer" = ["manage_access"])))]
async fn try_out(
    State(app): State<Shared>,
    caller: Caller,
    Body(trial): Body<Trial>,
) -> Result<Json<Written>> {
    caller.may(Operation::ManageAccess)?;
    let email = trial.to.trim().to_lowercase();
    if !is_email(&email) {
        return Err(Problem::field("to", "invalid", "not an e-mail address"));
    }
    let language = match trial.language.as_deref() {
        None | Some("zh-CN") => Locale::ZhCn,
        Some("en") => Locale::En,
        Some(_) => return Err(Problem::field("language", "unknown", "zh-CN or en")),
    };
    let to = Recipient {
        name: email.split('@').next().unwrap_or_default().to_owned(),
        email,
        language,
        time_zone: storage::organisation::organisation(&app.db).await?.zone,
    };
    let known = |name: &String| samples::all().iter().any(|(n, _)| n == name);
    if trial.template.as_ref().is_some_and(|name| !known(name)) {
        return Err(Problem::field("template", "unknown", "no such template"));
    }
    let letter = Letter::Trial {
        by: caller.actor.name.clone(),
        template: trial.template,
    };
    let tx = app.begin().await?;
    let id = app.ids.next();
    let key = format!("trial:{id}");
    let delivery = crate::mail::delivery(id, &to, &letter, key.clone(), key, tx.now());
    crate::mail::enqueue(&app, &tx, &delivery).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(Json(Written {
        delivery_id: delivery.id,
    }))
}
