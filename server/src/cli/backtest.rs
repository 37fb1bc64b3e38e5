//! `backtest`: a rule over stored history.

use crate::app::{App, failure};
use crate::config::Config;
use crate::detection::http::{BacktestView, check};
use crate::detection::{LONGEST, backtest};
use chrono::NaiveDate;
use domain::detection::Detector;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to try, and on which days.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Key of a stored detector
    #[arg(long, conflicts_with = "file", required_unless_present = "file")]
    detector: Option<String>,
    /// JSON file with a rule that is not stored, as the API takes it
    #[arg(long)]
    file: Option<PathBuf>,
    /// First day
    #[arg(long)]
    from: NaiveDate,
    /// Last day
    #[arg(long)]
    to: NaiveDate,
    /// Whose days the series shows: a topic, search, article, agent or channel
    #[arg(long)]
    subject: Option<String>,
    /// Print the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it and prints what the rule would have raised.
pub(super) async fn run(config: Config, args: Args) -> failure::Result<ExitCode> {
    // A slip in the folder's name must not look like an organisation without history.
    let file = config.database_url();
    let file = file
        .strip_prefix("sqlite:")
        .and_then(|f| f.split('?').next());
    if let Some(file) = file.filter(|f| !std::path::Path::new(f).exists()) {
        return Err(format!("there is no database {file}").into());
    }
    if args.to < args.from || (args.to - args.from).num_days() > LONGEST {
        return Err(format!("--from must not be after --to, at most {LONGEST} days apart").into());
    }
    let app = App::open_plain(config).await?;
    let detector = match (&args.detector, &args.file) {
        (Some(key), _) => {
            let found = storage::organisation::get::<Detector>(&app.db, key).await?;
            found.ok_or_else(|| format!("no detector {key}"))?
        }
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            let mut detector: Detector =
                serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
            if detector.key.is_empty() {
                "backtest".clone_into(&mut detector.key);
            }
            check(&app, &detector).await.map_err(|p| {
                let fields = p
                    .errors
                    .iter()
                    .map(|e| format!("{}: {}", e.field, e.detail));
                fields.collect::<Vec<_>>().join("; ")
            })?;
            detector
        }
        (None, None) => return Err("--detector or --file".into()),
    };
    let subject = args.subject.as_deref();
    let found = backtest(&app, &detector, args.from, args.to, subject).await?;
    if args.json {
        println!("{}", serde_json::to_string(&BacktestView::from(found))?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} {}: {} to {}: {} signals, {} issues, {} mails",
        detector.kind.as_str(),
        detector.key,
        args.from,
        args.to,
        found.signals.len(),
        found.issues,
        found.mails
    );
    for signal in &found.signals {
        let said = signal.explanation();
        println!("{}  {}  {}", signal.window, signal.subject.key, said.zh);
        println!("{:12}{}", "", said.en);
    }
    for note in &found.notes {
        println!("{} / {}", note.zh, note.en);
    }
    Ok(ExitCode::SUCCESS)
}
