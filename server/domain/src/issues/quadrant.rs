//! Where a topic stands in frequency × impact, with its uncertainty.
//!
//! *Frequency* is contacts per week, *impact* the share of unhappy customers. Both are shrunk
//! towards what topics usually show (empirical Bayes), so that one bad rating out of one does not
//! lead the list. Where most voices of a topic carry no rating, the share of negative sentiment
//! stands in; risk, long handling and compensation above the usual can only raise an impact, never
//! lower it. A topic changes its quadrant only when the new side has a probability of at least 0.8,
//! so that issues do not flap; between 0.2 and 0.8 it is drawn as borderline.

use crate::facts::Counters;
use crate::statistics::distributions::{beta_cdf, beta_quantile, gamma_cdf};
use crate::verification::Sentence;
use serde::{Deserialize, Serialize};

/// Fewest topics for a median as frequency line and for a spread of impacts.
const ENOUGH_TOPICS: usize = 8;
/// Contacts in the window from which a topic enters the median.
const COUNTED_CONTACTS: i64 = 30;
/// Probability that the new side must have before a topic changes its quadrant.
const SURE: f64 = 0.8;
/// How much handling time twice the usual, or compensation twice the usual, raises an impact.
const EXTRA_WEIGHT: f64 = 0.2;

/// The four places of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quadrant {
    /// Often and bad: 立即改进.
    FixNow,
    /// Seldom and bad: 专项规划.
    Plan,
    /// Often and not so bad: 快速优化.
    QuickWin,
    /// Seldom and not so bad: 持续观察.
    Watch,
}

impl Quadrant {
    /// The name in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FixNow => "fix_now",
            Self::Plan => "plan",
            Self::QuickWin => "quick_win",
            Self::Watch => "watch",
        }
    }

    const fn of(frequent: bool, bad: bool) -> Self {
        match (frequent, bad) {
            (true, true) => Self::FixNow,
            (false, true) => Self::Plan,
            (true, false) => Self::QuickWin,
            (false, false) => Self::Watch,
        }
    }

    const fn frequent(self) -> bool {
        matches!(self, Self::FixNow | Self::QuickWin)
    }

    const fn bad(self) -> bool {
        matches!(self, Self::FixNow | Self::Plan)
    }
}

/// What an impact was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Share of ratings that are not satisfied.
    Ratings,
    /// Share of negative sentiment, because most voices carry no rating.
    Sentiment,
}

/// One topic over the window.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSums {
    /// Topic.
    pub topic: String,
    /// Its counts over the window.
    pub counters: Counters,
    /// All contacts of the channels this topic came by, whatever their topic.
    pub contacts_of_channels: i64,
    /// Where it stood before.
    pub previous: Option<Quadrant>,
}

/// The cut lines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// Contacts per week.
    pub frequency: f64,
    /// Share of dissatisfied ratings.
    pub ratings: f64,
    /// Share of negative sentiment.
    pub sentiment: f64,
}

/// What the organisation decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Length of the window in days; whole weeks.
    pub days: u32,
    /// The share of dissatisfied that the organisation accepts; `None` = the overall share.
    pub target_dissatisfaction: Option<f64>,
    /// The lines of this month, if they were drawn already: they are frozen in between.
    pub frozen: Option<Lines>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            days: 28,
            target_dissatisfaction: None,
            frozen: None,
        }
    }
}

/// One topic in the chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Topic.
    pub topic: String,
    /// Contacts in the window.
    pub contacts: i64,
    /// Ratings in the window.
    pub rated: i64,
    /// Contacts per 1,000 contacts of the same channels.
    pub frequency_per_1000: f64,
    /// Contacts per week, shrunk: what the frequency line cuts.
    pub contacts_per_week: f64,
    /// Impact, 0–1.
    pub impact: f64,
    /// Lower end of its 90 % interval.
    pub impact_low: f64,
    /// Upper end.
    pub impact_high: f64,
    /// The line that this impact is compared with.
    pub impact_line: f64,
    /// What it was computed from.
    pub basis: Basis,
    /// Share of negative sentiment, where any voice carries one.
    pub negative_share: Option<f64>,
    /// Share of voices with a risk.
    pub risk_share: f64,
    /// Handling minutes in the window.
    pub handling_minutes: f64,
    /// Compensation in the window, in cents.
    pub compensation_cents: i64,
    /// The quadrant.
    pub quadrant: Quadrant,
    /// The side is not certain on at least one axis.
    pub borderline: bool,
    /// How the impact came about.
    pub explanation: Sentence,
}

/// All topics of the chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Length of the window in days.
    pub days: u32,
    /// Contacts of the listed topics in the window.
    pub contacts: i64,
    /// What most impacts were computed from.
    pub basis: Basis,
    /// Contacts per week that separate often from seldom.
    pub frequency_line: f64,
    /// Impact that separates bad from not so bad, for [`Self::basis`].
    pub impact_line: f64,
    /// How the frequency line was drawn: `median`, `pareto_80` or `frozen`.
    pub line_rule: String,
    /// How the impact line was drawn: `target`, `overall` or `frozen`.
    pub impact_rule: String,
    /// The lines, to be frozen until the next month.
    pub lines: Lines,
    /// The topics, worst first: avoidable unhappy contacts per week.
    pub points: Vec<Point>,
}

/// Prior of a share: pseudo-counts.
#[derive(Clone, Copy, Debug)]
struct SharePrior {
    mean: f64,
    strength: f64,
}

impl SharePrior {
    /// Moments of Kleinman: how much topics differ beyond chance.
    fn learn(parts: &[(f64, f64)]) -> Self {
        let m = parts.iter().filter(|p| p.1 > 0.0).count();
        let (x, n) = parts
            .iter()
            .fold((0.0, 0.0), |(x, n), p| (x + p.0, n + p.1));
        if n <= 0.0 {
            // Nothing is known: half and half, at the weight of one voice.
            return Self {
                mean: 0.5,
                strength: 1.0,
            };
        }
        let mean = x / n;
        if m < 5 {
            // Too few topics to learn a spread from; a little weight only, so that they may differ.
            return Self {
                mean,
                strength: 10.0,
            };
        }
        let q: f64 = parts
            .iter()
            .filter(|p| p.1 > 0.0)
            .map(|p| p.1 * (p.0 / p.1 - mean).powi(2))
            .sum();
        let squares: f64 = parts.iter().map(|p| p.1 * p.1).sum();
        let spread = mean * (1.0 - mean);
        let freedom = count(m) - 1.0;
        let tau2 = (q - freedom * spread) / (n - squares / n - freedom).max(f64::MIN_POSITIVE);
        let strength = if tau2 > 0.0 {
            (spread / tau2 - 1.0).clamp(10.0, 10_000.0)
        } else {
            10_000.0
        };
        Self { mean, strength }
    }

    fn posterior(self, x: f64, n: f64) -> (f64, f64) {
        // The beta distribution needs both parameters positive.
        let tiny = 1e-6;
        (
            (x + self.strength * self.mean).max(tiny),
            (n - x + self.strength * (1.0 - self.mean)).max(tiny),
        )
    }
}

/// Prior of a weekly rate.
#[derive(Clone, Copy, Debug)]
struct RatePrior {
    mean: f64,
    shape: f64,
}

impl RatePrior {
    fn learn(contacts: &[f64], weeks: f64) -> Self {
        let m = count(contacts.len());
        let mean = contacts.iter().sum::<f64>() / m.max(1.0) / weeks;
        if contacts.len() < 2 || mean <= 0.0 {
            return Self {
                mean: mean.max(1e-9),
                shape: 0.5,
            };
        }
        let variance = contacts
            .iter()
            .map(|y| (y / weeks - mean).powi(2))
            .sum::<f64>()
            / (m - 1.0);
        let beyond = variance - mean / weeks;
        let shape = if beyond > 0.0 {
            (mean * mean / beyond).clamp(0.5, 50.0)
        } else {
            50.0
        };
        Self { mean, shape }
    }

    fn posterior(self, contacts: f64, weeks: f64) -> (f64, f64) {
        (contacts + self.shape, weeks + self.shape / self.mean)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of topics")]
const fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn float(n: i64) -> f64 {
    n.max(0) as f64
}

/// What raises an impact: the part of the organisation's mean that a topic lies above it.
#[derive(Clone, Copy, Debug, Default)]
struct Raise {
    risk: f64,
    handling: f64,
    compensation: f64,
}

impl Raise {
    fn of(topic: &Counters, all: &Counters) -> Self {
        let share = |c: &Counters| float(c.risky) / float(c.voices).max(1.0);
        let above = |own: Option<f64>, usual: Option<f64>| match (own, usual) {
            (Some(own), Some(usual)) if usual > 0.0 => {
                (own / usual - 1.0).clamp(0.0, 1.0) * EXTRA_WEIGHT
            }
            _ => 0.0,
        };
        let paid = |c: &Counters| {
            (c.contacts > 0).then(|| float(c.compensation_cents) / float(c.contacts))
        };
        Self {
            risk: (share(topic) - share(all)).max(0.0),
            handling: above(topic.mean_handling(), all.mean_handling()),
            compensation: above(paid(topic), paid(all)),
        }
    }

    /// Share of the not unhappy that counts as unhappy all the same.
    fn total(self, basis: Basis) -> f64 {
        let effort = match basis {
            // Ratings already hold what long handling does to people.
            Basis::Ratings => 1.0,
            Basis::Sentiment => (1.0 - self.handling) * (1.0 - self.compensation),
        };
        1.0 - (1.0 - self.risk) * effort
    }
}

/// Places the topics. A topic without contacts is left out. The answer holds every other topic,
/// and none is without a quadrant.
#[must_use]
pub fn place(topics: &[TopicSums], settings: &Settings) -> Placement {
    let topics: Vec<&TopicSums> = topics.iter().filter(|t| t.counters.contacts > 0).collect();
    let weeks = f64::from(settings.days.max(1)) / 7.0;
    let mut all = Counters::default();
    for t in &topics {
        all.add(&t.counters);
    }
    let unhappy = |c: &Counters| (float(c.rated - c.satisfied), float(c.rated));
    let negative = |c: &Counters| (float(c.negative), float(c.sentiment_n));
    let parts = |f: &dyn Fn(&Counters) -> (f64, f64)| {
        topics.iter().map(|t| f(&t.counters)).collect::<Vec<_>>()
    };
    let by_ratings = SharePrior::learn(&parts(&unhappy));
    let by_sentiment = SharePrior::learn(&parts(&negative));
    let contacts: Vec<f64> = topics.iter().map(|t| float(t.counters.contacts)).collect();
    let rates = RatePrior::learn(&contacts, weeks);
    let weekly: Vec<f64> = contacts
        .iter()
        .map(|y| {
            let (shape, rate) = rates.posterior(*y, weeks);
            shape / rate
        })
        .collect();
    let (frequency, rule) = frequency_line(&topics, &weekly);
    let drawn = Lines {
        frequency,
        ratings: settings.target_dissatisfaction.unwrap_or(by_ratings.mean),
        sentiment: by_sentiment.mean,
    };
    let lines = settings.frozen.unwrap_or(drawn);
    let basis = basis_of(&all);
    let mut ranked: Vec<(f64, Point)> = topics
        .iter()
        .zip(&weekly)
        .map(|(t, weekly)| {
            let c = &t.counters;
            let own = basis_of(c);
            let ((x, n), prior, line) = match own {
                Basis::Ratings => (unhappy(c), by_ratings, lines.ratings),
                Basis::Sentiment => (negative(c), by_sentiment, lines.sentiment),
            };
            let (a, b) = prior.posterior(x, n);
            let raise = Raise::of(c, &all);
            let r = raise.total(own).clamp(0.0, 0.99);
            let up = |d: f64| d + (1.0 - d) * r;
            // The same comparison on the scale before raising; at or under 0 it is always above.
            let level = (line - r) / (1.0 - r);
            let bad = if level <= 0.0 {
                1.0
            } else {
                1.0 - beta_cdf(level.min(1.0), a, b)
            };
            let (shape, rate) = rates.posterior(float(c.contacts), weeks);
            let frequent = 1.0 - gamma_cdf(lines.frequency, shape, rate);
            let quadrant = Quadrant::of(
                side(frequent, t.previous.map(Quadrant::frequent)),
                side(bad, t.previous.map(Quadrant::bad)),
            );
            let unsure = |p: f64| p > 1.0 - SURE && p < SURE;
            // Avoidable: what is bad even by a cautious estimate, above the line.
            let avoidable = weekly * (up(beta_quantile(0.2, a, b)) - line).max(0.0);
            let point = Point {
                topic: t.topic.clone(),
                contacts: c.contacts,
                rated: c.rated,
                frequency_per_1000: 1000.0 * float(c.contacts)
                    / float(t.contacts_of_channels)
                        .max(float(c.contacts))
                        .max(1.0),
                contacts_per_week: *weekly,
                impact: up(a / (a + b)),
                impact_low: up(beta_quantile(0.05, a, b)),
                impact_high: up(beta_quantile(0.95, a, b)),
                impact_line: line,
                basis: own,
                negative_share: c.negative_share(),
                risk_share: float(c.risky) / float(c.voices).max(1.0),
                handling_minutes: float(c.handle_sum) / 60.0,
                compensation_cents: c.compensation_cents,
                quadrant,
                borderline: unsure(frequent) || unsure(bad),
                explanation: explain(c, own, a / (a + b), up(a / (a + b)), raise, line),
            };
            (avoidable, point)
        })
        .collect();
    ranked.sort_by(|a, b| {
        let unhappy = |p: &Point| p.impact * p.contacts_per_week;
        b.0.total_cmp(&a.0)
            .then(unhappy(&b.1).total_cmp(&unhappy(&a.1)))
            .then(a.1.topic.cmp(&b.1.topic))
    });
    Placement {
        days: settings.days,
        contacts: all.contacts,
        basis,
        frequency_line: lines.frequency,
        impact_line: match basis {
            Basis::Ratings => lines.ratings,
            Basis::Sentiment => lines.sentiment,
        },
        line_rule: if settings.frozen.is_some() {
            "frozen"
        } else {
            rule
        }
        .to_owned(),
        impact_rule: match (settings.frozen, settings.target_dissatisfaction, basis) {
            (Some(_), ..) => "frozen",
            (None, Some(_), Basis::Ratings) => "target",
            _ => "overall",
        }
        .to_owned(),
        lines,
        points: ranked.into_iter().map(|r| r.1).collect(),
    }
}

/// Ratings, unless most voices carry none.
const fn basis_of(c: &Counters) -> Basis {
    if c.rated > 0 && 2 * c.rated >= c.voices {
        Basis::Ratings
    } else {
        Basis::Sentiment
    }
}

/// On which side of a line: a known side is left only for a sure one.
fn side(probability: f64, previous: Option<bool>) -> bool {
    match previous {
        Some(true) => probability > 1.0 - SURE,
        Some(false) => probability >= SURE,
        None => probability >= 0.5,
    }
}

/// The median of the topics that have enough contacts; with few topics, where the smallest set that
/// holds 80 % of the contacts ends.
fn frequency_line(topics: &[&TopicSums], weekly: &[f64]) -> (f64, &'static str) {
    let mut rates: Vec<(f64, f64)> = weekly
        .iter()
        .copied()
        .zip(topics.iter().map(|t| float(t.counters.contacts)))
        .collect();
    rates.sort_by(|a, b| b.0.total_cmp(&a.0));
    if topics.len() >= ENOUGH_TOPICS {
        let mut counted: Vec<f64> = rates
            .iter()
            .filter(|r| r.1 >= float(COUNTED_CONTACTS))
            .map(|r| r.0)
            .collect();
        if counted.is_empty() {
            counted = rates.iter().map(|r| r.0).collect();
        }
        let middle = counted.len() / 2;
        let median = if counted.len() % 2 == 1 {
            counted[middle]
        } else {
            f64::midpoint(counted[middle - 1], counted[middle])
        };
        return (median, "median");
    }
    let total: f64 = rates.iter().map(|r| r.1).sum();
    let mut held = 0.0;
    for (i, rate) in rates.iter().enumerate() {
        held += rate.1;
        if held >= 0.8 * total {
            // Half-way, on a logarithmic axis, to the first topic outside; half the last one when all are inside.
            let outside = rates.get(i + 1).map_or(rate.0 / 4.0, |next| next.0);
            return ((rate.0 * outside).sqrt(), "pareto_80");
        }
    }
    (1.0, "pareto_80")
}

fn explain(
    c: &Counters,
    basis: Basis,
    share: f64,
    impact: f64,
    raise: Raise,
    line: f64,
) -> Sentence {
    let percent = |x: f64| format!("{:.0}%", x * 100.0);
    let (mut zh, mut en) = match basis {
        Basis::Ratings => (
            format!(
                "依据 {} 条评分：不满意占 {}（已向平均水平收缩）",
                c.rated,
                percent(share)
            ),
            format!(
                "From {} ratings: {} not satisfied (drawn towards the average)",
                c.rated,
                percent(share)
            ),
        ),
        Basis::Sentiment => (
            format!(
                "多数声音没有评分（{} 条中 {} 条有），改用 {} 条情感判断：负面占 {}（已向平均水平收缩）",
                c.voices,
                c.rated,
                c.sentiment_n,
                percent(share)
            ),
            format!(
                "Most voices carry no rating ({} of {} do), so {} judgements of sentiment stand in: {} negative (drawn towards the average)",
                c.rated,
                c.voices,
                c.sentiment_n,
                percent(share)
            ),
        ),
    };
    let effort = basis == Basis::Sentiment;
    for (value, zh_name, en_name) in [
        (raise.risk, "风险高于平均", "risk above the average"),
        (
            if effort { raise.handling } else { 0.0 },
            "处理时长高于平均",
            "handling time above the average",
        ),
        (
            if effort { raise.compensation } else { 0.0 },
            "赔付高于平均",
            "compensation above the average",
        ),
    ] {
        if value >= 0.005 {
            zh.push_str(&format!(";{zh_name} +{}", percent(value)));
            en.push_str(&format!("; {en_name} +{}", percent(value)));
        }
    }
    Sentence {
        zh: format!("{zh}；影响 {}，分界线 {}。", percent(impact), percent(line)),
        en: format!("{en}; impact {}, line {}.", percent(impact), percent(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, contacts: i64, rated: i64, satisfied: i64) -> TopicSums {
        TopicSums {
            topic: name.to_owned(),
            counters: Counters {
                voices: contacts,
                contacts,
                rated,
                satisfied,
                ..Counters::default()
            },
            contacts_of_channels: 10_000,
            previous: None,
        }
    }

    fn felt(name: &str, contacts: i64, negative: i64) -> TopicSums {
        let mut t = topic(name, contacts, 0, 0);
        t.counters.sentiment_n = contacts;
        t.counters.negative = negative;
        t
    }

    fn find<'a>(placement: &'a Placement, topic: &str) -> &'a Point {
        placement.points.iter().find(|p| p.topic == topic).unwrap()
    }

    fn many() -> Vec<TopicSums> {
        let mut all: Vec<_> = (0..6)
            .map(|i| topic(&format!("usual{i}"), 200, 150, 120))
            .collect();
        all.push(topic("often bad", 2000, 1500, 750));
        all.push(topic("often good", 2000, 1500, 1425));
        all.push(topic("seldom bad", 60, 50, 15));
        all.push(topic("seldom good", 60, 50, 49));
        all
    }

    #[test]
    fn four_topics_stand_in_four_quadrants() {
        let placement = place(&many(), &Settings::default());
        let at = |name| find(&placement, name).quadrant;
        assert_eq!(at("often bad"), Quadrant::FixNow);
        assert_eq!(at("often good"), Quadrant::QuickWin);
        assert_eq!(at("seldom bad"), Quadrant::Plan);
        assert_eq!(at("seldom good"), Quadrant::Watch);
        assert_eq!(
            (placement.basis, placement.line_rule.as_str()),
            (Basis::Ratings, "median")
        );
        assert_eq!(placement.points[0].topic, "often bad", "worst first");
        let p = find(&placement, "often bad");
        assert!(
            (p.frequency_per_1000 - 200.0).abs() < 1e-9
                && p.impact_low < p.impact
                && p.impact < p.impact_high
        );
        assert!(!p.borderline);
    }

    #[test]
    fn one_bad_rating_out_of_one_does_not_lead() {
        let mut all = many();
        all.push(topic("one", 1, 1, 0));
        let placement = place(&all, &Settings::default());
        let p = find(&placement, "one");
        assert!(p.impact < 0.6 && p.borderline, "{p:?}");
        assert_ne!(placement.points[0].topic, "one");
    }

    #[test]
    fn without_ratings_sentiment_stands_in_and_that_is_said() {
        let all = [
            felt("angry", 300, 240),
            felt("calm", 300, 30),
            felt("other", 300, 60),
        ];
        let placement = place(&all, &Settings::default());
        assert_eq!(placement.basis, Basis::Sentiment);
        let p = find(&placement, "angry");
        assert_eq!((p.quadrant.bad(), p.basis), (true, Basis::Sentiment));
        assert!(
            p.explanation.zh.contains("多数声音没有评分")
                && p.explanation.en.contains("Most voices carry no rating")
        );
        assert!(!find(&placement, "calm").quadrant.bad());
        assert_eq!(
            serde_json::to_value(&placement).unwrap()["basis"],
            "sentiment"
        );
    }

    #[test]
    fn a_topic_without_ratings_among_rated_ones_is_judged_by_its_own_basis() {
        let mut all = many();
        all.push(felt("unrated", 300, 200));
        let placement = place(&all, &Settings::default());
        assert_eq!(placement.basis, Basis::Ratings);
        let p = find(&placement, "unrated");
        assert_eq!(p.basis, Basis::Sentiment);
        assert!((p.impact_line - placement.lines.sentiment).abs() < 1e-12);
    }

    #[test]
    fn risk_time_and_money_only_raise() {
        let plain = [felt("a", 300, 60), felt("b", 300, 60)];
        let base = find(&place(&plain, &Settings::default()), "a").impact;
        let mut costly = plain.clone();
        costly[0].counters.risky = 90;
        costly[0].counters.handle_n = 300;
        costly[0].counters.handle_sum = 300 * 1200;
        costly[1].counters.handle_n = 300;
        costly[1].counters.handle_sum = 300 * 100;
        costly[0].counters.compensation_cents = 500_000;
        let placement = place(&costly, &Settings::default());
        let (a, b) = (find(&placement, "a"), find(&placement, "b"));
        assert!(a.impact > base + 0.2, "{a:?}");
        assert!(
            (b.impact - base).abs() < 1e-9,
            "what lies below the average lowers nothing"
        );
        assert!(
            a.explanation.zh.contains("风险高于平均") && a.explanation.zh.contains("赔付高于平均")
        );
        assert_eq!(
            (a.handling_minutes, a.compensation_cents),
            (6000.0, 500_000)
        );
    }

    #[test]
    fn a_topic_stays_until_the_other_side_is_sure() {
        let mut all = many();
        // Slightly above the overall level: bad with a probability between 0.5 and 0.8.
        let overall = place(&all, &Settings::default()).lines.ratings;
        let frozen = Some(Lines {
            frequency: 10.0,
            ratings: overall,
            sentiment: 0.5,
        });
        let settings = Settings {
            frozen,
            ..Settings::default()
        };
        all.push(topic(
            "edge",
            400,
            300,
            (300.0 * (1.0 - overall) - 3.0).round() as i64,
        ));
        let at = |previous| {
            let mut all = all.clone();
            all.last_mut().unwrap().previous = previous;
            let placement = place(&all, &settings);
            let p = find(&placement, "edge").clone();
            assert!(p.borderline, "{p:?}");
            assert_eq!(placement.line_rule, "frozen");
            p.quadrant
        };
        assert_eq!(at(None), Quadrant::FixNow);
        assert_eq!(
            at(Some(Quadrant::QuickWin)),
            Quadrant::QuickWin,
            "not sure enough to move"
        );
        assert_eq!(at(Some(Quadrant::FixNow)), Quadrant::FixNow);
        // A sure change moves at once.
        let placement = place(
            &[TopicSums {
                previous: Some(Quadrant::Watch),
                ..topic("often bad", 2000, 1500, 300)
            }],
            &settings,
        );
        assert_eq!(placement.points[0].quadrant, Quadrant::FixNow);
    }

    #[test]
    fn few_topics_are_cut_where_most_contacts_end() {
        let all = [
            topic("big", 900, 700, 500),
            topic("middle", 500, 400, 300),
            topic("small", 40, 30, 20),
        ];
        let placement = place(&all, &Settings::default());
        assert_eq!(placement.line_rule, "pareto_80");
        assert!(
            find(&placement, "big").quadrant.frequent()
                && find(&placement, "middle").quadrant.frequent()
        );
        assert!(!find(&placement, "small").quadrant.frequent());
        let target = Settings {
            target_dissatisfaction: Some(0.9),
            ..Settings::default()
        };
        let placement = place(&all, &target);
        assert_eq!(placement.impact_rule, "target");
        assert!(placement.points.iter().all(|p| !p.quadrant.bad()));
    }

    #[test]
    fn a_single_topic_and_none_at_all_have_an_answer() {
        let one = place(&[topic("only", 51, 0, 0)], &Settings::default());
        assert_eq!(one.points.len(), 1);
        assert!(one.points[0].quadrant.frequent(), "{one:?}");
        assert!(one.points[0].impact.is_finite() && one.frequency_line.is_finite());
        let none = place(&[], &Settings::default());
        assert_eq!((none.points.len(), none.contacts), (0, 0));
        assert!(none.frequency_line.is_finite() && none.impact_line.is_finite());
        // All satisfied: no spread, no NaN.
        let happy = place(
            &[topic("a", 50, 50, 50), topic("b", 50, 50, 50)],
            &Settings::default(),
        );
        assert!(
            happy
                .points
                .iter()
                .all(|p| p.impact.is_finite() && p.impact_low <= p.impact_high)
        );
    }
}
