//! Where topics stand.

use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::detection::{Subject, SubjectKind};
use domain::facts::{Class, Counters};
use domain::identity::Actor;
use domain::issues::demand::{Asked, Demand, demand};
use domain::issues::quadrant::{
    Drawn, Known, Placement, Quadrant, Settings, TopicSums, WINDOW, days_over, due,
    place as place_points,
};
use domain::issues::{Issue, IssueKind};
use domain::organisation::{Bilingual, Locale, Organisation, Topic, path};
use domain::verification::Contract;
use std::collections::BTreeMap;
use storage::quadrants::{Override, Stand};
use storage::{DbError, Read, Tx};

/// States of an issue that is not resolved.
pub const UNRESOLVED: [&str; 4] = ["open", "in_progress", "verifying", "relapsed"];

/// The chart of frequency × impact and what it was made of.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The chart.
    pub placement: Placement,
    /// First day of the window.
    pub from: NaiveDate,
    /// Last day of the window.
    pub to: NaiveDate,
    /// All topics.
    pub topics: Vec<Topic>,
    /// Sums of every topic over the window, `""` for voices without one.
    pub sums: BTreeMap<String, Counters>,
    /// Where every topic stood at the last evaluation.
    pub stands: BTreeMap<String, Stand>,
}

/// Places every topic by the last `days` days. Reads only. Cost: topics × channels × days.
pub async fn place(app: &App, db: &impl Read, days: u32) -> Result<Placed, DbError> {
    let organisation = storage::organisation::organisation(db).await?;
    let to = local_day(app.now(), organisation.zone);
    let from = to - TimeDelta::days(i64::from(days) - 1);
    let query = storage::facts::Query {
        from: Some(from),
        to: Some(to),
        by_topic: true,
        by_channel: true,
        ..Default::default()
    };
    let rows = storage::facts::sum(db, &query).await?;
    let mut of_channel: BTreeMap<String, Counters> = BTreeMap::new();
    let mut channels: BTreeMap<String, Vec<(String, Counters)>> = BTreeMap::new();
    let mut sums: BTreeMap<String, Counters> = BTreeMap::new();
    for row in rows {
        let topic = row.topic.unwrap_or_default();
        let channel = row.channel.unwrap_or_default();
        of_channel
            .entry(channel.clone())
            .or_default()
            .add(&row.counters);
        sums.entry(topic.clone()).or_default().add(&row.counters);
        channels
            .entry(topic)
            .or_default()
            .push((channel, row.counters));
    }
    let topics: Vec<Topic> = storage::organisation::all(db).await?;
    let stands = storage::quadrants::stands(db).await?;
    let tiers = tier_weights(db, &organisation, from, to).await?;
    let all: Vec<TopicSums> = sums
        .iter()
        .filter(|(topic, _)| !topic.is_empty())
        .map(|(topic, counters)| TopicSums {
            topic: topic.clone(),
            counters: *counters,
            mix: channels[topic]
                .iter()
                .map(|(channel, own)| (*own, of_channel[channel]))
                .collect(),
            tier_weight: tiers.get(topic).copied().unwrap_or(1.0),
            failure_demand: failure_demand(topic, &topics),
            previous: stands.get(topic).map(|s| s.quadrant),
        })
        .collect();
    let settings = Settings {
        days,
        target_dissatisfaction: organisation.target_dissatisfaction,
        fixed: organisation.cut_lines,
        frozen: storage::quadrants::lines(db).await?,
        unit_cost_cents_per_minute: organisation.unit_cost_cents_per_minute,
        ..Settings::default()
    };
    Ok(Placed {
        placement: place_points(&all, &settings),
        from,
        to,
        topics,
        sums,
        stands,
    })
}

/// Whether a topic, or the next one above it that says so, is failure demand.
fn failure_demand(key: &str, topics: &[Topic]) -> bool {
    let above = path(key, topics);
    let said = above.iter().find_map(|key| {
        let topic = topics.iter().find(|t| t.key == *key)?;
        topic.demand_type.as_deref()
    });
    said == Some("failure")
}

/// Mean weight of the customer tiers of every topic; empty where tiers have no weight.
async fn tier_weights(
    db: &impl Read,
    organisation: &Organisation,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<BTreeMap<String, f64>, DbError> {
    if organisation.tier_weights.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (topic, tier, n) in storage::quadrants::tiers(db, from, to).await? {
        let sum = sums.entry(topic).or_default();
        sum.0 += n as f64 * organisation.tier_weight(&tier);
        sum.1 += n as f64;
    }
    Ok(sums
        .into_iter()
        .filter(|(_, (_, n))| *n > 0.0)
        .map(|(topic, (weighted, n))| (topic, weighted / n))
        .collect())
}

/// Draws the lines of the month when they are due, and writes down which topics moved: into the
/// history of the topic and of its unresolved issues. The same facts move nothing twice. Answers
/// how many topics moved.
pub(super) async fn evaluate(app: &App, tx: &Tx) -> Result<usize, DbError> {
    let mut placed = place(app, tx, WINDOW).await?;
    if let Some((first, _)) = storage::facts::span(tx).await? {
        let frozen = storage::quadrants::lines(tx).await?;
        let known = Known {
            first,
            today: placed.to,
            contacts: placed.placement.contacts,
            then: match &frozen {
                Some(drawn) => contacts(tx, drawn.on).await?,
                None => 0,
            },
        };
        if due(frozen.as_ref(), known) {
            let (lines, frequency_rule) = placed.placement.drawn;
            let drawn = Drawn {
                lines,
                frequency_rule,
                on: placed.to,
                contacts: Some(contacts(tx, placed.to).await?),
            };
            storage::quadrants::freeze(tx, &drawn).await?;
            placed = place(app, tx, WINDOW).await?;
        }
    }
    let moves = placed.placement.moves();
    if moves.is_empty() {
        return Ok(0);
    }
    let filter = storage::issues::Filter {
        states: UNRESOLVED.map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let issues = storage::issues::list(tx, &filter, 5000).await?.items;
    for step in &moves {
        storage::quadrants::moved(tx, app.ids.next(), placed.to, step).await?;
        // A first place is no change: nobody has to hear of it.
        if step.from.is_none() {
            continue;
        }
        let data = serde_json::json!({"topic": step.topic, "from": step.from, "to": step.to, "why": step.why});
        // Where an opportunity stands is not where its topic stands.
        let problem = |i: &&Issue| i.kind == IssueKind::Problem;
        for issue in issues
            .iter()
            .filter(problem)
            .filter(|i| i.topic == step.topic)
        {
            storage::events::record(
                tx,
                app.ids.next(),
                "issue",
                &issue.id.to_string(),
                "issue.quadrant_moved",
                &Actor::system(),
                &data,
            )
            .await?;
        }
    }
    Ok(moves.len())
}

/// Contacts of all topics by now on the days that are over in the window that ends on a day.
async fn contacts(db: &impl Read, on: NaiveDate) -> Result<i64, DbError> {
    let (from, to) = days_over(on);
    let query = storage::facts::Query {
        from: Some(from),
        to: Some(to),
        by_topic: true,
        ..Default::default()
    };
    let sums = storage::facts::sum(db, &query).await?;
    let of_topic = sums
        .iter()
        .filter(|s| s.topic.as_deref().is_some_and(|t| !t.is_empty()));
    Ok(of_topic.map(|s| s.counters.contacts).sum())
}

/// Where an issue stands: what a person decided, else where its topic stands.
#[must_use]
pub fn effective(computed: Quadrant, decided: Option<&Override>) -> Quadrant {
    decided.map_or(computed, |o| o.quadrant)
}

/// How an opportunity is asked for in the window: in its topics and its channel.
pub async fn demand_of(
    db: &impl Read,
    placed: &Placed,
    issue: &Issue,
    topics: &[String],
    probability_frequent: f64,
) -> Result<Demand, DbError> {
    let days = (placed.to - placed.from).num_days() + 1;
    let later = placed.to - TimeDelta::days(days / 2 - 1);
    let sum = async |from, topics: Option<&[String]>| {
        let query = storage::facts::Query {
            from: Some(from),
            to: Some(placed.to),
            topics: topics.map(<[String]>::to_vec),
            channel: issue.scope.channel.clone(),
            classes: vec![Class::Contact],
            ..Default::default()
        };
        let found = storage::facts::sum(db, &query).await?;
        Ok::<Counters, DbError>(found.first().map(|s| s.counters).unwrap_or_default())
    };
    let (own, recent) = (
        sum(placed.from, Some(topics)).await?,
        sum(later, Some(topics)).await?,
    );
    let (all, all_recent) = (sum(placed.from, None).await?, sum(later, None).await?);
    let asked = Asked {
        days: u32::try_from(days).unwrap_or(WINDOW),
        contacts: own.contacts,
        recent: recent.contacts,
        all: all.contacts,
        all_recent: all_recent.contacts,
        customers: own.customers,
    };
    Ok(demand(asked, probability_frequent))
}

/// What a subject is called in both languages.
#[must_use]
pub fn subject_name(subject: &Subject, topics: &[Topic]) -> Bilingual {
    let key = subject.key.as_str();
    match subject.kind {
        SubjectKind::Topic if key.is_empty() => {
            Bilingual::new("未归类的反馈", "voices without a topic")
        }
        SubjectKind::Topic => topic_name(key, topics),
        SubjectKind::SearchTerm => {
            Bilingual::new(format!("搜索「{key}」"), format!("search \"{key}\""))
        }
        SubjectKind::Article => {
            Bilingual::new(format!("文章「{key}」"), format!("article \"{key}\""))
        }
        SubjectKind::Agent => Bilingual::new(format!("坐席 {key}"), format!("agent {key}")),
        SubjectKind::Channel => Bilingual::new(format!("渠道「{key}」"), format!("channel {key}")),
    }
}

/// What is judged by a contract, in both languages.
#[must_use]
pub fn judged_name(contract: &Contract, topics: &[Topic]) -> Bilingual {
    if contract.subject.kind == SubjectKind::Topic {
        let key = contract.watched();
        subject_name(&Subject::topic(key), topics)
    } else {
        subject_name(&contract.subject, topics)
    }
}

/// A topic's name in both languages.
#[must_use]
pub fn topic_name(key: &str, topics: &[Topic]) -> Bilingual {
    match topics.iter().find(|t| t.key == key) {
        Some(topic) => Bilingual::new(topic.title(Locale::ZhCn), topic.title(Locale::En)),
        None => Bilingual::new(key, key),
    }
}
