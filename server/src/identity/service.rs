//! Passwords with argon2id, opaque sessions and tokens that are stored hashed.

use crate::app::{App, failure};
use crate::http::{Code, Problem};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::clock::Timestamp;
use domain::identity::{Role, check_password};
use storage::DbError;
use storage::access::{Account, Session, Token};
use tokio::sync::Semaphore;

/// A session that nobody used for this long has ended.
const IDLE: TimeDelta = TimeDelta::minutes(60);
/// A session ends after this long in any case.
const ABSOLUTE: TimeDelta = TimeDelta::hours(12);
/// Failed log-ins of one account in a quarter of an hour.
const ATTEMPTS: i64 = 8;

/// Hashing is work on purpose: not more than two at a time.
static HASHING: Semaphore = Semaphore::const_new(2);

/// A secret of 256 bits, safe in addresses.
#[must_use]
pub fn random_token() -> String {
    let mut bytes = [0_u8; 32];
    // Without the system's random numbers nothing here is safe: stopping is right.
    if getrandom::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// How secrets are stored: random ones need no slow hash.
#[must_use]
pub fn hash_secret(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// Compares two secrets in constant time.
#[must_use]
pub fn equal(a: &str, b: &str) -> bool {
    !a.is_empty() && blake3::hash(a.as_bytes()) == blake3::hash(b.as_bytes())
}

fn argon() -> Argon2<'static> {
    // OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
    Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(19 * 1024, 2, 1, None).unwrap_or_default(),
    )
}

async fn hash_password(password: String) -> Result<String, Problem> {
    let _permit = HASHING
        .acquire()
        .await
        .map_err(|_| Problem::from(Code::Internal))?;
    tokio::task::spawn_blocking(move || {
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).ok()?;
        let salt = SaltString::encode_b64(&salt).ok()?;
        argon()
            .hash_password(password.as_bytes(), &salt)
            .ok()
            .map(|h| h.to_string())
    })
    .await
    .ok()
    .flatten()
    .ok_or_else(|| Code::Internal.into())
}

async fn verify_password(password: String, hash: String) -> bool {
    let Ok(_permit) = HASHING.acquire().await else {
        return false;
    };
    tokio::task::spawn_blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|parsed| {
            argon()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok()
        })
    })
    .await
    .unwrap_or(false)
}

/// A hash that no password matches: an unknown address takes as long as a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$YmlodWFuLWJpaHVhbi0wMA$2Zq5vJc2m0Vb6bqz3m0yqH7wXb7x0X6p0l0mJ2m9x5k";

/// An opened session.
pub struct Login {
    /// The account.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// What the cookie holds: shown once.
    pub token: String,
}

/// Checks address and password and opens a session.
pub async fn log_in(app: &App, email: &str, password: &str) -> Result<Login, Problem> {
    let email = email.trim().to_lowercase();
    let now = app.now();
    let who = app.hash(format!("login:{email}").as_bytes());
    let since = now - TimeDelta::minutes(15);
    if storage::access::attempts(&app.db, &who, since).await? >= ATTEMPTS {
        return Err(Problem {
            retry_after: Some(900),
            ..Code::TooManyAttempts.into()
        });
    }
    let account = storage::access::account_by_email(&app.db, &email)
        .await?
        .filter(|a| !a.disabled);
    let hash = account
        .as_ref()
        .map_or(NOBODY, |a| &a.password_hash)
        .to_owned();
    let right = verify_password(password.chars().take(400).collect(), hash).await;
    let tx = app.db.begin(now).await?;
    let Some(account) = account.filter(|_| right) else {
        storage::access::note_attempt(&tx, &who).await?;
        tx.commit().await?;
        tracing::info!(account.hash = who, "a log-in failed");
        return Err(Code::WrongCredentials.into());
    };
    let token = random_token();
    let session = Session {
        account_id: account.id.clone(),
        csrf_token: random_token(),
        created_at: now,
        last_seen_at: now,
    };
    storage::access::insert_session(&tx, &hash_secret(&token), &session).await?;
    tx.commit().await?;
    Ok(Login {
        account,
        session,
        token,
    })
}

/// The account and session behind a cookie, if both still hold.
pub async fn resume(app: &App, token: &str) -> Result<Option<(Account, Session)>, DbError> {
    let hash = hash_secret(token);
    let Some(session) = storage::access::session(&app.db, &hash).await? else {
        return Ok(None);
    };
    let now = app.now();
    if now - session.created_at > ABSOLUTE || now - session.last_seen_at > IDLE {
        return Ok(None);
    }
    let account = storage::access::account(&app.db, &session.account_id)
        .await?
        .filter(|a| !a.disabled);
    let Some(account) = account else {
        return Ok(None);
    };
    if now - session.last_seen_at > TimeDelta::minutes(1) {
        let tx = app.db.begin(now).await?;
        storage::access::touch_session(&tx, &hash).await?;
        tx.commit().await?;
    }
    Ok(Some((account, session)))
}

/// Ends a session.
pub async fn log_out(app: &App, token: &str) -> Result<(), DbError> {
    let tx = app.begin().await?;
    storage::access::delete_session(&tx, &hash_secret(token)).await?;
    tx.commit().await
}

/// The token behind a secret, if it still holds.
pub async fn token(app: &App, secret: &str) -> Result<Option<Token>, DbError> {
    let Some(token) = storage::access::token_by_hash(&app.db, &hash_secret(secret)).await? else {
        return Ok(None);
    };
    let now = app.now();
    if token.expires_at.is_some_and(|at| at <= now) {
        return Ok(None);
    }
    if token
        .last_used_at
        .is_none_or(|at| now - at > TimeDelta::minutes(1))
    {
        let tx = app.db.begin(now).await?;
        storage::access::touch_token(&tx, &token.id).await?;
        tx.commit().await?;
    }
    Ok(Some(token))
}

/// Makes an API token. The secret is shown once.
pub async fn new_token(
    app: &App,
    name: &str,
    role: Role,
    scopes: Vec<String>,
    expires_at: Option<Timestamp>,
) -> Result<(Token, String), DbError> {
    let id = app.ids.next().to_string();
    let secret = format!("voc_{}_{}", &id[24..], random_token());
    let token = Token {
        id,
        name: name.to_owned(),
        role,
        scopes,
        created_at: app.now(),
        expires_at,
        last_used_at: None,
    };
    let tx = app.begin().await?;
    storage::access::insert_token(&tx, &token, &hash_secret(&secret)).await?;
    tx.commit().await?;
    Ok((token, secret))
}

/// Makes an account.
pub async fn new_account(
    app: &App,
    email: &str,
    name: &str,
    role: Role,
    department: Option<String>,
    language: &str,
    password: &str,
) -> Result<Account, Problem> {
    let email = email.trim().to_lowercase();
    if !domain::organisation::is_email(&email) {
        return Err(Problem::field("email", "invalid", "not an e-mail address"));
    }
    if name.chars().count() > 120 {
        return Err(Problem::field("name", "too_long", "at most 120 characters"));
    }
    check_password(password, &email)
        .map_err(|e| Problem::field("password", "weak", e.to_string()))?;
    let account = Account {
        id: app.ids.next().to_string(),
        email,
        name: name.trim().to_owned(),
        role,
        department,
        language: language.to_owned(),
        password_hash: hash_password(password.to_owned()).await?,
        created_at: app.now(),
        disabled: false,
        version: 1,
    };
    let tx = app.begin().await?;
    storage::access::insert_account(&tx, &account).await?;
    tx.commit().await?;
    Ok(account)
}

/// The stored form of a new password.
pub async fn set_password(email: &str, password: &str) -> Result<String, Problem> {
    check_password(password, email)
        .map_err(|e| Problem::field("password", "weak", e.to_string()))?;
    hash_password(password.to_owned()).await
}

/// Removes sessions and attempts that no longer matter.
pub async fn sweep(app: &App) -> failure::Result<()> {
    let now = app.now();
    let tx = app.db.begin(now).await?;
    storage::access::sweep(&tx, now - ABSOLUTE, now - TimeDelta::hours(1)).await?;
    tx.commit().await?;
    Ok(())
}
