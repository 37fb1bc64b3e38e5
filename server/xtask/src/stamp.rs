//! Stamps: the fingerprint of a product's inputs, kept beside it, so that nothing is built twice.
//!
//! Contents are hashed, not times: a fresh checkout or a switched branch changes times without
//! changing a byte. The hash is the standard library's; another compiler may hash otherwise, and
//! then the product is built once more, which is what a changed compiler asks for.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold products, never sources.
const PRODUCTS: [&str; 4] = ["node_modules", "dist", "target", ".git"];

/// A fingerprint (16 hexadecimal digits) of all files under `inputs`: their names relative to
/// `root` and their contents. Inputs that do not exist count as absent, so that adding one changes it.
pub(crate) fn fingerprint(root: &Path, inputs: &[PathBuf]) -> io::Result<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(&root.join(input), &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    if !path.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let skipped = entry
            .file_name()
            .to_str()
            .is_some_and(|name| PRODUCTS.contains(&name));
        if !skipped {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

/// Whether all `products` exist and were made from inputs with this fingerprint.
pub(crate) fn is_fresh(stamp: &Path, fingerprint: &str, products: &[PathBuf]) -> bool {
    products.iter().all(|product| product.exists())
        && fs::read_to_string(stamp).is_ok_and(|kept| kept == fingerprint)
}

/// Notes that the products now belong to inputs with this fingerprint.
pub(crate) fn write(stamp: &Path, fingerprint: &str) -> io::Result<()> {
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(stamp, fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test alone, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn put(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn fingerprint(&self) -> String {
            fingerprint(&self.0, &["src".into(), "lock".into()]).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn contents_names_and_new_files_count_and_times_do_not() {
        let scratch = Scratch::new("count");
        scratch.put("src/a", "one");
        scratch.put("lock", "1");
        let first = scratch.fingerprint();
        scratch.put("src/a", "one");
        assert_eq!(scratch.fingerprint(), first, "written again, the same");
        scratch.put("src/a", "two");
        let changed = scratch.fingerprint();
        assert_ne!(changed, first);
        scratch.put("src/deep/b", "");
        let added = scratch.fingerprint();
        assert_ne!(added, changed, "an empty new file counts by its name");
        fs::rename(scratch.0.join("src/deep/b"), scratch.0.join("src/deep/c")).unwrap();
        assert_ne!(scratch.fingerprint(), added, "a renamed file counts");
    }

    #[test]
    fn products_and_foreign_folders_do_not_count() {
        let scratch = Scratch::new("products");
        scratch.put("src/a", "one");
        let first = scratch.fingerprint();
        scratch.put("src/node_modules/x/index.js", "x");
        scratch.put("src/dist/app.js", "x");
        scratch.put("elsewhere/a", "x");
        assert_eq!(scratch.fingerprint(), first);
    }

    #[test]
    fn fresh_needs_the_stamp_and_every_product() {
        let scratch = Scratch::new("fresh");
        scratch.put("src/a", "one");
        let stamp = scratch.0.join("stamps/a.stamp");
        let product = scratch.0.join("a.wasm");
        let print = scratch.fingerprint();
        assert!(!is_fresh(&stamp, &print, &[]), "never built");
        write(&stamp, &print).unwrap();
        assert!(!is_fresh(&stamp, &print, std::slice::from_ref(&product)));
        scratch.put("a.wasm", "wasm");
        assert!(is_fresh(&stamp, &print, std::slice::from_ref(&product)));
        scratch.put("src/a", "two");
        assert!(!is_fresh(&stamp, &scratch.fingerprint(), &[product]));
    }
}
