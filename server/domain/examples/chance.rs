//! Measures how often the verification errs where the truth is known: the figures behind the chance
//! that a sentence prints.
//!
//! `cargo run -p domain --release --example chance [-- REPLICATES [SEED]]` draws made-up streams of
//! one topic, proposes the contract on the day of the alarm, looks once at the horizon, and prints
//! the share of each verdict. There is no control series in this version, so what moves all topics
//! at once is not among the scenarios: it would be taken for an effect, and the sentence says so.

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use domain::facts::Counters;
use domain::verification::contract::Asked;
use domain::verification::{
    Course, DayRow, MATURITY_SCHEDULED, Metric, Sentence, Verdict, evaluate, propose,
};
use std::io::Write;

/// Days before the fix, and after it.
const BEFORE: usize = 168;
const AFTER: usize = 31;
const CHANNELS: [&str; 3] = ["phone", "chat", "app"];
const MIX: [f64; 3] = [0.35, 0.40, 0.25];
const LEVEL: [f64; 3] = [0.70, 0.78, 0.86];

/// What is special about a stream.
#[derive(Clone, Copy, Default)]
struct Scenario {
    name: &'static str,
    metric_volume: bool,
    /// Points (CSAT) or relative change (volume) since the fix.
    effect: f64,
    /// The fix is dated 3 to 10 days after the first bad (busy) week: regression to the mean.
    chosen_after_bad_week: bool,
    /// Points (CSAT) or factor (volume) at weekends.
    weekend: f64,
    /// Mix of channels since the fix.
    mix_after: Option<[f64; 3]>,
    /// Slow noise: autocorrelation 0.9 a day, this standard deviation in log-odds (log rate).
    slow: f64,
    /// A dip of this many points that passes by itself near the fix.
    dip: f64,
}

const QUIET: Scenario = Scenario {
    name: "",
    metric_volume: false,
    effect: 0.0,
    chosen_after_bad_week: false,
    weekend: -0.02,
    mix_after: None,
    slow: 0.0,
    dip: 0.0,
};
const VOLUME: Scenario = Scenario {
    metric_volume: true,
    weekend: 0.54,
    ..QUIET
};

const SCENARIOS: [Scenario; 14] = [
    Scenario {
        name: "nothing happens",
        ..QUIET
    },
    Scenario {
        name: "nothing, after a bad week",
        chosen_after_bad_week: true,
        ..QUIET
    },
    Scenario {
        name: "nothing, weekends -11",
        weekend: -0.11,
        ..QUIET
    },
    Scenario {
        name: "nothing, mix shifts",
        mix_after: Some([0.12, 0.43, 0.45]),
        ..QUIET
    },
    Scenario {
        name: "nothing, slow noise",
        slow: 0.18,
        ..QUIET
    },
    Scenario {
        name: "dip heals by itself",
        dip: -0.12,
        ..QUIET
    },
    Scenario {
        name: "+10 points",
        effect: 0.10,
        ..QUIET
    },
    Scenario {
        name: "+14 points, after a bad week",
        effect: 0.14,
        chosen_after_bad_week: true,
        ..QUIET
    },
    Scenario {
        name: "-10 points",
        effect: -0.10,
        ..QUIET
    },
    Scenario {
        name: "volume: nothing",
        ..VOLUME
    },
    Scenario {
        name: "volume: after a busy week",
        chosen_after_bad_week: true,
        ..VOLUME
    },
    Scenario {
        name: "volume: weekends empty",
        weekend: 0.09,
        ..VOLUME
    },
    Scenario {
        name: "volume: slow noise",
        slow: 0.15,
        ..VOLUME
    },
    Scenario {
        name: "volume: -30 %",
        effect: -0.30,
        ..VOLUME
    },
];

/// splitmix64.
struct Rng(u64);

impl Rng {
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

    fn poisson(&mut self, mean: f64) -> u32 {
        // In pieces, so that the product of uniforms does not vanish.
        let mut left = mean;
        let mut n = 0;
        loop {
            left += self.unit().ln();
            if left < 0.0 {
                return n;
            }
            n += 1;
        }
    }

    fn binomial(&mut self, n: u32, p: f64) -> u32 {
        (0..n).map(|_| u32::from(self.unit() < p)).sum()
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + (self.bits() % (high - low + 1) as u64) as usize
    }
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

struct Stream {
    /// Per day and channel: answers (contacts for volume) and satisfied.
    counts: Vec<[(u32, u32); 3]>,
    alarm: usize,
    fix: usize,
    first: NaiveDate,
}

fn draw(rng: &mut Rng, s: &Scenario, rate: f64) -> Stream {
    let start = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap_or_default() + Days::new(rng.bits() % 7);
    let spare = if s.chosen_after_bad_week { 72 } else { 0 };
    let days = BEFORE + spare + AFTER;
    let weekend = |d: usize| {
        matches!(
            (start + Days::new(d as u64)).weekday(),
            Weekday::Sat | Weekday::Sun
        )
    };
    let mut slow = s.slow * rng.normal();
    let noise: Vec<(f64, f64)> = (0..days)
        .map(|_| {
            slow = 0.9 * slow + s.slow * (1.0_f64 - 0.81).sqrt() * rng.normal();
            (slow, rng.normal())
        })
        .collect();
    let on = BEFORE - rng.between(16, 28);
    let off = BEFORE - 5 + rng.between(0, 8);
    let one = |rng: &mut Rng, d: usize, fixed: bool| -> [(u32, u32); 3] {
        let calm = if weekend(d) { 0.62 } else { 1.152 };
        std::array::from_fn(|c| {
            let mix = if fixed {
                s.mix_after.unwrap_or(MIX)
            } else {
                MIX
            };
            if s.metric_volume {
                let calm = if weekend(d) { 1.152 * s.weekend } else { 1.152 };
                let effect = if fixed { 1.0 + s.effect } else { 1.0 };
                // 20 % from day to day, and 6 % for the whole house.
                let mean = rate * calm * mix[c] * effect * (noise[d].0 + 0.06 * noise[d].1).exp();
                let uneven = rng.gamma(25);
                return (rng.poisson(mean * uneven), 0);
            }
            let slope = 1.0 / (LEVEL[c] * (1.0 - LEVEL[c]));
            let lean = if weekend(d) { s.weekend * slope } else { 0.0 };
            let p =
                1.0 / (1.0 + (-(logit(LEVEL[c]) + lean + noise[d].0 + 0.117 * noise[d].1)).exp());
            let dip = if s.dip != 0.0 && d >= on && d < off {
                s.dip
            } else {
                0.0
            };
            let p = (p + dip + if fixed { s.effect } else { 0.0 }).clamp(0.01, 0.99);
            // Customers of one day and channel are a little alike.
            let p = (p + (0.004 * p * (1.0 - p)).sqrt() * rng.normal()).clamp(0.005, 0.995);
            let uneven = rng.gamma(12);
            let n = rng.poisson(rate * calm * mix[c] * uneven);
            (n, rng.binomial(n, p))
        })
    };
    let mut counts: Vec<_> = (0..days)
        .map(|d| one(rng, d, !s.chosen_after_bad_week && d > BEFORE))
        .collect();
    if !s.chosen_after_bad_week {
        let alarm = if s.dip == 0.0 {
            BEFORE - rng.between(7, 21)
        } else {
            on + rng.between(5, 10)
        };
        return Stream {
            counts,
            alarm: alarm.min(BEFORE - 1),
            fix: BEFORE,
            first: start,
        };
    }
    // The first week two standard errors worse than the twelve before it, else the worst.
    let sum = |from: usize, to: usize| {
        counts[from..to]
            .iter()
            .flatten()
            .fold((0.0, 0.0), |(n, x), c| {
                (n + f64::from(c.0), x + f64::from(c.1))
            })
    };
    let mut worst = (f64::INFINITY, BEFORE);
    for day in BEFORE..BEFORE + 60 {
        let ((n, x), (m, y)) = (sum(day - 6, day + 1), sum(day - 90, day - 6));
        let z = if s.metric_volume {
            (m / 12.0 - n) / (m / 12.0).max(1.0).sqrt()
        } else {
            let p = y / m.max(1.0);
            (x / n.max(1.0) - p) / (p * (1.0 - p) / n.max(1.0)).sqrt()
        };
        if z < worst.0 {
            worst = (z, day);
        }
        if z < -2.0 {
            break;
        }
    }
    let fix = worst.1 + rng.between(3, 10);
    for (d, count) in counts.iter_mut().enumerate().skip(fix + 1) {
        *count = one(rng, d, true);
    }
    Stream {
        counts,
        alarm: worst.1,
        fix,
        first: start,
    }
}

fn verdict(stream: &Stream, metric: Metric) -> (Verdict, bool) {
    let day = |d: usize| stream.first + Days::new(d as u64);
    let row = |d: usize, c: usize| {
        let (n, s) = (
            i64::from(stream.counts[d][c].0),
            i64::from(stream.counts[d][c].1),
        );
        let counters = match metric {
            Metric::Csat => Counters {
                contacts: n,
                rated: n,
                satisfied: s,
                ..Counters::default()
            },
            Metric::Volume => Counters {
                contacts: n,
                ..Counters::default()
            },
        };
        DayRow {
            day: day(d),
            channel: CHANNELS[c].to_owned(),
            counters,
        }
    };
    let rows: Vec<DayRow> = (0..stream.counts.len())
        .flat_map(|d| (0..3).map(move |c| (d, c)))
        .map(|(d, c)| row(d, c))
        .collect();
    let known: Vec<DayRow> = rows
        .iter()
        .filter(|r| r.day < day(stream.alarm))
        .cloned()
        .collect();
    let mut contract = propose(
        &known,
        &Asked {
            metric: Some(metric),
            ..Asked::by_rule("topic", day(stream.alarm), Some(day(stream.alarm)))
        },
    );
    contract.horizon_days = 28;
    let today = day(stream.fix + AFTER);
    let now = today.and_time(NaiveTime::MIN).and_utc();
    let course = Course {
        maturity_days: MATURITY_SCHEDULED,
        ..Course::on_request(now, today, day(stream.fix), Sentence::default())
    };
    let result = evaluate(&contract, &rows, &course);
    (result.verdict, result.naive.claims_success)
}

fn main() -> std::io::Result<()> {
    let mut args = std::env::args()
        .skip(1)
        .map(|a| a.parse::<u64>().unwrap_or(2000));
    let (reps, seed) = (args.next().unwrap_or(2000), args.next().unwrap_or(1));
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{reps} streams a line, seed {seed}; shares in per cent; one look at the horizon, no control series"
    )?;
    write!(out, "{:<30}{:>6}", "truth", "a day")?;
    for v in Verdict::ALL {
        write!(out, "{:>14}", v.as_str())?;
    }
    writeln!(out, "{:>10}", "naive")?;
    for (at, scenario) in SCENARIOS.iter().enumerate() {
        let (metric, rates) = if scenario.metric_volume {
            (Metric::Volume, [30.0, 100.0, 300.0])
        } else {
            (Metric::Csat, [6.0, 20.0, 60.0])
        };
        for rate in rates {
            let mut tally = [0_u32; Verdict::ALL.len()];
            let mut naive = 0_u32;
            for rep in 0..reps {
                let mut rng = Rng((seed << 40) ^ ((at as u64) << 32) ^ ((rate as u64) << 20) ^ rep);
                let (verdict, claimed) = verdict(&draw(&mut rng, scenario, rate), metric);
                naive += u32::from(claimed);
                for (v, n) in Verdict::ALL.iter().zip(&mut tally) {
                    *n += u32::from(*v == verdict);
                }
            }
            write!(out, "{:<30}{rate:>6}", scenario.name)?;
            let percent = |n: u32| 100.0 * f64::from(n) / reps as f64;
            for n in tally {
                write!(out, "{:>14.1}", percent(n))?;
            }
            writeln!(out, "{:>10.1}", percent(naive))?;
        }
    }
    Ok(())
}
