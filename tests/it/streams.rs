//! Streams of known truth, fed through the API: the verdict that the program gives is the one that the
//! rules give on the very counts that were sent.
//!
//! The streams are drawn here, by the distributions that the specification's simulator uses: three
//! channels of different satisfaction, weekends, good and bad days of a topic and of the whole house,
//! answers of one day alike. `BIHUAN_STREAM=FILE` feeds a stream of that simulator instead.

use crate::world::{PRODUCT, furnish, number, send, text};
use chrono::{Datelike, Days, NaiveDate, Weekday};
use domain::facts::Counters;
use domain::verification::baseline::Windows;
use domain::verification::{
    Contract, Course, DayRow, Facts, MATURITY_ON_REQUEST, Verification, evaluate, usual_noise,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::random::Random;
use tests::{Caller, Engine, Server, skipped, time, until};

const CHANNELS: [&str; 3] = ["phone", "chat", "app"];
/// Days before the fix: windows, guard and the history that noise is learnt from.
const BEFORE: i64 = 140;
/// Days after it.
const AFTER: i64 = 28;
/// Days between alarm and fix.
const TO_FIX: i64 = 14;
/// Rated contacts a day of one topic.
const RATE: f64 = 12.0;
/// Topics to compare with.
const CONTROLS: usize = 6;
/// The topic that is judged.
const TOPIC: &str = "流-被改进";

/// What happens on the day after the fix.
#[derive(Clone, Copy)]
struct Truth {
    /// To the topic alone, in points.
    effect: f64,
    /// To every topic of the house, in log-odds.
    shock: f64,
}

/// Draws of the distributions that are needed, from uniform ones.
struct Draw(Random);

impl Draw {
    fn uniform(&mut self) -> f64 {
        ((self.0.number() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self, sd: f64) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        sd * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// Marsaglia and Tsang 2000.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let below = self.uniform().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * below;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal(1.0);
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }

    fn poisson(&mut self, mean: f64) -> i64 {
        let (end, mut product, mut n) = ((-mean).exp(), self.uniform(), 0);
        while product > end {
            product *= self.uniform();
            n += 1;
        }
        n
    }

    fn binomial(&mut self, n: i64, p: f64) -> i64 {
        (0..n).map(|_| i64::from(self.uniform() < p)).sum()
    }
}

/// Rated and satisfied of one topic, day and channel.
type Counts = BTreeMap<(String, NaiveDate, &'static str), (i64, i64)>;

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn control_name(n: usize) -> String {
    format!("流-对照{n}")
}

/// The days of a stream whose fix went live on `fix`; day 0 is the day after it.
fn draw(seed: &str, truth: Truth, fix: NaiveDate) -> Counts {
    let mut draw = Draw(Random::of(seed));
    let mut all = Counts::new();
    for rel in -BEFORE..AFTER {
        let day = if rel < 0 {
            fix - Days::new(rel.unsigned_abs() - 1)
        } else {
            fix + Days::new(rel.unsigned_abs() + 1)
        };
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let house = draw.normal(0.06) + if rel >= 0 { truth.shock } else { 0.0 };
        let topics = std::iter::once(TOPIC.to_owned()).chain((0..CONTROLS).map(control_name));
        for (at, topic) in topics.enumerate() {
            let (levels, own) = if at == 0 {
                ([0.70, 0.78, 0.86], draw.normal(0.10))
            } else {
                ([0.76, 0.83, 0.89], draw.normal(0.04))
            };
            let busy = draw.gamma(12.0) / 12.0;
            for ((channel, share), level) in CHANNELS.iter().zip([0.35, 0.40, 0.25]).zip(levels) {
                let week = if weekend { 0.62 } else { 1.152 };
                let slope = 1.0 / (level * (1.0 - level));
                let dull = if weekend { -0.02 * slope } else { 0.0 };
                let mut p = expit(logit(level) + dull + own + house);
                if at == 0 && rel >= 0 {
                    p = (p + truth.effect).clamp(0.01, 0.99);
                }
                let n = draw.poisson(RATE * week * share * busy);
                // Answers of one day are alike.
                let alike = 1.0 / if at == 0 { 0.004 } else { 0.001 } - 1.0;
                let p = draw.beta((p * alike).max(1e-6), ((1.0 - p) * alike).max(1e-6));
                let s = draw.binomial(n, p);
                if n > 0 {
                    all.insert((topic.clone(), day, channel), (n, s));
                }
            }
        }
    }
    all
}

/// The voices of a stream, each with what its sender is sure of.
fn voices(stream: &Counts) -> Vec<Value> {
    let mut all = Vec::new();
    for ((topic, day, channel), (n, s)) in stream {
        for i in 0..*n {
            let second = u32::try_from(i * 7).expect("few") % 30_000;
            all.push(json!({
                "channel": channel, "external_id": format!("{topic}-{day}-{channel}-{i}"),
                "occurred_at": time::on(*day, second), "kind": "chat", "text": "",
                "rating": if i < *s { 5 } else { 1 }, "rating_max": 5,
                "topic": topic, "sentiment": "neutral",
            }));
        }
    }
    all
}

fn rows(stream: &Counts, wanted: impl Fn(&str) -> bool) -> Vec<DayRow> {
    stream
        .iter()
        .filter(|((topic, ..), _)| wanted(topic))
        .map(|((_, day, channel), (n, s))| DayRow {
            day: *day,
            channel: (*channel).to_owned(),
            counters: Counters {
                voices: *n,
                contacts: *n,
                customers: *n,
                rated: *n,
                satisfied: *s,
                invited: *n,
                r5: *s,
                r1: *n - *s,
                sentiment_n: *n,
                ..Counters::default()
            },
        })
        .collect()
}

/// What the rules say of the counts themselves.
fn by_the_rules(stream: &Counts, contract: &Contract, fix: NaiveDate) -> Verification {
    let names: Vec<String> = {
        let mut names: Vec<String> = stream.keys().map(|(topic, ..)| topic.clone()).collect();
        names.dedup();
        names.into_iter().filter(|name| name != TOPIC).collect()
    };
    let mut course = Course::on_request(
        time::now(),
        time::today(),
        fix,
        domain::verification::Sentence::new(TOPIC, TOPIC),
    );
    course.edited_afterwards = true;
    course.maturity_days = MATURITY_ON_REQUEST;
    let quiet = Windows::of(contract, &course, false).history_end;
    let history = quiet - Days::new(111);
    let each: Vec<Vec<DayRow>> = names
        .iter()
        .map(|name| {
            let mut rows = rows(stream, |topic| topic == name);
            rows.retain(|row| (history..=quiet).contains(&row.day));
            rows
        })
        .collect();
    let each: Vec<&[DayRow]> = each.iter().map(Vec::as_slice).collect();
    course.usual_noise = usual_noise(contract.metric, &each, &[], quiet);
    let (topic, control) = (
        rows(stream, |topic| topic == TOPIC),
        rows(stream, |topic| topic != TOPIC),
    );
    let facts = Facts {
        topic: &topic,
        control: &control,
        control_topics: names.len(),
        siblings: &[],
    };
    evaluate(contract, &facts, &course)
}

/// Feeds a stream, has it judged through the API, and compares with the rules; answers the verdict.
fn judged(server: &Server, stream: &Counts, fix: NaiveDate, alarm: NaiveDate) -> Value {
    let admin = server.admin();
    furnish(&admin);
    let mut names: Vec<&String> = stream.keys().map(|(topic, ..)| topic).collect();
    names.dedup();
    for name in names {
        admin
            .put(
                &format!("/api/v1/topics/{name}"),
                &json!({"key": name, "name": name}),
            )
            .ok();
    }
    send(&admin, &voices(stream));
    // Fed slowly, days are judged while half of their channels are still silent, and such gaps are left out of
    // windows until the rest is judged: the rules below know the whole stream.
    let database = server.database();
    until("the days are judged", || {
        (database.count("SELECT COUNT(*) AS n FROM job WHERE kind = 'detect'") == 0).then_some(())
    });
    let task = assigned(&admin, alarm);
    let id = text(&task, "id");
    let contract: Contract =
        serde_json::from_value(task["contract"].clone()).expect("the contract of the rules");
    assert_eq!(contract.alarm_day, Some(alarm), "as a person dated it");
    let asked = task["timeline"].as_array().expect("a history");
    assert!(
        asked
            .iter()
            .any(|e| e["data"]["contract"]["alarm_day"] == alarm.to_string()),
        "the history says who dated the alarm: {asked:?}"
    );
    admin
        .post(&format!("/api/v1/tasks/{id}/accept"), &json!({}))
        .ok();
    let done = json!({"solution": "上线新流程", "effective_at": time::on(fix, 3600)});
    admin
        .post(&format!("/api/v1/tasks/{id}/complete"), &done)
        .ok();
    let said = admin
        .post(
            &format!("/api/v1/tasks/{id}/verification/evaluate"),
            &json!({}),
        )
        .ok();
    let rules = by_the_rules(stream, &contract, fix);
    let rules = serde_json::to_value(&rules).expect("JSON");
    assert_eq!(said["verdict"], rules["verdict"], "{said}");
    for pointer in [
        "/effect/value",
        "/effect/low",
        "/effect/high",
        "/method/z",
        "/method/boundary",
        "/method/noise_factor",
        "/method/control_factor",
        "/before/value",
        "/after/value",
    ] {
        alike(
            &json!(number(&said, pointer)),
            &json!(number(&rules, pointer)),
            pointer,
        );
    }
    for same in [
        "looks",
        "control",
        "baseline_rule",
        "decided_on",
        "naive",
        "before",
        "after",
    ] {
        alike(&said[same], &rules[same], same);
    }
    assert_eq!(said["control"]["kind"], "other_topics", "{said}");
    // Asked again it says the same, and nothing happens twice.
    let again = admin
        .post(
            &format!("/api/v1/tasks/{id}/verification/evaluate"),
            &json!({}),
        )
        .ok();
    assert_eq!(again["history"], said["history"]);
    assert_eq!(again["effect"], said["effect"]);
    said
}

/// The same JSON, numbers to the precision that their text keeps.
fn alike(a: &Value, b: &Value, place: &str) {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().expect("a number"), y.as_f64().expect("a number"));
            assert!(
                (x - y).abs() <= 1e-12 * y.abs().max(1.0),
                "{place}: {x} by the API, {y} by the rules"
            );
        }
        (Value::Array(x), Value::Array(y)) => {
            assert_eq!(
                x.len(),
                y.len(),
                "{place}: {a} by the API, {b} by the rules"
            );
            for (n, (x, y)) in x.iter().zip(y).enumerate() {
                alike(x, y, &format!("{place}/{n}"));
            }
        }
        (Value::Object(x), Value::Object(y)) => {
            assert!(
                x.keys().eq(y.keys()),
                "{place}: {a} by the API, {b} by the rules"
            );
            for (name, x) in x {
                alike(x, &y[name], &format!("{place}/{name}"));
            }
        }
        _ => assert_eq!(a, b, "{place}"),
    }
}

/// A task about [`TOPIC`], whose alarm somebody dates.
fn assigned(admin: &Caller, alarm: NaiveDate) -> Value {
    let detector = json!({"key": "流", "kind": "threshold", "scope": {"topic": TOPIC},
                          "params": {"limit": 0, "window": "1d"}, "enabled": true});
    admin.put("/api/v1/detectors/流", &detector).ok();
    let today = json!({"channel": "phone", "external_id": "today", "occurred_at": time::just_now(5),
                       "kind": "call", "text": "", "topic": TOPIC, "sentiment": "neutral", "rating": 3});
    send(admin, &[today]);
    let issues = admin.get("/api/v1/issues?limit=500").items();
    let issue = issues
        .iter()
        .find(|i| i["topic"] == TOPIC)
        .unwrap_or_else(|| panic!("no issue: {issues:?}"));
    let body = json!({
        "title": "改进", "description": "", "department": PRODUCT,
        "contract": {"metric": "csat", "expected_change": 0.1, "alarm_day": alarm, "horizon_days": 28},
    });
    admin
        .post(
            &format!("/api/v1/issues/{}/tasks", text(issue, "id")),
            &body,
        )
        .ok()
}

/// The fix went live this many days ago: every look of the horizon is in.
fn fix_day() -> NaiveDate {
    time::ago(u64::try_from(AFTER).expect("positive") + 1)
}

fn feed(engine: Engine, seed: &str, truth: Truth) -> Value {
    let fix = fix_day();
    let stream = draw(seed, truth, fix);
    let alarm = fix - Days::new(TO_FIX.unsigned_abs());
    judged(&Server::start(engine), &stream, fix, alarm)
}

#[test]
fn a_fix_that_worked_is_improved_as_the_rules_say() {
    let truth = Truth {
        effect: 0.14,
        shock: 0.0,
    };
    let said = feed(Engine::Sqlite, "effect", truth);
    assert_eq!(said["verdict"], "improved", "{said}");
    assert!(number(&said, "/effect/low") > 0.0 && number(&said, "/effect/high") > 0.10);
    assert!(said["looks"].as_array().is_some_and(|l| l.len() > 5));
}

#[test]
fn what_lifted_every_topic_is_nobodys_success() {
    let truth = Truth {
        effect: 0.0,
        shock: 0.55,
    };
    let said = feed(Engine::Sqlite, "shock", truth);
    assert_eq!(said["naive"]["claims_success"], true, "{}", said["naive"]);
    let verdict = text(&said, "verdict");
    assert!(
        !["improved", "recovered"].contains(&verdict),
        "{verdict}: {said}"
    );
    assert!(
        number(&said, "/control/effect") > 0.03,
        "{}",
        said["control"]
    );
}

/// One replicate of a file of the specification's simulator (`BIHUAN_STREAM`, `BIHUAN_STREAM_REP`).
#[test]
fn a_stream_of_the_simulator_is_judged_as_the_rules_say() {
    let Some(path) = std::env::var("BIHUAN_STREAM")
        .ok()
        .filter(|p| !p.is_empty())
    else {
        skipped(
            "streams::a_stream_of_the_simulator_is_judged_as_the_rules_say",
            "BIHUAN_STREAM is not set",
        );
        return;
    };
    let file = std::fs::read_to_string(&path).expect("the stream");
    let rep = std::env::var("BIHUAN_STREAM_REP").unwrap_or_else(|_| "0".to_owned());
    let meta = format!("#meta rep={rep} ");
    let alarm: i64 = file
        .lines()
        .find_map(|l| l.strip_prefix(&meta))
        .and_then(|m| m.split(' ').find_map(|f| f.strip_prefix("alert_day=")))
        .and_then(|d| d.parse().ok())
        .expect("the day of the alarm");
    let lines: Vec<Vec<&str>> = file
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split(',').collect())
        .filter(|f: &Vec<&str>| f.first() == Some(&rep.as_str()))
        .collect();
    // The file counts days from the first one after the fix and says which are weekends: the dates are
    // chosen so that its weekends are weekends.
    let weekend_of = |rel: i64| lines.iter().any(|f| f[1].parse() == Ok(rel) && f[4] == "1");
    let date = |first: NaiveDate, rel: i64| {
        if rel < 0 {
            first - Days::new(rel.unsigned_abs())
        } else {
            first + Days::new(rel.unsigned_abs())
        }
    };
    let first = (AFTER..AFTER + 7)
        .map(|back| time::ago(back.unsigned_abs()))
        .find(|first| {
            (0..7).all(|rel| {
                matches!(date(*first, rel).weekday(), Weekday::Sat | Weekday::Sun)
                    == weekend_of(rel)
            })
        })
        .expect("weekends are two days in a row");
    let mut stream = Counts::new();
    for f in &lines {
        let rel: i64 = f[1].parse().expect("a day");
        let (n, s): (i64, i64) = (f[5].parse().expect("n"), f[6].parse().expect("s"));
        // The day of the fix is never used: the file's day before its first is that day here.
        let day = date(first, rel);
        if day >= time::today() || rel < -BEFORE {
            continue;
        }
        let channel = CHANNELS
            .iter()
            .find(|c| **c == f[3])
            .expect("a channel of the simulator");
        let shares = if f[2] == "topic" { 1 } else { CONTROLS };
        for at in 0..shares {
            let part = |all: i64| {
                let (at, shares) = (i64::try_from(at).unwrap(), i64::try_from(shares).unwrap());
                all * (at + 1) / shares - all * at / shares
            };
            let name = if f[2] == "topic" {
                TOPIC.to_owned()
            } else {
                control_name(at)
            };
            let (n, s) = (part(n), part(s).min(part(n)));
            if n > 0 {
                stream.insert((name, day, channel), (n, s));
            }
        }
    }
    let fix = date(first, -1);
    let said = judged(
        &Server::start(Engine::Sqlite),
        &stream,
        fix,
        date(fix, alarm),
    );
    println!(
        "verdict of {path}, replicate {rep}: {}",
        said["sentence"]["en"]
    );
}
