//! What an issue and its notice are called.

use domain::detection::{Kind, Scope, Signal, SubjectKind};
use domain::facts::Counters;
use domain::issues::IssueKind;
use domain::organisation::{Bilingual, Locale, Topic};

/// A topic's name.
#[must_use]
pub fn topic_name(key: &str, topics: &[Topic]) -> Bilingual {
    if key.is_empty() {
        return Bilingual::new("未归类的反馈", "Voices without a topic");
    }
    topics.iter().find(|t| t.key == key).map_or_else(
        || Bilingual::new(key, key),
        |t| Bilingual::new(t.title(Locale::ZhCn), t.title(Locale::En)),
    )
}

/// What a signal is about, for people.
#[must_use]
pub fn subject_name(signal: &Signal, topics: &[Topic]) -> Bilingual {
    let key = signal.subject.key.as_str();
    match signal.subject.kind {
        SubjectKind::Topic if key.is_empty() => {
            Bilingual::new("未归类的反馈", "Voices without a topic")
        }
        SubjectKind::Topic => topics.iter().find(|t| t.key == key).map_or_else(
            || Bilingual::new(key, key),
            |t| Bilingual::new(t.title(Locale::ZhCn), t.title(Locale::En)),
        ),
        SubjectKind::SearchTerm => {
            Bilingual::new(format!("搜索「{key}」"), format!("Search \"{key}\""))
        }
        SubjectKind::Article => {
            Bilingual::new(format!("文章「{key}」"), format!("Article \"{key}\""))
        }
        SubjectKind::Agent => Bilingual::new(format!("坐席 {key}"), format!("Agent {key}")),
        SubjectKind::Channel => Bilingual::new(format!("渠道「{key}」"), format!("Channel {key}")),
    }
}

/// What a kind of rule finds, in a few words.
#[must_use]
pub fn finding(kind: Kind) -> Bilingual {
    let (zh, en) = match kind {
        Kind::Threshold => ("联系量超过上限", "contacts above the limit"),
        Kind::Spike => ("联系量突增", "contacts rise"),
        Kind::CsatFall => ("满意度下降", "satisfaction falls"),
        Kind::Risk => ("出现风险声音", "voices with a risk"),
        Kind::LowRating => ("出现低分评价", "bad ratings"),
        Kind::NoResultSearch => ("多次搜不到结果", "finds nothing, again and again"),
        Kind::UnhelpfulArticle => ("读者认为没有帮助", "does not help its readers"),
        Kind::AgentDrift => ("偏离本人往常水平", "drifts from the own baseline"),
        Kind::Phrase => ("客户提到关注的话", "customers say a watched phrase"),
        Kind::SilentSource => ("数据中断", "is silent"),
        Kind::NewTopic => ("新出现的话题", "a new topic"),
        Kind::GoalLost => (
            "目标指标回到修复前",
            "the goal is back where it was before the fix",
        ),
    };
    Bilingual::new(zh, en)
}

/// What the issue of a signal is about, in a few words: an opportunity is nobody's fault.
#[must_use]
pub fn matter(kind: IssueKind, signal: &Signal) -> Bilingual {
    match kind {
        IssueKind::Problem => match &signal.goal {
            Some(goal) => {
                let name = goal.metric.names();
                Bilingual::new(
                    format!("{}回到修复前", name.zh),
                    format!("{} is back where it was before the fix", name.en),
                )
            }
            None => finding(signal.kind),
        },
        IssueKind::Opportunity => Bilingual::new("很多客户想要", "many customers ask for it"),
        IssueKind::ChurnRisk => Bilingual::new("客户说要离开", "customers say that they leave"),
    }
}

/// The one line of an issue that a signal opens.
#[must_use]
pub fn heading(kind: IssueKind, signal: &Signal, scope: &Scope, topics: &[Topic]) -> Bilingual {
    let name = subject_name(signal, topics);
    let what = matter(kind, signal);
    let place: Vec<&str> = [scope.channel.as_deref(), scope.region.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let (mut zh, mut en) = (name.zh, name.en);
    if !place.is_empty() {
        zh.push_str(&format!("（{}）", place.join("、")));
        en.push_str(&format!(" ({})", place.join(", ")));
    }
    Bilingual::new(format!("{zh}：{}", what.zh), format!("{en}: {}", what.en))
}

/// What a rule counts now that what it raised is taken back.
#[derive(Clone, Debug)]
pub enum Now {
    /// Nothing that a figure of one day says.
    Nothing,
    /// A limit: what it counts in its days, and how much of that the loudest customer.
    Crowd {
        /// Days of the window.
        days: u16,
        /// What the rule counts.
        count: i64,
        /// Of one customer.
        loudest: i64,
    },
    /// The day of a daily rule.
    Day(Box<Counters>),
}

/// The figures of a withdrawal, with the mark that ends them: what the rule itself counts, and never a
/// figure that reads as if it still rang.
#[must_use]
pub fn counted_now(signal: &Signal, now: Now) -> Bilingual {
    let day = signal.window;
    let nothing = || Bilingual::new("", "");
    let s = |n: i64| if n == 1 { "" } else { "s" };
    let be = |n: i64| if n == 1 { "is" } else { "are" };
    match now {
        Now::Nothing => nothing(),
        Now::Crowd {
            days,
            count,
            loudest,
        } => {
            let one = if count <= signal.limit {
                ("", "")
            } else if loudest * 2 > count {
                (
                    "，但大多来自同一位客户",
                    ", but most of them of one customer",
                )
            } else {
                return nothing();
            };
            let (zh, en) = match signal.kind {
                Kind::Threshold => (format!("{count} 次联系"), format!("contact{}", s(count))),
                Kind::LowRating => (
                    format!("{count} 条低分评价"),
                    format!("bad rating{}", s(count)),
                ),
                Kind::Risk => (
                    format!("{count} 条风险声音"),
                    format!("voice{} with a risk", s(count)),
                ),
                Kind::Phrase => (
                    format!("{count} 条提到关注的话的声音"),
                    format!("voice{} with the phrase", s(count)),
                ),
                Kind::NoResultSearch => (
                    format!("{count} 次没有结果的搜索"),
                    format!(
                        "search{} without a result",
                        if count == 1 { "" } else { "es" }
                    ),
                ),
                _ => return nothing(),
            };
            let (when_zh, when_en) =
                if let Some(hours) = signal.span.and_then(|_| signal.counted_in()) {
                    (hours.zh, hours.en)
                } else if days > 1 {
                    (
                        format!("截至 {day} 的 {days} 天内"),
                        format!("in the {days} days to {day}"),
                    )
                } else {
                    (day.to_string(), format!("on {day}"))
                };
            Bilingual::new(
                format!("{when_zh}现有 {zh}{}；", one.0),
                format!("there {} now {count} {en} {when_en}{}; ", be(count), one.1),
            )
        }
        Now::Day(now) => match signal.kind {
            Kind::CsatFall => Bilingual::new(
                format!(
                    "{day} 现有 {} 条评分，{} 条满意；",
                    now.rated, now.satisfied
                ),
                format!(
                    "there {} now {} rating{} on {day}, {} of them satisfied; ",
                    be(now.rated),
                    now.rated,
                    s(now.rated),
                    now.satisfied
                ),
            ),
            Kind::Spike | Kind::NewTopic => Bilingual::new(
                format!("{day} 现有 {} 次联系；", now.contacts),
                format!(
                    "there {} now {} contact{} on {day}; ",
                    be(now.contacts),
                    now.contacts,
                    s(now.contacts)
                ),
            ),
            Kind::SilentSource => Bilingual::new(
                format!("{day} 现有 {} 条；", now.voices),
                format!(
                    "there {} now {} voice{} on {day}; ",
                    be(now.voices),
                    now.voices,
                    s(now.voices)
                ),
            ),
            _ => nothing(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use domain::detection::{Detector, Params, Subject};

    fn signal(params: Params) -> Signal {
        let day = NaiveDate::from_ymd_opt(2026, 3, 1).expect("a day");
        Signal::counted(
            &Detector::new("d", params),
            Subject::topic("t"),
            day,
            9,
            None,
        )
    }

    #[test]
    fn a_withdrawal_counts_what_its_rule_counts_and_never_contradicts_itself() {
        let risk = signal(Params::Risk(Default::default()));
        let limit = risk.limit;
        let now = |count, loudest| Now::Crowd {
            days: 1,
            count,
            loudest,
        };
        let few = counted_now(&risk, now(limit, 0));
        assert!(
            few.zh.contains(&format!("现有 {limit} 条风险声音")),
            "{few:?}"
        );
        // Above its limit without a word why: no figure at all.
        assert_eq!(
            counted_now(&risk, now(limit + 3, 0)),
            Bilingual::new("", "")
        );
        let one = counted_now(&risk, now(limit + 3, limit + 3));
        assert!(one.zh.contains("同一位客户"), "{one:?}");
        assert!(one.en.contains("of one customer"), "{one:?}");
        let marks = Signal {
            limit: 1,
            ..signal(Params::LowRating(Default::default()))
        };
        assert!(
            counted_now(&marks, now(1, 0))
                .en
                .contains("is now 1 bad rating ")
        );
        // The hours that had rung, not their day.
        let at = |text| chrono::DateTime::parse_from_rfc3339(text).expect("a time");
        let hours = Signal {
            span: Some(domain::detection::TimeSpan {
                from: at("2026-02-28T23:10:00+08:00"),
                to: at("2026-03-01T00:10:00+08:00"),
            }),
            limit: 2,
            ..signal(Params::Threshold(domain::detection::ThresholdParams {
                limit: 2,
                window: Default::default(),
            }))
        };
        let fewer = counted_now(&hours, now(1, 0));
        assert_eq!(
            fewer.zh, "截至 2026-03-01 00:10 的 1 小时内现有 1 次联系；",
            "{fewer:?}"
        );
        assert!(
            fewer.en.contains("contact in the 1 hour up to"),
            "{fewer:?}"
        );
        let spike = signal(Params::Spike(Default::default()));
        let day = Now::Day(Box::new(Counters {
            voices: 7,
            contacts: 1,
            ..Counters::default()
        }));
        assert!(counted_now(&spike, day).en.contains("is now 1 contact on"));
    }
}
