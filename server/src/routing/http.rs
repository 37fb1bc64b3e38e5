//! The owner rules over HTTP: read, replace, and ask who would get something.

use super::service::{directory, matter_of_issue};
use crate::app::Shared;
use crate::http::{Body, Caller, Code, FieldError, IfMatch, Problem, Result, spoken};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::identity::Operation;
use domain::ids::IssueId;
use domain::organisation::Bilingual;
use domain::routing::{By, Directory, Fault, Matter, Route, Rule, check, parse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read_rules, write_rules))
        .routes(routes!(try_rules))
}

/// One rule, as it is understood.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnerRule)]
struct RuleView {
    line: usize,
    text: String,
    /// Empty: any.
    topics: Vec<String>,
    regions: Vec<String>,
    channels: Vec<String>,
    causes: Vec<String>,
    department: String,
    owner: Option<String>,
}

impl From<Rule> for RuleView {
    fn from(rule: Rule) -> Self {
        let texts =
            |all: Vec<domain::routing::Named>| all.into_iter().map(|named| named.text).collect();
        Self {
            line: rule.line,
            text: rule.text,
            topics: texts(rule.topics),
            regions: texts(rule.regions),
            channels: texts(rule.channels),
            causes: texts(rule.causes),
            department: rule.department.text,
            owner: rule.owner.map(|o| o.text),
        }
    }
}

/// The owner rules.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnerRules)]
struct RulesView {
    /// As written: one rule a line, the first that matches wins.
    text: String,
    rules: Vec<RuleView>,
    changed_at: Option<DateTime<Utc>>,
    changed_by: Option<String>,
    /// 0: nobody has written any.
    version: i64,
}

fn tagged(view: RulesView) -> Response {
    let version = view.version;
    let mut response = Json(view).into_response();
    if let Ok(tag) = format!("\"{version}\"").parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The owner rules.
#[utoipa::path(get, path = "/owner-rules", tag = "organisation",
    responses((status = 200, body = RulesView)), security(("bearer" = ["read_loop"])))]
async fn read_rules(State(app): State<Shared>, caller: Caller) -> Result<Response> {
    caller.may(Operation::ReadLoop)?;
    let kept = storage::routing::rules(&app.db).await?;
    Ok(tagged(match kept {
        Some(kept) => RulesView {
            rules: parse(&kept.text)
                .unwrap_or_default()
                .into_iter()
                .map(RuleView::from)
                .collect(),
            text: kept.text,
            changed_at: Some(kept.at),
            changed_by: Some(kept.by.name),
            version: kept.version,
        },
        None => RulesView {
            text: String::new(),
            rules: Vec::new(),
            changed_at: None,
            changed_by: None,
            version: 0,
        },
    }))
}

/// The owner rules to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = OwnerRulesText)]
#[serde(deny_unknown_fields)]
struct RulesText {
    /// At most 500 rules and 100,000 characters. The whole text is checked: lines that cannot be read,
    /// unknown topics, departments and owners are refused with line and column.
    text: String,
}

fn refused(faults: Vec<Fault>) -> Problem {
    let errors: Vec<FieldError> = faults
        .into_iter()
        .map(|fault| FieldError {
            field: format!("text[{}:{}]", fault.line, fault.column),
            code: fault.code.to_owned(),
            detail: spoken(&Bilingual::new(
                format!(
                    "第 {} 行第 {} 列：{}",
                    fault.line, fault.column, fault.detail.zh
                ),
                format!(
                    "line {} column {}: {}",
                    fault.line, fault.column, fault.detail.en
                ),
            )),
        })
        .collect();
    let detail = errors.first().map(|e| e.detail.clone());
    Problem {
        errors,
        ..Problem::new(Code::InvalidField, detail.unwrap_or_default())
    }
}

/// The rules of a text, if all of it holds in this directory.
fn understood(text: &str, directory: &Directory) -> Result<Vec<Rule>> {
    let rules = parse(text).map_err(refused)?;
    let faults = check(&rules, &directory.topics, &directory.departments);
    if faults.is_empty() {
        Ok(rules)
    } else {
        Err(refused(faults))
    }
}

/// Replaces the owner rules.
#[utoipa::path(put, path = "/owner-rules", tag = "organisation", request_body = RulesText,
    params(("If-Match" = Option<String>, Header)),
    responses((status = 200, body = RulesView)), security(("bearer" = ["manage_organisation"])))]
async fn write_rules(
    State(app): State<Shared>,
    caller: Caller,
    IfMatch(expected): IfMatch,
    Body(body): Body<RulesText>,
) -> Result<Response> {
    caller.may(Operation::ManageOrganisation)?;
    let tx = app.begin().await?;
    let rules = understood(&body.text, &directory(&tx).await?)?;
    let before = storage::routing::rules(&tx).await?;
    let saved = storage::routing::put(&tx, &body.text, &caller.actor, expected).await?;
    let data = serde_json::json!({
        "version": saved.version,
        "rules": rules.len(),
        "text": saved.text,
        "before": before.map(|b| b.text),
    });
    let event = app.ids.next();
    storage::events::record(
        &tx,
        event,
        "owner_rules",
        "1",
        "owner_rules.changed",
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    Ok(tagged(RulesView {
        text: saved.text,
        rules: rules.into_iter().map(RuleView::from).collect(),
        changed_at: Some(saved.at),
        changed_by: Some(saved.by.name),
        version: saved.version,
    }))
}

/// Something that somebody would have to get: an issue, or what one is about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RouteQuestion {
    /// Normally the rules as they are; here a text that is to be tried.
    #[serde(default)]
    text: Option<String>,
    /// An issue: nothing else can be named beside it.
    #[serde(default)]
    issue_id: Option<String>,
    #[serde(default)]
    topic: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

/// Who would get it, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Route)]
pub(crate) struct RouteView {
    /// Null: a person, or those who run the loop.
    department: Option<String>,
    department_name: Option<String>,
    /// Address of the person who is asked; null: nobody is named.
    owner: Option<String>,
    /// `rule`, `topic`, `arbiter` or `loop`.
    by: String,
    /// The line that matches first.
    line: Option<usize>,
    rule: Option<String>,
    sentence: Bilingual,
}

impl RouteView {
    pub(crate) fn new(route: Route, directory: &Directory) -> Self {
        let sentence = route.sentence();
        let (by, line, rule) = match route.by {
            By::Rule { line, text } => ("rule", Some(line), Some(text)),
            By::Topic => ("topic", None, None),
            By::Arbiter => ("arbiter", None, None),
            By::Loop => ("loop", None, None),
        };
        let department = route
            .department
            .as_ref()
            .and_then(|key| directory.departments.iter().find(|d| d.key == *key));
        Self {
            department_name: department.map(|d| d.title().to_owned()),
            department: route.department,
            owner: route.owner,
            by: by.to_owned(),
            line,
            rule,
            sentence,
        }
    }
}

/// An open issue that a tried text would give to somebody else.
#[derive(Serialize, ToSchema)]
#[schema(as = RouteMove)]
struct MoveView {
    issue_id: String,
    title: String,
    now: RouteView,
    then: RouteView,
}

/// The answer to *who would get this?*
#[derive(Serialize, ToSchema)]
#[schema(as = RouteAnswer)]
struct AnswerView {
    /// Null: only a text was tried.
    route: Option<RouteView>,
    /// What a tried text would change: unresolved issues that would go to somebody else, at most 100.
    moves: Vec<MoveView>,
    /// How many unresolved issues were looked at for that.
    looked_at: usize,
}

const MOST_MOVES: usize = 100;
const MOST_ISSUES: u64 = 500;

/// Who would get this? Nothing is written.
#[utoipa::path(post, path = "/owner-rules/test", tag = "organisation", request_body = RouteQuestion,
    responses((status = 200, body = AnswerView)), security(("bearer" = ["read_loop"])))]
async fn try_rules(
    State(app): State<Shared>,
    caller: Caller,
    Body(body): Body<RouteQuestion>,
) -> Result<Json<AnswerView>> {
    caller.may(Operation::ReadLoop)?;
    let present = directory(&app.db).await?;
    let tried = match &body.text {
        Some(text) => Directory {
            rules: understood(text, &present)?,
            ..present.clone()
        },
        None => present.clone(),
    };
    let about = [&body.topic, &body.channel, &body.region, &body.cause];
    if let Some(long) = about
        .iter()
        .position(|v| v.as_ref().is_some_and(|v| v.chars().count() > 240))
    {
        let field = ["topic", "channel", "region", "cause"][long];
        return Err(Problem::field(field, "too_long", "at most 240 characters"));
    }
    let names = about.iter().any(|v| v.is_some());
    let route = match &body.issue_id {
        Some(_) if names => {
            return Err(Problem::field(
                "issue_id",
                "invalid",
                "an issue, or what one is about: not both",
            ));
        }
        Some(id) => {
            let id: IssueId = id
                .parse()
                .map_err(|_| Problem::field("issue_id", "unknown", "no such issue"))?;
            let issue = storage::issues::get(&app.db, id).await?;
            let issue =
                issue.ok_or_else(|| Problem::field("issue_id", "unknown", "no such issue"))?;
            Some(tried.decide(&matter_of_issue(&issue)))
        }
        None if names || body.text.is_none() => {
            let topic = body.topic.as_deref().unwrap_or_default();
            if !topic.is_empty() && !tried.topics.iter().any(|t| t.key == topic) {
                return Err(Problem::field("topic", "unknown", "no such topic"));
            }
            Some(tried.decide(&Matter {
                topic,
                channel: body.channel.as_deref(),
                region: body.region.as_deref(),
                cause: body.cause.as_deref(),
            }))
        }
        None => None,
    };
    let (mut moves, mut looked_at) = (Vec::new(), 0);
    if body.text.is_some() {
        let filter = storage::issues::Filter {
            states: ["open", "in_progress", "verifying", "relapsed"]
                .map(str::to_owned)
                .to_vec(),
            ..Default::default()
        };
        for issue in storage::issues::list(&app.db, &filter, MOST_ISSUES)
            .await?
            .items
        {
            looked_at += 1;
            let matter = matter_of_issue(&issue);
            let (now, then) = (present.decide(&matter), tried.decide(&matter));
            let same = now.department == then.department && now.owner == then.owner;
            if !same && moves.len() < MOST_MOVES {
                moves.push(MoveView {
                    issue_id: issue.id.to_string(),
                    title: issue
                        .heading
                        .as_ref()
                        .map_or_else(|| issue.title.clone(), spoken),
                    now: RouteView::new(now, &present),
                    then: RouteView::new(then, &tried),
                });
            }
        }
    }
    Ok(Json(AnswerView {
        route: route.map(|route| RouteView::new(route, &tried)),
        moves,
        looked_at,
    }))
}
