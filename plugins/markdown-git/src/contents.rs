//! The contents API. Sources: GitHub Docs, "REST API endpoints for repository contents"
//! (<https://docs.github.com/en/rest/repos/contents>); Gitea API, section `repository`, paths
//! `/repos/{owner}/{repo}/contents/{filepath}` (<https://docs.gitea.com/api/>). They differ in one
//! thing: Gitea creates with POST and replaces with PUT, GitHub does both with PUT.

use markdown_kb::file::ArticleFile;
use plugin_sdk::host::http::{self, Method, Request};
use plugin_sdk::{Failure, encoding, failure};
use serde::Deserialize;
use serde_json::{Value, json};

const SECRET: &str = "access_token";

/// Who keeps the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// GitHub and GitHub Enterprise.
    #[default]
    Github,
    /// Gitea and Forgejo.
    Gitea,
}

/// A repository's branch.
#[derive(Debug)]
pub struct Contents {
    /// `https://api.github.com/repos/owner/name`.
    pub api: String,
    /// Who keeps it.
    pub service: Service,
    /// The branch.
    pub branch: String,
}

/// A file as it stands there.
#[derive(Debug)]
pub struct File {
    /// Its content; empty after writing, when nobody asks.
    pub text: String,
    /// SHA of the blob.
    pub sha: String,
    /// For people.
    pub url: Option<String>,
}

impl File {
    /// As an article.
    pub fn article(&self) -> ArticleFile {
        ArticleFile::parse(self.text.clone())
    }
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default)]
    content: Option<String>,
    sha: String,
    #[serde(default)]
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    content: Entry,
}

impl Contents {
    /// The file; `None`: there is none.
    pub fn read(&self, path: &str) -> Result<Option<File>, Failure> {
        let answer = self
            .ask(Method::Get, path)
            .query("ref", &self.branch)
            .send()?;
        if answer.status == 404 {
            return Ok(None);
        }
        let entry: Value = answer.ok()?.json()?;
        // A folder answers with a list.
        if entry.is_array() {
            return Err(not_a_file(path));
        }
        let entry =
            Entry::deserialize(entry).map_err(|e| failure::transient("markdown_git.answer", e))?;
        if entry.kind != "file" || entry.encoding.as_deref() != Some("base64") {
            return Err(not_a_file(path));
        }
        let bytes = encoding::from_base64(entry.content.as_deref().unwrap_or_default())
            .ok_or_else(|| failure::transient("markdown_git.answer", "the content is no base64"))?;
        Ok(Some(File {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            sha: entry.sha,
            url: entry.html_url,
        }))
    }

    /// Creates the file, or replaces the version `sha` of it.
    pub fn write(
        &self,
        path: &str,
        sha: Option<&str>,
        text: &str,
        said: &str,
    ) -> Result<File, Failure> {
        let method = match (self.service, sha) {
            (Service::Gitea, None) => Method::Post,
            _ => Method::Put,
        };
        let mut body = json!({
            "message": said,
            "content": encoding::base64(text.as_bytes()),
            "branch": self.branch,
        });
        if let Some(sha) = sha {
            body["sha"] = sha.into();
        }
        let answer = self.ask(method, path).json_body(&body).send()?;
        // 409: another sha; 422: the file came to be in between.
        if matches!(answer.status, 409 | 422) {
            return Err(conflict(path));
        }
        let written: Written = answer.ok()?.json()?;
        Ok(File {
            text: text.to_owned(),
            sha: written.content.sha,
            url: written.content.html_url,
        })
    }

    /// Removes the version `sha` of the file.
    pub fn remove(&self, path: &str, sha: &str, said: &str) -> Result<(), Failure> {
        let body = json!({"message": said, "sha": sha, "branch": self.branch});
        let answer = self.ask(Method::Delete, path).json_body(&body).send()?;
        match answer.status {
            // Somebody was faster.
            404 => Ok(()),
            409 | 422 => Err(conflict(path)),
            _ => answer.ok().map(drop),
        }
    }

    /// Whether the token may write.
    pub fn can_write(&self) -> Result<bool, Failure> {
        let repository: Value = self.request(Method::Get, self.api.clone()).json()?;
        Ok(repository["permissions"]["push"].as_bool().unwrap_or(false))
    }

    fn ask(&self, method: Method, path: &str) -> Request {
        let parts: Vec<String> = path.split('/').map(encoding::percent).collect();
        self.request(method, format!("{}/contents/{}", self.api, parts.join("/")))
    }

    fn request(&self, method: Method, url: String) -> Request {
        let request = http::request(method, url).bearer(SECRET);
        match self.service {
            Service::Github => request
                .header("accept", "application/vnd.github+json")
                .header("x-github-api-version", "2022-11-28"),
            Service::Gitea => request.header("accept", "application/json"),
        }
    }
}

/// Trying again reads the file anew and finds out who changed it.
fn conflict(path: &str) -> Failure {
    failure::transient(
        "markdown_git.conflict",
        format!("{path} changed while it was being written"),
    )
}

fn not_a_file(path: &str) -> Failure {
    failure::invalid_input("markdown.not_ours", format!("{path} is no file"))
}
