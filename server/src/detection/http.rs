//! Detectors over HTTP, with their back-test; the calendar of exceptions; silent sources; unusual topics.

use super::backtest::{self, Backtest, LONGEST};
use super::history::Setup;
use super::judge::Shelf;
use super::words;
use crate::app::Shared;
use crate::http::extract::{self, Fault, When};
use crate::http::{Body, Caller, FieldError, IfMatch, List, Params, Problem, Result, Segment};
use crate::organisation::http::{require, same_key, tagged};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::local_day;
use domain::detection::params::{
    AgentDriftParams, CsatFallParams, LowRatingParams, NewTopicParams, NoResultParams,
    PhraseParams, RiskParams, SilentParams, SpikeParams, ThresholdParams, UnhelpfulParams, Window,
};
use domain::detection::{
    Detector, Kind, Params as Rule, Scope, Signal, Subject, TimeSpan, Unusual, Watched, unusual,
};
use domain::facts::{CalendarNote, LONGEST_NOTE};
use domain::identity::{Actor, Operation};
use domain::organisation::{Bilingual, Channel, Topic, check_key, is_email};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::organisation as store;
use tokio::task::block_in_place;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Routes of this capability.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_detectors))
        .routes(routes!(read_detector, write_detector, delete_detector))
        .routes(routes!(list_signals))
        .routes(routes!(list_events))
        .routes(routes!(list_kinds))
        .routes(routes!(backtest_saved))
        .routes(routes!(backtest_unsaved))
        .routes(routes!(list_notes))
        .routes(routes!(read_note, write_note, delete_note))
        .routes(routes!(list_gaps))
        .routes(routes!(unusual_topics))
}

/// Days that the list of detectors looks back.
const ACTIVITY_DAYS: i64 = 28;

/// A rule and what it has done lately.
#[derive(Serialize, ToSchema)]
#[schema(as = DetectorInList)]
struct DetectorView {
    #[serde(flatten)]
    detector: Detector,
    activity: Activity,
}

/// What a rule did in the last 28 days. Sent back with a detector it is ignored.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = DetectorActivity)]
struct Activity {
    /// Signals it raised.
    raised: i64,
    /// Signals it would have raised, had it not been muted.
    withheld: i64,
    /// It is muted now.
    muted: bool,
    /// The latest of those it would have raised, at most ten.
    withheld_signals: Vec<SignalOfDetector>,
}

/// A signal of a rule.
#[derive(Serialize, ToSchema)]
struct SignalOfDetector {
    id: String,
    day: NaiveDate,
    fired_at: DateTime<Utc>,
    subject: Subject,
    subject_name: Bilingual,
    count: i64,
    limit: i64,
    /// Distinct customers, where they are counted; a voice whose customer nobody knows stands for itself.
    customers: Option<i64>,
    /// How many of the voices nobody's customer stands behind; null: not counted.
    anonymous: Option<i64>,
    /// The time that was counted, where it is not whole days.
    span: Option<TimeSpan>,
    baseline: Option<f64>,
    /// A share or seconds, where the rule looks at one.
    level: Option<f64>,
    statistic: Option<f64>,
    threshold: Option<f64>,
    /// First day of the change, where days are added up.
    change_day: Option<NaiveDate>,
    /// Version of the rule that raised it.
    detector_version: i64,
    /// Whose labels were counted: `name@version`.
    classifier: Option<String>,
    /// The channel whose alarm this is part of.
    part_of: Option<Subject>,
    /// Worth knowing, no problem by itself.
    information: bool,
    /// Its issue; null: it was held back or opens none.
    issue_id: Option<String>,
    /// The rule was muted.
    withheld: bool,
    /// When late data took its reason away; null: it stands.
    withdrawn_at: Option<DateTime<Utc>>,
    /// Why, with what its rule counts now.
    withdrawn_why: Option<Bilingual>,
    explanation: Bilingual,
}

fn signal_view(raised: storage::detection::Raised, topics: &[Topic]) -> SignalOfDetector {
    let s = raised.signal;
    SignalOfDetector {
        id: raised.id,
        fired_at: raised.fired_at,
        issue_id: raised.issue.map(|i| i.to_string()),
        withheld: raised.withheld,
        withdrawn_at: raised.withdrawn_at,
        withdrawn_why: raised.withdrawn_why,
        day: s.window,
        subject_name: words::subject_name(&s, topics),
        explanation: s.explanation(),
        count: s.count,
        limit: s.limit,
        customers: s.customers,
        anonymous: s.anonymous,
        span: s.span,
        baseline: s.baseline,
        level: s.level,
        statistic: s.statistic,
        threshold: s.threshold,
        change_day: s.change_day,
        detector_version: s.detector_version,
        classifier: s.classifier,
        part_of: s.part_of,
        information: s.information,
        subject: s.subject,
    }
}

async fn today(app: &Shared) -> Result<NaiveDate> {
    let zone = store::organisation(&app.db).await?.zone;
    Ok(local_day(app.now(), zone))
}

async fn activities(app: &Shared, detectors: Vec<Detector>) -> Result<Vec<DetectorView>> {
    let today = today(app).await?;
    let since = today - TimeDelta::days(ACTIVITY_DAYS - 1);
    let counts = storage::detection::fired_counts(&app.db, since, today).await?;
    let topics: Vec<Topic> = store::all(&app.db).await?;
    let mut views = Vec::with_capacity(detectors.len());
    for detector in detectors {
        let mut activity = Activity {
            muted: detector.muted_on(today),
            ..Activity::default()
        };
        if let Some((_, raised, withheld)) = counts.iter().find(|(d, _, _)| *d == detector.key) {
            activity.raised = *raised;
            activity.withheld = *withheld;
        }
        if activity.withheld > 0 {
            let latest =
                storage::detection::signals_of(&app.db, Some(&detector.key), since, today, 200)
                    .await?;
            activity.withheld_signals = latest
                .into_iter()
                .filter(|r| r.withheld)
                .take(10)
                .map(|r| signal_view(r, &topics))
                .collect();
        }
        views.push(DetectorView { detector, activity });
    }
    Ok(views)
}

/// All detectors, each with what it did in the last 28 days.
#[utoipa::path(get, path = "/detectors", tag = "detectors", responses((status = 200, body = List<DetectorView>)),
    security(("bearer" = ["read_loop"])))]
async fn list_detectors(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<List<DetectorView>>> {
    caller.may(Operation::ReadLoop)?;
    let all = store::all(&app.db).await?;
    Ok(List::whole(activities(&app, all).await?))
}

/// One detector.
#[utoipa::path(get, path = "/detectors/{key}", tag = "detectors", params(("key" = String, Path)),
    responses((status = 200, body = DetectorView)), security(("bearer" = ["read_loop"])))]
async fn read_detector(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<DetectorView>)> {
    caller.may(Operation::ReadLoop)?;
    let found: Detector = require(&app, &key, "detector").await?;
    let version = found.version;
    let Some(view) = activities(&app, vec![found]).await?.pop() else {
        return Err(Problem::not_found("detector"));
    };
    Ok(tagged(view, version))
}

/// A detector as it is sent: with or without what the list adds.
struct Sent(Detector);

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let mut value = Value::deserialize(from)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("activity");
            object.remove("warnings");
        }
        // Read in a second step, whose path the first one cannot know.
        serde_path_to_error::deserialize(value)
            .map(Self)
            .map_err(|error| {
                let fault = Fault::of(error.path(), &error.inner().to_string());
                serde::de::Error::custom(fault.sentence())
            })
    }
}

/// A detector that was kept, and what its author should know.
#[derive(Serialize, ToSchema)]
struct DetectorSaved {
    #[serde(flatten)]
    detector: Detector,
    /// Nothing was refused, but perhaps it is not what was meant. Sent back with a detector it is ignored.
    warnings: Vec<FieldError>,
}

/// What is allowed and still most often a slip. A rule may stand before its channel's first voice, so a
/// channel that nobody knows is no reason to refuse it.
async fn warnings(app: &Shared, detector: &Detector) -> Result<Vec<FieldError>> {
    let mut found = Vec::new();
    if let Some(channel) = &detector.scope.channel
        && store::get::<Channel>(&app.db, channel).await?.is_none()
        && !storage::feedback::channel_is_used(&app.db, channel).await?
    {
        found.push(FieldError {
            field: "scope.channel".to_owned(),
            code: "unknown_channel".to_owned(),
            detail: crate::http::spoken(&Bilingual::new(
                "该渠道尚未登记，也没有收到过反馈；在有反馈之前，此规则不会触发",
                "this channel is not registered and has sent nothing yet; until it does, this rule rings for nothing",
            )),
        });
    }
    Ok(found)
}

/// Whether a rule can be kept, or tried.
pub async fn check(app: &Shared, detector: &Detector) -> Result<()> {
    detector
        .check()
        .map_err(|e| Problem::field(&e.field, e.code, &e.detail))?;
    let scope = &detector.scope;
    // Searches, articles, agents and channels are counted by themselves.
    let narrow = match detector.kind {
        Kind::NoResultSearch | Kind::UnhelpfulArticle | Kind::AgentDrift => [
            ("scope.topic", scope.topic.is_some()),
            ("scope.channel", scope.channel.is_some()),
            ("scope.region", scope.region.is_some()),
        ],
        Kind::SilentSource => [
            ("scope.topic", scope.topic.is_some()),
            ("scope.channel", false),
            ("scope.region", scope.region.is_some()),
        ],
        _ => [("", false); 3],
    };
    if let Some((field, _)) = narrow.iter().find(|(_, set)| *set) {
        return Err(Problem::field(
            *field,
            "unknown",
            "rules of this kind cannot be narrowed by it",
        ));
    }
    if let Some(topic) = &scope.topic
        && store::get::<Topic>(&app.db, topic).await?.is_none()
    {
        return Err(Problem::field("scope.topic", "unknown", "no such topic"));
    }
    if detector.owner.as_deref().is_some_and(|o| !is_email(o)) {
        return Err(Problem::field("owner", "invalid", "not an e-mail address"));
    }
    Ok(())
}

/// Creates or replaces a detector. It watches what arrives from now on. A mute needs its end and a reason;
/// who muted and when stands in the detector's history.
#[utoipa::path(put, path = "/detectors/{key}", request_body = Detector, tag = "detectors",
    params(("key" = String, Path)), responses((status = 200, body = DetectorSaved)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_detector(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(Sent(mut new)): Body<Sent>,
) -> Result<(HeaderMap, Json<DetectorSaved>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    check_key(&new.key)?;
    check(&app, &new).await?;
    let today = today(&app).await?;
    let latest = today + TimeDelta::days(366);
    if new.mute.as_ref().is_some_and(|mute| mute.until > latest) {
        return Err(Problem::field(
            "mute.until",
            "out_of_range",
            "at most a year ahead: who wants it longer switches the rule off",
        ));
    }
    let tx = app.begin().await?;
    let before = store::get::<Detector>(&tx, &key).await?;
    // A mute that has passed comes back with every change of something else: only a new one is a slip.
    let muted = before.as_ref().and_then(|old| old.mute.as_ref());
    if new
        .mute
        .as_ref()
        .is_some_and(|mute| mute.until < today && muted != Some(mute))
    {
        return Err(Problem::field(
            "mute.until",
            "in_the_past",
            "today at the earliest",
        ));
    }
    let saved = store::put(&tx, &new, expected).await?;
    let event = match &before {
        None => "detector.created",
        Some(old) if old.mute != saved.mute && saved.mute.is_some() => "detector.muted",
        Some(old) if old.mute != saved.mute => "detector.unmuted",
        Some(_) => "detector.changed",
    };
    let data = serde_json::json!({"from": before, "to": saved});
    storage::events::record(
        &tx,
        app.ids.next(),
        "detector",
        &key,
        event,
        &caller.actor,
        &data,
    )
    .await?;
    tx.commit().await?;
    let version = saved.version;
    let warnings = warnings(&app, &saved).await?;
    let kept = DetectorSaved {
        detector: saved,
        warnings,
    };
    Ok(tagged(kept, version))
}

/// Removes a detector. Its signals stay.
#[utoipa::path(delete, path = "/detectors/{key}", tag = "detectors", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_organisation"])))]
async fn delete_detector(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManageOrganisation)?;
    let tx = app.begin().await?;
    if !store::delete::<Detector>(&tx, &key).await? {
        return Err(Problem::not_found("detector"));
    }
    storage::events::record(
        &tx,
        app.ids.next(),
        "detector",
        &key,
        "detector.removed",
        &caller.actor,
        &Value::Null,
    )
    .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DayRange {
    /// First day, or a time on it; normally 28 days ago.
    #[param(value_type = Option<String>)]
    from: Option<When>,
    /// Last day, or a time on it; normally today.
    #[param(value_type = Option<String>)]
    to: Option<When>,
}

impl DayRange {
    /// First and last day of the organisation's calendar, where they are given.
    async fn days(&self, app: &Shared) -> Result<(Option<NaiveDate>, Option<NaiveDate>)> {
        let zone = store::organisation(&app.db).await?.zone;
        let days = (self.from.map(|w| w.day(zone)), self.to.map(|w| w.day(zone)));
        extract::in_order(days.0, days.1)?;
        Ok(days)
    }
}

/// What a detector raised, and what it would have raised while it was muted, newest first; at most 500.
#[utoipa::path(get, path = "/detectors/{key}/signals", tag = "detectors", params(("key" = String, Path), DayRange),
    responses((status = 200, body = List<SignalOfDetector>)), security(("bearer" = ["read_loop"])))]
async fn list_signals(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Params(range): Params<DayRange>,
) -> Result<Json<List<SignalOfDetector>>> {
    caller.may(Operation::ReadLoop)?;
    let (from, to) = range.days(&app).await?;
    let to = match to {
        Some(to) => to,
        None => today(&app).await?,
    };
    let from = from.unwrap_or(to - TimeDelta::days(ACTIVITY_DAYS - 1));
    extract::in_order(Some(from), Some(to))?;
    let topics: Vec<Topic> = store::all(&app.db).await?;
    let found = storage::detection::signals_of(&app.db, Some(&key), from, to, 500).await?;
    Ok(List::whole(
        found.into_iter().map(|r| signal_view(r, &topics)).collect(),
    ))
}

/// One line of a detector's history.
#[derive(Serialize, ToSchema)]
struct DetectorEvent {
    at: DateTime<Utc>,
    #[schema(value_type = Object)]
    actor: Actor,
    /// `detector.created`, `.changed`, `.muted`, `.unmuted` or `.removed`.
    kind: String,
    #[schema(value_type = Object)]
    data: Value,
}

/// Who changed or muted a detector, and when.
#[utoipa::path(get, path = "/detectors/{key}/events", tag = "detectors", params(("key" = String, Path)),
    responses((status = 200, body = List<DetectorEvent>)), security(("bearer" = ["read_loop"])))]
async fn list_events(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<Json<List<DetectorEvent>>> {
    caller.may(Operation::ReadLoop)?;
    let all = storage::events::of(&app.db, "detector", &key).await?;
    Ok(List::whole(
        all.into_iter()
            .map(|e| DetectorEvent {
                at: e.at,
                actor: e.actor,
                kind: e.kind,
                data: e.data,
            })
            .collect(),
    ))
}

/// A kind of rule, with what its parameters are when nothing is said.
#[derive(Serialize, ToSchema)]
#[schema(as = DetectorKindInfo)]
struct KindInfo {
    kind: Kind,
    name: Bilingual,
    /// The voice that crosses the line fires it; others look at days at their close.
    immediate: bool,
    #[schema(value_type = Object)]
    params: Rule,
}

/// Every kind of detector, with its parameters as documented.
#[utoipa::path(get, path = "/detector-kinds", tag = "detectors",
    responses((status = 200, body = List<KindInfo>)), security(("bearer" = ["read_loop"])))]
async fn list_kinds(caller: Caller) -> Result<Json<List<KindInfo>>> {
    caller.may(Operation::ReadLoop)?;
    let params = |kind| match kind {
        Kind::Threshold => Rule::Threshold(ThresholdParams {
            limit: 50,
            window: Window::DAY,
        }),
        Kind::Spike => Rule::Spike(SpikeParams::default()),
        Kind::CsatFall | Kind::GoalLost => Rule::CsatFall(CsatFallParams::default()),
        Kind::Risk => Rule::Risk(RiskParams::default()),
        Kind::LowRating => Rule::LowRating(LowRatingParams::default()),
        Kind::NoResultSearch => Rule::NoResultSearch(NoResultParams::default()),
        Kind::UnhelpfulArticle => Rule::UnhelpfulArticle(UnhelpfulParams::default()),
        Kind::AgentDrift => Rule::AgentDrift(AgentDriftParams::default()),
        Kind::Phrase => Rule::Phrase(PhraseParams::default()),
        Kind::SilentSource => Rule::SilentSource(SilentParams::default()),
        Kind::NewTopic => Rule::NewTopic(NewTopicParams::default()),
    };
    let all = Kind::ALL
        .into_iter()
        .map(|kind| KindInfo {
            kind,
            name: words::finding(kind),
            immediate: kind.immediate() || kind == Kind::UnhelpfulArticle,
            params: params(kind),
        })
        .collect();
    Ok(List::whole(all))
}

/// Days to look at, both included.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Span {
    from: NaiveDate,
    to: NaiveDate,
    /// Whose days the chart shows: a topic, search, article, agent or channel; normally the rule's topic, or
    /// what rang most.
    #[serde(default)]
    subject: Option<String>,
}

/// A rule that is not saved yet, and the days to try it on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Trial {
    #[schema(value_type = Detector)]
    detector: Sent,
    from: NaiveDate,
    to: NaiveDate,
    /// As in the back-test of a saved rule.
    #[serde(default)]
    subject: Option<String>,
}

/// What a detector would have raised.
#[derive(Serialize, ToSchema)]
#[schema(as = Backtest)]
pub struct BacktestView {
    signals: Vec<BacktestSignal>,
    /// Issues that would have opened: one a topic or other subject.
    issues: usize,
    /// Mails that would have gone out.
    mails: usize,
    /// What the chart is about; null: nothing rang.
    series: Option<Subject>,
    /// One row a day.
    days: Vec<ChartDay>,
    /// What one must know of this answer, such as a bound that was met.
    notes: Vec<Bilingual>,
}

#[derive(Serialize, ToSchema)]
struct BacktestSignal {
    /// Key of the subject, whatever it is: a topic for most kinds.
    topic: String,
    subject: Subject,
    day: NaiveDate,
    count: i64,
    limit: i64,
    customers: Option<i64>,
    anonymous: Option<i64>,
    span: Option<TimeSpan>,
    baseline: Option<f64>,
    level: Option<f64>,
    statistic: Option<f64>,
    threshold: Option<f64>,
    change_day: Option<NaiveDate>,
    part_of: Option<Subject>,
    /// It opens no issue.
    information: bool,
    explanation: Bilingual,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BacktestDay)]
struct ChartDay {
    day: NaiveDate,
    count: i64,
    /// A share where the rule looks at one.
    level: Option<f64>,
    limit: Option<f64>,
    baseline: Option<f64>,
    /// The rule rings on this day.
    signal: bool,
    /// Why it does not although the day stands above its limit, or why there is no limit.
    note: Option<Bilingual>,
}

impl From<Signal> for BacktestSignal {
    fn from(s: Signal) -> Self {
        Self {
            explanation: s.explanation(),
            topic: s.subject.key.clone(),
            subject: s.subject,
            day: s.window,
            count: s.count,
            limit: s.limit,
            customers: s.customers,
            anonymous: s.anonymous,
            span: s.span,
            baseline: s.baseline,
            level: s.level,
            statistic: s.statistic,
            threshold: s.threshold,
            change_day: s.change_day,
            part_of: s.part_of,
            information: s.information,
        }
    }
}

impl From<Backtest> for BacktestView {
    fn from(b: Backtest) -> Self {
        Self {
            signals: b.signals.into_iter().map(BacktestSignal::from).collect(),
            issues: b.issues,
            mails: b.mails,
            series: b.series,
            days: b
                .days
                .into_iter()
                .map(|d| ChartDay {
                    day: d.day,
                    count: d.count,
                    level: d.level,
                    limit: d.limit,
                    baseline: d.baseline,
                    signal: d.signal,
                    note: d.note,
                })
                .collect(),
            notes: b.notes,
        }
    }
}

fn check_span(from: NaiveDate, to: NaiveDate) -> Result<()> {
    if to < from || (to - from).num_days() > LONGEST {
        let detail = format!("not before from, at most {LONGEST} days after it");
        return Err(Problem::field("to", "out_of_range", detail));
    }
    Ok(())
}

/// Runs a detector over stored history. Nothing is raised and nothing is sent.
#[utoipa::path(post, path = "/detectors/{key}/backtest", request_body = Span, tag = "detectors",
    params(("key" = String, Path)), responses((status = 200, body = BacktestView)),
    security(("bearer" = ["manage_organisation"])))]
async fn backtest_saved(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    Body(span): Body<Span>,
) -> Result<Json<BacktestView>> {
    caller.may(Operation::ManageOrganisation)?;
    let detector: Detector = require(&app, &key, "detector").await?;
    check_span(span.from, span.to)?;
    let subject = span.subject.as_deref();
    let found = backtest::run(&app, &detector, span.from, span.to, subject).await?;
    Ok(Json(found.into()))
}

/// Runs a rule that is not saved yet over stored history. Nothing is kept, raised or sent.
#[utoipa::path(post, path = "/detectors/backtest", request_body = Trial, tag = "detectors",
    responses((status = 200, body = BacktestView)), security(("bearer" = ["manage_organisation"])))]
async fn backtest_unsaved(
    State(app): State<Shared>,
    caller: Caller,
    Body(trial): Body<Trial>,
) -> Result<Json<BacktestView>> {
    caller.may(Operation::ManageOrganisation)?;
    let mut detector = trial.detector.0;
    if detector.key.is_empty() {
        "backtest".clone_into(&mut detector.key);
    } else if let Some(stored) = store::get::<Detector>(&app.db, &detector.key).await? {
        // Tried as it is stored it is that version; anything else is none yet.
        detector.version = stored.version;
        if detector != stored {
            detector.version = 0;
        }
    }
    check(&app, &detector)
        .await
        .map_err(|problem| problem.inside("detector"))?;
    check_span(trial.from, trial.to)?;
    let subject = trial.subject.as_deref();
    let found = backtest::run(&app, &detector, trial.from, trial.to, subject).await?;
    Ok(Json(found.into()))
}

/// Holidays and planned events, in the order of their keys.
#[utoipa::path(get, path = "/calendar-notes", tag = "detectors", params(DayRange),
    responses((status = 200, body = List<CalendarNote>)), security(("bearer" = ["read_loop"])))]
async fn list_notes(
    State(app): State<Shared>,
    caller: Caller,
    Params(range): Params<DayRange>,
) -> Result<Json<List<CalendarNote>>> {
    caller.may(Operation::ReadLoop)?;
    let (from, to) = range.days(&app).await?;
    let all: Vec<CalendarNote> = store::all(&app.db).await?;
    let touches =
        |n: &CalendarNote| from.is_none_or(|from| n.to >= from) && to.is_none_or(|to| n.from <= to);
    Ok(List::whole(all.into_iter().filter(touches).collect()))
}

/// One holiday or planned event.
#[utoipa::path(get, path = "/calendar-notes/{key}", tag = "detectors", params(("key" = String, Path)),
    responses((status = 200, body = CalendarNote)), security(("bearer" = ["read_loop"])))]
async fn read_note(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<(HeaderMap, Json<CalendarNote>)> {
    caller.may(Operation::ReadLoop)?;
    let found: CalendarNote = require(&app, &key, "calendar note").await?;
    let version = found.version;
    Ok(tagged(found, version))
}

/// Creates or replaces a holiday or planned event. Its days stay out of baselines from now on.
#[utoipa::path(put, path = "/calendar-notes/{key}", request_body = CalendarNote, tag = "detectors",
    params(("key" = String, Path)), responses((status = 200, body = CalendarNote)),
    security(("bearer" = ["manage_organisation"])))]
async fn write_note(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
    IfMatch(expected): IfMatch,
    Body(mut new): Body<CalendarNote>,
) -> Result<(HeaderMap, Json<CalendarNote>)> {
    caller.may(Operation::ManageOrganisation)?;
    same_key(&key, &mut new.key)?;
    check_key(&new.key)?;
    let name = new.name.chars().count();
    if name == 0 || name > 120 {
        return Err(Problem::field(
            "name",
            "out_of_range",
            "1 to 120 characters",
        ));
    }
    if new.to < new.from || (new.to - new.from).num_days() >= LONGEST_NOTE {
        let detail = format!("not before from, at most {LONGEST_NOTE} days");
        return Err(Problem::field("to", "out_of_range", &detail));
    }
    let tx = app.begin().await?;
    for (n, topic) in new.topics.iter().enumerate() {
        if store::get::<Topic>(&tx, topic).await?.is_none() {
            let field = format!("topics[{n}]");
            return Err(Problem::field(field, "unknown", "no such topic"));
        }
    }
    let saved = store::put(&tx, &new, expected).await?;
    tx.commit().await?;
    let version = saved.version;
    Ok(tagged(saved, version))
}

/// Removes a holiday or planned event.
#[utoipa::path(delete, path = "/calendar-notes/{key}", tag = "detectors", params(("key" = String, Path)),
    responses((status = 204)), security(("bearer" = ["manage_organisation"])))]
async fn delete_note(
    State(app): State<Shared>,
    caller: Caller,
    Segment(key): Segment<String>,
) -> Result<StatusCode> {
    caller.may(Operation::ManageOrganisation)?;
    let tx = app.begin().await?;
    if !store::delete::<CalendarNote>(&tx, &key).await? {
        return Err(Problem::not_found("calendar note"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Days on which a channel sent less than it should.
#[derive(Serialize, ToSchema)]
struct SourceGap {
    channel: String,
    from: NaiveDate,
    /// Null: it has not come back yet.
    to: Option<NaiveDate>,
}

/// Silent days of channels: what arrived there is incomplete and looks like improvement.
#[utoipa::path(get, path = "/source-gaps", tag = "detectors", params(DayRange),
    responses((status = 200, body = List<SourceGap>)), security(("bearer" = ["read_loop"])))]
async fn list_gaps(
    State(app): State<Shared>,
    caller: Caller,
    Params(range): Params<DayRange>,
) -> Result<Json<List<SourceGap>>> {
    caller.may(Operation::ReadLoop)?;
    let (from, to) = range.days(&app).await?;
    let to = match to {
        Some(to) => to,
        None => today(&app).await?,
    };
    let from = from.unwrap_or(to - TimeDelta::days(365));
    let found = storage::detection::gaps(&app.db, from, to).await?;
    Ok(List::whole(
        found
            .into_iter()
            .map(|g| SourceGap {
                channel: g.channel,
                from: g.from,
                to: g.to,
            })
            .collect(),
    ))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OneDay {
    /// Which closed day, or a time on it; normally yesterday.
    #[param(value_type = Option<String>)]
    day: Option<When>,
}

/// A topic that was unusual on a day.
#[derive(Serialize, ToSchema)]
struct UnusualTopic {
    topic: String,
    name: Bilingual,
    /// `contacts`: more than expected; `satisfaction`: fewer satisfied than expected.
    what: String,
    /// Contacts, or satisfied ratings.
    count: u32,
    expected: f64,
    /// Chance of that when nothing is the matter.
    chance: f64,
}

/// The unusual topics of a day.
#[derive(Serialize, ToSchema)]
struct UnusualTopics {
    day: NaiveDate,
    /// The least likely first. About one in ten of a long list is there by chance.
    items: Vec<UnusualTopic>,
}

/// Which topics were unusual on a day, by Benjamini and Hochberg at 10 %: information, no alarm.
#[utoipa::path(get, path = "/unusual-topics", tag = "detectors", params(OneDay),
    responses((status = 200, body = UnusualTopics)), security(("bearer" = ["read_loop"])))]
async fn unusual_topics(
    State(app): State<Shared>,
    caller: Caller,
    Params(query): Params<OneDay>,
) -> Result<Json<UnusualTopics>> {
    caller.may(Operation::ReadLoop)?;
    let yesterday = today(&app).await? - TimeDelta::days(1);
    let zone = store::organisation(&app.db).await?.zone;
    let day = query.day.map_or(yesterday, |w| w.day(zone));
    if day > yesterday || (yesterday - day).num_days() > LONGEST {
        return Err(Problem::query(
            "day",
            "out_of_range",
            "a closed one of the last 400",
        ));
    }
    let setup = Setup::read(&app.db, zone).await?;
    let mut shelf = Shelf::default();
    let history = shelf
        .get(&app.db, &setup, &Scope::default(), day, day)
        .await?;
    let found = block_in_place(|| {
        let subjects: Vec<(Subject, &domain::detection::Series)> = history
            .topics
            .iter()
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, series)| (Subject::topic(key.clone()), series))
            .collect();
        let watched: Vec<Watched<'_>> = subjects
            .iter()
            .map(|(subject, series)| Watched {
                subject,
                series,
                open: &[],
            })
            .collect();
        history
            .context
            .index(day)
            .map(|d| unusual(&history.context, &watched, d))
            .unwrap_or_default()
    });
    let items = found
        .into_iter()
        .map(|f| UnusualTopic {
            name: words::topic_name(&f.subject.key, &setup.topics),
            topic: f.subject.key,
            what: match f.what {
                Unusual::Contacts => "contacts",
                Unusual::Satisfaction => "satisfaction",
            }
            .to_owned(),
            count: f.count,
            expected: f.expected,
            chance: f.chance,
        })
        .collect();
    Ok(Json(UnusualTopics { day, items }))
}
