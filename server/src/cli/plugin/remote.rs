//! A running server, over its API.

use crate::app::failure;
use clap::Args;
use plugin_host::Network;
use plugin_host::egress::{Dialer, Direct, Hop, Parts, Transport};
use serde_json::Value;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Longest answer that is read.
const MAX_ANSWER: u64 = 16 << 20;
/// Between two questions of `logs --follow`.
const FOLLOW: Duration = Duration::from_secs(1);

/// Which server, and who asks.
#[derive(Args)]
pub(in crate::cli) struct Target {
    /// Address of the server
    #[arg(long, env = "BIHUAN_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// API token of an administrator
    #[arg(long, env = "BIHUAN_TOKEN", hide_env_values = true)]
    token: String,
}

impl Target {
    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<(String, Vec<u8>)>,
    ) -> failure::Result<Value> {
        let base = self.server.trim_end_matches('/');
        let url = Url::parse(&format!("{base}{path}")).map_err(|e| format!("--server: {e}"))?;
        let mut headers = vec![
            ("authorization".to_owned(), format!("Bearer {}", self.token)),
            ("accept".to_owned(), "application/json".to_owned()),
            (
                "accept-language".to_owned(),
                language(|name| std::env::var(name).ok()).to_owned(),
            ),
        ];
        let body = body.map(|(kind, bytes)| {
            headers.push(("content-type".to_owned(), kind));
            bytes
        });
        let parts = Parts { url, headers, body };
        // The operator names the server: any address is as good as another.
        let anywhere: Vec<Network> = ["0.0.0.0/0", "::/0"]
            .iter()
            .filter_map(|n| n.parse().ok())
            .collect();
        let hop = Hop {
            method: method.to_owned(),
            plain: parts.clone(),
            sent: parts,
            networks: anywhere,
            max_response_bytes: MAX_ANSWER,
        };
        let direct = Direct::new(Arc::new(Dialer::default()));
        let answer = direct
            .send(hop)
            .await
            .map_err(|e| format!("{}: {e}", self.server))?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if (200..300).contains(&answer.status) {
            return Ok(value);
        }
        let detail = value["errors"][0]["detail"]
            .as_str()
            .or_else(|| value["detail"].as_str())
            .unwrap_or_default();
        Err(format!("the server answers {}: {detail}", answer.status).into())
    }
}

/// The language of whoever reads the terminal, of the two that the server speaks: by the first of the variables that
/// is set (POSIX.1-2017, section 8.2). The sentences of this command line are English.
fn language(variable: impl Fn(&str) -> Option<String>) -> &'static str {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|v| !v.is_empty()));
    if set.is_some_and(|v| v.starts_with("zh")) {
        "zh-CN"
    } else {
        "en"
    }
}

/// Sends a package or a component, with what the caller accepts of its signature.
pub(super) async fn install(
    target: &Target,
    file: &[u8],
    trust: &[String],
    unsigned: bool,
) -> failure::Result<ExitCode> {
    // Long enough that no component holds it.
    let boundary = format!("bihuan-{}", blake3::hash(file).to_hex());
    let mut body = Vec::new();
    let fields = trust
        .iter()
        .map(|key| ("trust", key.as_str()))
        .chain(unsigned.then_some(("unsigned", "true")));
    for (name, value) in fields {
        let part = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"component\"; filename=\"plugin\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(part.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    let plugin = target
        .ask("POST", "/api/v1/plugins", Some((kind, body)))
        .await?;
    println!("{}", line(&plugin));
    println!("It has no power yet: an administrator grants it in the console, under Plugins.");
    Ok(ExitCode::SUCCESS)
}

/// Lists what is installed.
pub(super) async fn list(target: &Target) -> failure::Result<ExitCode> {
    let plugins = target.ask("GET", "/api/v1/plugins", None).await?;
    for plugin in plugins["items"].as_array().into_iter().flatten() {
        if !said(&line(plugin))? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(plugin: &Value) -> String {
    let text = |name: &str| plugin[name].as_str().unwrap_or_default().to_owned();
    format!(
        "{}  {} {}  {}  {}",
        text("id"),
        text("name"),
        text("version"),
        text("role"),
        text("state")
    )
}

/// Prints the lines of an installation, oldest first.
pub(super) async fn logs(
    target: &Target,
    installation: &str,
    follow: bool,
) -> failure::Result<ExitCode> {
    let key = plugin_build::plugin_sdk::encoding::percent(installation);
    let path = format!("/api/v1/installations/{key}/logs");
    let mut seen: Vec<String> = Vec::new();
    loop {
        let answer = target.ask("GET", &path, None).await?;
        let mut lines: Vec<String> = answer["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(log_line)
            .collect();
        // The API tells the newest first.
        lines.reverse();
        for line in behind(&seen, &lines) {
            // Whoever reads has seen enough: `… | head`.
            if !said(line)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if !follow {
            return Ok(ExitCode::SUCCESS);
        }
        if !lines.is_empty() {
            seen = lines;
        }
        tokio::time::sleep(FOLLOW).await;
    }
}

/// Prints a line; `false`: nobody reads any more.
fn said(line: &str) -> failure::Result<bool> {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn log_line(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    format!(
        "{} {:<5} {} {}",
        text("at"),
        text("level"),
        text("operation"),
        text("message")
    )
}

/// The lines of `now` that come behind those of `before`: the longest end of `before` that `now`
/// begins with or holds was printed already.
fn behind<'a>(before: &[String], now: &'a [String]) -> &'a [String] {
    let Some(last) = before.last() else {
        return now;
    };
    for at in (0..now.len()).rev() {
        let overlap = (at + 1).min(before.len());
        if now[at] == *last && now[at + 1 - overlap..=at] == before[before.len() - overlap..] {
            return &now[at + 1..];
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::{behind, language};

    fn lines(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn the_server_answers_in_the_language_of_the_terminal() {
        let of = |all: &str, messages: &str, lang: &str| {
            language(|name| {
                let value = match name {
                    "LC_ALL" => all,
                    "LC_MESSAGES" => messages,
                    _ => lang,
                };
                Some(value.to_owned())
            })
        };
        assert_eq!(of("", "", "zh_CN.UTF-8"), "zh-CN");
        assert_eq!(of("", "zh_CN", "en_GB.UTF-8"), "zh-CN");
        assert_eq!(of("C", "zh_CN", "zh_CN"), "en");
        assert_eq!(of("", "", ""), "en");
    }

    #[test]
    fn following_prints_every_line_once() {
        for (before, now, new) in [
            ("", "abc", "abc"),
            ("abc", "abc", ""),
            ("abc", "abcde", "de"),
            ("abc", "bcd", "d"),
            ("aab", "abab", "ab"),
            ("abc", "xyz", "xyz"),
        ] {
            assert_eq!(
                behind(&lines(before), &lines(now)),
                lines(new),
                "{before} {now}"
            );
        }
    }
}
