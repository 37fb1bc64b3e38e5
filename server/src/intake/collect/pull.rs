//! Streams: page after page behind the cursor.

use super::keep::{Brought, Origin};
use super::{RUN, Stop, hold, scheduled};
use crate::app::Shared;
use crate::plugins::{Connected, Failed, Kind, Onward};
use domain::plugins::{MOST_STANDSTILLS, after_idle};
use storage::collect::{self, Work};
use tokio::time::Instant;

/// Items of one page: one transaction.
const PAGE: u32 = 500;
/// Pages of one run before other streams have their turn.
const PAGES: usize = 40;

/// Pulls until the source has no more, or others want their turn.
pub(super) async fn run(app: &Shared, work: &mut Work) -> Result<(), Stop> {
    let until = Instant::now() + RUN;
    for _ in 0..PAGES {
        // Anew for each page: what the plugin keeps and what people set may have changed with the last.
        let connected = app.plugins.connect(app, &work.installation).await?;
        if !connected.installation.enabled {
            return Err(Stop::Overtaken);
        }
        match page(app, work, &connected).await? {
            Onward::Idle(quiet_ms) => {
                let next = scheduled(app, &connected.installation).await?;
                return end(app, work, Some(after_idle(next, app.now(), quiet_ms))).await;
            }
            Onward::More if Instant::now() < until && !app.stop.is_cancelled() => {}
            Onward::More => break,
        }
    }
    end(app, work, Some(app.now())).await
}

async fn end(
    app: &Shared,
    work: &Work,
    next_at: Option<domain::clock::Timestamp>,
) -> Result<(), Stop> {
    let tx = app.begin().await?;
    if !collect::release(&tx, work, &work.progress, next_at).await? {
        return Err(Stop::Overtaken);
    }
    tx.commit().await?;
    Ok(())
}

/// One page: asked for outside of any transaction, kept in one.
async fn page(app: &Shared, work: &mut Work, connected: &Connected) -> Result<Onward, Stop> {
    let row = &connected.installation;
    let pulled = connected
        .pull(&work.name, work.cursor.as_ref(), PAGE)
        .await?;
    let stands = pulled.onward == Onward::More
        && pulled.items.is_empty()
        && work.cursor.as_ref() == Some(&pulled.cursor);
    let mut progress = work.progress.clone();
    progress.standstills = if stands { progress.standstills + 1 } else { 0 };
    if progress.standstills >= MOST_STANDSTILLS {
        return Err(Stop::Failed(Failed::new(
            Kind::Fault,
            "no_progress",
            "the plugin says that there is more, brings nothing and stays where it is",
        )));
    }
    let brought = Brought::read(app, row, pulled.items, pulled.unusable).await?;
    let tx = app.begin().await?;
    hold(&tx, row).await?;
    let from = Origin {
        stream: &work.name,
        hook: None,
    };
    let kept = brought.write(app, &tx, row, &from).await?;
    pulled.keep.write(&tx, &row.key).await?;
    if !pulled.acks.is_empty() {
        let tokens: Vec<_> = pulled
            .acks
            .into_iter()
            .map(|token| (app.ids.next(), token))
            .collect();
        collect::owe_acks(&tx, &row.key, &tokens).await?;
        collect::hurry(&tx, &row.key, "acks").await?;
    }
    progress.accepted += kept.receipt.accepted;
    progress.updated += kept.receipt.updated;
    progress.duplicates += kept.receipt.duplicates;
    progress.rejected += kept.refused;
    progress.newest_at = progress.newest_at.max(kept.newest);
    if stands {
        // No success either: it would wipe out the failures that these pages end in.
        collect::advance(&tx, work, Some(&pulled.cursor), &progress).await?;
    } else {
        progress.failures = 0;
        progress.error = None;
        progress.last_ok_at = Some(tx.now());
        collect::advance(&tx, work, Some(&pulled.cursor), &progress).await?;
        crate::plugins::succeeded(app, &tx, &row.key, "pull").await?;
    }
    tx.commit().await?;
    work.cursor = Some(pulled.cursor);
    work.seq += 1;
    work.progress = progress;
    app.wake_workers();
    Ok(pulled.onward)
}
