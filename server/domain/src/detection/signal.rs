//! One firing of a detector, with the numbers that made it fire and the sentence that says them.

use super::goal::Goal;
use super::{Detector, Kind};
use crate::organisation::Bilingual;
use crate::verification::{Metric, MetricKind};
use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

/// What sort of thing a signal is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A topic of the taxonomy.
    #[default]
    Topic,
    /// Words that people search for.
    SearchTerm,
    /// An article of the knowledge base.
    Article,
    /// An agent.
    Agent,
    /// A channel.
    Channel,
}

impl SubjectKind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::SearchTerm => "search_term",
            Self::Article => "article",
            Self::Agent => "agent",
            Self::Channel => "channel",
        }
    }
}

/// What a signal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Subject {
    /// What sort of thing.
    pub kind: SubjectKind,
    /// Its key: topic, folded search words, article, agent, channel. Empty in signals that were
    /// stored before subjects were.
    pub key: String,
}

impl Subject {
    /// The subject of that kind and key.
    pub fn new(kind: SubjectKind, key: impl Into<String>) -> Self {
        Self {
            kind,
            key: key.into(),
        }
    }

    /// A topic.
    pub fn topic(key: impl Into<String>) -> Self {
        Self::new(SubjectKind::Topic, key)
    }
}

/// A stretch of time in the organisation's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = SignalSpan))]
pub struct TimeSpan {
    /// Its beginning, not included.
    pub from: DateTime<FixedOffset>,
    /// The voice that it ends with, included.
    pub to: DateTime<FixedOffset>,
}

impl TimeSpan {
    /// How long it is, in words.
    fn length(&self) -> (String, String) {
        let minutes = (self.to - self.from).num_minutes();
        if minutes % 60 == 0 {
            (format!("{} 小时", minutes / 60), many(minutes / 60, "hour"))
        } else {
            (format!("{minutes} 分钟"), many(minutes, "minute"))
        }
    }
}

/// One firing of a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Which detector.
    pub detector: String,
    /// Its version at that time.
    pub detector_version: i64,
    /// Its kind.
    pub kind: Kind,
    /// The day at whose close it fired; with `change_day`, the last day that was counted.
    pub window: NaiveDate,
    /// What was counted in the window: contacts, bad ratings, searches …; dissatisfied ratings
    /// for [`Kind::CsatFall`] and for an agent's ratings.
    pub count: i64,
    /// The most that was still accepted; where the rule has no number of its own, what was
    /// expected, rounded.
    pub limit: i64,
    /// What it is about.
    #[serde(default)]
    pub subject: Subject,
    /// Distinct customers among `count`, where they are counted; a voice whose customer nobody knows
    /// stands for itself. `None` with `anonymous`: none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customers: Option<i64>,
    /// Voices among `count` whose customer nobody knows; `None` where that is not counted, and in
    /// signals of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<i64>,
    /// The time that was counted, where it is not whole days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<TimeSpan>,
    /// What `count` or `level` is normally: contacts in the same span, a share, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// What it is now, where that is no count: a share, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// How many voices `level` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<i64>,
    /// The figure that was compared with `threshold`: running sum, chance, ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// The line that `statistic` crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The first day of the change, where the rule adds days up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_day: Option<NaiveDate>,
    /// The classifier (`name@version`) whose labels were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<String>,
    /// The channel whose own alarm this belongs to: everything there moved together, so the signal
    /// joins the channel's issue instead of opening one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<Subject>,
    /// The goal of the verdict that is watched, for [`Kind::GoalLost`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Worth knowing, no problem by itself: opens no issue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub information: bool,
}

impl Signal {
    /// A signal that counted towards a fixed limit.
    #[must_use]
    pub fn counted(
        detector: &Detector,
        subject: Subject,
        window: NaiveDate,
        count: i64,
        customers: Option<i64>,
    ) -> Self {
        Self {
            detector: detector.key.clone(),
            detector_version: detector.version,
            kind: detector.kind,
            window,
            count,
            limit: detector.limit().unwrap_or_default(),
            subject,
            customers,
            anonymous: None,
            span: None,
            baseline: None,
            level: None,
            sample: None,
            statistic: None,
            threshold: None,
            change_day: None,
            classifier: None,
            part_of: None,
            goal: None,
            information: false,
        }
    }

    /// The same, with the classifier named whose labels were counted.
    #[must_use]
    pub fn with_classifier(self, classifier: Option<String>) -> Self {
        Self { classifier, ..self }
    }

    /// Why it fired, for people: count, window, baseline, limit, versions.
    #[must_use]
    pub fn explanation(&self) -> Bilingual {
        let (mut zh, mut en) = self.reason();
        if let Some(channel) = &self.part_of {
            zh.push_str(&format!("；渠道「{}」整体同时变动", channel.key));
            en.push_str(&format!(
                "; the whole channel {} moved at the same time",
                channel.key
            ));
        }
        if self.detector_version == 0 {
            // It is being tried: nobody has kept it yet.
            zh.push_str(&format!("（规则 {}，尚未保存", self.detector));
            en.push_str(&format!(" (rule {}, not saved yet", self.detector));
        } else {
            zh.push_str(&format!(
                "（规则 {} 第 {} 版",
                self.detector, self.detector_version
            ));
            en.push_str(&format!(
                " (rule {} version {}",
                self.detector, self.detector_version
            ));
        }
        if let Some(classifier) = &self.classifier {
            zh.push_str(&format!("，分类器 {classifier}"));
            en.push_str(&format!(", classifier {classifier}"));
        }
        zh.push('）');
        en.push(')');
        Bilingual::new(zh, en)
    }

    /// What was counted in, in a few words, where that is not the day itself: for lines that are too short
    /// for [`Self::explanation`].
    #[must_use]
    pub fn counted_in(&self) -> Option<Bilingual> {
        if let Some(span) = self.span {
            let (zh, en) = span.length();
            let end = span.to.format("%Y-%m-%d %H:%M");
            return Some(Bilingual::new(
                format!("截至 {end} 的 {zh}内"),
                format!("in the {en} up to {end}"),
            ));
        }
        let first = self.change_day.filter(|first| *first < self.window)?;
        let days = (self.window - first).num_days() + 1;
        Some(Bilingual::new(
            format!("截至 {} 的 {days} 天内", self.window),
            format!("in the {days} days to {}", self.window),
        ))
    }

    fn reason(&self) -> (String, String) {
        let (day, count, limit) = (self.window, self.count, self.limit);
        let (who_zh, who_en) = self.people();
        let (span_zh, span_en) = self.span();
        match self.kind {
            Kind::Threshold => (
                format!("{span_zh}{count} 次联系{who_zh}，超过上限 {limit} 次"),
                format!(
                    "{}{who_en} {span_en}, above the limit of {limit}",
                    contacts(count)
                ),
            ),
            Kind::Spike => self.rise(),
            Kind::CsatFall => self.fall(),
            Kind::Risk => (
                format!("{span_zh}{count} 条风险声音{who_zh}，超过上限 {limit} 条"),
                format!(
                    "{} with a risk{who_en} {span_en}, above the limit of {limit}",
                    many(count, "voice")
                ),
            ),
            Kind::LowRating => (
                format!("{span_zh}{count} 条低分评价{who_zh}，超过上限 {limit} 条"),
                format!(
                    "{}{who_en} {span_en}, above the limit of {limit}",
                    many(count, "bad rating")
                ),
            ),
            Kind::Phrase => (
                format!("{span_zh}{count} 条声音提到关注的话{who_zh}，超过上限 {limit} 条"),
                format!(
                    "{} with a watched phrase{who_en} {span_en}, above the limit of {limit}",
                    many(count, "voice")
                ),
            ),
            Kind::NoResultSearch => {
                let (zh, en) = self.span();
                let of = self.sample.map_or_else(Default::default, |n| {
                    (format!("（共 {n} 次）"), format!(" of {n}"))
                });
                (
                    format!(
                        "{zh}搜索「{}」{count} 次没有结果{}{who_zh}，超过上限 {limit} 次",
                        self.subject.key, of.0
                    ),
                    format!(
                        "{count}{} searches for \"{}\"{who_en} found nothing {en}, above the limit of {limit}",
                        of.1, self.subject.key
                    ),
                )
            }
            Kind::UnhelpfulArticle => {
                let (zh, en) = self.span();
                let votes = self.sample.unwrap_or(count);
                let against = self.customers.unwrap_or(count);
                // Votes of one customer count once; who looks at the figures sees more of them.
                let once = if against < count {
                    ("，同一客户只计一次", ", each customer counted once")
                } else {
                    ("", "")
                };
                let (is, line) = (percent(self.level), percent(self.threshold));
                (
                    format!(
                        "{zh}{votes} 次投票中 {against} 次认为没有帮助（{is}{}），超过上限 {line}",
                        once.0
                    ),
                    format!(
                        "{against} of {} {en} say not helpful ({is}{}), above the limit of {line}",
                        many(votes, "vote"),
                        once.1
                    ),
                )
            }
            Kind::AgentDrift => self.drift(),
            Kind::GoalLost => self.lost(),
            Kind::SilentSource if self.span.is_some() => (
                format!(
                    "{span_zh}只收到 {count} 条，往常同一时段约 {} 条；正常情况下这么少的机会不到 {}",
                    number(self.baseline),
                    chance(self.threshold)
                ),
                format!(
                    "only {} {span_en}, usually at that hour about {}; so few are less likely than {} when all is well",
                    many(count, "voice"),
                    number(self.baseline),
                    chance(self.threshold)
                ),
            ),
            Kind::SilentSource => (
                format!(
                    "{day} 只收到 {count} 条，往常约 {} 条；正常情况下这么少的机会不到 {}",
                    number(self.baseline),
                    chance(self.threshold)
                ),
                format!(
                    "only {} on {day}, usually about {}; so few are less likely than {} when all is well",
                    many(count, "voice"),
                    number(self.baseline),
                    chance(self.threshold)
                ),
            ),
            Kind::NewTopic => {
                let (zh, en) = self.span();
                (
                    format!("{zh}出现 {count} 次联系{who_zh}，此前没有；达到 {limit} 次即提醒"),
                    format!(
                        "{}{who_en} {en} and none before; from {limit} on it is said",
                        contacts(count)
                    ),
                )
            }
        }
    }

    /// A goal that is lost again.
    fn lost(&self) -> (String, String) {
        let Some(Goal { metric, before }) = self.goal else {
            return (String::new(), String::new());
        };
        let (span_zh, span_en) = self.span();
        let (name, unit) = (metric.names(), metric.unit());
        let [is, after, before] =
            [self.level, self.baseline, Some(before)].map(|level| figure(metric, level));
        let n = self.sample.unwrap_or(self.count);
        let (s, h) = (number(self.statistic), number(self.threshold));
        (
            format!(
                "{}{} {}（{n} {}），修复后为 {}，修复前为 {}；累积证据 {s}，超过警戒线 {h}",
                span_zh.trim_end(),
                name.zh,
                is.zh,
                unit.zh,
                after.zh,
                before.zh
            ),
            format!(
                "{} {} {span_en} ({n} {}), {} after the fix and {} before the fix; the evidence adds up to {s}, above the line of {h}",
                name.en, is.en, unit.en, after.en, before.en
            ),
        )
    }

    /// A rise of contacts, on one day or added up.
    fn rise(&self) -> (String, String) {
        let (count, usual) = (self.count, number(self.baseline));
        let (who_zh, who_en) = self.people();
        let (span_zh, span_en) = self.span();
        if self.information {
            return (
                format!("{span_zh}{count} 次联系，往常约 {usual} 次：明显减少，请检查渠道是否正常"),
                format!(
                    "{} {span_en}, usually about {usual}: clearly fewer, is the channel in order?",
                    contacts(count)
                ),
            );
        }
        if self.change_day.is_some() {
            let (s, h) = (number(self.statistic), number(self.threshold));
            return (
                format!(
                    "{span_zh}共 {count} 次联系{who_zh}，往常约 {usual} 次；累积证据 {s}，超过警戒线 {h}"
                ),
                format!(
                    "{}{who_en} {span_en}, usually about {usual}; the evidence adds up to {s}, above the line of {h}",
                    contacts(count)
                ),
            );
        }
        let (limit, p) = (self.limit, chance(self.threshold));
        (
            format!(
                "{span_zh}{count} 次联系{who_zh}，往常约 {usual} 次；超过 {limit} 次在正常情况下的机会不到 {p}"
            ),
            format!(
                "{}{who_en} {span_en}, usually about {usual}; more than {limit} are less likely than {p} when all is well",
                contacts(count)
            ),
        )
    }

    /// A fall of satisfaction.
    fn fall(&self) -> (String, String) {
        let (span_zh, span_en) = self.span();
        let span_zh = span_zh.trim_end();
        let (is, was, n) = (
            percent(self.level),
            percent(self.baseline),
            self.sample.unwrap_or(self.count),
        );
        let (s, h) = (number(self.statistic), number(self.threshold));
        (
            format!(
                "{span_zh}满意度 {is}（{n} 条评分，{} 条不满意），往常 {was}；累积证据 {s}，超过警戒线 {h}",
                self.count
            ),
            format!(
                "satisfaction {is} {span_en} ({}, {} dissatisfied), usually {was}; the evidence adds up to {s}, above the line of {h}",
                many(n, "rating"),
                self.count
            ),
        )
    }

    /// An agent's handling time or ratings.
    fn drift(&self) -> (String, String) {
        let (span_zh, span_en) = self.span();
        let span_zh = span_zh.trim_end();
        let (s, h) = (number(self.statistic), number(self.threshold));
        let n = self.sample.unwrap_or(self.count);
        // A level above 1 is seconds, a share never is.
        if self.level.is_some_and(|l| l > 1.0) {
            let (is, was) = (number(self.level), number(self.baseline));
            return (
                format!(
                    "{span_zh}处理时长典型值 {is} 秒（{n} 次），本人往常 {was} 秒；比值 {s}，超过上限 {h}"
                ),
                format!(
                    "typical handling time {is} s {span_en} ({}), usually {was} s for this agent; ratio {s}, above the limit of {h}",
                    contacts(n)
                ),
            );
        }
        let (is, was) = (percent(self.level), percent(self.baseline));
        (
            format!("{span_zh}满意度连续 {s} 周下降，从 {was} 到 {is}（最近一周 {n} 条评分）"),
            format!(
                "satisfaction fell {s} weeks in a row {span_en}, from {was} to {is} ({} in the last week)",
                many(n, "rating")
            ),
        )
    }

    /// The days, or the hours, that were counted.
    fn span(&self) -> (String, String) {
        let day = self.window;
        if let Some(TimeSpan { from, to }) = self.span {
            let (zh, en) = TimeSpan { from, to }.length();
            let start = from.format("%Y-%m-%d %H:%M");
            let end = if from.date_naive() == to.date_naive() {
                to.format("%H:%M")
            } else {
                to.format("%Y-%m-%d %H:%M")
            };
            return (
                format!("{start} 至 {end}（{zh}内）"),
                format!("from {start} to {end} ({en})"),
            );
        }
        match self.change_day {
            Some(first) if first < day => {
                let days = (day - first).num_days() + 1;
                (
                    format!("{first} 至 {day}（{days} 天）"),
                    format!("from {first} to {day} ({days} days)"),
                )
            }
            _ => (format!("{day} 当天 "), format!("on {day}")),
        }
    }

    /// Who stands behind the count: known customers, and voices of nobody beside them.
    fn people(&self) -> (String, String) {
        let known = self.customers.zip(self.anonymous).map(|(c, a)| c - a);
        // Facts know customers by day: over several days the same one counts on each.
        let (by_day_zh, by_day_en) = match (self.kind, self.change_day) {
            (Kind::Spike | Kind::NewTopic, Some(first)) if first < self.window => {
                ("逐日合计 ", ", counted day by day")
            }
            _ => ("", ""),
        };
        match (self.customers, self.anonymous) {
            // Of an earlier version: it does not know how many of them are known.
            (Some(n), None) => (
                format!("（{n} 位客户，匿名联系各计一位）"),
                format!(
                    " by {}, anonymous ones counted one by one",
                    many(n, "customer")
                ),
            ),
            (_, Some(a)) if a > 0 => match known.filter(|k| *k > 0) {
                Some(known) => (
                    format!("（{by_day_zh}{known} 位可识别客户，另有 {a} 条匿名）"),
                    format!(
                        " ({}{by_day_en}, and {a} anonymous)",
                        many(known, "known customer")
                    ),
                ),
                None => (
                    "（均为匿名，无法区分客户）".to_owned(),
                    " (all anonymous: customers cannot be told apart)".to_owned(),
                ),
            },
            (Some(n), _) => (
                format!("（{by_day_zh}{n} 位客户）"),
                format!(" by {}{by_day_en}", many(n, "distinct customer")),
            ),
            (None, _) => (String::new(), String::new()),
        }
    }
}

/// A number of things in English.
fn many(n: i64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn contacts(n: i64) -> String {
    many(n, "contact")
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(v) if v.abs() >= 99.95 => format!("{v:.0}"),
        Some(v) => {
            let text = format!("{v:.1}");
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
    }
}

/// A level of a metric with its unit.
fn figure(metric: Metric, level: Option<f64>) -> Bilingual {
    let same = |text: String| Bilingual::new(text.clone(), text);
    match metric.kind() {
        MetricKind::Share => same(percent(level)),
        MetricKind::LogMean => {
            let seconds = number(level);
            Bilingual::new(format!("{seconds} 秒"), format!("{seconds} s"))
        }
        MetricKind::Mean => same(level.map_or_else(|| "–".to_owned(), |l| format!("{l:.2}"))),
        MetricKind::Rate => same(number(level)),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |s| format!("{:.0}%", s * 100.0))
}

fn chance(p: Option<f64>) -> String {
    match p {
        Some(p) if p > 0.0 => format!("1/{:.0}", (1.0 / p).min(1e12)),
        _ => "–".to_owned(),
    }
}
