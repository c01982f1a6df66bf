//! The unit for systemd: what systemd itself says of it, and what it gives to the program.

use std::ffi::OsStr;

use assert_cmd::cargo::cargo_bin;

use crate::tool::check;
use crate::{accepts, known_variables, read};

const UNIT: &str = "config/systemd/boardroom.service";
const PROGRAM: &str = "/usr/local/bin/boardroom";
/// In tenths: 10 is as open as can be, and systemd calls up to 2 well protected. It is at 1.2.
const MOST_EXPOSED: &str = "--threshold=15";

/// What the unit sets under a name, in order.
fn values(name: &str) -> Vec<String> {
    let unit = read(UNIT);
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    let of_name = lines.filter(|(one, _)| *one == name);
    let values: Vec<_> = of_name.map(|(_, value)| value.to_owned()).collect();
    assert!(!values.is_empty(), "{name}");
    values
}

/// Asks systemd of the unit, changed so, with the program where it was built: that of an installed one need not be here.
fn analyze(arguments: &[&str], change: impl Fn(String) -> String) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boardroom.service");
    let built = cargo_bin("boardroom").display().to_string();
    let unit = change(read(UNIT)).replace(PROGRAM, &built);
    std::fs::write(&path, unit).unwrap();
    let arguments = arguments.iter().map(OsStr::new);
    let arguments: Vec<_> = arguments.chain([path.as_os_str()]).collect();
    check("systemd-analyze", &arguments)
}

fn verify(change: impl Fn(String) -> String) -> (bool, String) {
    analyze(&["verify", "--man=no"], change)
}

#[test]
fn systemd_understands_every_line() {
    let (content, said) = verify(|unit| unit);
    assert!(content && said.is_empty(), "{said}");
    let (_, said) = verify(|unit| unit.replace("WatchdogSec", "WatchdogSecs"));
    assert!(said.contains("WatchdogSecs"), "{said}");
}

#[test]
fn it_is_well_protected() {
    let security = ["security", "--offline=true", "--no-pager", MOST_EXPOSED];
    let (content, said) = analyze(&security, |unit| unit);
    assert!(content, "{said}");
    let (content, said) = analyze(&security, |unit| {
        unit.replace("CapabilityBoundingSet=\n", "")
            .replace("SystemCallFilter=@system-service\n", "")
    });
    assert!(!content, "{said}");
}

#[test]
fn it_starts_the_program_and_gives_it_the_time_that_it_asks_for() {
    assert_eq!(values("Type"), ["notify"]);
    let start = values("ExecStart").remove(0);
    let mut words = start.split(' ');
    assert_eq!(words.next(), Some(PROGRAM));
    assert!(accepts(&words.collect::<Vec<_>>()), "{start}");
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u64>().unwrap();
    let grace = crate::image::default("grace");
    assert!(seconds(&values("TimeoutStopSec")[0]) > seconds(&grace));
    // Both exit codes that another try does not mend.
    let codes = crate::printed(&["--help"]);
    for code in values("RestartPreventExitStatus")[0].split(' ') {
        assert!(codes.contains(&format!("{code} wrong ")), "{code}");
    }
    // The default database is below the folder in which it starts.
    let state = format!("/var/lib/{}", values("StateDirectory")[0]);
    assert_eq!(values("WorkingDirectory"), [state]);
}

#[test]
fn each_credential_is_handed_over_by_the_manager() {
    let given: Vec<_> = values("LoadCredential")
        .iter()
        .map(|value| {
            let (name, path) = value.split_once(':').unwrap();
            assert_eq!(path, format!("/etc/boardroom/{name}"));
            name.to_owned()
        })
        .collect();
    let mut used = Vec::new();
    for value in values("Environment") {
        let (variable, value) = value.split_once('=').unwrap();
        assert!(known_variables().contains(variable), "{variable}");
        if let Some(name) = value.strip_prefix("%d/") {
            assert_eq!(variable, format!("{}_FILE", name.to_uppercase()));
            used.push(name.to_owned());
        }
    }
    assert_eq!(used, given);
    assert_eq!(used.len(), 4);
}

#[test]
fn what_it_offers_in_comments_is_handed_over_likewise() {
    let (content, said) = verify(|unit| {
        unit.replace("#LoadCredential=", "LoadCredential=")
            .replace("#Environment=", "Environment=")
    });
    assert!(content && said.is_empty(), "{said}");
    let unit = read(UNIT);
    let lines = unit.lines().filter_map(|line| line.strip_prefix('#'));
    let offered: Vec<_> = lines.filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(offered.len(), 10);
    for pair in offered.chunks(2) {
        let credential = pair[0].strip_prefix("LoadCredential=").unwrap();
        let (name, path) = credential.split_once(':').unwrap();
        assert_eq!(path, format!("/etc/boardroom/{name}"));
        let variable = format!("BOARDROOM_{}_FILE", name.to_uppercase());
        assert!(known_variables().contains(&*variable), "{variable}");
        assert_eq!(pair[1], format!("Environment={variable}=%d/{name}"));
    }
}

#[test]
fn the_check_of_the_readme_has_what_the_unit_gives_to_the_service() {
    let readme = read("README.md");
    let from = readme.find("sudo systemd-run").unwrap();
    let (command, _) = readme[from..].split_once("```").unwrap();
    let command = command.replace(
        "/etc/systemd/system/boardroom.service)",
        &format!("{UNIT})"),
    );
    // Shows what it is given instead of asking a systemd that need not run here.
    let sudo = "sudo() { printf '%s\\n' \"$@\"; }";
    let run = std::process::Command::new("bash")
        .args(["-euc", &format!("{sudo}\n{command}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let given = String::from_utf8(run.stdout).unwrap();
    let given: Vec<_> = given.lines().collect();
    assert_eq!(given[given.len() - 2..], [PROGRAM, "check"]);
    let names = [
        "Environment",
        "EnvironmentFile",
        "LoadCredential",
        "DynamicUser",
        "StateDirectory",
        "WorkingDirectory",
    ];
    for name in names {
        for value in values(name) {
            // Only a unit of a file has its specifiers filled in.
            let value = value.replace("%d", "/run/credentials/boardroom-check.service");
            let property = format!("--property={name}={value}");
            assert!(given.contains(&&*property), "{property}: {given:?}");
        }
    }
}
