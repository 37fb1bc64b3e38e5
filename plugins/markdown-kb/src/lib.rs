//! Knowledge base of Markdown files in one granted folder, one file an article.
//!
//! The file's front matter says which article it is, which content it holds (`content_hash`) and,
//! by `checksum`, whether somebody edited it since: edits of people are never overwritten unless
//! the host says that it has seen them (`external-version`).

pub mod file;
pub mod names;

use plugin_sdk::host::{Files, GrantedFolder};
use plugin_sdk::{
    Article, CheckReport, Failure, KnowledgeBase, Lifecycle, Receipt, RemoteState, failure,
};

use file::ArticleFile;

/// Words that people use and the terms they stand for.
pub const SYNONYMS: &str = "synonyms.md";
/// Written and removed by the self check.
const PROBE: &str = "bihuan-check.tmp";

/// The knowledge base over a folder.
#[derive(Debug, Default)]
pub struct MarkdownKb<F> {
    files: F,
}

impl Lifecycle for MarkdownKb<GrantedFolder> {
    fn check() -> Result<CheckReport, Failure> {
        MarkdownKb {
            files: GrantedFolder,
        }
        .probe()
    }
}

impl KnowledgeBase for MarkdownKb<GrantedFolder> {
    fn open() -> Result<Self, Failure> {
        Ok(Self {
            files: GrantedFolder,
        })
    }

    fn upsert(&self, article: &Article) -> Result<Receipt, Failure> {
        self.put(article)
    }

    fn look_up(&self, article: &Article) -> Result<RemoteState, Failure> {
        self.state(article)
    }

    fn retract(&self, external_ref: &str) -> Result<(), Failure> {
        self.take_away(external_ref)
    }

    fn put_synonyms(&self, terms: &[(String, String)]) -> Result<(), Failure> {
        self.synonyms(terms)
    }

    fn flag(&self, external_ref: &str, reason: &str) -> Result<Receipt, Failure> {
        self.doubt(external_ref, reason)
    }
}

impl<F: Files> MarkdownKb<F> {
    /// A knowledge base over any folder, for tests.
    pub const fn over(files: F) -> Self {
        Self { files }
    }

    /// Proves that the folder can be written.
    ///
    /// # Errors
    /// The folder's refusal.
    pub fn probe(&self) -> Result<CheckReport, Failure> {
        self.files.write(PROBE, b"ok")?;
        let read = self.files.read(PROBE)?;
        self.files.remove(PROBE)?;
        Ok(CheckReport {
            ok: read.as_deref() == Some(b"ok"),
            message: "the folder can be written and read".to_owned(),
            details: serde_json::Value::Null,
        })
    }

    /// Writes the article unless the file holds the same content already.
    ///
    /// # Errors
    /// `markdown.changed_outside` when somebody edited the file and `external-version` does not
    /// name that edit; the folder's refusal.
    pub fn put(&self, article: &Article) -> Result<Receipt, Failure> {
        let path = names::path_of(article)?;
        if let Some(present) = self.read(&path)? {
            let version = present.version();
            match present.state(article) {
                RemoteState::Unchanged(_) => return Ok(receipt(&path, version)),
                RemoteState::ChangedRemotely(_)
                    if article.external_version.as_deref() != Some(&version) =>
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
        let content = file::render(article);
        self.files.write(&path, content.as_bytes())?;
        Ok(receipt(&path, ArticleFile::parse(content).version()))
    }

    /// How the folder stands to the article.
    ///
    /// # Errors
    /// The folder's refusal.
    pub fn state(&self, article: &Article) -> Result<RemoteState, Failure> {
        let path = names::path_of(article)?;
        let Some(present) = self.read(&path)? else {
            return Ok(RemoteState::Absent);
        };
        let receipt = receipt(&path, present.version());
        Ok(match present.state(article) {
            RemoteState::Unchanged(_) => RemoteState::Unchanged(receipt),
            RemoteState::Ours(_) => RemoteState::Ours(receipt),
            _ => RemoteState::ChangedRemotely(receipt),
        })
    }

    /// Removes an article's file; a file that is none of ours stays.
    ///
    /// # Errors
    /// `markdown.not_ours`; the folder's refusal.
    pub fn take_away(&self, external_ref: &str) -> Result<(), Failure> {
        let path = names::checked_reference(external_ref)?;
        let Some(present) = self.read(path)? else {
            return Ok(());
        };
        present.must_be_ours(path)?;
        self.files.remove(path)?;
        Ok(())
    }

    /// Marks the article as doubtful, in its front matter and for readers. An edit by somebody
    /// else stays visible as one.
    ///
    /// # Errors
    /// `markdown.absent`, `markdown.not_ours`; the folder's refusal.
    pub fn doubt(&self, external_ref: &str, reason: &str) -> Result<Receipt, Failure> {
        let path = names::checked_reference(external_ref)?;
        let Some(present) = self.read(path)? else {
            return Err(failure::invalid_input(
                "markdown.absent",
                format!("{path} is not there"),
            ));
        };
        present.must_be_ours(path)?;
        let marked = present.doubted(reason);
        if marked.text() != present.text() {
            self.files.write(path, marked.text().as_bytes())?;
        }
        Ok(receipt(path, marked.version()))
    }

    /// Replaces the file of synonyms.
    ///
    /// # Errors
    /// The folder's refusal.
    pub fn synonyms(&self, terms: &[(String, String)]) -> Result<(), Failure> {
        let text = file::synonyms(terms);
        if self.files.read(SYNONYMS)?.as_deref() != Some(text.as_bytes()) {
            self.files.write(SYNONYMS, text.as_bytes())?;
        }
        Ok(())
    }

    fn read(&self, path: &str) -> Result<Option<ArticleFile>, Failure> {
        Ok(self
            .files
            .read(path)?
            .map(|bytes| ArticleFile::parse(String::from_utf8_lossy(&bytes).into_owned())))
    }
}

fn receipt(path: &str, version: String) -> Receipt {
    Receipt {
        external_ref: path.to_owned(),
        external_version: Some(version),
        url: None,
    }
}

#[cfg(feature = "export")]
plugin_sdk::export!(knowledge_base: MarkdownKb<GrantedFolder>);
