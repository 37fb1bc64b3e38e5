//! Log-in, users, tokens.

use super::service;
use crate::app::Shared;
use crate::http::caller::{cookie_name, session_token};
use crate::http::{Body, Caller, Code, List, Problem, Result, Segment};
use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::identity::{Operation, Role};
use serde::{Deserialize, Serialize};
use storage::access::{Account, Token};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(open_session, read_session, close_session))
        .routes(routes!(list_users, create_user))
        .routes(routes!(update_user))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(delete_token))
}

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

/// Who is logged in, and what the console needs to know.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    user: SessionUser,
    /// Writes carry it in `X-CSRF-Token`.
    csrf_token: String,
    organisation: SessionOrganisation,
    mail: MailState,
    /// Version of the server.
    version: String,
}

#[derive(Serialize, ToSchema)]
struct SessionUser {
    id: String,
    email: String,
    name: String,
    role: String,
    department: Option<String>,
    language: String,
}

#[derive(Serialize, ToSchema)]
struct SessionOrganisation {
    name: String,
    zone: String,
    locale: String,
}

/// Whether mails leave this machine.
#[derive(Serialize, ToSchema)]
struct MailState {
    leaves_machine: bool,
    /// `smtp` or `mailbox`.
    transport: String,
}

async fn view(app: &Shared, account: &Account, csrf_token: String) -> Result<Json<SessionView>> {
    let organisation = storage::organisation::organisation(&app.db).await?;
    let leaves = app.config.mail_leaves_machine();
    Ok(Json(SessionView {
        user: SessionUser {
            id: account.id.clone(),
            email: account.email.clone(),
            name: account.name.clone(),
            role: account.role.as_str().to_owned(),
            department: account.department.clone(),
            language: account.language.clone(),
        },
        csrf_token,
        organisation: SessionOrganisation {
            name: organisation.name,
            zone: organisation.zone.name().to_owned(),
            locale: organisation.locale.as_str().to_owned(),
        },
        mail: MailState {
            leaves_machine: leaves,
            transport: if leaves { "smtp" } else { "mailbox" }.to_owned(),
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

fn set_cookie(app: &Shared, value: &str, max_age: i64) -> Result<HeaderValue> {
    let name = cookie_name(&app.config.public_url);
    let secure = if app.config.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Code::Internal.into())
}

/// Logs in.
#[utoipa::path(post, path = "/session", request_body = Credentials, tag = "session",
    responses((status = 200, body = SessionView)), security(()))]
async fn open_session(
    State(app): State<Shared>,
    parts: Parts,
    Body(credentials): Body<Credentials>,
) -> Result<Response> {
    let site = parts
        .headers
        .get("sec-fetch-site")
        .and_then(|v| v.to_str().ok());
    if site.is_some_and(|s| !matches!(s, "same-origin" | "none")) {
        return Err(Code::CsrfRefused.into());
    }
    // A fresh session at every log-in: a planted one is worth nothing.
    if let Some(old) = session_token(&parts, &app.config.public_url) {
        service::log_out(&app, &old).await?;
    }
    let login = service::log_in(&app, &credentials.email, &credentials.password).await?;
    let cookie = set_cookie(&app, &login.token, 12 * 3600)?;
    let mut response = view(&app, &login.account, login.session.csrf_token)
        .await?
        .into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Who is logged in.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = SessionView)),
    security(("bearer" = ["use_session"])))]
async fn read_session(State(app): State<Shared>, caller: Caller) -> Result<Json<SessionView>> {
    caller.may(Operation::UseSession)?;
    match (&caller.account, caller.csrf_token) {
        (Some(account), Some(csrf)) => view(&app, account, csrf).await,
        _ => {
            let account = Account {
                id: String::new(),
                email: String::new(),
                name: caller.actor.name,
                role: caller.role,
                department: None,
                language: "zh-CN".to_owned(),
                password_hash: String::new(),
                created_at: app.now(),
                disabled: false,
                version: 1,
            };
            view(&app, &account, String::new()).await
        }
    }
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)),
    security(("bearer" = ["use_session"])))]
async fn close_session(
    State(app): State<Shared>,
    caller: Caller,
    parts: Parts,
) -> Result<Response> {
    caller.may(Operation::UseSession)?;
    if let Some(token) = session_token(&parts, &app.config.public_url) {
        service::log_out(&app, &token).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, set_cookie(&app, "", 0)?);
    Ok(response)
}

/// A person with an account.
#[derive(Serialize, ToSchema)]
struct User {
    id: String,
    email: String,
    name: String,
    role: String,
    department: Option<String>,
    language: String,
    disabled: bool,
    created_at: DateTime<Utc>,
    version: i64,
}

impl From<Account> for User {
    fn from(a: Account) -> Self {
        Self {
            id: a.id,
            email: a.email,
            name: a.name,
            role: a.role.as_str().to_owned(),
            department: a.department,
            language: a.language,
            disabled: a.disabled,
            created_at: a.created_at,
            version: a.version,
        }
    }
}

/// A person who gets an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    email: String,
    #[serde(default)]
    name: String,
    role: String,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    language: Option<String>,
    password: String,
}

fn role(name: &str) -> Result<Role> {
    Role::parse(name).ok_or_else(|| Problem::field("role", "unknown", "no such role"))
}

fn language(name: Option<&str>) -> Result<String> {
    match name.unwrap_or("zh-CN") {
        known @ ("zh-CN" | "en") => Ok(known.to_owned()),
        _ => Err(Problem::field("language", "unknown", "zh-CN or en")),
    }
}

/// All accounts.
#[utoipa::path(get, path = "/users", tag = "access", responses((status = 200, body = List<User>)),
    security(("bearer" = ["manage_access"])))]
async fn list_users(State(app): State<Shared>, caller: Caller) -> Result<Json<List<User>>> {
    caller.may(Operation::ManageAccess)?;
    let accounts = storage::access::accounts(&app.db).await?;
    Ok(List::whole(accounts.into_iter().map(User::from).collect()))
}

/// Makes an account.
#[utoipa::path(post, path = "/users", request_body = NewUser, tag = "access",
    responses((status = 201, body = User)), security(("bearer" = ["manage_access"])))]
async fn create_user(
    State(app): State<Shared>,
    caller: Caller,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<User>)> {
    caller.may(Operation::ManageAccess)?;
    let role = role(&new.role)?;
    if role == Role::DepartmentOwner && new.department.is_none() {
        return Err(Problem::field(
            "department",
            "required",
            "a department owner needs a department",
        ));
    }
    let language = language(new.language.as_deref())?;
    let account = service::new_account(
        &app,
        &new.email,
        &new.name,
        role,
        new.department,
        &language,
        &new.password,
    )
    .await?;
    Ok((StatusCode::CREATED, Json(account.into())))
}

/// What can be changed of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    disabled: Option<bool>,
}

/// Changes an account; its sessions end.
#[utoipa::path(put, path = "/users/{id}", request_body = UserChange, tag = "access",
    params(("id" = String, Path)), responses((status = 200, body = User)),
    security(("bearer" = ["manage_access"])))]
async fn update_user(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    Body(change): Body<UserChange>,
) -> Result<Json<User>> {
    caller.may(Operation::ManageAccess)?;
    let Some(mut account) = storage::access::account(&app.db, &id).await? else {
        return Err(Problem::not_found("user"));
    };
    if let Some(name) = change.name {
        account.name = name.chars().take(120).collect();
    }
    if let Some(name) = &change.role {
        account.role = role(name)?;
    }
    if change.department.is_some() {
        account.department = change.department;
    }
    if change.language.is_some() {
        account.language = language(change.language.as_deref())?;
    }
    if let Some(password) = &change.password {
        account.password_hash = service::set_password(&account.email, password).await?;
    }
    if let Some(disabled) = change.disabled {
        account.disabled = disabled;
    }
    let tx = app.begin().await?;
    let admins = storage::access::accounts(&tx).await?;
    let others = admins
        .iter()
        .filter(|a| a.id != id && a.role == Role::Admin && !a.disabled)
        .count();
    let was = admins
        .iter()
        .any(|a| a.id == id && a.role == Role::Admin && !a.disabled);
    if was && others == 0 && (account.disabled || account.role != Role::Admin) {
        return Err(Code::LastAdmin.into());
    }
    storage::access::update_account(&tx, &account).await?;
    tx.commit().await?;
    account.version += 1;
    Ok(Json(account.into()))
}

/// An API token, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
struct TokenView {
    id: String,
    name: String,
    role: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    /// The secret itself: only in the answer to its making, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl TokenView {
    fn new(t: Token, token: Option<String>) -> Self {
        Self {
            id: t.id,
            name: t.name,
            role: t.role.as_str().to_owned(),
            scopes: t.scopes,
            created_at: t.created_at,
            expires_at: t.expires_at,
            last_used_at: t.last_used_at,
            token,
        }
    }
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    role: String,
    /// Operations it is limited to; empty: all of its role.
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
}

/// All tokens.
#[utoipa::path(get, path = "/tokens", tag = "access", responses((status = 200, body = List<TokenView>)),
    security(("bearer" = ["manage_access"])))]
async fn list_tokens(State(app): State<Shared>, caller: Caller) -> Result<Json<List<TokenView>>> {
    caller.may(Operation::ManageAccess)?;
    let tokens = storage::access::tokens(&app.db).await?;
    Ok(List::whole(
        tokens
            .into_iter()
            .map(|t| TokenView::new(t, None))
            .collect(),
    ))
}

/// Makes a token; its secret is shown once.
#[utoipa::path(post, path = "/tokens", request_body = NewToken, tag = "access",
    responses((status = 201, body = TokenView)), security(("bearer" = ["manage_access"])))]
async fn create_token(
    State(app): State<Shared>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenView>)> {
    caller.may(Operation::ManageAccess)?;
    let role = role(&new.role)?;
    if new.name.trim().is_empty() || new.name.chars().count() > 120 {
        return Err(Problem::field("name", "invalid", "1 to 120 characters"));
    }
    if let Some(n) = new
        .scopes
        .iter()
        .position(|s| Operation::parse(s).is_none())
    {
        return Err(Problem::field(
            format!("scopes[{n}]"),
            "unknown",
            "no such scope",
        ));
    }
    let (token, secret) =
        service::new_token(&app, new.name.trim(), role, new.scopes, new.expires_at).await?;
    Ok((
        StatusCode::CREATED,
        Json(TokenView::new(token, Some(secret))),
    ))
}

/// Ends a token.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "access", params(("id" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_access"])))]
async fn delete_token(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManageAccess)?;
    let tx = app.begin().await?;
    if !storage::access::delete_token(&tx, &id).await? {
        return Err(Problem::not_found("token"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
