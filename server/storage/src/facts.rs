//! Daily counts and sums: written in the transaction of the labels, read by everything else.

use crate::tx::{one, placeholders, rows};
use crate::{DbError, Read, Tx};
use chrono::NaiveDate;
use domain::facts::{
    Batch, Class, Counters, Deed, DeedKey, Detail, DetailKey, FactKey, TopicDayKey,
};
use sea_orm::{FromQueryResult, QueryResult, Value};
use std::collections::BTreeMap;
use std::str::FromStr;

const N: usize = Counters::NAMES.len();

fn upsert(table: &str, keys: &[&str], rows: usize) -> String {
    let names = keys
        .iter()
        .chain(Counters::NAMES)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let add: Vec<String> = Counters::NAMES
        .iter()
        .map(|c| format!("{c} = {table}.{c} + excluded.{c}"))
        .collect();
    format!(
        "INSERT INTO {table} ({names}) VALUES {} ON CONFLICT ({}) DO UPDATE SET {}",
        placeholders(rows, keys.len() + N, 1),
        keys.join(", "),
        add.join(", ")
    )
}

const FACT: [&str; 8] = [
    "day",
    "class",
    "topic",
    "cause",
    "channel",
    "region",
    "business_line",
    "tier",
];
const TOPIC_DAY: [&str; 4] = ["day", "class", "topic", "channel"];
const DETAIL_DAY: [&str; 3] = ["day", "kind", "subject"];

fn fact_values(key: &FactKey, counters: &Counters) -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        key.day.to_string().into(),
        key.class.as_str().into(),
        key.topic.clone().into(),
        key.cause.clone().into(),
        key.channel.clone().into(),
        key.region.clone().into(),
        key.business_line.clone().into(),
        key.tier.clone().into(),
    ];
    values.extend(counters.values().map(Value::from));
    values
}

fn topic_day_values(key: &TopicDayKey, counters: &Counters) -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        key.day.to_string().into(),
        key.class.as_str().into(),
        key.topic.clone().into(),
        key.channel.clone().into(),
    ];
    values.extend(counters.values().map(Value::from));
    values
}

async fn write(
    tx: &Tx,
    table: &str,
    keys: &[&str],
    mut all: Vec<Vec<Value>>,
) -> Result<(), DbError> {
    // Whole chunks share one statement text, which both engines keep prepared.
    // Few rows in one: SQLite looks every numbered parameter up by its name.
    const CHUNK: usize = 16;
    while !all.is_empty() {
        let rest = all.split_off(all.len().min(CHUNK));
        let n = all.len();
        let values = all.into_iter().flatten().collect();
        tx.exec(&upsert(table, keys, n), values).await?;
        all = rest;
    }
    Ok(())
}

fn detail_values(key: &DetailKey, counters: &Counters) -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        key.day.to_string().into(),
        key.kind.as_str().into(),
        key.subject.clone().into(),
    ];
    values.extend(counters.values().map(Value::from));
    values
}

/// Adds a batch of changes to all fact tables, in key order.
pub async fn apply(tx: &Tx, batch: &Batch) -> Result<(), DbError> {
    let facts = batch.facts().map(|(k, c)| fact_values(k, c)).collect();
    write(tx, "fact", &FACT, facts).await?;
    let days = batch
        .topic_days()
        .map(|(k, c)| topic_day_values(k, c))
        .collect();
    write(tx, "topic_day", &TOPIC_DAY, days).await?;
    let details = batch.details().map(|(k, c)| detail_values(k, c)).collect();
    write(tx, "detail_day", &DETAIL_DAY, details).await?;
    let deeds: Vec<(&DeedKey, i64)> = batch.deeds().collect();
    for chunk in deeds.chunks(40) {
        let sql = format!(
            "INSERT INTO customer_day (day, deed, subject, channel, region, customer_hash, n) VALUES {} \
             ON CONFLICT (day, deed, subject, channel, region, customer_hash) \
             DO UPDATE SET n = customer_day.n + excluded.n",
            placeholders(chunk.len(), 7, 1)
        );
        let values = chunk.iter().flat_map(|(k, n)| -> [Value; 7] {
            [
                k.day.to_string().into(),
                k.deed.as_str().into(),
                k.subject.clone().into(),
                k.channel.clone().into(),
                k.region.clone().into(),
                k.customer.clone().into(),
                (*n).into(),
            ]
        });
        tx.exec(&sql, values.collect()).await?;
    }
    Ok(())
}

/// Which deeds to look for.
#[derive(Clone, Debug)]
pub struct DeedQuery {
    /// Any of these.
    pub deeds: Vec<Deed>,
    /// First day.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// These topics, search terms or articles; `None`: all.
    pub subjects: Option<Vec<String>>,
    /// This channel only.
    pub channel: Option<String>,
    /// This region only.
    pub region: Option<String>,
}

/// How often a known customer did something on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The day.
    pub day: NaiveDate,
    /// What.
    pub deed: Deed,
    /// About what.
    pub subject: String,
    /// Keyed hash of the customer.
    pub customer: String,
    /// How often.
    pub n: i64,
}

/// What known customers did.
pub async fn deeds(db: &impl Read, query: &DeedQuery) -> Result<Vec<Done>, DbError> {
    let mut values: Vec<Value> = vec![query.from.to_string().into(), query.to.to_string().into()];
    let mut sql = format!(
        "SELECT day, deed, subject, customer_hash, CAST(SUM(n) AS BIGINT) AS n FROM customer_day \
         WHERE day >= $1 AND day <= $2 AND deed IN {}",
        placeholders(1, query.deeds.len(), 3)
    );
    values.extend(query.deeds.iter().map(|d| Value::from(d.as_str())));
    if let Some(subjects) = &query.subjects {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        sql.push_str(&format!(
            " AND subject IN {}",
            placeholders(1, subjects.len(), values.len() + 1)
        ));
        values.extend(subjects.iter().map(|s| Value::from(s.clone())));
    }
    for (column, value) in [("channel", &query.channel), ("region", &query.region)] {
        if let Some(value) = value {
            values.push(value.clone().into());
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    sql.push_str(" GROUP BY day, deed, subject, customer_hash HAVING SUM(n) > 0");
    let found = db.query(&sql, values).await?;
    found
        .iter()
        .map(|row| {
            Ok(Done {
                day: day(row)?,
                deed: deed(row)?,
                subject: row.try_get("", "subject")?,
                customer: row.try_get("", "customer_hash")?,
                n: row.try_get("", "n")?,
            })
        })
        .collect()
}

fn deed(row: &QueryResult) -> Result<Deed, DbError> {
    let name: String = row.try_get("", "deed")?;
    Deed::parse(&name).ok_or_else(|| DbError::Corrupt {
        table: "customer_day",
        column: "deed",
        id: name.clone(),
        detail: "no such deed".to_owned(),
    })
}

fn counters(row: &QueryResult) -> Result<Counters, DbError> {
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(Counters::NAMES) {
        *value = row.try_get::<Option<i64>>("", name)?.unwrap_or(0);
    }
    Ok(Counters::from_values(values))
}

fn day(row: &QueryResult) -> Result<NaiveDate, DbError> {
    let text: String = row.try_get("", "day")?;
    NaiveDate::from_str(&text).map_err(|e| DbError::Corrupt {
        table: "topic_day",
        column: "day",
        id: text,
        detail: e.to_string(),
    })
}

fn sums() -> String {
    let all: Vec<String> = Counters::NAMES
        .iter()
        .map(|c| format!("CAST(SUM({c}) AS BIGINT) AS {c}"))
        .collect();
    all.join(", ")
}

/// Which rows to sum up.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day, included.
    pub to: Option<NaiveDate>,
    /// These topics only; `Some(vec![])` selects nothing.
    pub topics: Option<Vec<String>>,
    /// This channel only.
    pub channel: Option<String>,
    /// This region only: read from the wide table.
    pub region: Option<String>,
    /// These classes only; empty: contacts and surveys.
    pub classes: Vec<Class>,
    /// Keep days apart.
    pub by_day: bool,
    /// Keep topics apart.
    pub by_topic: bool,
    /// Keep channels apart.
    pub by_channel: bool,
}

/// One sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    /// The day, when days are kept apart.
    pub day: Option<NaiveDate>,
    /// The topic, when topics are kept apart.
    pub topic: Option<String>,
    /// The channel, when channels are kept apart.
    pub channel: Option<String>,
    /// The sums.
    pub counters: Counters,
}

/// Sums of `topic_day`.
pub async fn sum(db: &impl Read, query: &Query) -> Result<Vec<Sum>, DbError> {
    if query.topics.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = Vec::new();
    let mut conditions = Vec::new();
    let classes: &[Class] = if query.classes.is_empty() {
        &[Class::Contact, Class::Survey]
    } else {
        &query.classes
    };
    conditions.push(format!("class IN {}", placeholders(1, classes.len(), 1)));
    values.extend(classes.iter().map(|c| Value::from(c.as_str())));
    if let Some(from) = query.from {
        values.push(from.to_string().into());
        conditions.push(format!("day >= ${}", values.len()));
    }
    if let Some(to) = query.to {
        values.push(to.to_string().into());
        conditions.push(format!("day <= ${}", values.len()));
    }
    if let Some(topics) = &query.topics {
        conditions.push(format!(
            "topic IN {}",
            placeholders(1, topics.len(), values.len() + 1)
        ));
        values.extend(topics.iter().map(|t| Value::from(t.clone())));
    }
    for (column, value) in [("channel", &query.channel), ("region", &query.region)] {
        if let Some(value) = value {
            values.push(value.clone().into());
            conditions.push(format!("{column} = ${}", values.len()));
        }
    }
    let table = if query.region.is_some() {
        "fact"
    } else {
        "topic_day"
    };
    let mut groups = Vec::new();
    for (on, name) in [
        (query.by_day, "day"),
        (query.by_topic, "topic"),
        (query.by_channel, "channel"),
    ] {
        if on {
            groups.push(name);
        }
    }
    let columns = groups.iter().map(|g| format!("{g}, ")).collect::<String>();
    let tail = if groups.is_empty() {
        String::new()
    } else {
        format!("GROUP BY {0} ORDER BY {0}", groups.join(", "))
    };
    let sql = format!(
        "SELECT {columns}{} FROM {table} WHERE {} {tail}",
        sums(),
        conditions.join(" AND ")
    );
    let found = db.query(&sql, values).await?;
    found
        .iter()
        .map(|row| {
            Ok(Sum {
                day: if query.by_day { Some(day(row)?) } else { None },
                topic: if query.by_topic {
                    Some(row.try_get("", "topic")?)
                } else {
                    None
                },
                channel: if query.by_channel {
                    Some(row.try_get("", "channel")?)
                } else {
                    None
                },
                counters: counters(row)?,
            })
        })
        .collect()
}

/// Which rows of `detail_day` to sum up.
#[derive(Clone, Debug)]
pub struct DetailQuery {
    /// What the subjects are.
    pub kind: Detail,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day, included.
    pub to: Option<NaiveDate>,
    /// This subject only.
    pub subject: Option<String>,
    /// Keep days apart.
    pub by_day: bool,
    /// Keep subjects apart.
    pub by_subject: bool,
}

impl DetailQuery {
    /// Everything of a kind, in one sum.
    #[must_use]
    pub const fn of(kind: Detail) -> Self {
        Self {
            kind,
            from: None,
            to: None,
            subject: None,
            by_day: false,
            by_subject: false,
        }
    }
}

/// One sum of `detail_day`.
#[derive(Clone, Debug, PartialEq)]
pub struct DetailSum {
    /// The day, when days are kept apart.
    pub day: Option<NaiveDate>,
    /// The subject, when subjects are kept apart.
    pub subject: Option<String>,
    /// The sums.
    pub counters: Counters,
}

/// The subjects of a kind with voices on the days `from` to `to`, the largest first.
pub async fn detail_subjects(
    db: &impl Read,
    kind: Detail,
    from: NaiveDate,
    to: NaiveDate,
    limit: u64,
) -> Result<Vec<String>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        subject: String,
    }
    let found: Vec<Row> = rows(
        db,
        "SELECT subject FROM detail_day WHERE kind = $1 AND day >= $2 AND day <= $3 \
         GROUP BY subject HAVING SUM(voices) > 0 ORDER BY SUM(voices) DESC, subject LIMIT $4",
        vec![
            kind.as_str().into(),
            from.to_string().into(),
            to.to_string().into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    Ok(found.into_iter().map(|r| r.subject).collect())
}

/// Sums of `detail_day` by day of some subjects, each for itself.
pub async fn detail_days(
    db: &impl Read,
    kind: Detail,
    subjects: &[String],
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<DetailSum>, DbError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = vec![
        kind.as_str().into(),
        from.to_string().into(),
        to.to_string().into(),
    ];
    values.extend(subjects.iter().map(|s| Value::from(s.clone())));
    let sql = format!(
        "SELECT subject, day, {} FROM detail_day WHERE kind = $1 AND day >= $2 AND day <= $3 \
         AND subject IN {} GROUP BY subject, day ORDER BY subject, day",
        sums(),
        placeholders(1, subjects.len(), 4)
    );
    let found = db.query(&sql, values).await?;
    found
        .iter()
        .map(|row| {
            Ok(DetailSum {
                day: Some(day(row)?),
                subject: Some(row.try_get("", "subject")?),
                counters: counters(row)?,
            })
        })
        .collect()
}

/// Sums of `detail_day`, in the order of subjects and days.
pub async fn sum_details(db: &impl Read, query: &DetailQuery) -> Result<Vec<DetailSum>, DbError> {
    let mut values: Vec<Value> = vec![query.kind.as_str().into()];
    let mut conditions = String::from("kind = $1");
    for (column, value) in [
        ("day >=", query.from.map(|d| d.to_string())),
        ("day <=", query.to.map(|d| d.to_string())),
        ("subject =", query.subject.clone()),
    ] {
        if let Some(value) = value {
            values.push(value.into());
            conditions.push_str(&format!(" AND {column} ${}", values.len()));
        }
    }
    let groups: Vec<&str> = [(query.by_subject, "subject"), (query.by_day, "day")]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect();
    let columns = groups.iter().map(|g| format!("{g}, ")).collect::<String>();
    let tail = if groups.is_empty() {
        String::new()
    } else {
        format!("GROUP BY {0} ORDER BY {0}", groups.join(", "))
    };
    let sql = format!(
        "SELECT {columns}{} FROM detail_day WHERE {conditions} {tail}",
        sums()
    );
    let found = db.query(&sql, values).await?;
    found
        .iter()
        .map(|row| {
            Ok(DetailSum {
                day: if query.by_day { Some(day(row)?) } else { None },
                subject: if query.by_subject {
                    Some(row.try_get("", "subject")?)
                } else {
                    None
                },
                counters: counters(row)?,
            })
        })
        .collect()
}

/// What one day counted in a scope: what a fixed limit is compared with. `classes`: empty means
/// contacts and surveys.
pub async fn on_day(
    db: &impl Read,
    on: NaiveDate,
    topics: &[String],
    channel: Option<&str>,
    region: Option<&str>,
    classes: &[Class],
) -> Result<Counters, DbError> {
    if topics.is_empty() {
        return Ok(Counters::default());
    }
    let classes = if classes.is_empty() {
        &[Class::Contact, Class::Survey]
    } else {
        classes
    };
    // Only the wide table knows regions.
    let table = if region.is_some() {
        "fact"
    } else {
        "topic_day"
    };
    let mut values: Vec<Value> = vec![on.to_string().into()];
    let mut sql = format!(
        "SELECT {} FROM {table} WHERE day = $1 AND topic IN {}",
        sums(),
        placeholders(1, topics.len(), 2)
    );
    values.extend(topics.iter().map(|t| Value::from(t.clone())));
    sql.push_str(&format!(
        " AND class IN {}",
        placeholders(1, classes.len(), values.len() + 1)
    ));
    values.extend(classes.iter().map(|c| Value::from(c.as_str())));
    for (column, value) in [("channel", channel), ("region", region)] {
        if let Some(value) = value {
            values.push(value.into());
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    match db.query(&sql, values).await?.first() {
        Some(row) => counters(row),
        None => Ok(Counters::default()),
    }
}

/// What daily rules read of one day of a topic in a channel.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct PointRow {
    /// The day, as a date.
    pub day: String,
    /// Topic, or empty.
    pub topic: String,
    /// Channel.
    pub channel: String,
    /// Voices of class `contact`.
    pub contacts: i64,
    /// Distinct customers among them.
    pub customers: i64,
    /// Contacts whose customer nobody knows.
    pub anonymous: i64,
    /// Ratings, of surveys too.
    pub rated: i64,
    /// Satisfied among them.
    pub satisfied: i64,
    /// Voices of any class.
    pub voices: i64,
}

/// The days `from` to `to` of every topic and channel, in few columns: daily rules read a year of
/// them. A channel or region narrows what is counted.
pub async fn points(
    db: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
    channel: Option<&str>,
    region: Option<&str>,
) -> Result<Vec<PointRow>, DbError> {
    let table = if region.is_some() {
        "fact"
    } else {
        "topic_day"
    };
    let mut values: Vec<Value> = vec![from.to_string().into(), to.to_string().into()];
    let mut more = String::new();
    for (column, value) in [("channel", channel), ("region", region)] {
        if let Some(value) = value {
            values.push(value.into());
            more.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    let of = |class: &str, counter: &str| {
        format!(
            "CAST(SUM(CASE WHEN class IN ({class}) THEN {counter} ELSE 0 END) AS BIGINT) AS {counter}"
        )
    };
    let sql = format!(
        "SELECT day, topic, channel, {}, {}, {}, {}, {}, CAST(SUM(voices) AS BIGINT) AS voices FROM {table} \
         WHERE day >= $1 AND day <= $2{more} GROUP BY day, topic, channel ORDER BY topic, channel, day",
        of("'contact'", "contacts"),
        of("'contact'", "customers"),
        of("'contact'", "anonymous"),
        of("'contact','survey'", "rated"),
        of("'contact','survey'", "satisfied"),
    );
    rows(db, &sql, values).await
}

/// Bad marks that a known customer gave a topic on one day by one channel, beyond the first.
#[derive(FromQueryResult)]
pub struct Repeated {
    /// The day, as text.
    pub day: String,
    /// Topic.
    pub topic: String,
    /// Channel.
    pub channel: String,
    /// How many marks more than customers.
    pub n: i64,
}

/// The bad marks of the days `from` to `to` that came from customers who had given one already, in the
/// places of [`points`].
pub async fn repeated_marks(
    db: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
    channel: Option<&str>,
    region: Option<&str>,
) -> Result<Vec<Repeated>, DbError> {
    let marks = [Deed::Mark1, Deed::Mark2, Deed::Mark3];
    let mut values: Vec<Value> = vec![from.to_string().into(), to.to_string().into()];
    values.extend(marks.iter().map(|d| Value::from(d.as_str())));
    let mut more = String::new();
    for (column, value) in [("channel", channel), ("region", region)] {
        if let Some(value) = value {
            values.push(value.into());
            more.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    let sql = format!(
        "SELECT day, topic, channel, CAST(SUM(n - 1) AS BIGINT) AS n FROM \
         (SELECT day, subject AS topic, channel, customer_hash, SUM(n) AS n FROM customer_day \
         WHERE day >= $1 AND day <= $2 AND deed IN {}{more} \
         GROUP BY day, subject, channel, customer_hash HAVING SUM(n) > 1) AS again \
         GROUP BY day, topic, channel",
        placeholders(1, marks.len(), 3)
    );
    rows(db, &sql, values).await
}

/// The first and last day that hold anything.
pub async fn span(db: &impl Read) -> Result<Option<(NaiveDate, NaiveDate)>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        first: Option<String>,
        last: Option<String>,
    }
    let row: Option<Row> = one(
        db,
        "SELECT MIN(day) AS first, MAX(day) AS last FROM topic_day",
        vec![],
    )
    .await?;
    let read = |text: Option<String>| text.and_then(|t| NaiveDate::from_str(&t).ok());
    Ok(row.and_then(|r| read(r.first).zip(read(r.last))))
}

/// The whole wide table, as it is kept.
pub async fn all_facts(db: &impl Read) -> Result<BTreeMap<FactKey, Counters>, DbError> {
    let mut all = BTreeMap::new();
    for row in db.query("SELECT * FROM fact", vec![]).await? {
        let class: String = row.try_get("", "class")?;
        let key = FactKey {
            day: day(&row)?,
            class: Class::from_str(&class).map_err(|e| DbError::Corrupt {
                table: "fact",
                column: "class",
                id: class.clone(),
                detail: e.to_string(),
            })?,
            topic: row.try_get("", "topic")?,
            cause: row.try_get("", "cause")?,
            channel: row.try_get("", "channel")?,
            region: row.try_get("", "region")?,
            business_line: row.try_get("", "business_line")?,
            tier: row.try_get("", "tier")?,
        };
        let counters = counters(&row)?;
        if !counters.is_zero() {
            all.insert(key, counters);
        }
    }
    Ok(all)
}

/// The whole narrow table, as it is kept.
pub async fn all_topic_days(db: &impl Read) -> Result<BTreeMap<TopicDayKey, Counters>, DbError> {
    let mut all = BTreeMap::new();
    for row in db.query("SELECT * FROM topic_day", vec![]).await? {
        let class: String = row.try_get("", "class")?;
        let key = TopicDayKey {
            day: day(&row)?,
            class: Class::from_str(&class).map_err(|e| DbError::Corrupt {
                table: "topic_day",
                column: "class",
                id: class.clone(),
                detail: e.to_string(),
            })?,
            topic: row.try_get("", "topic")?,
            channel: row.try_get("", "channel")?,
        };
        let counters = counters(&row)?;
        if !counters.is_zero() {
            all.insert(key, counters);
        }
    }
    Ok(all)
}

/// All rows beside topics, as they are kept.
pub async fn all_details(db: &impl Read) -> Result<BTreeMap<DetailKey, Counters>, DbError> {
    let mut all = BTreeMap::new();
    for row in db.query("SELECT * FROM detail_day", vec![]).await? {
        let kind: String = row.try_get("", "kind")?;
        let key = DetailKey {
            day: day(&row)?,
            kind: Detail::parse(&kind).ok_or_else(|| DbError::Corrupt {
                table: "detail_day",
                column: "kind",
                id: kind.clone(),
                detail: "no such kind".to_owned(),
            })?,
            subject: row.try_get("", "subject")?,
        };
        let counters = counters(&row)?;
        if !counters.is_zero() {
            all.insert(key, counters);
        }
    }
    Ok(all)
}

/// Everything that known customers did, as it is kept.
pub async fn all_deeds(db: &impl Read) -> Result<BTreeMap<DeedKey, i64>, DbError> {
    let mut all = BTreeMap::new();
    let kept = db.query("SELECT * FROM customer_day WHERE n <> 0", vec![]);
    for row in kept.await? {
        let key = DeedKey {
            day: day(&row)?,
            deed: deed(&row)?,
            subject: row.try_get("", "subject")?,
            channel: row.try_get("", "channel")?,
            region: row.try_get("", "region")?,
            customer: row.try_get("", "customer_hash")?,
        };
        all.insert(key, row.try_get("", "n")?);
    }
    Ok(all)
}

/// Empties all fact tables: the first half of a rebuild.
pub async fn clear(tx: &Tx) -> Result<(), DbError> {
    tx.exec("DELETE FROM fact", vec![]).await?;
    tx.exec("DELETE FROM topic_day", vec![]).await?;
    tx.exec("DELETE FROM detail_day", vec![]).await?;
    tx.exec("DELETE FROM customer_day", vec![]).await?;
    Ok(())
}

/// Whether a migration asked for facts to be made anew: it added columns that only voices can fill.
pub async fn wants_rebuild(db: &impl Read) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) AS n FROM upkeep WHERE name = 'rebuild-facts'";
    Ok(crate::tx::count(db, sql, vec![]).await? > 0)
}

/// Takes that wish as granted.
pub async fn rebuilt(tx: &Tx) -> Result<(), DbError> {
    tx.exec("DELETE FROM upkeep WHERE name = 'rebuild-facts'", vec![])
        .await?;
    Ok(())
}
