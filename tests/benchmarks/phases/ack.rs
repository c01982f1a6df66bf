//! What the phases that acknowledge new boards have in common.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{CONNECTIONS, Rig, SETTLE, under_load};
use crate::delivery::{Bodies, Run};
use crate::limit::Work;
use crate::load::Load;
use crate::report::{Figure, Sample, Samples};
use crate::server::{Boardroom, Server};
use crate::upstream::{Settings, Upstream};

pub(super) fn per_second<'a>(of: &'a str, samples: &'a Samples) -> Figure<'a> {
    Figure {
        of,
        samples,
        name: "per_second",
        unit: "/s",
    }
}

/// Boardroom, acknowledging alone: it cannot be told not to work, so once it has settled nobody answers it any more.
pub(super) fn boardroom(
    rig: &Rig,
    house: impl Fn(&Path, String) -> Result<Boardroom>,
) -> Result<Sample> {
    let upstream = Upstream::start(Settings::USUAL)?;
    let server = house(&rig.fresh("store")?, upstream.url())?.start()?;
    upstream.wait_until_settled(SETTLE)?;
    upstream.hold();
    let sample = new_boards(rig, &server, || upstream.new_run())?;
    upstream.check()?;
    Ok(sample)
}

/// The limit program on a file that this makes ready for it.
pub(super) fn limit(rig: &Rig, work: impl Fn(PathBuf) -> Result<Work>) -> Result<Sample> {
    let folder = rig.fresh("store")?;
    let work = work(folder.join("limit.db"))?;
    let server = Server::limit(&work, &folder)?;
    new_boards(rig, &server, Run::new)
}

/// As many new boards as are acknowledged.
pub(super) fn new_boards(rig: &Rig, server: &Server, run: impl Fn() -> Run) -> Result<Sample> {
    let load = Load::closed(CONNECTIONS, rig.span);
    under_load(rig, server, load, || {
        Bodies::new_boards(&server.callback, &run())
    })
}
