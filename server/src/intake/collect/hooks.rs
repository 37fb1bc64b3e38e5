//! Requests of sources: kept before they are answered, worked off in the order of their arrival.

use super::keep::{self, Brought, Origin};
use super::{RUN, Stop, hold};
use crate::app::Shared;
use crate::plugins::{Answer, Connected, Failed, Hooked, Kind, Meant};
use storage::DbError;
use storage::collect::{self, Hook, Work};
use tokio::time::Instant;

/// Attempts at a request by a plugin at fault, before it is set aside and the next one has its turn.
const ATTEMPTS: i64 = 3;

/// Where a request belongs: what is sealed for one place does not open in another.
pub(super) fn place(installation: &str) -> String {
    format!("hook/{installation}")
}

/// Works off what waits.
pub(super) async fn run(app: &Shared, work: &mut Work) -> Result<(), Stop> {
    let key = work.installation.clone();
    let until = Instant::now() + RUN;
    loop {
        if Instant::now() >= until || app.stop.is_cancelled() {
            let tx = app.begin().await?;
            if !collect::release(&tx, work, &work.progress, Some(tx.now())).await? {
                return Err(Stop::Overtaken);
            }
            tx.commit().await?;
            return Ok(());
        }
        let Some(hook) = collect::waiting_hooks(&app.db, &key, "", 1)
            .await?
            .into_iter()
            .next()
        else {
            break;
        };
        let connected = app.plugins.connect(app, &key).await?;
        match work_off(app, &connected, &hook).await {
            Ok(_) => {}
            Err(Stop::Failed(failed)) => {
                // The sender waits for an answer that does not come any more.
                app.plugins.waiting.tell(&hook.id, None);
                if !give_up(app, &connected, &hook, &failed).await? {
                    return Err(Stop::Failed(failed));
                }
            }
            Err(Stop::Overtaken) => {
                // Somebody answered it in the meantime, or has the work now.
                if !still_ours(app, work).await? {
                    return Err(Stop::Overtaken);
                }
            }
            Err(other) => return Err(other),
        }
        work.progress.failures = 0;
        work.progress.error = None;
    }
    let tx = app.begin().await?;
    // First the row, then the look: whoever adds one waits for the row and makes it due again.
    if !collect::release(&tx, work, &work.progress, None).await? {
        return Err(Stop::Overtaken);
    }
    if !collect::waiting_hooks(&tx, &key, "", 1).await?.is_empty() {
        collect::hurry(&tx, &key, "hooks").await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn still_ours(app: &Shared, work: &Work) -> Result<bool, DbError> {
    Ok(collect::works(&app.db, &work.installation)
        .await?
        .iter()
        .any(|w| w.id == work.id && w.lease_epoch == work.lease_epoch))
}

/// Works off one request: the plugin outside of any transaction, then one for all that it brought. Whoever ends
/// the request first has done it; the other's transaction fails.
pub(super) async fn work_off(
    app: &Shared,
    connected: &Connected,
    hook: &Hook,
) -> Result<Option<Answer>, Stop> {
    let row = &connected.installation;
    let sealed = hook.request.as_deref().unwrap_or_default();
    let plain = app
        .plugins
        .vault
        .open(&place(&row.key), sealed)
        .map_err(Failed::from)?;
    let hooked: Hooked = serde_json::from_slice(&plain)
        .map_err(|e| Failed::new(Kind::Input, "unreadable", e.to_string()))?;
    let (meant, kept) = connected.handle(&hooked).await?;
    let mut answer = None;
    match meant {
        Meant::Voices { items, unusable } => {
            let brought = Brought::read(app, row, items, unusable).await?;
            let clean = brought.is_clean();
            let tx = app.begin().await?;
            hold(&tx, row).await?;
            let from = Origin {
                stream: "",
                hook: Some(&hook.id),
            };
            brought.write(app, &tx, row, &from).await?;
            kept.write(&tx, &row.key).await?;
            // What was refused may be worked off again after a fix: then its request must still be there.
            collect::end_hook(&tx, &hook.id, "done", None, !clean).await?;
            crate::plugins::succeeded(app, &tx, &row.key, "hooks").await?;
            tx.commit().await?;
            app.wake_workers();
        }
        Meant::Handshake(reply) => {
            let tx = app.begin().await?;
            hold(&tx, row).await?;
            kept.write(&tx, &row.key).await?;
            collect::end_hook(&tx, &hook.id, "done", None, false).await?;
            crate::plugins::succeeded(app, &tx, &row.key, "hooks").await?;
            tx.commit().await?;
            answer = Some(reply);
        }
        Meant::Refused(reason) => {
            set_aside(app, connected, hook, "refused", &reason, &hooked).await?;
        }
    }
    app.plugins.waiting.tell(&hook.id, answer.as_ref());
    Ok(answer)
}

/// Sets a request aside: it waits for a person.
async fn set_aside(
    app: &Shared,
    connected: &Connected,
    hook: &Hook,
    code: &str,
    detail: &str,
    hooked: &Hooked,
) -> Result<(), Stop> {
    let row = &connected.installation;
    let from = Origin {
        stream: "",
        hook: Some(&hook.id),
    };
    let body = String::from_utf8_lossy(&hooked.body);
    let detail = domain::text::mask::mask(detail).text;
    let record = keep::rejected(app, row, &from, "request", None, (code, &detail), &body)?;
    let tx = app.begin().await?;
    hold(&tx, row).await?;
    collect::end_hook(&tx, &hook.id, "dead", Some(&detail), true).await?;
    collect::set_aside(&tx, &[record]).await?;
    tx.commit().await?;
    Ok(())
}

/// Decides what becomes of a request that failed. `true`: it is set aside and the next one has its turn.
async fn give_up(
    app: &Shared,
    connected: &Connected,
    hook: &Hook,
    failed: &Failed,
) -> Result<bool, Stop> {
    let patient = match failed.kind {
        Kind::Input => false,
        Kind::Fault => {
            let tx = app.begin().await?;
            let attempts = collect::count_attempt(&tx, &hook.id, &failed.message).await?;
            tx.commit().await?;
            attempts < ATTEMPTS
        }
        // Settings, patience, network: every request would meet the same.
        _ => true,
    };
    if patient {
        return Ok(false);
    }
    let plain = app
        .plugins
        .vault
        .open(
            &place(&connected.installation.key),
            hook.request.as_deref().unwrap_or_default(),
        )
        .unwrap_or_default();
    let hooked = serde_json::from_slice(&plain).unwrap_or(Hooked {
        method: String::new(),
        path: String::new(),
        query: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
        received_at_ms: 0,
        verified: false,
    });
    set_aside(app, connected, hook, &failed.code, &failed.message, &hooked).await?;
    Ok(true)
}
