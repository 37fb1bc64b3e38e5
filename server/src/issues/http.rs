//! Issues, quadrants, facts and the overview over HTTP.

use super::service::{Placed, UNRESOLVED, demand_of, effective, place, topic_name};
use crate::app::Shared;
use crate::http::{Body, Caller, List, Params, Problem, Result, Segment, extract};
use crate::knowledge::http::SolutionView;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::detection::{Goal, Scope, Subject, SubjectKind, TimeSpan};
use domain::facts::{Class, Counters, Detail};
use domain::identity::{Actor, Operation};
use domain::ids::{FeedbackId, IssueId};
use domain::issues::quadrant::{Component, Money, Point, Quadrant};
use domain::issues::{Issue, IssueKind};
use domain::organisation::{Bilingual, subtree};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use storage::events::Event;
use storage::quadrants::{Moved, Override};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(overview))
        .routes(routes!(quadrants))
        .routes(routes!(facts))
        .routes(routes!(list_issues))
        .routes(routes!(read_issue))
        .routes(routes!(decide_quadrant, release_quadrant))
}

/// One line of a history.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    at: DateTime<Utc>,
    #[schema(value_type = EventActor)]
    actor: Actor,
    /// What happened, past tense: `task.accepted`.
    kind: String,
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

/// Who did it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `actor` for the API document")]
pub struct EventActor {
    /// `user`, `owner`, `system` or `plugin`.
    kind: String,
    name: String,
    email: Option<String>,
    via: Option<String>,
}

impl From<Event> for EventView {
    fn from(e: Event) -> Self {
        Self {
            at: e.at,
            actor: e.actor,
            kind: e.kind,
            data: e.data,
        }
    }
}

/// One line of the formula of an impact; the contributions add up to it.
#[derive(Clone, Serialize, ToSchema)]
struct ImpactPart {
    /// `dissatisfaction`, `risk`, `customer_tier`, `failure_demand`, `handling` or `compensation`.
    part: String,
    /// The topic's value: shares 0 to 1, weights, minutes or cents per contact.
    value: f64,
    /// What is usual among all topics; only what lies above it raises an impact.
    usual: f64,
    weight: f64,
    /// What it adds to the impact, 0 to 1.
    contribution: f64,
    explanation: Bilingual,
}

impl From<&Component> for ImpactPart {
    fn from(c: &Component) -> Self {
        Self {
            part: c.part.as_str().to_owned(),
            value: c.value,
            usual: c.usual,
            weight: c.weight,
            contribution: c.contribution,
            explanation: c.text.clone(),
        }
    }
}

/// What a topic costs in a month at the window's pace. It stands beside the impact and never enters
/// it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = QuadrantMoney)]
struct MoneyView {
    /// Handling minutes × cost of a minute; null where that cost is not known.
    handling_cents_per_month: Option<i64>,
    compensation_cents_per_month: i64,
    /// Null where a part is not known.
    total_cents_per_month: Option<i64>,
}

impl From<Money> for MoneyView {
    fn from(m: Money) -> Self {
        Self {
            handling_cents_per_month: m.handling_cents,
            compensation_cents_per_month: m.compensation_cents,
            total_cents_per_month: m.total_cents,
        }
    }
}

/// A change of quadrant.
#[derive(Clone, Serialize, ToSchema)]
struct QuadrantMove {
    at: DateTime<Utc>,
    day: NaiveDate,
    /// Null: the topic was placed for the first time.
    from: Option<String>,
    to: String,
    why: Bilingual,
}

/// How a topic came where it stands.
#[derive(Clone, Default, Serialize, ToSchema)]
struct QuadrantMovement {
    /// Where it stood before; null: nowhere else in the last 12 weeks.
    previous: Option<String>,
    /// Since when it stands where it was last seen; null: not placed yet.
    since: Option<DateTime<Utc>>,
    /// Changes of the last 12 weeks, oldest first.
    trail: Vec<QuadrantMove>,
}

fn movement(topic: &str, placed: &Placed, moves: &[Moved]) -> QuadrantMovement {
    let trail: Vec<&Moved> = moves.iter().filter(|m| m.step.topic == topic).collect();
    QuadrantMovement {
        previous: trail
            .last()
            .and_then(|m| m.step.from)
            .map(|q| q.as_str().to_owned()),
        // The trail is read after the places: a move in between is in it and not yet in them.
        since: trail
            .last()
            .map(|m| m.at)
            .or_else(|| placed.stands.get(topic).map(|s| s.since)),
        trail: trail
            .into_iter()
            .map(|m| QuadrantMove {
                at: m.at,
                day: m.day,
                from: m.step.from.map(|q| q.as_str().to_owned()),
                to: m.step.to.as_str().to_owned(),
                why: m.step.why.clone(),
            })
            .collect(),
    }
}

/// The moves that a trail shows.
async fn trail(app: &Shared, placed: &Placed) -> Result<Vec<Moved>> {
    let since = placed.to - TimeDelta::days(84);
    Ok(storage::quadrants::moves(&app.db, None, since).await?)
}

/// A person's decision; it holds until it is released.
#[derive(Clone, Serialize, ToSchema)]
struct QuadrantOverride {
    quadrant: String,
    reason: String,
    #[schema(value_type = EventActor)]
    by: Actor,
    at: DateTime<Utc>,
}

impl From<&Override> for QuadrantOverride {
    fn from(o: &Override) -> Self {
        Self {
            quadrant: o.quadrant.as_str().to_owned(),
            reason: o.reason.clone(),
            by: o.actor.clone(),
            at: o.at,
        }
    }
}

/// One topic in the chart.
#[derive(Clone, Serialize, ToSchema)]
struct QuadrantPoint {
    topic: String,
    name: Bilingual,
    contacts: i64,
    rated: i64,
    frequency_per_1000: f64,
    /// Share of the contacts of all listed topics, 0 to 1.
    share: f64,
    contacts_per_week: f64,
    /// Lower end of the 90 % interval.
    contacts_per_week_low: f64,
    contacts_per_week_high: f64,
    /// 0 to 1.
    impact: f64,
    impact_low: f64,
    impact_high: f64,
    /// The line that this impact is compared with: ratings and sentiment have one each.
    impact_line: f64,
    /// Share of unhappy customers that is usual at the mix of its own channels.
    expected: f64,
    /// The formula of the impact.
    parts: Vec<ImpactPart>,
    /// `ratings` or `sentiment`.
    basis: String,
    negative_share: Option<f64>,
    risk_share: f64,
    handling_minutes: f64,
    compensation_cents: i64,
    /// Frequency × impact.
    unhappy_per_week: f64,
    /// Those above what is usual at its channels, by a cautious estimate: the ranking.
    avoidable_per_week: f64,
    /// Hours of handling; null where no handling time is known.
    hours_per_week: Option<f64>,
    money: MoneyView,
    /// `fix_now`, `plan`, `quick_win` or `watch`: what a person decided, else what was computed.
    quadrant: String,
    /// What was computed, whatever a person decided.
    computed_quadrant: String,
    #[serde(rename = "override")]
    decided: Option<QuadrantOverride>,
    movement: QuadrantMovement,
    /// Probability that it is more frequent than the line.
    probability_frequent: f64,
    /// Probability that it is worse than the line.
    probability_bad: f64,
    /// Its side is not certain.
    borderline: bool,
    explanation: Bilingual,
    /// The topic's issue that is not resolved, if there is one.
    issue_id: Option<String>,
}

/// The cut lines.
#[derive(Clone, Serialize, ToSchema)]
struct QuadrantLines {
    /// Contacts per week.
    frequency: f64,
    /// `fixed`, `median` or `pareto_80`.
    frequency_rule: String,
    /// Share of dissatisfied ratings.
    ratings: f64,
    /// Share of negative sentiment.
    sentiment: f64,
    /// `target`, `fixed` or `overall`.
    impact_rule: String,
    /// Drawn on this day and frozen until the next month; null: they still follow the facts.
    drawn_on: Option<NaiveDate>,
    /// Contacts per week, if the lines were drawn today.
    frequency_today: f64,
    ratings_today: f64,
    sentiment_today: f64,
}

/// The chart of frequency × impact.
#[derive(Clone, Serialize, ToSchema)]
struct Quadrants {
    days: u32,
    contacts: i64,
    /// What most impacts were computed from: `ratings` or `sentiment`.
    basis: String,
    /// Contacts per week that separate often from seldom.
    frequency_line: f64,
    /// Impact that separates bad from not so bad.
    impact_line: f64,
    /// How the lines were drawn: `median/overall`.
    line_rule: String,
    lines: QuadrantLines,
    /// All listed topics together.
    money: MoneyView,
    /// Worst first.
    points: Vec<QuadrantPoint>,
}

async fn quadrants_view(app: &Shared, placed: &Placed) -> Result<Quadrants> {
    let filter = storage::issues::Filter {
        states: UNRESOLVED.map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let issues = storage::issues::list(&app.db, &filter, 500).await?.items;
    let ids: Vec<String> = issues.iter().map(|i| i.id.to_string()).collect();
    let decisions = storage::quadrants::overrides(&app.db, &ids).await?;
    let moves = trail(app, placed).await?;
    let p = &placed.placement;
    let points: Vec<QuadrantPoint> = p
        .points
        .iter()
        .map(|point| {
            // The chart shows what customers are unhappy with: an opportunity stands by its demand.
            let of_topic = || {
                issues
                    .iter()
                    .filter(|i| i.topic == point.topic && i.kind != IssueKind::Opportunity)
            };
            let decided =
                of_topic().find_map(|i| decisions.iter().find(|d| d.issue == i.id.to_string()));
            QuadrantPoint {
                topic: point.topic.clone(),
                name: topic_name(&point.topic, &placed.topics),
                contacts: point.contacts,
                rated: point.rated,
                frequency_per_1000: point.frequency_per_1000,
                share: point.share,
                contacts_per_week: point.contacts_per_week,
                contacts_per_week_low: point.contacts_per_week_low,
                contacts_per_week_high: point.contacts_per_week_high,
                impact: point.impact,
                impact_low: point.impact_low,
                impact_high: point.impact_high,
                impact_line: point.impact_line,
                expected: point.expected,
                parts: point.components.iter().map(ImpactPart::from).collect(),
                basis: point.basis.as_str().to_owned(),
                negative_share: point.negative_share,
                risk_share: point.risk_share,
                handling_minutes: point.handling_minutes,
                compensation_cents: point.compensation_cents,
                unhappy_per_week: point.unhappy_per_week,
                avoidable_per_week: point.avoidable_per_week,
                hours_per_week: point.hours_per_week,
                money: point.money.into(),
                quadrant: effective(point.quadrant, decided).as_str().to_owned(),
                computed_quadrant: point.quadrant.as_str().to_owned(),
                decided: decided.map(QuadrantOverride::from),
                movement: movement(&point.topic, placed, &moves),
                probability_frequent: point.probability_frequent,
                probability_bad: point.probability_bad,
                borderline: point.borderline,
                explanation: point.explanation.clone(),
                issue_id: of_topic().next().map(|i| i.id.to_string()),
            }
        })
        .collect();
    let handling: Option<i64> = p.points.iter().map(|p| p.money.handling_cents).sum();
    let compensation: i64 = p.points.iter().map(|p| p.money.compensation_cents).sum();
    Ok(Quadrants {
        days: p.days,
        contacts: p.contacts,
        basis: p.basis.as_str().to_owned(),
        frequency_line: p.frequency_line,
        impact_line: p.impact_line,
        line_rule: format!("{}/{}", p.frequency_rule.as_str(), p.impact_rule),
        lines: QuadrantLines {
            frequency: p.lines.frequency,
            frequency_rule: p.frequency_rule.as_str().to_owned(),
            ratings: p.lines.ratings,
            sentiment: p.lines.sentiment,
            impact_rule: p.impact_rule.clone(),
            drawn_on: p.drawn_on,
            frequency_today: p.drawn.0.frequency,
            ratings_today: p.drawn.0.ratings,
            sentiment_today: p.drawn.0.sentiment,
        },
        money: MoneyView {
            handling_cents_per_month: handling.filter(|_| !p.points.is_empty()),
            compensation_cents_per_month: compensation,
            total_cents_per_month: handling
                .filter(|_| !p.points.is_empty())
                .map(|h| h + compensation),
        },
        points,
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Days {
    /// Days to look back: 7 to 364, normally 28.
    days: Option<u32>,
}

/// Where every topic stands in frequency × impact.
#[utoipa::path(get, path = "/quadrants", tag = "issues", params(Days),
    responses((status = 200, body = Quadrants)), security(("bearer" = ["read_loop"])))]
async fn quadrants(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<Days>,
) -> Result<Json<Quadrants>> {
    caller.may(Operation::ReadLoop)?;
    let days = query.days.unwrap_or(28);
    if !(7..=364).contains(&days) {
        return Err(Problem::query("days", "out_of_range", "7 to 364"));
    }
    let placed = place(&app, &app.db, days).await?;
    Ok(Json(quadrants_view(&app, &placed).await?))
}

/// Counts along the loop.
#[derive(Serialize, ToSchema)]
struct LoopCounts {
    collected: i64,
    labelled: i64,
    issues: i64,
    tasks: i64,
    verified: i64,
    articles: i64,
}

/// The last 28 days at a glance.
#[derive(Serialize, ToSchema)]
struct Overview {
    day: NaiveDate,
    from: NaiveDate,
    to: NaiveDate,
    contacts_today: i64,
    contacts: i64,
    rated: i64,
    /// 0 to 1; null without ratings.
    csat: Option<f64>,
    open_issues: i64,
    open_tasks: i64,
    overdue_tasks: i64,
    /// Voices without a time: kept for search, outside the figures.
    undated: i64,
    /// 0 to 1; null without voices.
    unexplained_share: Option<f64>,
    quadrant: Quadrants,
    #[serde(rename = "loop")]
    along: LoopCounts,
}

/// The last 28 days at a glance.
#[utoipa::path(get, path = "/overview", tag = "issues", responses((status = 200, body = Overview)),
    security(("bearer" = ["read_loop"])))]
async fn overview(State(app): State<Shared>, caller: Caller) -> Result<Json<Overview>> {
    caller.may(Operation::ReadLoop)?;
    let placed = place(&app, &app.db, 28).await?;
    let mut all = Counters::default();
    for counters in placed.sums.values() {
        all.add(counters);
    }
    let today = storage::facts::sum(
        &app.db,
        &storage::facts::Query {
            from: Some(placed.to),
            to: Some(placed.to),
            classes: vec![Class::Contact],
            ..Default::default()
        },
    )
    .await?;
    let (collected, undated, unlabelled) = storage::feedback::totals(&app.db).await?;
    let issues = storage::issues::count_by_state(&app.db).await?;
    let tasks = storage::tasks::count_by_state(&app.db).await?;
    let sum = |of: &[(String, i64)], states: &[&str]| -> i64 {
        of.iter()
            .filter(|(s, _)| states.contains(&s.as_str()))
            .map(|(_, n)| n)
            .sum()
    };
    let now = app.now();
    let under_way = storage::tasks::Filter {
        states: ["assigned", "accepted", "in_progress"]
            .map(str::to_owned)
            .to_vec(),
        ..Default::default()
    };
    let overdue = storage::tasks::list(&app.db, &under_way, 500)
        .await?
        .items
        .iter()
        .filter(|t| t.is_overdue(now))
        .count();
    let unexplained = placed.sums.get("").map_or(0, |c| c.voices);
    Ok(Json(Overview {
        day: placed.to,
        from: placed.from,
        to: placed.to,
        contacts_today: today.first().map_or(0, |s| s.counters.contacts),
        contacts: all.contacts,
        rated: all.rated,
        csat: all.csat(),
        open_issues: sum(&issues, &UNRESOLVED),
        open_tasks: sum(
            &tasks,
            &[
                "assigned",
                "accepted",
                "in_progress",
                "declined",
                "awaiting_approval",
            ],
        ),
        overdue_tasks: i64::try_from(overdue).unwrap_or(0),
        undated,
        unexplained_share: (all.voices > 0).then(|| unexplained as f64 / all.voices as f64),
        quadrant: quadrants_view(&app, &placed).await?,
        along: LoopCounts {
            collected,
            labelled: collected - unlabelled,
            issues: issues.iter().map(|(_, n)| n).sum(),
            tasks: tasks.iter().map(|(_, n)| n).sum(),
            verified: storage::verification::improved(&app.db).await?,
            articles: storage::knowledge::total(&app.db).await?,
        },
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FactsQuery {
    /// `contacts`, `rated`, `csat`, `mean_rating`, `negative_share`, `aht`, `repeats`, `risky` or `voices`.
    metric: String,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    /// A topic and everything below it; empty: voices without a topic.
    topic: Option<String>,
    channel: Option<String>,
    /// `contact`, `survey`, `search`, `vote` or `voe`; normally contacts and surveys, for figures of
    /// searches and of articles theirs.
    class: Option<String>,
    /// Any of `day,topic,channel`; or one of `agent`, `team`, `search_term`, `article`, with or without
    /// `day`: then neither topic, channel nor class can be asked for.
    group_by: Option<String>,
}

/// One figure.
#[derive(Default, Serialize, ToSchema)]
struct FactRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// Folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    search_term: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    article: Option<String>,
    /// Null where nothing was measured: never 0.
    value: Option<f64>,
    /// What the value was computed from.
    n: i64,
}

/// The numbers under a chart.
#[derive(Serialize, ToSchema)]
struct Facts {
    metric: String,
    items: Vec<FactRow>,
}

/// A figure of some counters, and what it was computed from.
type Figure = fn(&Counters) -> (Option<f64>, i64);

fn metric(name: &str) -> Option<Figure> {
    Some(match name {
        "voices" => |c| (Some(c.voices as f64), c.voices),
        "contacts" => |c| (Some(c.contacts as f64), c.contacts),
        "rated" => |c| (Some(c.rated as f64), c.rated),
        "repeats" => |c| (Some(c.repeats as f64), c.repeats),
        "risky" => |c| (Some(c.risky as f64), c.risky),
        "csat" => |c| (c.csat(), c.rated),
        "mean_rating" => |c| (c.mean_rating(), c.rated),
        "negative_share" => |c| (c.negative_share(), c.sentiment_n),
        "aht" => |c| (c.mean_handling(), c.handle_n),
        // Distinct per topic and day: asked for over several of them it counts a customer again.
        "customers" => |c| (Some(c.customers as f64), c.voices),
        "fcr" => |c| (c.fcr_share(), c.fcr_known),
        "repeat_share" => |c| (c.repeat_share(), c.contacts),
        "containment" => |c| (c.containment(), c.contacts),
        "nps" => |c| (c.nps(), c.nps_n),
        "nps_detractors" => |c| (Some(c.nps_detractors as f64), c.nps_n),
        "no_result" => |c| (Some(c.no_result as f64), c.voices),
        "no_result_share" => |c| (c.no_result_share(), c.voices),
        "helpful" => |c| (Some(c.helpful as f64), c.helpful + c.unhelpful),
        "unhelpful" => |c| (Some(c.unhelpful as f64), c.helpful + c.unhelpful),
        "unhelpful_share" => |c| (c.unhelpful_share(), c.helpful + c.unhelpful),
        _ => return None,
    })
}

/// The classes that a figure is of, unless the question names one.
fn classes_of(metric: &str) -> Vec<Class> {
    match metric {
        "no_result" | "no_result_share" => vec![Class::Search],
        "helpful" | "unhelpful" | "unhelpful_share" => vec![Class::Vote],
        _ => Vec::new(),
    }
}

/// Figures of agents, teams, search terms or articles.
async fn detail_facts(
    app: &Shared,
    kind: Detail,
    query: FactsQuery,
    by_day: bool,
    of: Figure,
) -> Result<Json<Facts>> {
    if query.topic.is_some() || query.channel.is_some() || query.class.is_some() {
        let field = match (&query.topic, &query.channel) {
            (Some(_), _) => "topic",
            (None, Some(_)) => "channel",
            (None, None) => "class",
        };
        return Err(Problem::query(
            field,
            "unknown",
            "agents, teams, search terms and articles are not counted by topic, channel or class",
        ));
    }
    let wanted = storage::facts::DetailQuery {
        from: query.from,
        to: query.to,
        by_day,
        by_subject: true,
        ..storage::facts::DetailQuery::of(kind)
    };
    let items = storage::facts::sum_details(&app.db, &wanted)
        .await?
        .into_iter()
        .map(|s| {
            let (value, n) = of(&s.counters);
            let mut row = FactRow {
                day: s.day,
                value,
                n,
                ..FactRow::default()
            };
            match kind {
                Detail::Agent => row.agent = s.subject,
                Detail::Team => row.team = s.subject,
                Detail::SearchTerm => row.search_term = s.subject,
                Detail::Article => row.article = s.subject,
            }
            row
        })
        .collect();
    Ok(Json(Facts {
        metric: query.metric,
        items,
    }))
}

/// The numbers under every chart, from daily facts.
#[utoipa::path(get, path = "/facts", tag = "issues", params(FactsQuery),
    responses((status = 200, body = Facts)), security(("bearer" = ["read_loop"])))]
async fn facts(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<FactsQuery>,
) -> Result<Json<Facts>> {
    caller.may(Operation::ReadLoop)?;
    let Some(of) = metric(&query.metric) else {
        return Err(Problem::query("metric", "unknown", "no such metric"));
    };
    extract::in_order(query.from, query.to)?;
    let mut wanted = storage::facts::Query {
        from: query.from,
        to: query.to,
        channel: query.channel.clone(),
        classes: classes_of(&query.metric),
        ..Default::default()
    };
    let mut detail = None;
    for part in query
        .group_by
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter(|p| !p.is_empty())
    {
        match part.trim() {
            "day" => wanted.by_day = true,
            "topic" => wanted.by_topic = true,
            "channel" => wanted.by_channel = true,
            other => {
                if let Some(kind) = Detail::parse(other).filter(|_| detail.is_none()) {
                    detail = Some(kind);
                    continue;
                }
                return Err(Problem::query(
                    "group_by",
                    "unknown",
                    "day, topic, channel, or one of agent, team, search_term, article",
                ));
            }
        }
    }
    if let Some(kind) = detail {
        if wanted.by_topic || wanted.by_channel || query.metric == "customers" {
            return Err(Problem::query(
                "group_by",
                "invalid",
                "agents, teams, search terms and articles are not counted by topic, channel or customer",
            ));
        }
        let by_day = wanted.by_day;
        return detail_facts(&app, kind, query, by_day, of).await;
    }
    if let Some(class) = &query.class {
        let class = Class::from_str(class)
            .map_err(|e| Problem::query("class", "unknown", e.to_string()))?;
        wanted.classes = vec![class];
    }
    if let Some(topic) = query.topic {
        wanted.topics = Some(if topic.is_empty() {
            vec![topic]
        } else {
            subtree(&topic, &storage::organisation::all(&app.db).await?)
        });
    }
    let items = storage::facts::sum(&app.db, &wanted)
        .await?
        .into_iter()
        .map(|s| {
            let (value, n) = of(&s.counters);
            FactRow {
                day: s.day,
                topic: s.topic,
                channel: s.channel,
                value,
                n,
                ..FactRow::default()
            }
        })
        .collect();
    Ok(Json(Facts {
        metric: query.metric,
        items,
    }))
}

/// How often.
#[derive(Serialize, ToSchema)]
struct Frequency {
    /// Contacts in the window.
    contacts: i64,
    per_1000: f64,
    /// Share of the contacts of all listed topics, 0 to 1.
    share: f64,
    contacts_per_week: f64,
    /// Lower end of the 90 % interval.
    low: f64,
    high: f64,
    /// Probability that it is more frequent than the line; null without feedback.
    probability: Option<f64>,
    /// Contacts per week that separate often from seldom.
    line: f64,
}

/// How bad.
#[derive(Serialize, ToSchema)]
struct Impact {
    /// 0 to 1.
    value: f64,
    low: f64,
    high: f64,
    line: f64,
    /// Probability that it is worse than the line; null without feedback.
    probability: Option<f64>,
    /// Share of unhappy customers that is usual at the mix of its own channels.
    expected: Option<f64>,
    /// The formula: the contributions add up to the value.
    parts: Vec<ImpactPart>,
    /// Frequency × impact.
    unhappy_per_week: f64,
    /// Those above what is usual at its channels, by a cautious estimate.
    avoidable_per_week: f64,
    hours_per_week: Option<f64>,
    /// Stands beside the impact and never enters it; null without feedback.
    money: Option<MoneyView>,
    /// `ratings` or `sentiment`; `demand` of an opportunity: its value is the share of the contacts that
    /// fall in the later half of the window, its line that share if demand were steady.
    basis: String,
    negative_share: Option<f64>,
    risk_share: f64,
    handling_minutes: f64,
    compensation_cents: i64,
    explanation: Bilingual,
}

/// Why a churn risk is never harmless.
fn leaving(explanation: &Bilingual) -> Bilingual {
    Bilingual::new(
        format!(
            "客户明确说要走：无论评分多少都按影响大处理。{}",
            explanation.zh
        ),
        format!(
            "Customers say that they leave: that is bad whatever marks they give. {}",
            explanation.en
        ),
    )
}

/// A voice, quoted.
#[derive(Serialize, ToSchema)]
struct EvidenceVoice {
    feedback_id: String,
    text: String,
    channel: String,
    occurred_at: Option<NaiveDate>,
    rating: Option<u8>,
}

/// One firing of a detector.
#[derive(Serialize, ToSchema)]
#[schema(as = Signal)]
struct SignalView {
    id: String,
    detector: String,
    kind: String,
    window: NaiveDate,
    count: i64,
    limit: i64,
    fired_at: DateTime<Utc>,
    /// When late data took its reason away; null: it stands.
    withdrawn_at: Option<DateTime<Utc>>,
    explanation: Bilingual,
    /// What it is about; its key is empty in signals of an earlier version.
    subject: Subject,
    /// Distinct customers among `count`, where they are counted; a voice whose customer nobody knows stands
    /// for itself.
    customers: Option<i64>,
    /// How many of `count` nobody's customer stands behind; null: not counted.
    anonymous: Option<i64>,
    /// The time that was counted, where it is not whole days.
    span: Option<TimeSpan>,
    /// What is normal: contacts, a share, seconds.
    baseline: Option<f64>,
    /// What it is now, where that is no count.
    level: Option<f64>,
    /// The figure that was compared with `threshold`.
    statistic: Option<f64>,
    threshold: Option<f64>,
    /// The goal of the verdict that is watched, of signals of the kind `goal_lost`.
    goal: Option<Goal>,
    /// First day of the change, where days are added up.
    change_day: Option<NaiveDate>,
    detector_version: i64,
    /// Whose labels were counted: `name@version`.
    classifier: Option<String>,
}

/// A task, in short.
#[derive(Serialize, ToSchema)]
struct IssueTask {
    id: String,
    title: String,
    state: String,
    department: String,
    owner: String,
    due_at: DateTime<Utc>,
}

/// How an issue is put aside.
#[derive(Serialize, ToSchema)]
#[schema(as = IssueHold)]
struct HoldView {
    since: DateTime<Utc>,
    /// When it is looked at again.
    until: DateTime<Utc>,
    /// The growth over `sizes` that opens it before that.
    factor: f64,
    /// What was counted a day then, by measure: `contacts`, `bad_ratings`, …
    #[schema(value_type = Object)]
    sizes: domain::issues::Sizes,
    /// Why it was dismissed; null: it is snoozed.
    reason: Option<domain::issues::Reason>,
    text: String,
    #[schema(value_type = EventActor)]
    by: Actor,
    /// The state that it comes back to.
    from: String,
}

impl From<domain::issues::Hold> for HoldView {
    fn from(h: domain::issues::Hold) -> Self {
        Self {
            since: h.since,
            until: h.until,
            factor: h.factor,
            sizes: h.sizes,
            reason: h.reason,
            text: h.note,
            by: h.by,
            from: h.from.as_str().to_owned(),
        }
    }
}

/// An issue whose signals and tasks have gone to this one.
#[derive(Serialize, ToSchema)]
struct MergedIssue {
    id: String,
    title: String,
    at: Option<DateTime<Utc>>,
}

/// What an issue was part of.
#[derive(Serialize, ToSchema)]
#[schema(as = IssueSplit)]
struct SplitView {
    from: String,
    at: DateTime<Utc>,
    #[schema(value_type = EventActor)]
    by: Actor,
    reason: String,
    /// Rules whose signals are its own from then on.
    rules: Vec<String>,
    /// When it was taken back; null: it stands by itself.
    ended: Option<DateTime<Utc>>,
}

/// A part of an issue that was split off.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuePart)]
struct PartView {
    id: String,
    title: String,
    state: String,
    kind: IssueKind,
    at: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
}

/// What came of an opportunity.
#[derive(Serialize, ToSchema)]
#[schema(as = IssueOutcome)]
struct OutcomeView {
    revenue_cents: i64,
    text: String,
    #[schema(value_type = EventActor)]
    by: Actor,
    at: DateTime<Utc>,
}

/// A supposed cause.
#[derive(Serialize, ToSchema)]
#[schema(as = Hypothesis)]
struct HypothesisView {
    number: i64,
    text: String,
    department: Option<String>,
    state: domain::issues::Belief,
    reason: String,
    by: String,
    at: DateTime<Utc>,
}

/// A detected problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Issue)]
pub(super) struct IssueView {
    id: String,
    state: String,
    /// `problem`, `opportunity` or `churn_risk`.
    kind: IssueKind,
    title: String,
    /// The title in both languages.
    heading: Bilingual,
    /// What it is about: a topic, search, article, agent or channel.
    subject: Subject,
    /// Empty: it is about no topic, or about voices that no topic explains.
    topic: String,
    topic_name: Bilingual,
    cause: Option<String>,
    #[schema(value_type = Object)]
    scope: Scope,
    detector: String,
    /// What a person decided, else where the topic stands. Never null.
    quadrant: String,
    /// Where the topic stands, whatever a person decided.
    computed_quadrant: String,
    #[serde(rename = "override")]
    decided: Option<QuadrantOverride>,
    movement: QuadrantMovement,
    borderline: bool,
    frequency: Frequency,
    impact: Impact,
    evidence: Vec<EvidenceVoice>,
    signals: Vec<SignalView>,
    /// Contacts of the topic since the issue opened.
    contacts_since_open: i64,
    /// Contacts of the latest window that the detector counted.
    count: i64,
    /// Proven solutions; empty: none yet.
    similar_solutions: Vec<SolutionView>,
    tasks: Vec<IssueTask>,
    timeline: Vec<EventView>,
    /// How a person put it aside; null: nobody did.
    held: Option<HoldView>,
    /// The issue that has its signals; null: itself.
    merged_into: Option<String>,
    /// Issues whose signals and tasks have come to this one.
    merged: Vec<MergedIssue>,
    /// What it was part of; null: it rang by itself.
    split: Option<SplitView>,
    /// Issues that were split off from this one, also those that came back.
    parts: Vec<PartView>,
    /// What came of an opportunity, as a person reports it; null: nobody did.
    outcome: Option<OutcomeView>,
    /// Supposed causes.
    hypotheses: Vec<HypothesisView>,
    alarm_day: NaiveDate,
    opened_at: DateTime<Utc>,
    version: i64,
}

/// Voices that are quoted as evidence: first those that made an immediate rule ring, the latest signal's
/// before older ones', then what the topics' customers say.
async fn evidence(
    db: &impl storage::Read,
    signals: &[storage::detection::Raised],
    topics: &[String],
) -> Result<Vec<crate::mail::Quote>> {
    const MOST: usize = 5;
    let rang: Vec<FeedbackId> = signals
        .iter()
        .filter(|s| s.withdrawn_at.is_none())
        .flat_map(|s| s.voices.iter().copied())
        .take(MOST)
        .collect();
    let mut all = crate::analysis::quotes_of(db, &rang).await?;
    for quote in crate::analysis::quotes(db, topics, MOST).await? {
        let known = |q: &crate::mail::Quote| q.feedback_id == quote.feedback_id;
        if all.len() < MOST && !all.iter().any(known) {
            all.push(quote);
        }
    }
    Ok(all)
}

/// An issue with everything that belongs to it.
async fn view(
    app: &Shared,
    issue: Issue,
    placed: &Placed,
    moves: &[Moved],
    quotes: bool,
) -> Result<IssueView> {
    // What is about an agent or a channel has no topic; the empty one is that of other voices.
    let topics = if issue.topic.is_empty() && issue.subject.kind != SubjectKind::Topic {
        Vec::new()
    } else {
        subtree(&issue.topic, &placed.topics)
    };
    let point: Option<&Point> = placed
        .placement
        .points
        .iter()
        .find(|p| p.topic == issue.topic && !topics.is_empty())
        // An issue of a parent topic stands where its busiest child stands.
        .or_else(|| {
            placed
                .placement
                .points
                .iter()
                .filter(|p| topics.contains(&p.topic))
                .max_by_key(|p| p.contacts)
        });
    let since = storage::facts::sum(
        &app.db,
        &storage::facts::Query {
            from: Some(issue.alarm_day),
            topics: Some(topics.clone()),
            channel: issue.scope.channel.clone(),
            classes: vec![Class::Contact],
            ..Default::default()
        },
    )
    .await?;
    let mut signals = storage::issues::signals(&app.db, issue.id).await?;
    // What was merged into it is evidence of it.
    let merged = storage::issues::merged_into(&app.db, issue.id, 100).await?;
    for other in &merged {
        signals.extend(storage::issues::signals(&app.db, other.id).await?);
    }
    if !merged.is_empty() {
        signals.sort_by(|a, b| (b.fired_at, &b.id).cmp(&(a.fired_at, &a.id)));
        signals.truncate(100);
    }
    let voices = if quotes {
        evidence(&app.db, &signals, &topics).await?
    } else {
        Vec::new()
    };
    let tasks = storage::tasks::list(
        &app.db,
        &storage::tasks::Filter {
            issue: Some(issue.id),
            ..Default::default()
        },
        100,
    )
    .await?;
    let id = issue.id.to_string();
    let similar = crate::knowledge::similar(app, &app.db, &issue.topic).await?;
    let timeline = storage::events::of(&app.db, "issue", &id).await?;
    let line = placed.placement.frequency_line;
    let decisions = storage::quadrants::overrides(&app.db, std::slice::from_ref(&id)).await?;
    let decided = decisions.first();
    let demand = match issue.kind {
        IssueKind::Opportunity => {
            let often = point.map_or(0.0, |p| p.probability_frequent);
            Some(demand_of(&app.db, placed, &issue, &topics, often).await?)
        }
        _ => None,
    };
    let computed = match (issue.kind, &demand) {
        (_, Some(demand)) => demand.quadrant,
        // Who says that they leave is lost, whatever marks they give.
        (IssueKind::ChurnRisk, _) => point.map_or(Quadrant::Plan, |p| p.quadrant.at_its_worst()),
        _ => point.map_or(Quadrant::Watch, |p| p.quadrant),
    };
    let parts = storage::issues::split_from(&app.db, issue.id, 100).await?;
    let stands_as = point.map_or(issue.topic.as_str(), |p| p.topic.as_str());
    let movement = movement(stands_as, placed, moves);
    Ok(IssueView {
        id,
        state: issue.state.as_str().to_owned(),
        topic_name: match issue.subject.kind {
            SubjectKind::Topic if issue.topic.is_empty() => {
                Bilingual::new("未归类的反馈", "Voices without a topic")
            }
            SubjectKind::Topic => topic_name(&issue.topic, &placed.topics),
            _ if issue.topic.is_empty() => {
                Bilingual::new(issue.subject.key.clone(), issue.subject.key.clone())
            }
            _ => topic_name(&issue.topic, &placed.topics),
        },
        heading: issue
            .heading
            .unwrap_or_else(|| Bilingual::new(issue.title.clone(), issue.title.clone())),
        subject: if issue.subject.key.is_empty() {
            Subject::topic(issue.topic.clone())
        } else {
            issue.subject
        },
        title: issue.title,
        topic: issue.topic,
        cause: issue.cause,
        scope: issue.scope,
        detector: issue.detector,
        quadrant: effective(computed, decided).as_str().to_owned(),
        computed_quadrant: computed.as_str().to_owned(),
        decided: decided.map(QuadrantOverride::from),
        movement,
        borderline: match &demand {
            Some(demand) => demand.borderline,
            None => point.is_none_or(|p| p.borderline),
        },
        kind: issue.kind,
        frequency: Frequency {
            contacts: point.map_or(0, |p| p.contacts),
            per_1000: point.map_or(0.0, |p| p.frequency_per_1000),
            share: point.map_or(0.0, |p| p.share),
            contacts_per_week: point.map_or(0.0, |p| p.contacts_per_week),
            low: point.map_or(0.0, |p| p.contacts_per_week_low),
            high: point.map_or(0.0, |p| p.contacts_per_week_high),
            probability: point.map(|p| p.probability_frequent),
            line,
        },
        impact: match (point, demand) {
            (_, Some(demand)) => Impact {
                value: demand.share,
                low: demand.low,
                high: demand.high,
                line: demand.steady,
                probability: Some(demand.probability),
                expected: Some(demand.steady),
                parts: Vec::new(),
                unhappy_per_week: 0.0,
                avoidable_per_week: 0.0,
                hours_per_week: point.and_then(|p| p.hours_per_week),
                money: None,
                basis: "demand".to_owned(),
                negative_share: None,
                risk_share: 0.0,
                handling_minutes: 0.0,
                compensation_cents: 0,
                explanation: demand.explanation,
            },
            (Some(p), None) => Impact {
                value: p.impact,
                low: p.impact_low,
                high: p.impact_high,
                line: p.impact_line,
                probability: Some(p.probability_bad),
                expected: Some(p.expected),
                parts: p.components.iter().map(ImpactPart::from).collect(),
                unhappy_per_week: p.unhappy_per_week,
                avoidable_per_week: p.avoidable_per_week,
                hours_per_week: p.hours_per_week,
                money: Some(p.money.into()),
                basis: p.basis.as_str().to_owned(),
                negative_share: p.negative_share,
                risk_share: p.risk_share,
                handling_minutes: p.handling_minutes,
                compensation_cents: p.compensation_cents,
                explanation: match issue.kind {
                    IssueKind::ChurnRisk => leaving(&p.explanation),
                    _ => p.explanation.clone(),
                },
            },
            (None, None) => Impact {
                value: 0.0,
                low: 0.0,
                high: 1.0,
                line: placed.placement.impact_line,
                probability: None,
                expected: None,
                parts: Vec::new(),
                unhappy_per_week: 0.0,
                avoidable_per_week: 0.0,
                hours_per_week: None,
                money: None,
                basis: placed.placement.basis.as_str().to_owned(),
                negative_share: None,
                risk_share: 0.0,
                handling_minutes: 0.0,
                compensation_cents: 0,
                explanation: Bilingual::new(
                    "最近 28 天没有这个主题的反馈。",
                    "There was no feedback about this topic in the last 28 days.",
                ),
            },
        },
        evidence: voices
            .into_iter()
            .map(|q| EvidenceVoice {
                feedback_id: q.feedback_id,
                text: q.text,
                channel: q.channel,
                occurred_at: q.day,
                rating: q.rating,
            })
            .collect(),
        signals: signals
            .into_iter()
            .map(|f| SignalView {
                id: f.id,
                explanation: f.signal.explanation(),
                detector: f.signal.detector,
                kind: f.signal.kind.as_str().to_owned(),
                subject: f.signal.subject.clone(),
                customers: f.signal.customers,
                anonymous: f.signal.anonymous,
                span: f.signal.span,
                baseline: f.signal.baseline,
                level: f.signal.level,
                statistic: f.signal.statistic,
                threshold: f.signal.threshold,
                change_day: f.signal.change_day,
                goal: f.signal.goal,
                detector_version: f.signal.detector_version,
                classifier: f.signal.classifier.clone(),
                window: f.signal.window,
                count: f.signal.count,
                limit: f.signal.limit,
                fired_at: f.fired_at,
                withdrawn_at: f.withdrawn_at,
            })
            .collect(),
        contacts_since_open: since.first().map_or(0, |s| s.counters.contacts),
        count: issue.count,
        similar_solutions: similar.into_iter().map(SolutionView::from).collect(),
        tasks: tasks
            .items
            .into_iter()
            .map(|t| IssueTask {
                id: t.id.to_string(),
                title: t.title,
                state: t.state.as_str().to_owned(),
                department: t.department,
                owner: t.owner.display_name().to_owned(),
                due_at: t.due_at,
            })
            .collect(),
        timeline: timeline.into_iter().map(EventView::from).collect(),
        held: issue.held.map(HoldView::from),
        merged_into: issue.merged.map(|m| m.into.to_string()),
        merged: merged
            .into_iter()
            .filter(|m| m.split.as_ref().is_none_or(|s| s.ended.is_none()))
            .map(|m| MergedIssue {
                id: m.id.to_string(),
                title: m.heading.as_ref().map_or(m.title, crate::http::spoken),
                at: m.merged.map(|m| m.at),
            })
            .collect(),
        split: issue.split.map(|s| SplitView {
            from: s.from.to_string(),
            at: s.at,
            by: s.by,
            reason: s.reason,
            rules: s.rules,
            ended: s.ended,
        }),
        parts: parts
            .into_iter()
            .map(|p| PartView {
                id: p.id.to_string(),
                title: p.title,
                state: p.state.as_str().to_owned(),
                kind: p.kind,
                at: p.split.as_ref().map(|s| s.at),
                ended: p.split.and_then(|s| s.ended),
            })
            .collect(),
        outcome: issue.outcome.map(|o| OutcomeView {
            revenue_cents: o.revenue_cents,
            text: o.text,
            by: o.by,
            at: o.at,
        }),
        hypotheses: issue
            .hypotheses
            .into_iter()
            .map(|h| HypothesisView {
                number: h.number,
                text: h.text,
                department: h.department,
                state: h.state,
                reason: h.why,
                by: h.by.name,
                at: h.at,
            })
            .collect(),
        alarm_day: issue.alarm_day,
        opened_at: issue.opened_at,
        version: issue.version,
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IssueQuery {
    /// One or more of `open,in_progress,verifying,resolved,relapsed,dismissed,snoozed`.
    state: Option<String>,
    /// `fix_now`, `plan`, `quick_win` or `watch`.
    quadrant: Option<String>,
    /// `problem`, `opportunity` or `churn_risk`.
    kind: Option<String>,
    topic: Option<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// Issues, newest first.
#[utoipa::path(get, path = "/issues", tag = "issues", params(IssueQuery),
    responses((status = 200, body = List<IssueView>)), security(("bearer" = ["read_loop"])))]
async fn list_issues(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<IssueQuery>,
) -> Result<Json<List<IssueView>>> {
    caller.may(Operation::ReadLoop)?;
    let limit = extract::limit(query.limit)?;
    let states = extract::words(query.state.as_deref());
    let known = |s: &String| domain::issues::State::parse(s).is_some();
    if !states.iter().all(known) {
        return Err(Problem::query("state", "unknown", "no such state"));
    }
    if query
        .quadrant
        .as_deref()
        .is_some_and(|q| Quadrant::parse(q).is_none())
    {
        return Err(Problem::query(
            "quadrant",
            "unknown",
            "fix_now, plan, quick_win or watch",
        ));
    }
    let kind = query.kind.as_deref().map(IssueKind::parse);
    let Ok(kind) = kind.map_or(Ok(None), |k| k.map(Some).ok_or(())) else {
        return Err(Problem::query(
            "kind",
            "unknown",
            "problem, opportunity or churn_risk",
        ));
    };
    let placed = place(&app, &app.db, 28).await?;
    let moves = trail(&app, &placed).await?;
    let quotes =
        caller.may(Operation::ReadFeedback).is_ok() || caller.may(Operation::RunLoop).is_ok();
    let mut filter = storage::issues::Filter {
        states,
        topic: query.topic,
        kind,
        after: extract::cursor(query.cursor)?,
    };
    let mut items = Vec::new();
    // Quadrants are where topics stand now: filtered here, page by page, until the answer is full.
    let next = loop {
        let page = storage::issues::list(&app.db, &filter, limit).await?;
        for issue in page.items {
            let seen = view(&app, issue, &placed, &moves, quotes).await?;
            if query.quadrant.as_ref().is_none_or(|q| *q == seen.quadrant) {
                items.push(seen);
            }
        }
        match page.next {
            Some(next) if (items.len() as u64) < limit => filter.after = Some(next),
            next => break next,
        }
    };
    Ok(Json(List {
        items,
        next_cursor: next,
    }))
}

/// One issue.
#[utoipa::path(get, path = "/issues/{id}", tag = "issues", params(("id" = String, Path)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["read_loop"])))]
async fn read_issue(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response> {
    caller.may(Operation::ReadLoop)?;
    let id: IssueId = id.parse().map_err(|_| Problem::not_found("issue"))?;
    let Some(issue) = storage::issues::get(&app.db, id).await? else {
        return Err(Problem::not_found("issue"));
    };
    Ok(tagged(shown(&app, &caller, issue).await?))
}

/// An answer with its version as ETag.
pub(super) fn tagged(view: IssueView) -> Response {
    let version = view.version;
    let mut response = Json(view).into_response();
    if let Ok(tag) = format!("\"{version}\"").parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A person's decision about an issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuadrantDecision {
    /// `fix_now`, `plan`, `quick_win` or `watch`.
    quadrant: String,
    /// Why, 1 to 500 characters: shown to everybody.
    reason: String,
}

/// An issue as this caller sees it.
pub(super) async fn shown(app: &Shared, caller: &Caller, issue: Issue) -> Result<IssueView> {
    let placed = place(app, &app.db, 28).await?;
    let moves = trail(app, &placed).await?;
    let quotes =
        caller.may(Operation::ReadFeedback).is_ok() || caller.may(Operation::RunLoop).is_ok();
    view(app, issue, &placed, &moves, quotes).await
}

/// Puts an issue into a quadrant, whatever the figures say, until it is released.
#[utoipa::path(put, path = "/issues/{id}/quadrant", tag = "issues", request_body = QuadrantDecision,
    params(("id" = String, Path)), responses((status = 200, body = IssueView)),
    security(("bearer" = ["run_loop"])))]
async fn decide_quadrant(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
    Body(body): Body<QuadrantDecision>,
) -> Result<Json<IssueView>> {
    caller.may(Operation::RunLoop)?;
    let id: IssueId = id.parse().map_err(|_| Problem::not_found("issue"))?;
    let Some(quadrant) = Quadrant::parse(&body.quadrant) else {
        return Err(Problem::field(
            "quadrant",
            "unknown",
            "fix_now, plan, quick_win or watch",
        ));
    };
    let reason = body.reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Problem::field("reason", "invalid", "1 to 500 characters"));
    }
    let tx = app.begin().await?;
    let Some(issue) = storage::issues::get(&tx, id).await? else {
        return Err(Problem::not_found("issue"));
    };
    let before = storage::quadrants::overrides(&tx, &[id.to_string()]).await?;
    storage::quadrants::put_override(&tx, id, quadrant, reason, &caller.actor).await?;
    let data = serde_json::json!({
        "from": before.first().map(|o| o.quadrant),
        "to": quadrant,
        "reason": reason,
    });
    storage::events::record(
        &tx,
        app.ids.next(),
        "issue",
        &id.to_string(),
        "issue.quadrant_overridden",
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    Ok(Json(shown(&app, &caller, issue).await?))
}

/// Releases a person's decision: the issue stands again where its topic stands.
#[utoipa::path(delete, path = "/issues/{id}/quadrant", tag = "issues", params(("id" = String, Path)),
    responses((status = 200, body = IssueView)), security(("bearer" = ["run_loop"])))]
async fn release_quadrant(
    State(app): State<Shared>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<IssueView>> {
    caller.may(Operation::RunLoop)?;
    let id: IssueId = id.parse().map_err(|_| Problem::not_found("issue"))?;
    let tx = app.begin().await?;
    let Some(issue) = storage::issues::get(&tx, id).await? else {
        return Err(Problem::not_found("issue"));
    };
    let before = storage::quadrants::overrides(&tx, &[id.to_string()]).await?;
    if !storage::quadrants::delete_override(&tx, id).await? {
        return Err(Problem::not_found("override"));
    }
    let data = serde_json::json!({
        "from": before.first().map(|o| o.quadrant),
        "reason": before.first().map(|o| &o.reason),
    });
    storage::events::record(
        &tx,
        app.ids.next(),
        "issue",
        &id.to_string(),
        "issue.quadrant_released",
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    Ok(Json(shown(&app, &caller, issue).await?))
}
