//! Dense daily series of an organisation, as the daily rules read them.

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use domain::clock::local_day;
use domain::detection::{Context, Day, Lane, Point, Scope, Series, Span, history_start};
use domain::facts::{CalendarNote, NoteKind};
use domain::organisation::{Topic, path, subtree};
use std::collections::{BTreeMap, HashMap};
use storage::detection::IssueDays;
use storage::{DbError, Read};

/// What every look at a day shares.
pub(super) struct Setup {
    /// The taxonomy.
    pub topics: Vec<Topic>,
    /// Holidays and planned events.
    pub notes: Vec<CalendarNote>,
    /// When which issue was open, by its key.
    pub issues: HashMap<String, Vec<IssueDays>>,
    /// The days of signals that stand, or were held back, by rule and subject; `None`: nobody asks.
    pub heard: Option<HashMap<(String, String), Vec<NaiveDate>>>,
}

/// The longest silence after an alarm, and the days that late data have judged again.
const LONGEST_SILENCE: i64 = 90 + 14;

impl Setup {
    /// Reads it.
    pub(super) async fn read(db: &impl Read, zone: chrono_tz::Tz) -> Result<Self, DbError> {
        let mut issues: HashMap<String, Vec<IssueDays>> = HashMap::new();
        for days in storage::detection::issue_days(db, |at| local_day(at, zone)).await? {
            issues.entry(days.key.clone()).or_default().push(days);
        }
        Ok(Self {
            topics: storage::organisation::all(db).await?,
            notes: storage::organisation::all(db).await?,
            issues,
            heard: None,
        })
    }

    /// Reads which alarms before `day` somebody got: only those silence their rules.
    pub(super) async fn hear(&mut self, db: &impl Read, day: NaiveDate) -> Result<(), DbError> {
        let since = day - TimeDelta::days(LONGEST_SILENCE);
        let mut heard: HashMap<(String, String), Vec<NaiveDate>> = HashMap::new();
        for (detector, subject, day) in storage::detection::heard(db, since).await? {
            heard.entry((detector, subject)).or_default().push(day);
        }
        self.heard = Some(heard);
        Ok(())
    }

    /// Days on which the issue of that key was open, from the day after its alarm on: the alarm's own
    /// day must answer the same whenever it is judged again.
    pub(super) fn open(&self, key: &str, until: NaiveDate) -> Vec<Span> {
        self.issues
            .get(key)
            .into_iter()
            .flatten()
            .map(|d| (d.alarm + TimeDelta::days(1), d.closed.unwrap_or(until)))
            .filter(|(from, to)| from <= to)
            .collect()
    }

    /// Days of planned events that concern a topic (with its ancestors; empty: none) or channel.
    pub(super) fn events(
        &self,
        above: &[String],
        channel: Option<&str>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Vec<Span> {
        self.notes
            .iter()
            .filter(|n| n.kind == NoteKind::Event && n.concerns(above, channel))
            // Those of everything are left out of the calendar itself.
            .filter(|n| !n.topics.is_empty() || !n.channels.is_empty())
            .filter(|n| n.from <= to && n.to >= from)
            .map(|n| (n.from, n.to))
            .collect()
    }

    /// What kind of day it is.
    pub(super) fn day(&self, date: NaiveDate) -> Day {
        let of_all = |n: &&CalendarNote| {
            (n.from..=n.to).contains(&date) && n.topics.is_empty() && n.channels.is_empty()
        };
        let mut day = Day {
            off: matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
            left_out: false,
        };
        for note in self.notes.iter().filter(of_all) {
            match note.kind {
                NoteKind::Holiday => day.off = true,
                NoteKind::Event => day.left_out = true,
                NoteKind::SurveyChanged => {}
            }
        }
        day
    }
}

/// The days of all topics in a channel and region (`None`: all).
pub(super) struct History {
    /// First day of every series.
    pub start: NaiveDate,
    /// Days of all series.
    pub context: Context,
    /// Days of each topic by itself, `""` among them.
    pub topics: BTreeMap<String, Series>,
    /// The same of what arrives at all: one series a channel, voices of every class.
    pub sources: Vec<Series>,
}

impl History {
    /// Reads the days up to `until`, so many before `from` that `from` can be judged.
    pub(super) async fn read(
        db: &impl Read,
        setup: &Setup,
        scope: &Scope,
        from: NaiveDate,
        until: NaiveDate,
    ) -> Result<Self, DbError> {
        let start = history_start(from);
        let (channel, region) = (scope.channel.as_deref(), scope.region.as_deref());
        let rows = storage::facts::points(db, start, until, channel, region).await?;
        let length = usize::try_from((until - start).num_days() + 1).unwrap_or(0);
        let mut channels: Vec<String> = rows.iter().map(|r| r.channel.clone()).collect();
        channels.sort();
        channels.dedup();
        let empty = || vec![Point::default(); length];
        let mut topics: BTreeMap<String, Series> = BTreeMap::new();
        let mut sources: Vec<Series> = (0..channels.len())
            .map(|channel| Series {
                lanes: vec![Lane {
                    channel,
                    points: empty(),
                }],
            })
            .collect();
        let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        for row in rows {
            let Ok(index) = row.day.parse::<NaiveDate>().map(|d| (d - start).num_days()) else {
                continue;
            };
            let (Ok(index), Ok(channel)) =
                (usize::try_from(index), channels.binary_search(&row.channel))
            else {
                continue;
            };
            let point = Point {
                contacts: count(row.contacts),
                customers: count(row.customers),
                anonymous: count(row.anonymous),
                rated: count(row.rated),
                satisfied: count(row.satisfied),
            };
            if let Some(sum) = sources[channel].lanes[0].points.get_mut(index) {
                sum.contacts = sum.contacts.saturating_add(count(row.voices));
            }
            if point == Point::default() {
                continue;
            }
            let series = topics.entry(row.topic).or_default();
            // Rows come in the order of topic, channel and day.
            if series.lanes.last().is_none_or(|l| l.channel != channel) {
                series.lanes.push(Lane {
                    channel,
                    points: empty(),
                });
            }
            if let Some(kept) = series
                .lanes
                .last_mut()
                .and_then(|l| l.points.get_mut(index))
            {
                *kept = point;
            }
        }
        // Who is unhappy ten times in a day is one unhappy customer.
        for again in storage::facts::repeated_marks(db, start, until, channel, region).await? {
            let Ok(index) = again
                .day
                .parse::<NaiveDate>()
                .map(|d| (d - start).num_days())
            else {
                continue;
            };
            let (Ok(index), Ok(channel)) = (
                usize::try_from(index),
                channels.binary_search(&again.channel),
            ) else {
                continue;
            };
            let lane = topics
                .get_mut(&again.topic)
                .and_then(|s| s.lanes.iter_mut().find(|l| l.channel == channel));
            if let Some(point) = lane.and_then(|l| l.points.get_mut(index)) {
                let bad = point.rated.saturating_sub(point.satisfied);
                // One of them stays.
                let more = count(again.n).min(bad.saturating_sub(1));
                point.rated = point.rated.saturating_sub(more);
            }
        }
        let days = (0..length)
            .map(|n| setup.day(start + TimeDelta::days(i64::try_from(n).unwrap_or(0))))
            .collect();
        let all: Vec<Series> = topics.values().cloned().collect();
        let context = Context::new(start, days, channels, &all);
        Ok(Self {
            start,
            context,
            topics,
            sources,
        })
    }

    /// The days of several topics together.
    pub(super) fn sum<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> Series {
        let mut lanes: BTreeMap<usize, Vec<Point>> = BTreeMap::new();
        for series in topics.into_iter().filter_map(|t| self.topics.get(t)) {
            for lane in &series.lanes {
                match lanes.entry(lane.channel) {
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(lane.points.clone());
                    }
                    std::collections::btree_map::Entry::Occupied(mut entry) => {
                        for (sum, point) in entry.get_mut().iter_mut().zip(&lane.points) {
                            sum.add(*point);
                        }
                    }
                }
            }
        }
        Series {
            lanes: lanes
                .into_iter()
                .map(|(channel, points)| Lane { channel, points })
                .collect(),
        }
    }

    /// The days of a topic and everything below it.
    pub(super) fn below(&self, topic: &str, topics: &[Topic]) -> Series {
        let all = subtree(topic, topics);
        self.sum(all.iter().map(String::as_str))
    }

    /// Events that concern a topic, as days that are neither judged nor part of a baseline.
    pub(super) fn left_out(
        &self,
        setup: &Setup,
        topic: &str,
        channel: Option<&str>,
        until: NaiveDate,
    ) -> Vec<Span> {
        setup.events(&path(topic, &setup.topics), channel, self.start, until)
    }
}
