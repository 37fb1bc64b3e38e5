//! What happens in the made-up organisation: how many get in touch on a day, how many rate, how
//! many are satisfied. Counts only; the texts are written over them in `mod.rs`.
//!
//! Two sorts of noise lie over everything: a good or bad day of one topic (0.10 in log-odds, about
//! 1.8 points) and of the whole house (0.04); days differ in volume by 8 % beyond chance, weekends
//! have a fifth less and two points fewer satisfied.

use super::random::Rng;
use super::texts::{self, Matters};
use chrono::{Datelike, NaiveDate, Weekday};

/// Length of the history before the first start.
pub const DAYS: i64 = 120;

/// A channel: key, kind of voice, share of the contacts, log-odds of satisfaction against the mean,
/// whether one talks there.
pub struct Channel {
    pub key: &'static str,
    pub name_en: &'static str,
    pub kind: &'static str,
    pub share: f64,
    pub mood: f64,
    pub spoken: bool,
}

pub const CHANNELS: [Channel; 5] = [
    Channel {
        key: "电话",
        name_en: "Phone",
        kind: "call",
        share: 0.38,
        mood: -0.10,
        spoken: true,
    },
    Channel {
        key: "在线客服",
        name_en: "Web chat",
        kind: "chat",
        share: 0.27,
        mood: 0.10,
        spoken: true,
    },
    Channel {
        key: "微信",
        name_en: "WeChat",
        kind: "chat",
        share: 0.19,
        mood: 0.15,
        spoken: true,
    },
    Channel {
        key: "App 评价",
        name_en: "App reviews",
        kind: "review",
        share: 0.10,
        mood: -0.15,
        spoken: false,
    },
    Channel {
        key: "邮件",
        name_en: "E-mail",
        kind: "email",
        share: 0.06,
        mood: -0.05,
        spoken: false,
    },
];

/// What a fix did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoryKind {
    /// It really worked.
    Worked,
    /// It did nothing.
    Nothing,
    /// A bad spell passed by itself around it.
    Recovered,
}

impl StoryKind {
    pub const ALL: [Self; 3] = [Self::Worked, Self::Nothing, Self::Recovered];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Nothing => "nothing",
            Self::Recovered => "recovered",
        }
    }
}

/// A theme of the stream. `key` is a topic of the telecom starter set, or none. Themes without a story
/// under other headings of the set have more than twice the ratings of one with a story together: what
/// its change is compared with.
pub struct Theme {
    pub key: Option<&'static str>,
    pub department: &'static str,
    pub business_line: &'static str,
    /// Contacts on a working day.
    pub contacts: f64,
    /// Share of the contacts with a rating.
    pub rated: f64,
    /// Usual share of satisfied.
    pub csat: f64,
    pub matters: &'static Matters,
    pub story: Option<StoryKind>,
}

pub const THEMES: [Theme; 11] = [
    theme(
        "套餐资费争议",
        "pricing",
        "移动业务",
        104.0,
        0.72,
        0.74,
        &texts::TARIFF,
        Some(StoryKind::Worked),
    ),
    theme(
        "装机移机延误",
        "field",
        "宽带业务",
        104.0,
        0.72,
        0.76,
        &texts::INSTALLATION,
        Some(StoryKind::Nothing),
    ),
    theme(
        "宽带断网",
        "network",
        "宽带业务",
        104.0,
        0.72,
        0.81,
        &texts::BROADBAND,
        Some(StoryKind::Recovered),
    ),
    theme(
        "手机信号差",
        "network",
        "移动业务",
        66.0,
        0.72,
        0.70,
        &texts::COVERAGE,
        None,
    ),
    theme(
        "账单查询",
        "pricing",
        "移动业务",
        50.0,
        0.72,
        0.83,
        &texts::BILL,
        None,
    ),
    theme(
        "充值缴费",
        "pricing",
        "移动业务",
        46.0,
        0.72,
        0.86,
        &texts::TOPUP,
        None,
    ),
    theme(
        "携号转网",
        "care",
        "移动业务",
        46.0,
        0.72,
        0.64,
        &texts::PORTING,
        None,
    ),
    theme(
        "客服等待时间长",
        "care",
        "移动业务",
        62.0,
        0.72,
        0.68,
        &texts::WAITING,
        None,
    ),
    theme(
        "APP使用故障",
        "digital",
        "移动业务",
        60.0,
        0.72,
        0.78,
        &texts::APP,
        None,
    ),
    Theme {
        key: None,
        department: "care",
        business_line: "移动业务",
        contacts: 18.0,
        rated: 0.5,
        csat: 0.40,
        matters: &texts::ESIM,
        story: None,
    },
    Theme {
        key: None,
        department: "care",
        business_line: "移动业务",
        contacts: 10.0,
        rated: 0.5,
        csat: 0.80,
        matters: &texts::NOTHING,
        story: None,
    },
];

/// Place of the emerging theme in [`THEMES`].
pub const EMERGING: usize = 9;
/// The day it begins.
const EMERGES: i64 = 92;

const fn theme(
    key: &'static str,
    department: &'static str,
    business_line: &'static str,
    contacts: f64,
    rated: f64,
    csat: f64,
    matters: &'static Matters,
    story: Option<StoryKind>,
) -> Theme {
    Theme {
        key: Some(key),
        department,
        business_line,
        contacts,
        rated,
        csat,
        matters,
        story,
    }
}

/// Days of a story, counted from the first day of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dates {
    /// First bad day, for the spell that passes by itself.
    pub spell: i64,
    /// The day the alarm rings and the task is created.
    pub alarm: i64,
    /// The day the fix goes live.
    pub fix: i64,
    /// First day after the spell.
    pub passed: i64,
}

impl Dates {
    /// The dates of a story; a seed moves them by some days.
    pub fn of(seed: u64, story: StoryKind) -> Self {
        let mut rng = Rng::of(&[seed, 1, story as u64]);
        let mut between = |low: i64, high: i64| {
            low + i64::try_from(rng.below((high - low + 1).unsigned_abs())).unwrap_or(0)
        };
        let fix = match story {
            StoryKind::Worked => between(78, 81),
            StoryKind::Nothing => between(79, 83),
            StoryKind::Recovered => between(79, 82),
        };
        let spell = fix - between(17, 19);
        let alarm = match story {
            StoryKind::Recovered => spell + between(5, 8),
            _ => fix - between(12, 16),
        };
        Self {
            spell,
            alarm,
            fix,
            passed: fix + between(-1, 1),
        }
    }
}

/// Contacts in one day of a fix topic above which its threshold detector fires. Only the alarm day
/// is over it.
pub const LIMIT: u32 = 220;

/// One channel of one theme on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub contacts: u32,
    pub rated: u32,
    pub satisfied: u32,
    /// Share of satisfied behind the draw, in thousandths: the mood of those who do not rate.
    pub mood: u32,
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// The counts of a theme on a day, by channel. `day` counts from the first day of the stream and
/// may lie after the history; `date` is its date.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share in thousandths"
)]
pub fn counts(
    seed: u64,
    index: usize,
    theme: &Theme,
    day: i64,
    date: NaiveDate,
) -> [Count; CHANNELS.len()] {
    let name = |what: u64| [seed, what, index as u64, day.unsigned_abs()];
    let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    let mut of_day = Rng::of(&name(2));
    let mut of_house = Rng::of(&[seed, 3, day.unsigned_abs()]);
    let mut volume =
        theme.contacts * if weekend { 0.8 } else { 1.0 } * (0.08 * of_day.normal()).exp();
    if index == EMERGING {
        if day < EMERGES {
            return [Count::default(); CHANNELS.len()];
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        let grown = ((day - EMERGES) as f64 / 20.0 + 0.15).min(1.0);
        volume *= grown;
    }
    let mut csat = theme.csat;
    let dates = theme.story.map(|story| (story, Dates::of(seed, story)));
    match dates {
        Some((StoryKind::Worked, d)) if day > d.fix => csat = 0.88,
        Some((StoryKind::Recovered, d)) if day >= d.spell && day < d.passed => csat -= 0.20,
        _ => {}
    }
    let noise =
        0.10 * of_day.normal() + 0.04 * of_house.normal() - if weekend { 0.10 } else { 0.0 };
    let alarm = dates.is_some_and(|(_, d)| d.alarm == day);
    let mut out = [Count::default(); CHANNELS.len()];
    for (at, (channel, count)) in CHANNELS.iter().zip(&mut out).enumerate() {
        let mut rng = Rng::of(&[seed, 4, index as u64, day.unsigned_abs(), at as u64]);
        let p = 1.0 / (1.0 + (-(logit(csat) + channel.mood + noise)).exp());
        let mean = volume * channel.share;
        // On the day of the alarm the same matter comes up more than twice as often.
        count.contacts = if alarm {
            12 + rng.poisson(mean.max(theme.contacts * channel.share) * 2.0)
        } else {
            rng.poisson(mean)
        };
        // A review is a mark with words.
        count.rated = rng.binomial(
            count.contacts,
            if channel.kind == "review" {
                0.97
            } else {
                theme.rated
            },
        );
        count.satisfied = rng.binomial(count.rated, p);
        count.mood = (p * 1000.0).round() as u32;
    }
    out
}
