//! One sentence for people. It names levels, change and range, and how often chance alone would
//! look like this — never "the probability that it worked".

use super::{Effect, Metric, Sentence};

/// Chance of `improved` on CSAT where nothing was improved, as measured and rounded up: the worst of
/// six kinds of streams without an effect (one of them a dip that heals by itself) at 6, 20 and 60
/// ratings a day, one look at the horizon, no control series. `cargo run -p domain --release
/// --example chance` prints 0.0–2.4 %, with slow noise of the topic itself 3.8 % (2,000 streams
/// each, so ± 0.4).
pub const CHANCE_CSAT: f64 = 0.04;

/// The same for contact volumes: 0.1–2.2 %, with slow noise 8.0 % (30, 100 and 300 contacts a day).
pub const CHANCE_VOLUME: f64 = 0.09;

/// The figures of a sentence.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// Metric.
    pub metric: Metric,
    /// The topic's name.
    pub topic: &'a Sentence,
    /// Level before, at the common mix.
    pub before: f64,
    /// Level after, at the common mix.
    pub after: f64,
    /// Change and range.
    pub effect: Effect,
    /// Answers after the fix.
    pub answers: i64,
    /// Smallest change worth while.
    pub smallest: f64,
    /// Horizon in days.
    pub horizon: u32,
    /// The date of the fix was given afterwards.
    pub edited_afterwards: bool,
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A signed whole number with a true minus sign; no sign for zero.
fn signed(value: f64) -> String {
    let rounded = value.round();
    if rounded > 0.0 {
        format!("+{rounded:.0}")
    } else if rounded < 0.0 {
        format!("−{:.0}", -rounded)
    } else {
        "0".to_owned()
    }
}

fn points(share: f64) -> String {
    signed(share * 100.0)
}

/// A level in the metric's unit: `78%`, or contacts per day.
fn level(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Csat
        | Metric::MeanRating
        | Metric::Fcr
        | Metric::RepeatShare
        | Metric::NoResultShare
        | Metric::NegativeShare
        | Metric::Containment
        | Metric::Aht => percent(value),
        Metric::Volume if value < 10.0 => format!("{value:.1}"),
        Metric::Volume => format!("{value:.0}"),
    }
}

impl Figures<'_> {
    fn dated(&self, text: Sentence) -> Sentence {
        if !self.edited_afterwards {
            return text;
        }
        Sentence {
            zh: format!("{}（上线日期是事后填写的。）", text.zh),
            en: format!("{} (The date of the fix was given afterwards.)", text.en),
        }
    }

    fn levels(&self) -> (String, String) {
        (
            level(self.metric, self.before),
            level(self.metric, self.after),
        )
    }

    /// 已验证有效.
    #[must_use]
    pub fn improved(&self) -> Sentence {
        let (before, after) = self.levels();
        let (change, low, high) = (
            points(self.effect.value),
            points(self.effect.low),
            points(self.effect.high),
        );
        let Sentence { zh, en } = self.topic;
        self.dated(match self.metric {
            Metric::Csat | Metric::MeanRating | Metric::Fcr | Metric::RepeatShare | Metric::NoResultShare | Metric::NegativeShare | Metric::Containment | Metric::Aht => Sentence {
                zh: format!(
                    "修复后，{zh}的满意度从 {before} 升到 {after}（{change} 个百分点，可信范围 {low}~{high}）；未与其他主题比较；如果修复其实没有用、别的也没有变，出现这种结果的机会约 {}。",
                    percent(CHANCE_CSAT)
                ),
                en: format!(
                    "After the fix, satisfaction with {en} rose from {before} to {after} ({change} points, plausible range {low} to {high}); not compared with other topics; if the fix did nothing and nothing else changed, a result like this would turn up about {} of the time.",
                    percent(CHANCE_CSAT)
                ),
            },
            Metric::Volume => Sentence {
                zh: format!(
                    "修复后，{zh}的联系量从每天 {before} 次降到 {after} 次（{change}%，可信范围 {low}%~{high}%）；未与其他主题比较；如果修复其实没有用、别的也没有变，出现这种结果的机会约 {}。",
                    percent(CHANCE_VOLUME)
                ),
                en: format!(
                    "After the fix, contacts about {en} fell from {before} to {after} a day ({change}%, plausible range {low}% to {high}%); not compared with other topics; if the fix did nothing and nothing else changed, a result like this would turn up about {} of the time.",
                    percent(CHANCE_VOLUME)
                ),
            },
        })
    }

    /// 已恢复（原因未证实）.
    #[must_use]
    pub fn recovered(&self) -> Sentence {
        let (before, after) = self.levels();
        let Sentence { zh, en } = self.topic;
        self.dated(match self.metric {
            Metric::Csat | Metric::MeanRating | Metric::Fcr | Metric::RepeatShare | Metric::NoResultShare | Metric::NegativeShare | Metric::Containment | Metric::Aht => Sentence {
                zh: format!("{zh}已从问题期间的 {before} 回到 {after}，和平时一样；这可能是修复的功劳，也可能是问题自己消失了。"),
                en: format!("{en} is back from {before} to {after}, its usual level; the fix may be the reason, or the problem may have passed by itself."),
            },
            Metric::Volume => Sentence {
                zh: format!("{zh}的联系量已从问题期间的每天 {before} 次回到 {after} 次，和平时一样；这可能是修复的功劳，也可能是问题自己消失了。"),
                en: format!("Contacts about {en} are back from {before} to {after} a day, their usual level; the fix may be the reason, or the problem may have passed by itself."),
            },
        })
    }

    /// 未见效果; `possibly_worse` when a worsening worth while cannot be excluded either.
    #[must_use]
    pub fn no_effect(&self, possibly_worse: bool) -> Sentence {
        let size = (self.smallest * 100.0).round();
        let n = self.answers;
        let (mut zh, mut en) = match self.metric {
            Metric::Csat
            | Metric::MeanRating
            | Metric::Fcr
            | Metric::RepeatShare
            | Metric::NoResultShare
            | Metric::NegativeShare
            | Metric::Containment
            | Metric::Aht => (
                format!("看了 {n} 条评分，就算有改善也不到 {size} 个百分点。"),
                format!("After {n} ratings, any improvement is smaller than {size} points."),
            ),
            Metric::Volume => (
                format!("看了 {n} 次联系，就算有减少也不到 {size}%。"),
                format!("After {n} contacts, any decrease is smaller than {size}%."),
            ),
        };
        if possibly_worse {
            zh.push_str("也可能变差了。");
            en.push_str(" It may even have become worse.");
        }
        self.dated(Sentence { zh, en })
    }

    /// 变差.
    #[must_use]
    pub fn worse(&self) -> Sentence {
        let (low, high) = (points(self.effect.low), points(self.effect.high));
        let size = (self.effect.value.abs() * 100.0).round();
        self.dated(match self.metric {
            Metric::Csat | Metric::MeanRating | Metric::Fcr | Metric::RepeatShare | Metric::NoResultShare | Metric::NegativeShare | Metric::Containment | Metric::Aht => Sentence {
                zh: format!("修复后满意度下降 {size} 个百分点(范围 {low}~{high}),任务已重新打开。"),
                en: format!("Satisfaction fell by {size} points (range {low} to {high}); the task is reopened."),
            },
            Metric::Volume => Sentence {
                zh: format!("修复后联系量增加 {size}%(范围 {low}%~{high}%),任务已重新打开。"),
                en: format!("Contacts rose by {size}% (range {low}% to {high}%); the task is reopened."),
            },
        })
    }

    /// 证据不足.
    #[must_use]
    pub fn inconclusive(&self) -> Sentence {
        let (low, high) = (points(self.effect.low), points(self.effect.high));
        let days = self.horizon;
        self.dated(match self.metric {
            Metric::Csat | Metric::MeanRating | Metric::Fcr | Metric::RepeatShare | Metric::NoResultShare | Metric::NegativeShare | Metric::Containment | Metric::Aht => Sentence {
                zh: format!("{days} 天内的数据不足以下结论(变化在 {low} 到 {high} 个百分点之间)。"),
                en: format!("{days} days were not enough to tell (the change is between {low} and {high} points)."),
            },
            Metric::Volume => Sentence {
                zh: format!("{days} 天内的数据不足以下结论(变化在 {low}% 到 {high}% 之间)。"),
                en: format!("{days} days were not enough to tell (the change is between {low}% and {high}%)."),
            },
        })
    }
}

/// 数据还不够: how many more answers, how long, and the chance to miss a change just worth while.
#[must_use]
pub fn waiting(
    metric: Metric,
    answers: i64,
    per_day: f64,
    smallest: f64,
    horizon: u32,
    miss: Option<f64>,
) -> Sentence {
    let size = (smallest * 100.0).round();
    let (unit_zh, unit_en, gain_zh, gain_en) = match metric {
        Metric::Csat
        | Metric::MeanRating
        | Metric::Fcr
        | Metric::RepeatShare
        | Metric::NoResultShare
        | Metric::NegativeShare
        | Metric::Containment
        | Metric::Aht => (
            "条评分",
            "ratings",
            format!("{size} 个百分点"),
            format!("{size} points"),
        ),
        Metric::Volume => ("次联系", "contacts", format!("{size}%"), format!("{size}%")),
    };
    let mut zh = format!("还差约 {answers} {unit_zh}");
    let mut en = format!("About {answers} more {unit_en} are needed");
    if per_day > 0.0 {
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
        let days = (answers as f64 / per_day).ceil().max(1.0);
        zh.push_str(&format!(",按每天 {per_day:.0} {unit_zh}大约 {days:.0} 天"));
        en.push_str(&format!(", {days:.0} days at {per_day:.0} a day"));
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
