//! What a rule would have raised over stored days: nothing is written, nothing is sent.

use super::details::{numbered, replay_from, rows_of};
use super::history::Setup;
use super::judge::{Found, Shelf, by_series, counts, read_counts, series};
use super::phrases::Phrases;
use super::raise::{key_of, would_mail};
use super::rolling;
use super::watch::ruler;
use crate::app::App;
use chrono::{NaiveDate, TimeDelta};
use domain::clock::{local_day, start_of_day};
use domain::detection::{
    Detector, Kind, Moment, Params, Rows, Scope, Signal, Span, Subject, SubjectKind, Watched,
    Window, backtest_counts, fall_days, rise_days,
};
use domain::facts::Counters;
use domain::issues::IssueKind;
use domain::organisation::{Bilingual, Topic, path};
use std::collections::{BTreeMap, BTreeSet};
use storage::{DbError, Read};
use tokio::task::block_in_place;

/// Most days in one back-test.
pub const LONGEST: i64 = 400;
/// Most voices that a back-test of a phrase reads, newest first.
const VOICES: u64 = 50_000;
/// Voices in one read.
const PAGE: u64 = 1_000;

/// What a rule would have done.
#[derive(Debug, Default)]
pub struct Backtest {
    /// Its signals in the order of days.
    pub signals: Vec<Signal>,
    /// Issues that would have opened: one a subject.
    pub issues: usize,
    /// Mails that would have gone out: one per issue and reader.
    pub mails: usize,
    /// The days of the subject that rang most, or of the rule's own topic, for the chart.
    pub days: Vec<BacktestDay>,
    /// What [`Self::days`] is about.
    pub series: Option<Subject>,
    /// What one must know of the answer.
    pub notes: Vec<Bilingual>,
}

/// One day of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestDay {
    /// The day.
    pub day: NaiveDate,
    /// What was counted: contacts, ratings, voices, searches.
    pub count: i64,
    /// A share where the rule looks at one.
    pub level: Option<f64>,
    /// The limit of that day, where there is one: a number, or the share at which it would have rung.
    pub limit: Option<f64>,
    /// What was expected of that day, where the rule says so: a number, or a share.
    pub baseline: Option<f64>,
    /// The rule rang.
    pub signal: bool,
    /// Why it did not although the day stands above its limit, or why there is no limit.
    pub note: Option<Bilingual>,
}

/// Runs a rule over the days from `from` to `to`. `subject`: whose days the chart shows. Issues that
/// really were open change nothing: the same rule answers the same, stored or not.
pub async fn run(
    app: &App,
    detector: &Detector,
    from: NaiveDate,
    to: NaiveDate,
    subject: Option<&str>,
) -> Result<Backtest, DbError> {
    let organisation = storage::organisation::organisation(&app.db).await?;
    let today = local_day(app.now(), organisation.zone);
    // A day that is not over looks like a fall to whoever compares whole days.
    let daily = by_series(detector) || matches!(detector.params, Params::AgentDrift(_));
    let to = to.min(today - TimeDelta::days(i64::from(daily)));
    let setup = Setup::read(&app.db, organisation.zone).await?;
    let mut result = Backtest::default();
    if from > to {
        return Ok(result);
    }
    let mut detector = detector.clone();
    // What is switched off can be tried all the same.
    detector.enabled = true;
    let mut counted: BTreeMap<String, BTreeMap<NaiveDate, (i64, Option<f64>)>> = BTreeMap::new();
    let mut usual = Usual::new();
    let found: Vec<Found> = if by_series(&detector) {
        let mut shelf = Shelf::default();
        let history = shelf
            .get(&app.db, &setup, &detector.scope, from, to)
            .await?;
        let found = block_in_place(|| series(&detector, &setup, history, false, (from, to)));
        let chart = chart_subject(&detector, subject, &found);
        if let Some(chart) = &chart {
            counted.insert(
                chart.key.clone(),
                chart_days(&detector, &setup, history, chart, from, to),
            );
            usual = block_in_place(|| usual_days(&detector, &setup, history, chart, from, to));
        }
        found
    } else if detector.kind == Kind::Phrase {
        let (found, days, note) =
            phrases(app, &detector, &setup, organisation.zone, from, to).await?;
        counted = days;
        result.notes.extend(note);
        found
    } else {
        let rows = read_counts(&app.db, &detector, &setup, from, to).await?;
        for row in &rows {
            let days = counted.entry(row.subject.key.clone()).or_default();
            for (n, c) in (0_i64..).zip(&row.days) {
                let day = row.start + TimeDelta::days(n);
                if (from..=to).contains(&day) {
                    days.insert(day, figure(&detector, c));
                }
            }
        }
        match detector.window().and_then(Window::rolling) {
            Some(length) => {
                let all = (setup.topics.as_slice(), organisation.zone);
                let (found, since) =
                    rolling::backtest(&app.db, &detector, length, &rows, all, (from, to)).await?;
                result.notes.extend(since.map(|day| {
                    Bilingual::new(
                        format!("联系记录太多，只计算了 {day} 及以后的日期。"),
                        format!("Too many voices: only {day} and later days were looked at."),
                    )
                }));
                found
            }
            None => block_in_place(|| counts(&detector, &rows, from, to)),
        }
    };
    let mut found = found;
    found.sort_by(|a, b| {
        // What a channel's alarm covers comes after it, as when it is raised.
        let key = |f: &Found| (f.signal.window, f.signal.part_of.is_some());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.signal.subject.cmp(&b.signal.subject))
    });
    note_limits(&detector, &mut result.notes);
    result.notes.extend(without_data(&app.db, from, to).await?);
    openings(&app.db, &detector, &setup.topics, &found, &mut result).await?;
    let chart = chart_subject(&detector, subject, &found);
    if let Some(chart) = &chart {
        let days = counted.remove(&chart.key).unwrap_or_default();
        result.days = fill(&detector, chart, &days, &usual, &found, from, to);
    }
    result.series = chart;
    result.signals = found.into_iter().map(|f| f.signal).collect();
    Ok(result)
}

/// Issues and mails that signals lead to: one issue a subject, which stays open.
async fn openings(
    db: &impl Read,
    detector: &Detector,
    topics: &[Topic],
    found: &[Found],
    result: &mut Backtest,
) -> Result<(), DbError> {
    let scope = Scope {
        topic: None,
        ..detector.scope.clone()
    };
    let mut opened = BTreeSet::new();
    for f in found {
        if f.signal.information {
            continue;
        }
        let joined = f.signal.part_of.as_ref().map(|subject| Signal {
            subject: subject.clone(),
            ..f.signal.clone()
        });
        let by_channel = joined
            .as_ref()
            .is_some_and(|s| opened.contains(&key_of(s, &Scope::default(), IssueKind::Problem)));
        let kind = IssueKind::of(detector, &f.topic, topics);
        if by_channel || !opened.insert(key_of(&f.signal, &scope, kind)) {
            continue;
        }
        result.issues += 1;
        result.mails += would_mail(db, detector, &f.signal, topics).await?;
    }
    Ok(())
}

fn note_limits(detector: &Detector, notes: &mut Vec<Bilingual>) {
    if let Params::Spike(_) = detector.params {
        notes.push(Bilingual::new(
            "按每天结束时计算；当天提前越线的提醒在实际运行中会更早发出。",
            "Judged at the close of each day; live, a day that is beyond the line already rings earlier.",
        ));
    }
}

/// What the chart shows: what was asked for, the rule's own topic, or what rang most.
fn chart_subject(detector: &Detector, asked: Option<&str>, found: &[Found]) -> Option<Subject> {
    let kind = match detector.kind {
        Kind::NoResultSearch => SubjectKind::SearchTerm,
        Kind::UnhelpfulArticle => SubjectKind::Article,
        Kind::AgentDrift => SubjectKind::Agent,
        Kind::SilentSource => SubjectKind::Channel,
        _ => SubjectKind::Topic,
    };
    if let Some(asked) = asked {
        return Some(Subject::new(kind, asked));
    }
    if let Some(topic) = &detector.scope.topic {
        return Some(Subject::topic(topic.clone()));
    }
    let mut rang: BTreeMap<&Subject, usize> = BTreeMap::new();
    for f in found {
        *rang.entry(&f.signal.subject).or_default() += 1;
    }
    rang.into_iter()
        .max_by_key(|(subject, n)| (*n, std::cmp::Reverse((*subject).clone())))
        .map(|(subject, _)| subject.clone())
}

/// What a counting rule shows of a day.
fn figure(detector: &Detector, c: &domain::facts::Counters) -> (i64, Option<f64>) {
    match detector.kind {
        Kind::UnhelpfulArticle => (c.unhelpful, c.unhelpful_share()),
        Kind::AgentDrift => (c.handle_n.max(c.rated), c.csat()),
        _ => (detector.count_of(c).unwrap_or(c.contacts), None),
    }
}

/// The days of a topic or channel of a history.
fn chart_days(
    detector: &Detector,
    setup: &Setup,
    history: &super::history::History,
    chart: &Subject,
    from: NaiveDate,
    to: NaiveDate,
) -> BTreeMap<NaiveDate, (i64, Option<f64>)> {
    let context = &history.context;
    let series = match chart.kind {
        SubjectKind::Channel => {
            let Some(index) = context.channels.iter().position(|c| *c == chart.key) else {
                return BTreeMap::new();
            };
            if detector.kind == Kind::SilentSource {
                history.sources[index].clone()
            } else {
                context.channel(index).map(|(_, s)| s).unwrap_or_default()
            }
        }
        _ if detector.scope.topic.is_some() => history.below(&chart.key, &setup.topics),
        _ => history.sum([chart.key.as_str()]),
    };
    let mut days = BTreeMap::new();
    let Some((first, last)) = context.range(from, to) else {
        return days;
    };
    for d in first..=last {
        let p = series.day(d);
        let figure = if detector.kind == Kind::CsatFall {
            let share = (p.rated > 0).then(|| f64::from(p.satisfied) / f64::from(p.rated));
            (i64::from(p.rated), share)
        } else {
            (i64::from(p.contacts), None)
        };
        days.insert(context.date(d), figure);
    }
    days
}

/// One row a day, with the limit and what the signals say.
fn fill(
    detector: &Detector,
    chart: &Subject,
    days: &BTreeMap<NaiveDate, (i64, Option<f64>)>,
    usual: &Usual,
    found: &[Found],
    from: NaiveDate,
    to: NaiveDate,
) -> Vec<BacktestDay> {
    let per_day = matches!(
        detector.kind,
        Kind::Threshold | Kind::Risk | Kind::LowRating | Kind::Phrase
    );
    // A share has no number for its limit.
    let by_share = detector.kind == Kind::CsatFall;
    // The limit of an hour, or of a week, is none of a day.
    let per_day = per_day && detector.window() == Some(Window::DAY);
    #[expect(clippy::cast_precision_loss, reason = "limits of a day")]
    let fixed = detector.limit().filter(|_| per_day).map(|l| l as f64);
    let mut all = Vec::new();
    let mut day = from;
    while day <= to {
        let (count, level) = days.get(&day).copied().unwrap_or((0, None));
        let rang = found
            .iter()
            .map(|f| &f.signal)
            .find(|s| s.window == day && s.subject == *chart);
        // A sum over several days has no limit of one day.
        #[expect(clippy::cast_precision_loss, reason = "limits of a day")]
        let of_day = rang
            .filter(|s| {
                !by_share && s.span.is_none() && s.change_day.is_none_or(|first| first == day)
            })
            .map(|s| s.limit as f64);
        let expected = usual.get(&day);
        all.push(BacktestDay {
            day,
            count,
            level,
            limit: fixed.or(expected.and_then(|e| e.limit)).or(of_day),
            baseline: expected
                .map(|e| e.baseline)
                .or_else(|| rang.and_then(baseline_of_a_day)),
            signal: rang.is_some(),
            note: expected.and_then(|e| e.note.clone()),
        });
        day += TimeDelta::days(1);
    }
    all
}

/// What is usual on a day, from a signal that may have added several up.
fn baseline_of_a_day(signal: &Signal) -> Option<f64> {
    let counts = matches!(signal.kind, Kind::Spike | Kind::NewTopic);
    let first = signal
        .change_day
        .filter(|_| counts)
        .unwrap_or(signal.window);
    let days = i32::try_from((signal.window - first).num_days() + 1).unwrap_or(1);
    signal.baseline.map(|b| b / f64::from(days.max(1)))
}

/// What a day was held against.
struct UsualDay {
    /// What it was expected to count, or the usual share.
    baseline: f64,
    /// The most that it might by itself, or the share that would have rung.
    limit: Option<f64>,
    /// Why it did not ring above that, or why there is none.
    note: Option<Bilingual>,
}

type Usual = BTreeMap<NaiveDate, UsualDay>;

/// The expectation and the line of every day of the chart, where a rule compares days with their history.
fn usual_days(
    detector: &Detector,
    setup: &Setup,
    history: &super::history::History,
    chart: &Subject,
    from: NaiveDate,
    to: NaiveDate,
) -> Usual {
    let mut usual = Usual::new();
    if chart.kind != SubjectKind::Topic {
        return usual;
    }
    let series = if detector.scope.topic.is_some() {
        history.below(&chart.key, &setup.topics)
    } else {
        history.sum([chart.key.as_str()])
    };
    let channel = detector.scope.channel.as_deref();
    let open: Vec<Span> = history.left_out(setup, &chart.key, channel, to);
    let watched = Watched {
        subject: chart,
        series: &series,
        open: &open,
    };
    let context = &history.context;
    for d in fall_days(detector, context, watched, from, to) {
        let day = UsualDay {
            baseline: d.usual,
            limit: d.rings_at,
            note: d.note,
        };
        usual.insert(d.day, day);
    }
    for d in rise_days(detector, context, watched, from, to) {
        #[expect(clippy::cast_precision_loss, reason = "limits of a day")]
        let day = UsualDay {
            baseline: d.expected,
            limit: d.limit.map(|l| l as f64),
            note: d.note,
        };
        usual.insert(d.day, day);
    }
    usual
}

/// Says so where days that were asked for hold nothing: a rule that is silent there is not a quiet one.
async fn without_data(
    db: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Option<Bilingual>, DbError> {
    let held = storage::facts::span(db).await?;
    Ok(match held {
        Some((first, last)) if first <= to && last >= from => (first > from).then(|| {
            Bilingual::new(
                format!("最早的数据是 {first}，之前的日期没有数据，也就没有信号。"),
                format!("The data begin on {first}; before it there is nothing that could ring."),
            )
        }),
        _ => Some(Bilingual::new(
            "所选日期没有任何数据：没有信号不代表规则安静。",
            "There are no data of these days: that nothing rings says nothing about the rule.",
        )),
    })
}

/// Voices of a topic that hold a phrase.
#[derive(Default)]
struct Said {
    /// When and by whom.
    moments: Vec<Moment>,
    /// The same by day, in the order in which they were read.
    days: Vec<(NaiveDate, String)>,
    /// Who labelled the last of each day.
    classifiers: BTreeMap<NaiveDate, Option<String>>,
}

type Days = BTreeMap<String, BTreeMap<NaiveDate, (i64, Option<f64>)>>;

/// A phrase stands in no fact: voices are read, newest first and not without end.
async fn phrases(
    app: &App,
    detector: &Detector,
    setup: &Setup,
    zone: chrono_tz::Tz,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<(Vec<Found>, Days, Option<Bilingual>), DbError> {
    let rolling = detector.window().and_then(Window::rolling);
    // Several days are replayed before the first that is asked for; an hour may begin the day before.
    let first = match (rolling, detector.days()) {
        (Some(_), _) => from - TimeDelta::days(2),
        (None, 1) => from,
        (None, days) => replay_from(from, days),
    };
    let rules = std::slice::from_ref(detector);
    let phrases = Phrases::of(rules);
    let mut filter = storage::feedback::Filter {
        channel: detector.scope.channel.clone(),
        region: detector.scope.region.clone(),
        from: Some(start_of_day(first, zone).timestamp_micros()),
        to: Some(start_of_day(to + TimeDelta::days(1), zone).timestamp_micros()),
        ..Default::default()
    };
    let mut said: BTreeMap<String, Said> = BTreeMap::new();
    let (mut read, mut cut) = (0, false);
    loop {
        let page = storage::feedback::list(&app.db, &filter, PAGE).await?;
        for voice in page.items {
            read += 1;
            let Some((label, _)) = &voice.label else {
                continue;
            };
            let day = voice.feedback.day.filter(|d| (first..=to).contains(d));
            let (Some(day), Some(at)) = (day, voice.feedback.occurred_at) else {
                continue;
            };
            let topic = label.topic.clone().unwrap_or_default();
            let above = if topic.is_empty() {
                vec![String::new()]
            } else {
                path(&topic, &setup.topics)
            };
            let region = voice.feedback.region.as_deref().unwrap_or_default();
            let heard = detector.watches(&above, &voice.feedback.channel, region)
                && !phrases.said(&voice.feedback).is_empty();
            if heard {
                let subject = detector.subject(&topic).to_owned();
                let entry = said.entry(subject).or_default();
                let customer = voice.feedback.customer_hash.clone().unwrap_or_default();
                let ruler = ruler(label);
                let kept = entry.classifiers.entry(day).or_default();
                *kept = ruler.or(kept.take());
                entry.days.push((day, customer.clone()));
                entry.moments.push(Moment { at, customer });
            }
        }
        match page.next {
            Some(_) if read >= VOICES => {
                cut = true;
                break;
            }
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    let mut days = Days::new();
    let mut found = Vec::new();
    for (subject, heard) in said {
        let rows = heard.days.iter().map(|(day, _)| {
            let row = Counters {
                voices: 1,
                ..Counters::default()
            };
            (String::new(), *day, row)
        });
        let rows = rows_of(rows, first, to).remove("").unwrap_or_default();
        let counted = days.entry(subject.clone()).or_default();
        for (n, row) in (0_i64..).zip(&rows) {
            let day = first + TimeDelta::days(n);
            if row.voices > 0 && day >= from {
                counted.insert(day, (row.voices, None));
            }
        }
        let about = Subject::topic(subject.clone());
        let signals = if let Some(length) = rolling {
            rolling::of_moments(detector, length, &about, heard.moments, zone, (from, to))
        } else {
            let known = heard.days.into_iter().filter(|(_, c)| !c.is_empty());
            let tellers = numbered(known.map(|(day, c)| (day, c, 1)), first);
            let rows = Rows {
                start: first,
                days: &rows,
                tellers: &tellers,
            };
            backtest_counts(detector, &about, rows, from, to)
        };
        found.extend(signals.into_iter().map(|signal| {
            let classifier = heard.classifiers.get(&signal.window).cloned().flatten();
            Found {
                signal: signal.with_classifier(classifier),
                topic: subject.clone(),
            }
        }));
    }
    let note = cut.then(|| {
        Bilingual::new(
            format!("只读取了最近到达的 {read} 条反馈；更早的没有计入。"),
            format!(
                "Only the {read} voices that arrived last were read; older ones are not counted."
            ),
        )
    });
    Ok((found, days, note))
}
