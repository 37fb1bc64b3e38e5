//! Where topics stand, and the daily rows of a topic.

use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::local_day;
use domain::facts::{Class, Counters};
use domain::issues::quadrant::{Placement, Quadrant, Settings, TopicSums, place as place_points};
use domain::organisation::{Bilingual, Locale, Topic};
use domain::verification::DayRow;
use std::collections::{BTreeMap, BTreeSet};
use storage::{DbError, Read};

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
}

/// Places every topic by the last `days` days. Cost: topics × channels × days.
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
    let mut of_channel: BTreeMap<String, i64> = BTreeMap::new();
    let mut channels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut sums: BTreeMap<String, Counters> = BTreeMap::new();
    for row in rows {
        let topic = row.topic.unwrap_or_default();
        let channel = row.channel.unwrap_or_default();
        *of_channel.entry(channel.clone()).or_default() += row.counters.contacts;
        channels.entry(topic.clone()).or_default().insert(channel);
        sums.entry(topic).or_default().add(&row.counters);
    }
    let seen = storage::facts::quadrants_seen(db).await?;
    let parse = |name: &String| {
        [
            Quadrant::FixNow,
            Quadrant::Plan,
            Quadrant::QuickWin,
            Quadrant::Watch,
        ]
        .into_iter()
        .find(|q| q.as_str() == name)
    };
    let all: Vec<TopicSums> = sums
        .iter()
        .filter(|(topic, _)| !topic.is_empty())
        .map(|(topic, counters)| TopicSums {
            topic: topic.clone(),
            counters: *counters,
            contacts_of_channels: channels[topic]
                .iter()
                .filter_map(|c| of_channel.get(c))
                .sum(),
            previous: seen.get(topic).and_then(parse),
        })
        .collect();
    let settings = Settings {
        days,
        target_dissatisfaction: organisation.target_dissatisfaction,
        ..Settings::default()
    };
    let placement = place_points(&all, &settings);
    let topics = storage::organisation::all(db).await?;
    Ok(Placed {
        placement,
        from,
        to,
        topics,
        sums,
    })
}

/// Remembers where topics stand, so that a topic near a line does not flap. Written at most when a
/// topic moves.
pub(super) async fn remember(app: &App, placed: &Placed) -> Result<(), DbError> {
    let seen = storage::facts::quadrants_seen(&app.db).await?;
    let moved: Vec<_> = placed
        .placement
        .points
        .iter()
        .filter(|p| seen.get(&p.topic).map(String::as_str) != Some(p.quadrant.as_str()))
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    let tx = app.begin().await?;
    for point in moved {
        storage::facts::see_quadrant(&tx, &point.topic, point.quadrant.as_str()).await?;
    }
    tx.commit().await
}

/// Daily counts of some topics by channel, contacts and surveys together.
pub async fn day_rows(
    db: &impl Read,
    topics: &[String],
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<DayRow>, DbError> {
    let query = storage::facts::Query {
        from: Some(from),
        to: Some(to),
        topics: Some(topics.to_vec()),
        classes: vec![Class::Contact, Class::Survey],
        by_day: true,
        by_channel: true,
        ..Default::default()
    };
    Ok(storage::facts::sum(db, &query)
        .await?
        .into_iter()
        .filter_map(|s| {
            Some(DayRow {
                day: s.day?,
                channel: s.channel.unwrap_or_default(),
                counters: s.counters,
            })
        })
        .collect())
}

/// A topic's name in both languages.
#[must_use]
pub fn topic_name(key: &str, topics: &[Topic]) -> Bilingual {
    match topics.iter().find(|t| t.key == key) {
        Some(topic) => Bilingual::new(topic.title(Locale::ZhCn), topic.title(Locale::En)),
        None => Bilingual::new(key, key),
    }
}
