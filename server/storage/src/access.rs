//! Accounts, sessions and API tokens. Secrets are kept hashed only.

use crate::tx::{count, micros, one, rows, timestamp};
use crate::{DbError, Read, Tx};
use domain::clock::Timestamp;
use domain::identity::Role;
use sea_orm::FromQueryResult;

/// A person with an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Identity.
    pub id: String,
    /// Log-in name, lower case.
    pub email: String,
    /// For people.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The department of a department owner.
    pub department: Option<String>,
    /// `zh-CN` or `en`.
    pub language: String,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// May not log in.
    pub disabled: bool,
    /// Counts changes.
    pub version: i64,
}

#[derive(FromQueryResult)]
struct AccountRow {
    id: String,
    email: String,
    name: String,
    role: String,
    department: Option<String>,
    language: String,
    password_hash: String,
    created_at: i64,
    disabled: bool,
    version: i64,
}

impl AccountRow {
    fn read(self) -> Result<Account, DbError> {
        let role = Role::parse(&self.role).ok_or_else(|| DbError::Corrupt {
            table: "account",
            column: "role",
            id: self.id.clone(),
            detail: self.role.clone(),
        })?;
        Ok(Account {
            id: self.id,
            email: self.email,
            name: self.name,
            role,
            department: self.department,
            language: self.language,
            password_hash: self.password_hash,
            created_at: timestamp(self.created_at),
            disabled: self.disabled,
            version: self.version,
        })
    }
}

const ACCOUNT: &str = "SELECT id, email, name, role, department, language, password_hash, created_at, disabled, version FROM account";

/// The account of that address (lower case).
pub async fn account_by_email(db: &impl Read, email: &str) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = one(
        db,
        &format!("{ACCOUNT} WHERE email = $1"),
        vec![email.into()],
    )
    .await?;
    row.map(AccountRow::read).transpose()
}

/// The account of that id.
pub async fn account(db: &impl Read, id: &str) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> =
        one(db, &format!("{ACCOUNT} WHERE id = $1"), vec![id.into()]).await?;
    row.map(AccountRow::read).transpose()
}

/// All accounts, by address.
pub async fn accounts(db: &impl Read) -> Result<Vec<Account>, DbError> {
    let found: Vec<AccountRow> = rows(db, &format!("{ACCOUNT} ORDER BY email"), vec![]).await?;
    found.into_iter().map(AccountRow::read).collect()
}

/// Writes a new account.
pub async fn insert_account(tx: &Tx, account: &Account) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO account (id, email, name, role, department, language, password_hash, created_at, disabled, \
         version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,1)",
        vec![
            account.id.clone().into(),
            account.email.clone().into(),
            account.name.clone().into(),
            account.role.as_str().into(),
            account.department.clone().into(),
            account.language.clone().into(),
            account.password_hash.clone().into(),
            micros(account.created_at).into(),
            account.disabled.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Changes an account and ends its sessions: what it may do can have changed.
pub async fn update_account(tx: &Tx, account: &Account) -> Result<(), DbError> {
    let changed = tx
        .exec(
            "UPDATE account SET name = $1, role = $2, department = $3, language = $4, password_hash = $5, \
             disabled = $6, version = version + 1 WHERE id = $7 AND version = $8",
            vec![
                account.name.clone().into(),
                account.role.as_str().into(),
                account.department.clone().into(),
                account.language.clone().into(),
                account.password_hash.clone().into(),
                account.disabled.into(),
                account.id.clone().into(),
                account.version.into(),
            ],
        )
        .await?;
    if changed != 1 {
        return Err(DbError::Stale {
            table: "account",
            id: account.id.clone(),
        });
    }
    tx.exec(
        "DELETE FROM session WHERE account_id = $1",
        vec![account.id.clone().into()],
    )
    .await?;
    Ok(())
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub account_id: String,
    /// What writes must carry.
    pub csrf_token: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
}

/// Opens a session.
pub async fn insert_session(tx: &Tx, id_hash: &str, session: &Session) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO session (id_hash, account_id, csrf_token, created_at, last_seen_at) VALUES ($1,$2,$3,$4,$5)",
        vec![
            id_hash.into(),
            session.account_id.clone().into(),
            session.csrf_token.clone().into(),
            micros(session.created_at).into(),
            micros(session.last_seen_at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// The session of that hash.
pub async fn session(db: &impl Read, id_hash: &str) -> Result<Option<Session>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        account_id: String,
        csrf_token: String,
        created_at: i64,
        last_seen_at: i64,
    }
    let row: Option<Row> = one(
        db,
        "SELECT account_id, csrf_token, created_at, last_seen_at FROM session WHERE id_hash = $1",
        vec![id_hash.into()],
    )
    .await?;
    Ok(row.map(|r| Session {
        account_id: r.account_id,
        csrf_token: r.csrf_token,
        created_at: timestamp(r.created_at),
        last_seen_at: timestamp(r.last_seen_at),
    }))
}

/// Notes that a session was used.
pub async fn touch_session(tx: &Tx, id_hash: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE session SET last_seen_at = $1 WHERE id_hash = $2",
        vec![micros(tx.now()).into(), id_hash.into()],
    )
    .await?;
    Ok(())
}

/// Ends a session.
pub async fn delete_session(tx: &Tx, id_hash: &str) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM session WHERE id_hash = $1",
        vec![id_hash.into()],
    )
    .await?;
    Ok(())
}

/// Removes sessions and log-in attempts that no longer matter.
pub async fn sweep(
    tx: &Tx,
    sessions_before: Timestamp,
    attempts_before: Timestamp,
) -> Result<(), DbError> {
    tx.exec(
        "DELETE FROM session WHERE created_at < $1",
        vec![micros(sessions_before).into()],
    )
    .await?;
    tx.exec(
        "DELETE FROM login_attempt WHERE at < $1",
        vec![micros(attempts_before).into()],
    )
    .await?;
    Ok(())
}

/// Notes a failed log-in of `who` (a hash of account or address).
pub async fn note_attempt(tx: &Tx, who: &str) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO login_attempt (who, at) VALUES ($1,$2)",
        vec![who.into(), micros(tx.now()).into()],
    )
    .await?;
    Ok(())
}

/// Failed log-ins of `who` since `since`.
pub async fn attempts(db: &impl Read, who: &str, since: Timestamp) -> Result<i64, DbError> {
    count(
        db,
        "SELECT COUNT(*) AS n FROM login_attempt WHERE who = $1 AND at > $2",
        vec![who.into(), micros(since).into()],
    )
    .await
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Identity.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// Operations it is limited to; empty: all of its role.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct TokenRow {
    id: String,
    name: String,
    role: String,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TokenRow {
    fn read(self) -> Result<Token, DbError> {
        let role = Role::parse(&self.role).ok_or_else(|| DbError::Corrupt {
            table: "api_token",
            column: "role",
            id: self.id.clone(),
            detail: self.role.clone(),
        })?;
        Ok(Token {
            id: self.id,
            name: self.name,
            role,
            scopes: self.scopes.split_whitespace().map(str::to_owned).collect(),
            created_at: timestamp(self.created_at),
            expires_at: self.expires_at.map(timestamp),
            last_used_at: self.last_used_at.map(timestamp),
        })
    }
}

const TOKEN: &str =
    "SELECT id, name, role, scopes, created_at, expires_at, last_used_at FROM api_token";

/// All tokens, newest first.
pub async fn tokens(db: &impl Read) -> Result<Vec<Token>, DbError> {
    let found: Vec<TokenRow> =
        rows(db, &format!("{TOKEN} ORDER BY id DESC LIMIT 1000"), vec![]).await?;
    found.into_iter().map(TokenRow::read).collect()
}

/// The token of that secret's hash.
pub async fn token_by_hash(db: &impl Read, secret_hash: &str) -> Result<Option<Token>, DbError> {
    let row: Option<TokenRow> = one(
        db,
        &format!("{TOKEN} WHERE secret_hash = $1"),
        vec![secret_hash.into()],
    )
    .await?;
    row.map(TokenRow::read).transpose()
}

/// Writes a new token.
pub async fn insert_token(tx: &Tx, token: &Token, secret_hash: &str) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO api_token (id, name, role, scopes, secret_hash, created_at, expires_at) \
         VALUES ($1,$2,$3,$4,$5,$6,$7)",
        vec![
            token.id.clone().into(),
            token.name.clone().into(),
            token.role.as_str().into(),
            token.scopes.join(" ").into(),
            secret_hash.into(),
            micros(token.created_at).into(),
            token.expires_at.map(micros).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Notes that a token was used.
pub async fn touch_token(tx: &Tx, id: &str) -> Result<(), DbError> {
    tx.exec(
        "UPDATE api_token SET last_used_at = $1 WHERE id = $2",
        vec![micros(tx.now()).into(), id.into()],
    )
    .await?;
    Ok(())
}

/// Ends a token. `false`: there was none.
pub async fn delete_token(tx: &Tx, id: &str) -> Result<bool, DbError> {
    Ok(tx
        .exec("DELETE FROM api_token WHERE id = $1", vec![id.into()])
        .await?
        == 1)
}

/// The answer that was given to a request with this key, if there was one.
pub async fn idempotent(
    db: &impl Read,
    key: &str,
) -> Result<Option<(String, i64, String)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        request_hash: String,
        status: i64,
        body: String,
    }
    let row: Option<Row> = one(
        db,
        "SELECT request_hash, status, body FROM idempotency WHERE idempotency_key = $1",
        vec![key.into()],
    )
    .await?;
    Ok(row.map(|r| (r.request_hash, r.status, r.body)))
}

/// Keeps the answer to a request with a key, in the transaction of its effects. Fails with a
/// conflict when the same key was answered meanwhile: then nothing of this transaction is kept.
pub async fn keep_answer(
    tx: &Tx,
    key: &str,
    request_hash: &str,
    status: i64,
    body: &str,
) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO idempotency (idempotency_key, request_hash, status, body, created_at) VALUES ($1,$2,$3,$4,$5)",
        vec![key.into(), request_hash.into(), status.into(), body.into(), micros(tx.now()).into()],
    )
    .await?;
    Ok(())
}
