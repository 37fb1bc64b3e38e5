//! How often a verdict says `improved` where nothing was improved, for every metric that a contract
//! may promise to move, with other topics to compare with and without.
//!
//! - `cargo run -p domain --release --example chance [--streams N] [--seed S] [--only FAMILY] [METRIC…]`
//!   prints a line per metric, comparison, scenario and pace: how many streams, and how many of them came out
//!   as `improved`, `recovered` and `worse`. The figures that sentences print are of these lines
//!   (`src/verification/chance.csv`, and a test that holds the code to it); the highest ones follow
//!   as remarks.
//!
//! Without other topics nothing shows that all of them moved: those scenarios are `unseen`, counted
//! for the reader and for no figure, because the sentence then says “and nothing else changed”.

#[path = "../common/random.rs"]
mod random;
mod world;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Weekday};
use domain::facts::Counters;
use domain::verification::{
    Chosen, Contract, ControlRule, Course, DayRow, Facts, Metric, MetricKind, Planned, Sentence,
    Verdict, evaluate, usual_noise,
};
use random::Random;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use world::{
    AFTER, BEFORE, CONTROL_TOPICS, Family, OF_VOLUME, SCENARIOS, Scenario, Stream, stream,
};

/// Answers a day, and contacts a day for the number of contacts.
const PACES: [f64; 4] = [6.0, 20.0, 60.0, 200.0];
const CONTACTS: [f64; 3] = [30.0, 100.0, 300.0];
/// Companies whose usual noise is learnt, and the topics of each: one after the other is used.
const COMPANIES: usize = 20;
const TOPICS: usize = 20;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Cell {
    metric: Metric,
    compared: bool,
    scenario: &'static Scenario,
    pace: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    n: u32,
    improved: u32,
    recovered: u32,
    worse: u32,
}

const CHANNELS: [&str; 3] = ["phone", "chat", "app"];

/// The date of the first full day after the fix, such that the stream's weekends are weekends.
fn day_zero(weekends: &[bool]) -> NaiveDate {
    let monday = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    (0..7)
        .map(|k| monday + Days::new(k))
        .find(|zero| (0..14).all(|k| weekends.get(k).copied() == Some(closed(date(*zero, k)))))
        .unwrap_or(monday)
}

fn closed(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The date of a stream's `k`th day.
fn date(zero: NaiveDate, k: usize) -> NaiveDate {
    #[expect(clippy::cast_possible_wrap, reason = "a number of days")]
    let day = k as i64 - BEFORE as i64;
    zero + TimeDelta::days(day)
}

fn rows(zero: NaiveDate, days: &[[Counters; 3]]) -> Vec<DayRow> {
    days.iter()
        .enumerate()
        .flat_map(|(k, channels)| {
            channels
                .iter()
                .zip(CHANNELS)
                .filter(|(counters, _)| !counters.is_zero())
                .map(move |(counters, channel)| DayRow {
                    day: date(zero, k),
                    channel: channel.to_owned(),
                    counters: *counters,
                })
        })
        .collect()
}

fn contract(metric: Metric, alarm_day: NaiveDate, control: ControlRule) -> Contract {
    Contract {
        subject: domain::detection::Subject::default(),
        measurable: true,
        metric,
        chosen: Chosen::Person,
        expected_change: metric.usual_target(),
        smallest_change: metric.smallest_change(),
        baseline_days: 56,
        horizon_days: 28,
        min_answers: 30,
        min_days: 7,
        topic: "topic".to_owned(),
        channels: Vec::new(),
        alarm_day: Some(alarm_day),
        change_day: None,
        guard_days: 14,
        guards: Vec::new(),
        control,
        watched_topic: None,
        planned: Planned::default(),
        sentence: Sentence::default(),
        candidates: Vec::new(),
        refused: None,
        notes: Vec::new(),
    }
}

fn judge(metric: Metric, stream: &Stream, compared: bool, noise: Option<f64>) -> Verdict {
    let zero = day_zero(&stream.weekends);
    let control = if compared {
        ControlRule::OtherTopics
    } else {
        ControlRule::None
    };
    let contract = contract(metric, zero + TimeDelta::days(stream.alarm), control);
    let today = zero + Days::new(AFTER as u64);
    let now = today.and_time(NaiveTime::MIN).and_utc();
    let fixed = zero - Days::new(1);
    let course = Course {
        usual_noise: noise,
        ..Course::on_request(now, today, fixed, Sentence::new("主题", "topic"))
    };
    let topic = rows(zero, &stream.topic);
    let others = if compared {
        rows(zero, &stream.others)
    } else {
        Vec::new()
    };
    let facts = Facts {
        topic: &topic,
        control: &others,
        control_topics: if compared { CONTROL_TOPICS } else { 0 },
        siblings: &[],
    };
    evaluate(&contract, &facts, &course).verdict
}

fn generator(seed: u64, cell: &Cell, what: u64) -> Random {
    // Every cell has numbers of its own, the same whichever others are run.
    let name = cell
        .metric
        .as_str()
        .bytes()
        .chain(cell.scenario.name.bytes());
    let mixed = name.fold(seed ^ what.rotate_left(32), |at, byte| {
        (at ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Random::new(mixed ^ cell.pace.to_bits())
}

/// What is learnt from untreated topics, by their manner: (metric, pace, strong weekends, slow noise).
type Known = BTreeMap<(Metric, u64, bool, bool), Vec<f64>>;

fn manner(cell: &Cell) -> (Metric, u64, bool, bool) {
    let (weekends, slow) = cell.scenario.untreated_manner();
    (cell.metric, cell.pace.to_bits(), weekends, slow)
}

/// What companies of such topics, untreated, know of their usual noise.
fn companies(seed: u64, cell: &Cell) -> Vec<f64> {
    let untreated = cell.scenario.untreated();
    let mut random = generator(seed, cell, 1);
    // One calendar for all topics of a company.
    let zero = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    (0..COMPANIES)
        .filter_map(|_| {
            let drawn = world::company(&mut random, cell.metric, &untreated, cell.pace, TOPICS);
            let topics: Vec<Vec<DayRow>> = drawn.iter().map(|s| rows(zero, &s.topic)).collect();
            let topics: Vec<&[DayRow]> = topics.iter().map(Vec::as_slice).collect();
            usual_noise(cell.metric, &topics, &[], zero - Days::new(30))
        })
        .collect()
}

fn run(cell: &Cell, known: &[f64], streams: u32, seed: u64) -> Tally {
    let mut random = generator(seed, cell, 2);
    let mut tally = Tally::default();
    for k in 0..streams {
        let drawn = stream(&mut random, cell.metric, cell.scenario, cell.pace);
        let noise = known.get(k as usize % known.len().max(1)).copied();
        tally.n += 1;
        match judge(cell.metric, &drawn, cell.compared, noise) {
            Verdict::Improved => tally.improved += 1,
            Verdict::Recovered => tally.recovered += 1,
            Verdict::Worse => tally.worse += 1,
            Verdict::NoEffect | Verdict::Pending | Verdict::Inconclusive => {}
        }
    }
    tally
}

/// Does `work` with every number below `n`, on all processors; the results in their order.
fn each<T: Clone + Send>(n: usize, work: impl Fn(usize) -> T + Sync) -> Result<Vec<T>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![None; n]));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= n {
                        break;
                    }
                    let result = work(at);
                    if let Ok(mut done) = done.lock()
                        && let Some(slot) = done.get_mut(at)
                    {
                        *slot = Some(result);
                    }
                }
            });
        }
    });
    let done = done.into_inner().map_err(|_| "a worker failed")?;
    Ok(done
        .into_iter()
        .collect::<Option<Vec<T>>>()
        .ok_or("a worker failed")?)
}

/// The family whose figure the cell counts for.
fn family(cell: &Cell) -> &'static str {
    match (cell.compared, cell.scenario.family) {
        (true, family) => family.as_str(),
        (false, Family::AllMoved) => "unseen",
        (false, _) => "not_compared",
    }
}

fn cells(metrics: &[Metric]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for metric in metrics.iter().copied() {
        let volume = metric.kind() == MetricKind::Rate;
        let scenarios: &'static [Scenario] = if volume { &OF_VOLUME } else { &SCENARIOS };
        for compared in [true, false] {
            for scenario in scenarios {
                let paces: &[f64] = if volume { &CONTACTS } else { &PACES };
                cells.extend(paces.iter().map(|pace| Cell {
                    metric,
                    compared,
                    scenario,
                    pace: *pace,
                }));
            }
        }
    }
    cells
}

const USAGE: &str = "usage: chance [--streams N] [--seed S] [METRIC…]";

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--help" || arg == "-h") {
        let names: Vec<&str> = Metric::ALL.iter().map(|m| m.as_str()).collect();
        let _ = writeln!(
            std::io::stdout(),
            "{USAGE}\nMETRIC: {} (none named: all; some minutes)",
            names.join(", ")
        );
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "chance: {e}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<()> {
    let (mut streams, mut seed, mut metrics) = (600_u32, 20_250_101_u64, Vec::new());
    let mut only: Option<String> = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--streams" => streams = args.next().ok_or("--streams needs a number")?.parse()?,
            "--only" => only = Some(args.next().ok_or("--only needs a family or scenario")?),
            "--seed" => seed = args.next().ok_or("--seed needs a number")?.parse()?,
            name => metrics.push(
                Metric::ALL
                    .into_iter()
                    .find(|metric| metric.as_str() == name)
                    .ok_or_else(|| format!("no metric is called {name}; {USAGE}"))?,
            ),
        }
    }
    if metrics.is_empty() {
        metrics = Metric::ALL.to_vec();
    }
    let mut cells = cells(&metrics);
    if let Some(only) = &only {
        cells.retain(|cell| family(cell) == only || cell.scenario.name == only);
    }
    let mut firsts: BTreeMap<_, &Cell> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.compared) {
        firsts.entry(manner(cell)).or_insert(cell);
    }
    let firsts: Vec<&Cell> = firsts.into_values().collect();
    let learnt = each(firsts.len(), |at| companies(seed, firsts[at]))?;
    let known: Known = firsts.iter().map(|cell| manner(cell)).zip(learnt).collect();
    let done = each(cells.len(), |at| {
        let cell = &cells[at];
        let noise = if cell.compared {
            known.get(&manner(cell))
        } else {
            None
        };
        run(cell, noise.map_or(&[], Vec::as_slice), streams, seed)
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "metric,family,scenario,per_day,streams,improved,recovered,worse"
    )?;
    for (cell, tally) in cells.iter().zip(&done) {
        writeln!(
            out,
            "{},{},{},{},{},{},{},{}",
            cell.metric.as_str(),
            family(cell),
            cell.scenario.name,
            cell.pace,
            tally.n,
            tally.improved,
            tally.recovered,
            tally.worse
        )?;
    }
    highest(&cells, &done, &mut out)
}

/// For the code: the highest share of each family and pace, rounded up to a whole per cent.
fn highest(cells: &[Cell], done: &[Tally], out: &mut impl Write) -> Result<()> {
    let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for (cell, tally) in cells.iter().zip(done) {
        let share = 100.0 * f64::from(tally.improved) / f64::from(tally.n.max(1));
        let name = format!("{} {}", cell.metric.as_str(), family(cell));
        if lines.iter().all(|(line, _)| *line != name) {
            lines.push((name.clone(), Vec::new()));
        }
        for (_, paces) in lines.iter_mut().filter(|(line, _)| *line == name) {
            match paces
                .iter_mut()
                .find(|(pace, _)| (*pace - cell.pace).abs() < 0.5)
            {
                Some((_, highest)) => *highest = highest.max(share),
                None => paces.push((cell.pace, share)),
            }
        }
    }
    for (name, paces) in lines {
        let text: Vec<String> = paces
            .iter()
            .map(|(pace, share)| format!("{pace} a day {share:.1}"))
            .collect();
        writeln!(out, "# {name}: {}", text.join(", "))?;
    }
    Ok(())
}
