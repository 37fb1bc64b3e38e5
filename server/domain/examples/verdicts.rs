//! Verdicts on streams with known truth: how often the verification errs, and how fast it is.
//!
//! - `verdicts -- STREAM.csv…` reads streams of CSAT or contact volume (a row per replicate × day ×
//!   group × channel, `#meta` lines with the day of the alarm, the truth and the usual noise) and
//!   writes lines `rep,verdict,day` for each file: to standard output, or to `DIR/NAME.verdicts.csv`
//!   with `--out DIR`;
//! - `verdicts -- table STREAM.csv…` prints the error rates of each file beside those of the
//!   specification;
//! - `verdicts -- bench` prints the time of one verdict as a multiple of reading its rows once.
//!
//! Day 0 of a stream is the first full day after the fix, so the fix went live on day −1; the
//! calendar begins such that the weekends of the stream are weekends.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use domain::facts::Counters;
use domain::statistics::sequential::{ALPHA, RHO, boundaries};
use domain::verification::{
    Chosen, Contract, ControlRule, Course, DayRow, Facts, Metric, Planned, Sentence, Verdict,
    Verification, evaluate,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Topics that the streams' control is the sum of.
const CONTROL_TOPICS: usize = 8;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the head of a file says.
#[derive(Clone, Debug, Default)]
struct Head {
    scenario: String,
    rate: f64,
}

/// One replicate.
#[derive(Clone, Debug, Default)]
struct Stream {
    alert: i64,
    /// True effect: a difference of shares, or a ratio of rates − 1.
    effect: f64,
    usual_noise: f64,
    volume: bool,
    topic: Vec<(i64, String, Counters)>,
    control: Vec<(i64, String, Counters)>,
    weekends: BTreeMap<i64, bool>,
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace()
        .find_map(|part| {
            part.trim_start_matches('#')
                .strip_prefix(name)?
                .strip_prefix('=')
        })
        .map(|v| v.trim_end_matches(';'))
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> Result<T> {
    text.and_then(|t| t.parse().ok())
        .ok_or_else(|| "a field of the stream is missing or no number".into())
}

/// Reads a file, one replicate after the other.
fn read(path: &Path, each: impl FnMut(i64, &Stream) -> Result<()>) -> Result<Head> {
    replicates(path, each).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn replicates(path: &Path, mut each: impl FnMut(i64, &Stream) -> Result<()>) -> Result<Head> {
    let mut head = Head::default();
    let mut at: Option<(i64, Stream)> = None;
    for line in BufReader::with_capacity(1 << 20, File::open(path)?).lines() {
        let line = line?;
        if line.starts_with("#scenario") {
            head.scenario = field(&line, "scenario").unwrap_or_default().to_owned();
            head.rate = number(field(&line, "rate"))?;
        } else if line.starts_with("#meta") {
            if let Some((rep, stream)) = at.take() {
                each(rep, &stream)?;
            }
            let ratio: Option<f64> = field(&line, "rate_ratio").and_then(|v| v.parse().ok());
            let stream = Stream {
                alert: number(field(&line, "alert_day"))?,
                effect: match ratio {
                    Some(ratio) => ratio - 1.0,
                    None => number(field(&line, "effect"))?,
                },
                usual_noise: number(field(&line, "phi0"))?,
                volume: ratio.is_some(),
                ..Stream::default()
            };
            at = Some((number(field(&line, "rep"))?, stream));
        } else if let Some((_, stream)) = &mut at {
            row(stream, &line)?;
        }
    }
    if let Some((rep, stream)) = at {
        each(rep, &stream)?;
    }
    Ok(head)
}

fn row(stream: &mut Stream, line: &str) -> Result<()> {
    let parts: Vec<&str> = line.split(',').collect();
    let whole = |k: usize| number::<i64>(parts.get(k).copied());
    let day = whole(1)?;
    if stream.volume {
        stream.weekends.insert(day, whole(2)? == 1);
        let contacts = |n| Counters {
            voices: n,
            contacts: n,
            ..Counters::default()
        };
        stream
            .topic
            .push((day, "all".to_owned(), contacts(whole(3)?)));
        stream
            .control
            .push((day, "all".to_owned(), contacts(whole(4)?)));
        return Ok(());
    }
    stream.weekends.insert(day, whole(4)? == 1);
    let counters = Counters {
        voices: whole(5)?,
        contacts: whole(5)?,
        rated: whole(5)?,
        satisfied: whole(6)?,
        r1: whole(7)?,
        r2: whole(8)?,
        r3: whole(9)?,
        r4: whole(10)?,
        r5: whole(11)?,
        ..Counters::default()
    };
    let group = if parts.get(2) == Some(&"control") {
        &mut stream.control
    } else {
        &mut stream.topic
    };
    group.push((day, parts.get(3).unwrap_or(&"").to_string(), counters));
    Ok(())
}

/// The date of the stream's day 0, such that its weekends are weekends.
fn day_zero(stream: &Stream) -> Result<NaiveDate> {
    let monday = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    (0..7)
        .map(|k| monday + Days::new(k))
        .find(|zero| {
            stream
                .weekends
                .iter()
                .take(14)
                .all(|(day, closed)| weekend(date(*zero, *day)) == *closed)
        })
        .ok_or_else(|| "the weekends of this stream are none".into())
}

fn weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

fn date(zero: NaiveDate, day: i64) -> NaiveDate {
    zero + chrono::TimeDelta::days(day)
}

fn contract(metric: Metric, alarm_day: Option<NaiveDate>) -> Contract {
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
        alarm_day,
        change_day: None,
        guard_days: 14,
        guards: Vec::new(),
        control: ControlRule::OtherTopics,
        watched_topic: None,
        planned: Planned::default(),
        sentence: Sentence::default(),
        candidates: Vec::new(),
        refused: None,
        notes: Vec::new(),
    }
}

/// Which of the rows' figures decides, for trying metrics on streams of ratings.
fn judge(stream: &Stream, options: &Options) -> Result<Verification> {
    let zero = day_zero(stream)?;
    let rows = |rows: &[(i64, String, Counters)]| -> Vec<DayRow> {
        rows.iter()
            .map(|(day, channel, counters)| DayRow {
                day: date(zero, *day),
                channel: channel.clone(),
                counters: *counters,
            })
            .collect()
    };
    let metric = if stream.volume {
        Metric::Volume
    } else {
        options.metric
    };
    let mut contract = contract(metric, Some(date(zero, stream.alert)));
    contract.horizon_days = options.horizon;
    if options.alone {
        contract.control = ControlRule::None;
    }
    let today = date(zero, i64::from(options.horizon) + 1);
    let now = today.and_time(NaiveTime::MIN).and_utc();
    let course = Course {
        usual_noise: Some(stream.usual_noise),
        ..Course::on_request(now, today, date(zero, -1), Sentence::new("主题", "topic"))
    };
    let (topic, control) = (rows(&stream.topic), rows(&stream.control));
    let facts = Facts {
        topic: &topic,
        control: &control,
        control_topics: CONTROL_TOPICS,
        siblings: &[],
    };
    Ok(evaluate(&contract, &facts, &course))
}

/// The day of the verdict: 7 = after one whole week.
fn decided(v: &Verification) -> Option<i64> {
    v.decided_on.map(|day| (day - v.effective_day).num_days())
}

#[derive(Clone, Debug)]
struct Options {
    metric: Metric,
    horizon: u32,
    alone: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    n: f64,
    improved: f64,
    recovered: f64,
    worse: f64,
    no_effect: f64,
    verified_14: f64,
    covered: f64,
}

impl Tally {
    fn add(&mut self, stream: &Stream, v: &Verification) {
        self.n += 1.0;
        match v.verdict {
            Verdict::Improved => self.improved += 1.0,
            Verdict::Recovered => self.recovered += 1.0,
            Verdict::Worse => self.worse += 1.0,
            Verdict::NoEffect => self.no_effect += 1.0,
            Verdict::Pending | Verdict::Inconclusive => {}
        }
        let verified = matches!(v.verdict, Verdict::Improved | Verdict::Recovered);
        if verified && decided(v).is_some_and(|day| day <= 14) {
            self.verified_14 += 1.0;
        }
        let inside = |low: Option<f64>, high: Option<f64>| {
            low.zip(high)
                .is_none_or(|(l, h)| l <= stream.effect && stream.effect <= h)
        };
        if v.looks.iter().all(|look| inside(look.low, look.high)) {
            self.covered += 1.0;
        }
    }

    fn percent(&self, k: f64) -> f64 {
        100.0 * k / self.n.max(1.0)
    }

    /// Standard error of a share, in per cent.
    fn error(&self, k: f64) -> f64 {
        let p = k / self.n.max(1.0);
        100.0 * (p * (1.0 - p) / self.n.max(1.0)).sqrt()
    }
}

/// A line of the specification's tables E1–E3, in per cent: improved, recovered, worse, coverage of
/// streams without an effect; missed by day 28 of those with one (then `improved` is NaN).
type Spec = (&'static str, f64, [f64; 5]);

const fn null(
    name: &'static str,
    rate: f64,
    improved: f64,
    recovered: f64,
    worse: f64,
    cover: f64,
) -> Spec {
    (name, rate, [improved, recovered, worse, cover, f64::NAN])
}

const fn missed(name: &'static str, rate: f64, missed: f64) -> Spec {
    (name, rate, [f64::NAN, f64::NAN, f64::NAN, f64::NAN, missed])
}

const N: f64 = f64::NAN;

/// The specification's figures; NaN where it gives none.
const SPEC: &[Spec] = &[
    null("null_quiet", 20.0, 2.4, 0.7, 3.2, 93.6),
    null("null_rtm", 20.0, 1.7, 0.7, 3.9, 93.6),
    null("null_rtm_fast", 20.0, 1.9, 0.3, 3.4, 94.3),
    null("null_weekday", 20.0, 1.7, 1.1, 3.7, 93.3),
    null("null_mix", 20.0, 1.9, 1.0, 3.1, 94.0),
    null("null_shock", 20.0, 2.3, 1.5, 1.9, 94.4),
    null("null_shock_add", 20.0, 0.7, 0.9, 4.0, 94.4),
    null("null_shock_addneg", 20.0, 3.8, 1.2, 2.6, 92.4),
    null("null_shock_neg", 20.0, 2.3, 0.5, 5.6, 91.5),
    null("null_drift_common", 20.0, 1.8, 1.0, 1.7, 95.4),
    null("null_drift_topic", 20.0, 9.9, 0.1, 0.8, 83.3),
    null("null_drift_topic2", 20.0, 0.6, 0.0, 0.1, 71.7),
    null("null_ar1", 20.0, 1.7, 0.6, 2.3, 95.4),
    null("null_selfheal", 20.0, 2.0, 66.0, 0.2, 31.3),
    null("null_quiet", 6.0, 1.9, 0.4, N, N),
    null("null_rtm", 6.0, 1.6, 0.5, N, N),
    null("null_rtm_fast", 6.0, 1.4, 0.0, N, N),
    null("null_weekday", 6.0, 1.7, 1.0, N, N),
    null("null_mix", 6.0, 1.9, 0.6, N, N),
    null("null_shock", 6.0, 1.5, 1.0, N, N),
    null("null_shock_add", 6.0, 0.8, 0.7, N, N),
    null("null_shock_addneg", 6.0, 2.9, 0.7, N, N),
    null("null_shock_neg", 6.0, 2.3, 0.5, N, N),
    null("null_drift_common", 6.0, 1.3, 0.7, N, N),
    null("null_drift_topic", 6.0, 6.2, 0.2, N, N),
    null("null_drift_topic2", 6.0, 8.1, 0.1, N, N),
    null("null_ar1", 6.0, 1.7, 0.6, N, N),
    null("null_selfheal", 6.0, 2.5, 22.7, N, N),
    null("null_quiet", 60.0, 2.5, 1.3, N, N),
    null("null_rtm", 60.0, 1.7, 0.8, N, N),
    null("null_rtm_fast", 60.0, 1.7, 0.3, N, N),
    null("null_weekday", 60.0, 2.3, 1.0, N, N),
    null("null_mix", 60.0, 2.3, 1.4, N, N),
    null("null_shock", 60.0, 4.5, 1.8, N, N),
    null("null_shock_add", 60.0, 0.6, 0.8, N, N),
    null("null_shock_addneg", 60.0, 5.8, 1.3, N, N),
    null("null_shock_neg", 60.0, 1.8, 0.6, N, N),
    null("null_drift_common", 60.0, 4.2, 1.1, N, N),
    null("null_drift_topic", 60.0, 3.7, 0.0, N, N),
    null("null_drift_topic2", 60.0, 0.0, 0.0, N, N),
    null("null_ar1", 60.0, 1.7, 0.5, N, N),
    null("null_selfheal", 60.0, 2.7, 91.5, N, N),
    missed("eff_05", 20.0, 49.3),
    missed("eff_10", 20.0, 7.1),
    missed("eff_14", 20.0, 1.6),
    missed("eff_10_rtm", 20.0, 9.7),
    missed("eff_14_rtm", 20.0, 3.8),
    missed("eff_10_weekday", 20.0, 7.4),
    missed("eff_10_shockneg", 20.0, 9.9),
    missed("eff_10_mixneg", 20.0, 8.5),
    missed("eff_10_acute", 20.0, 31.0),
    missed("eff_05", 6.0, 82.4),
    missed("eff_10", 6.0, 39.3),
    missed("eff_14", 6.0, 13.2),
    missed("eff_10_rtm", 6.0, 41.7),
    missed("eff_14_rtm", 6.0, 14.0),
    missed("eff_10_weekday", 6.0, 43.2),
    missed("eff_10_shockneg", 6.0, 48.3),
    missed("eff_10_mixneg", 6.0, 47.0),
    missed("eff_10_acute", 6.0, 76.5),
    missed("eff_05", 60.0, 14.7),
    missed("eff_10", 60.0, 0.6),
    missed("eff_14", 60.0, 0.0),
    missed("eff_10_rtm", 60.0, 2.8),
    missed("eff_14_rtm", 60.0, 0.6),
    missed("eff_10_weekday", 60.0, 0.7),
    missed("eff_10_shockneg", 60.0, 2.0),
    missed("eff_10_mixneg", 60.0, 0.8),
    missed("eff_10_acute", 60.0, 2.5),
    ("worse_10", 6.0, [N, N, 54.3, N, N]),
    ("worse_10", 20.0, [N, N, 91.1, N, N]),
    ("worse_10", 60.0, [N, N, 98.4, N, N]),
    null("vol_null", 30.0, 2.1, 1.2, N, N),
    null("vol_null", 100.0, 3.2, 1.1, N, N),
    null("vol_null", 300.0, 2.5, 1.4, N, N),
    null("vol_null_rtm", 30.0, 1.7, 1.4, N, N),
    null("vol_null_rtm", 100.0, 2.0, 2.3, N, N),
    null("vol_null_rtm", 300.0, 2.3, 2.1, N, N),
    null("vol_null_weekday", 30.0, 2.9, 1.7, N, N),
    null("vol_null_weekday", 100.0, 2.7, 1.7, N, N),
    null("vol_null_weekday", 300.0, 3.5, 1.6, N, N),
    null("vol_null_company", 30.0, 1.3, 1.1, N, N),
    null("vol_null_company", 100.0, 1.3, 1.1, N, N),
    null("vol_null_company", 300.0, 1.4, 1.4, N, N),
    null("vol_null_decline", 30.0, 2.1, 1.4, N, N),
    null("vol_null_decline", 100.0, 2.1, 1.8, N, N),
    null("vol_null_decline", 300.0, 2.5, 1.3, N, N),
    null("vol_null_ar1", 30.0, 1.2, 0.7, N, N),
    null("vol_null_ar1", 100.0, 1.4, 0.3, N, N),
    null("vol_null_ar1", 300.0, 1.3, 0.5, N, N),
    missed("vol_minus_10", 30.0, 68.7),
    missed("vol_minus_10", 100.0, 56.6),
    missed("vol_minus_10", 300.0, 52.5),
    missed("vol_minus_20", 30.0, 17.0),
    missed("vol_minus_20", 100.0, 7.4),
    missed("vol_minus_20", 300.0, 5.6),
    missed("vol_minus_30", 30.0, 3.3),
    missed("vol_minus_30", 100.0, 2.3),
    missed("vol_minus_30", 300.0, 1.4),
    missed("vol_minus_30_grow", 30.0, 2.8),
    missed("vol_minus_30_grow", 100.0, 1.3),
    missed("vol_minus_30_grow", 300.0, 1.1),
    ("vol_plus_20", 30.0, [N, N, 77.4, N, N]),
    ("vol_plus_20", 100.0, [N, N, 87.6, N, N]),
    ("vol_plus_20", 300.0, [N, N, 88.8, N, N]),
];

fn spec(head: &Head) -> [f64; 5] {
    SPEC.iter()
        .find(|(name, rate, _)| *name == head.scenario && (rate - head.rate).abs() < 0.01)
        .map_or([N; 5], |(_, _, figures)| *figures)
}

fn table(paths: &[PathBuf], options: &Options, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "{:<18}{:>5}{:>6} | {:>18} | {:>11} | {:>11} | {:>6} | {:>13} | {:>6} | {:>11}   (per cent; after / the specification's)",
        "scenario",
        "a day",
        "n",
        "improved ± se",
        "recovered",
        "worse",
        "no eff",
        "missed by 28",
        "by 14",
        "coverage"
    )?;
    let mut pooled = Tally::default();
    let mut plain = Tally::default();
    let mut highest: (f64, String) = (0.0, String::new());
    for path in paths {
        let mut tally = Tally::default();
        let head = read(path, |_, stream| {
            tally.add(stream, &judge(stream, options)?);
            Ok(())
        })?;
        let [improved, recovered, worse, cover, missed] = spec(&head);
        let is_null = head.scenario.contains("null");
        let verified = tally.improved + tally.recovered;
        let show = |x: f64| {
            if x.is_nan() {
                "–".to_owned()
            } else {
                format!("{x:.1}")
            }
        };
        writeln!(
            out,
            "{:<18}{:>5}{:>6} | {:>5.1} ±{:>4.1} /{:>5} | {:>5.1}/{:>5} | {:>5.1}/{:>5} | {:>6.1} | {:>7}/{:>5} | {:>6} | {:>5.1}/{:>5}",
            head.scenario,
            head.rate,
            tally.n,
            tally.percent(tally.improved),
            tally.error(tally.improved),
            show(improved),
            tally.percent(tally.recovered),
            show(recovered),
            tally.percent(tally.worse),
            show(worse),
            tally.percent(tally.no_effect),
            if is_null {
                "–".to_owned()
            } else {
                format!("{:.1}", 100.0 - tally.percent(verified))
            },
            show(missed),
            if is_null {
                "–".to_owned()
            } else {
                format!("{:.1}", 100.0 - tally.percent(tally.verified_14))
            },
            tally.percent(tally.covered),
            show(cover),
        )?;
        out.flush()?;
        if is_null {
            pooled.n += tally.n;
            pooled.improved += tally.improved;
            if !head.scenario.contains("drift_topic") {
                plain.n += tally.n;
                plain.improved += tally.improved;
            }
            let rate = tally.percent(tally.improved);
            if rate > highest.0 {
                highest = (rate, format!("{} at {} a day", head.scenario, head.rate));
            }
        }
    }
    for (what, tally) in [
        ("all scenarios without an effect", &pooled),
        ("the same without a drift of one topic alone", &plain),
    ] {
        if tally.n > 0.0 {
            let upper =
                domain::statistics::proportions::wilson(tally.improved, tally.n, 1.644_853_627)
                    .map_or(1.0, |ends| ends.1);
            writeln!(
                out,
                "false improved over {what}: {:.2} % of {}, upper 95 % bound {:.2} %",
                tally.percent(tally.improved),
                tally.n,
                100.0 * upper
            )?;
        }
    }
    if pooled.n > 0.0 {
        writeln!(out, "highest: {:.1} % ({})", highest.0, highest.1)?;
    }
    Ok(())
}

fn verdicts(
    paths: &[PathBuf],
    into: Option<&Path>,
    options: &Options,
    out: &mut impl Write,
) -> Result<()> {
    for path in paths {
        let mut lines = String::from("rep,verdict,day\n");
        read(path, |rep, stream| {
            let v = judge(stream, options)?;
            let name = match v.verdict {
                Verdict::Inconclusive => "pending",
                other => other.as_str(),
            };
            let day = decided(&v).map(|d| d.to_string()).unwrap_or_default();
            lines.push_str(&format!("{rep},{name},{day}\n"));
            Ok(())
        })?;
        match into {
            None => out.write_all(lines.as_bytes())?,
            Some(dir) => {
                std::fs::create_dir_all(dir)?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                std::fs::write(dir.join(format!("{name}.verdicts.csv")), lines)?;
            }
        }
    }
    Ok(())
}

/// The numbers of one replicate, for comparison with another program's.
fn trace(path: &Path, wanted: i64, options: &Options, out: &mut impl Write) -> Result<()> {
    read(path, |rep, stream| {
        if rep == wanted {
            writeln!(out, "{}", serde_json::to_string(&judge(stream, options)?)?)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Days and channels of the benchmark.
const BENCH: (i64, usize) = (400, 6);

fn bench(out: &mut impl Write) -> Result<()> {
    let zero = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    let (days, channels) = BENCH;
    let make = |size: i64| -> Vec<DayRow> {
        (0..days)
            .flat_map(|d| (0..channels).map(move |c| (d, c)))
            .map(|(d, c)| {
                let noise = (d * 7919 + c as i64 * 104_729) % 13;
                let n = size * (3 + noise % 5);
                DayRow {
                    day: date(zero, d - (days - 28)),
                    channel: format!("channel-{c}"),
                    counters: Counters {
                        voices: n,
                        contacts: n,
                        rated: n,
                        satisfied: n * (70 + noise) / 100,
                        ..Counters::default()
                    },
                }
            })
            .collect()
    };
    let (topic, control) = (make(2), make(16));
    let facts = Facts {
        topic: &topic,
        control: &control,
        control_topics: CONTROL_TOPICS,
        siblings: &[],
    };
    let contract = contract(Metric::Csat, Some(date(zero, -12)));
    let today = date(zero, 29);
    let course = Course {
        usual_noise: Some(1.2),
        ..Course::on_request(
            today.and_time(NaiveTime::MIN).and_utc(),
            today,
            date(zero, -1),
            Sentence::new("主题", "topic"),
        )
    };
    let fractions: Vec<f64> = (7..=28).map(|day| f64::from(day) / 28.0).collect();
    let mut kept = 0.0;
    let mut time = |what: &mut dyn FnMut() -> f64| -> f64 {
        let mut best = f64::INFINITY;
        for _ in 0..300 {
            let start = Instant::now();
            kept += std::hint::black_box(what());
            best = best.min(start.elapsed().as_secs_f64());
        }
        best * 1e6
    };
    let reading = time(&mut || {
        let rows = topic.iter().chain(&control);
        rows.map(|row| row.counters.values().iter().sum::<i64>())
            .sum::<i64>() as f64
    });
    let lines = time(&mut || {
        boundaries(std::hint::black_box(&fractions), ALPHA, RHO)
            .iter()
            .sum()
    });
    let verdict = time(&mut || evaluate(&contract, &facts, &course).looks.len() as f64);
    writeln!(
        out,
        "{days} days × {channels} channels, topic and control ({} rows), 22 looks; best of 300",
        topic.len() + control.len()
    )?;
    writeln!(
        out,
        "reading every counter of the rows once  {reading:>8.0} µs   1.0"
    )?;
    writeln!(
        out,
        "the lines of 22 looks, nothing cached   {lines:>8.0} µs {:>5.1}",
        lines / reading
    )?;
    writeln!(
        out,
        "one verdict, nothing cached             {verdict:>8.0} µs {:>5.1}",
        verdict / reading
    )?;
    writeln!(
        out,
        "one verdict without those lines         {:>8.0} µs {:>5.1}",
        verdict - lines,
        (verdict - lines) / reading
    )?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "verdicts: {e}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let mut options = Options {
        metric: Metric::Csat,
        horizon: 28,
        alone: false,
    };
    let (mut mode, mut into, mut paths) = (String::new(), None, Vec::new());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "table" | "bench" if mode.is_empty() && paths.is_empty() => mode = arg,
            "--out" => into = args.next().map(PathBuf::from),
            "--horizon" => options.horizon = number(args.next().as_deref())?,
            "--mean" => options.metric = Metric::MeanRating,
            "--alone" => options.alone = true,
            "--trace" => mode = format!("trace {}", args.next().unwrap_or_default()),
            _ => paths.push(PathBuf::from(arg)),
        }
    }
    let mut out = std::io::stdout().lock();
    match mode.as_str() {
        "bench" => bench(&mut out),
        "table" => table(&paths, &options, &mut out),
        "" => verdicts(&paths, into.as_deref(), &options, &mut out),
        trace_of => {
            let rep = number(trace_of.split(' ').nth(1))?;
            paths
                .first()
                .map_or(Ok(()), |path| trace(path, rep, &options, &mut out))
        }
    }
}
