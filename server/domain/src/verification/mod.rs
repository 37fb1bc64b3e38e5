//! Did the improvement work? Computed from daily counts alone, deterministic, the same numbers
//! whenever the same facts are asked.
//!
//! The rules, in short (each module says more and names its sources):
//!
//! - The days that made the alarm ring never enter the baseline ([`baseline`]): a bad fortnight is
//!   followed by a better one whatever is done, and a comparison with it praises every measure.
//! - Before and after are compared inside strata of channel × weekday/weekend ([`crate::statistics::stratified`]), so
//!   that a different mix of channels is not taken for an effect.
//! - Days are not independent: the variance is multiplied by a noise factor learnt from the
//!   topic's own history ([`baseline::noise_factor`]).
//! - Every look at the data spends a part of one error budget ([`crate::statistics::sequential`]): asking again is
//!   allowed, and does not make a chance find more likely.
//! - Six outcomes ([`Verdict`]), one sentence for people ([`sentence`]).
//!
//! Comparison with other topics (a control series), pre-trends and guard metrics are not part of
//! this version: [`Control::None`] is said in every result.

pub mod baseline;
pub mod contract;
mod evaluate;
pub mod power;
pub mod sentence;

pub use contract::{Asked, propose};
pub use evaluate::{evaluate, horizon_look_day};

use crate::clock::Timestamp;
use crate::facts::Counters;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Days at the end that a scheduled look leaves out, because ratings may still come.
pub const MATURITY_SCHEDULED: u32 = 2;

/// Days at the end that a look on request leaves out: none, whoever asks wants what is known now.
/// The result stays `provisional` and is computed again when late ratings arrive.
pub const MATURITY_ON_REQUEST: u32 = 0;

/// The metric that a contract promises to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of satisfied among the rated contacts; success is a rise.
    Csat,
    /// Contacts per day; success is a fall.
    Volume,
}

/// A text in both languages of the product.
pub use crate::organisation::Bilingual as Sentence;

/// Who chose the metric of a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// The rule: CSAT where the baseline holds enough ratings, else contact volume. A contract
    /// that fell back to volume becomes a CSAT one if the days *before* the fix turn out to hold
    /// enough ratings; the days after it are never asked.
    #[default]
    Rule,
    /// A person.
    Person,
}

/// What is agreed when the task is assigned, and frozen with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Contract {
    /// The metric that decides.
    pub metric: Metric,
    /// Who chose it.
    #[serde(default)]
    pub chosen: Chosen,
    /// Change that is hoped for: CSAT as a share (0.10 = ten points up), volume relative
    /// (−0.20 = a fifth fewer).
    pub expected_change: f64,
    /// Smallest change worth while, in the same unit, without sign.
    pub smallest_change: f64,
    /// Length of the quiet part of the baseline, in days.
    pub baseline_days: u32,
    /// Days after the fix when the verdict falls at the latest.
    pub horizon_days: u32,
    /// Answers on each side below which nothing is said.
    pub min_answers: u32,
    /// Full days after the fix below which nothing is said.
    pub min_days: u32,
    /// Topic.
    pub topic: String,
    /// Channels concerned; empty = all.
    pub channels: Vec<String>,
    /// The day the alarm rang, if one did.
    pub alarm_day: Option<NaiveDate>,
    /// First day of the change as the detector estimates it, if it does.
    #[serde(default)]
    pub change_day: Option<NaiveDate>,
    /// Days up to and including the alarm that are never used.
    #[serde(default = "guard_days")]
    pub guard_days: u32,
    /// How long it will take.
    pub planned: Planned,
    /// The plan in words.
    pub sentence: Sentence,
}

const fn guard_days() -> u32 {
    contract::GUARD_DAYS
}

/// The power plan of a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Planned {
    /// Rated contacts (CSAT) or contacts (volume) needed after the fix for a chance of 80 % to
    /// see the expected change; `None` = this baseline can never show it.
    pub answers_needed: Option<i64>,
    /// Present pace.
    pub answers_per_day: f64,
    /// Days that this takes at the present pace.
    pub days: Option<i64>,
}

/// The outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better than before, more than chance allows: 已验证有效.
    Improved,
    /// Back from a bad spell to the usual level, cause unproven: 已恢复（原因未证实）.
    Recovered,
    /// Any improvement is smaller than worth while: 未见效果.
    NoEffect,
    /// Worse than before: 变差（重新打开）.
    Worse,
    /// Not enough data yet: 数据还不够.
    Pending,
    /// The horizon is over and nothing can be said: 证据不足.
    Inconclusive,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 6] = [
        Self::Improved,
        Self::Recovered,
        Self::NoEffect,
        Self::Worse,
        Self::Pending,
        Self::Inconclusive,
    ];

    /// The name in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Recovered => "recovered",
            Self::NoEffect => "no_effect",
            Self::Worse => "worse",
            Self::Pending => "pending",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Whether the after-window is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The whole horizon is in.
    Final,
    /// More days will come.
    Provisional,
}

/// One side of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Side {
    /// Ratings (CSAT) or contacts (volume).
    pub n: i64,
    /// CSAT as a share, or contacts per day; `None` when there are none.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval of `value` (Wilson for CSAT).
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The same level at the mix of channels and day types that both sides share: what the
    /// sentence prints.
    pub adjusted: Option<f64>,
    /// First day used.
    pub from: Option<NaiveDate>,
    /// Last day used. Days of the guard in between are not used.
    pub to: Option<NaiveDate>,
}

/// The change with its repeated confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Effect {
    /// CSAT: difference of shares (after − before). Volume: relative change (ratio − 1).
    pub value: f64,
    /// Lower end; may be read on any day.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What the change was compared with, beside the topic's own past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Control {
    /// Nothing: what moved all topics at once would be taken for an effect.
    #[default]
    None,
}

/// Something that stands in the way of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Missing {
    /// `days`, `answers`, `baseline`, `immature` or `evidence`.
    pub code: String,
    /// How much is needed.
    pub need: i64,
    /// How much there is.
    pub have: i64,
    /// In words.
    pub sentence: Sentence,
}

/// A sanity flag beside the verdict: it never changes the verdict silently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Guard {
    /// `response_rate`, `channel_mix` or `easy_contacts`.
    pub code: String,
    /// The figure before.
    pub before: f64,
    /// The figure after.
    pub after: f64,
    /// In words.
    pub sentence: Sentence,
}

/// What a naive comparison would say: shown beside the verdict, never used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Naive {
    /// The 14 days before the fix.
    pub before: NaiveSide,
    /// The days since the fix.
    pub after: NaiveSide,
    /// After − before (CSAT), or relative change (volume).
    pub difference: Option<f64>,
    /// Two-sided, as if every contact were independent.
    pub p_value: Option<f64>,
    /// Whether it would be called a success at 5 %.
    pub claims_success: bool,
    /// `pooled_z_14_days_before` or `poisson_score_14_days_before`.
    pub method: String,
}

/// One side of the naive comparison.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NaiveSide {
    /// Ratings or contacts.
    pub n: i64,
    /// CSAT as a share or contacts per day.
    pub value: Option<f64>,
}

/// Which days served as the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BaselineRule {
    /// Days between alarm and fix, and the quiet days before the guard: they agree.
    Pooled,
    /// Only the days between alarm and fix: they differ from the quiet days, the trouble was real.
    Acute,
    /// Only quiet days before the guard (too few ratings between alarm and fix to add).
    Quiet,
    /// The fix went live before the alarm, or there was no alarm: the days before the fix.
    BeforeFix,
}

/// One look at the data, kept so that later looks know what is left of the error budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Look {
    /// Last day that entered.
    pub last_day: NaiveDate,
    /// Share of the planned information that was there (0–1].
    pub fraction: f64,
    /// Boundary that the statistic had to cross.
    pub boundary: f64,
}

/// A verdict as it stood at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PastVerdict {
    /// When it was computed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub computed_at: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
}

/// How the numbers were made: the fold-out under the sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Method {
    /// `cmh_risk_difference` or `mh_rate_ratio`.
    pub statistic: String,
    /// `channel_day_type`, `channel`, `day_type` or `none`.
    pub strata: String,
    /// Share of the after-answers in strata that have no counterpart before.
    pub dropped_share: f64,
    /// Noise factor φ that multiplies the variance.
    pub noise_factor: f64,
    /// Blocks of 28 days it was learnt from; 0 = the default value.
    pub noise_blocks: u32,
    /// The statistic: effect over its standard error.
    pub z: Option<f64>,
    /// What it had to cross at this look.
    pub boundary: Option<f64>,
    /// Two-sided error budget of all looks together.
    pub alpha: f64,
    /// Statistic of the days between alarm and fix against the quiet days.
    pub alarm_days_z: Option<f64>,
    /// Against the quiet days before the alarm, where the baseline is the bad spell only.
    pub against_quiet: Option<Effect>,
    /// Chance of `improved` where nothing was improved, as measured for such cases, rounded up.
    pub chance_if_nothing: f64,
    /// Version of these rules.
    pub version: u32,
}

/// Version of the rules of this module, stored with every result.
pub const METHOD_VERSION: u32 = 1;

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Verification {
    /// The outcome.
    pub verdict: Verdict,
    /// Whether more days will come.
    pub state: State,
    /// The metric that decided.
    pub metric: Metric,
    /// Deployment day, itself never used.
    pub effective_day: NaiveDate,
    /// The date of the fix was given after the days that judge it.
    pub edited_afterwards: bool,
    /// Before.
    pub before: Side,
    /// After.
    pub after: Side,
    /// The change; `None` where it cannot be computed.
    pub effect: Option<Effect>,
    /// What it was compared with.
    pub control: Control,
    /// Sanity flags.
    pub guards: Vec<Guard>,
    /// What stands in the way of a verdict.
    pub missing: Vec<Missing>,
    /// One sentence for people.
    pub sentence: Sentence,
    /// How the numbers were made.
    pub method: Method,
    /// What a naive comparison would say.
    pub naive: Naive,
    /// Which days served as the baseline.
    pub baseline_rule: BaselineRule,
    /// The looks so far, this one included.
    pub looks: Vec<Look>,
    /// Verdicts so far, each time they changed.
    pub history: Vec<PastVerdict>,
    /// Other tasks of the same topic whose fix lies in the after-window: the verdict is theirs too.
    pub together_with: Vec<String>,
    /// When this was computed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub computed_at: Timestamp,
}

/// One day of one channel of the contract's topic. Rows may be sparse, in any order, and several
/// may share day and channel (contacts and surveys): they are added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRow {
    /// Day of the organisation's calendar: the day of the contact, not of the rating.
    pub day: NaiveDate,
    /// Channel.
    pub channel: String,
    /// The counts.
    pub counters: Counters,
}

/// Another task of the same topic that went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherFix {
    /// What the results call it (the task's id).
    pub name: String,
    /// The day it went live.
    pub day: NaiveDate,
}

/// What happened, beside the counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The present time.
    pub now: Timestamp,
    /// The present day of the organisation's calendar: not over yet, hence never used.
    pub today: NaiveDate,
    /// The day the fix went live: never used itself, the first full day after it is day 0.
    pub effective_day: NaiveDate,
    /// The date of the fix was given after the event: said in the sentence.
    pub edited_afterwards: bool,
    /// Days at the end that are left out because ratings may still come
    /// ([`MATURITY_SCHEDULED`], [`MATURITY_ON_REQUEST`]).
    pub maturity_days: u32,
    /// Noise factor of the organisation's other topics, where known.
    pub usual_noise: Option<f64>,
    /// Other tasks of the same topic that went live.
    pub other_fixes: Vec<OtherFix>,
    /// The topic's name for the sentence.
    pub topic_name: Sentence,
    /// The result that stands, if this fix was looked at before.
    pub previous: Option<Box<Verification>>,
}

impl Course {
    /// A first look, on request, at a fix that went live on `effective_day`.
    #[must_use]
    pub fn on_request(
        now: Timestamp,
        today: NaiveDate,
        effective_day: NaiveDate,
        topic_name: Sentence,
    ) -> Self {
        Self {
            now,
            today,
            effective_day,
            edited_afterwards: false,
            maturity_days: MATURITY_ON_REQUEST,
            usual_noise: None,
            other_fixes: Vec::new(),
            topic_name,
            previous: None,
        }
    }
}

#[cfg(test)]
mod tests;
