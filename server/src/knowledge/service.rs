//! Articles: written when a verdict proves a task, searched by jieba words.

use crate::app::App;
use crate::plugins::BUILT_IN_KNOWLEDGE_BASE;
use domain::identity::Actor;
use domain::ids::ArticleId;
use domain::issues::Issue;
use domain::knowledge::{Article, Evidence, EvidenceEffect, EvidenceSide, index, rank};
use domain::organisation::Topic;
use domain::tasks::Task;
use domain::verification::{Verdict, Verification};
use std::collections::BTreeSet;
use storage::{DbError, Read, Tx};

/// An article that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The article.
    pub article: Article,
    /// BM25 score; comparable inside one search only.
    pub score: f64,
    /// Its title.
    pub title: String,
    /// Start of its body.
    pub excerpt: String,
}

/// Keeps the solution of a proven task as an article; where it is kept already, its evidence card gets
/// the present figures. Nothing but `improved` is knowledge.
pub async fn prove(
    app: &App,
    tx: &Tx,
    task: &Task,
    issue: &Issue,
    verification: &Verification,
) -> Result<(), DbError> {
    let (Some(evidence), Some(solution)) = (evidence(verification), task.solution.clone()) else {
        return Ok(());
    };
    if let Some(article) = storage::knowledge::of_task(tx, task.id).await? {
        if article.evidence != evidence {
            let article = Article {
                evidence,
                ..article
            };
            storage::knowledge::set_evidence(tx, &article).await?;
        }
        return Ok(());
    }
    let mut body = solution;
    if !task.measures.is_empty() {
        body.push_str("\n\n");
        body.push_str(
            &task
                .measures
                .iter()
                .map(|m| format!("- {m}"))
                .collect::<Vec<_>>()
                .join("\n"),
        );
    }
    let article = Article {
        id: ArticleId(app.ids.next()),
        task_id: task.id,
        issue_id: issue.id,
        topic: task.topic.clone(),
        title: task.title.clone(),
        body,
        evidence,
        created_at: tx.now(),
    };
    let mut title_words = app.words.terms(&article.title);
    title_words.extend(app.words.terms(&article.topic));
    let words = index(&title_words, &app.words.terms(&article.body));
    if storage::knowledge::insert(tx, &article, &words).await? && app.config.publish {
        publish(app, tx, &article).await?;
    }
    Ok(())
}

/// The evidence card of a result; `None` where it proves nothing.
fn evidence(verification: &Verification) -> Option<Evidence> {
    let effect = verification.effect?;
    (verification.verdict == Verdict::Improved).then(|| Evidence {
        verdict: verification.verdict,
        metric: verification.metric.as_str().to_owned(),
        before: EvidenceSide {
            n: verification.before.n,
            value: verification.before.value,
        },
        after: EvidenceSide {
            n: verification.after.n,
            value: verification.after.value,
        },
        effect: EvidenceEffect {
            value: effect.value,
            low: effect.low,
            high: effect.high,
        },
        sentence: verification.sentence.clone(),
        computed_at: verification.computed_at,
    })
}

/// Takes the article of a task out of the knowledge when late data says that it was not proven after
/// all. What was published outside stays there; the history says when it was withdrawn.
pub async fn withdraw(app: &App, tx: &Tx, task: &Task, actor: &Actor) -> Result<(), DbError> {
    let Some(article) = storage::knowledge::of_task(tx, task.id).await? else {
        return Ok(());
    };
    storage::knowledge::withdraw(tx, article.id).await?;
    let data = serde_json::json!({"article": article.id.to_string(), "title": article.title});
    storage::events::record(
        tx,
        app.ids.next(),
        "task",
        &task.id.to_string(),
        "task.article_withdrawn",
        actor,
        &data,
    )
    .await
}

/// Articles for some words, best first.
pub async fn search(
    app: &App,
    db: &impl Read,
    text: &str,
    most: usize,
) -> Result<Vec<Found>, DbError> {
    let mut words: Vec<String> = app
        .words
        .terms(text)
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    words.truncate(200);
    let (postings, articles, mean) = storage::knowledge::postings(db, &words).await?;
    let mut found = Vec::new();
    for (id, score) in rank(&postings, articles, mean).into_iter().take(most) {
        if let Some(article) = storage::knowledge::get(db, id).await? {
            let mut excerpt: String = article.body.chars().take(160).collect();
            if article.body.chars().count() > 160 {
                excerpt.push('…');
            }
            found.push(Found {
                title: article.title.clone(),
                excerpt,
                score,
                article,
            });
        }
    }
    Ok(found)
}

/// Proven solutions for a topic's issue: those of the topic itself first, then those that share its
/// words. What every issue's title says ("above the limit") makes nothing similar.
pub async fn similar(app: &App, db: &impl Read, topic: &str) -> Result<Vec<Found>, DbError> {
    let mut query = topic.to_owned();
    if let Some(topic) = storage::organisation::get::<Topic>(db, topic).await? {
        for word in [topic.name, topic.name_en].into_iter().chain(topic.words) {
            query.push(' ');
            query.push_str(&word);
        }
    }
    let words: BTreeSet<String> = app.words.terms(&query).into_iter().collect();
    let mut found = search(app, db, &query, 8).await?;
    // A word that two bodies happen to share makes no similar problem: it must be what the article is about.
    found.retain(|f| {
        let about = format!("{} {}", f.article.title, f.article.topic);
        f.article.topic == topic || app.words.terms(&about).iter().any(|w| words.contains(w))
    });
    found.sort_by(|a, b| {
        let other = |f: &Found| f.article.topic != topic;
        other(a).cmp(&other(b)).then(b.score.total_cmp(&a.score))
    });
    found.truncate(3);
    Ok(found)
}

/// Writes the publications of an article into the outbox: one for each knowledge base that is set up, so that one
/// that is down never holds up another. `false`: this content was published already.
pub async fn publish(app: &App, tx: &Tx, article: &Article) -> Result<bool, DbError> {
    let digest = blake3::hash(format!("{}\u{1f}{}", article.title, article.body).as_bytes());
    let mut targets: Vec<String> = storage::installations::of_role(tx, "knowledge-base")
        .await?
        .into_iter()
        .map(|row| row.key)
        .collect();
    if targets.is_empty() {
        targets.push(BUILT_IN_KNOWLEDGE_BASE.to_owned());
    }
    let mut written = false;
    for target in targets {
        let serial = if target == BUILT_IN_KNOWLEDGE_BASE {
            format!("article:{}", article.id)
        } else {
            format!("article:{}:{target}", article.id)
        };
        let mut delivery = storage::notify::delivery(
            app.ids.next(),
            "publication",
            &target,
            format!(
                "publication:{}:{}:{}",
                target,
                article.id,
                &digest.to_hex()[..16]
            ),
            serial,
            serde_json::json!({"article": article.id.to_string(), "content_hash": digest.to_hex().to_string()}),
            tx.now(),
        );
        delivery.task_id = Some(article.task_id.to_string());
        delivery.issue_id = Some(article.issue_id.to_string());
        // What was given up before goes out again when somebody asks for it.
        written |= crate::mail::enqueue(app, tx, &delivery).await?
            || crate::plugins::revive(app, tx, &target, Some(&delivery.dedupe_key)).await? > 0;
    }
    Ok(written)
}
