//! `bihuan import`: straight into the database, also beside a running server.

use crate::app::{App, failure};
use crate::config::Config;
use crate::intake::import::{Settings, Tally, from_disk};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::time::Instant;

#[expect(clippy::too_many_arguments, reason = "one per flag")]
pub(super) async fn import(
    config: Config,
    files: Vec<PathBuf>,
    channel: String,
    mapping: Option<PathBuf>,
    topics_from: Option<String>,
    dry_run: bool,
    occurred_at: Option<String>,
    rejected: Option<PathBuf>,
) -> failure::Result<ExitCode> {
    domain::organisation::check_key(&channel)?;
    let mapping = match mapping {
        Some(path) => Some(
            std::fs::read_to_string(&path)
                .map_err(|e| format!("cannot read the mapping {}: {e}", path.display()))?,
        ),
        None => None,
    };
    let settings = Settings {
        channel,
        mapping,
        occurred_at,
        topics_from,
    };
    let app = App::open(config).await?;
    // Labels follow at once, whether or not a server runs; mails stay the server's business.
    let workers = tokio::spawn(crate::jobs::run_workers_for(app.clone(), &["analyse"]));
    let mut code = ExitCode::SUCCESS;
    for file in files {
        if file.to_string_lossy().ends_with(".rejected.csv") {
            println!(
                "{}: left out, these rows were refused before",
                file.display()
            );
            continue;
        }
        let (path, _kept) = local(&file)?;
        let refused = rejected.clone().or_else(|| {
            (file != Path::new("-"))
                .then(|| PathBuf::from(format!("{}.rejected.csv", file.display())))
        });
        let started = Instant::now();
        let bar = std::io::stderr().is_terminal();
        let show = |tally: &Tally| {
            if bar {
                let pace = tally.rows as f64 / started.elapsed().as_secs_f64().max(0.001);
                eprint!(
                    "\r{}: {} rows, {pace:.0} rows/s   ",
                    file.display(),
                    tally.rows
                );
                let _ = std::io::stderr().flush();
            }
        };
        let outcome = from_disk(&app, &path, &settings, dry_run, show, refused.clone()).await?;
        if bar {
            eprintln!();
        }
        match outcome {
            Ok(tally) => {
                let r = &tally.receipt;
                if tally.rejected == tally.rows {
                    // Nothing of this file was good, or nothing was in it: scripts must notice.
                    code = ExitCode::FAILURE;
                }
                let seconds = started.elapsed().as_secs_f64().max(0.001);
                println!(
                    "{}: {} rows in {seconds:.1} s ({:.0} rows/s): {} accepted, {} updated, {} duplicates, {} rejected, {} undated{}",
                    file.display(),
                    tally.rows,
                    tally.rows as f64 / seconds,
                    r.accepted,
                    r.updated,
                    r.duplicates,
                    tally.rejected,
                    r.undated,
                    if dry_run {
                        " (dry run: nothing was kept)"
                    } else {
                        ""
                    }
                );
                if tally.rejected > 0
                    && let Some(refused) = &refused
                {
                    println!("  refused rows with reasons: {}", refused.display());
                }
            }
            Err(unusable) => {
                eprintln!(
                    "{}: {}: {}: {}",
                    file.display(),
                    unusable.field,
                    unusable.code,
                    unusable.detail
                );
                code = ExitCode::FAILURE;
            }
        }
    }
    // Acknowledged is durable already; waiting for the labels makes the figures complete.
    while crate::jobs::pending_of(&app, "analyse").await? {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    app.stop.cancel();
    app.wake_workers();
    let _ = workers.await;
    Ok(code)
}

/// A path that can be read twice; standard input is kept in a file for the time of the import.
fn local(file: &Path) -> failure::Result<(PathBuf, Option<Kept>)> {
    if file != Path::new("-") {
        return Ok((file.to_path_buf(), None));
    }
    let path = std::env::temp_dir().join(format!("bihuan-import-{}", std::process::id()));
    let mut out = std::fs::File::create(&path)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut out)?;
    Ok((path.clone(), Some(Kept(path))))
}

/// Removes its file when it goes.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
