//! The checkers of others, which `tests/tools` finds or installs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Whether a checker is content, and all that it said.
pub(crate) fn check(name: &str, arguments: &[&OsStr]) -> (bool, String) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools");
    let found = Command::new(tools).arg(name).output().unwrap();
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{name} is needed: {said}");
    let path = String::from_utf8(found.stdout).unwrap();
    let mut command = Command::new(path.trim());
    let output = command.args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}
