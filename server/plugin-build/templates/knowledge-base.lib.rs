//! One text file an article, in the folder that an administrator granted.

use plugin_sdk::host::{Files, GrantedFolder};
use plugin_sdk::{Article, Failure, KnowledgeBase, Lifecycle, Receipt, RemoteState, failure};

/// The folder.
pub struct Texts;

impl Lifecycle for Texts {}

fn path(article: &Article) -> String {
    match &article.external_ref {
        Some(reference) => reference.clone(),
        None => format!("{}.txt", article.id),
    }
}

/// The first line says which content this is.
fn render(article: &Article) -> String {
    format!("{}\n{}\n\n{}\n", article.content_hash, article.title, article.body)
}

fn receipt(path: String, content: &str) -> Receipt {
    Receipt {
        external_ref: path,
        external_version: content.lines().next().map(str::to_owned),
        url: None,
    }
}

fn read(path: &str) -> Result<Option<String>, Failure> {
    let bytes = GrantedFolder.read(path)?;
    Ok(bytes.map(|b| String::from_utf8_lossy(&b).into_owned()))
}

impl KnowledgeBase for Texts {
    fn open() -> Result<Self, Failure> {
        Ok(Self)
    }

    fn upsert(&self, article: &Article) -> Result<Receipt, Failure> {
        let (path, content) = (path(article), render(article));
        if read(&path)?.as_deref() != Some(&content) {
            GrantedFolder.write(&path, content.as_bytes())?;
        }
        Ok(receipt(path, &content))
    }

    fn look_up(&self, article: &Article) -> Result<RemoteState, Failure> {
        let path = path(article);
        Ok(match read(&path)? {
            None => RemoteState::Absent,
            Some(content) if content == render(article) => {
                RemoteState::Unchanged(receipt(path, &content))
            }
            Some(content) => RemoteState::Ours(receipt(path, &content)),
        })
    }

    fn retract(&self, external_ref: &str) -> Result<(), Failure> {
        GrantedFolder.remove(external_ref)?;
        Ok(())
    }

    fn put_synonyms(&self, terms: &[(String, String)]) -> Result<(), Failure> {
        let lines: Vec<String> = terms.iter().map(|(said, term)| format!("{said}\t{term}\n")).collect();
        GrantedFolder.write("synonyms.tsv", lines.concat().as_bytes())?;
        Ok(())
    }

    fn flag(&self, external_ref: &str, reason: &str) -> Result<Receipt, Failure> {
        let Some(content) = read(external_ref)? else {
            return Err(failure::invalid_input("article.absent", "there is no such file"));
        };
        let mark = format!("\n存疑 Doubtful: {reason}\n");
        let marked = if content.ends_with(&mark) { content } else { content + &mark };
        GrantedFolder.write(external_ref, marked.as_bytes())?;
        Ok(receipt(external_ref.to_owned(), &marked))
    }
}

plugin_sdk::export!(knowledge_base: Texts);
