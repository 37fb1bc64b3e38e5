//! What contracts are planned from and verdicts computed from, read from the facts: its cost depends on
//! topics × channels × days, never on how much feedback there is.

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use domain::clock::{Timestamp, local_day, start_of_day};
use domain::detection::{Subject, SubjectKind};
use domain::facts::{CalendarNote, Class, Detail, NoteKind};
use domain::organisation::{Topic, subtree};
use domain::tasks::Task;
use domain::verification::baseline::Windows;
use domain::verification::{
    Annotation, Contract, Course, DayRow, Facts, Gap, LabelVersion, Metric, OtherFix, Sentence,
    TopicInfo, control_topics, usual_noise,
};
use std::collections::{BTreeMap, BTreeSet};
use storage::{DbError, Read};

/// Days before the windows that can matter: what the noise and the trend are learnt from.
const HISTORY: i64 = 112;
/// Days before alarm or fix that are read: guard, quiet baseline and history, with room for a change
/// that a detector dates earlier.
pub const REACH: i64 = 240;
/// Untreated topics that tell how noisy topics of this organisation usually are.
const NOISE_TOPICS: usize = 20;
/// Other agents, articles or searches that one is compared with.
const PEERS: u64 = 60;
/// Siblings that are looked at for displacement.
const SIBLINGS: usize = 30;

/// The facts of one verdict.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Daily counts of the topic that is judged, its subtree included.
    pub topic: Vec<DayRow>,
    /// Daily counts of the control topics, summed, in the topic's channels.
    pub control: Vec<DayRow>,
    /// Which topics those are.
    pub control_topics: Vec<String>,
    /// Topics under the same parent, by name.
    pub siblings: Vec<(Sentence, Vec<DayRow>)>,
    /// The keys of those under the same parent, in their order.
    pub sibling_topics: Vec<String>,
    /// Daily counts of untreated topics, each for itself: how noisy topics usually are here.
    pub steady: Vec<Vec<DayRow>>,
    /// The last day of those.
    pub steady_until: NaiveDate,
}

impl Evidence {
    /// As the rules want it.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            topic: &self.topic,
            control: &self.control,
            control_topics: self.control_topics.len(),
            siblings: &self.siblings,
        }
    }

    /// Noise factor of the organisation's untreated topics.
    #[must_use]
    pub fn usual_noise(&self, metric: Metric, closed_days: &[NaiveDate]) -> Option<f64> {
        let series: Vec<&[DayRow]> = self.steady.iter().map(Vec::as_slice).collect();
        usual_noise(metric, &series, closed_days, self.steady_until)
    }
}

/// Which days matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Alarm or fix, whichever is earlier.
    pub anchor: NaiveDate,
    /// First day of the quiet baseline.
    pub windows_from: NaiveDate,
    /// The last day before the guard: what the noise is learnt from ends here.
    pub history_end: NaiveDate,
    /// The present day.
    pub today: NaiveDate,
}

impl Span {
    fn first(self) -> NaiveDate {
        self.anchor - TimeDelta::days(REACH)
    }
}

/// What the organisation knows beside the counts; read once for all verdicts of a night.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Zone of its days.
    pub zone: Tz,
    /// All topics.
    pub topics: Vec<Topic>,
    /// Tasks whose fix went live in the last year and a bit.
    pub deployed: Vec<Task>,
    /// Topics of issues that are open, their subtrees included.
    pub alarmed: Vec<String>,
}

impl Setting {
    /// Reads it.
    pub async fn read(db: &impl Read, now: Timestamp) -> Result<Self, DbError> {
        let topics: Vec<Topic> = storage::organisation::all(db).await?;
        let alarmed = storage::verification::alarmed_topics(db).await?;
        let alarmed = alarmed
            .iter()
            .flat_map(|topic| subtree(topic, &topics))
            .collect();
        Ok(Self {
            zone: storage::organisation::organisation(db).await?.zone,
            deployed: Self::deployed(db, now).await?,
            alarmed,
            topics,
        })
    }

    /// Tasks whose fix went live in the last year and a bit: those whose verdicts can still change.
    pub async fn deployed(db: &impl Read, now: Timestamp) -> Result<Vec<Task>, DbError> {
        storage::tasks::deployed(db, now - TimeDelta::days(2 * REACH)).await
    }

    /// The topic above.
    #[must_use]
    pub fn parent(&self, topic: &str) -> Option<String> {
        let parent = self.topics.iter().find(|t| t.key == topic)?.parent.clone();
        parent.filter(|p| self.topics.iter().any(|t| t.key == *p))
    }

    /// The topics as possible controls.
    fn infos(&self) -> Vec<TopicInfo> {
        let mut fixes: BTreeMap<String, Vec<NaiveDate>> = BTreeMap::new();
        let of_topics = |t: &&Task| t.contract.subject.kind == SubjectKind::Topic;
        for task in self.deployed.iter().filter(of_topics) {
            if let Some(at) = task.effective_at {
                for topic in subtree(&task.topic, &self.topics) {
                    fixes
                        .entry(topic)
                        .or_default()
                        .push(local_day(at, self.zone));
                }
            }
        }
        self.topics
            .iter()
            .map(|t| TopicInfo {
                key: t.key.clone(),
                parent: t.parent.clone(),
                open_alarm: self.alarmed.contains(&t.key),
                fix_days: fixes.remove(&t.key).unwrap_or_default(),
            })
            .collect()
    }

    /// Other fixes that touch the topic of `contract`: of the topic itself, of one above or below it.
    pub fn other_fixes(&self, own: domain::ids::TaskId, contract: &Contract) -> Vec<OtherFix> {
        let topic = contract.watched();
        let below = subtree(topic, &self.topics);
        let of_topic = contract.subject.kind == SubjectKind::Topic;
        self.deployed
            .iter()
            .filter(|t| t.id != own)
            .filter(|t| {
                let other = &t.contract.subject;
                if !of_topic || other.kind != SubjectKind::Topic {
                    return *other == contract.subject;
                }
                below.contains(&t.topic)
                    || subtree(&t.topic, &self.topics).iter().any(|k| k == topic)
            })
            .filter(|t| overlap(&t.contract.channels, &contract.channels))
            .filter_map(|t| {
                Some(OtherFix {
                    name: t.id.to_string(),
                    day: local_day(t.effective_at?, self.zone),
                })
            })
            .collect()
    }
}

/// What `detail_day` calls a subject that is no topic and no channel.
const fn detail(kind: SubjectKind) -> Option<Detail> {
    match kind {
        SubjectKind::Topic | SubjectKind::Channel => None,
        SubjectKind::Agent => Some(Detail::Agent),
        SubjectKind::SearchTerm => Some(Detail::SearchTerm),
        SubjectKind::Article => Some(Detail::Article),
    }
}

/// Whether a contract was agreed, by an earlier version, on the voices without a topic although its
/// issue is about something else: what it measures has nothing to do with the issue.
pub async fn misdirected(db: &impl Read, task: &Task) -> Result<bool, DbError> {
    let contract = &task.contract;
    if !contract.topic.is_empty() || contract.subject != Subject::default() {
        return Ok(false);
    }
    let issue = storage::issues::get(db, task.issue_id).await?;
    Ok(issue.is_some_and(|i| i.subject.kind != SubjectKind::Topic))
}

/// Whether what a contract judges is measured by what classifiers say.
pub fn needs_labels(contract: &Contract) -> bool {
    contract.subject.kind == SubjectKind::Topic || contract.metric == Metric::NegativeShare
}

/// Whether two choices of channels have one in common; no choice is all.
pub fn overlap(a: &[String], b: &[String]) -> bool {
    a.is_empty() || b.is_empty() || a.iter().any(|channel| b.contains(channel))
}

/// Sums of some topics by day and channel.
async fn rows(
    db: &impl Read,
    topics: &[String],
    classes: &[Class],
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<DayRow>, DbError> {
    let query = storage::facts::Query {
        from: Some(from),
        to: Some(to),
        topics: Some(topics.to_vec()),
        classes: classes.to_vec(),
        by_day: true,
        by_channel: true,
        ..Default::default()
    };
    Ok(storage::facts::sum(db, &query)
        .await?
        .into_iter()
        .filter_map(|s| {
            Some(DayRow {
                day: s.day?,
                channel: s.channel.unwrap_or_default(),
                counters: s.counters,
            })
        })
        .collect())
}

/// The same, topics kept apart.
async fn rows_by_topic(
    db: &impl Read,
    topics: &[String],
    classes: &[Class],
    from: NaiveDate,
    to: NaiveDate,
) -> Result<BTreeMap<String, Vec<DayRow>>, DbError> {
    let query = storage::facts::Query {
        from: Some(from),
        to: Some(to),
        topics: Some(topics.to_vec()),
        classes: classes.to_vec(),
        by_day: true,
        by_topic: true,
        by_channel: true,
        ..Default::default()
    };
    let mut all: BTreeMap<String, Vec<DayRow>> = BTreeMap::new();
    for s in storage::facts::sum(db, &query).await? {
        if let (Some(day), Some(topic)) = (s.day, s.topic) {
            all.entry(topic).or_default().push(DayRow {
                day,
                channel: s.channel.unwrap_or_default(),
                counters: s.counters,
            });
        }
    }
    Ok(all)
}

/// The topics with voices of `from`–`to` in some channels (`None`: in any), the largest first.
async fn largest(
    db: &impl Read,
    topics: &[String],
    classes: &[Class],
    channels: Option<&BTreeSet<&str>>,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<String>, DbError> {
    let query = storage::facts::Query {
        from: Some(from),
        to: Some(to),
        topics: Some(topics.to_vec()),
        classes: classes.to_vec(),
        by_topic: true,
        by_channel: channels.is_some(),
        ..Default::default()
    };
    let mut voices: BTreeMap<String, i64> = BTreeMap::new();
    for sum in storage::facts::sum(db, &query).await? {
        let channel = sum.channel.unwrap_or_default();
        let here = channels.is_none_or(|c| c.contains(channel.as_str()));
        if let Some(topic) = sum.topic.filter(|_| here && sum.counters.voices > 0) {
            *voices.entry(topic).or_default() += sum.counters.voices;
        }
    }
    let mut found: Vec<String> = voices.keys().cloned().collect();
    found.sort_by_key(|topic| std::cmp::Reverse(voices.get(topic).copied()));
    Ok(found)
}

/// Daily counts of a topic, its subtree included.
pub async fn topic_rows(
    db: &impl Read,
    setting: &Setting,
    topic: &str,
    classes: &[Class],
    span: Span,
) -> Result<Vec<DayRow>, DbError> {
    let own = subtree(topic, &setting.topics);
    rows(db, &own, classes, span.first(), span.today).await
}

/// Gathers the facts about `subject` in these channels (none named: all); where that is a topic, about
/// `topic`, which may be the one above it.
pub async fn gather(
    db: &impl Read,
    setting: &Setting,
    (subject, topic): (&Subject, &str),
    channels: &[String],
    classes: &[Class],
    span: Span,
) -> Result<Evidence, DbError> {
    let Span {
        windows_from,
        history_end,
        today,
        ..
    } = span;
    if let Some(kind) = detail(subject.kind) {
        return of_detail(db, setting, kind, subject, span).await;
    }
    if subject.kind == SubjectKind::Channel {
        return Ok(Evidence {
            topic: of_channel(db, &subject.key, classes, span).await?,
            steady_until: history_end,
            ..Evidence::default()
        });
    }
    let mut facts = topic_rows(db, setting, topic, classes, span).await?;
    facts.retain(|row| channels.is_empty() || channels.contains(&row.channel));
    // The same channels: what moves elsewhere is no measure for this topic.
    let same: BTreeSet<&str> = facts.iter().map(|r| r.channel.as_str()).collect();
    let controls = control_topics(topic, &setting.infos(), windows_from);
    // A topic that nobody speaks of there is no measure.
    let mut controls = largest(db, &controls, classes, Some(&same), windows_from, today).await?;
    let history = history_end - TimeDelta::days(HISTORY - 1);
    let steady: Vec<String> = controls.iter().take(NOISE_TOPICS).cloned().collect();
    let steady = rows_by_topic(db, &steady, classes, history, history_end).await?;
    controls.sort_unstable();
    let mut control = rows(db, &controls, classes, span.first(), today).await?;
    control.retain(|row| same.contains(row.channel.as_str()));
    // Displacement is about contacts, whatever the goal is.
    let contacts = [Class::Contact, Class::Survey];
    let near = siblings(topic, &setting.topics);
    let mut near = largest(db, &near, &contacts, None, windows_from, today).await?;
    near.truncate(SIBLINGS);
    let mut counted = rows_by_topic(db, &near, &contacts, windows_from, today).await?;
    let siblings = near
        .iter()
        .filter_map(|key| {
            let name = crate::issues::topic_name(key, &setting.topics);
            counted.remove(key).map(|rows| (name, rows))
        })
        .collect();
    let sibling_topics = near;
    Ok(Evidence {
        topic: facts,
        control,
        control_topics: controls,
        siblings,
        sibling_topics,
        steady: steady.into_values().collect(),
        steady_until: history_end,
    })
}

/// Daily counts of a channel, whatever its voices are about.
async fn of_channel(
    db: &impl Read,
    channel: &str,
    classes: &[Class],
    span: Span,
) -> Result<Vec<DayRow>, DbError> {
    let query = storage::facts::Query {
        from: Some(span.first()),
        to: Some(span.today),
        channel: Some(channel.to_owned()),
        classes: classes.to_vec(),
        by_day: true,
        ..Default::default()
    };
    Ok(storage::facts::sum(db, &query)
        .await?
        .into_iter()
        .filter_map(|s| {
            Some(DayRow {
                day: s.day?,
                channel: channel.to_owned(),
                counters: s.counters,
            })
        })
        .collect())
}

/// The facts about an agent, an article or a search; compared with the largest others of its kind on
/// which nothing was done since the baseline begins. These facts know no channels.
async fn of_detail(
    db: &impl Read,
    setting: &Setting,
    kind: Detail,
    subject: &Subject,
    span: Span,
) -> Result<Evidence, DbError> {
    let treated = |key: &str| {
        setting.deployed.iter().any(|t| {
            let contract = &t.contract;
            contract.subject.kind == subject.kind
                && contract.subject.key == key
                && t.effective_at
                    .is_some_and(|at| local_day(at, setting.zone) >= span.windows_from)
        })
    };
    let mut peers =
        storage::facts::detail_subjects(db, kind, span.windows_from, span.today, PEERS).await?;
    peers.retain(|key| *key != subject.key && !treated(key));
    let mut all = peers.clone();
    all.push(subject.key.clone());
    let mut by_subject: BTreeMap<String, Vec<DayRow>> = BTreeMap::new();
    for s in storage::facts::detail_days(db, kind, &all, span.first(), span.today).await? {
        if let (Some(key), Some(day)) = (s.subject, s.day) {
            by_subject.entry(key).or_default().push(DayRow {
                day,
                channel: String::new(),
                counters: s.counters,
            });
        }
    }
    let topic = by_subject.remove(&subject.key).unwrap_or_default();
    let history = span.history_end - TimeDelta::days(HISTORY - 1);
    let steady = peers
        .iter()
        .take(NOISE_TOPICS)
        .filter_map(|key| by_subject.get(key))
        .map(|rows| {
            let known = rows
                .iter()
                .filter(|r| history <= r.day && r.day <= span.history_end);
            known.cloned().collect()
        })
        .collect();
    Ok(Evidence {
        topic,
        control: by_subject.into_values().flatten().collect(),
        control_topics: peers,
        steady,
        steady_until: span.history_end,
        ..Evidence::default()
    })
}

/// Topics under the same parent: where the trouble may have moved.
fn siblings(topic: &str, all: &[Topic]) -> Vec<String> {
    let Some(parent) = all
        .iter()
        .find(|t| t.key == topic)
        .and_then(|t| t.parent.clone())
    else {
        return Vec::new();
    };
    all.iter()
        .filter(|t| t.key != topic && t.parent.as_ref() == Some(&parent))
        .map(|t| t.key.clone())
        .collect()
}

/// First instant whose labels must be of one ruler, and the first one that need not.
pub fn ruled(contract: &Contract, course: &Course, zone: Tz) -> (Timestamp, Timestamp) {
    (
        start_of_day(Windows::of(contract, course, true).earliest(), zone),
        start_of_day(course.today + TimeDelta::days(1), zone),
    )
}

/// What people and detectors know of the days: holidays, notes, silent sources.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Holidays: they count as weekend days.
    pub closed_days: Vec<NaiveDate>,
    /// What people wrote down. A changed survey suspends verdicts on ratings: other questions give
    /// other answers.
    pub annotations: Vec<Annotation>,
    /// Days on which a source was silent.
    pub gaps: Vec<Gap>,
}

/// Reads what is known of the days that a verdict on `topic` can use.
pub async fn known(
    db: &impl Read,
    setting: &Setting,
    topic: &str,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Known, DbError> {
    let mut line = vec![topic.to_owned()];
    while let Some(parent) = line.last().and_then(|key| setting.parent(key)) {
        if line.contains(&parent) {
            break;
        }
        line.push(parent);
    }
    let mut known = Known::default();
    let notes: Vec<CalendarNote> = storage::organisation::all(db).await?;
    for note in notes.iter().filter(|note| note.concerns(&line, None)) {
        if note.from > to || note.to < from {
            continue;
        }
        let kind = match note.kind {
            NoteKind::Holiday => {
                known.closed_days.extend(note.days(from, to));
                continue;
            }
            NoteKind::Event => "event",
            NoteKind::SurveyChanged => "survey_changed",
        };
        known.annotations.push(Annotation {
            day: note.from,
            kind: kind.to_owned(),
            text: note.name.clone(),
        });
    }
    known.closed_days.sort_unstable();
    known.closed_days.dedup();
    known.gaps = storage::detection::gaps(db, from, to)
        .await?
        .into_iter()
        .map(|gap| Gap {
            what: gap.channel.clone(),
            channel: gap.channel,
            from: gap.from,
            to: gap.to.unwrap_or(to),
        })
        .collect();
    Ok(known)
}

/// Which classifier labelled which days.
pub async fn label_versions(
    db: &impl Read,
    contract: &Contract,
    course: &Course,
    zone: Tz,
) -> Result<Vec<LabelVersion>, DbError> {
    let (from, to) = ruled(contract, course, zone);
    Ok(storage::feedback::rulers(db, from, to)
        .await?
        .into_iter()
        .map(|r| LabelVersion {
            name: r.ruler,
            from: local_day(r.first, zone),
            to: local_day(r.last, zone),
        })
        .collect())
}
