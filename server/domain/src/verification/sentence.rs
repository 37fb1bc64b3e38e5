//! One sentence for people. It names levels, change and range, what the other topics did, and how
//! often chance alone would look like this — never "the probability that it worked".

use super::{Chance, Control, Effect, Metric, MetricKind, Sentence, Trend, peers};
use crate::detection::SubjectKind;
use chrono::{Datelike, NaiveDate};

/// Kinds of streams that the error rate was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Nothing else happens: steady, after a bad week, weekends, slow noise.
    Plain,
    /// The mix of channels moves.
    MixMoved,
    /// All topics move together, or drift.
    AllMoved,
    /// This topic was on its way before the fix.
    Drifting,
    /// A share or mean without comparison with other topics.
    Alone,
    /// Contacts against other topics.
    Rate,
    /// The same where all topics moved.
    RateAllMoved,
    /// Contacts without comparison with other topics.
    RateAlone,
}

impl Family {
    /// The name in results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::MixMoved => "mix_moved",
            Self::AllMoved => "all_moved",
            Self::Drifting => "drifting",
            Self::Alone => "not_compared",
            Self::Rate => "volume",
            Self::RateAllMoved => "volume_all_moved",
            Self::RateAlone => "volume_not_compared",
        }
    }
}

/// Paces that were measured: answers a day.
const PACES: [f64; 4] = [6.0, 20.0, 60.0, 200.0];
/// The same for the number of contacts.
const CONTACTS: [f64; 3] = [30.0, 100.0, 300.0];

/// Share of `improved` among streams without an effect in per cent, rounded up and at least 1, by metric, family (plain,
/// mix moved, all moved, drifting, alone) and pace: the worst scenario of each family, of 400 streams
/// each and more (± 0.9 at 3 %). `--example chance` prints them; `chance.csv` is what it printed, with the lines of
/// `verdicts -- table` for satisfaction and contacts, and a test holds these figures to it. What is not
/// compared with other topics errs most where slow noise meets nobody who knows how usual it is.
const MEASURED: [(Metric, [[u8; 4]; 5]); 9] = [
    (
        Metric::Csat,
        [
            [3, 3, 4, 3],
            [2, 3, 2, 2],
            [3, 3, 4, 2],
            [5, 4, 1, 1],
            [3, 2, 3, 4],
        ],
    ),
    (
        Metric::MeanRating,
        [
            [4, 3, 3, 3],
            [1, 3, 3, 1],
            [3, 2, 3, 1],
            [3, 4, 1, 1],
            [2, 3, 3, 3],
        ],
    ),
    (
        Metric::Fcr,
        [
            [3, 2, 3, 3],
            [2, 2, 3, 1],
            [4, 3, 3, 2],
            [4, 2, 2, 1],
            [2, 3, 4, 4],
        ],
    ),
    (
        Metric::RepeatShare,
        [
            [2, 3, 5, 2],
            [1, 3, 1, 3],
            [2, 2, 3, 2],
            [2, 4, 1, 1],
            [2, 3, 2, 3],
        ],
    ),
    (
        Metric::NoResultShare,
        [
            [2, 3, 3, 3],
            [1, 1, 2, 1],
            [3, 3, 2, 1],
            [3, 2, 1, 1],
            [2, 2, 3, 3],
        ],
    ),
    (
        Metric::NegativeShare,
        [
            [3, 2, 3, 2],
            [2, 1, 1, 3],
            [3, 3, 2, 4],
            [5, 2, 1, 1],
            [5, 2, 5, 5],
        ],
    ),
    (
        Metric::Containment,
        [
            [3, 4, 4, 3],
            [1, 2, 2, 3],
            [3, 3, 3, 4],
            [5, 3, 3, 1],
            [2, 4, 5, 4],
        ],
    ),
    (
        Metric::HelpfulShare,
        [
            [3, 3, 2, 2],
            [2, 1, 2, 1],
            [2, 3, 2, 2],
            [5, 1, 1, 1],
            [3, 2, 4, 5],
        ],
    ),
    (
        Metric::Aht,
        [
            [2, 3, 2, 2],
            [1, 2, 2, 2],
            [2, 2, 3, 3],
            [4, 4, 3, 1],
            [3, 4, 2, 2],
        ],
    ),
];
/// The same of the number of contacts: plain, all moved, alone.
const MEASURED_VOLUME: [[u8; 3]; 3] = [[4, 4, 3], [3, 3, 3], [4, 5, 4]];

/// The measured chance of `improved` without an effect, for the streams nearest to this case.
#[must_use]
pub fn chance(metric: Metric, family: Family, per_day: f64) -> Chance {
    let (paces, shares): (&[f64], &[u8]) = match family {
        Family::Rate => (&CONTACTS, &MEASURED_VOLUME[0]),
        Family::RateAllMoved => (&CONTACTS, &MEASURED_VOLUME[1]),
        Family::RateAlone => (&CONTACTS, &MEASURED_VOLUME[2]),
        Family::Plain | Family::MixMoved | Family::AllMoved | Family::Drifting | Family::Alone => {
            let of_metric = MEASURED.iter().find(|(m, _)| *m == metric);
            let row = match family {
                Family::MixMoved => 1,
                Family::AllMoved => 2,
                Family::Drifting => 3,
                Family::Alone => 4,
                _ => 0,
            };
            (&PACES, of_metric.map_or(&[][..], |(_, rows)| &rows[row]))
        }
    };
    let distance = |pace: f64| (per_day.max(0.1) / pace).ln().abs();
    let nearest = paces
        .iter()
        .zip(shares)
        .min_by(|a, b| distance(*a.0).total_cmp(&distance(*b.0)));
    Chance {
        share: nearest.map_or(0.0, |(_, share)| f64::from(*share) / 100.0),
        family: family.as_str().to_owned(),
        per_day: nearest.map_or(0.0, |(pace, _)| *pace),
        of_metric: nearest.is_some(),
    }
}

/// A metric that must not become worse and did.
#[derive(Clone, Copy, Debug)]
pub struct Fallen {
    /// The metric.
    pub metric: Metric,
    /// Its change and range: of the day of the decision where `weakened` is given.
    pub effect: Effect,
    /// The day of the decision and the effect by now, where the interval includes no change by now.
    pub weakened: Option<(NaiveDate, Effect)>,
}

/// The figures of a sentence.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// Metric.
    pub metric: Metric,
    /// The name of what is judged.
    pub topic: &'a Sentence,
    /// What sort of thing that is: it is compared with others of its kind.
    pub kind: SubjectKind,
    /// Level before, at the common mix.
    pub before: f64,
    /// Level after, at the common mix.
    pub after: f64,
    /// Change and range.
    pub effect: Effect,
    /// The day of the decision, where levels and effect are of that day because the interval
    /// includes no change by now; and the effect by now.
    pub weakened: Option<(NaiveDate, Effect)>,
    /// What it was compared with.
    pub control: &'a Control,
    /// How often chance alone looks like this.
    pub chance: &'a Chance,
    /// Answers after the fix.
    pub answers: i64,
    /// Smallest change worth while.
    pub smallest: f64,
    /// Horizon in days.
    pub horizon: u32,
    /// The date of the fix was given afterwards.
    pub edited_afterwards: bool,
    /// Other tasks whose fix cannot be told from this one.
    pub together: usize,
    /// The topic was getting better before the fix already.
    pub trend: Option<Trend>,
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A signed number with a true minus sign; no sign for zero.
fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    if text.chars().all(|c| matches!(c, '0' | '.')) {
        "0".to_owned()
    } else if value > 0.0 {
        format!("+{text}")
    } else {
        format!("−{text}")
    }
}

/// A change in the metric's unit, without the unit where a range follows: `+14`, `+0.21`, `−12%`.
fn change(metric: Metric, value: f64) -> String {
    match metric.kind() {
        MetricKind::Share => signed(value * 100.0, 0),
        MetricKind::Mean => signed(value, 2),
        MetricKind::LogMean | MetricKind::Rate => {
            let text = signed(value * 100.0, 0);
            if text == "0" {
                "0%".to_owned()
            } else {
                format!("{text}%")
            }
        }
    }
}

/// The unit of a change.
const fn unit(metric: Metric) -> (&'static str, &'static str) {
    match metric.kind() {
        MetricKind::Share => (" 个百分点", " points"),
        MetricKind::Mean => (" 分", " stars"),
        MetricKind::LogMean | MetricKind::Rate => ("", ""),
    }
}

/// The size of a change with its unit.
fn size(metric: Metric, value: f64) -> (String, String) {
    let (zh, en) = unit(metric);
    let text = match metric.kind() {
        MetricKind::Share => format!("{:.0}", value.abs() * 100.0),
        MetricKind::Mean => format!("{:.2}", value.abs()),
        MetricKind::LogMean | MetricKind::Rate => format!("{:.0}%", value.abs() * 100.0),
    };
    let en = if text == "1" { " point" } else { en };
    (format!("{text}{zh}"), format!("{text}{en}"))
}

/// A level in the metric's unit: `78%`, `4.12`, `320 s`, or contacts per day.
fn level(metric: Metric, value: f64) -> (String, String) {
    let same = |text: String| (text.clone(), text);
    match metric.kind() {
        MetricKind::Share => same(percent(value)),
        MetricKind::Mean => same(format!("{value:.2}")),
        MetricKind::LogMean => (format!("{value:.0} 秒"), format!("{value:.0} s")),
        MetricKind::Rate if value < 10.0 => (format!("{value:.1} 次"), format!("{value:.1}")),
        MetricKind::Rate => (format!("{value:.0} 次"), format!("{value:.0}")),
    }
}

/// The metric of a topic, for the middle of an English sentence.
fn subject(metric: Metric, topic: &str) -> String {
    match metric {
        Metric::Csat => format!("satisfaction with {topic}"),
        Metric::Volume => format!("the number of contacts about {topic}"),
        other => format!("{} for {topic}", other.names().en),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// With a space where a Chinese word follows a number or a sign.
fn spaced(level: &str) -> String {
    let gap = if level.ends_with(|c: char| c.is_ascii()) {
        " "
    } else {
        ""
    };
    format!("{level}{gap}")
}

impl Figures<'_> {
    /// Levels with the words around them: 「从每天 50 次」.
    fn levels(&self) -> (Sentence, Sentence) {
        let text = |value: f64| {
            let (zh, en) = level(self.metric, value);
            Sentence { zh, en }
        };
        (text(self.before), text(self.after))
    }

    /// The metric and the topic that a sentence is about: 「套餐资费争议的满意度」.
    fn about(&self) -> Sentence {
        about(self.metric, self.topic)
    }

    /// What was taken off the topic's own change for what all topics did.
    fn taken_off(&self) -> f64 {
        match self.metric.kind() {
            MetricKind::Share | MetricKind::Mean => self.after - self.before - self.effect.value,
            MetricKind::LogMean | MetricKind::Rate => {
                self.after / self.before.max(1e-12) / (1.0 + self.effect.value).max(1e-12) - 1.0
            }
        }
    }

    const fn per_day(&self) -> (&'static str, &'static str) {
        match self.metric.kind() {
            MetricKind::Rate => ("每天 ", " a day"),
            _ => (" ", ""),
        }
    }

    /// What the reader must know beside the numbers.
    fn noted(&self, text: Sentence) -> Sentence {
        let Sentence { mut zh, mut en } = with_others(text, self.together);
        if let Some(trend) = self.trend {
            let (a, b) = size(
                self.metric,
                super::evaluate::in_unit(self.metric, trend.slope_per_week),
            );
            zh.push_str(&format!(
                "（修复之前就在以每周约 {a}的速度好转，已经扣除。）"
            ));
            en.push_str(&format!(
                " (It was getting better by about {b} a week before the fix; that is taken off.)"
            ));
        }
        if self.edited_afterwards {
            zh.push_str("（上线日期是事后填写的。）");
            en.push_str(" (The date of the fix was given afterwards.)");
        }
        Sentence { zh, en }
    }

    fn range(&self) -> (String, String) {
        range_of(self.metric, &self.effect)
    }

    /// 已验证有效.
    #[must_use]
    pub fn improved(&self) -> Sentence {
        let (before, after) = self.levels();
        let (unit_zh, unit_en) = unit(self.metric);
        let moved = change(self.metric, self.effect.value);
        let (range_zh, range_en) = self.range();
        let Sentence { zh, en } = self.topic;
        let chance = percent(self.chance.share);
        let rises = self.after >= self.before;
        let (up_zh, up_en) = if rises {
            ("升到", "rose")
        } else {
            ("降到", "fell")
        };
        let (day_zh, day_en) = self.per_day();
        let (peers_zh, peers_en) = peers(self.kind);
        let (net_zh, net_en) = match self.control {
            Control::None { .. } => ("", String::new()),
            Control::OtherTopics { .. } => (
                "扣除同期变化后 ",
                format!("net of what all {peers_en} did: "),
            ),
        };
        let (others_zh, others_en, if_zh, if_en) = match self.control {
            Control::None { .. } => (
                format!("未与其他{peers_zh}比较"),
                format!("not compared with other {peers_en}"),
                "、别的也没有变",
                " and nothing else changed",
            ),
            Control::OtherTopics { effect, .. } => {
                let moved = change(self.metric, *effect);
                let taken = change(self.metric, self.taken_off());
                (
                    format!("同期其他{peers_zh}变化 {moved}，从中扣除了 {taken}"),
                    format!(
                        "meanwhile the other {peers_en} moved {moved}, for which {taken} was taken off"
                    ),
                    "",
                    "",
                )
            }
        };
        let name = self.metric.names().zh;
        let (now_zh, now_en) = by_now(self.metric, self.weakened.as_ref());
        self.noted(Sentence {
            zh: format!(
                "修复后，{zh}的{name}从{day_zh}{}{up_zh} {}（{net_zh}{moved}{unit_zh}，可信范围 {range_zh}）{now_zh}；{others_zh}；如果修复其实没有用{if_zh}，出现这种结果的机会约 {chance}。",
                spaced(&before.zh), after.zh,
            ),
            en: format!(
                "After the fix, {} {up_en} from {} to {}{day_en} ({net_en}{moved}{unit_en}, plausible range {range_en}){now_en}; {others_en}; if the fix did nothing{if_en}, a result like this would turn up about {chance} of the time.",
                subject(self.metric, en), before.en, after.en,
            ),
        })
    }

    /// 已恢复（原因未证实）.
    #[must_use]
    pub fn recovered(&self) -> Sentence {
        let (before, after) = self.levels();
        let Sentence { zh, en } = self.topic;
        let (day_zh, day_en) = self.per_day();
        let name = self.metric.names().zh;
        self.noted(Sentence {
            zh: format!("{zh}的{name}已从问题期间的{day_zh}{}回到 {}，和平时一样；这可能是修复的功劳，也可能是问题自己消失了。", spaced(&before.zh), after.zh),
            en: format!("{} is back from {} to {}{day_en}, its usual level; the fix may be the reason, or the problem may have passed by itself.", capital(&subject(self.metric, en)), before.en, after.en),
        })
    }

    /// 未见效果; `possibly_worse` when a worsening worth while cannot be excluded either.
    #[must_use]
    pub fn no_effect(&self, possibly_worse: bool) -> Sentence {
        let (size_zh, size_en) = size(self.metric, self.smallest);
        let n = self.answers;
        let (unit, about) = (self.metric.unit(), self.about());
        let (mut zh, mut en) = (
            format!(
                "{}：修复后看了 {n} {}，就算有改善也不到 {size_zh}。",
                about.zh, unit.zh
            ),
            format!(
                "{}: after {n} {}, any improvement is smaller than {size_en}.",
                capital(&about.en),
                unit.en
            ),
        );
        if possibly_worse {
            zh.push_str("也可能变差了。");
            en.push_str(" It may even have become worse.");
        }
        self.noted(Sentence { zh, en })
    }

    /// 变差.
    #[must_use]
    pub fn worse(&self) -> Sentence {
        let (range_zh, range_en) = self.range();
        let (size_zh, size_en) = size(self.metric, self.effect.value);
        let falls = self.effect.value < 0.0;
        let (verb_zh, verb_en) = if falls {
            ("下降", "fell")
        } else {
            ("上升", "rose")
        };
        let about = self.about();
        let (now_zh, now_en) = by_now(self.metric, self.weakened.as_ref());
        self.noted(Sentence {
            zh: format!(
                "修复后，{}{verb_zh} {size_zh}（范围 {range_zh}）{now_zh}，任务已重新打开。",
                about.zh
            ),
            en: format!(
                "After the fix {} {verb_en} by {size_en} (range {range_en}){now_en}; the task is reopened.",
                about.en
            ),
        })
    }

    /// 变差, by a metric that must not become worse.
    #[must_use]
    pub fn guard_worse(&self, guard: &Fallen) -> Sentence {
        let effect = guard.effect;
        let (now_zh, now_en) = by_now(guard.metric, guard.weakened.as_ref());
        let (range_zh, range_en) = range_of(guard.metric, &effect);
        let (size_zh, size_en) = size(guard.metric, effect.value);
        let (verb_zh, verb_en) = if effect.value < 0.0 {
            ("下降", "fell")
        } else {
            ("上升", "rose")
        };
        let (own, about) = (self.about(), about(guard.metric, self.topic));
        // The goal itself is not hidden behind the guard.
        let moved = change(self.metric, self.effect.value);
        let (goal_zh, goal_en) = self.range();
        let (unit_zh, unit_en) = unit(self.metric);
        self.noted(Sentence {
            zh: format!("{}：修复后，不允许变差的指标变差了：{}{verb_zh} {size_zh}（范围 {range_zh}）{now_zh}，任务已重新打开。目标本身的变化是 {moved}{unit_zh}（范围 {goal_zh}）。", own.zh, about.zh),
            en: format!("{}: a metric that must not become worse did: {} {verb_en} by {size_en} (range {range_en}){now_en}; the task is reopened. The goal itself changed by {moved}{unit_en} (range {goal_en}).", capital(&own.en), about.en),
        })
    }

    /// 证据不足.
    #[must_use]
    pub fn inconclusive(&self) -> Sentence {
        let (low, high) = (
            change(self.metric, self.effect.low),
            change(self.metric, self.effect.high),
        );
        let (unit_zh, unit_en) = unit(self.metric);
        let (days, about) = (self.horizon, self.about());
        self.noted(Sentence {
            zh: format!("{}：{days} 天内的数据不足以下结论（变化在 {low} 到 {high}{unit_zh}之间）。", about.zh),
            en: format!("{}: {days} days were not enough to tell (the change is between {low} and {high}{unit_en}).", capital(&about.en)),
        })
    }
}

/// A metric of a topic, for the middle of a sentence.
fn about(metric: Metric, topic: &Sentence) -> Sentence {
    Sentence {
        zh: format!("{}的{}", topic.zh, metric.names().zh),
        en: subject(metric, &topic.en),
    }
}

/// A sentence that stands for a whole result, with what it is about.
#[must_use]
pub fn of_topic(metric: Metric, topic: &Sentence, text: &Sentence) -> Sentence {
    let about = about(metric, topic);
    Sentence {
        zh: format!("{}：{}", about.zh, text.zh),
        en: format!("{}: {}", capital(&about.en), text.en),
    }
}

/// With the number of other tasks whose fix cannot be told from this one, where there are any.
pub(super) fn with_others(mut text: Sentence, others: usize) -> Sentence {
    if others > 0 {
        let measures = if others == 1 { "measure" } else { "measures" };
        text.zh
            .push_str(&format!("（与另外 {others} 项任务的措施一起判断。）"));
        text.en.push_str(&format!(
            " (Judged together with {others} other {measures}.)"
        ));
    }
    text
}

/// A range in the metric's unit.
fn range_of(metric: Metric, effect: &Effect) -> (String, String) {
    let (low, high) = (change(metric, effect.low), change(metric, effect.high));
    (format!("{low}~{high}"), format!("{low} to {high}"))
}

/// When the figures are of, and what became of them; empty where they are today's.
fn by_now(metric: Metric, weakened: Option<&(NaiveDate, Effect)>) -> (String, String) {
    let Some((day, now)) = weakened else {
        return (String::new(), String::new());
    };
    let moved = change(metric, now.value);
    let (range_zh, range_en) = range_of(metric, now);
    (
        format!(
            "（{} 月 {} 日下结论时；到现在为 {moved}，范围 {range_zh}）",
            day.month(),
            day.day()
        ),
        format!(
            " (as decided on {}; by now {moved}, range {range_en})",
            day.format("%-d %B")
        ),
    )
}

/// 数据还不够: how many more answers, how long at `per_day`, whether the `left` days of the horizon are
/// enough for that, and the chance to miss a change just worth while.
#[must_use]
pub fn waiting(
    metric: Metric,
    answers: i64,
    per_day: f64,
    smallest: f64,
    (horizon, left): (u32, i64),
    miss: Option<f64>,
) -> Sentence {
    let (gain_zh, gain_en) = size(metric, smallest);
    let unit = metric.unit();
    let mut zh = format!("还差约 {answers} {}", unit.zh);
    let mut en = format!("About {answers} more {} are needed", unit.en);
    if per_day > 0.0 {
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
        let days = (answers as f64 / per_day).ceil().max(1.0);
        zh.push_str(&format!(
            "，按每天 {per_day:.0} {}大约 {days:.0} 天",
            unit.zh
        ));
        en.push_str(&format!(", {days:.0} days at {per_day:.0} a day"));
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        if days > left.max(0) as f64 {
            let left = left.max(0);
            zh.push_str(&format!(
                "，而 {horizon} 天的观察期只剩 {left} 天，到期时很可能还不能下结论"
            ));
            en.push_str(&format!(", but only {left} of the {horizon} days are left: most likely nothing can be concluded by then"));
        }
    }
    if let Some(miss) = miss {
        let miss = (miss * 100.0).round();
        zh.push_str(&format!(
            "；若真实改善只有 {gain_zh}，{horizon} 天内约有 {miss}% 的机会看不出来"
        ));
        en.push_str(&format!("; if the true gain is only {gain_en}, there is about a {miss}% chance we will not see it within {horizon} days"));
    }
    Sentence {
        zh: format!("{zh}。"),
        en: format!("{en}."),
    }
}
