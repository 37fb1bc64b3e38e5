//! Spikes of a real stream against a gold file.

use chrono::{DateTime, FixedOffset, NaiveDate, Timelike};
use domain::detection::params::SpikeParams;
use domain::detection::{
    Context, Day, Detector, Lane, Params, Point, Series, Subject, Watched, backtest,
};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Source, topic, day.
type Key = (String, String, NaiveDate);

/// What is counted under the name of all negative voices together.
const ALL_NEGATIVE: &str = "ALL_NEGATIVE";
/// Voices that no topic of the gold file counts.
const REST: &str = "";

struct Voice {
    at: DateTime<FixedOffset>,
    source: String,
    topic: String,
    negative: bool,
    customer: String,
}

pub fn print(stream: &str, gold: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(gold).map_err(|e| format!("{gold}: {e}"))?;
    let gold: Value = serde_json::from_str(&text).map_err(|e| format!("{gold}: {e}"))?;
    let voices = read(stream)?;
    let days = match (
        voices.iter().map(|v| day(v.at)).min(),
        voices.iter().map(|v| day(v.at)).max(),
    ) {
        (Some(first), Some(last)) => (first, last),
        _ => return Err(format!("{stream}: no voice with a time")),
    };
    if let Some(spikes) = gold["spikes"].as_array() {
        let found = spikes_by_source(&voices, days);
        compare(
            &expected(spikes, |g| (text_of(g, "airline"), text_of(g, "topic"))),
            &found,
        );
    } else if let Some(rises) = gold["volume_rises"].as_array() {
        let found = rises_of_all(&voices, days);
        compare(
            &expected(rises, |_| ("all".to_owned(), "volume".to_owned())),
            &found,
        );
    } else {
        return Err("the gold file has neither spikes nor volume_rises".to_owned());
    }
    Ok(())
}

fn day(at: DateTime<FixedOffset>) -> NaiveDate {
    at.date_naive()
}

fn text_of(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn read(stream: &str) -> Result<Vec<Voice>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{stream}: {e}");
    let file = File::open(stream).map_err(|e| failed(&e))?;
    let mut voices = Vec::new();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let row: Value =
            serde_json::from_str(&line.map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
        let Ok(at) = DateTime::parse_from_rfc3339(row["created_at"].as_str().unwrap_or_default())
        else {
            continue;
        };
        voices.push(Voice {
            at,
            source: text_of(&row["extra"], "airline"),
            topic: text_of(&row, "topic"),
            negative: row["sentiment"] == "negative",
            customer: text_of(&row, "customer_ref"),
        });
    }
    Ok(voices)
}

fn expected(gold: &[Value], name: impl Fn(&Value) -> (String, String)) -> BTreeMap<Key, i64> {
    gold.iter()
        .filter_map(|g| {
            let (source, topic) = name(g);
            let date = g["date"].as_str()?.parse().ok()?;
            Some(((source, topic, date), g["count"].as_i64().unwrap_or(0)))
        })
        .collect()
}

/// Contacts of one day, those without customer, and the known customers.
type Counted<'a> = (u32, u32, BTreeSet<&'a str>);

/// Contacts and distinct customers of every (source, topic) by day. `before`: only voices before
/// that second of their day.
fn count(
    voices: &[Voice],
    (first, last): (NaiveDate, NaiveDate),
    before: u32,
    names: impl Fn(&Voice) -> Vec<(String, String)>,
) -> BTreeMap<(String, String), Series> {
    let length = usize::try_from((last - first).num_days() + 1).unwrap_or(0);
    let mut all: BTreeMap<(String, String), Vec<Counted<'_>>> = BTreeMap::new();
    for voice in voices {
        if voice.at.num_seconds_from_midnight() >= before {
            continue;
        }
        let d = usize::try_from((day(voice.at) - first).num_days()).unwrap_or(0);
        for name in names(voice) {
            let days = all
                .entry(name)
                .or_insert_with(|| vec![Default::default(); length]);
            let (contacts, unknown, known) = &mut days[d];
            *contacts += 1;
            // A voice without customer is a customer of its own.
            if voice.customer.is_empty() {
                *unknown += 1;
            } else {
                known.insert(&voice.customer);
            }
        }
    }
    all.into_iter()
        .map(|(name, days)| {
            let points = days
                .into_iter()
                .map(|(contacts, unknown, known)| Point {
                    contacts,
                    anonymous: unknown,
                    customers: unknown + u32::try_from(known.len()).unwrap_or(u32::MAX),
                    ..Point::default()
                })
                .collect();
            let lanes = vec![Lane { channel: 0, points }];
            (name, Series { lanes })
        })
        .collect()
}

/// What was found, with contacts, customers, expectation and limit.
type Found = BTreeMap<Key, (i64, i64, f64, i64)>;

/// Every source by itself: its topics among negative voices, and all negative voices together.
/// Complete days are judged at their close; a last day that is not over is compared with the same
/// hours of earlier days.
fn spikes_by_source(voices: &[Voice], (first, last): (NaiveDate, NaiveDate)) -> Found {
    let mut found = Found::new();
    let params = SpikeParams {
        min_history_days: 3,
        short_dispersion: 0.0,
        quiet_days: 0,
        ..SpikeParams::default()
    };
    let detector = Detector::new("spike", Params::Spike(params));
    let end = voices
        .iter()
        .filter(|v| day(v.at) == last)
        .map(|v| v.at.num_seconds_from_midnight())
        .max()
        .unwrap_or(0);
    // To the full hour; a day that ends in its last hour is complete.
    let cut = (end / 3600 + 1) * 3600;
    let names = |v: &Voice| {
        let source = v.source.clone();
        if v.negative {
            vec![
                (source.clone(), v.topic.clone()),
                (source, ALL_NEGATIVE.to_owned()),
            ]
        } else {
            vec![(source, REST.to_owned())]
        }
    };
    let partial = cut < 23 * 3600;
    let whole = if partial {
        last.pred_opt().unwrap_or(last)
    } else {
        last
    };
    judge(
        &detector,
        &count(voices, (first, last), 86_400, names),
        (first, last),
        (first, whole),
        &mut found,
    );
    if partial {
        judge(
            &detector,
            &count(voices, (first, last), cut, names),
            (first, last),
            (last, last),
            &mut found,
        );
    }
    found
}

fn judge(
    detector: &Detector,
    all: &BTreeMap<(String, String), Series>,
    (first, last): (NaiveDate, NaiveDate),
    (from, to): (NaiveDate, NaiveDate),
    found: &mut Found,
) {
    let sources: BTreeSet<&String> = all.keys().map(|(source, _)| source).collect();
    let length = usize::try_from((last - first).num_days() + 1).unwrap_or(0);
    for source in sources {
        let mine = || all.iter().filter(|((s, _), _)| s == source);
        // The sum of all topics must count every voice once.
        let topics: Vec<Series> = mine()
            .filter(|((_, topic), _)| topic != ALL_NEGATIVE)
            .map(|(_, series)| series.clone())
            .collect();
        let days = vec![Day::default(); length];
        let context = Context::new(first, days, vec![source.clone()], &topics);
        for ((_, topic), series) in mine().filter(|((_, topic), _)| topic != REST) {
            let subject = Subject::topic(topic.clone());
            let watched = Watched {
                subject: &subject,
                series,
                open: &[],
            };
            for s in backtest(detector, &context, watched, from, to) {
                let numbers = (
                    s.count,
                    s.customers.unwrap_or(0),
                    s.baseline.unwrap_or(0.0),
                    s.limit,
                );
                found.insert((source.clone(), topic.clone(), s.window), numbers);
            }
        }
    }
}

/// All voices together, each day against the same weekday of four weeks.
fn rises_of_all(voices: &[Voice], days: (NaiveDate, NaiveDate)) -> Found {
    let params = SpikeParams {
        weekday_weeks: 4,
        short_dispersion: 0.0,
        quiet_days: 0,
        ..SpikeParams::default()
    };
    let detector = Detector::new("rise", Params::Spike(params));
    let names = |_: &Voice| vec![("all".to_owned(), "volume".to_owned())];
    let mut found = Found::new();
    judge(
        &detector,
        &count(voices, days, 86_400, names),
        days,
        days,
        &mut found,
    );
    found
}

fn compare(gold: &BTreeMap<Key, i64>, found: &Found) {
    let (mut hits, mut misses, mut false_alarms) = (0, 0, 0);
    println!(
        "{:<6} {:<10} {:<16} {:<30} {:>8} {:>9} {:>8} {:>6}  gold",
        "", "day", "source", "topic", "contacts", "customers", "expected", "limit"
    );
    let keys: BTreeSet<&Key> = gold.keys().chain(found.keys()).collect();
    for key in keys {
        let (source, topic, day) = key;
        let word = match (gold.contains_key(key), found.contains_key(key)) {
            (true, true) => {
                hits += 1;
                "hit"
            }
            (true, false) => {
                misses += 1;
                "MISS"
            }
            _ => {
                false_alarms += 1;
                "FALSE"
            }
        };
        let numbers = found.get(key).map_or_else(
            || format!("{:>8} {:>9} {:>8} {:>6}", "–", "–", "–", "–"),
            |(n, people, expected, limit)| format!("{n:>8} {people:>9} {expected:>8.1} {limit:>6}"),
        );
        let known = gold.get(key).map_or_else(|| "–".to_owned(), i64::to_string);
        println!("{word:<6} {day} {source:<16} {topic:<30} {numbers}  {known}");
    }
    println!(
        "{hits} hits of {}, {misses} misses, {false_alarms} false alarms",
        gold.len()
    );
}
