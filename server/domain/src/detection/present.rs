//! The line of a day: of the running one, known beforehand, and of those that are over, for charts.

use super::daily::backtest;
use super::fall::Open;
use super::params::SpikeParams;
use super::series::{Context, FULL_DAYS, Point, Watched};
use super::short::Earlier;
use super::volume::{Levels, as_f64};
use super::{Detector, Params, Signal, Subject, SubjectKind};
use crate::organisation::Bilingual;
use crate::statistics::cusum::count_tail;
use chrono::{Days, NaiveDate};

/// What a day that is still running is compared with: the expectation of the whole day, so that it
/// is beyond the line only once the day would be, however it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// Contacts of the whole day.
    expected: f64,
    /// Distinct customers of the whole day.
    people: f64,
    /// a of NB2.
    dispersion: f64,
    /// Contacts of the six days before.
    week: i64,
    /// With a short history: the earlier days.
    earlier: Option<Earlier>,
}

/// What to expect of the day `d` from the days before it; the day's own points are not looked at.
/// `None`: nothing is to fire that day.
#[must_use]
pub fn expectation(
    params: &SpikeParams,
    context: &Context,
    watched: Watched<'_>,
    date: NaiveDate,
) -> Option<Expectation> {
    expected_on(params, context, watched, date, false)
}

/// `others`: with what the rest of the channels did, which is known once the day is over.
fn expected_on(
    params: &SpikeParams,
    context: &Context,
    watched: Watched<'_>,
    date: NaiveDate,
    others: bool,
) -> Option<Expectation> {
    let d = context.index(date)?;
    let series = watched.series;
    let first = series.first().filter(|first| *first < d)?;
    let open = Open::of(context, watched);
    if context.left_out(d) || open.on(d) {
        return None;
    }
    let mut levels = Levels::default();
    levels.restart(series.lanes.len());
    let expected = levels.advance(context, series, first, d, others, |e| open.on(e))?;
    let days = |from: usize| (from..d).map(|e| series.day(e));
    let week = days(d.saturating_sub(6))
        .map(|p| i64::from(p.contacts))
        .sum();
    let full = d >= first + FULL_DAYS;
    let earlier = if full {
        None
    } else {
        let source = context.source_start(d)?;
        let start = if d < source + FULL_DAYS {
            source
        } else {
            first
        };
        if d < start + usize::from(params.min_history_days) {
            return None;
        }
        let mut earlier = Earlier::default();
        for e in start..d {
            if !context.left_out(e) && !open.on(e) {
                earlier.add(series.day(e));
            }
        }
        Some(earlier)
    };
    Some(Expectation {
        expected,
        people: expected * levels.people(),
        dispersion: context.dispersion(d),
        week,
        earlier,
    })
}

/// What a day that is over was held against, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct RiseDay {
    /// The day.
    pub day: NaiveDate,
    /// Contacts expected of it, with what the rest of the channel did.
    pub expected: f64,
    /// The most contacts, all of different customers, that it might have by itself.
    pub limit: Option<i64>,
    /// Why it did not ring although it stands above that.
    pub note: Option<Bilingual>,
}

/// What a rule of kind `spike` held the days from `from` to `to` against. Against the same weekday
/// of the weeks before there is no such line.
#[must_use]
pub fn rise_days(
    detector: &Detector,
    context: &Context,
    watched: Watched<'_>,
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<RiseDay> {
    let Params::Spike(params) = &detector.params else {
        return Vec::new();
    };
    if params.weekday_weeks > 0 {
        return Vec::new();
    }
    let others = params.with_channel && watched.subject.kind != SubjectKind::Channel;
    let quiet = Days::new(params.quiet_days.into());
    let since = from.checked_sub_days(quiet).unwrap_or(from);
    let mut rang = backtest(detector, context, watched, since, to);
    rang.retain(|s| !s.information);
    from.iter_days()
        .take_while(|day| *day <= to)
        .filter_map(|day| {
            let expected = expected_on(params, context, watched, day, others)?;
            let limit = expected.limit(params);
            let point = watched.series.day(context.index(day)?);
            let above = limit.is_some_and(|limit| i64::from(point.contacts) > limit);
            let alarm = rang
                .iter()
                .rfind(|s| s.window <= day && day <= s.window + quiet);
            let note = match alarm {
                _ if !above => None,
                Some(alarm) if alarm.window == day => None,
                Some(alarm) => Some(silence(alarm.window, params.quiet_days)),
                None => Some(expected.unheard(params, point)),
            };
            Some(RiseDay {
                day,
                expected: expected.expected(),
                limit,
                note,
            })
        })
        .collect()
}

/// A day within the silence after an alarm.
pub(super) fn silence(alarm: NaiveDate, days: u16) -> Bilingual {
    Bilingual::new(
        format!("{alarm} 已经提醒，之后 {days} 天内不再触发"),
        format!("it rang on {alarm} and is silent for {days} days after"),
    )
}

impl Expectation {
    /// Why a day above its limit did not ring, outside of the silence after an alarm.
    fn unheard(&self, params: &SpikeParams, day: Point) -> Bilingual {
        let week = self.week + i64::from(day.contacts);
        if week < params.min_week {
            let least = params.min_week;
            return Bilingual::new(
                format!("最近 7 天只有 {week} 次联系，不到 {least} 次不触发"),
                format!("only {week} contacts in the last 7 days; below {least} nothing rings"),
            );
        }
        let usual = match &self.earlier {
            Some(earlier) => earlier.customers / earlier.days.max(1.0),
            None => self.people,
        };
        let n = day.customers;
        Bilingual::new(
            format!(
                "联系次数超过上限，但只来自 {n} 位客户（往常约 {usual:.0} 位）：少数客户反复联系不触发"
            ),
            format!(
                "above the limit, but by {n} customers only (usually about {usual:.0}): a few who write again and again ring nothing"
            ),
        )
    }

    /// Contacts of the whole day.
    #[must_use]
    pub fn expected(&self) -> f64 {
        match &self.earlier {
            Some(earlier) => earlier.contacts / earlier.days.max(1.0),
            None => self.expected,
        }
    }

    /// The most contacts, all of different customers, that one day may have; `None`: none would ring.
    #[must_use]
    pub fn limit(&self, params: &SpikeParams) -> Option<i64> {
        let fires = |n: u32| {
            let day = Point {
                contacts: n,
                customers: n,
                ..Point::default()
            };
            match &self.earlier {
                Some(earlier) => earlier.judge(day, params).is_some(),
                None => self.one_day(params, day).is_some(),
            }
        };
        let mut too_many = 16_u32;
        while !fires(too_many) {
            too_many = too_many.checked_mul(2).filter(|n| *n < 1 << 30)?;
        }
        let mut accepted = 0;
        while accepted + 1 < too_many {
            let middle = u32::midpoint(accepted, too_many);
            if fires(middle) {
                too_many = middle;
            } else {
                accepted = middle;
            }
        }
        Some(accepted.into())
    }

    /// The signal, if what the day has counted so far is beyond the line of a whole day.
    #[must_use]
    pub fn judge(
        &self,
        detector: &Detector,
        params: &SpikeParams,
        subject: &Subject,
        date: NaiveDate,
        so_far: Point,
    ) -> Option<Signal> {
        if self.week + i64::from(so_far.contacts) < params.min_week {
            return None;
        }
        let (expected, limit, chance, rare) = match &self.earlier {
            Some(earlier) => {
                let above = earlier.judge(so_far, params)?;
                (
                    above.expected,
                    above.limit,
                    above.chance,
                    params.short_probability,
                )
            }
            None => self.one_day(params, so_far)?,
        };
        Some(Signal {
            anonymous: Some(so_far.anonymous.into()),
            limit,
            baseline: Some(expected),
            statistic: Some(chance),
            threshold: Some(rare),
            ..Signal::counted(
                detector,
                subject.clone(),
                date,
                so_far.contacts.into(),
                Some(so_far.customers.into()),
            )
        })
    }

    /// The look at one day, as at its close; expectation, limit, chance and its line.
    fn one_day(&self, params: &SpikeParams, day: Point) -> Option<(f64, i64, f64, f64)> {
        let (mu, a) = (self.expected, self.dispersion);
        let rare = params.day_alarms_per_year / 365.0;
        let beyond = |y: f64| y - mu >= as_f64(params.min_excess) && count_tail(y, mu, a) < rare;
        let people = f64::from(day.customers);
        let many = people - self.people >= as_f64(params.min_excess)
            && count_tail(people, self.people, a) < rare;
        if !many || !beyond(day.contacts.into()) {
            return None;
        }
        let (mut accepted, mut too_many) = (0, day.contacts);
        while accepted + 1 < too_many {
            let middle = accepted.midpoint(too_many);
            if beyond(middle.into()) {
                too_many = middle;
            } else {
                accepted = middle;
            }
        }
        let chance = count_tail(day.contacts.into(), mu, a);
        Some((mu, accepted.into(), chance, rare))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Day, Lane, Params, Series};
    use super::*;
    use chrono::Days;

    fn steady(days: usize, contacts: u32) -> Vec<Series> {
        let lane = |n: u32| Lane {
            channel: 0,
            points: (0..days)
                .map(|d| {
                    let c = n + u32::try_from(d % 3).unwrap();
                    Point {
                        contacts: c,
                        customers: c,
                        ..Point::default()
                    }
                })
                .collect(),
        };
        (0..6)
            .map(|_| Series {
                lanes: vec![lane(contacts)],
            })
            .collect()
    }

    #[test]
    fn the_running_day_fires_only_beyond_the_whole_days_line() {
        let start = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        let mut topics = steady(80, 10);
        let date = start + Days::new(79);
        for topic in &mut topics {
            // Nothing has arrived yet today.
            topic.lanes[0].points[79] = Point::default();
        }
        let context = Context::new(
            start,
            vec![Day::default(); 80],
            vec!["phone".into()],
            &topics,
        );
        let params = SpikeParams::default();
        let detector = Detector::new("s", Params::Spike(params.clone()));
        let subject = Subject::topic("t");
        let watched = Watched {
            subject: &subject,
            series: &topics[0],
            open: &[],
        };
        let expected = expectation(&params, &context, watched, date).unwrap();
        let so_far = |contacts, customers| Point {
            contacts,
            customers,
            ..Point::default()
        };
        let judge = |p| expected.judge(&detector, &params, &subject, date, p);
        assert!(judge(so_far(14, 14)).is_none());
        let limit = judge(so_far(80, 80)).unwrap().limit;
        assert!((15..60).contains(&limit), "{limit}");
        let at = |n: i64| u32::try_from(n).unwrap();
        assert!(judge(so_far(at(limit), at(limit))).is_none());
        let first = judge(so_far(at(limit + 1), at(limit + 1))).unwrap();
        assert_eq!((first.limit, first.count), (limit, limit + 1));
        assert_eq!(
            expected.limit(&params),
            Some(limit),
            "the line of a chart is the same"
        );
        assert!(judge(so_far(80, 3)).is_none(), "three people are no spike");
        // Nor is one who writes again and again on a day that is a little busier than usual.
        assert!(judge(so_far(160, at(limit) - 2)).is_none());
        assert!(judge(so_far(160, at(limit) + 1)).is_some());
        let open = [(date - Days::new(2), date)];
        let open = Watched {
            open: &open,
            ..watched
        };
        assert!(
            expectation(&params, &context, open, date).is_none(),
            "its issue is open"
        );
    }
}
