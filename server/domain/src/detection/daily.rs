//! The daily look: one code path for the live scan, for days that are judged again, and for
//! back-tests.
//!
//! A scan replays the series from its first day; that is what makes every day's answer the same
//! whenever it is asked. Series should therefore begin on the same day night after night:
//! [`history_start`] says where.

use super::fall::{self, After};
use super::params::Params;
use super::series::{Context, Watched};
use super::{Detector, Signal, new_topic, silent, volume};
use chrono::{Datelike, Days, NaiveDate};

/// Where series that are to be judged on `day` begin: the first day of the quarter that lies at
/// least a year back. It stays the same for three months, so that running sums do.
#[must_use]
pub fn history_start(day: NaiveDate) -> NaiveDate {
    let month = day.month0() / 3 * 3 + 1;
    NaiveDate::from_ymd_opt(day.year() - 1, month, 1).unwrap_or(day)
}

/// What `detector` would have raised on the days from `from` to `to`, both included, as often as
/// once in its days of silence. Mutes are not looked at: they concern what is raised, not what
/// would have been. Kinds that look at single voices or at details have no daily series of a topic:
/// see [`super::backtest_counts`].
#[must_use]
pub fn backtest(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<Signal> {
    let Some(range) = context.range(from, to) else {
        return Vec::new();
    };
    if !detector.enabled {
        return Vec::new();
    }
    match &detector.params {
        Params::Spike(p) => volume::scan(detector, p, context, watched, None, range),
        Params::CsatFall(p) => fall::scan(detector, p, context, watched, None, range),
        Params::SilentSource(p) => silent::scan(detector, p, context, watched, range),
        Params::NewTopic(p) => new_topic::scan(detector, p, context, watched, range),
        _ => Vec::new(),
    }
}

/// What `detector` raises at the close of `day`: nothing while it is muted. What rang while it was
/// muted rings again after its days of silence if it still holds.
#[must_use]
pub fn scan_day(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    day: NaiveDate,
) -> Vec<Signal> {
    if detector.muted_on(day) {
        return Vec::new();
    }
    backtest(detector, context, watched, day, day)
}

/// What `detector` raises at the close of `day`, where only those signals silence it that somebody got:
/// `heard` says of which days. An alarm of a day that had become history when its data arrived told
/// nobody, and must not keep the rule from ringing while the trouble goes on.
#[must_use]
pub fn scan_heard(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    heard: &[NaiveDate],
    day: NaiveDate,
) -> Vec<Signal> {
    let quiet = u64::from(detector.quiet_days().unwrap_or_default());
    let since = day.checked_sub_days(Days::new(quiet)).unwrap_or(day);
    let replayed = backtest(detector, context, watched, since, day);
    let (today, earlier): (Vec<Signal>, Vec<Signal>) =
        replayed.into_iter().partition(|s| s.window == day);
    let told = |from: NaiveDate| heard.iter().any(|h| (from..day).contains(h));
    match earlier.iter().rfind(|s| !s.information) {
        Some(silencer) if today.is_empty() && !told(silencer.window) => {
            backtest(&detector.without_silence(), context, watched, day, day)
        }
        _ => today,
    }
}

/// C9: after a verdict the running sum starts anew at the level after the fix. The first signal
/// from `after.from` to `to` is a relapse. `detector` is of kind `csat_fall` or `spike`.
#[must_use]
pub fn relapse(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    after: After,
    to: NaiveDate,
) -> Option<Signal> {
    let (_, to) = context.range(context.date(after.from), to)?;
    let range = (after.from, to);
    match &detector.params {
        Params::Spike(p) => volume::scan(detector, p, context, watched, Some(after), range),
        Params::CsatFall(p) => fall::scan(detector, p, context, watched, Some(after), range),
        _ => Vec::new(),
    }
    .into_iter()
    .find(|s| !s.information)
}
