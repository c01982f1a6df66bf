//! A copy of the database in a file while services go on with it: whole, looked over, and under its name only when it is on the disk.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::store::said;

/// What SQLite says when a disk is full, and when a quota or a limit of the process is reached: `SQLITE_FULL`, `SQLITE_IOERR_WRITE`,
/// `SQLITE_IOERR_FSYNC` and `SQLITE_IOERR_TRUNCATE`. The database is only read, so it is the copy that cannot be written.
const NO_ROOM: [&str; 4] = ["13", "778", "1034", "1546"];

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("there is no database at {0}; set BOARDROOM_DATABASE_URL to the one of the service")]
    Missing(PathBuf),
    #[error("{0} is there already, and a backup overwrites nothing; give another name")]
    Exists(PathBuf),
    #[error("the name {} is not UTF-8, as SQLite needs it; give another name", .0.display())]
    Unspeakable(PathBuf),
    #[error("{path} cannot be made; its folder must be there, with the right to write to it")]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "{0} cannot be written to its end; make room on its disk, or give a path on another one"
    )]
    Full(PathBuf),
    #[error("the database {path} cannot be copied: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error(
        "the copy of {path} is damaged, and was thrown away: {reason}; the database itself may be damaged too"
    )]
    Damaged { path: PathBuf, reason: String },
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub boards: u64,
    pub bytes: u64,
}

/// Copies the database file `from` to `to`, as it is at this moment, readable by its owner alone. The schema is left as it is.
pub async fn backup(from: &Path, to: &Path) -> Result<Copied, BackupError> {
    if !from.exists() {
        let from = std::path::absolute(from).unwrap_or_else(|_| from.into());
        return Err(BackupError::Missing(from));
    }
    if to.to_str().is_none() {
        return Err(BackupError::Unspeakable(to.into()));
    }
    // A link that leads nowhere is there, too.
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.into()));
    }
    let partial = Partial::beside(to)?;
    copy(from, to, &partial.0).await?;
    let boards = look_over(from, &partial.0).await?;
    let fault = |source| at(to, source);
    let file = File::open(&partial.0).map_err(fault)?;
    file.sync_all().map_err(fault)?;
    let bytes = file.metadata().map_err(fault)?.len();
    partial.become_the_backup(to).map_err(fault)?;
    Ok(Copied { boards, bytes })
}

/// SQLite copies what one transaction sees, and holds up nobody who writes.
async fn copy(from: &Path, to: &Path, partial: &Path) -> Result<(), BackupError> {
    let told = |error: sqlx::Error| {
        let code = error.as_database_error().and_then(DatabaseError::code);
        if code.is_some_and(|code| NO_ROOM.contains(&&*code)) {
            return BackupError::Full(to.into());
        }
        BackupError::Unreadable {
            path: from.into(),
            reason: said(&error),
        }
    };
    let options = SqliteConnectOptions::new().filename(from).read_only(true);
    let options = options
        .busy_timeout(super::BUSY)
        .disable_statement_logging();
    let mut database = options.connect().await.map_err(told)?;
    let partial = partial.to_str().expect("it is named like the backup");
    let copied = sqlx::query("VACUUM INTO ?").bind(partial);
    let copied = copied.execute(&mut database).await.map_err(told);
    let _ = database.close().await;
    copied.map(|_| ())
}

/// The number of boards in a copy that is whole.
async fn look_over(from: &Path, partial: &Path) -> Result<u64, BackupError> {
    let damaged = |reason: String| BackupError::Damaged {
        path: from.into(),
        reason,
    };
    // Nobody else writes to it, so it needs no neighbours.
    let options = SqliteConnectOptions::new()
        .filename(partial)
        .immutable(true);
    let options = options.read_only(true).disable_statement_logging();
    let checked = async {
        let mut copy: SqliteConnection = options.connect().await?;
        let whole: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
            .fetch_one(&mut copy)
            .await?;
        let boards: i64 = sqlx::query_scalar("SELECT count(*) FROM board")
            .fetch_one(&mut copy)
            .await?;
        copy.close().await?;
        Ok::<_, sqlx::Error>((whole, boards))
    };
    match checked.await {
        Ok((whole, boards)) if whole == "ok" => Ok(boards.unsigned_abs()),
        Ok((reason, _)) => Err(damaged(reason)),
        Err(error) => Err(damaged(said(&error))),
    }
}

fn at(path: &Path, source: io::Error) -> BackupError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BackupError::Full(path),
        _ => BackupError::Unwritable { path, source },
    }
}

/// The copy under a name of its own, which goes with this value.
#[derive(Debug)]
struct Partial(PathBuf);

impl Partial {
    fn beside(to: &Path) -> Result<Self, BackupError> {
        let mut name = to.as_os_str().to_owned();
        name.push(format!(".{:08x}.partial", fastrand::u32(..)));
        let path = PathBuf::from(name);
        let mut options = File::options();
        let made = options.write(true).create_new(true).mode(0o600).open(&path);
        made.map(|_| Self(path)).map_err(|source| at(to, source))
    }

    /// A second name is given, for a rename would overwrite what has come in between. Where files have one name only, it is renamed.
    fn become_the_backup(&self, to: &Path) -> io::Result<()> {
        match fs::hard_link(&self.0, to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) => fs::rename(&self.0, to)?,
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        match File::open(folder.unwrap_or(Path::new(".")))?.sync_all() {
            // There are file systems that know this of files only.
            Err(error) if is_unknown(error.kind()) => Ok(()),
            synced => synced,
        }
    }
}

/// Whether a call fails because there is no such thing.
fn is_unknown(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It is gone already if it was renamed.
        let _ = fs::remove_file(&self.0);
    }
}
