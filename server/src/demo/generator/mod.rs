//! The made-up organisation of the demo: 「远信通信」, a telecom operator with 120 days of voices.
//!
//! Everything is drawn from one seed; the same seed and first day give the same stream on every
//! machine, day by day, and later days go on without changing earlier ones. Nothing is labelled in
//! advance: topics, sentiment and verdicts are for the real pipeline to find.
//!
//! Three fixes are told ([`Plan::stories`]): one that worked, one that did nothing, one where a bad
//! spell passed by itself. [`measure`] says how often the verification tells them apart over many
//! seeds, on the very counts that the texts are written over.

mod course;
mod measure;
mod random;
mod texts;

pub use course::{CHANNELS, Channel, DAYS, LIMIT, StoryKind};
pub use measure::{Measured, Outcome, measure, verdicts};

use chrono::{Days, NaiveDate};
use course::{Count, Dates, THEMES, Theme, counts};
use domain::intake::feedback::{Incoming, IncomingTurn, Speaker};
use domain::intake::values::Scalar;
use domain::verification::Sentence;
use random::Rng;

/// Name of the organisation.
pub const ORGANISATION: &str = "远信通信";
/// The seed of a demo that asks for none: its three verdicts come out as told on whatever day of the
/// week it starts. Other seeds may miss one, as real data may; [`measure`] says how often.
pub const DEFAULT_SEED: u64 = 2;
/// Key of the starter set of topics that the stream is written for.
pub const STARTER_SET: &str = "telecom";

const REGIONS: [&str; 6] = ["江城", "滨江", "南湖", "高新", "老城", "东港"];
const TIERS: [(&str, u64); 4] = [("普通", 60), ("银卡", 25), ("金卡", 12), ("钻石", 3)];
const TEAMS: [&str; 4] = ["一组", "二组", "三组", "四组"];
/// Customers that get in touch, so that some come back.
const CUSTOMERS: u64 = 60_000;

/// A department of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Key.
    pub key: &'static str,
    /// Chinese name.
    pub name: &'static str,
    /// Its owner.
    pub owner: Owner,
    /// Topics whose notices and tasks it receives.
    pub topics: Vec<&'static str>,
}

/// A person with an address under `.example`, which reaches nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Address.
    pub email: &'static str,
    /// Name.
    pub name: &'static str,
    /// `zh-CN` or `en`.
    pub language: &'static str,
}

const DEPARTMENTS: [(&str, &str, Owner); 5] = [
    (
        "pricing",
        "市场资费部",
        Owner {
            email: "chen.jing@yuanxin.example",
            name: "陈静",
            language: "zh-CN",
        },
    ),
    (
        "field",
        "装维服务部",
        Owner {
            email: "wang.lei@yuanxin.example",
            name: "王磊",
            language: "zh-CN",
        },
    ),
    (
        "network",
        "网络运维部",
        Owner {
            email: "grace.liu@yuanxin.example",
            name: "Grace Liu",
            language: "en",
        },
    ),
    (
        "care",
        "客户服务部",
        Owner {
            email: "zhao.min@yuanxin.example",
            name: "赵敏",
            language: "zh-CN",
        },
    ),
    (
        "digital",
        "数字渠道部",
        Owner {
            email: "sun.peng@yuanxin.example",
            name: "孙鹏",
            language: "zh-CN",
        },
    ),
];

/// A report of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Day.
    pub day: NaiveDate,
    /// How far, in per cent.
    pub percent: u8,
    /// What the owner wrote.
    pub comment: &'static str,
}

/// The story of one fix: what the people did. What came of it is for the verification to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// What really happened.
    pub kind: StoryKind,
    /// Topic.
    pub topic: &'static str,
    /// Department that gets the task.
    pub department: &'static str,
    /// Its owner.
    pub owner: Owner,
    /// Daily limit of the topic's threshold detector: only the alarm day is over it.
    pub limit: u32,
    /// The day the alarm rings; the task is created and assigned on it.
    pub alarm_day: NaiveDate,
    /// Title of the task.
    pub title: &'static str,
    /// What is asked for.
    pub description: &'static str,
    /// Measures proposed with the task.
    pub measures: Vec<&'static str>,
    /// Due day.
    pub due_day: NaiveDate,
    /// The day the owner accepts.
    pub accepted_day: NaiveDate,
    /// Reports of progress.
    pub progress: Vec<Step>,
    /// The day the owner completes the task and the fix goes live.
    pub effective_day: NaiveDate,
    /// The solution as the owner describes it.
    pub solution: &'static str,
}

/// A stream of voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    seed: u64,
    first: NaiveDate,
}

impl Plan {
    /// The stream of `seed` whose 120 days end with `until`. Store `until` of the first start: the
    /// same stream goes on from there.
    #[must_use]
    pub fn new(seed: u64, until: NaiveDate) -> Self {
        let back = Days::new((DAYS - 1).unsigned_abs());
        Self {
            seed,
            first: until.checked_sub_days(back).unwrap_or(until),
        }
    }

    /// First day of the stream.
    #[must_use]
    pub const fn first_day(&self) -> NaiveDate {
        self.first
    }

    fn date(&self, index: i64) -> NaiveDate {
        self.first
            .checked_add_days(Days::new(index.unsigned_abs()))
            .unwrap_or(self.first)
    }

    /// The departments with their owners and topics.
    #[must_use]
    pub fn departments(&self) -> Vec<Department> {
        let topics = |key: &str| {
            THEMES
                .iter()
                .filter(|t| t.department == key)
                .filter_map(|t| t.key)
                .collect()
        };
        DEPARTMENTS
            .iter()
            .map(|&(key, name, owner)| Department {
                key,
                name,
                owner,
                topics: topics(key),
            })
            .collect()
    }

    /// The three fixes, in the order of [`StoryKind::ALL`].
    #[must_use]
    pub fn stories(&self) -> [Story; 3] {
        StoryKind::ALL.map(|kind| self.story(kind))
    }

    fn story(&self, kind: StoryKind) -> Story {
        let dates = Dates::of(self.seed, kind);
        let theme = theme_of(kind);
        let day = |index| self.date(index);
        let step = |index, percent, comment| Step {
            day: day(index),
            percent,
            comment,
        };
        let middle = i64::midpoint(dates.alarm, dates.fix);
        let (title, description, measures, progress, solution) = match kind {
            StoryKind::Worked => (
                "套餐资费说明与降档流程整改",
                "套餐资费争议集中在优惠到期涨价和降档受阻。请梳理资费说明,让用户在到期前收到提醒,并能自助降档。",
                vec![
                    "优惠到期前 30 天短信提醒",
                    "App 内自助降档",
                    "统一前台资费话术",
                ],
                vec![
                    step(dates.alarm + 3, 20, "已梳理全部在售和停售套餐的资费说明"),
                    step(middle, 60, "到期提醒短信已在两个城市试点"),
                    step(dates.fix - 1, 90, "自助降档入口测试通过"),
                ],
                "优惠到期前 30 天和 7 天各发一次提醒短信,写明到期后的月租和可选套餐;App 和小程序开放自助降档,合约期内按剩余月份公示违约金;前台统一资费说明,办理时口头复述最低消费。",
            ),
            StoryKind::Nothing => (
                "装机移机预约改约治理",
                "装机移机的爽约和反复改约引起大量不满。请提出并落实减少爽约的办法。",
                vec!["改约须提前 4 小时通知", "爽约当日补约"],
                vec![
                    step(dates.alarm + 4, 30, "已向各装维班组下发通知"),
                    step(middle, 70, "完成一轮线上培训"),
                ],
                "向各装维班组下发预约管理通知,要求改约须提前 4 小时电话说明,并组织一次线上培训。",
            ),
            StoryKind::Recovered => (
                "宽带断网集中投诉处理",
                "宽带断网的满意度近期明显下降。请查明原因并恢复。",
                vec!["排查接入设备", "更换老化光猫"],
                vec![
                    step(dates.alarm + 2, 30, "正在排查城域网接入设备"),
                    step(middle, 60, "已更换一批老化光猫,继续观察"),
                ],
                "更换 1,200 台老化光猫,升级两处接入机房的设备固件,并调整夜间割接时间。",
            ),
        };
        Story {
            kind,
            topic: theme.key.unwrap_or_default(),
            department: theme.department,
            owner: DEPARTMENTS
                .iter()
                .find(|d| d.0 == theme.department)
                .map_or(DEPARTMENTS[0].2, |d| d.2),
            limit: LIMIT,
            alarm_day: day(dates.alarm),
            title,
            description,
            measures,
            due_day: day(dates.fix + 2),
            accepted_day: day(dates.alarm + 1),
            progress,
            effective_day: day(dates.fix),
            solution,
        }
    }

    /// The voices of a day of the organisation's calendar, in the order of their times; none before
    /// the first day. Times lie between 7:00 and 22:59 (+08:00): whoever streams up to now leaves
    /// out what is still to come.
    #[must_use]
    pub fn day(&self, day: NaiveDate) -> Vec<Incoming> {
        let index = (day - self.first).num_days();
        if index < 0 {
            return Vec::new();
        }
        let mut voices = Vec::new();
        for (at, theme) in THEMES.iter().enumerate() {
            for (channel, count) in counts(self.seed, at, theme, index, day).iter().enumerate() {
                for number in 0..count.contacts {
                    let name = [
                        self.seed,
                        5,
                        at as u64,
                        index.unsigned_abs(),
                        channel as u64,
                        u64::from(number),
                    ];
                    voices.push(voice(
                        &mut Rng::of(&name),
                        theme,
                        at,
                        channel,
                        count,
                        number,
                        day,
                    ));
                }
            }
        }
        voices.sort_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| a.1.external_id.cmp(&b.1.external_id))
        });
        voices.into_iter().map(|v| v.1).collect()
    }
}

/// The theme that carries a story.
fn theme_of(kind: StoryKind) -> &'static Theme {
    THEMES
        .iter()
        .find(|t| t.story == Some(kind))
        .unwrap_or(&THEMES[0])
}

/// English name of a story's topic, for sentences.
fn topic_name(kind: StoryKind) -> Sentence {
    let en = match kind {
        StoryKind::Worked => "Plan and tariff disputes",
        StoryKind::Nothing => "Installation and relocation delays",
        StoryKind::Recovered => "Broadband outages",
    };
    Sentence {
        zh: theme_of(kind).key.unwrap_or_default().to_owned(),
        en: en.to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
fn number(n: u64) -> Option<Scalar> {
    Some(Scalar::Number(n as f64))
}

/// One voice with its second of the day. The first `count.rated` of a channel are rated, the first
/// `count.satisfied` of these satisfied: the counts decide, the text follows.
fn voice(
    rng: &mut Rng,
    theme: &Theme,
    theme_at: usize,
    channel_at: usize,
    count: &Count,
    at: u32,
    day: NaiveDate,
) -> (u64, Incoming) {
    let channel = &CHANNELS[channel_at];
    let rated = at < count.rated;
    let satisfied = if rated {
        at < count.satisfied
    } else {
        rng.chance(f64::from(count.mood) / 1000.0)
    };
    let rating = match (rated, satisfied) {
        (false, _) => None,
        (true, true) => number(if rng.chance(0.6) { 5 } else { 4 }),
        (true, false) => number(if rng.chance(0.4) { 1 } else { 2 + rng.below(2) }),
    };
    // Busy in the morning and after work.
    let hour = [
        7, 8, 9, 9, 10, 10, 11, 12, 13, 14, 14, 15, 16, 17, 18, 19, 19, 20, 20, 21, 22,
    ][usize::try_from(rng.below(21)).unwrap_or(0)];
    let second = hour * 3600 + rng.below(3600);
    let written = texts::write(rng, theme.matters, satisfied, channel.spoken);
    let turns = written.turns.map(|turns| {
        turns
            .into_iter()
            .map(|(customer, text)| IncomingTurn {
                speaker: if customer {
                    Speaker::Customer
                } else {
                    Speaker::Agent
                },
                at: None,
                text,
            })
            .collect()
    });
    let bot = channel.kind == "chat" && rng.chance(0.15);
    let talk = if satisfied { 190.0 } else { 320.0 } * (0.45 * rng.normal()).exp();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of seconds"
    )]
    let talk = talk.clamp(20.0, 3600.0) as u64;
    let after = 20 + rng.below(60);
    let agent = rng.below(120);
    let mut weight = rng.below(100);
    let tier = TIERS.iter().find(|(_, share)| {
        let here = weight < *share;
        weight = weight.saturating_sub(*share);
        here
    });
    let served = channel.spoken && !bot;
    let compensated = !satisfied && rng.chance(0.04);
    let incoming = Incoming {
        channel: Some(channel.key.to_owned()),
        external_id: Some(format!(
            "YX{}-{theme_at:02}{channel_at}-{at:04}",
            day.format("%Y%m%d")
        )),
        occurred_at: Some(Scalar::Text(format!(
            "{day}T{:02}:{:02}:{:02}+08:00",
            second / 3600,
            second / 60 % 60,
            second % 60
        ))),
        text: (!written.text.is_empty()).then_some(written.text),
        turns,
        kind: Some(channel.kind.to_owned()),
        rating,
        rating_max: rated.then_some(Scalar::Number(5.0)),
        invited: Some(Scalar::Bool(rated || rng.chance(0.6))),
        customer_ref: Some(format!("C{:06}", rng.below(CUSTOMERS))),
        customer_tier: tier.map(|t| t.0.to_owned()),
        agent_ref: served.then(|| format!("A{:03}", 100 + agent)),
        team: served.then(|| TEAMS[usize::try_from(agent % 4).unwrap_or(0)].to_owned()),
        region: Some(rng.word(&REGIONS).to_owned()),
        business_line: Some(theme.business_line.to_owned()),
        language: Some(if written.english { "en" } else { "zh" }.to_owned()),
        talk_seconds: if served { number(talk) } else { None },
        after_seconds: if served { number(after) } else { None },
        handle_seconds: if served { number(talk + after) } else { None },
        resolved: Some(Scalar::Bool(if satisfied {
            rng.chance(0.92)
        } else {
            rng.chance(0.35)
        })),
        handled_by: Some(if bot { "bot" } else { "human" }.to_owned()),
        transferred: Some(Scalar::Bool(rng.chance(if satisfied {
            0.05
        } else {
            0.18
        }))),
        compensation_cents: if compensated {
            number(500 * (1 + rng.below(10)))
        } else {
            None
        },
        ..Incoming::default()
    };
    (second, incoming)
}

#[cfg(test)]
mod tests;
