//! What a rule can be told, kind by kind, with the value it takes when nothing is said.

use super::Kind;
use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A parameter that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct InvalidParam {
    /// The field, from the detector on: `params.limit`.
    pub field: String,
    /// Stable code: `unknown`, `required`, `wrong_type`, `out_of_range`.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

impl InvalidParam {
    /// In the words of serde, so that who reads its errors finds the field in ours as well.
    fn sentence(&self) -> String {
        let before = match self.code {
            "unknown" => "unknown field",
            "required" => "missing field",
            _ => "invalid value in",
        };
        format!("{before} `{}`: {}", self.field, self.detail)
    }

    fn of(field: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field: format!("params.{field}"),
            code,
            detail: detail.into(),
        }
    }
}

/// What a fixed limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Window {
    /// `15m`: that long up to a voice, to the microsecond.
    Minutes(u16),
    /// `4h`: the same in hours.
    Hours(u16),
    /// `7d`: whole calendar days of the organisation, up to and with the present one.
    Days(u16),
}

impl Window {
    /// One calendar day of the organisation.
    pub const DAY: Self = Self::Days(1);

    /// The length of a window that ends with a voice; `None`: whole days.
    #[must_use]
    pub fn rolling(self) -> Option<TimeDelta> {
        match self {
            Self::Minutes(n) => Some(TimeDelta::minutes(n.into())),
            Self::Hours(n) => Some(TimeDelta::hours(n.into())),
            Self::Days(_) => None,
        }
    }

    /// How many calendar days are added up; 1 for windows that end with a voice.
    #[must_use]
    pub const fn days(self) -> u16 {
        match self {
            Self::Days(n) => n,
            Self::Minutes(_) | Self::Hours(_) => 1,
        }
    }

    fn check(self, limit: i64) -> Result<(), InvalidParam> {
        let (n, least, most, unit) = match self {
            Self::Minutes(n) => (n, 5, 120, "m"),
            Self::Hours(n) => (n, 1, 24, "h"),
            Self::Days(n) => (n, 1, 28, "d"),
        };
        if !(least..=most).contains(&n) {
            let detail = format!("{least}{unit} to {most}{unit}");
            return Err(InvalidParam::of("window", "out_of_range", detail));
        }
        if self.rolling().is_some() {
            // Voices are read one by one then.
            whole("limit", limit, 0, MOST_ROLLING)?;
        }
        Ok(())
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::DAY
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        match window {
            Window::Minutes(n) => format!("{n}m"),
            Window::Hours(n) => format!("{n}h"),
            Window::Days(n) => format!("{n}d"),
        }
    }
}

impl TryFrom<String> for Window {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "expected minutes, hours or days, such as 15m, 4h or 7d";
        let (count, unit) = text
            .char_indices()
            .last()
            .map(|(at, unit)| (&text[..at], unit))
            .ok_or(WRONG)?;
        // No sign, no leading zero: one way to write it.
        if !count.starts_with(|c: char| ('1'..='9').contains(&c)) {
            return Err(WRONG);
        }
        let n = count.parse().map_err(|_| WRONG)?;
        match unit {
            'm' => Ok(Self::Minutes(n)),
            'h' => Ok(Self::Hours(n)),
            'd' => Ok(Self::Days(n)),
            _ => Err(WRONG),
        }
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::Window;
    use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

    impl utoipa::PartialSchema for Window {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some(
                    "What a fixed limit counts together. `1d` to `28d`: calendar days of the organisation, up to \
                     and with the present one. `5m` to `120m` and `1h` to `24h`: that long up to a voice; the \
                     limit is at most 100,000 then.",
                ))
                .pattern(Some("^[1-9][0-9]*[mhd]$"))
                .default(Some("1d".into()))
                .examples(["15m", "1h", "4h", "1d", "7d"])
                .build()
                .into()
        }
    }

    impl utoipa::ToSchema for Window {}
}

macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

/// Parameters of a threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ThresholdParams {
    /// Contacts in one window that are still accepted: the next one fires.
    pub limit: i64,
    /// What is counted together; normally one calendar day of the organisation.
    #[serde(default)]
    pub window: Window,
}

params! {
    /// A rise of contacts against the topic's own history.
    SpikeParams {
        /// The rise that is to be seen soonest, as a factor (default 1.5).
        factor: f64 = 1.5,
        /// Nominal false alarms per topic and year of the running sum (default 0.15; as the
        /// increments are skewed, about four times that many were measured).
        alarms_per_year: f64 = 0.15,
        /// Nominal false alarms per topic and year of the look at one day (default 0.25).
        day_alarms_per_year: f64 = 0.25,
        /// Contacts above the expectation without which no day is a spike (default 3).
        min_excess: i64 = 3,
        /// Contacts in the last 7 days without which nothing fires (default 5).
        min_week: i64 = 5,
        /// Days of history before anything fires, 3 to 400 (default 7). From 28 days on the running
        /// sum and the day's chance decide, from 7 on the running sum; before 28 a day fires that
        /// has `short_min_count` contacts, `short_min_ratio` times the mean of the earlier complete
        /// days, and is less likely than `short_probability` with that mean.
        min_history_days: u16 = 7,
        /// See `min_history_days` (default 15).
        short_min_count: i64 = 15,
        /// See `min_history_days` (default 2).
        short_min_ratio: f64 = 2.0,
        /// See `min_history_days` (default 0.0001).
        short_probability: f64 = 1e-4,
        /// How much days vary beyond chance in that rule: variance = mean + this × mean² (default
        /// 0.04, which is 20 %; 0 for a Poisson law).
        short_dispersion: f64 = 0.04,
        /// Above 0 a day is compared, by the rule of `min_history_days`, with the same weekday of
        /// that many weeks before, whatever the length of history, and nothing is added up
        /// (default 0: off; 2 to 12).
        weekday_weeks: u16 = 0,
        /// Whether what the other topics of the same channels do on a day counts towards what is
        /// expected (default true).
        with_channel: bool = true,
        /// Days without a further alarm after one, 0 to 90 (default 14).
        quiet_days: u16 = 14,
    }
}

params! {
    /// A fall of satisfaction against the topic's own history.
    CsatFallParams {
        /// The fall that is to be seen soonest, as a ratio of odds (default 1.65: about 10 points
        /// at 78 %).
        odds_ratio: f64 = 1.65,
        /// Nominal false alarms per topic and year (default 0.5).
        alarms_per_year: f64 = 0.5,
        /// How much more than by chance ratings vary from day to day (default 1.15).
        noise: f64 = 1.15,
        /// How many ratings the channel's level is worth before the topic has own ones (default 40).
        prior_ratings: f64 = 40.0,
        /// Rated contacts a day below which the topic is watched in the one above it (default 1).
        min_rated_per_day: f64 = 1.0,
        /// Days that ratings get to arrive before a day is judged, 0 to 14 (default 0: a day is
        /// judged at its close and again when late ratings come).
        maturity_days: u16 = 0,
        /// Days without a further alarm after one, 0 to 90 (default 14).
        quiet_days: u16 = 14,
    }
}

params! {
    /// A voice with a bad rating.
    LowRatingParams {
        /// The best rating that is still bad, 1 to 4 (default 2).
        max_rating: u8 = 2,
        /// Bad ratings of a topic in one window that are still accepted (default 0: the first fires).
        limit: i64 = 0,
        /// What is counted together (default `1d`).
        window: Window = Window::DAY,
    }
}

params! {
    /// A voice with a risk: authority, press, lawyer, leaving.
    RiskParams {
        /// Voices with a risk in one window that are still accepted (default 0: the first fires).
        limit: i64 = 0,
        /// What is counted together (default `1d`).
        window: Window = Window::DAY,
    }
}

params! {
    /// People say something that matters, whatever the topic.
    PhraseParams {
        /// What to look for; case, width and traditional or simplified writing do not matter.
        phrases: Vec<String> = Vec::new(),
        /// Voices with one of the phrases in one window that are still accepted (default 0).
        limit: i64 = 0,
        /// What is counted together (default `1d`).
        window: Window = Window::DAY,
    }
}

params! {
    /// A search that finds nothing, again and again.
    NoResultParams {
        /// Searches of the same words without result in `window_days` that are still accepted
        /// (default 4).
        limit: i64 = 4,
        /// Days that are counted together, 1 to 28 (default 7).
        window_days: u16 = 7,
        /// Share of the searches of these words that must have found nothing (default 0.5).
        min_share: f64 = 0.5,
    }
}

params! {
    /// An article that readers do not find helpful.
    UnhelpfulParams {
        /// Views in `window_days` without which nothing fires (default 30).
        min_views: i64 = 30,
        /// Votes in `window_days` without which nothing fires (default 10).
        min_votes: i64 = 10,
        /// Share of "not helpful" among the votes that is still accepted (default 0.4).
        max_unhelpful_share: f64 = 0.4,
        /// Days that are counted together, 7 to 120 (default 28).
        window_days: u16 = 28,
    }
}

params! {
    /// An agent moves away from the own baseline; the supervisor is told.
    AgentDriftParams {
        /// Handling time of the last 7 days over that of the 56 days before (geometric means)
        /// that is still accepted (default 1.3).
        max_handling_ratio: f64 = 1.3,
        /// Standard errors by which it must be longer (default 4).
        min_deviation: f64 = 4.0,
        /// Measured contacts in the last 7 days without which handling time is not judged
        /// (default 20).
        min_handled: i64 = 20,
        /// Weeks in a row in which satisfaction must fall, each below the one before
        /// (default 3; 2 to 12).
        falls: u16 = 3,
        /// Rated contacts in each of these weeks (default 20).
        min_rated: i64 = 20,
        /// Fall of satisfaction over all these weeks (share, default 0.1).
        min_fall: f64 = 0.1,
    }
}

params! {
    /// A channel from which less arrives than it should.
    SilentParams {
        /// Chance of so little on a day when all is well, below which it fires (default 0.0001).
        probability: f64 = 1e-4,
        /// Share of the expectation that is still silence (default 0.2).
        max_share: f64 = 0.2,
        /// Voices that must be expected so that silence says anything (default 5).
        min_expected: f64 = 5.0,
        /// Earlier days of the same weekday that make the band, 2 to 26 (default 8).
        weeks: u16 = 8,
        /// Whether every full hour of the running day is looked at too: what had been received of earlier
        /// days by the same hour is what is expected, so that a source that sends once a night is never
        /// silent at noon (default true).
        within_day: bool = true,
    }
}

params! {
    /// A topic without history that people begin to speak of.
    NewTopicParams {
        /// Contacts within `window_days` (default 5).
        min_contacts: i64 = 5,
        /// Days with contacts within `window_days` (default 2).
        min_days: u16 = 2,
        /// Days that are counted together, 2 to 28 (default 7).
        window_days: u16 = 7,
    }
}

/// How a detector decides: the parameters of its kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = DetectorParams))]
#[serde(untagged)]
pub enum Params {
    /// Of [`Kind::Threshold`].
    Threshold(ThresholdParams),
    /// Of [`Kind::Spike`].
    Spike(SpikeParams),
    /// Of [`Kind::CsatFall`].
    CsatFall(CsatFallParams),
    /// Of [`Kind::Risk`].
    Risk(RiskParams),
    /// Of [`Kind::LowRating`].
    LowRating(LowRatingParams),
    /// Of [`Kind::NoResultSearch`].
    NoResultSearch(NoResultParams),
    /// Of [`Kind::UnhelpfulArticle`].
    UnhelpfulArticle(UnhelpfulParams),
    /// Of [`Kind::AgentDrift`].
    AgentDrift(AgentDriftParams),
    /// Of [`Kind::Phrase`].
    Phrase(PhraseParams),
    /// Of [`Kind::SilentSource`].
    SilentSource(SilentParams),
    /// Of [`Kind::NewTopic`].
    NewTopic(NewTopicParams),
}

impl Params {
    /// The kind that these belong to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Threshold(_) => Kind::Threshold,
            Self::Spike(_) => Kind::Spike,
            Self::CsatFall(_) => Kind::CsatFall,
            Self::Risk(_) => Kind::Risk,
            Self::LowRating(_) => Kind::LowRating,
            Self::NoResultSearch(_) => Kind::NoResultSearch,
            Self::UnhelpfulArticle(_) => Kind::UnhelpfulArticle,
            Self::AgentDrift(_) => Kind::AgentDrift,
            Self::Phrase(_) => Kind::Phrase,
            Self::SilentSource(_) => Kind::SilentSource,
            Self::NewTopic(_) => Kind::NewTopic,
        }
    }

    /// The parameters of `kind` in `value` (`null`: all as documented). Types and names are checked
    /// here, ranges by [`Self::check`], so that a stored rule can be read whatever its values are.
    pub fn read(kind: Kind, value: &Value) -> Result<Self, InvalidParam> {
        Ok(match kind {
            Kind::Threshold => Self::Threshold(fields(value)?),
            Kind::Spike => Self::Spike(fields(value)?),
            Kind::CsatFall => Self::CsatFall(fields(value)?),
            Kind::Risk => Self::Risk(fields(value)?),
            Kind::LowRating => Self::LowRating(fields(value)?),
            Kind::NoResultSearch => Self::NoResultSearch(fields(value)?),
            Kind::UnhelpfulArticle => Self::UnhelpfulArticle(fields(value)?),
            Kind::AgentDrift => Self::AgentDrift(fields(value)?),
            Kind::Phrase => Self::Phrase(fields(value)?),
            Kind::SilentSource => Self::SilentSource(fields(value)?),
            Kind::NewTopic => Self::NewTopic(fields(value)?),
            Kind::GoalLost => {
                return Err(InvalidParam {
                    field: "kind".to_owned(),
                    code: "out_of_range",
                    detail: "every verdict is watched without a rule".to_owned(),
                });
            }
        })
    }

    /// Whether every value makes sense; the first that does not is named.
    pub fn check(&self) -> Result<(), InvalidParam> {
        match self {
            Self::Threshold(p) => {
                whole("limit", p.limit, 0, MOST)?;
                p.window.check(p.limit)
            }
            Self::Spike(p) => {
                real("factor", p.factor, 1.05, 10.0)?;
                real("alarms_per_year", p.alarms_per_year, 0.001, 50.0)?;
                real("day_alarms_per_year", p.day_alarms_per_year, 0.001, 50.0)?;
                whole("min_excess", p.min_excess, 1, MOST)?;
                whole("min_week", p.min_week, 0, MOST)?;
                whole("min_history_days", p.min_history_days.into(), 3, 400)?;
                whole("short_min_count", p.short_min_count, 1, MOST)?;
                real("short_min_ratio", p.short_min_ratio, 1.0, 100.0)?;
                real("short_probability", p.short_probability, 1e-12, 0.05)?;
                real("short_dispersion", p.short_dispersion, 0.0, 2.0)?;
                if p.weekday_weeks != 0 {
                    whole("weekday_weeks", p.weekday_weeks.into(), 2, 12)?;
                }
                whole("quiet_days", p.quiet_days.into(), 0, 90)
            }
            Self::CsatFall(p) => {
                real("odds_ratio", p.odds_ratio, 1.05, 20.0)?;
                real("alarms_per_year", p.alarms_per_year, 0.001, 50.0)?;
                real("noise", p.noise, 1.0, 20.0)?;
                real("prior_ratings", p.prior_ratings, 1.0, 10_000.0)?;
                real("min_rated_per_day", p.min_rated_per_day, 0.1, 1e6)?;
                whole("maturity_days", p.maturity_days.into(), 0, 14)?;
                whole("quiet_days", p.quiet_days.into(), 0, 90)
            }
            Self::Risk(p) => {
                whole("limit", p.limit, 0, MOST)?;
                p.window.check(p.limit)
            }
            Self::LowRating(p) => {
                whole("max_rating", p.max_rating.into(), 1, 4)?;
                whole("limit", p.limit, 0, MOST)?;
                p.window.check(p.limit)
            }
            Self::NoResultSearch(p) => {
                whole("limit", p.limit, 0, MOST)?;
                whole("window_days", p.window_days.into(), 1, 28)?;
                real("min_share", p.min_share, 0.0, 1.0)
            }
            Self::UnhelpfulArticle(p) => {
                whole("min_views", p.min_views, 1, MOST)?;
                whole("min_votes", p.min_votes, 1, MOST)?;
                real("max_unhelpful_share", p.max_unhelpful_share, 0.0, 1.0)?;
                whole("window_days", p.window_days.into(), 7, 120)
            }
            Self::AgentDrift(p) => {
                real("max_handling_ratio", p.max_handling_ratio, 1.01, 20.0)?;
                real("min_deviation", p.min_deviation, 1.0, 20.0)?;
                whole("min_handled", p.min_handled, 2, MOST)?;
                whole("falls", p.falls.into(), 2, 12)?;
                whole("min_rated", p.min_rated, 1, MOST)?;
                real("min_fall", p.min_fall, 0.0, 1.0)
            }
            Self::Phrase(p) => {
                let fitting = (1..=100).contains(&p.phrases.len())
                    && p.phrases.iter().all(|phrase| {
                        !phrase.trim().is_empty() && phrase.chars().count() <= LONGEST_PHRASE
                    });
                if !fitting {
                    let detail = format!("1 to 100 phrases of 1 to {LONGEST_PHRASE} characters");
                    return Err(InvalidParam::of("phrases", "out_of_range", detail));
                }
                whole("limit", p.limit, 0, MOST)?;
                p.window.check(p.limit)
            }
            Self::SilentSource(p) => {
                real("probability", p.probability, 1e-12, 0.05)?;
                real("max_share", p.max_share, 0.0, 0.9)?;
                real("min_expected", p.min_expected, 1.0, 1e9)?;
                whole("weeks", p.weeks.into(), 2, 26)
            }
            Self::NewTopic(p) => {
                whole("min_contacts", p.min_contacts, 1, MOST)?;
                whole("min_days", p.min_days.into(), 1, 28)?;
                whole("window_days", p.window_days.into(), 2, 28)?;
                let within = p.window_days.into();
                whole("min_days", p.min_days.into(), 1, within)
            }
        }
    }
}

const MOST: i64 = 1_000_000_000;
/// Largest limit of a window that ends with a voice.
const MOST_ROLLING: i64 = 100_000;
const LONGEST_PHRASE: usize = 200;

fn whole(field: &str, value: i64, least: i64, most: i64) -> Result<(), InvalidParam> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let detail = format!("{least} to {most}");
    Err(InvalidParam::of(field, "out_of_range", detail))
}

fn real(field: &str, value: f64, least: f64, most: f64) -> Result<(), InvalidParam> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let detail = format!("{least} to {most}");
    Err(InvalidParam::of(field, "out_of_range", detail))
}

/// The struct in `value`, or which of its fields is wrong.
fn fields<T: DeserializeOwned>(value: &Value) -> Result<T, InvalidParam> {
    let empty = Value::Object(serde_json::Map::new());
    let value = if value.is_null() { &empty } else { value };
    if !value.is_object() {
        return Err(InvalidParam {
            field: "params".to_owned(),
            code: "wrong_type",
            detail: "expected an object".to_owned(),
        });
    }
    let error = match T::deserialize(value) {
        Ok(params) => return Ok(params),
        Err(error) => error.to_string(),
    };
    if let Some(field) = quoted(&error, "missing field `") {
        return Err(InvalidParam::of(field, "required", "is missing"));
    }
    if let Some(field) = quoted(&error, "unknown field `") {
        return Err(InvalidParam::of(field, "unknown", error.clone()));
    }
    // serde does not say which field has the wrong type: the one that is still wrong alone.
    let alone = value.as_object().into_iter().flatten().find(|(name, v)| {
        let mut one = serde_json::Map::new();
        one.insert((*name).clone(), (*v).clone());
        T::deserialize(Value::Object(one))
            .err()
            .is_some_and(|e| !e.to_string().contains("missing field"))
    });
    let field = alone.map_or("", |(name, _)| name);
    Err(InvalidParam {
        field: if field.is_empty() {
            "params".to_owned()
        } else {
            format!("params.{field}")
        },
        code: "wrong_type",
        detail: error,
    })
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.split_once(before)?
        .1
        .split_once('`')
        .map(|(name, _)| name)
}
