//! `store`: a new board, stored durably before it is acknowledged, and nothing else.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{Rig, SETTLE, ack, postgres};
use crate::limit::Work;
use crate::report::{Goal, Report};
use crate::server::Boardroom;
use crate::upstream::{Settings, Upstream};

pub(super) fn run(rig: &Rig, report: &mut Report) -> Result<()> {
    let empty = empty_database(rig)?;
    let rows = |file: PathBuf| {
        fs::copy(&empty, &file)?;
        Ok(Work::Rows(file))
    };
    let on_sqlite = |folder: &_, upstream| Ok(Boardroom::on_sqlite(folder, upstream));
    let all = rig.compare(
        report,
        "store",
        &[
            ("boardroom", Box::new(|| ack::boardroom(rig, on_sqlite))),
            ("the same rows", Box::new(|| ack::limit(rig, rows))),
            (
                "one table",
                Box::new(|| ack::limit(rig, |file| Ok(Work::Table(file)))),
            ),
            (
                "one by one",
                Box::new(|| ack::limit(rig, |file| Ok(Work::OneByOne(file)))),
            ),
        ],
    )?;
    let goals = [
        ("the same rows", 0.85),
        ("one table", 0.6),
        ("one by one", 5.0),
    ];
    for ((name, least), samples) in goals.into_iter().zip(&all[1..]) {
        report.ratio(
            "`store`: new boards stored, SQLite",
            ack::per_second("boardroom", &all[0]),
            ack::per_second(name, samples),
            Goal::AtLeast(least),
        );
    }
    postgres::run(rig, report)
}

/// A file with boardroom's schema, made by boardroom.
fn empty_database(rig: &Rig) -> Result<PathBuf> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let folder = rig.fresh("schema")?;
    let server = Boardroom::on_sqlite(&folder, upstream.url()).start()?;
    upstream.wait_until_settled(SETTLE)?;
    // Its last connection moves everything out of the log.
    server.stop()?;
    let file = folder.join("boardroom.db");
    file.exists()
        .then_some(file)
        .context("boardroom has made no database")
}
