//! The one concrete state of a running server.

use crate::analysis::Words;
use crate::config::Config;
use crate::mail::Transport;
use crate::mail::imap::Account;
use crate::plugins::Plugins;
use domain::clock::{Clock, Timestamp};
use domain::ids::Ids;
use std::sync::Arc;
use storage::{Db, DbError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Everything that a request or a job needs.
pub struct App {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// New identifiers.
    pub ids: Arc<dyn Ids>,
    /// The settings.
    pub config: Config,
    /// What to expect of the present day.
    pub lines: crate::detection::Lines,
    /// Word segmentation.
    pub words: Words,
    /// The plugin host and what runs in it.
    pub plugins: Plugins,
    /// Where mails go.
    pub mail: Transport,
    /// Whether the mail server refuses us.
    pub mail_rest: crate::mail::Rest,
    /// Where answers to them come from; `None`: nobody reads them.
    pub mail_in: Option<Account>,
    /// Key of the hashes that identify customers and links without naming them.
    pub key: [u8; 32],
    /// Woken after a transaction that wrote jobs.
    pub wake: Notify,
    /// Woken when a job has ended.
    pub ended: Notify,
    /// Background work.
    pub tracker: TaskTracker,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// The application, shared.
pub type Shared = Arc<App>;

/// Time from the machine.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where time comes from"
    )]
    fn now(&self) -> Timestamp {
        let now = chrono::Utc::now();
        // The database keeps microseconds; more would not survive a round trip.
        Timestamp::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

/// Time from the machine, some minutes ahead of it: for rehearsals.
pub struct AheadClock {
    /// Minutes; negative: behind.
    pub minutes: i64,
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + chrono::TimeDelta::minutes(self.minutes)
    }
}

fn clock_of(config: &Config) -> Arc<dyn Clock> {
    match config.clock_ahead {
        0 => Arc::new(SystemClock),
        minutes => {
            tracing::warn!(minutes, "rehearsal: the clock is not the machine's");
            Arc::new(AheadClock { minutes })
        }
    }
}

/// Identifiers from the machine.
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where identifiers come from"
    )]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

impl App {
    /// The present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Opens a transaction at the present time.
    pub async fn begin(&self) -> Result<storage::Tx, DbError> {
        self.db.begin(self.now()).await
    }

    /// Opens the database and everything else, for a server or a command that writes.
    pub async fn open(config: Config) -> failure::Result<Shared> {
        let clock = clock_of(&config);
        Self::open_with(config, clock, Arc::new(SystemIds)).await
    }

    /// The same without a classifier: for commands that label nothing.
    pub async fn open_plain(config: Config) -> failure::Result<Shared> {
        let clock = clock_of(&config);
        Self::assemble(config, clock, Arc::new(SystemIds)).await
    }

    /// The same as [`App::open`] with another clock and other identifiers.
    pub async fn open_with(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> failure::Result<Shared> {
        let app = Self::assemble(config, clock, ids).await?;
        crate::plugins::install_first_party(&app).await?;
        Ok(app)
    }

    async fn assemble(
        config: Config,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> failure::Result<Shared> {
        if let Some(folder) = config.sqlite_folder() {
            std::fs::create_dir_all(&folder)
                .map_err(|e| format!("cannot create the data folder {}: {e}", folder.display()))?;
        }
        let db = storage::connect(&config.database_url()).await?;
        let now = clock.now();
        let tx = db.begin(now).await?;
        let fresh = crate::identity::random_token();
        let secret = storage::organisation::secret(&tx, "hash-key", &fresh).await?;
        tx.commit().await?;
        let key = *blake3::hash(secret.as_bytes()).as_bytes();
        let mail = Transport::new(&config)?;
        let mail_in = config.mail_in.as_deref().map(Account::parse).transpose()?;
        let plugins = Plugins::new(&config)?;
        let app = Arc::new(Self {
            db,
            clock,
            ids,
            config,
            words: Words::new(),
            lines: crate::detection::Lines::default(),
            plugins,
            mail,
            mail_rest: crate::mail::Rest::default(),
            mail_in,
            key,
            wake: Notify::new(),
            ended: Notify::new(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        crate::analysis::upkeep(&app).await?;
        Ok(app)
    }

    /// A keyed hash, 128 bits, safe in addresses. The same input gives the same hash for ever.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> String {
        let digest = blake3::keyed_hash(&self.key, bytes);
        digest.to_hex()[..32].to_owned()
    }

    /// Tells the workers that there is work.
    pub fn wake_workers(&self) {
        self.wake.notify_one();
    }
}

/// Errors of starting and of commands: a sentence for whoever runs them.
pub mod failure {
    /// What stops a start or a command.
    pub type Error = Box<dyn std::error::Error + Send + Sync>;
    /// Its result.
    pub type Result<T> = std::result::Result<T, Error>;
}
