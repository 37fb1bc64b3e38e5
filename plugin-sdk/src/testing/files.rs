//! Stand-ins for the host, for tests of plugins without wasm.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::FileError;
use crate::host::Files;

/// A folder in memory.
#[derive(Debug, Default)]
pub struct MemoryFiles {
    /// Path to content.
    pub files: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl MemoryFiles {
    /// The file as text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        self.files
            .borrow()
            .get(path)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

fn checked(path: &str) -> Result<(), FileError> {
    let fine = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.len() <= 255
            && !part.contains(|c: char| c.is_control() || c == '\\' || c == ':')
    };
    if path.split('/').all(fine) {
        Ok(())
    } else {
        Err(FileError::InvalidPath(path.to_owned()))
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        checked(path)?;
        Ok(self.files.borrow().get(path).cloned())
    }
    fn write(&self, path: &str, content: &[u8]) -> Result<(), FileError> {
        checked(path)?;
        self.files
            .borrow_mut()
            .insert(path.to_owned(), content.to_vec());
        Ok(())
    }
    fn remove(&self, path: &str) -> Result<bool, FileError> {
        checked(path)?;
        Ok(self.files.borrow_mut().remove(path).is_some())
    }
}
