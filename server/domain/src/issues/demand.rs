//! How much an opportunity is asked for. It is no problem: bad marks say nothing of it, so its second
//! axis is demand, and the question is whether demand grows.
//!
//! Of the contacts of the window, so many fall in its later half. If demand were steady, the share would
//! be that of all contacts; what is known of it is a beta distribution, drawn towards that share so that
//! three contacts are no trend.

use super::quadrant::{Quadrant, percent};
use crate::statistics::distributions::{beta_cdf, beta_quantile};
use crate::verification::Sentence;

/// Contacts that a steady course is worth before anything is known.
const STEADY: f64 = 20.0;
/// How sure we must be that demand grows before we say so: as for topics that change their quadrant.
const SURE: f64 = 0.8;

/// What was counted in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Days of the window.
    pub days: u32,
    /// Contacts that asked for it.
    pub contacts: i64,
    /// Those in the later half.
    pub recent: i64,
    /// All contacts of the organisation.
    pub all: i64,
    /// Those in the later half.
    pub all_recent: i64,
    /// Customers who asked, one who asks on several days counted on each; 0: unknown.
    pub customers: i64,
}

/// How demand runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Share of the contacts that fall in the later half, shrunk, 0 to 1.
    pub share: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The share if demand were steady: the line.
    pub steady: f64,
    /// Probability that demand grows.
    pub probability: f64,
    /// Frequent and growing: take it up now; frequent: quick to take up; growing: plan for it.
    pub quadrant: Quadrant,
    /// Nobody can say yet on which side it is.
    pub borderline: bool,
    /// For people.
    pub explanation: Sentence,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of contacts are far below 2^52"
)]
const fn float(n: i64) -> f64 {
    n as f64
}

/// How demand runs, and where an opportunity stands that is `frequent` with that probability.
#[must_use]
pub fn demand(asked: Asked, probability_frequent: f64) -> Demand {
    let steady = if asked.all > 0 {
        (float(asked.all_recent) / float(asked.all)).clamp(0.05, 0.95)
    } else {
        0.5
    };
    let recent = float(asked.recent.clamp(0, asked.contacts));
    let before = float(asked.contacts.max(0)) - recent;
    let (a, b) = (recent + STEADY * steady, before + STEADY * (1.0 - steady));
    let probability = 1.0 - beta_cdf(steady, a, b);
    let (frequent, grows) = (probability_frequent >= 0.5, probability >= SURE);
    let quadrant = Quadrant::of(frequent, grows);
    let share = a / (a + b);
    let (zh, en) = match (grows, probability <= 1.0 - SURE) {
        (true, _) => ("需求在增长", "demand grows"),
        (_, true) => ("需求在回落", "demand falls"),
        _ => ("需求平稳", "demand is steady"),
    };
    let (zh_who, en_who) = if asked.customers > 0 {
        (
            format!("（每天不同客户合计 {} 人次）", asked.customers),
            format!(" (by {} customers, counted per day)", asked.customers),
        )
    } else {
        Default::default()
    };
    let half = asked.days / 2;
    Demand {
        share,
        low: beta_quantile(0.05, a, b),
        high: beta_quantile(0.95, a, b),
        steady,
        probability,
        quadrant,
        borderline: (1.0 - SURE..SURE).contains(&probability)
            || (1.0 - SURE..SURE).contains(&probability_frequent),
        explanation: Sentence {
            zh: format!(
                "近 {} 天被提到 {} 次{zh_who}，其中后 {half} 天 {} 次；若需求不变应占 {}。{zh}（增长的把握 {}）。机会看需求，不看满意度。",
                asked.days,
                asked.contacts,
                asked.recent,
                percent(steady),
                percent(probability)
            ),
            en: format!(
                "Asked for {} times in {} days{en_who}, {} of them in the last {half}; steady demand would be {}. {en} ({} sure that it grows). An opportunity is judged by demand, not by satisfaction.",
                asked.contacts,
                asked.days,
                asked.recent,
                percent(steady),
                percent(probability)
            ),
        },
    }
}
