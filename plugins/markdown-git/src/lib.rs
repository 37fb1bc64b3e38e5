//! Knowledge base of Markdown files in a Git repository, through the contents API of GitHub or Gitea.
//!
//! The file is the one of `markdown-kb`; its blob's SHA is the version: the service refuses to
//! replace another one than we saw, so two writers cannot overwrite each other.

mod contents;

use contents::{Contents, File, Service};
use markdown_kb::{SYNONYMS, file, names};
use plugin_sdk::{
    Article, CheckReport, Failure, KnowledgeBase, Lifecycle, Receipt, RemoteState, failure, host,
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    service: Service,
    #[serde(default)]
    api: String,
    repository: String,
    #[serde(default = "main_branch")]
    branch: String,
    #[serde(default)]
    folder: String,
}

fn main_branch() -> String {
    "main".to_owned()
}

/// The knowledge base with its settings.
#[derive(Debug)]
pub struct MarkdownGit {
    contents: Contents,
    folder: String,
}

impl Lifecycle for MarkdownGit {
    fn validate_config() -> Result<(), Failure> {
        Self::open().map(drop)
    }

    fn check() -> Result<CheckReport, Failure> {
        let kb = Self::open()?;
        let can_write = kb.contents.can_write()?;
        Ok(CheckReport {
            ok: can_write,
            message: if can_write {
                "仓库可以读写。The repository can be read and written.".to_owned()
            } else {
                "令牌没有写权限。The token may not write.".to_owned()
            },
            details: Value::Null,
        })
    }
}

impl KnowledgeBase for MarkdownGit {
    fn open() -> Result<Self, Failure> {
        let settings: Settings = host::config()?;
        let wrong = |text: &str| Err(failure::config("markdown_git.settings", text));
        let api = match (settings.service, settings.api.trim_end_matches('/')) {
            (Service::Github, "") => "https://api.github.com".to_owned(),
            (Service::Gitea, "") => return wrong("api: Gitea needs https://<host>/api/v1"),
            (_, api) => api.to_owned(),
        };
        let part = |p: &str| !p.is_empty() && !p.starts_with('.');
        if settings.repository.split('/').filter(|p| part(p)).count() != 2 {
            return wrong("repository: owner/name");
        }
        let folder = settings.folder.trim_matches('/').to_owned();
        if !folder.is_empty() && !folder.split('/').all(part) {
            return wrong("folder: no empty parts, none that begins with a dot");
        }
        Ok(Self {
            contents: Contents {
                api: format!("{api}/repos/{}", settings.repository),
                service: settings.service,
                branch: settings.branch,
            },
            folder,
        })
    }

    fn upsert(&self, article: &Article) -> Result<Receipt, Failure> {
        let path = names::path_of(article)?;
        let present = self.read(&path)?;
        if let Some(present) = &present {
            match present.article().state(article) {
                RemoteState::Unchanged(_) => return Ok(receipt(&path, present)),
                RemoteState::ChangedRemotely(_)
                    if article.external_version.as_deref() != Some(&present.sha) =>
                {
                    return Err(failure::invalid_input(
                        "markdown.changed_outside",
                        format!(
                            "{path} was edited by somebody else; look it up and send its version to replace it"
                        ),
                    ));
                }
                _ => {}
            }
        }
        let said = format!("Knowledge: {}", one_line(&article.title));
        let written = self.contents.write(
            &self.full(&path),
            present.as_ref().map(|p| p.sha.as_str()),
            &file::render(article),
            &said,
        )?;
        Ok(receipt(&path, &written))
    }

    fn look_up(&self, article: &Article) -> Result<RemoteState, Failure> {
        let path = names::path_of(article)?;
        let Some(present) = self.read(&path)? else {
            return Ok(RemoteState::Absent);
        };
        let receipt = receipt(&path, &present);
        Ok(match present.article().state(article) {
            RemoteState::Unchanged(_) => RemoteState::Unchanged(receipt),
            RemoteState::Ours(_) => RemoteState::Ours(receipt),
            _ => RemoteState::ChangedRemotely(receipt),
        })
    }

    fn retract(&self, external_ref: &str) -> Result<(), Failure> {
        let path = names::checked_reference(external_ref)?;
        let Some(present) = self.read(path)? else {
            return Ok(());
        };
        present.article().must_be_ours(path)?;
        self.contents
            .remove(&self.full(path), &present.sha, &format!("Retract {path}"))
    }

    fn put_synonyms(&self, terms: &[(String, String)]) -> Result<(), Failure> {
        let text = file::synonyms(terms);
        let present = self.read(SYNONYMS)?;
        if present.as_ref().is_some_and(|p| p.text == text) {
            return Ok(());
        }
        let sha = present.as_ref().map(|p| p.sha.as_str());
        self.contents
            .write(&self.full(SYNONYMS), sha, &text, "Synonyms")
            .map(drop)
    }

    fn flag(&self, external_ref: &str, reason: &str) -> Result<Receipt, Failure> {
        let path = names::checked_reference(external_ref)?;
        let Some(present) = self.read(path)? else {
            return Err(failure::invalid_input(
                "markdown.absent",
                format!("{path} is not there"),
            ));
        };
        let article = present.article();
        article.must_be_ours(path)?;
        let marked = article.doubted(reason);
        if marked.text() == present.text {
            return Ok(receipt(path, &present));
        }
        let written = self.contents.write(
            &self.full(path),
            Some(&present.sha),
            marked.text(),
            &format!("Doubt {path}"),
        )?;
        Ok(receipt(path, &written))
    }
}

impl MarkdownGit {
    fn full(&self, path: &str) -> String {
        if self.folder.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.folder)
        }
    }

    fn read(&self, path: &str) -> Result<Option<File>, Failure> {
        self.contents.read(&self.full(path))
    }
}

fn receipt(path: &str, file: &File) -> Receipt {
    Receipt {
        external_ref: path.to_owned(),
        external_version: Some(file.sha.clone()),
        url: file.url.clone(),
    }
}

fn one_line(text: &str) -> String {
    plugin_sdk::text::fit(&text.split_whitespace().collect::<Vec<_>>().join(" "), 200)
}

plugin_sdk::export!(knowledge_base: MarkdownGit);
