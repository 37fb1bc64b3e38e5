//! A source that falls silent is told within the hour, not at the day's close: what had been received of
//! earlier days by the same hour is what is expected now.

use super::history::Setup;
use super::raise::{Raising, raise};
use super::withdraw;
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{Timestamp, local_day, start_of_day};
use domain::detection::{
    Detector, Kind, Params, Signal, Subject, SubjectKind, TimeSpan, silent_so_far,
};
use std::collections::{BTreeMap, BTreeSet};
use storage::DbError;
use storage::detection::Raised;

/// The last full hour of the organisation's day that is over; `None` in its first.
fn cut(now: Timestamp, start: Timestamp) -> Option<Timestamp> {
    let hours = (now - start).num_hours();
    (hours > 0).then(|| start + TimeDelta::hours(hours))
}

/// Whether a signal is of a running day.
pub(super) fn is_of_hours(raised: &Raised) -> bool {
    raised.signal.kind == Kind::SilentSource && raised.signal.span.is_some()
}

/// Looks at the hours of today, if nobody here has since the last full one (`looked`).
pub(super) async fn look(app: &App, looked: &mut Option<Timestamp>) -> Result<(), DbError> {
    let zone = storage::organisation::organisation(&app.db).await?.zone;
    let today = local_day(app.now(), zone);
    let start = start_of_day(today, zone);
    let Some(cut) = cut(app.now(), start).filter(|cut| *looked != Some(*cut)) else {
        return Ok(());
    };
    let rules: Vec<(Detector, u16)> = storage::organisation::all::<Detector>(&app.db)
        .await?
        .into_iter()
        .filter_map(|rule| match &rule.params {
            Params::SilentSource(p) if rule.enabled && p.within_day => {
                let weeks = p.weeks;
                Some((rule, weeks))
            }
            _ => None,
        })
        .collect();
    if rules.is_empty() {
        *looked = Some(cut);
        return Ok(());
    }
    let setup = Setup::read(&app.db, zone).await?;
    let weeks = rules
        .iter()
        .map(|(_, weeks)| *weeks)
        .max()
        .unwrap_or_default();
    let earlier = earlier(app, &setup, (today, weeks), |day| {
        let from = start_of_day(day, zone);
        (from, from + (cut - start))
    })
    .await?;
    let so_far: BTreeMap<String, i64> = storage::detection::received(&app.db, start, cut)
        .await?
        .into_iter()
        .collect();
    let channels: BTreeSet<&String> = earlier.iter().flat_map(|(_, all)| all.keys()).collect();
    let span = TimeSpan {
        from: start.with_timezone(&zone).fixed_offset(),
        to: cut.with_timezone(&zone).fixed_offset(),
    };
    let count = |all: &BTreeMap<String, i64>, channel: &str| {
        u32::try_from(all.get(channel).copied().unwrap_or_default()).unwrap_or(u32::MAX)
    };
    let left_out = setup.day(today).left_out;
    let mut found: Vec<(&Detector, Signal)> = Vec::new();
    for (rule, weeks) in &rules {
        for channel in &channels {
            let in_scope = rule.scope.channel.as_ref().is_none_or(|c| c == *channel);
            let planned = !setup.events(&[], Some(channel), today, today).is_empty();
            if left_out || planned || !in_scope {
                continue;
            }
            let usual: Vec<u32> = earlier
                .iter()
                .take_while(|(day, _)| *day >= today - TimeDelta::weeks(i64::from(*weeks)))
                .map(|(_, all)| count(all, channel))
                .collect();
            let subject = Subject::new(SubjectKind::Channel, (*channel).clone());
            let count = count(&so_far, channel);
            found.extend(
                silent_so_far(rule, &subject, today, span, count, &usual).map(|s| (rule, s)),
            );
        }
    }
    let tx = app.begin().await?;
    for (detector, signal) in &found {
        let raising = Raising {
            detector,
            signal,
            topic: "",
            voices: &[],
            quiet: false,
        };
        raise(app, &tx, &setup.topics, &raising).await?;
    }
    // It has come since: nothing was wrong, or is no more.
    let mut gone = Vec::new();
    for raised in storage::detection::standing(&tx, today, today).await? {
        let signal = &raised.signal;
        let rings = found
            .iter()
            .any(|(_, s)| s.detector == signal.detector && s.subject == signal.subject);
        let rule = rules
            .iter()
            .map(|(rule, _)| rule)
            .find(|r| r.key == signal.detector && r.version == signal.detector_version);
        if is_of_hours(&raised)
            && !rings
            && let Some(rule) = rule
        {
            gone.push(withdraw::Gone::late(&tx, &setup.topics, rule, &raised).await?);
        }
    }
    withdraw::withdraw(app, &tx, &gone).await?;
    tx.commit().await?;
    app.wake_workers();
    *looked = Some(cut);
    Ok(())
}

/// What had been received by the same hour of earlier days that are like today, the latest first.
async fn earlier(
    app: &App,
    setup: &Setup,
    (today, weeks): (NaiveDate, u16),
    hours: impl Fn(NaiveDate) -> (Timestamp, Timestamp),
) -> Result<Vec<(NaiveDate, BTreeMap<String, i64>)>, DbError> {
    let like = setup.day(today);
    let mut all = Vec::new();
    for week in 1..=i64::from(weeks) {
        let day = today - TimeDelta::weeks(week);
        let that = setup.day(day);
        if that.left_out || that.off != like.off {
            continue;
        }
        let (from, cut) = hours(day);
        let counted = storage::detection::received(&app.db, from, cut).await?;
        all.push((day, counted.into_iter().collect()));
    }
    Ok(all)
}
