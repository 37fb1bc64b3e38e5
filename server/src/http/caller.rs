//! Who calls: a token, a session, or nobody.

use super::{Code, Problem};
use crate::app::Shared;
use crate::identity;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, header};
use domain::identity::{Actor, ActorKind, Operation, Role, allows};

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// For the history.
    pub actor: Actor,
    /// What they may do at most.
    pub role: Role,
    /// Operations a token is limited to; empty: all of its role.
    pub scopes: Vec<Operation>,
    /// The department of a department owner.
    pub department: Option<String>,
    /// The account, when a person has logged in.
    pub account: Option<storage::access::Account>,
    /// What writes of this session must carry.
    pub csrf_token: Option<String>,
}

impl Caller {
    /// Refuses what this caller may not do.
    pub fn may(&self, operation: Operation) -> Result<(), Problem> {
        let scoped = self.scopes.is_empty()
            || self.scopes.contains(&operation)
            || operation == Operation::UseSession;
        if allows(self.role, operation) && scoped {
            Ok(())
        } else {
            Err(Code::NotAllowed.into())
        }
    }

    /// Whether a department's tasks are this caller's to see. Others do not exist for them.
    #[must_use]
    pub fn sees_department(&self, department: &str) -> bool {
        self.role != Role::DepartmentOwner || self.department.as_deref() == Some(department)
    }

    /// A token that is not in the database.
    fn token(name: &str, role: Role, scopes: Vec<Operation>) -> Self {
        Self {
            actor: Actor {
                kind: ActorKind::User,
                name: name.to_owned(),
                email: None,
                via: "api".to_owned(),
            },
            role,
            scopes,
            department: None,
            account: None,
            csrf_token: None,
        }
    }
}

/// The name of the session's cookie. `__Host-` and `Secure` need https; a LAN without certificates
/// must work too.
#[must_use]
pub fn cookie_name(public_url: &str) -> &'static str {
    if public_url.starts_with("https://") {
        "__Host-bihuan"
    } else {
        "bihuan"
    }
}

fn cookie<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .find_map(|line| {
            line.split(';').find_map(|pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key == name).then_some(value)
            })
        })
}

/// The session token of a request, whether or not it is valid.
#[must_use]
pub fn session_token(parts: &Parts, public_url: &str) -> Option<String> {
    cookie(parts, cookie_name(public_url)).map(str::to_owned)
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            let token = value
                .to_str()
                .ok()
                .and_then(|v| v.split_once(' '))
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, token)| token.trim());
            return match token {
                Some(token) => bearer(app, token).await,
                None => Err(Code::NotAuthenticated.into()),
            };
        }
        let Some(token) = session_token(parts, &app.config.public_url) else {
            return Err(Code::NotAuthenticated.into());
        };
        let Some((account, session)) = identity::resume(app, &token).await? else {
            return Err(Code::NotAuthenticated.into());
        };
        if !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
            let same = header("sec-fetch-site").is_none_or(|s| matches!(s, "same-origin" | "none"));
            let sent = header("x-csrf-token").unwrap_or_default();
            if !same || !identity::equal(sent, &session.csrf_token) {
                return Err(Code::CsrfRefused.into());
            }
        }
        let scopes = Vec::new();
        Ok(Self {
            actor: Actor {
                kind: ActorKind::User,
                name: if account.name.is_empty() {
                    account.email.clone()
                } else {
                    account.name.clone()
                },
                email: Some(account.email.clone()),
                via: "console".to_owned(),
            },
            role: account.role,
            scopes,
            department: account.department.clone(),
            csrf_token: Some(session.csrf_token),
            account: Some(account),
        })
    }
}

async fn bearer(app: &Shared, token: &str) -> Result<Caller, Problem> {
    if app
        .config
        .admin_token
        .as_deref()
        .is_some_and(|t| identity::equal(t, token))
    {
        return Ok(Caller::token("admin token", Role::Admin, Vec::new()));
    }
    let Some(found) = identity::token(app, token).await? else {
        return Err(Code::NotAuthenticated.into());
    };
    let scopes = found
        .scopes
        .iter()
        .filter_map(|s| Operation::parse(s))
        .collect();
    Ok(Caller::token(&found.name, found.role, scopes))
}
