//! Tokens, users, migrations, the doctor, rebuilding.

use crate::app::{App, failure};
use crate::config::Config;
use chrono::TimeDelta;
use domain::identity::Role;
use std::process::ExitCode;

fn role(name: &str) -> failure::Result<Role> {
    Role::parse(name).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.iter().map(|r| r.as_str()).collect();
        format!("no role {name}; there are {}", all.join(", ")).into()
    })
}

pub(super) async fn create_token(
    config: Config,
    role_name: &str,
    name: &str,
    days: Option<i64>,
) -> failure::Result<ExitCode> {
    let role = role(role_name)?;
    let app = App::open_plain(config).await?;
    let expires = days.map(|d| app.now() + TimeDelta::days(d.clamp(1, 3650)));
    let (_, secret) = crate::identity::new_token(&app, name, role, Vec::new(), expires).await?;
    println!("{secret}");
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn add_user(
    config: Config,
    email: &str,
    name: &str,
    role_name: &str,
    department: Option<String>,
) -> failure::Result<ExitCode> {
    let role = role(role_name)?;
    let app = App::open_plain(config).await?;
    eprintln!("password (one line):");
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    crate::identity::new_account(&app, email, name, role, department, "zh-CN", password)
        .await
        .map_err(|p| p.detail)?;
    println!("{email} may log in as {}", role.as_str());
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn migrate(config: Config) -> failure::Result<ExitCode> {
    if let Some(folder) = config.sqlite_folder() {
        std::fs::create_dir_all(folder)?;
    }
    storage::connect(&config.database_url()).await?;
    println!("the database is up to date");
    Ok(ExitCode::SUCCESS)
}

/// Looks at everything that has to be right, and says what to do where it is not.
pub(super) async fn doctor(config: Config) -> failure::Result<ExitCode> {
    let mut bad = 0;
    let mut check = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(detail) => println!("ok    {name}: {detail}"),
        Err(remedy) => {
            bad += 1;
            println!("FAIL  {name}: {remedy}");
        }
    };
    check(
        "mail and public address",
        config.check_mail().map(|()| {
            if config.mail_leaves_machine() {
                format!("SMTP, links start with {}", config.public_url)
            } else {
                "mails are kept in the built-in mailbox, nothing leaves this machine".to_owned()
            }
        }),
    );
    match App::open(config).await {
        Ok(app) => {
            check(
                "database",
                match app.db.ping().await {
                    Ok(()) => Ok("answers and is up to date".to_owned()),
                    Err(error) => Err(error.to_string()),
                },
            );
            check(
                "mail server",
                app.mail.test().await.map(|()| {
                    if app.mail.leaves_machine() {
                        "answers"
                    } else {
                        "not needed"
                    }
                    .to_owned()
                }),
            );
            check(
                "classifier",
                if app.plugins.has_classifier().await {
                    Ok("loaded".to_owned())
                } else {
                    Err(
                        "none is active: run `cargo xtask plugins` and build again, or install one"
                            .to_owned(),
                    )
                },
            );
            check(
                "console",
                if crate::http::console::is_built() {
                    Ok("in this binary".to_owned())
                } else {
                    Err("not in this binary: run `cargo xtask console` and build again".to_owned())
                },
            );
            let year = chrono::Datelike::year(&app.now());
            check(
                "clock",
                if (2025..2100).contains(&year) {
                    Ok(app.now().to_rfc3339())
                } else {
                    Err(format!("the year is {year}: set the machine's clock"))
                },
            );
        }
        Err(error) => check("start", Err(error.to_string())),
    }
    Ok(if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(super) async fn rebuild_facts(config: Config, check: bool) -> failure::Result<ExitCode> {
    let app = App::open_plain(config).await?;
    let differences = crate::analysis::rebuild(&app, !check).await?;
    if differences == 0 {
        println!("facts agree with feedback and labels");
        return Ok(ExitCode::SUCCESS);
    }
    if check {
        println!("{differences} rows differ; run without --check to rebuild them");
        Ok(ExitCode::FAILURE)
    } else {
        println!("{differences} rows differed and were rebuilt");
        Ok(ExitCode::SUCCESS)
    }
}
