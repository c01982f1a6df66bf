//! The programs of others, which `tests/tools` finds or installs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program is.
pub(crate) fn path(name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools");
    let found = Command::new(tools).arg(name).output().unwrap();
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{name} is needed: {said}");
    String::from_utf8(found.stdout).unwrap().trim().into()
}

/// Whether a checker is content, and all that it said.
pub(crate) fn check(name: &str, arguments: &[&OsStr]) -> (bool, String) {
    let output = Command::new(path(name)).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}
