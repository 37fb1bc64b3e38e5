//! `serve` and `demo`.

use crate::app::{App, Shared, SystemIds, failure};
use crate::config::Config;
use crate::demo::DemoClock;
use domain::clock::Clock;
use domain::identity::Role;
use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// Holds the data folder for as long as the server runs: two servers on one SQLite file are one too
/// many. Commands that import beside it do not need it.
fn lock(config: &Config) -> failure::Result<Option<File>> {
    if config.sqlite_folder().is_none() {
        return Ok(None);
    }
    std::fs::create_dir_all(&config.data_dir)?;
    let path = config.data_dir.join("bihuan.lock");
    let file = File::create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(format!(
            "another bihuan server uses {}; stop it, or give this one another --data-dir",
            config.data_dir.display()
        )
        .into()),
    }
}

/// Runs the server until SIGTERM or Ctrl-C.
pub(super) async fn serve(config: Config) -> failure::Result<ExitCode> {
    config.check_mail()?;
    let _lock = lock(&config)?;
    let listener = listen(&config).await?;
    let config = with_port(config, &listener)?;
    let app = App::open(config).await?;
    if storage::access::accounts(&app.db).await?.is_empty() && app.config.admin_token.is_none() {
        let password = crate::identity::random_token()[..16].to_owned();
        crate::identity::new_account(
            &app,
            "admin@bihuan.local",
            "Admin",
            Role::Admin,
            None,
            "zh-CN",
            &password,
        )
        .await
        .map_err(|p| p.detail)?;
        println!("first log-in, shown once: admin@bihuan.local / {password}");
    }
    println!("bihuan listens on http://{}", listener.local_addr()?);
    run(app, listener).await
}

/// The same with the demo's organisation.
pub(super) async fn demo(config: Config, seed: u64) -> failure::Result<ExitCode> {
    config.check_mail()?;
    let _lock = lock(&config)?;
    let listener = listen(&config).await?;
    let config = with_port(config, &listener)?;
    let clock = Arc::new(DemoClock::default());
    let dynamic: Arc<dyn Clock> = clock.clone();
    let app = App::open_with(config, dynamic, Arc::new(SystemIds)).await?;
    crate::demo::prepare(&app, &clock, seed, |line| println!("{line}")).await?;
    println!("bihuan demo on http://{}", listener.local_addr()?);
    println!("log-in: {} / {}", crate::demo::LOGIN, crate::demo::PASSWORD);
    let stream = app.clone();
    app.tracker.spawn(async move {
        loop {
            tokio::select! {
                () = stream.stop.cancelled() => return,
                () = sleep(Duration::from_secs(300)) => {}
            }
            if let Err(error) = crate::demo::prepare(&stream, &clock, seed, |_| {}).await {
                tracing::warn!(error = %error, "the demo's stream did not go on");
            }
        }
    });
    run(app, listener).await
}

async fn listen(config: &Config) -> failure::Result<TcpListener> {
    TcpListener::bind(&config.listen)
        .await
        .map_err(|e| format!("cannot listen on {}: {e}", config.listen).into())
}

/// With port 0 the system chooses: links must start with what it chose.
fn with_port(mut config: Config, listener: &TcpListener) -> failure::Result<Config> {
    if config.public_url == format!("http://{}", config.listen) {
        config.public_url = format!("http://{}", listener.local_addr()?);
    }
    Ok(config)
}

async fn run(app: Shared, listener: TcpListener) -> failure::Result<ExitCode> {
    if !crate::http::console::is_built() {
        tracing::warn!(
            "this binary was built without the console: run `cargo xtask console` and build again"
        );
    }
    crate::issues::jobs::start(&app).await?;
    let workers = app.tracker.spawn(crate::jobs::run_workers(app.clone()));
    app.tracker
        .spawn(crate::detection::jobs::watch_the_calendar(app.clone()));
    app.tracker.spawn(crate::intake::collect::run(app.clone()));
    app.tracker.spawn(crate::notify::inbox::run(app.clone()));
    app.tracker
        .spawn(app.plugins.ledger.clone().keep_writing(app.clone()));
    let stop = app.stop.clone();
    tokio::spawn(async move {
        stopped().await;
        tracing::info!("stopping: no new requests, open ones are answered");
        stop.cancel();
    });
    let router = crate::http::router(app.clone());
    let graceful = app.stop.clone();
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { graceful.cancelled().await })
        .await?;
    // Requests are answered, workers claim no more: wait for what runs, then close.
    let _ = timeout(Duration::from_secs(20), workers).await;
    app.tracker.close();
    let _ = timeout(Duration::from_secs(20), app.tracker.wait()).await;
    app.db.clone().close().await?;
    Ok(ExitCode::SUCCESS)
}

async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
