//! Voices, their earlier revisions and their labels.

use crate::tx::{Page, json, micros, one, parse, placeholders, rows, timestamp};
use crate::{DbError, Read, Tx};
use chrono::NaiveDate;
use domain::analysis::{Flags, Label, contribution};
use domain::clock::Timestamp;
use domain::detection::Moment;
use domain::facts::Batch;
use domain::ids::FeedbackId;
use domain::intake::feedback::Feedback;
use sea_orm::{FromQueryResult, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A voice to be written.
#[derive(Clone, Debug)]
pub struct NewVoice {
    /// Its identity, if it is new.
    pub id: FeedbackId,
    /// Where it belongs when the table is spread: 0 to 1023.
    pub shard_key: i64,
    /// The clean record.
    pub feedback: Feedback,
}

/// What became of a voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Accepted(FeedbackId),
    /// It was there with other content.
    Updated(FeedbackId),
    /// It was there already.
    Duplicate(FeedbackId),
}

/// A voice as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Identity.
    pub id: FeedbackId,
    /// Where it belongs when the table is spread.
    pub shard_key: i64,
    /// 1, and 1 more for every change of content.
    pub revision: i64,
    /// The clean record.
    pub feedback: Feedback,
    /// When it arrived, or last changed.
    pub received_at: Timestamp,
    /// Its label with what intake found out, once it has one.
    pub label: Option<(Label, Flags)>,
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    shard_key: i64,
    revision: i64,
    text: String,
    data: String,
    received_at: i64,
    label: Option<String>,
    repeat: Option<bool>,
    first_of_day: Option<bool>,
}

impl Row {
    fn read(self) -> Result<Stored, DbError> {
        let mut feedback: Feedback = parse("feedback", &self.id, &self.data)?;
        feedback.text = self.text;
        let label = match (self.label, self.repeat) {
            (Some(label), Some(repeat)) => {
                let flags = Flags {
                    repeat,
                    first_of_day: self.first_of_day.unwrap_or(false),
                };
                Some((parse("label", &self.id, &label)?, flags))
            }
            _ => None,
        };
        Ok(Stored {
            id: self.id.parse().map_err(|_| DbError::Corrupt {
                table: "feedback",
                column: "id",
                id: self.id.clone(),
                detail: "not an id".to_owned(),
            })?,
            shard_key: self.shard_key,
            revision: self.revision,
            feedback,
            received_at: timestamp(self.received_at),
            label,
        })
    }
}

const STORED: &str = "SELECT f.id, f.shard_key, f.revision, f.text, f.data, f.received_at, l.data AS label, l.repeat, l.first_of_day \
                      FROM feedback f LEFT JOIN label l ON l.shard_key = f.shard_key AND l.feedback_id = f.id";

/// The JSON of a voice without its text, which has a column of its own.
fn body(feedback: &Feedback) -> String {
    json(&Feedback {
        text: String::new(),
        ..feedback.clone()
    })
}

const COLUMNS: usize = 16;

/// Rows in one statement. SQLite looks every numbered parameter up by its name, so that the cost of a
/// statement grows with the square of its parameters.
const ROWS: usize = 40;

fn values(voice: &NewVoice, batch_id: &str, at: Timestamp) -> [Value; COLUMNS] {
    let f = &voice.feedback;
    [
        voice.shard_key.into(),
        voice.id.to_string().into(),
        f.channel.clone().into(),
        f.external_id.clone().into(),
        f.content_hash.clone().into(),
        1_i64.into(),
        f.kind.as_str().into(),
        f.class.as_str().into(),
        f.occurred_at.map(micros).into(),
        f.day.map(|d| d.to_string()).into(),
        f.text.clone().into(),
        f.rating.as_ref().map(|r| i64::from(r.band)).into(),
        f.region.clone().unwrap_or_default().into(),
        body(f).into(),
        batch_id.into(),
        micros(at).into(),
    ]
}

/// Waits for other writers of voices and labels, until this transaction ends. What a voice counts
/// depends on voice and label together, so whoever changes one must not miss a change of the other.
/// SQLite has one writer anyway.
pub async fn hold(tx: &Tx) -> Result<(), DbError> {
    if tx.engine() == crate::Engine::Postgres {
        tx.query("SELECT pg_advisory_xact_lock(4207020260002)", vec![])
            .await?;
    }
    Ok(())
}

/// Writes voices: new ones, new revisions of known ones, and nothing for duplicates. What changed
/// voices had contributed is taken out of `facts`; the caller applies them in this transaction.
pub async fn store(
    tx: &Tx,
    batch_id: &str,
    voices: &[NewVoice],
    facts: &mut Batch,
) -> Result<Vec<Outcome>, DbError> {
    hold(tx).await?;
    // The first of each identity goes the fast way; a second one in the same batch must see the first.
    let mut first = HashMap::new();
    let mut later = Vec::new();
    for (index, voice) in voices.iter().enumerate() {
        let key = (
            voice.feedback.channel.as_str(),
            voice.feedback.external_id.as_str(),
        );
        match first.entry(key) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(index);
            }
            std::collections::hash_map::Entry::Occupied(_) => later.push(index),
        }
    }
    let mut outcomes: Vec<Option<Outcome>> = vec![None; voices.len()];
    let mut places = BTreeSet::new();
    let mut indices: Vec<usize> = first.into_values().collect();
    indices.sort_unstable();
    for chunk in indices.chunks(ROWS) {
        let mut into = (&mut *facts, &mut places);
        store_distinct(tx, batch_id, voices, chunk, &mut into, &mut outcomes).await?;
    }
    for index in later {
        let mut into = (&mut *facts, &mut places);
        store_distinct(tx, batch_id, voices, &[index], &mut into, &mut outcomes).await?;
    }
    // Only now: what was read of a voice above must still be true when it is replaced.
    for place in places {
        fill(tx, &place, facts).await?;
    }
    Ok(outcomes.into_iter().flatten().collect())
}

async fn store_distinct(
    tx: &Tx,
    batch_id: &str,
    voices: &[NewVoice],
    indices: &[usize],
    (facts, places): &mut (&mut Batch, &mut BTreeSet<Place>),
    outcomes: &mut [Option<Outcome>],
) -> Result<(), DbError> {
    #[derive(FromQueryResult)]
    struct Id {
        id: String,
    }
    let all = indices
        .iter()
        .flat_map(|i| values(&voices[*i], batch_id, tx.now()))
        .collect();
    let sql = format!(
        "INSERT INTO feedback (shard_key, id, channel, external_id, content_hash, revision, kind, class, occurred_at, \
         day, text, rating, region, data, batch_id, received_at) VALUES {} \
         ON CONFLICT (shard_key, channel, external_id) DO NOTHING RETURNING id",
        placeholders(indices.len(), COLUMNS, 1)
    );
    let written: HashSet<String> = rows::<Id>(tx, &sql, all)
        .await?
        .into_iter()
        .map(|r| r.id)
        .collect();
    let mut known: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in indices {
        let voice = &voices[*index];
        if written.contains(&voice.id.to_string()) {
            outcomes[*index] = Some(Outcome::Accepted(voice.id));
        } else {
            known
                .entry(&voice.feedback.channel)
                .or_default()
                .push(*index);
        }
    }
    for (channel, of_channel) in known {
        let mut found = HashMap::new();
        let mut values: Vec<Value> = vec![channel.into()];
        values.extend(
            of_channel
                .iter()
                .map(|i| Value::from(voices[*i].feedback.external_id.clone())),
        );
        let sql = format!(
            "{STORED} WHERE f.channel = $1 AND f.external_id IN {}",
            placeholders(1, of_channel.len(), 2)
        );
        for row in rows::<Row>(tx, &sql, values).await? {
            let stored = row.read()?;
            found.insert(stored.feedback.external_id.clone(), stored);
        }
        for index in of_channel {
            let voice = &voices[index];
            let Some(old) = found.get(&voice.feedback.external_id) else {
                // Written and removed by somebody else in between: try the whole batch again.
                return Err(DbError::Busy);
            };
            if old.feedback.content_hash == voice.feedback.content_hash {
                outcomes[index] = Some(Outcome::Duplicate(old.id));
            } else {
                places.extend(Place::of(old));
                replace(tx, batch_id, old, &voice.feedback, facts).await?;
                outcomes[index] = Some(Outcome::Updated(old.id));
            }
        }
    }
    Ok(())
}

/// Replaces the content of a voice: the old one goes to the history, its label waits to be made anew.
async fn replace(
    tx: &Tx,
    batch_id: &str,
    old: &Stored,
    new: &Feedback,
    facts: &mut Batch,
) -> Result<(), DbError> {
    take_out(old, facts);
    tx.exec(
        "INSERT INTO feedback_revision (shard_key, feedback_id, revision, content, replaced_at) VALUES ($1,$2,$3,$4,$5)",
        vec![
            old.shard_key.into(),
            old.id.to_string().into(),
            old.revision.into(),
            json(&old.feedback).into(),
            micros(tx.now()).into(),
        ],
    )
    .await?;
    // Somebody's correction outlives new content: it is about the same voice.
    let mut new = new.clone();
    if let Some((label, _)) = &old.label
        && label.source == domain::analysis::Source::Person
    {
        new.labels.topic.clone_from(&label.topic);
        new.labels.cause.clone_from(&label.cause);
        new.labels.sentiment = label.polarity;
    }
    tx.exec(
        "DELETE FROM label WHERE shard_key = $1 AND feedback_id = $2",
        vec![old.shard_key.into(), old.id.to_string().into()],
    )
    .await?;
    tx.exec(
        "UPDATE feedback SET content_hash = $1, revision = revision + 1, kind = $2, class = $3, occurred_at = $4, \
         day = $5, text = $6, rating = $7, region = $8, data = $9, batch_id = $10, received_at = $11 \
         WHERE shard_key = $12 AND id = $13",
        vec![
            new.content_hash.clone().into(),
            new.kind.as_str().into(),
            new.class.as_str().into(),
            new.occurred_at.map(micros).into(),
            new.day.map(|d| d.to_string()).into(),
            new.text.clone().into(),
            new.rating.as_ref().map(|r| i64::from(r.band)).into(),
            new.region.clone().unwrap_or_default().into(),
            body(&new).into(),
            batch_id.into(),
            micros(tx.now()).into(),
            old.shard_key.into(),
            old.id.to_string().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Where exactly one voice stands for its customer: (customer, class, topic, day).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Keyed hash of the customer.
    pub customer: String,
    /// Class of the voices.
    pub class: String,
    /// Topic, or empty.
    pub topic: String,
    /// Day of the organisation's calendar.
    pub day: String,
    /// Microseconds of one of its voices: the index is in order of time.
    around: i64,
}

/// More than the longest local day, on either side: every voice of a place lies within it.
const TWO_DAYS: i64 = 2 * 24 * 3600 * 1_000_000;

impl Place {
    fn of(voice: &Stored) -> Option<Self> {
        let (label, _) = voice.label.as_ref()?;
        Self::at(&voice.feedback, label.topic.as_deref())
    }

    /// The place of a voice of this topic; `None`: it is undated or nobody's, so it stands for itself.
    #[must_use]
    pub fn at(feedback: &Feedback, topic: Option<&str>) -> Option<Self> {
        Some(Self {
            customer: feedback.customer_hash.clone()?,
            class: feedback.class.as_str().to_owned(),
            topic: topic.unwrap_or_default().to_owned(),
            day: feedback.day?.to_string(),
            around: micros(feedback.occurred_at?),
        })
    }

    /// The same place, whichever voice it was read from.
    #[must_use]
    pub fn key(self) -> (String, String, String, String) {
        (self.customer, self.class, self.topic, self.day)
    }
}

/// Lets one voice of a place stand for its customer, if there is any and none does.
async fn fill(tx: &Tx, place: &Place, facts: &mut Batch) -> Result<(), DbError> {
    let sql = format!(
        "{STORED} WHERE l.customer_hash = $1 AND l.topic = $2 AND l.occurred_at >= $3 AND l.occurred_at <= $4 \
         AND f.class = $5 AND f.day = $6 ORDER BY l.first_of_day DESC, l.occurred_at, f.id LIMIT 1"
    );
    let found = one::<Row>(
        tx,
        &sql,
        vec![
            place.customer.clone().into(),
            place.topic.clone().into(),
            (place.around - TWO_DAYS).into(),
            (place.around + TWO_DAYS).into(),
            place.class.clone().into(),
            place.day.clone().into(),
        ],
    )
    .await?;
    let Some(voice) = found.map(Row::read).transpose()? else {
        return Ok(());
    };
    let Some((label, flags)) = voice.label.clone().filter(|(_, f)| !f.first_of_day) else {
        return Ok(());
    };
    tx.exec(
        "UPDATE label SET first_of_day = $1 WHERE shard_key = $2 AND feedback_id = $3",
        vec![
            true.into(),
            voice.shard_key.into(),
            voice.id.to_string().into(),
        ],
    )
    .await?;
    take_out(&voice, facts);
    let flags = Flags {
        first_of_day: true,
        ..flags
    };
    put_in(&voice, &label, flags, facts);
    Ok(())
}

/// Which places of these customers have a voice that stands for them already, from the day before
/// `from` to the day after `to` (microseconds).
pub async fn taken(
    db: &impl Read,
    customers: &[String],
    from: i64,
    to: i64,
) -> Result<HashSet<(String, String, String, String)>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        customer_hash: String,
        class: String,
        topic: String,
        day: String,
    }
    let mut all = HashSet::new();
    for chunk in customers.chunks(500) {
        let mut values: Vec<Value> = vec![
            (from - TWO_DAYS).into(),
            (to + TWO_DAYS).into(),
            true.into(),
        ];
        values.extend(chunk.iter().map(|c| Value::from(c.clone())));
        let sql = format!(
            "SELECT l.customer_hash, f.class, l.topic, f.day FROM label l \
             JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id \
             WHERE l.occurred_at >= $1 AND l.occurred_at <= $2 AND l.first_of_day = $3 AND f.day IS NOT NULL \
             AND l.customer_hash IN {}",
            placeholders(1, chunk.len(), 4)
        );
        let found: Vec<Found> = rows(db, &sql, values).await?;
        all.extend(
            found
                .into_iter()
                .map(|f| (f.customer_hash, f.class, f.topic, f.day)),
        );
    }
    Ok(all)
}

/// How many places do not have exactly one voice that stands for the customer, or are nobody's and do
/// not stand for themselves: 0, unless the database was changed behind our back.
pub async fn misplaced(db: &impl Read) -> Result<i64, DbError> {
    let places = "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM label l \
         JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id \
         WHERE l.customer_hash <> '' AND f.day IS NOT NULL \
         GROUP BY l.customer_hash, f.class, l.topic, f.day \
         HAVING SUM(CASE WHEN l.first_of_day THEN 1 ELSE 0 END) <> 1) AS wrong";
    let nobody = "SELECT COUNT(*) AS n FROM label WHERE customer_hash = '' AND NOT first_of_day";
    Ok(crate::tx::count(db, places, vec![]).await? + crate::tx::count(db, nobody, vec![]).await?)
}

/// Chooses anew which voices stand for their customers: the earliest of each place.
pub async fn place_all(tx: &Tx) -> Result<(), DbError> {
    tx.exec(
        "UPDATE label SET first_of_day = (NOT EXISTS (SELECT 1 FROM label e \
         JOIN feedback g ON g.shard_key = e.shard_key AND g.id = e.feedback_id \
         JOIN feedback f ON f.shard_key = label.shard_key AND f.id = label.feedback_id \
         WHERE label.customer_hash <> '' AND e.customer_hash = label.customer_hash AND e.topic = label.topic \
         AND g.class = f.class AND g.day = f.day AND (e.occurred_at < label.occurred_at \
         OR (e.occurred_at = label.occurred_at AND e.feedback_id < label.feedback_id))))",
        vec![],
    )
    .await?;
    Ok(())
}

fn take_out(voice: &Stored, facts: &mut Batch) {
    if let Some((label, flags)) = &voice.label
        && let Some(c) = contribution(&voice.feedback, label, *flags)
    {
        for detail in c.details {
            facts.remove_detail(detail, &c.input);
        }
        for deed in c.deeds {
            facts.remove_deed(deed);
        }
        facts.remove(c.key, &c.input);
    }
}

fn put_in(voice: &Stored, label: &Label, flags: Flags, facts: &mut Batch) {
    if let Some(c) = contribution(&voice.feedback, label, flags) {
        for detail in c.details {
            facts.add_detail(detail, &c.input);
        }
        for deed in c.deeds {
            facts.add_deed(deed);
        }
        facts.add(c.key, &c.input);
    }
}

/// Changes the rating of a voice: a late one counts on the day of its contact.
pub async fn rate(
    tx: &Tx,
    voice: &Stored,
    rated: &Feedback,
    facts: &mut Batch,
) -> Result<(), DbError> {
    take_out(voice, facts);
    let new = Stored {
        feedback: rated.clone(),
        ..voice.clone()
    };
    if let Some((label, flags)) = &voice.label {
        put_in(&new, label, *flags, facts);
    }
    tx.exec(
        "UPDATE feedback SET rating = $1, data = $2 WHERE shard_key = $3 AND id = $4",
        vec![
            rated.rating.as_ref().map(|r| i64::from(r.band)).into(),
            body(rated).into(),
            voice.shard_key.into(),
            voice.id.to_string().into(),
        ],
    )
    .await?;
    Ok(())
}

/// Voices of a batch that have no label yet.
pub async fn unlabelled(db: &impl Read, batch_id: &str) -> Result<Vec<Stored>, DbError> {
    let sql = format!(
        "{STORED} WHERE f.batch_id = $1 AND l.feedback_id IS NULL ORDER BY f.occurred_at, f.id"
    );
    rows::<Row>(db, &sql, vec![batch_id.into()])
        .await?
        .into_iter()
        .map(Row::read)
        .collect()
}

/// Earlier voices of these customers: (customer, topic, microseconds).
pub async fn earlier(
    db: &impl Read,
    customers: &[String],
    from: i64,
    to: i64,
) -> Result<Vec<(String, String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        customer_hash: String,
        topic: String,
        occurred_at: i64,
    }
    let mut all = Vec::new();
    for chunk in customers.chunks(500) {
        let mut values: Vec<Value> = vec![from.into(), to.into()];
        values.extend(chunk.iter().map(|c| Value::from(c.clone())));
        let sql = format!(
            "SELECT customer_hash, topic, occurred_at FROM label WHERE occurred_at >= $1 AND occurred_at < $2 \
             AND customer_hash IN {}",
            placeholders(1, chunk.len(), 3)
        );
        let found: Vec<Found> = rows(db, &sql, values).await?;
        all.extend(
            found
                .into_iter()
                .map(|f| (f.customer_hash, f.topic, f.occurred_at)),
        );
    }
    Ok(all)
}

/// Writes labels of voices that have none, and adds what they contribute to `facts`. A voice that got
/// a label meanwhile keeps it: doing this twice changes nothing.
pub async fn label(
    tx: &Tx,
    labelled: &[(Stored, Label, Flags)],
    facts: &mut Batch,
) -> Result<Vec<FeedbackId>, DbError> {
    #[derive(FromQueryResult)]
    struct Id {
        feedback_id: String,
    }
    let mut done = Vec::new();
    let mut teams: BTreeMap<&str, (String, &str)> = BTreeMap::new();
    for chunk in labelled.chunks(2 * ROWS) {
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 10);
        for (voice, label, flags) in chunk {
            values.extend([
                Value::from(voice.shard_key),
                voice.id.to_string().into(),
                label.topic.clone().unwrap_or_default().into(),
                voice.feedback.occurred_at.map(micros).into(),
                voice
                    .feedback
                    .customer_hash
                    .clone()
                    .unwrap_or_default()
                    .into(),
                json(label).into(),
                flags.repeat.into(),
                micros(tx.now()).into(),
                flags.first_of_day.into(),
                label.ruler(&voice.feedback.labels).into(),
            ]);
        }
        let sql = format!(
            "INSERT INTO label (shard_key, feedback_id, topic, occurred_at, customer_hash, data, repeat, labelled_at, \
             first_of_day, ruler) VALUES {} ON CONFLICT (shard_key, feedback_id) DO NOTHING RETURNING feedback_id",
            placeholders(chunk.len(), 10, 1)
        );
        let written: HashSet<String> = rows::<Id>(tx, &sql, values)
            .await?
            .into_iter()
            .map(|r| r.feedback_id)
            .collect();
        for (voice, label, flags) in chunk {
            if written.contains(&voice.id.to_string()) {
                put_in(voice, label, *flags, facts);
                done.push(voice.id);
                if let Some((agent, team, day)) = belongs(&voice.feedback) {
                    let kept = teams.entry(agent).or_insert((day.clone(), team));
                    if kept.0 < day {
                        *kept = (day, team);
                    }
                }
            }
        }
    }
    for (agent, (day, team)) in teams {
        tx.exec(
            "INSERT INTO agent_team (agent, team, day) VALUES ($1,$2,$3) ON CONFLICT (agent) DO UPDATE \
             SET team = excluded.team, day = excluded.day WHERE agent_team.day <= excluded.day",
            vec![agent.into(), team.into(), day.into()],
        )
        .await?;
    }
    Ok(done)
}

/// Whose agent a voice names: (agent, team, day).
fn belongs(feedback: &Feedback) -> Option<(&str, &str, String)> {
    Some((
        feedback.agent_ref.as_deref().filter(|a| !a.is_empty())?,
        feedback.team.as_deref().filter(|t| !t.is_empty())?,
        feedback.day?.to_string(),
    ))
}

/// The team that an agent was last seen in.
pub async fn team_of(db: &impl Read, agent: &str) -> Result<Option<String>, DbError> {
    let sql = "SELECT team AS data FROM agent_team WHERE agent = $1";
    let found: Option<crate::tx::Document> = one(db, sql, vec![agent.into()]).await?;
    Ok(found.map(|d| d.data))
}

/// Replaces the label of a voice and moves what it contributes.
pub async fn relabel(
    tx: &Tx,
    voice: &Stored,
    label: &Label,
    facts: &mut Batch,
) -> Result<(), DbError> {
    take_out(voice, facts);
    let before = Place::of(voice);
    let after = Place::at(&voice.feedback, label.topic.as_deref());
    let mut flags = voice.label.as_ref().map(|(_, f)| *f).unwrap_or_default();
    if before != after {
        flags.first_of_day = false;
    }
    put_in(voice, label, flags, facts);
    tx.exec(
        "INSERT INTO label (shard_key, feedback_id, topic, occurred_at, customer_hash, data, repeat, labelled_at, \
         first_of_day, ruler) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) \
         ON CONFLICT (shard_key, feedback_id) DO UPDATE SET \
         topic = excluded.topic, data = excluded.data, labelled_at = excluded.labelled_at, \
         first_of_day = excluded.first_of_day, ruler = excluded.ruler",
        vec![
            voice.shard_key.into(),
            voice.id.to_string().into(),
            label.topic.clone().unwrap_or_default().into(),
            voice.feedback.occurred_at.map(micros).into(),
            voice.feedback.customer_hash.clone().unwrap_or_default().into(),
            json(label).into(),
            flags.repeat.into(),
            micros(tx.now()).into(),
            flags.first_of_day.into(),
            label.ruler(&voice.feedback.labels).into(),
        ],
    )
    .await?;
    if before != after {
        // Where it was, another voice takes its place; where it is now, it may be the first.
        for place in [before, after].into_iter().flatten() {
            fill(tx, &place, facts).await?;
        }
    }
    Ok(())
}

/// A ruler ([`Label::ruler`]) and when the first and the last voice that it labelled occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// The ruler.
    pub ruler: String,
    /// The first voice inside the time asked for.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// The rulers of the labels of voices between two times (the second excluded), in their order. Costs
/// a few steps of the index per ruler, however many voices there are.
pub async fn rulers(db: &impl Read, from: Timestamp, to: Timestamp) -> Result<Vec<Ruled>, DbError> {
    #[derive(FromQueryResult)]
    struct Ruler {
        ruler: Option<String>,
    }
    #[derive(FromQueryResult)]
    struct At {
        at: i64,
    }
    let mut found = Vec::new();
    let mut last = String::new();
    loop {
        let next: Option<Ruler> = one(
            db,
            "SELECT MIN(ruler) AS ruler FROM label WHERE ruler > $1",
            vec![last.clone().into()],
        )
        .await?;
        let Some(ruler) = next.and_then(|r| r.ruler) else {
            return Ok(found);
        };
        // Either end by itself: each is one step of the index.
        let mut ends = [None, None];
        for (end, order) in ends.iter_mut().zip(["ASC", "DESC"]) {
            let sql = format!(
                "SELECT occurred_at AS at FROM label WHERE ruler = $1 AND occurred_at >= $2 \
                 AND occurred_at < $3 ORDER BY occurred_at {order} LIMIT 1"
            );
            *end = one::<At>(
                db,
                &sql,
                vec![ruler.clone().into(), micros(from).into(), micros(to).into()],
            )
            .await?
            .map(|row| timestamp(row.at));
        }
        if let [Some(first), Some(last)] = ends {
            found.push(Ruled {
                ruler: ruler.clone(),
                first,
                last,
            });
        }
        last = ruler;
    }
}

/// Some voices between two times (the second excluded) whose labels are of `ruler`, oldest first.
pub async fn of_ruler(
    db: &impl Read,
    ruler: &str,
    from: Timestamp,
    to: Timestamp,
    limit: u64,
) -> Result<Vec<Stored>, DbError> {
    let sql = "SELECT f.id, f.shard_key, f.revision, f.text, f.data, f.received_at, l.data AS label, l.repeat, l.first_of_day FROM \
               (SELECT * FROM label WHERE ruler = $1 AND occurred_at >= $2 AND occurred_at < $3 \
               ORDER BY occurred_at LIMIT $4) l \
               JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id";
    rows::<Row>(
        db,
        sql,
        vec![
            ruler.into(),
            micros(from).into(),
            micros(to).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?
    .into_iter()
    .map(Row::read)
    .collect()
}

/// The voice of that id.
pub async fn get(db: &impl Read, id: FeedbackId) -> Result<Option<Stored>, DbError> {
    let sql = format!("{STORED} WHERE f.id = $1");
    one::<Row>(db, &sql, vec![id.to_string().into()])
        .await?
        .map(Row::read)
        .transpose()
}

/// The voice of that channel and external id.
pub async fn by_external(
    db: &impl Read,
    channel: &str,
    external_id: &str,
) -> Result<Option<Stored>, DbError> {
    let sql = format!("{STORED} WHERE f.channel = $1 AND f.external_id = $2");
    one::<Row>(db, &sql, vec![channel.into(), external_id.into()])
        .await?
        .map(Row::read)
        .transpose()
}

/// Earlier contents of a voice, oldest first.
pub async fn revisions(
    db: &impl Read,
    id: FeedbackId,
) -> Result<Vec<(i64, Timestamp, Feedback)>, DbError> {
    #[derive(FromQueryResult)]
    struct Old {
        revision: i64,
        content: String,
        replaced_at: i64,
    }
    let found: Vec<Old> = rows(
        db,
        "SELECT revision, content, replaced_at FROM feedback_revision WHERE feedback_id = $1 ORDER BY revision LIMIT 100",
        vec![id.to_string().into()],
    )
    .await?;
    found
        .into_iter()
        .map(|o| {
            let content = parse("feedback_revision", &id.to_string(), &o.content)?;
            Ok((o.revision, timestamp(o.replaced_at), content))
        })
        .collect()
}

/// Which voices to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These topics; `Some(vec![""])`: no topic.
    pub topics: Option<Vec<String>>,
    /// Channel.
    pub channel: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Not before, microseconds.
    pub from: Option<i64>,
    /// Before, microseconds.
    pub to: Option<i64>,
    /// Must stand in the text.
    pub text: Option<String>,
    /// Cursor of the page before.
    pub after: Option<String>,
}

/// Voices, newest arrival first.
pub async fn list(db: &impl Read, filter: &Filter, limit: u64) -> Result<Page<Stored>, DbError> {
    let mut values: Vec<Value> = Vec::new();
    let mut sql = format!("{STORED} WHERE 1 = 1");
    if let Some(topics) = &filter.topics {
        sql.push_str(&format!(
            " AND l.topic IN {}",
            placeholders(1, topics.len().max(1), 1)
        ));
        if topics.is_empty() {
            values.push("\u{0}".into());
        }
        values.extend(topics.iter().map(|t| Value::from(t.clone())));
    }
    for (column, value) in [("f.channel", &filter.channel), ("f.region", &filter.region)] {
        if let Some(value) = value {
            values.push(value.clone().into());
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    if let Some(from) = filter.from {
        values.push(from.into());
        sql.push_str(&format!(" AND f.occurred_at >= ${}", values.len()));
    }
    if let Some(to) = filter.to {
        values.push(to.into());
        sql.push_str(&format!(" AND f.occurred_at < ${}", values.len()));
    }
    if let Some(text) = &filter.text {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        values.push(format!("%{escaped}%").into());
        sql.push_str(&format!(" AND f.text LIKE ${} ESCAPE '\\'", values.len()));
    }
    if let Some(after) = &filter.after {
        values.push(after.clone().into());
        sql.push_str(&format!(" AND f.id < ${}", values.len()));
    }
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY f.id DESC LIMIT ${}", values.len()));
    let all: Vec<Stored> = rows::<Row>(db, &sql, values)
        .await?
        .into_iter()
        .map(Row::read)
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(all, limit, |s| s.id.to_string()))
}

/// The latest voices of some topics (`""`: of none), newest first: a bounded sample for quotes and
/// telling words, whatever the volume.
pub async fn latest(
    db: &impl Read,
    topics: &[String],
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Stored>, DbError> {
    let mut all = Vec::new();
    for topic in topics {
        let mut values: Vec<Value> = vec![
            topic.clone().into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        let mut condition = String::new();
        if let Some(before) = before {
            values.push(before.into());
            condition.push_str(" AND occurred_at < $3");
        }
        let sql = format!(
            "SELECT f.id, f.shard_key, f.revision, f.text, f.data, f.received_at, l.data AS label, l.repeat, l.first_of_day FROM \
             (SELECT * FROM label WHERE topic = $1 AND occurred_at IS NOT NULL{condition} \
             ORDER BY occurred_at DESC LIMIT $2) l \
             JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id ORDER BY l.occurred_at DESC"
        );
        for row in rows::<Row>(db, &sql, values).await? {
            all.push(row.read()?);
        }
    }
    all.sort_by(|a, b| {
        b.feedback
            .occurred_at
            .cmp(&a.feedback.occurred_at)
            .then(b.id.cmp(&a.id))
    });
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}

/// A page of every voice in the order of the ids: for rebuilding.
pub async fn scan(db: &impl Read, after: &str, limit: u64) -> Result<Vec<Stored>, DbError> {
    let sql = format!("{STORED} WHERE f.id > $1 ORDER BY f.id LIMIT $2");
    rows::<Row>(
        db,
        &sql,
        vec![
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?
    .into_iter()
    .map(Row::read)
    .collect()
}

/// Adds what a stored voice contributes: for rebuilding.
pub fn contribute(voice: &Stored, facts: &mut Batch) {
    if let Some((label, flags)) = &voice.label {
        put_in(voice, label, *flags, facts);
    }
}

/// Contacts of some topics and, among them, distinct customers by day (a voice of nobody stands for
/// itself), whatever narrows them down: what facts of several topics or of one channel cannot tell.
pub async fn distinct_customers(
    db: &impl Read,
    topics: &[String],
    channel: Option<&str>,
    region: Option<&str>,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<NaiveDate, i64>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        day: String,
        n: i64,
    }
    if topics.is_empty() {
        return Ok(BTreeMap::new());
    }
    let around = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    let mut values: Vec<Value> = vec![
        (micros(around(from)) - TWO_DAYS).into(),
        (micros(around(to)) + TWO_DAYS).into(),
        from.to_string().into(),
        to.to_string().into(),
        domain::facts::Class::Contact.as_str().into(),
    ];
    let mut sql = format!(
        "SELECT f.day AS day, COUNT(DISTINCT CASE WHEN l.customer_hash = '' THEN l.feedback_id \
         ELSE l.customer_hash END) AS n FROM label l \
         JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id \
         WHERE l.occurred_at >= $1 AND l.occurred_at <= $2 AND f.day >= $3 AND f.day <= $4 AND f.class = $5 \
         AND l.topic IN {}",
        placeholders(1, topics.len(), 6)
    );
    values.extend(topics.iter().map(|t| Value::from(t.clone())));
    for (column, value) in [("channel", channel), ("region", region)] {
        if let Some(value) = value {
            values.push(value.into());
            sql.push_str(&format!(" AND f.{column} = ${}", values.len()));
        }
    }
    sql.push_str(" GROUP BY f.day");
    let found: Vec<Found> = rows(db, &sql, values).await?;
    found
        .into_iter()
        .map(|f| {
            let day = f.day.parse().map_err(|_| DbError::Corrupt {
                table: "feedback",
                column: "day",
                id: f.day.clone(),
                detail: "not a day".to_owned(),
            })?;
            Ok((day, f.n))
        })
        .collect()
}

/// Which voices a rule may count.
#[derive(Clone, Copy, Debug)]
pub struct Within<'a> {
    /// Of these topics.
    pub topics: &'a [String],
    /// Of these classes.
    pub classes: &'a [domain::facts::Class],
    /// By this channel only.
    pub channel: Option<&'a str>,
    /// Of this region only.
    pub region: Option<&'a str>,
}

impl Within<'_> {
    /// Conditions on `label l JOIN feedback f`, with their values.
    fn sql(&self, values: &mut Vec<Value>) -> String {
        let mut sql = format!(
            " AND l.topic IN {}",
            placeholders(1, self.topics.len(), values.len() + 1)
        );
        values.extend(self.topics.iter().map(|t| Value::from(t.clone())));
        sql.push_str(&format!(
            " AND f.class IN {}",
            placeholders(1, self.classes.len(), values.len() + 1)
        ));
        values.extend(self.classes.iter().map(|c| Value::from(c.as_str())));
        for (column, value) in [("channel", self.channel), ("region", self.region)] {
            if let Some(value) = value {
                values.push(value.into());
                sql.push_str(&format!(" AND f.{column} = ${}", values.len()));
            }
        }
        sql
    }

    const fn is_empty(&self) -> bool {
        self.topics.is_empty() || self.classes.is_empty()
    }
}

/// When voices were said after `from` and up to `to`, and by whom, in the order of time.
pub async fn moments(
    db: &impl Read,
    within: &Within<'_>,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Moment>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        occurred_at: i64,
        customer_hash: String,
    }
    if within.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = vec![micros(from).into(), micros(to).into()];
    let sql = format!(
        "SELECT l.occurred_at, l.customer_hash FROM label l \
         JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id \
         WHERE l.occurred_at > $1 AND l.occurred_at <= $2{} ORDER BY l.occurred_at",
        within.sql(&mut values)
    );
    let found: Vec<Found> = rows(db, &sql, values).await?;
    Ok(found
        .into_iter()
        .map(|f| Moment {
            at: timestamp(f.occurred_at),
            customer: f.customer_hash,
        })
        .collect())
}

/// The voices themselves, in the same order: for rules that look at what they say.
pub async fn between(
    db: &impl Read,
    within: &Within<'_>,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Stored>, DbError> {
    if within.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = vec![micros(from).into(), micros(to).into()];
    let sql = format!(
        "{STORED} WHERE l.occurred_at > $1 AND l.occurred_at <= $2{} ORDER BY l.occurred_at",
        within.sql(&mut values)
    );
    let found = rows::<Row>(db, &sql, values).await?;
    found.into_iter().map(Row::read).collect()
}

/// Voices of known customers on the days `from` to `to`: day, customer, how many.
pub async fn known(
    db: &impl Read,
    within: &Within<'_>,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<(NaiveDate, String, i64)>, DbError> {
    #[derive(FromQueryResult)]
    struct Found {
        day: String,
        customer_hash: String,
        n: i64,
    }
    if within.is_empty() {
        return Ok(Vec::new());
    }
    let around = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    let mut values: Vec<Value> = vec![
        (micros(around(from)) - TWO_DAYS).into(),
        (micros(around(to)) + TWO_DAYS).into(),
        from.to_string().into(),
        to.to_string().into(),
    ];
    let sql = format!(
        "SELECT f.day AS day, l.customer_hash AS customer_hash, COUNT(*) AS n FROM label l \
         JOIN feedback f ON f.shard_key = l.shard_key AND f.id = l.feedback_id \
         WHERE l.occurred_at >= $1 AND l.occurred_at <= $2 AND f.day >= $3 AND f.day <= $4 \
         AND l.customer_hash <> ''{} GROUP BY f.day, l.customer_hash",
        within.sql(&mut values)
    );
    let found: Vec<Found> = rows(db, &sql, values).await?;
    found
        .into_iter()
        .map(|f| {
            let day = f.day.parse().map_err(|_| DbError::Corrupt {
                table: "feedback",
                column: "day",
                id: f.day.clone(),
                detail: "not a day".to_owned(),
            })?;
            Ok((day, f.customer_hash, f.n))
        })
        .collect()
}

/// Whether any voice came by this channel.
pub async fn channel_is_used(db: &impl Read, channel: &str) -> Result<bool, DbError> {
    let found = crate::tx::count(
        db,
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM feedback WHERE channel = $1 LIMIT 1) t",
        vec![channel.into()],
    );
    Ok(found.await? > 0)
}

/// How many voices there are, how many have no time, and how many have no label yet.
pub async fn totals(db: &impl Read) -> Result<(i64, i64, i64), DbError> {
    let count = |sql: &'static str| crate::tx::count(db, sql, vec![]);
    Ok((
        count("SELECT COUNT(*) AS n FROM feedback").await?,
        count("SELECT COUNT(*) AS n FROM feedback WHERE occurred_at IS NULL").await?,
        count("SELECT (SELECT COUNT(*) FROM feedback) - (SELECT COUNT(*) FROM label) AS n").await?,
    ))
}
