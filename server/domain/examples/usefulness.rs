//! Are contracts worth signing? Plans the verification of every topic of made-up organisations on a
//! day of alarm, plants the change that the contract hopes for, and looks whether it is seen.
//!
//! `cargo run -p domain --release --example usefulness [-- ORGANISATIONS [SEED]]` prints
//!
//! - the share of contracts that are planned with a chance of at least 80 % within 56 days
//!   (goal: 80 %);
//! - the planned chance against the share that was really seen, over all and by metric (goal: at most
//!   5 points apart).
//!
//! Answer 1 when a goal is missed. An organisation has 60 topics under 15 others, 2,000 contacts a day
//! spread by Zipf's law, three channels, 5–15 % of the contacts rated, weekends, and days that are noisier
//! than chance (20 % on volumes, the topic's own mood, the whole house's mood; the sizes of the
//! prototype `simulate.py`). Half of the alarms ring by chance after a bad week, half on any day; the fix
//! follows 3 to 21 days later.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use domain::facts::{Counters, MICRO};
use domain::verification::contract::{Asked, ENOUGH_POWER, Parent};
use domain::verification::{
    Candidate, Contract, Course, DayRow, Decidable, Facts, MATURITY_SCHEDULED, Metric, Sentence,
    Verdict, evaluate, propose, usual_noise,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

const TOPICS: usize = 60;
const PARENTS: usize = 15;
const CONTACTS_A_DAY: f64 = 2000.0;
/// First possible day of the alarm, the days on which it may ring, and all days.
const HISTORY: usize = 190;
const ALARMS: usize = 30;
const DAYS: usize = HISTORY + ALARMS + 21 + 61;
const CHANNELS: [&str; 3] = ["phone", "chat", "app"];
const MIX: [f64; 3] = [0.35, 0.40, 0.25];
/// What the channels add to a topic's satisfaction, in log-odds.
const LEAN: [f64; 3] = [-0.40, 0.0, 0.55];
/// The goals.
const PLANNED_GOAL: f64 = 0.80;
const APART_GOAL: f64 = 0.05;
/// Contracts of one metric below which its figures are shown but not judged.
const ENOUGH: usize = 150;
/// Metrics that these streams have figures for.
const METRICS: [Metric; 5] = [
    Metric::Csat,
    Metric::MeanRating,
    Metric::RepeatShare,
    Metric::Aht,
    Metric::Volume,
];

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn of(parts: &[u64]) -> Self {
        let mut rng = Self(0x5eed);
        for part in parts {
            rng.0 ^= part.wrapping_mul(0xd6e8_feb8_6659_fd93);
            rng.bits();
        }
        rng
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (2.0 * std::f64::consts::PI * self.unit()).cos()
    }

    /// Mean 1, the given whole shape.
    fn gamma(&mut self, shape: u32) -> f64 {
        (0..shape).map(|_| -self.unit().ln()).sum::<f64>() / f64::from(shape)
    }

    fn poisson(&mut self, mean: f64) -> i64 {
        let (mut left, mut n) = (mean, 0);
        loop {
            left += self.unit().ln();
            if left < 0.0 {
                return n;
            }
            n += 1;
        }
    }

    fn binomial(&mut self, n: i64, p: f64) -> i64 {
        (0..n).map(|_| i64::from(self.unit() < p)).sum()
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.bits() % (high - low + 1) as u64) as usize
    }
}

/// A topic's own constants.
struct Topic {
    per_day: f64,
    rated: f64,
    mood: f64,
    repeats: f64,
    seconds: f64,
}

/// A change since the fix.
#[derive(Clone, Copy)]
struct Planted {
    metric: Metric,
    /// Relative change of volumes and times; share of the unhappy that become happy; factor − 1 of
    /// repeats: so that the whole topic changes as the contract hopes, whatever its channels are like.
    part: f64,
}

impl Planted {
    fn of(metric: Metric, change: f64, level: f64) -> Self {
        let part = match metric {
            Metric::Csat => change / (1.0 - level).max(0.02),
            // A happy customer gives 4.55 stars on average, an unhappy one 2.05.
            Metric::MeanRating => change / (4.55 - level).max(0.05),
            Metric::RepeatShare => change / level.max(0.01),
            _ => change,
        };
        Self { metric, part }
    }
}

/// One organisation without any fix.
struct World {
    id: u64,
    seed: u64,
    first: NaiveDate,
    topics: Vec<Topic>,
    /// Mood (log-odds) and busyness of the whole house, by day.
    house: Vec<(f64, f64)>,
    /// By topic, day and channel.
    counts: Vec<Vec<[Counters; 3]>>,
}

fn parent_of(topic: usize) -> usize {
    topic % PARENTS
}

fn days_of(rows: &[[Counters; 3]], first: NaiveDate, until: usize) -> Vec<DayRow> {
    rows.iter()
        .take(until)
        .enumerate()
        .flat_map(|(d, day)| {
            day.iter()
                .zip(CHANNELS)
                .map(move |(counters, channel)| DayRow {
                    day: first + Days::new(d as u64),
                    channel: channel.to_owned(),
                    counters: *counters,
                })
        })
        .collect()
}

fn sum<'a>(rows: impl Iterator<Item = &'a Vec<[Counters; 3]>>) -> Vec<[Counters; 3]> {
    let mut out = vec![[Counters::default(); 3]; DAYS];
    for topic in rows {
        for (all, day) in out.iter_mut().zip(topic) {
            for (all, one) in all.iter_mut().zip(day) {
                all.add(one);
            }
        }
    }
    out
}

impl World {
    fn new(seed: u64, id: u64) -> Self {
        let mut rng = Rng::of(&[seed, id]);
        let first =
            NaiveDate::from_ymd_opt(2026, 1, 5).unwrap_or_default() + Days::new(rng.bits() % 7);
        let all: f64 = (1..=TOPICS).map(|k| 1.0 / k as f64).sum();
        // Large and small topics are mixed among the parents.
        let mut ranks: Vec<usize> = (1..=TOPICS).collect();
        for at in (1..TOPICS).rev() {
            ranks.swap(at, rng.between(0, at));
        }
        let topics = ranks
            .iter()
            .map(|rank| Topic {
                per_day: CONTACTS_A_DAY / all / *rank as f64,
                rated: 0.05 + 0.10 * rng.unit(),
                mood: 1.25 + 0.30 * rng.normal(),
                repeats: 0.08 + 0.12 * rng.unit(),
                seconds: 5.8 + 0.30 * rng.normal(),
            })
            .collect();
        let house = (0..DAYS)
            .map(|_| (0.06 * rng.normal(), (0.06 * rng.normal()).exp()))
            .collect();
        let mut world = Self {
            id,
            seed,
            first,
            topics,
            house,
            counts: Vec::new(),
        };
        world.counts = (0..TOPICS)
            .map(|topic| (0..DAYS).map(|day| world.draw(topic, day, None)).collect())
            .collect();
        world
    }

    fn weekend(&self, day: usize) -> bool {
        matches!(
            (self.first + Days::new(day as u64)).weekday(),
            Weekday::Sat | Weekday::Sun
        )
    }

    /// One topic's day. What is not touched by `planted` is drawn alike with and without it.
    fn draw(&self, topic: usize, day: usize, planted: Option<Planted>) -> [Counters; 3] {
        let mut rng = Rng::of(&[self.seed, self.id, topic as u64, day as u64, 7]);
        let t = &self.topics[topic];
        let change = |metric| {
            planted
                .filter(|p| p.metric == metric)
                .map_or(0.0, |p| p.part)
        };
        let (mood, busy) = self.house[day];
        let busy = busy * rng.gamma(25) * (1.0 + change(Metric::Volume));
        let mood = mood + t.mood + 0.10 * rng.normal();
        let tempo = t.seconds + 0.04 * rng.normal() + (1.0 + change(Metric::Aht)).ln();
        let again = 0.10 * rng.normal();
        let weekend = self.weekend(day);
        let calm = if weekend { 0.62 } else { 1.152 };
        std::array::from_fn(|c| {
            let contacts = rng.poisson(t.per_day * calm * MIX[c] * busy);
            let rated = rng.binomial(contacts, t.rated);
            let p = 1.0 / (1.0 + (-(mood + LEAN[c])).exp());
            let p = p - if weekend { 0.02 } else { 0.0 };
            let happier = change(Metric::Csat) + change(Metric::MeanRating);
            let p = p + happier * (1.0 - p);
            // Customers of one day and channel are a little alike.
            let p =
                (p + (0.004 * p * (1.0 - p)).max(0.0).sqrt() * rng.normal()).clamp(0.005, 0.995);
            let satisfied = rng.binomial(rated, p);
            let r5 = rng.binomial(satisfied, 0.55);
            let r1 = rng.binomial(rated - satisfied, 0.35);
            let r2 = rng.binomial(rated - satisfied - r1, 0.25 / 0.65);
            let often = (t.repeats * again.exp() * (1.0 + change(Metric::RepeatShare))).min(0.9);
            let repeats = rng.binomial(contacts, often);
            // Calls and chats are timed.
            let (mut ln, mut sq, mut seconds) = (0.0, 0.0, 0.0);
            let timed = if c < 2 { contacts } else { 0 };
            for _ in 0..timed {
                let x: f64 = tempo + 0.7 * rng.normal();
                ln += x;
                sq += x * x;
                seconds += x.exp();
            }
            Counters {
                voices: contacts,
                contacts,
                rated,
                satisfied,
                r1,
                r2,
                r3: rated - satisfied - r1 - r2,
                r4: satisfied - r5,
                r5,
                repeats,
                handle_n: timed,
                handle_sum: seconds as i64,
                handle_ln: (ln * MICRO) as i64,
                handle_ln_sq: (sq * MICRO) as i64,
                ..Counters::default()
            }
        })
    }

    fn rows(&self, topic: usize, until: usize) -> Vec<DayRow> {
        days_of(&self.counts[topic], self.first, until)
    }

    /// The day of the alarm: after the worst week of a month, or any day of it.
    fn alarm(&self, topic: usize, rng: &mut Rng) -> usize {
        if rng.bits().is_multiple_of(2) {
            return HISTORY + rng.between(0, ALARMS - 1);
        }
        let counts = &self.counts[topic];
        let share = |from: usize, to: usize| {
            counts[from..to]
                .iter()
                .flatten()
                .fold((0.0, 0.0), |(n, s), c| {
                    (n + c.rated as f64, s + c.satisfied as f64)
                })
        };
        let mut worst = (f64::INFINITY, HISTORY);
        for day in HISTORY..HISTORY + ALARMS {
            let ((n, s), (m, x)) = (share(day - 6, day + 1), share(day - 90, day - 6));
            let p = (x / m.max(1.0)).clamp(0.02, 0.98);
            let z = (s / n.max(1.0) - p) / (p * (1.0 - p) / n.max(1.0)).sqrt();
            if z < worst.0 {
                worst = (z, day);
            }
            if z < -2.0 {
                break;
            }
        }
        worst.1
    }

    /// The usual noise that a topic of this size has, by metric: learnt from the ten topics nearest in
    /// size, because volumes are the noisier the larger they are.
    fn noise(&self, near: f64) -> Vec<(Metric, f64)> {
        let mut order: Vec<usize> = (0..TOPICS).collect();
        let distance = |t: &usize| (self.topics[*t].per_day / near).ln().abs();
        order.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let rows: Vec<Vec<DayRow>> = order[..10].iter().map(|t| self.rows(*t, HISTORY)).collect();
        let views: Vec<&[DayRow]> = rows.iter().map(Vec::as_slice).collect();
        let until = self.first + Days::new(HISTORY as u64 - 15);
        METRICS
            .into_iter()
            .filter_map(|metric| {
                usual_noise(metric, &views, &[], until).map(|noise| (metric, noise))
            })
            .collect()
    }
}

/// What became of some contracts of one metric.
#[derive(Clone, Copy, Default)]
struct Tally {
    contracts: usize,
    planned: f64,
    seen: usize,
    improved: usize,
}

impl Tally {
    fn add(&mut self, planned: f64, verdict: Verdict) {
        self.contracts += 1;
        self.planned += planned;
        self.improved += usize::from(verdict == Verdict::Improved);
        self.seen += usize::from(matches!(verdict, Verdict::Improved | Verdict::Recovered));
    }

    fn merge(&mut self, other: &Self) {
        self.contracts += other.contracts;
        self.planned += other.planned;
        self.seen += other.seen;
        self.improved += other.improved;
    }

    fn plan(&self) -> f64 {
        self.planned / self.contracts as f64
    }

    fn real(&self) -> f64 {
        self.seen as f64 / self.contracts as f64
    }

    fn error(&self) -> f64 {
        (self.real() * (1.0 - self.real()) / self.contracts as f64).sqrt()
    }

    fn line(&self, name: &str, out: &mut impl Write) -> std::io::Result<bool> {
        if self.contracts == 0 {
            return Ok(true);
        }
        let apart = self.real() - self.plan();
        let judged = self.contracts >= ENOUGH;
        let good = apart.abs() <= APART_GOAL;
        writeln!(
            out,
            "{name:<28}{:>10}{:>10.1}{:>10.1}{:>8.1}{:>10.1}{:>+9.1}  {}",
            self.contracts,
            100.0 * self.plan(),
            100.0 * self.real(),
            100.0 * self.error(),
            100.0 * self.improved as f64 / self.contracts as f64,
            100.0 * apart,
            match (judged, good) {
                (false, _) => "(too few to judge)",
                (true, true) => "ok",
                (true, false) => "MISSED",
            }
        )?;
        Ok(good || !judged)
    }
}

/// Everything that one run counts.
#[derive(Default)]
struct Results {
    contracts: usize,
    planned: usize,
    above: usize,
    /// Contracts as proposed, by metric and whether the topic above is watched.
    proposed: BTreeMap<(Metric, bool), Tally>,
    /// Every metric that could be decided, asked for by a person.
    asked: BTreeMap<Metric, Tally>,
    /// By planned chance, in steps of five points.
    steps: BTreeMap<i64, Tally>,
    refused: usize,
    /// Contracts on the topic above where the change reached the topic alone.
    diluted: Tally,
}

/// What the change reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All that is judged, as the contract says.
    Whole,
    /// The topic alone, though the one above is judged.
    Topic,
}

fn taken(contract: &Contract) -> Option<&Candidate> {
    contract
        .candidates
        .iter()
        .find(|c| c.metric == contract.metric && c.watched_topic == contract.watched_topic)
}

fn chance(contract: &Contract) -> Option<f64> {
    let candidate = taken(contract)?;
    candidate
        .power
        .iter()
        .find(|p| p.days == contract.horizon_days)
        .map(|p| p.power)
        .filter(|_| candidate.decidable == Decidable::Yes)
}

/// One topic's story: proposal on the day of the alarm, fix, verdict at the horizon.
fn story(world: &World, topic: usize, results: &mut Results) {
    let mut rng = Rng::of(&[world.seed, world.id, topic as u64, 99]);
    let alarm = world.alarm(topic, &mut rng);
    let fix = alarm + rng.between(3, 21);
    let day = |d: usize| world.first + Days::new(d as u64);
    let family: Vec<usize> = (0..TOPICS)
        .filter(|t| parent_of(*t) == parent_of(topic))
        .collect();
    let others = sum((0..TOPICS)
        .filter(|t| !family.contains(t))
        .map(|t| &world.counts[t]));
    let above = sum(family.iter().map(|t| &world.counts[*t]));
    let known = world.rows(topic, alarm);
    let control = days_of(&others, world.first, alarm);
    let facts = Facts {
        topic: &known,
        control: &control,
        control_topics: TOPICS - family.len(),
        siblings: &[],
    };
    let size = world.topics[topic].per_day;
    let noise = world.noise(size);
    let asked = Asked {
        usual_noise: noise.clone(),
        parent: Some(Parent {
            topic: format!("p{}", parent_of(topic)),
            name: Sentence::default(),
            rows: days_of(&above, world.first, alarm),
        }),
        ..Asked::by_rule(format!("t{topic}"), day(alarm), Some(day(alarm)))
    };
    let all_control = days_of(&others, world.first, DAYS);
    let verdict = |contract: &Contract, reach: Reach| -> Verdict {
        let level = taken(contract).and_then(|c| c.level).unwrap_or(0.0);
        let planted = Planted::of(contract.metric, contract.expected_change, level);
        let judged = if contract.watched_topic.is_some() {
            &family[..]
        } else {
            &[topic][..]
        };
        let changed: Vec<Vec<[Counters; 3]>> = judged
            .iter()
            .map(|t| {
                let mut counts = world.counts[*t].clone();
                if reach == Reach::Whole || *t == topic {
                    for (d, count) in counts.iter_mut().enumerate().skip(fix + 1) {
                        *count = world.draw(*t, d, Some(planted));
                    }
                }
                counts
            })
            .collect();
        let rows = days_of(&sum(changed.iter()), world.first, DAYS);
        let today = day(fix) + Days::new(u64::from(contract.horizon_days + MATURITY_SCHEDULED) + 1);
        let usual: f64 = judged.iter().map(|t| world.topics[*t].per_day).sum();
        let noise = if judged.len() > 1 {
            world.noise(usual)
        } else {
            noise.clone()
        };
        let course = Course {
            maturity_days: MATURITY_SCHEDULED,
            usual_noise: noise.iter().find(|n| n.0 == contract.metric).map(|n| n.1),
            ..Course::on_request(
                today.and_time(NaiveTime::MIN).and_utc(),
                today,
                day(fix),
                Sentence::default(),
            )
        };
        let facts = Facts {
            topic: &rows,
            control: &all_control,
            ..facts
        };
        evaluate(contract, &facts, &course).verdict
    };
    let contract = propose(&facts, &asked);
    results.contracts += 1;
    if let Some(power) = chance(&contract).filter(|p| *p >= ENOUGH_POWER) {
        results.planned += 1;
        results.above += usize::from(contract.watched_topic.is_some());
        if contract.watched_topic.is_some() {
            let seen = verdict(&contract, Reach::Topic);
            results.diluted.add(power, seen);
        }
        let verdict = verdict(&contract, Reach::Whole);
        let key = (contract.metric, contract.watched_topic.is_some());
        results.proposed.entry(key).or_default().add(power, verdict);
        results
            .steps
            .entry((power * 20.0) as i64)
            .or_default()
            .add(power, verdict);
    }
    for metric in METRICS {
        let can = |c: &Candidate| c.metric == metric && c.decidable == Decidable::Yes;
        if !contract
            .candidates
            .iter()
            .any(|c| c.watched_topic.is_none() && can(c))
        {
            results.refused += usize::from(metric == Metric::Csat);
            continue;
        }
        let asked = Asked {
            metric: Some(metric),
            parent: None,
            ..asked.clone()
        };
        let contract = propose(&facts, &asked);
        if let Some(power) = chance(&contract) {
            let tally = results.asked.entry(metric).or_default();
            tally.add(power, verdict(&contract, Reach::Whole));
        }
    }
}

fn main() -> std::io::Result<ExitCode> {
    let mut args = std::env::args()
        .skip(1)
        .map(|a| a.parse::<u64>().unwrap_or(15));
    let (organisations, seed) = (args.next().unwrap_or(15), args.next().unwrap_or(20_261_122));
    let mut results = Results::default();
    for id in 0..organisations {
        let world = World::new(seed, id);
        for topic in 0..TOPICS {
            story(&world, topic, &mut results);
        }
    }
    let mut out = std::io::stdout().lock();
    let share = results.planned as f64 / results.contracts as f64;
    let error = (share * (1.0 - share) / results.contracts as f64).sqrt();
    let enough = share >= PLANNED_GOAL;
    writeln!(
        out,
        "{organisations} organisations of {TOPICS} topics, {CONTACTS_A_DAY} contacts a day, seed {seed}; per cent"
    )?;
    writeln!(
        out,
        "planned with a chance of 80 % within 56 days: {:.1} ± {:.1} of {} contracts (goal 80), {:.1} in the topic above  {}",
        100.0 * share,
        100.0 * error,
        results.contracts,
        100.0 * results.above as f64 / results.contracts as f64,
        if enough { "ok" } else { "MISSED" }
    )?;
    writeln!(
        out,
        "CSAT asked for by a person and refused: {:.1}",
        100.0 * results.refused as f64 / results.contracts as f64
    )?;
    let head = "contracts   planned  realised     s.e.  improved    apart";
    writeln!(out, "\n{:<28} {head}", "as proposed")?;
    let mut good = enough;
    let mut all = Tally::default();
    for ((metric, above), tally) in &results.proposed {
        let name = format!(
            "{}{}",
            metric.as_str(),
            if *above { " (topic above)" } else { "" }
        );
        good &= tally.line(&name, &mut out)?;
        all.merge(tally);
    }
    good &= all.line("all", &mut out)?;
    if results.diluted.contracts > 0 {
        writeln!(
            out,
            "(judged in the topic above, but only the topic itself changed: seen {:.1} of {})",
            100.0 * results.diluted.real(),
            results.diluted.contracts
        )?;
    }
    writeln!(out, "\n{:<28} {head}", "by planned chance")?;
    for (step, tally) in &results.steps {
        tally.line(&format!("{} to {}", step * 5, step * 5 + 5), &mut out)?;
    }
    writeln!(out, "\n{:<28} {head}", "every metric, where decidable")?;
    for (metric, tally) in &results.asked {
        good &= tally.line(metric.as_str(), &mut out)?;
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
