//! Reads the small text files that a configuration names, and says plainly why one cannot be read.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// No key, certificate bundle or configuration is larger; a path such as `/dev/zero` must not fill the memory.
const LARGEST: u64 = 1024 * 1024;

/// The text of a file. The error says what is wrong and how to put it right, without the path.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let reading = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    reading.map_err(|error| explained(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err("the file is larger than 1 MiB; is this the right path?".into());
    }
    String::from_utf8(bytes)
        .map_err(|_| "the file is not UTF-8 text; is this the right path?".into())
}

/// The text of a file that holds one secret: without exactly one newline at its end, and not empty.
pub(super) fn read_secret(path: &Path) -> Result<String, String> {
    let mut text = read(path)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.trim().is_empty() {
        return Err("the file is empty; write the secret into it".into());
    }
    Ok(text)
}

fn explained(error: &io::Error) -> String {
    let user = user_id();
    match error.kind() {
        ErrorKind::NotFound => {
            format!(
                "there is no such file (as seen by user id {user}); check the path, and that it is mounted"
            )
        }
        ErrorKind::PermissionDenied => {
            format!(
                "user id {user}, as which this program runs, may not read the file; give it the right (chown, chmod)"
            )
        }
        ErrorKind::IsADirectory => format!(
            "this is a directory, not a file (as seen by user id {user}); \
             Docker makes one when the file to be mounted is missing on the host: create the file there"
        ),
        _ => format!(
            "user id {user} cannot read the file: {error}; check the path and its file system"
        ),
    }
}

/// The user as whom this process reads files.
fn user_id() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // real, effective, saved, file system: the second is the one that is checked
    ids.and_then(|ids| ids.split_whitespace().nth(1))
        .unwrap_or("unknown")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, content).unwrap();
        file
    }

    #[test]
    fn exactly_one_newline_is_trimmed() {
        for (content, secret) in [
            ("s", "s"),
            ("s\n", "s"),
            ("s\r\n", "s"),
            ("s\n\n", "s\n"),
            ("s\r", "s\r"),
            (" s\n", " s"),
        ] {
            assert_eq!(
                read_secret(file_with(content.as_bytes()).path()),
                Ok(secret.to_owned()),
                "{content:?}"
            );
        }
    }

    #[test]
    fn an_empty_file_holds_no_secret() {
        for content in ["", "\n", "\r\n", "  \n"] {
            assert!(
                read_secret(file_with(content.as_bytes()).path())
                    .unwrap_err()
                    .contains("empty"),
                "{content:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_explained_with_our_user_id() {
        let directory = tempfile::tempdir().unwrap();
        let id = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(directory.path()).unwrap());
        for path in [
            directory.path().join("missing"),
            directory.path().to_owned(),
        ] {
            assert!(
                read(&path).unwrap_err().contains(&format!("user id {id}")),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn a_file_that_we_may_not_read_is_told_with_the_fix() {
        let message = explained(&ErrorKind::PermissionDenied.into());
        assert!(
            message.contains("user id ") && message.contains("chown"),
            "{message}"
        );
    }

    #[test]
    fn what_is_no_small_text_is_refused() {
        assert!(
            read(file_with(&[0xff]).path())
                .unwrap_err()
                .contains("UTF-8")
        );
        assert!(read(Path::new("/dev/zero")).unwrap_err().contains("larger"));
    }
}
