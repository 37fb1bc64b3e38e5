//! Articles and their word index.

use crate::tx::{Document, Page, count, json, micros, one, parse, placeholders, rows};
use crate::{DbError, Read, Tx};
use domain::ids::{ArticleId, TaskId};
use domain::knowledge::{Article, Posting};
use sea_orm::{FromQueryResult, Value};
use std::collections::BTreeMap;

/// Writes an article with its index. `false`: this task has one already.
pub async fn insert(
    tx: &Tx,
    article: &Article,
    words: &BTreeMap<String, i64>,
) -> Result<bool, DbError> {
    let length: i64 = words.values().sum();
    let written = tx
        .exec(
            "INSERT INTO article (id, task_id, topic, length, created_at, data) VALUES ($1,$2,$3,$4,$5,$6) \
             ON CONFLICT (task_id) DO NOTHING",
            vec![
                article.id.to_string().into(),
                article.task_id.to_string().into(),
                article.topic.clone().into(),
                length.into(),
                micros(article.created_at).into(),
                json(article).into(),
            ],
        )
        .await?;
    if written == 0 {
        return Ok(false);
    }
    let all: Vec<_> = words.iter().collect();
    for chunk in all.chunks(500) {
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 3);
        for (word, n) in chunk {
            values.push((*word).clone().into());
            values.push(article.id.to_string().into());
            values.push((**n).into());
        }
        let sql = format!(
            "INSERT INTO article_word (word, article_id, count) VALUES {}",
            placeholders(chunk.len(), 3, 1)
        );
        tx.exec(&sql, values).await?;
    }
    Ok(true)
}

/// The article of that id.
pub async fn get(db: &impl Read, id: ArticleId) -> Result<Option<Article>, DbError> {
    let sql = "SELECT data FROM article WHERE id = $1";
    match one::<Document>(db, sql, vec![id.to_string().into()]).await? {
        Some(row) => parse("article", &id.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// The article of that task.
pub async fn of_task(db: &impl Read, task: TaskId) -> Result<Option<Article>, DbError> {
    let sql = "SELECT data FROM article WHERE task_id = $1";
    match one::<Document>(db, sql, vec![task.to_string().into()]).await? {
        Some(row) => parse("article", &task.to_string(), &row.data).map(Some),
        None => Ok(None),
    }
}

/// Articles, newest first.
pub async fn list(
    db: &impl Read,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Article>, DbError> {
    let mut values: Vec<Value> = vec![i64::try_from(limit + 1).unwrap_or(i64::MAX).into()];
    let mut sql = "SELECT data FROM article".to_owned();
    if let Some(after) = after {
        values.push(after.into());
        sql.push_str(" WHERE id < $2");
    }
    sql.push_str(" ORDER BY id DESC LIMIT $1");
    let found: Vec<Document> = rows(db, &sql, values).await?;
    let articles: Vec<Article> = found
        .iter()
        .map(|r| parse("article", "", &r.data))
        .collect::<Result<_, _>>()?;
    Ok(Page::cut(articles, limit, |a| a.id.to_string()))
}

/// Postings of `words`, how many articles there are, and their mean length.
pub async fn postings(
    db: &impl Read,
    words: &[String],
) -> Result<(Vec<Posting>, usize, f64), DbError> {
    if words.is_empty() {
        return Ok((Vec::new(), 0, 0.0));
    }
    #[derive(FromQueryResult)]
    struct Row {
        word: String,
        article_id: String,
        count: i64,
        length: i64,
    }
    let sql = format!(
        "SELECT w.word, w.article_id, w.count, a.length FROM article_word w JOIN article a ON a.id = w.article_id \
         WHERE w.word IN {} ORDER BY w.word, w.article_id LIMIT 20000",
        placeholders(1, words.len(), 1)
    );
    let found: Vec<Row> = rows(
        db,
        &sql,
        words.iter().map(|w| Value::from(w.clone())).collect(),
    )
    .await?;
    let total = count(db, "SELECT COUNT(*) AS n FROM article", vec![]).await?;
    let length = count(
        db,
        "SELECT CAST(SUM(length) AS BIGINT) AS n FROM article",
        vec![],
    )
    .await?;
    let postings = found
        .into_iter()
        .filter_map(|r| {
            let article = r.article_id.parse().ok()?;
            Some(Posting {
                article,
                word: r.word,
                count: r.count,
                length: r.length,
            })
        })
        .collect();
    let mean = if total > 0 {
        length as f64 / total as f64
    } else {
        0.0
    };
    Ok((postings, usize::try_from(total).unwrap_or(0), mean))
}

/// How many articles there are.
pub async fn total(db: &impl Read) -> Result<i64, DbError> {
    count(db, "SELECT COUNT(*) AS n FROM article", vec![]).await
}

/// Writes the evidence of an article anew; its text stays.
pub async fn set_evidence(tx: &Tx, article: &Article) -> Result<(), DbError> {
    tx.exec(
        "UPDATE article SET data = $1 WHERE id = $2",
        vec![json(article).into(), article.id.to_string().into()],
    )
    .await?;
    Ok(())
}

/// Takes an article out of the knowledge: what it said was not proven after all.
pub async fn withdraw(tx: &Tx, id: ArticleId) -> Result<(), DbError> {
    for sql in [
        "DELETE FROM article_word WHERE article_id = $1",
        "DELETE FROM article WHERE id = $1",
    ] {
        tx.exec(sql, vec![id.to_string().into()]).await?;
    }
    Ok(())
}
