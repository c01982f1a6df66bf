//! The inputs that fuzzing found worth keeping, each tried once. How to look for more stands in the README.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

fn each_of(corpus: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(corpus);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(
        files.len() >= 5,
        "{} holds {} inputs",
        folder.display(),
        files.len()
    );
    for file in files {
        let data = fs::read(&file).unwrap();
        let tried = catch_unwind(AssertUnwindSafe(|| body(&data)));
        assert!(tried.is_ok(), "{} fails", file.display());
    }
}

/// One test per fuzz target.
macro_rules! corpora {
    ($($name:ident)+) => {$(
        #[test]
        fn $name() {
            each_of(stringify!($name), bodies::$name);
        }
    )+};
}

corpora! { payload signature configuration database title sources trello docspace }

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let names = |folder: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fuzz")
            .join(folder);
        let paths = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut names: Vec<_> = paths
            .map(|path| path.file_stem().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("targets"), names("corpus"));
}
