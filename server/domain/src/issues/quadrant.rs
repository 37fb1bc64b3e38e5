//! Where a topic stands in frequency × impact, with its uncertainty.
//!
//! *Frequency* is contacts per week, *impact* the share of unhappy customers. Both are shrunk
//! towards what topics usually show (empirical Bayes), so that one bad rating out of one does not
//! lead the list. Where hardly any voice of a topic carries a rating, the share of negative sentiment
//! stands in. Risk, important customers and failure demand above the usual can only raise an impact,
//! never lower it; long handling and compensation raise it only where sentiment stands in for
//! ratings, because ratings already hold what they do to people. Every part is listed with its value,
//! its weight and its contribution. Money stands beside an impact and never enters it.
//!
//! The cut lines are drawn once a month and frozen in between, unless the organisation fixes them. A
//! topic changes its quadrant only when the new side has a probability of at least 0.8, so that
//! issues do not flap; between 0.2 and 0.8 it is drawn as borderline.

use crate::facts::Counters;
use crate::statistics::distributions::{beta_cdf, beta_quantile, gamma_cdf, gamma_quantile};
use crate::statistics::rates::standardise;
use crate::verification::Sentence;
use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

/// Fewest topics for a median as frequency line.
const ENOUGH_TOPICS: usize = 8;
/// Fewest topics for a spread of impacts.
const ENOUGH_FOR_SPREAD: usize = 5;
/// Contacts in the window from which a topic enters the median.
const COUNTED_CONTACTS: i64 = 30;
/// Ratings in the window from which they speak for a topic.
const ENOUGH_RATINGS: i64 = 30;
/// Contacts in the window from which lines can be drawn for a month.
const ENOUGH_TO_DRAW: i64 = 100;
/// How many times as many contacts the window of drawn lines must hold by now for them to be drawn anew.
const GROWN: f64 = 1.25;
/// The lowest impact line that is drawn: where nobody is unhappy, nobody is unhappier than usual.
const LEAST_IMPACT_LINE: f64 = 0.01;
/// Probability that the new side must have before a topic changes its quadrant.
const SURE: f64 = 0.8;
/// Contacts at which a mean of a topic counts half, and the usual one the other half.
const HALF_TRUSTED: f64 = 20.0;
/// A month in days, on average.
const MONTH: f64 = 365.25 / 12.0;
/// The window from which the lines of a month are drawn, in days.
pub const WINDOW: u32 = 28;

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
    /// All four.
    pub const ALL: [Self; 4] = [Self::FixNow, Self::Plan, Self::QuickWin, Self::Watch];

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

    /// The quadrant of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.as_str() == name)
    }

    pub(super) const fn of(frequent: bool, bad: bool) -> Self {
        match (frequent, bad) {
            (true, true) => Self::FixNow,
            (false, true) => Self::Plan,
            (true, false) => Self::QuickWin,
            (false, false) => Self::Watch,
        }
    }

    /// The same frequency, and bad: what no mark can make harmless.
    #[must_use]
    pub const fn at_its_worst(self) -> Self {
        Self::of(self.frequent(), true)
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
    /// Share of negative sentiment, because there are hardly any ratings.
    Sentiment,
}

impl Basis {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ratings => "ratings",
            Self::Sentiment => "sentiment",
        }
    }
}

/// One topic over the window.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSums {
    /// Topic.
    pub topic: String,
    /// Its counts over the window.
    pub counters: Counters,
    /// For every channel it came by: its own counts there, and the channel's counts, whatever
    /// their topic.
    pub mix: Vec<(Counters, Counters)>,
    /// Mean weight of its contacts' customer tiers; 1 where tiers have no weight.
    pub tier_weight: f64,
    /// Its contacts are caused by a fault of ours.
    pub failure_demand: bool,
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

/// How a frequency line came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrequencyRule {
    /// The organisation decided it.
    Fixed,
    /// The median of the topics with enough contacts.
    Median,
    /// Few topics: where the smallest set that holds 80 % of the contacts ends.
    #[serde(rename = "pareto_80")]
    Pareto80,
}

impl FrequencyRule {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Median => "median",
            Self::Pareto80 => "pareto_80",
        }
    }
}

/// The lines of a month: drawn on a day, then frozen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// The lines.
    pub lines: Lines,
    /// How the frequency line came about.
    pub frequency_rule: FrequencyRule,
    /// The day on which they were drawn.
    pub on: NaiveDate,
    /// Contacts of all topics on the days of their window that were over; `None` in lines of an
    /// earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<i64>,
}

/// First and last of the days that are over in the window that ends on a day: a crowd of that day is no
/// back-fill.
#[must_use]
pub fn days_over(on: NaiveDate) -> (NaiveDate, NaiveDate) {
    let back = |days: u32| on - chrono::TimeDelta::days(i64::from(days));
    (back(WINDOW - 1), back(1))
}

/// What is known on the day of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The first day of history.
    pub first: NaiveDate,
    /// The day of the question.
    pub today: NaiveDate,
    /// Contacts of all topics in the window that ends today.
    pub contacts: i64,
    /// Contacts of all topics by now on the [`days_over`] of the drawn lines; 0 where none are drawn.
    pub then: i64,
}

/// Whether the lines are to be drawn anew: the first time when history covers a whole window with
/// enough contacts, then once in every month; and whenever a back-fill made the window that they were
/// drawn from another one. Before that they follow the facts from day to day.
#[must_use]
pub fn due(frozen: Option<&Drawn>, known: Known) -> bool {
    let month = |d: NaiveDate| (d.year(), d.month());
    let enough = known.contacts >= ENOUGH_TO_DRAW
        && (known.today - known.first).num_days() + 1 >= i64::from(WINDOW);
    enough
        && frozen.is_none_or(|drawn| {
            month(drawn.on) < month(known.today)
                || drawn
                    .contacts
                    .is_none_or(|n| known.then > n && float(known.then) >= GROWN * float(n))
        })
}

/// Lines that the organisation decides instead of having them drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CutLines {
    /// Contacts per week that separate often from seldom.
    #[serde(default)]
    pub contacts_per_week: Option<f64>,
    /// Share of negative sentiment (0–1) that separates bad from not so bad where ratings are rare. It
    /// is not used while the basis is ratings: there `target_dissatisfaction` of the organisation is the
    /// line, or the usual share of dissatisfied ratings where none is set.
    #[serde(default)]
    pub negative_share: Option<f64>,
}

/// How much each part above the usual may raise an impact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// A voice at risk counts as an unhappy one.
    pub risk: f64,
    /// Customers twice as important as usual.
    pub customer_tier: f64,
    /// Contacts that a fault of ours caused.
    pub failure_demand: f64,
    /// Handling twice as long as usual; only where sentiment stands in for ratings.
    pub handling: f64,
    /// Compensation twice as high as usual; only where sentiment stands in for ratings.
    pub compensation: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            risk: 1.0,
            customer_tier: 0.2,
            failure_demand: 0.1,
            handling: 0.2,
            compensation: 0.2,
        }
    }
}

/// What the organisation decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Length of the window in days; whole weeks.
    pub days: u32,
    /// The share of dissatisfied that the organisation accepts; `None` = the overall share.
    pub target_dissatisfaction: Option<f64>,
    /// Lines that it fixes; they hold at once.
    pub fixed: CutLines,
    /// The lines of this month, if they were drawn already: they are frozen in between.
    pub frozen: Option<Drawn>,
    /// Cost of a minute of handling, in cents.
    pub unit_cost_cents_per_minute: Option<i64>,
    /// Weights of the impact.
    pub weights: Weights,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            days: WINDOW,
            target_dissatisfaction: None,
            fixed: CutLines::default(),
            frozen: None,
            unit_cost_cents_per_minute: None,
            weights: Weights::default(),
        }
    }
}

/// A part of an impact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Share of unhappy customers, shrunk.
    Dissatisfaction,
    /// Share of voices with a risk, shrunk.
    Risk,
    /// Mean weight of the customers' tiers, shrunk.
    CustomerTier,
    /// Whether a fault of ours caused the contacts: 1 or 0.
    FailureDemand,
    /// Minutes of handling per contact, shrunk.
    Handling,
    /// Compensation per contact in cents, shrunk.
    Compensation,
}

impl Part {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dissatisfaction => "dissatisfaction",
            Self::Risk => "risk",
            Self::CustomerTier => "customer_tier",
            Self::FailureDemand => "failure_demand",
            Self::Handling => "handling",
            Self::Compensation => "compensation",
        }
    }
}

/// One line of the formula of an impact. The contributions add up to the impact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Which part.
    pub part: Part,
    /// The topic's value.
    pub value: f64,
    /// What is usual among all topics of the window; only what lies above it raises an impact.
    pub usual: f64,
    /// Weight of what lies above the usual.
    pub weight: f64,
    /// What it adds to the impact, 0–1.
    pub contribution: f64,
    /// The same for people.
    pub text: Sentence,
}

/// What a topic costs in a month of the window's pace. It stands beside the impact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Handling minutes × cost of a minute, in cents; `None` where that cost is not known.
    pub handling_cents: Option<i64>,
    /// Compensation paid, in cents.
    pub compensation_cents: i64,
    /// Both; `None` where one is not known.
    pub total_cents: Option<i64>,
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
    /// Share of the contacts of all listed topics, 0–1.
    pub share: f64,
    /// Contacts per week, shrunk: what the frequency line cuts.
    pub contacts_per_week: f64,
    /// Lower end of its 90 % interval.
    pub contacts_per_week_low: f64,
    /// Upper end.
    pub contacts_per_week_high: f64,
    /// Impact, 0–1.
    pub impact: f64,
    /// Lower end of its 90 % interval.
    pub impact_low: f64,
    /// Upper end.
    pub impact_high: f64,
    /// The line that this impact is compared with.
    pub impact_line: f64,
    /// What the share of unhappy customers would be at the mix of its own channels if it were like
    /// all topics there.
    pub expected: f64,
    /// The formula, part by part.
    pub components: Vec<Component>,
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
    /// Unhappy contacts per week: frequency × impact.
    pub unhappy_per_week: f64,
    /// Those that would go away if the topic were as usual at its channels, by a cautious estimate.
    pub avoidable_per_week: f64,
    /// Hours of handling per week; `None` where no handling time is known.
    pub hours_per_week: Option<f64>,
    /// What it costs in a month.
    pub money: Money,
    /// The quadrant.
    pub quadrant: Quadrant,
    /// Where it stood before this placement.
    pub previous: Option<Quadrant>,
    /// Probability that it is more frequent than the line.
    pub probability_frequent: f64,
    /// Probability that it is worse than the line.
    pub probability_bad: f64,
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
    /// How the frequency line was drawn.
    pub frequency_rule: FrequencyRule,
    /// How the impact line was drawn: `target`, `fixed` or `overall`.
    pub impact_rule: String,
    /// The day on which the drawn lines were frozen; `None`: they still follow the facts.
    pub drawn_on: Option<NaiveDate>,
    /// The lines that hold.
    pub lines: Lines,
    /// The lines that would be drawn today, whatever is frozen or fixed.
    pub drawn: (Lines, FrequencyRule),
    /// The topics, worst first: avoidable unhappy contacts per week.
    pub points: Vec<Point>,
}

/// A change of quadrant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Topic.
    pub topic: String,
    /// Where it stood; `None`: it was never placed.
    pub from: Option<Quadrant>,
    /// Where it stands.
    pub to: Quadrant,
    /// Why.
    pub why: Sentence,
}

impl Placement {
    /// The topics that stand elsewhere than before.
    #[must_use]
    pub fn moves(&self) -> Vec<Move> {
        self.points
            .iter()
            .filter(|p| p.previous != Some(p.quadrant))
            .map(|p| Move {
                topic: p.topic.clone(),
                from: p.previous,
                to: p.quadrant,
                why: self.why(p),
            })
            .collect()
    }

    fn why(&self, p: &Point) -> Sentence {
        let side = |p: f64| percent(p.max(1.0 - p));
        let (zh_f, en_f) = if p.quadrant.frequent() {
            ("高于", "above")
        } else {
            ("低于", "below")
        };
        let (zh_b, en_b) = if p.quadrant.bad() {
            ("高于", "above")
        } else {
            ("低于", "below")
        };
        Sentence {
            zh: format!(
                "每周约 {:.1} 次联系，{zh_f}分界 {:.1}（把握 {}）；影响 {}，{zh_b}分界 {}（把握 {}）。",
                p.contacts_per_week,
                self.frequency_line,
                side(p.probability_frequent),
                percent(p.impact),
                percent(p.impact_line),
                side(p.probability_bad)
            ),
            en: format!(
                "About {:.1} contacts a week, {en_f} the line of {:.1} ({} sure); impact {}, {en_b} the line of {} ({} sure).",
                p.contacts_per_week,
                self.frequency_line,
                side(p.probability_frequent),
                percent(p.impact),
                percent(p.impact_line),
                side(p.probability_bad)
            ),
        }
    }
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
        if m < ENOUGH_FOR_SPREAD {
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

/// What lies above the usual, part by part.
struct Usual {
    risk: SharePrior,
    tier: f64,
    failure: f64,
    handling: Option<f64>,
    paid: f64,
}

impl Usual {
    fn of(topics: &[&TopicSums], all: &Counters) -> Self {
        let contacts = float(all.contacts).max(1.0);
        let weighted = |f: &dyn Fn(&TopicSums) -> f64| {
            topics
                .iter()
                .map(|t| float(t.counters.contacts) * f(t))
                .sum::<f64>()
                / contacts
        };
        let risky: Vec<_> = topics.iter().map(|t| risky(&t.counters)).collect();
        Self {
            risk: SharePrior::learn(&risky),
            tier: weighted(&|t| t.tier_weight),
            failure: weighted(&|t| if t.failure_demand { 1.0 } else { 0.0 }),
            handling: all.mean_handling().map(|s| s / 60.0),
            paid: float(all.compensation_cents) / contacts,
        }
    }

    /// The parts of a topic's formula; `share` is its shrunken share of unhappy customers, `usual`
    /// that of all topics.
    fn components(
        &self,
        topic: &TopicSums,
        basis: Basis,
        share: f64,
        usual: f64,
        weights: &Weights,
    ) -> Vec<Component> {
        let c = &topic.counters;
        let (x, n) = risky(c);
        let risk = (x + self.risk.strength * self.risk.mean) / (n + self.risk.strength);
        let shrunk = |own: f64, n: i64, usual: f64| {
            let trust = float(n) / (float(n) + HALF_TRUSTED);
            trust * own + (1.0 - trust) * usual
        };
        // What is usual without any handling time is nothing to be compared with.
        let usual_minutes = self.handling.unwrap_or(0.0);
        let minutes = c.mean_handling().map_or(usual_minutes, |s| {
            shrunk(s / 60.0, c.handle_n, usual_minutes)
        });
        let paid = if c.contacts > 0 {
            let own = float(c.compensation_cents) / float(c.contacts);
            shrunk(own, c.contacts, self.paid)
        } else {
            self.paid
        };
        let tier = shrunk(topic.tier_weight, c.contacts, self.tier);
        let failure = if topic.failure_demand { 1.0 } else { 0.0 };
        // Ratings already hold what long handling does to people, and money never enters them.
        let effort = match basis {
            Basis::Ratings => 0.0,
            Basis::Sentiment => 1.0,
        };
        let beyond = |own: f64, usual: f64| {
            if usual > 0.0 {
                (own / usual - 1.0).clamp(0.0, 1.0)
            } else {
                0.0
            }
        };
        let parts = [
            (
                Part::Risk,
                risk,
                self.risk.mean,
                weights.risk,
                (risk - self.risk.mean).max(0.0),
            ),
            (
                Part::CustomerTier,
                tier,
                self.tier,
                weights.customer_tier,
                beyond(tier, self.tier),
            ),
            (
                Part::FailureDemand,
                failure,
                self.failure,
                weights.failure_demand,
                (failure - self.failure).max(0.0),
            ),
            (
                Part::Handling,
                minutes,
                usual_minutes,
                weights.handling * effort,
                beyond(minutes, usual_minutes),
            ),
            (
                Part::Compensation,
                paid,
                self.paid,
                weights.compensation * effort,
                beyond(paid, self.paid),
            ),
        ];
        let mut sum = share;
        let mut all = vec![component(Part::Dissatisfaction, share, usual, 1.0, share)];
        for (part, value, usual, weight, above) in parts {
            // Of those who are not unhappy yet, this share counts as unhappy all the same.
            let contribution = (1.0 - sum) * (weight * above).clamp(0.0, 0.9);
            sum += contribution;
            all.push(component(part, value, usual, weight, contribution));
        }
        all
    }
}

fn risky(c: &Counters) -> (f64, f64) {
    (float(c.risky.min(c.voices)), float(c.voices))
}

fn component(part: Part, value: f64, usual: f64, weight: f64, contribution: f64) -> Component {
    let (zh_name, en_name) = match part {
        Part::Dissatisfaction => ("不满意占比", "share of unhappy customers"),
        Part::Risk => ("风险占比", "share at risk"),
        Part::CustomerTier => ("客户等级权重", "weight of customer tiers"),
        Part::FailureDemand => ("失误引起的联系占比", "share of failure demand"),
        Part::Handling => ("每次处理分钟", "minutes of handling per contact"),
        Part::Compensation => ("每次赔付（元）", "compensation per contact (yuan)"),
    };
    let show = |v: f64| match part {
        Part::Dissatisfaction | Part::Risk | Part::FailureDemand => percent(v),
        Part::Compensation => format!("{:.2}", v / 100.0),
        _ => format!("{v:.2}"),
    };
    let text = if part == Part::Dissatisfaction {
        Sentence {
            zh: format!("{zh_name} {}（平均 {}）", show(value), show(usual)),
            en: format!("{en_name} {} (usual {})", show(value), show(usual)),
        }
    } else if weight == 0.0 {
        Sentence {
            zh: format!(
                "{zh_name} {}（平均 {}）：评分已包含，不另计",
                show(value),
                show(usual)
            ),
            en: format!(
                "{en_name} {} (usual {}): held by the ratings, not counted again",
                show(value),
                show(usual)
            ),
        }
    } else {
        Sentence {
            zh: format!(
                "{zh_name} {}（平均 {}），权重 {weight}：影响 +{}",
                show(value),
                show(usual),
                percent(contribution)
            ),
            en: format!(
                "{en_name} {} (usual {}), weight {weight}: impact +{}",
                show(value),
                show(usual),
                percent(contribution)
            ),
        }
    };
    Component {
        part,
        value,
        usual,
        weight,
        contribution,
        text,
    }
}

pub(super) fn percent(x: f64) -> String {
    format!("{:.0}%", x * 100.0)
}

/// Unhappy customers and those who could be, by what the impact is computed from.
fn unhappy(c: &Counters, basis: Basis) -> (f64, f64) {
    match basis {
        Basis::Ratings => (float(c.rated - c.satisfied), float(c.rated)),
        Basis::Sentiment => (float(c.negative), float(c.sentiment_n)),
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
    let prior = |basis: Basis| {
        let parts: Vec<_> = topics.iter().map(|t| unhappy(&t.counters, basis)).collect();
        SharePrior::learn(&parts)
    };
    let (by_ratings, by_sentiment) = (prior(Basis::Ratings), prior(Basis::Sentiment));
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
    let drawn = (
        Lines {
            frequency,
            ratings: by_ratings.mean.max(LEAST_IMPACT_LINE),
            sentiment: by_sentiment.mean.max(LEAST_IMPACT_LINE),
        },
        rule,
    );
    let base = settings
        .frozen
        .map_or(drawn, |f| (f.lines, f.frequency_rule));
    let lines = Lines {
        frequency: settings.fixed.contacts_per_week.unwrap_or(base.0.frequency),
        ratings: settings.target_dissatisfaction.unwrap_or(base.0.ratings),
        sentiment: settings.fixed.negative_share.unwrap_or(base.0.sentiment),
    };
    let usual = Usual::of(&topics, &all);
    let basis = basis_of(&all);
    let mut points: Vec<Point> = topics
        .iter()
        .zip(&weekly)
        .map(|(t, weekly)| {
            let own = basis_of(&t.counters);
            let (prior, line) = match own {
                Basis::Ratings => (by_ratings, lines.ratings),
                Basis::Sentiment => (by_sentiment, lines.sentiment),
            };
            let (x, n) = unhappy(&t.counters, own);
            let (a, b) = prior.posterior(x, n);
            let share = a / (a + b);
            let components = usual.components(t, own, share, prior.mean, &settings.weights);
            let impact: f64 = components.iter().map(|c| c.contribution).sum();
            // Share of the not unhappy that counts as unhappy all the same.
            let raise = if share < 1.0 {
                ((impact - share) / (1.0 - share)).clamp(0.0, 0.999)
            } else {
                0.0
            };
            let up = |d: f64| d + (1.0 - d) * raise;
            // The same comparison on the scale before raising; at or under 0 it is always above.
            let level = (line - raise) / (1.0 - raise);
            let bad = if level <= 0.0 && x <= 0.0 && raise <= 0.0 {
                // Nobody is unhappy: that is not above a line of nobody.
                0.0
            } else if level <= 0.0 {
                1.0
            } else {
                1.0 - beta_cdf(level.min(1.0), a, b)
            };
            let (shape, rate) = rates.posterior(float(t.counters.contacts), weeks);
            let frequent = 1.0 - gamma_cdf(lines.frequency.max(0.0), shape, rate);
            let quadrant = Quadrant::of(
                side(frequent, t.previous.map(Quadrant::frequent)),
                side(bad, t.previous.map(Quadrant::bad)),
            );
            let unsure = |p: f64| p > 1.0 - SURE && p < SURE;
            let expected = expected(t, own, prior.mean);
            let c = &t.counters;
            let of_channels: i64 = t.mix.iter().map(|m| m.1.contacts).sum();
            Point {
                topic: t.topic.clone(),
                contacts: c.contacts,
                rated: c.rated,
                frequency_per_1000: 1000.0 * float(c.contacts)
                    / float(of_channels).max(float(c.contacts)).max(1.0),
                share: float(c.contacts) / float(all.contacts).max(1.0),
                contacts_per_week: *weekly,
                contacts_per_week_low: gamma_quantile(0.05, shape, rate),
                contacts_per_week_high: gamma_quantile(0.95, shape, rate),
                impact,
                impact_low: up(beta_quantile(0.05, a, b)),
                impact_high: up(beta_quantile(0.95, a, b)),
                impact_line: line,
                expected,
                explanation: explain(c, own, &components, impact, line),
                components,
                basis: own,
                negative_share: c.negative_share(),
                risk_share: float(c.risky) / float(c.voices).max(1.0),
                handling_minutes: float(c.handle_sum) / 60.0,
                compensation_cents: c.compensation_cents,
                unhappy_per_week: weekly * impact,
                // What is bad even by a cautious estimate, above what is usual there.
                avoidable_per_week: weekly * (up(beta_quantile(0.2, a, b)) - expected).max(0.0),
                hours_per_week: c.mean_handling().map(|s| weekly * s / 3600.0),
                money: money(c, settings),
                quadrant,
                previous: t.previous,
                probability_frequent: frequent,
                probability_bad: bad,
                borderline: unsure(frequent) || unsure(bad),
            }
        })
        .collect();
    points.sort_by(|a, b| {
        b.avoidable_per_week
            .total_cmp(&a.avoidable_per_week)
            .then(b.unhappy_per_week.total_cmp(&a.unhappy_per_week))
            .then(a.topic.cmp(&b.topic))
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
        frequency_rule: if settings.fixed.contacts_per_week.is_some() {
            FrequencyRule::Fixed
        } else {
            base.1
        },
        impact_rule: match basis {
            Basis::Ratings if settings.target_dissatisfaction.is_some() => "target",
            Basis::Sentiment if settings.fixed.negative_share.is_some() => "fixed",
            _ => "overall",
        }
        .to_owned(),
        drawn_on: settings.frozen.map(|f| f.on),
        lines,
        drawn,
        points,
    }
}

/// The share of unhappy customers at the mix of a topic's own channels (direct standardisation).
fn expected(topic: &TopicSums, basis: Basis, overall: f64) -> f64 {
    let strata: Vec<_> = topic
        .mix
        .iter()
        .map(|(own, channel)| {
            let (x, n) = unhappy(channel, basis);
            (x, n, float(own.contacts))
        })
        .collect();
    standardise(&strata, 0.1).map_or(overall, |s| s.rate)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cents of a month stay far below 2^53"
)]
fn money(c: &Counters, settings: &Settings) -> Money {
    let months = f64::from(settings.days.max(1)) / MONTH;
    let compensation_cents = (float(c.compensation_cents) / months).round() as i64;
    let handling_cents = settings
        .unit_cost_cents_per_minute
        .map(|unit| (float(c.handle_sum) / 60.0 * float(unit) / months).round() as i64);
    Money {
        handling_cents,
        compensation_cents,
        total_cents: handling_cents.map(|h| h + compensation_cents),
    }
}

/// Ratings, unless there are hardly any: then sentiment stands in. Few of many voices are rated
/// everywhere, so a number counts, not a share; small topics whose voices mostly are rated keep
/// their ratings.
const fn basis_of(c: &Counters) -> Basis {
    if c.rated >= ENOUGH_RATINGS || (c.rated > 0 && 2 * c.rated >= c.voices) {
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
fn frequency_line(topics: &[&TopicSums], weekly: &[f64]) -> (f64, FrequencyRule) {
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
        return (median, FrequencyRule::Median);
    }
    let total: f64 = rates.iter().map(|r| r.1).sum();
    let mut held = 0.0;
    for (i, rate) in rates.iter().enumerate() {
        held += rate.1;
        if held >= 0.8 * total {
            // Half-way, on a logarithmic axis, to the first topic outside; half the last one when all are inside.
            let outside = rates.get(i + 1).map_or(rate.0 / 4.0, |next| next.0);
            return ((rate.0 * outside).sqrt(), FrequencyRule::Pareto80);
        }
    }
    (1.0, FrequencyRule::Pareto80)
}

fn explain(
    c: &Counters,
    basis: Basis,
    components: &[Component],
    impact: f64,
    line: f64,
) -> Sentence {
    let share = components.first().map_or(0.0, |c| c.value);
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
                "评分太少（{} 条声音中 {} 条有），改用 {} 条情感判断：负面占 {}（已向平均水平收缩）",
                c.voices,
                c.rated,
                c.sentiment_n,
                percent(share)
            ),
            format!(
                "Too few ratings ({} of {} voices), so {} judgements of sentiment stand in: {} negative (drawn towards the average)",
                c.rated,
                c.voices,
                c.sentiment_n,
                percent(share)
            ),
        ),
    };
    for part in components.iter().skip(1) {
        let (zh_name, en_name) = match part.part {
            Part::Dissatisfaction => continue,
            Part::Risk => ("风险高于平均", "risk above the average"),
            Part::CustomerTier => (
                "重要客户多于平均",
                "more important customers than on average",
            ),
            Part::FailureDemand => ("失误引起的联系", "contacts that a fault of ours caused"),
            Part::Handling => ("处理时长高于平均", "handling time above the average"),
            Part::Compensation => ("赔付高于平均", "compensation above the average"),
        };
        if part.contribution >= 0.005 {
            zh.push_str(&format!("；{zh_name} +{}", percent(part.contribution)));
            en.push_str(&format!("; {en_name} +{}", percent(part.contribution)));
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
            mix: Vec::new(),
            tier_weight: 1.0,
            failure_demand: false,
            previous: None,
        }
    }

    fn day(y: i32, m: u32, d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(y, m, d).unwrap()
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
            (placement.basis, placement.frequency_rule),
            (Basis::Ratings, FrequencyRule::Median)
        );
        assert_eq!(placement.points[0].topic, "often bad", "worst first");
        let mut wide = many();
        for t in &mut wide {
            let all = Counters {
                contacts: 10_000,
                ..Counters::default()
            };
            t.mix = vec![(t.counters, all)];
        }
        let placement = place(&wide, &Settings::default());
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
            p.explanation.zh.contains("评分太少") && p.explanation.en.contains("Too few ratings")
        );
        assert!(!find(&placement, "calm").quadrant.bad());
        assert_eq!(
            serde_json::to_value(&placement).unwrap()["basis"],
            "sentiment"
        );
    }

    #[test]
    fn few_rated_of_many_voices_still_speak_for_a_topic() {
        let mut all = many();
        for t in &mut all {
            t.counters.voices = 20 * t.counters.rated;
        }
        let placement = place(&all, &Settings::default());
        assert_eq!(placement.basis, Basis::Ratings);
        assert!(placement.points.iter().all(|p| p.basis == Basis::Ratings));
        let mut few = topic("few", 400, 29, 10);
        few.counters.sentiment_n = 400;
        all.push(few);
        let placement = place(&all, &Settings::default());
        assert_eq!(find(&placement, "few").basis, Basis::Sentiment);
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
        let frozen = Some(Drawn {
            lines: Lines {
                frequency: 10.0,
                ratings: overall,
                sentiment: 0.5,
            },
            frequency_rule: FrequencyRule::Median,
            on: day(2026, 3, 1),
            contacts: None,
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
            assert_eq!(placement.drawn_on, Some(day(2026, 3, 1)));
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
        assert_eq!(placement.frequency_rule, FrequencyRule::Pareto80);
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

    #[test]
    fn the_formula_adds_up_and_says_its_parts() {
        let mut all = many();
        all[0].counters.risky = 60;
        all[0].tier_weight = 3.0;
        all[0].failure_demand = true;
        let settings = Settings {
            unit_cost_cents_per_minute: Some(200),
            ..Settings::default()
        };
        all[0].counters.handle_n = 200;
        all[0].counters.handle_sum = 200 * 600;
        all[0].counters.compensation_cents = 70_000;
        let placement = place(&all, &settings);
        for p in &placement.points {
            let sum: f64 = p.components.iter().map(|c| c.contribution).sum();
            assert!((sum - p.impact).abs() < 1e-12, "{p:?}");
            assert_eq!(p.components.len(), 6);
            assert!(
                p.components
                    .iter()
                    .all(|c| c.contribution >= 0.0 && !c.text.zh.is_empty())
            );
        }
        let p = find(&placement, "usual0");
        let part = |part| p.components.iter().find(|c| c.part == part).unwrap();
        assert!(part(Part::Risk).contribution > 0.1);
        assert!(part(Part::CustomerTier).contribution > 0.05);
        let failure = part(Part::FailureDemand);
        assert!(failure.contribution > 0.03 && failure.usual > 0.0 && failure.weight == 0.1);
        // Ratings hold what handling does to people; money never enters an impact.
        assert_eq!(part(Part::Handling).contribution, 0.0);
        assert_eq!(part(Part::Compensation).contribution, 0.0);
        // 200 × 10 minutes in 28 days at 2 yuan, and 700 yuan paid, on a month of 30.4 days.
        assert_eq!(p.money.handling_cents, Some(434_821));
        assert_eq!(p.money.compensation_cents, 76_094);
        assert_eq!(p.money.total_cents, Some(510_915));
        assert!((p.hours_per_week.unwrap() - p.contacts_per_week / 6.0).abs() < 1e-9);
        let unknown = place(&all, &Settings::default());
        assert_eq!(find(&unknown, "usual0").money.total_cents, None);
        assert!((find(&unknown, "usual0").impact - p.impact).abs() < 1e-12);
    }

    #[test]
    fn one_voice_at_risk_is_no_alarm() {
        let mut all = many();
        all.push(topic("one", 1, 1, 0));
        all.last_mut().unwrap().counters.risky = 1;
        let placement = place(&all, &Settings::default());
        assert!(find(&placement, "one").impact < 0.6);
        assert_ne!(placement.points[0].topic, "one");
    }

    #[test]
    fn what_is_usual_at_its_channels_is_not_avoidable() {
        // By telephone everybody is unhappy: a topic of the telephone is not worse for that.
        let channel = |contacts, rated, satisfied| Counters {
            contacts,
            rated,
            satisfied,
            ..Counters::default()
        };
        let (phone, app) = (channel(3000, 3000, 1500), channel(3000, 3000, 2700));
        let mut by_phone = topic("phone", 1000, 1000, 500);
        by_phone.mix = vec![(by_phone.counters, phone)];
        let mut by_app = topic("app", 1000, 1000, 500);
        by_app.mix = vec![(by_app.counters, app)];
        let placement = place(&[by_phone, by_app], &Settings::default());
        let (p, a) = (find(&placement, "phone"), find(&placement, "app"));
        assert!((p.expected - 0.5).abs() < 1e-9 && (a.expected - 0.1).abs() < 1e-9);
        assert!(
            p.avoidable_per_week < 1e-9 && a.avoidable_per_week > 90.0,
            "{a:?}"
        );
        assert!((p.unhappy_per_week - a.unhappy_per_week).abs() < 1e-9);
        assert_eq!(placement.points[0].topic, "app");
    }

    #[test]
    fn lines_are_drawn_once_a_month_and_fixed_ones_hold_at_once() {
        let on = |today: NaiveDate, contacts: i64| Known {
            first: day(2026, 2, 3),
            today,
            contacts,
            then: 5000,
        };
        assert!(
            !due(None, on(day(2026, 3, 1), 5000)),
            "27 days are no window"
        );
        assert!(
            !due(None, on(day(2026, 3, 2), 99)),
            "hardly anybody said anything"
        );
        assert!(due(None, on(day(2026, 3, 2), 100)));
        let drawn = Drawn {
            lines: place(&many(), &Settings::default()).drawn.0,
            frequency_rule: FrequencyRule::Median,
            on: day(2026, 3, 2),
            contacts: Some(5000),
        };
        assert_eq!(days_over(drawn.on), (day(2026, 2, 3), day(2026, 3, 1)));
        assert!(!due(Some(&drawn), on(day(2026, 3, 31), 20_000)));
        assert!(due(Some(&drawn), on(day(2026, 4, 1), 5000)));
        assert!(due(Some(&drawn), on(day(2027, 3, 2), 5000)));
        // The rest of the import: the lines were drawn from its first batch.
        let batch = Drawn {
            contacts: Some(500),
            ..drawn
        };
        assert!(due(Some(&batch), on(day(2026, 3, 2), 5000)));
        let nearly = Drawn {
            contacts: Some(4100),
            ..drawn
        };
        assert!(!due(Some(&nearly), on(day(2026, 3, 3), 5000)));
        let earlier = Drawn {
            contacts: None,
            ..drawn
        };
        assert!(
            due(Some(&earlier), on(day(2026, 3, 3), 5000)),
            "an earlier version drew from anything"
        );
        let settings = Settings {
            frozen: Some(drawn),
            ..Settings::default()
        };
        // Everything doubles: the line of the month stays, the one to be drawn next moves.
        let mut twice = many();
        for t in &mut twice {
            t.counters.contacts *= 2;
        }
        let placement = place(&twice, &settings);
        assert_eq!(placement.lines, drawn.lines);
        assert!(placement.drawn.0.frequency > 1.8 * drawn.lines.frequency);
        let fixed = Settings {
            fixed: CutLines {
                contacts_per_week: Some(7.0),
                negative_share: Some(0.9),
            },
            target_dissatisfaction: Some(0.33),
            ..settings
        };
        let placement = place(&twice, &fixed);
        assert_eq!(
            (
                placement.lines.frequency,
                placement.lines.ratings,
                placement.lines.sentiment
            ),
            (7.0, 0.33, 0.9)
        );
        assert_eq!(placement.frequency_rule, FrequencyRule::Fixed);
    }

    #[test]
    fn where_nobody_is_unhappy_nothing_is_bad() {
        let few = [felt("a", 6, 0), felt("b", 3, 0)];
        let target = Settings {
            target_dissatisfaction: Some(0.0),
            ..Settings::default()
        };
        for settings in [Settings::default(), target] {
            let placement = place(&few, &settings);
            assert_eq!(placement.points.len(), 2);
            for p in &placement.points {
                assert!(!p.quadrant.bad(), "{p:?}");
            }
        }
        // Of nine, five are unhappy: that still shows.
        let placement = place(&[felt("a", 6, 5), felt("b", 3, 0)], &Settings::default());
        assert!(find(&placement, "a").quadrant.bad());
    }

    #[test]
    fn a_move_says_from_where_to_where_and_why() {
        let mut all = many();
        for t in &mut all {
            t.previous = Some(Quadrant::Watch);
        }
        let placement = place(&all, &Settings::default());
        let moves = placement.moves();
        let bad = moves.iter().find(|m| m.topic == "often bad").unwrap();
        assert_eq!(
            (bad.from, bad.to),
            (Some(Quadrant::Watch), Quadrant::FixNow)
        );
        assert!(bad.why.zh.contains("高于分界") && bad.why.en.contains("above the line"));
        assert!(moves.iter().all(|m| m.from != Some(m.to)));
        assert!(moves.iter().all(|m| m.topic != "seldom good"));
    }

    proptest::proptest! {
        /// The shrunken share lies between the raw one and the usual one, and the more ratings there
        /// are, the nearer to the raw one.
        #[test]
        fn more_ratings_are_drawn_less(share in 0.0..1.0_f64, usual in 0.01..0.99_f64, strength in 10.0..10_000.0_f64) {
            let prior = SharePrior { mean: usual, strength };
            let mut last = f64::INFINITY;
            for n in [1.0, 10.0, 100.0, 1000.0, 1e6] {
                let (a, b) = prior.posterior(share * n, n);
                let mean = a / (a + b);
                let distance = (mean - share).abs();
                proptest::prop_assert!(distance <= last + 1e-9);
                proptest::prop_assert!(mean >= share.min(usual) - 1e-6 && mean <= share.max(usual) + 1e-6);
                last = distance;
            }
        }

        /// Whatever the facts do from day to day: a topic crosses a line only when the new side is
        /// sure, and the same facts never move it twice.
        #[test]
        fn noise_never_makes_a_topic_flap(days in proptest::collection::vec((150_i64..450, 0.1..0.5_f64), 2..25)) {
            let frozen = Some(Drawn {
                lines: Lines { frequency: 70.0, ratings: 0.3, sentiment: 0.5 },
                frequency_rule: FrequencyRule::Median,
                on: day(2026, 3, 1),
                contacts: None,
            });
            let settings = Settings { frozen, ..Settings::default() };
            let mut previous = None;
            for (contacts, share) in days {
                let mut all = many();
                #[expect(clippy::cast_possible_truncation, reason = "a number of ratings")]
                let good = (120.0 * (1.0 - share)).round() as i64;
                all.push(TopicSums { previous, ..topic("edge", contacts, 120, good) });
                // Half of its voices carry a rating, so that ratings count.
                all.last_mut().unwrap().counters.voices = 240;
                let placement = place(&all, &settings);
                let p = find(&placement, "edge").clone();
                if let Some(was) = previous {
                    if was.frequent() != p.quadrant.frequent() {
                        let sure = if p.quadrant.frequent() { p.probability_frequent } else { 1.0 - p.probability_frequent };
                        proptest::prop_assert!(sure >= SURE - 1e-12);
                    }
                    if was.bad() != p.quadrant.bad() {
                        let sure = if p.quadrant.bad() { p.probability_bad } else { 1.0 - p.probability_bad };
                        proptest::prop_assert!(sure >= SURE - 1e-12);
                    }
                    let unsure = |x: f64| x > 1.0 - SURE && x < SURE;
                    if unsure(p.probability_frequent) && unsure(p.probability_bad) {
                        proptest::prop_assert_eq!(was, p.quadrant);
                    }
                }
                previous = Some(p.quadrant);
                all.last_mut().unwrap().previous = previous;
                let again = place(&all, &settings);
                proptest::prop_assert!(again.moves().iter().all(|m| m.topic != "edge"));
            }
        }
    }
}
