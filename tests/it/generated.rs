//! What is committed and could be made anew is made anew and compared.

use std::fs;
use std::path::Path;
use tests::Command;

/// `server/openapi.json` is what the program says of itself. `UPDATE=1` writes it.
#[test]
fn the_description_of_the_interface_is_fresh() {
    let output = Command::new(&["openapi"]).output();
    assert!(output.status.success(), "{}", tests::server::both(&output));
    let fresh = String::from_utf8(output.stdout).expect("text");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/openapi.json");
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        fs::write(&path, &fresh).expect("the file can be written");
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept == fresh {
        return;
    }
    let (line, (old, new)) = kept
        .lines()
        .chain(std::iter::repeat(""))
        .zip(fresh.lines().chain(std::iter::repeat("")))
        .enumerate()
        .find(|(_, (old, new))| old != new)
        .expect("they differ");
    panic!(
        "server/openapi.json is not what `bihuan openapi` prints, first in line {}:\n  kept  {old}\n  fresh {new}\n\
         to write it: cargo xtask accept",
        line + 1
    );
}
