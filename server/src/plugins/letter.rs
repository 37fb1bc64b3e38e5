//! What administrators are written when an installation needs them.

use super::failed::Failed;
use crate::app::App;
use crate::mail::{Letter, Recipient};
use domain::identity::Role;
use domain::organisation::{Bilingual, Locale, is_email};
use domain::plugins::Worry;
use storage::{DbError, Tx};

/// Writes to every administrator with an address; where there is none, to whoever decides in the organisation.
pub async fn tell(
    app: &App,
    tx: &Tx,
    key: &str,
    worry: Worry,
    operation: &str,
    failed: &Failed,
) -> Result<(), DbError> {
    let Some(found) = super::installed::find(tx, key).await? else {
        return Ok(());
    };
    let titled = &found.row.set.title;
    let plugin = &found.manifest.title;
    let title = if titled.is_empty() {
        Bilingual {
            zh: plugin.zh.clone(),
            en: plugin.en.clone(),
        }
    } else {
        Bilingual {
            zh: titled.clone(),
            en: titled.clone(),
        }
    };
    let letter = Letter::PluginTrouble {
        key: key.to_owned(),
        title,
        worry,
        operation: operation.to_owned(),
        code: failed.code.clone(),
        message: failed.message.chars().take(500).collect(),
        at: tx.now(),
        link: "/settings/plugins".to_owned(),
    };
    for to in readers(tx).await? {
        let name = serde_json::to_value(worry).unwrap_or_default();
        let dedupe = format!(
            "plugin:{key}:{}:{}:{}",
            name.as_str().unwrap_or_default(),
            tx.now().timestamp_micros(),
            to.email
        );
        let serial = format!("plugin:{key}:{}", to.email);
        let delivery =
            crate::mail::delivery(app.ids.next(), &to, &letter, dedupe, serial, tx.now());
        crate::mail::enqueue(app, tx, &delivery).await?;
    }
    Ok(())
}

async fn readers(tx: &Tx) -> Result<Vec<Recipient>, DbError> {
    let organisation = storage::organisation::organisation(tx).await?;
    let mut to: Vec<Recipient> = storage::access::accounts(tx)
        .await?
        .into_iter()
        .filter(|a| a.role == Role::Admin && !a.disabled && is_email(&a.email))
        .map(|a| Recipient {
            language: if a.language == Locale::En.as_str() {
                Locale::En
            } else {
                Locale::ZhCn
            },
            email: a.email,
            name: a.name,
            time_zone: organisation.zone,
        })
        .collect();
    if to.is_empty()
        && let Some(email) = &organisation.arbiter_email
    {
        to.push(Recipient {
            email: email.clone(),
            name: email.split('@').next().unwrap_or_default().to_owned(),
            language: organisation.locale,
            time_zone: organisation.zone,
        });
    }
    Ok(to)
}
