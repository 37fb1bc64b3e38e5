//! Streams in which nothing was improved, for every metric that a contract may promise to move.
//!
//! Ratings and contacts are the specification's worlds: three channels, days that differ from each
//! other for the topic alone and for the whole company, answers that are alike on one day
//! (beta-binomial), eight control topics. Other shares have levels of their own in the same world.
//! Handling times are log-normal with one contact in twenty far longer; one point of satisfaction
//! is one per cent of time.

use super::random::{Random, expit, logit};
use domain::facts::{Counters, MICRO};
use domain::verification::{Metric, MetricKind};

/// Days before the fix, and after it.
pub const BEFORE: usize = 168;
pub const AFTER: usize = 28;
/// Topics that the control is the sum of.
pub const CONTROL_TOPICS: usize = 8;
/// Days in which a bad week is looked for before a fix that follows one.
const SEARCHED: usize = 60;
/// Most days from a bad week to the fix.
const LATEST: usize = 12;
/// Variance of a share of 77 %: what one unit of log-odds is in points there, and in hundredths of a time.
const PER_LOGIT: f64 = 0.176;

/// What kind of streams the figure is printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Plain,
    MixMoved,
    AllMoved,
    Drifting,
}

impl Family {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::MixMoved => "mix_moved",
            Self::AllMoved => "all_moved",
            Self::Drifting => "drifting",
        }
    }
}

/// What happens beside the fix that does nothing. Positive is towards the goal, in log-odds of a
/// share, in hundredths of [`PER_LOGIT`] of a time, in logarithms of a number of contacts.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub family: Family,
    /// Days from a bad week to the fix.
    bad_week: Option<(usize, usize)>,
    /// How much worse weekends are, in points: of the topic, of the others.
    weekend: (f64, f64),
    mix_after: Option<[f64; 3]>,
    /// A step of all topics near the fix.
    shock: f64,
    /// The same in points, equal for all.
    shock_points: f64,
    /// Of all topics, each day.
    drift_all: f64,
    /// Of this topic, each day.
    drift: f64,
    /// Slow noise of this topic.
    slow_noise: bool,
    /// A bad spell that ends by itself near the fix.
    heals: bool,
}

impl Scenario {
    /// In what their topics differ from others' where nothing is done: strong weekends, slow noise.
    pub fn untreated_manner(&self) -> (bool, bool) {
        (self.weekend.0 > QUIET.weekend.0, self.slow_noise)
    }

    /// Days before the fix in which a bad week is looked for.
    const fn searched(&self) -> usize {
        if self.bad_week.is_some() {
            SEARCHED + LATEST
        } else {
            0
        }
    }

    /// What the untreated topics of the same company look like.
    pub const fn untreated(&self) -> Self {
        Self {
            weekend: self.weekend,
            slow_noise: self.slow_noise,
            ..QUIET
        }
    }
}

const QUIET: Scenario = Scenario {
    name: "null_quiet",
    family: Family::Plain,
    bad_week: None,
    weekend: (0.02, 0.02),
    mix_after: None,
    shock: 0.0,
    shock_points: 0.0,
    drift_all: 0.0,
    drift: 0.0,
    slow_noise: false,
    heals: false,
};

const fn named(name: &'static str, family: Family) -> Scenario {
    Scenario {
        name,
        family,
        ..QUIET
    }
}

/// Of shares and means.
pub const SCENARIOS: [Scenario; 14] = [
    QUIET,
    Scenario {
        bad_week: Some((3, 10)),
        ..named("null_rtm", Family::Plain)
    },
    Scenario {
        bad_week: Some((1, 3)),
        ..named("null_rtm_fast", Family::Plain)
    },
    Scenario {
        weekend: (0.11, 0.05),
        ..named("null_weekday", Family::Plain)
    },
    Scenario {
        slow_noise: true,
        ..named("null_ar1", Family::Plain)
    },
    Scenario {
        heals: true,
        ..named("null_selfheal", Family::Plain)
    },
    Scenario {
        mix_after: Some([0.12, 0.43, 0.45]),
        ..named("null_mix", Family::MixMoved)
    },
    Scenario {
        shock: 0.45,
        ..named("null_shock", Family::AllMoved)
    },
    Scenario {
        shock_points: 0.06,
        ..named("null_shock_add", Family::AllMoved)
    },
    Scenario {
        shock_points: -0.06,
        ..named("null_shock_addneg", Family::AllMoved)
    },
    Scenario {
        shock: -0.40,
        ..named("null_shock_neg", Family::AllMoved)
    },
    Scenario {
        drift_all: 0.0055,
        ..named("null_drift_common", Family::AllMoved)
    },
    Scenario {
        drift: 0.0030,
        ..named("null_drift_topic", Family::Drifting)
    },
    Scenario {
        drift: 0.0060,
        ..named("null_drift_topic2", Family::Drifting)
    },
];

/// Of contacts.
pub const OF_VOLUME: [Scenario; 6] = [
    named("vol_null", Family::Plain),
    Scenario {
        bad_week: Some((3, 10)),
        ..named("vol_null_rtm", Family::Plain)
    },
    Scenario {
        weekend: (1.0, 1.0),
        ..named("vol_null_weekday", Family::Plain)
    },
    Scenario {
        slow_noise: true,
        ..named("vol_null_ar1", Family::Plain)
    },
    Scenario {
        shock: 0.223,
        ..named("vol_null_company", Family::AllMoved)
    },
    Scenario {
        drift_all: 0.004,
        ..named("vol_null_decline", Family::AllMoved)
    },
];

/// How a metric behaves.
struct Manner {
    /// By channel: shares, or logarithms of seconds.
    topic: [f64; 3],
    others: [f64; 3],
    /// How alike the answers of one day are.
    alike: f64,
}

const MIX: [f64; 3] = [0.35, 0.40, 0.25];

fn manner(metric: Metric) -> Manner {
    let (topic, others, alike) = match metric {
        Metric::Csat | Metric::MeanRating | Metric::Volume => {
            ([0.70, 0.78, 0.86], [0.76, 0.83, 0.89], 0.004)
        }
        Metric::Fcr => ([0.62, 0.70, 0.58], [0.66, 0.74, 0.63], 0.004),
        // One customer comes back several times.
        Metric::RepeatShare => ([0.22, 0.17, 0.12], [0.18, 0.14, 0.10], 0.010),
        Metric::NoResultShare => ([0.14, 0.10, 0.18], [0.10, 0.08, 0.13], 0.010),
        Metric::NegativeShare => ([0.34, 0.28, 0.22], [0.28, 0.23, 0.18], 0.004),
        // A machine that is down fails all day.
        Metric::Containment => ([0.10, 0.45, 0.60], [0.12, 0.50, 0.62], 0.010),
        Metric::HelpfulShare => ([0.60, 0.66, 0.72], [0.66, 0.70, 0.76], 0.004),
        Metric::Aht => ([6.0, 5.6, 5.3], [5.9, 5.5, 5.2], 0.0),
    };
    Manner {
        topic,
        others,
        alike,
    }
}

/// A stream: counts by day and channel, from `BEFORE` days before the first full day after the fix.
pub struct Stream {
    pub topic: Vec<[Counters; 3]>,
    pub others: Vec<[Counters; 3]>,
    /// Whether each day is a weekend's.
    pub weekends: Vec<bool>,
    /// The day of the alarm, counted from the first full day after the fix.
    pub alarm: i64,
}

#[expect(clippy::cast_precision_loss, reason = "numbers of days")]
const fn float(n: usize) -> f64 {
    n as f64
}

/// A number of answers: above 200 on average the normal law is near enough.
fn number(random: &mut Random, mean: f64) -> i64 {
    if mean <= 200.0 {
        return i64::from(random.poisson(mean));
    }
    #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
    let n = (mean + mean.sqrt() * random.normal()).round().max(0.0) as i64;
    n
}

fn between(random: &mut Random, low: usize, high: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive number"
    )]
    let step = (random.uniform() * float(high - low)) as usize;
    low + step
}

/// Σ and Σ² of `n` normal numbers of mean 0 and variance 1.
fn sums(random: &mut Random, n: i64) -> (f64, f64) {
    if n < 6 {
        return (0..n).fold((0.0, 0.0), |(sum, squares), _| {
            let x = random.normal();
            (sum + x, squares + x * x)
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let n = n as f64;
    let sum = random.normal() * n.sqrt();
    (sum, 2.0 * random.gamma((n - 1.0) / 2.0) + sum * sum / n)
}

/// The answers of one day in one channel, `mean` of them expected.
fn answers(random: &mut Random, metric: Metric, mean: f64, level: f64, alike: f64) -> Counters {
    let mut c = Counters::default();
    if metric.kind() == MetricKind::LogMean {
        for (share, longer) in [(0.95, 0.0), (0.05, 1.2)] {
            let n = number(random, mean * share);
            let (sum, squares) = sums(random, n);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let (count, centre, spread) = (n as f64, level + longer, 0.65);
            let ln = count * centre + spread * sum;
            let ln_sq =
                count * centre * centre + 2.0 * centre * spread * sum + spread * spread * squares;
            #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
            let micro = |x: f64| (x * MICRO).round() as i64;
            c.handle_n += n;
            c.handle_ln += micro(ln);
            c.handle_ln_sq += micro(ln_sq);
        }
        c.voices = c.handle_n;
        c.contacts = c.handle_n;
        return c;
    }
    let p = if alike > 0.0 {
        let k = 1.0 / alike - 1.0;
        let (a, b) = (
            random.gamma((level * k).max(1.0)),
            random.gamma(((1.0 - level) * k).max(1.0)),
        );
        a / (a + b)
    } else {
        level
    };
    let five = if metric == Metric::MeanRating {
        0.55
    } else {
        0.0
    };
    let (best, good) = (
        number(random, mean * p * five),
        number(random, mean * p * (1.0 - five)),
    );
    let bad: [i64; 3] = if metric == Metric::MeanRating {
        [0.35, 0.25, 0.40].map(|share| number(random, mean * (1.0 - p) * share))
    } else {
        [number(random, mean * (1.0 - p)), 0, 0]
    };
    let yes = best + good;
    let n = yes + bad.iter().sum::<i64>();
    c.voices = n;
    c.contacts = n;
    match metric {
        Metric::Csat | Metric::MeanRating => {
            (c.rated, c.satisfied) = (n, yes);
            [c.r1, c.r2, c.r3] = bad;
            (c.r4, c.r5) = (good, best);
        }
        Metric::Fcr => (c.fcr_known, c.fcr) = (n, yes),
        Metric::RepeatShare => c.repeats = yes,
        Metric::NoResultShare => c.no_result = yes,
        Metric::NegativeShare => (c.sentiment_n, c.negative) = (n, yes),
        Metric::Containment => c.bot = yes,
        Metric::HelpfulShare => (c.helpful, c.unhelpful) = (yes, n - yes),
        Metric::Aht | Metric::Volume => {}
    }
    c
}

/// Noise with a memory of 0.9 a day.
fn slow(random: &mut Random, days: usize, sd: f64) -> Vec<f64> {
    let mut at = sd * random.normal();
    (0..days)
        .map(|_| {
            let now = at;
            at = 0.9 * at + sd * (1.0 - 0.81_f64).sqrt() * random.normal();
            now
        })
        .collect()
}

/// How the topic's sum of some days stands to that of others, in standard errors; bad is negative.
fn week_z(metric: Metric, week: &[[Counters; 3]], before: &[[Counters; 3]]) -> f64 {
    let total = |days: &[[Counters; 3]]| {
        let mut sum = Counters::default();
        days.iter().flatten().for_each(|c| sum.add(c));
        metric.answers(&sum)
    };
    let (a, b) = (total(week), total(before));
    let good = if metric.higher_is_better() { 1.0 } else { -1.0 };
    if metric.kind() == MetricKind::Rate {
        let usual = b.n * float(week.len()) / float(before.len());
        return good * (a.n - usual) / usual.max(1.0).sqrt();
    }
    let mean = b.sum / b.n.max(1.0);
    let variance = (b.squares / b.n.max(1.0) - mean * mean).max(1e-9);
    good * (a.sum / a.n.max(1.0) - mean) / (variance / a.n.max(1.0)).sqrt()
}

/// Draws a stream of `rate` answers a day.
pub fn stream(random: &mut Random, metric: Metric, scenario: &Scenario, rate: f64) -> Stream {
    let start = between(random, 0, 7);
    let common = company_days(random, scenario);
    draw(random, metric, scenario, rate, (start, &common))
}

/// Draws the topics of one company, which have their days in common; the first one is a Monday.
pub fn company(
    random: &mut Random,
    metric: Metric,
    scenario: &Scenario,
    rate: f64,
    topics: usize,
) -> Vec<Stream> {
    let common = company_days(random, scenario);
    (0..topics)
        .map(|_| draw(random, metric, scenario, rate, (0, &common)))
        .collect()
}

/// How each day differs for all topics of a company.
fn company_days(random: &mut Random, scenario: &Scenario) -> Vec<f64> {
    (0..BEFORE + scenario.searched() + AFTER)
        .map(|_| random.normal())
        .collect()
}

fn draw(
    random: &mut Random,
    metric: Metric,
    scenario: &Scenario,
    rate: f64,
    (start, company): (usize, &[f64]),
) -> Stream {
    let days = company.len();
    // Without a search the fix lies where it will; with one nothing depends on it.
    let fix = BEFORE;
    let volume = metric.kind() == MetricKind::Rate;
    let time = metric.kind() == MetricKind::LogMean;
    let good = if metric.higher_is_better() { 1.0 } else { -1.0 };
    let manner = manner(metric);
    let weekend = |day: usize| (day + start) % 7 >= 5;
    let step = if volume {
        fix - 2
    } else {
        fix - 3 + between(random, 0, 9)
    };
    let (spell_from, spell_to) = (
        fix - between(random, 16, 29),
        fix - 5 + between(random, 0, 9),
    );
    let slow_sd = if volume { 0.15 } else { 0.18 };
    let slow_noise = if scenario.slow_noise {
        slow(random, days, slow_sd)
    } else {
        vec![0.0; days]
    };
    // In log-odds, or of a time in logarithms.
    let scale = if time { PER_LOGIT } else { 1.0 };
    let noise = if time {
        [0.03, 0.012, 0.02]
    } else {
        [0.10, 0.04, 0.06]
    };
    let (mut topic, mut others) = (Vec::with_capacity(days), Vec::with_capacity(days));
    for (day, drifting) in slow_noise.iter().enumerate() {
        let off = weekend(day);
        let rel = float(day) - float(fix);
        let stepped = scenario.searched() == 0 && day >= step;
        let common = noise[2] * company[day];
        let all = if stepped { scenario.shock } else { 0.0 } + scenario.drift_all * rel;
        let (mut mine, mut theirs) = ([Counters::default(); 3], [Counters::default(); 3]);
        if volume {
            let (busy, calm) = if scenario.weekend.0 > 0.5 {
                (1.35, 0.125)
            } else {
                (1.152, 0.62)
            };
            let mean = rate * if off { calm } else { busy } * (common - all).exp();
            let m = mean * drifting.exp() * random.gamma(25.0) / 25.0;
            let c = float(CONTROL_TOPICS) * mean * random.gamma(200.0) / 200.0;
            for (row, mean) in [(&mut mine, m), (&mut theirs, c)] {
                row[0].contacts = number(random, mean);
                row[0].voices = row[0].contacts;
            }
            topic.push(mine);
            others.push(theirs);
            continue;
        }
        let mean = rate * if off { 0.62 } else { 1.152 };
        let busy = [random.gamma(12.0) / 12.0, random.gamma(12.0) / 12.0];
        let own =
            noise[0] * random.normal() + drifting * scale + scenario.drift * rel * good * scale;
        let rest = noise[1] * random.normal();
        let everybody = common + all * good * scale;
        let spell = if scenario.heals && (spell_from..spell_to).contains(&day) {
            -0.12
        } else {
            0.0
        };
        let points = if stepped { scenario.shock_points } else { 0.0 };
        let mix = scenario.mix_after.filter(|_| rel >= 0.0).unwrap_or(MIX);
        for k in 0..3 {
            let at = |base: f64, own: f64, weekend: f64, points: f64| {
                let weekend = if off { -weekend * good } else { 0.0 };
                if time {
                    // Points of all alike are seconds of all alike.
                    let level = base + own + everybody + weekend;
                    return (level.exp() * (1.0 + points * good * (5.6 - level).exp())).ln();
                }
                // The same points for all, whatever their level: what the comparison takes off for a
                // common shock is then too much or too little, as in the specification's streams.
                let slope = manner.topic[k] * (1.0 - manner.topic[k]);
                let level = logit(base) + own + everybody + weekend / slope;
                (expit(level) + points * good).clamp(0.01, 0.99)
            };
            let (lt, lc) = (
                at(manner.topic[k], own, scenario.weekend.0, points + spell),
                at(manner.others[k], rest, scenario.weekend.1, points),
            );
            mine[k] = answers(random, metric, mean * busy[0] * mix[k], lt, manner.alike);
            let crowd = mean * float(CONTROL_TOPICS) * busy[1] * MIX[k];
            theirs[k] = answers(random, metric, crowd, lc, manner.alike / 4.0);
        }
        topic.push(mine);
        others.push(theirs);
    }
    let mut alarm = if scenario.heals {
        #[expect(clippy::cast_possible_wrap, reason = "a small number")]
        let day = (spell_from + between(random, 5, 11)) as i64 - fix as i64;
        day
    } else {
        -7 - signed(between(random, 0, 15))
    };
    let mut first = 0;
    if let Some((soonest, latest)) = scenario.bad_week {
        let z = |day: usize| week_z(metric, &topic[day - 6..=day], &topic[day - 90..day - 6]);
        let candidates: Vec<(usize, f64)> = (BEFORE..BEFORE + SEARCHED)
            .map(|day| (day, z(day)))
            .collect();
        let worst = candidates
            .iter()
            .find(|(_, z)| *z < -2.0)
            .or_else(|| candidates.iter().min_by(|a, b| a.1.total_cmp(&b.1)))
            .map_or(BEFORE, |(day, _)| *day);
        let lag = between(random, soonest, latest + 1);
        first = worst + lag - BEFORE;
        alarm = -signed(lag);
    }
    let window = first..first + BEFORE + AFTER;
    Stream {
        topic: topic[window.clone()].to_vec(),
        others: others[window.clone()].to_vec(),
        weekends: window.map(weekend).collect(),
        alarm,
    }
}

#[expect(clippy::cast_possible_wrap, reason = "a small number")]
const fn signed(n: usize) -> i64 {
    n as i64
}
