//! Organisation, departments, channels.

use crate::app::Shared;
use crate::http::{Body, Caller, IfMatch, List, Problem, Result, Segment};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use domain::identity::Operation;
use domain::organisation::{
    Channel, Department, Organisation, check_department, check_key, check_priorities, is_email,
};
use storage::organisation::{self as store, Keyed};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read_organisation, write_organisation))
        .routes(routes!(list_departments))
        .routes(routes!(
            read_department,
            write_department,
            delete_department
        ))
        .routes(routes!(list_channels))
        .routes(routes!(read_channel, write_channel))
}

/// An answer with its version as ETag.
pub fn tagged<T>(value: T, version: i64) -> (HeaderMap, Json<T>) {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        headers.insert(header::ETAG, tag);
    }
    (headers, Json(value))
}

/// An object of a path must be the one of its body.
pub fn same_key(path: &str, body: &mut String) -> Result<()> {
    if body.is_empty() {
        path.clone_into(body);
    }
    if body != path {
        return Err(Problem::field(
            "key",
            "conflict",
            "the key of the body is not the key of the address",
        ));
    }
    Ok(())
}

/// The object of that key, or the problem.
pub async fn require<T: Keyed>(app: &Shared, key: &str, what: &str) -> Result<T> {
    store::get::<T>(&app.db, key)
        .await?
        .ok_or_else(|| Problem::not_found(what))
}

/// A notifier that somebody names must be one.
async fn check_notifier(tx: &storage::Tx, key: Option<&str>) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let found = storage::installations::get(tx, key).await?;
    if found.is_some_and(|row| row.role == "notifier") {
        Ok(())
    } else {
        Err(Problem::field(
            "notifier",
            "unknown",
            "no installation of a notifier of that name",
        ))
    }
}

/// A calendar that somebody names must be one.
async fn check_calendar(tx: &storage::Tx, key: Option<&str>) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    match crate::calendar::current(tx, key).await? {
        Some(_) => Ok(()),
        None => Err(Problem::field("calendar", "unknown", "no such calendar")),
    }
}

/// The organisation.
#[utoipa::path(get, path = "/organisation", tag = "organisation", responses((status = 200, body = Organisation)),
    security(("bearer" = ["read_loop"])))]
async fn read_organisation(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<(HeaderMap, Json<Organisation>)> {
    caller.may(Operation::ReadLoop)?;
    let organisation = store::organisation(&app.db).await?;
    let version = organisation.version;
    Ok(tagged(organisation, version))
}

/// Changes the organisation.
#[utoipa::path(put, path = "/organisation", request_body = Organisation, tag = "organisation",
    responses((status = 200, body = Organisation)), security(("bearer" = ["manage_organisation"])))]
async fn write_organisation(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    Body(new): Body<Organisation>,
) -> Result<(HeaderMap, Json<Organisation>)> {
    caller.may(Operation::ManageOrganisation)?;
    if new.name.trim().is_empty() || new.name.chars().count() > 120 {
        return Err(Problem::field("name", "invalid", "1 to 120 characters"));
    }
    if new
        .target_dissatisfaction
        .is_some_and(|t| !(0.0..=1.0).contains(&t))
    {
        return Err(Problem::field(
            "target_dissatisfaction",
            "out_of_range",
            "0 to 1",
        ));
    }
    if new
        .unit_cost_cents_per_minute
        .is_some_and(|c| !(0..=10_000_000).contains(&c))
    {
        return Err(Problem::field(
            "unit_cost_cents_per_minute",
            "out_of_range",
            "0 to 10000000",
        ));
    }
    check_priorities(&new)?;
    if new.arbiter_email.as_deref().is_some_and(|e| !is_email(e)) {
        return Err(Problem::field(
            "arbiter_email",
            "invalid",
            "not an e-mail address",
        ));
    }
    let tx = app.begin().await?;
    let present = store::organisation(&tx).await?;
    let facts = storage::facts::span(&tx).await?;
    if present.zone != new.zone && facts.is_some() {
        return Err(Problem::field(
            "zone",
            "facts_exist",
            "days have been counted in the present zone; it cannot change once there is feedback",
        ));
    }
    check_notifier(&tx, new.notifier.as_deref()).await?;
    check_calendar(&tx, new.calendar.as_deref()).await?;
    let saved = store::save_organisation(&tx, &new, expected).await?;
    // Other lines or weights move topics.
    crate::issues::jobs::soon(&app, &tx).await?;
    tx.commit().await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// All departments.
#[utoipa::path(get, path = "/departments", tag = "organisation", responses((status = 200, body = List<Department>)),
    security(("bearer" = ["read_loop"])))]
async fn list_departments(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<List<Department>>> {
    caller.may(Operation::ReadLoop)?;
    Ok(List::whole(store::all(&app.db).await?))
}

/// One department.
#[utoipa::path(get, path = "/departments/{key}", tag = "organisation", params(("key" = String, Path)),
    responses((status = 200, body = Department)), security(("bearer" = ["read_loop"])))]
async fn read_department(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Department>)> {
    caller.may(Operation::ReadLoop)?;
    let found: Department = require(&app, &key, "department").await?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces a department.
#[utoipa::path(put, path = "/departments/{key}", request_body = Department, tag = "organisation",
    params(("key" = String, Path)), responses((status = 200, body = Department)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_department(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Department>,
) -> Result<(HeaderMap, Json<Department>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    for owner in &mut new.owners {
        owner.email = owner.email.trim().to_lowercase();
    }
    check_department(&new)?;
    let tx = app.begin().await?;
    check_notifier(&tx, new.notifier.as_deref()).await?;
    check_calendar(&tx, new.calendar.as_deref()).await?;
    let saved = store::put(&tx, &new, expected).await?;
    tx.commit().await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// Removes a department that no topic names.
#[utoipa::path(delete, path = "/departments/{key}", tag = "organisation", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_organisation"])))]
async fn delete_department(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<axum::http::StatusCode> {
    caller.may(Operation::ManageOrganisation)?;
    let tx = app.begin().await?;
    let topics: Vec<domain::organisation::Topic> = store::all(&tx).await?;
    if let Some(topic) = topics
        .iter()
        .find(|t| t.owner_department.as_deref() == Some(&key))
    {
        return Err(Problem::new(
            crate::http::Code::Conflict,
            format!("topic {} still belongs to this department", topic.key),
        ));
    }
    if !store::delete::<Department>(&tx, &key).await? {
        return Err(Problem::not_found("department"));
    }
    tx.commit().await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// All channels.
#[utoipa::path(get, path = "/channels", tag = "organisation", responses((status = 200, body = List<Channel>)),
    security(("bearer" = ["read_loop"])))]
async fn list_channels(State(app): State<Shared>, caller: Caller) -> Result<Json<List<Channel>>> {
    caller.may(Operation::ReadLoop)?;
    Ok(List::whole(store::all(&app.db).await?))
}

/// One channel.
#[utoipa::path(get, path = "/channels/{key}", tag = "organisation", params(("key" = String, Path)),
    responses((status = 200, body = Channel)), security(("bearer" = ["read_loop"])))]
async fn read_channel(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<Channel>)> {
    caller.may(Operation::ReadLoop)?;
    let found: Channel = require(&app, &key, "channel").await?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces a channel.
#[utoipa::path(put, path = "/channels/{key}", request_body = Channel, tag = "organisation",
    params(("key" = String, Path)), responses((status = 200, body = Channel)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_channel(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<Channel>,
) -> Result<(HeaderMap, Json<Channel>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    check_key(&new.key)?;
    if new.satisfied_from.is_some_and(|n| !(1..=100).contains(&n)) {
        return Err(Problem::field("satisfied_from", "out_of_range", "1 to 100"));
    }
    let tx = app.begin().await?;
    let saved = store::put(&tx, &new, expected).await?;
    tx.commit().await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}
