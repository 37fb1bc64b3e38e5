//! Did the improvement work? Computed from daily counts alone, deterministic, the same numbers
//! whenever the same facts are asked.
//!
//! The rules, in short (each module says more and names its sources):
//!
//! - The days that made the alarm ring never enter the baseline ([`baseline`]): a bad fortnight is
//!   followed by a better one whatever is done, and a comparison with it praises every measure.
//! - What moved all topics is taken off: the change is measured against the other topics of the same
//!   channels ([`control`]; [`crate::statistics::stratified::mean_difference`]).
//! - Before and after are compared inside strata of channel × weekday/weekend ([`crate::statistics::stratified`]), so
//!   that a different mix of channels is not taken for an effect.
//! - Days are not independent: the variance is multiplied by a noise factor learnt from the
//!   topic's own history ([`baseline::noise_factor`]).
//! - Every look at the data spends a part of one error budget ([`crate::statistics::sequential`]): asking again is
//!   allowed, and does not make a chance find more likely. The daily looks are replayed each time, so
//!   that an answer depends on facts and dates alone.
//! - A trend from before the fix counts against the claim, never for it.
//! - Beside the goal stand metrics that must not become worse, siblings that the trouble may have
//!   moved to, and flags ([`guards`]).
//! - Six outcomes ([`Verdict`]), one sentence for people ([`sentence`]).

pub mod baseline;
pub mod contract;
mod control;
mod evaluate;
mod guards;
pub mod power;
mod ruler;
pub mod savings;
pub mod sentence;
pub mod statement;

pub use contract::{Asked, Candidate, Chances, Decidable, Note, Parent, Refusal, propose};
pub use control::{TopicInfo, control_topics, usual_noise};
pub use evaluate::{evaluate, horizon_look_day};
pub use ruler::{NewRuler, by_new_ruler, only_ruler};

use crate::clock::Timestamp;
use crate::detection::{Subject, SubjectKind};
use crate::facts::{Class, Counters, MICRO};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Days at the end that a scheduled look leaves out, because ratings may still come.
pub const MATURITY_SCHEDULED: u32 = 2;

/// Days at the end that a look on request leaves out: none, whoever asks wants what is known now.
/// The result stays `provisional` and is computed again when late ratings arrive.
pub const MATURITY_ON_REQUEST: u32 = 0;

/// The metric that a contract promises to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of satisfied among the rated contacts; success is a rise.
    Csat,
    /// Mean of the ratings, 1 to 5; success is a rise.
    MeanRating,
    /// Share of contacts resolved at the first contact, among those where it is known; success is
    /// a rise.
    Fcr,
    /// Share of contacts whose customer had been there with the same topic within 7 days; success
    /// is a fall.
    RepeatShare,
    /// Share of searches without a hit; success is a fall.
    NoResultShare,
    /// Share of negative voices among those with a sentiment; success is a fall.
    NegativeShare,
    /// Share of contacts that a machine handled to the end; success is a rise.
    Containment,
    /// Share of an article's votes that say that it helped; success is a rise.
    HelpfulShare,
    /// Handling time per contact, as a geometric mean; success is a fall.
    Aht,
    /// Contacts per day, against the contacts of the other topics where there is a control; success
    /// is a fall.
    Volume,
}

/// By which statistic a metric is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Yes or no per answer: Mantel–Haenszel difference of shares.
    Share,
    /// A number per answer: the same with means.
    Mean,
    /// The logarithm of a positive number per answer: a ratio of geometric means.
    LogMean,
    /// How many there are: Mantel–Haenszel ratio of rates.
    Rate,
}

/// Which facts an answer of a metric is counted in: how many answers, their sum, and the sum of
/// their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answers {
    /// Answers; for rates contacts.
    pub n: f64,
    /// Sum of the answers (of yes = 1, of ratings, of logarithms); 0 for rates.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
}

impl Metric {
    /// All metrics, the usual ones first.
    pub const ALL: [Self; 10] = [
        Self::Csat,
        Self::MeanRating,
        Self::Fcr,
        Self::RepeatShare,
        Self::NoResultShare,
        Self::NegativeShare,
        Self::Containment,
        Self::HelpfulShare,
        Self::Aht,
        Self::Volume,
    ];

    /// The metrics that the facts hold of a subject, those that decide best first. Of a topic also its
    /// searches; of an agent nothing that others decide (who is put through to whom); of an article its
    /// votes.
    #[must_use]
    pub const fn of_subject(kind: SubjectKind) -> &'static [Self] {
        match kind {
            SubjectKind::Topic => &[
                Self::Csat,
                Self::MeanRating,
                Self::Fcr,
                Self::RepeatShare,
                Self::NoResultShare,
                Self::NegativeShare,
                Self::Containment,
                Self::Aht,
                Self::Volume,
            ],
            SubjectKind::Channel => &[
                Self::Csat,
                Self::MeanRating,
                Self::Fcr,
                Self::RepeatShare,
                Self::NegativeShare,
                Self::Containment,
                Self::Aht,
                Self::Volume,
            ],
            SubjectKind::Agent => &[
                Self::Aht,
                Self::Csat,
                Self::MeanRating,
                Self::Fcr,
                Self::RepeatShare,
                Self::NegativeShare,
            ],
            SubjectKind::SearchTerm => &[Self::NoResultShare],
            SubjectKind::Article => &[Self::HelpfulShare],
        }
    }

    /// The name in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csat => "csat",
            Self::MeanRating => "mean_rating",
            Self::Fcr => "fcr",
            Self::RepeatShare => "repeat_share",
            Self::NoResultShare => "no_result_share",
            Self::NegativeShare => "negative_share",
            Self::Containment => "containment",
            Self::HelpfulShare => "helpful_share",
            Self::Aht => "aht",
            Self::Volume => "volume",
        }
    }

    /// By which statistic it is compared.
    #[must_use]
    pub const fn kind(self) -> MetricKind {
        match self {
            Self::Csat
            | Self::Fcr
            | Self::RepeatShare
            | Self::NoResultShare
            | Self::NegativeShare
            | Self::Containment
            | Self::HelpfulShare => MetricKind::Share,
            Self::MeanRating => MetricKind::Mean,
            Self::Aht => MetricKind::LogMean,
            Self::Volume => MetricKind::Rate,
        }
    }

    /// Whether a rise is good.
    #[must_use]
    pub const fn higher_is_better(self) -> bool {
        matches!(
            self,
            Self::Csat | Self::MeanRating | Self::Fcr | Self::Containment | Self::HelpfulShare
        )
    }

    /// The classes of voices whose rows hold its answers. Rows of other classes must be left out.
    #[must_use]
    pub const fn classes(self) -> &'static [Class] {
        match self {
            Self::NoResultShare => &[Class::Search],
            Self::HelpfulShare => &[Class::Vote],
            _ => &[Class::Contact, Class::Survey],
        }
    }

    /// Smallest change worth while unless somebody says otherwise, without sign: a share
    /// (0.05 = five points), stars, or relative (0.10 = a tenth).
    #[must_use]
    pub const fn smallest_change(self) -> f64 {
        match self.kind() {
            MetricKind::Share => 0.05,
            MetricKind::Mean => 0.15,
            MetricKind::LogMean => 0.05,
            MetricKind::Rate => 0.10,
        }
    }

    /// The change that is hoped for unless somebody says otherwise, with its sign.
    #[must_use]
    pub const fn usual_target(self) -> f64 {
        let size = match self.kind() {
            MetricKind::Share => 0.10,
            MetricKind::Mean => 0.30,
            MetricKind::LogMean => 0.10,
            MetricKind::Rate => 0.20,
        };
        if self.higher_is_better() { size } else { -size }
    }

    /// What people call it.
    #[must_use]
    pub fn names(self) -> Sentence {
        let (zh, en) = match self {
            Self::Csat => ("满意度", "satisfaction"),
            Self::MeanRating => ("平均评分", "the mean rating"),
            Self::Fcr => ("首次解决率", "first-contact resolution"),
            Self::RepeatShare => ("重复联系率", "the share of repeated contacts"),
            Self::NoResultShare => ("搜索无结果率", "the share of searches without a result"),
            Self::NegativeShare => ("负面声音占比", "the share of negative voices"),
            Self::Containment => ("机器人拦截率", "the share handled by the bot"),
            Self::HelpfulShare => ("有帮助率", "the share of helpful votes"),
            Self::Aht => ("处理时长", "handling time"),
            Self::Volume => ("联系量", "the number of contacts"),
        };
        Sentence::new(zh, en)
    }

    /// What one answer is called: with the measure word in Chinese, in the plural in English.
    #[must_use]
    pub fn unit(self) -> Sentence {
        let (zh, en) = match self {
            Self::Csat | Self::MeanRating => ("条评分", "ratings"),
            Self::Fcr => ("次已知结果的联系", "contacts with a known result"),
            Self::NoResultShare => ("次搜索", "searches"),
            Self::HelpfulShare => ("次投票", "votes"),
            Self::NegativeShare => ("条带情绪的声音", "voices with a sentiment"),
            Self::Aht => ("次有时长的联系", "timed contacts"),
            Self::RepeatShare | Self::Containment | Self::Volume => ("次联系", "contacts"),
        };
        Sentence::new(zh, en)
    }

    /// The answers that some facts hold for this metric.
    #[must_use]
    pub fn answers(self, c: &Counters) -> Answers {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let float = |count: i64| count.max(0) as f64;
        let share = |yes: i64, of: i64| Answers {
            n: float(of),
            sum: float(yes.min(of)),
            squares: float(yes.min(of)),
        };
        match self {
            Self::Csat => share(c.satisfied, c.rated),
            Self::MeanRating => Answers {
                n: float(c.rated),
                sum: float(c.r1 + 2 * c.r2 + 3 * c.r3 + 4 * c.r4 + 5 * c.r5),
                squares: float(c.r1 + 4 * c.r2 + 9 * c.r3 + 16 * c.r4 + 25 * c.r5),
            },
            Self::Fcr => share(c.fcr, c.fcr_known),
            Self::RepeatShare => share(c.repeats, c.contacts),
            Self::NoResultShare => share(c.no_result, c.voices),
            Self::NegativeShare => share(c.negative, c.sentiment_n),
            Self::Containment => share(c.bot, c.contacts),
            Self::HelpfulShare => share(c.helpful, c.helpful + c.unhelpful),
            Self::Aht => Answers {
                n: float(c.handle_n),
                sum: float(c.handle_ln) / MICRO,
                squares: float(c.handle_ln_sq) / MICRO,
            },
            Self::Volume => Answers {
                n: float(c.contacts),
                sum: 0.0,
                squares: 0.0,
            },
        }
    }
}

/// A text in both languages of the product.
pub use crate::organisation::Bilingual as Sentence;

/// Who chose the metric of a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// The rule where nothing could be decided at assignment: CSAT where the baseline holds enough
    /// ratings, else contact volume. A contract that fell back to volume becomes a CSAT one if the
    /// days *before* the fix turn out to hold enough ratings; the days after it are never asked.
    #[default]
    Rule,
    /// The plan: the first metric that can be decided with the topic's traffic. It stays.
    Plan,
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
    /// Topic; empty where the contract is about something else ([`Self::subject`]), or about the voices
    /// that no topic explains.
    pub topic: String,
    /// What is judged: the topic, or the agent, article, search or channel that the issue is about. In
    /// contracts of an earlier version its key is empty: they judge their topic.
    #[serde(default)]
    pub subject: Subject,
    /// Whether the facts hold anything of the subject that could be better or worse. Where not, nothing
    /// is ever claimed; of a silent channel it is only asked whether its data arrives again.
    #[serde(default = "measurable")]
    pub measurable: bool,
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
    /// Other metrics that must not become worse.
    #[serde(default)]
    pub guards: Vec<GuardMetric>,
    /// What the change is compared with; contracts of the first version: nothing.
    #[serde(default)]
    pub control: ControlRule,
    /// The topic whose figures decide where the task's own has too few: its parent. `None` = its own.
    #[serde(default)]
    pub watched_topic: Option<String>,
    /// How long it will take.
    pub planned: Planned,
    /// The plan in words.
    pub sentence: Sentence,
    /// All metrics that were planned, those of the topic above last.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// The metric that a person asked for and that cannot be decided.
    #[serde(default)]
    pub refused: Option<Refusal>,
    /// What whoever signs it should know.
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// A metric that must not become worse while the goal is pursued.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GuardMetric {
    /// The metric. One whose answers come from other classes than the goal's is not looked at.
    pub metric: Metric,
    /// Smallest worsening that counts, in the metric's unit, without sign.
    pub limit: f64,
}

/// What a change is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ControlRule {
    /// Nothing.
    #[default]
    None,
    /// The other topics of the same channels ([`control_topics`]), if there are enough of them.
    OtherTopics,
}

const fn guard_days() -> u32 {
    contract::GUARD_DAYS
}

const fn measurable() -> bool {
    true
}

impl Contract {
    /// Whether it judges a channel by nothing but whether its data arrives.
    #[must_use]
    pub fn awaits_data(&self) -> bool {
        !self.measurable && self.subject.kind == SubjectKind::Channel
    }

    /// The topic whose figures decide: its own, or the one above where its own has too little traffic.
    #[must_use]
    pub fn watched(&self) -> &str {
        self.watched_topic.as_deref().unwrap_or(&self.topic)
    }
}

/// What something is compared with, in the middle of a sentence: others of its kind.
#[must_use]
pub const fn peers(kind: SubjectKind) -> (&'static str, &'static str) {
    match kind {
        SubjectKind::Topic => ("主题", "topics"),
        SubjectKind::Channel => ("渠道", "channels"),
        SubjectKind::Agent => ("坐席", "agents"),
        SubjectKind::SearchTerm => ("搜索词", "searches"),
        SubjectKind::Article => ("文章", "articles"),
    }
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
    /// Days that this takes: at the present pace, of contacts at the pace that the change would leave.
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
    /// More days will come, or answers that a verdict waits for.
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
    /// Lower end of the 95 % interval of `adjusted`: as wide as the answers that count there allow.
    #[serde(default)]
    pub adjusted_low: Option<f64>,
    /// Upper end.
    #[serde(default)]
    pub adjusted_high: Option<f64>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Control {
    /// Nothing: what moved all topics at once would be taken for an effect. `improved` then needs
    /// an estimate that is worth while.
    None {
        /// `not_asked`, `too_few_topics` or `too_few_answers`.
        #[serde(default)]
        why: String,
    },
    /// The other topics of the same channels, summed, at the topic's own mix of channels and day
    /// types.
    OtherTopics {
        /// How many topics.
        topics: u32,
        /// Their level before: a share, stars, seconds, or contacts per day.
        before: f64,
        /// Their level after.
        after: f64,
        /// How they moved, in the unit of [`Effect::value`]. A share's effect is the topic's change
        /// minus this one times [`Method::control_factor`]; a ratio's is the quotient.
        effect: f64,
        /// Their answers before.
        n_before: i64,
        /// Their answers after.
        n_after: i64,
    },
}

impl Default for Control {
    fn default() -> Self {
        Self::None {
            why: "not_asked".to_owned(),
        }
    }
}

/// Something that stands in the way of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Missing {
    /// `days`, `answers`, `baseline`, `immature`, `evidence`, `gap` (a source was silent), `silent` (its
    /// data has not arrived again), `not_measurable` (the facts hold nothing of the subject),
    /// `same_ruler` (labels of different classifiers) or `survey_changed`.
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
    /// `response_rate`, `channel_mix`, `easy_contacts`, `control_topics`, `gap` or `new_ruler`.
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

/// One look at the data: what a nightly evaluation of that day gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Look {
    /// Last day that entered.
    pub last_day: NaiveDate,
    /// Share of the planned information that was there (0–1].
    pub fraction: f64,
    /// Boundary that the statistic had to cross.
    pub boundary: f64,
    /// The change as it looked then, in the unit of [`Effect::value`].
    #[serde(default)]
    pub effect: Option<f64>,
    /// Lower end of its interval.
    #[serde(default)]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(default)]
    pub high: Option<f64>,
}

/// How a metric that must not become worse did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GuardResult {
    /// The metric.
    pub metric: Metric,
    /// Smallest worsening that counts.
    pub limit: f64,
    /// Level before.
    pub before: Option<f64>,
    /// Level after.
    pub after: Option<f64>,
    /// The change, with an interval of 98 %; `None` where it cannot be computed.
    pub effect: Option<Effect>,
    /// Worse than chance allows, by the limit at least: the verdict is `worse`.
    pub worse: bool,
}

/// A sibling topic whose contacts rose since the fix: perhaps the trouble only moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Displaced {
    /// The topic's key: written down by whoever knows it; empty in results of earlier versions.
    #[serde(default)]
    pub key: String,
    /// The topic's name.
    pub topic: Sentence,
    /// Contacts per day before.
    pub before: f64,
    /// Contacts per day after.
    pub after: f64,
    /// Relative change with an interval of 95 %.
    pub effect: Effect,
    /// One-sided, adjusted for the number of siblings (Benjamini–Hochberg).
    pub p_value: f64,
}

/// How the topic moved against the others before the fix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trend {
    /// Change per week in the unit of the statistic (shares, stars, logarithms).
    pub slope_per_week: f64,
    /// Its statistic.
    pub z: f64,
    /// Whether it is more than chance, and hence counted against the claim.
    pub significant: bool,
    /// Weeks it was learnt from.
    pub weeks: u32,
}

/// How unlike the others additional (or lost) raters would have to be for the effect to vanish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TippingPoint {
    /// Share of contacts with a rating before.
    pub rate_before: f64,
    /// The same after.
    pub rate_after: f64,
    /// Satisfaction that they would need; outside 0–1 they cannot erase the effect.
    pub satisfaction: f64,
    /// Whether they could erase the effect.
    pub can_erase: bool,
    /// In words.
    pub sentence: Sentence,
}

/// Whether the effect is the same everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Heterogeneity {
    /// Of the test that the effect is the same in all channels, noise factor included: Breslow and Day's
    /// of odds ratios for shares, Cochran's Q for means and rates. `None` where it cannot be computed: then
    /// nothing was tested.
    pub p_value: Option<f64>,
    /// p < 0.01: the effect differs between channels.
    pub differs: bool,
    /// By channel, without comparison with other topics.
    pub channels: Vec<ChannelEffect>,
}

/// One channel's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChannelEffect {
    /// The channel.
    pub channel: String,
    /// Answers before.
    pub n_before: i64,
    /// Answers after.
    pub n_after: i64,
    /// After − before, in the unit of [`Effect::value`].
    pub value: f64,
}

/// How often `improved` came out where nothing was improved, as measured for such cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Chance {
    /// The share, rounded up to a whole per cent.
    pub share: f64,
    /// Which streams it was measured on.
    pub family: String,
    /// The pace that they had, in answers per day.
    pub per_day: f64,
    /// Whether they were streams of this metric; `false` in results of earlier versions: of ratings, which are
    /// compared by the same rules.
    #[serde(default)]
    pub of_metric: bool,
}

/// Why a verdict was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The night's look.
    Night,
    /// The fix was reported when the days that judge it were over already.
    Completion,
    /// Somebody asked.
    Request,
    /// Data arrived late for days that it is computed from.
    LateData,
    /// The words of the topics were changed, or the classifier was, and all was labelled anew.
    NewRuler,
}

/// A verdict as it stood at some time, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PastVerdict {
    /// When it was computed.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub computed_at: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it was computed; `None` in entries of earlier versions.
    #[serde(default)]
    pub occasion: Option<Occasion>,
    /// Its sentence, with the figures of that time; `None` in entries of earlier versions.
    #[serde(default)]
    pub sentence: Option<Sentence>,
    /// What stood in the way of a verdict then: codes as of [`Missing`].
    #[serde(default)]
    pub missing: Vec<String>,
}

impl PastVerdict {
    /// What the history keeps of a result.
    #[must_use]
    pub fn of(result: &Verification, occasion: Option<Occasion>) -> Self {
        Self {
            computed_at: result.computed_at,
            verdict: result.verdict,
            occasion,
            sentence: Some(result.sentence.clone()),
            missing: result.missing.iter().map(|m| m.code.clone()).collect(),
        }
    }
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
    /// Factor κ that the change of the other topics was taken times; 0 = not compared.
    #[serde(default)]
    pub control_factor: f64,
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
pub const METHOD_VERSION: u32 = 4;

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
    /// The keys of the topics that it was compared with: written down by whoever knows them.
    #[serde(default)]
    pub control_topics: Vec<String>,
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
    /// The first day on which a rule fired (a recovery that became an improvement: the day of the
    /// recovery); `None` while it is open.
    #[serde(default)]
    pub decided_on: Option<NaiveDate>,
    /// Metrics that must not become worse.
    #[serde(default)]
    pub guard_metrics: Vec<GuardResult>,
    /// Sibling topics that rose, the surest first.
    #[serde(default)]
    pub displacement: Vec<Displaced>,
    /// How the topic moved before the fix; `None` with less than eight weeks of history.
    #[serde(default)]
    pub trend: Option<Trend>,
    /// Where the share of raters changed much.
    #[serde(default)]
    pub tipping_point: Option<TippingPoint>,
    /// Whether the effect differs between channels.
    #[serde(default)]
    pub heterogeneity: Option<Heterogeneity>,
    /// How often chance alone would look like this.
    #[serde(default)]
    pub chance: Chance,
    /// The looks so far, this one included, as nightly evaluations would have made them.
    pub looks: Vec<Look>,
    /// Verdicts so far, each time they changed.
    pub history: Vec<PastVerdict>,
    /// Other tasks of the same topic whose fix lies in the after-window: the verdict is theirs too.
    pub together_with: Vec<String>,
    /// Days on which a channel was silent by which these answers come.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Whose labels it was measured by (classifier, version and definition of the topics), where that is
    /// one and it matters.
    #[serde(default)]
    pub ruler: Option<String>,
    /// Another ruler has measured it anew, and that changed it or left too little to decide.
    #[serde(default)]
    pub new_ruler: Option<NewRuler>,
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

/// What a verdict is computed from. Rows of the classes of the contract's metric
/// ([`Metric::classes`]), sparse, in any order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The topic that is judged (its subtree, or the parent's where the contract watches that).
    pub topic: &'a [DayRow],
    /// The control topics ([`control_topics`]), summed.
    pub control: &'a [DayRow],
    /// How many control topics there are.
    pub control_topics: usize,
    /// Siblings by name, to see whether the trouble only moved.
    pub siblings: &'a [(Sentence, Vec<DayRow>)],
}

impl<'a> Facts<'a> {
    /// The topic alone, nothing to compare it with.
    #[must_use]
    pub const fn of_topic(rows: &'a [DayRow]) -> Self {
        Self {
            topic: rows,
            control: &[],
            control_topics: 0,
            siblings: &[],
        }
    }
}

/// Days on which a source was silent: what did not arrive is not what did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Gap {
    /// The channel that was silent.
    pub channel: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// What was silent, for people (the connector's name).
    pub what: String,
}

/// Days whose labels one version of a classifier wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelVersion {
    /// Classifier and version.
    pub name: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// Something that people wrote down about a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The day.
    pub day: NaiveDate,
    /// `survey_changed` suspends verdicts on ratings; others are only shown.
    pub kind: String,
    /// What was written.
    pub text: String,
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
    /// Noise factor of the organisation's other topics, where known ([`usual_noise`]).
    pub usual_noise: Option<f64>,
    /// Holidays: they count as weekend days.
    pub closed_days: Vec<NaiveDate>,
    /// Days on which a source was silent.
    pub gaps: Vec<Gap>,
    /// Which classifier labelled which days; empty = one did all.
    pub label_versions: Vec<LabelVersion>,
    /// What people wrote down about some days.
    pub annotations: Vec<Annotation>,
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
            closed_days: Vec::new(),
            gaps: Vec::new(),
            label_versions: Vec::new(),
            annotations: Vec::new(),
            other_fixes: Vec::new(),
            topic_name,
            previous: None,
        }
    }
}

#[cfg(test)]
mod tests;
