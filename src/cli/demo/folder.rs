//! A temporary folder that goes when its owner goes.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Removed with everything in it when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder that only this user can enter.
    pub(super) fn make() -> anyhow::Result<Self> {
        let name = format!(
            "boardroom-demo-{}-{:08x}",
            std::process::id(),
            fastrand::u32(..)
        );
        let temporary = std::env::temp_dir();
        let path = temporary.join(name);
        // Fails when the name is taken: what somebody else has put there is never used.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make a folder in {}", temporary.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans the temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_its_owner() {
        let folder = Folder::make().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("boardroom.db"), "data").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
