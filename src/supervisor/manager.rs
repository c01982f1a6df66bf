//! What the service manager is told, by the protocol of `sd_notify(3)`: ready, in one sentence how it is, that it lives, stopping.
//! Without `NOTIFY_SOCKET` in the environment there is no manager, and nothing happens.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use crate::supervisor::Supervisor;

/// How often, and after how long, it is said again that the service is ready while the manager takes nothing: it waits for that alone.
const TRIES: usize = 50;
const BREATH: Duration = Duration::from_millis(20);

/// The manager of this service, systemd for instance.
#[derive(Debug, Clone)]
pub struct ServiceManager {
    socket: Option<Arc<UnixDatagram>>,
    /// Longer than this it may not wait for a sign of life.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that has started this process, if any.
    #[must_use]
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| for_us && *micros > 0);
        let name = variable("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = name.and_then(|name| {
            let connected = connect(&name);
            let told = |error: io::Error| {
                tracing::warn!(%error, "the service manager cannot be told anything: NOTIFY_SOCKET leads nowhere");
            };
            connected.map(Arc::new).map_err(told).ok()
        });
        Self {
            watchdog: watchdog
                .filter(|_| socket.is_some())
                .map(Duration::from_micros),
            socket,
        }
    }

    /// Deliveries are taken, or will be as soon as something outside is back. May be said again.
    pub async fn ready(&self, status: &str) {
        let message = format!("READY=1\nSTATUS={status}\n");
        for _ in 0..TRIES {
            if self.send(&message) != Err(ErrorKind::WouldBlock) {
                return;
            }
            tokio::time::sleep(BREATH).await;
        }
        tracing::warn!(
            "the service manager could not be told that the service is ready: it takes nothing"
        );
    }

    /// One sentence, for whoever looks at the service.
    pub fn status(&self, status: &str) {
        self.say(&format!("STATUS={status}\n"));
    }

    pub fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=ends what it has begun\n");
    }

    /// Waits for something, and says ready meanwhile if it takes longer than `patience`: a manager gives up on a service that is not.
    pub async fn ready_at_the_latest<T>(
        &self,
        patience: Duration,
        status: &str,
        something: impl Future<Output = T>,
    ) -> T {
        tokio::pin!(something);
        if let Ok(done) = tokio::time::timeout(patience, &mut something).await {
            return done;
        }
        let ((), done) = tokio::join!(self.ready(status), something);
        done
    }

    /// Gives signs of life twice as often as is asked for, from a task: they stop when tasks no longer come to their turn.
    pub fn watch(&self, supervisor: &mut Supervisor) {
        let Some(span) = self.watchdog else { return };
        let (manager, stop) = (self.clone(), supervisor.soft_stop());
        supervisor.spawn("watchdog", async move {
            let forever = async {
                loop {
                    manager.say("WATCHDOG=1\n");
                    tokio::time::sleep(span / 2).await;
                }
            };
            let _: Option<()> = stop.run_until_cancelled(forever).await;
        });
    }

    /// A manager that takes nothing holds up nobody.
    fn say(&self, message: &str) {
        let _: Result<(), ErrorKind> = self.send(message);
    }

    fn send(&self, message: &str) -> Result<(), ErrorKind> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        let sent = socket.send(message.as_bytes());
        sent.map(drop).map_err(|error| {
            tracing::debug!(%error, "the service manager could not be told");
            error.kind()
        })
    }
}

/// A path, or a name behind an `@`, which stands in no file system.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(variables: &[(&str, &str)]) -> ServiceManager {
        ServiceManager::new(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn listener() -> (tempfile::TempDir, UnixDatagram, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        (folder, socket, path.to_str().unwrap().to_owned())
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn without_a_manager_nothing_is_said() {
        for variables in [
            &[][..],
            &[("NOTIFY_SOCKET", "")],
            &[("NOTIFY_SOCKET", "/nowhere")],
        ] {
            let manager = manager(variables);
            assert!(manager.socket.is_none());
            manager.ready("nobody hears it").await;
        }
    }

    #[test]
    fn the_watchdog_is_ours_only_if_it_names_us() {
        let (_folder, _socket, path) = listener();
        let own = std::process::id().to_string();
        let table = [
            (vec![("WATCHDOG_USEC", "500000")], Some(500)),
            (
                vec![("WATCHDOG_USEC", "500000"), ("WATCHDOG_PID", &*own)],
                Some(500),
            ),
            (
                vec![("WATCHDOG_USEC", "500000"), ("WATCHDOG_PID", "1")],
                None,
            ),
            (vec![("WATCHDOG_USEC", "soon")], None),
            (vec![("WATCHDOG_USEC", "0")], None),
            (vec![], None),
        ];
        for (mut variables, expected) in table {
            variables.push(("NOTIFY_SOCKET", &path));
            let span = manager(&variables).watchdog;
            assert_eq!(span, expected.map(Duration::from_millis), "{variables:?}");
        }
        assert_eq!(manager(&[("WATCHDOG_USEC", "500000")]).watchdog, None);
    }

    #[test]
    fn a_name_that_stands_in_no_file_system_is_found() {
        let name = format!("boardroom-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        manager(&[("NOTIFY_SOCKET", &format!("@{name}"))]).stopping();
        assert!(heard(&socket).starts_with("STOPPING=1\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_manager_that_is_behind_is_told_once_more_that_it_is_ready() {
        let (_folder, socket, path) = listener();
        let manager = manager(&[("NOTIFY_SOCKET", &path)]);
        let mut sent = 0;
        while manager.send("STATUS=waits\n").is_ok() {
            sent += 1;
        }
        assert!(sent > 0);
        let later = async {
            tokio::time::sleep(BREATH * 5).await;
            for _ in 0..sent {
                assert_eq!(heard(&socket), "STATUS=waits\n");
            }
        };
        tokio::join!(manager.ready("serves"), later);
        assert_eq!(heard(&socket), "READY=1\nSTATUS=serves\n");
    }

    #[tokio::test]
    async fn what_takes_long_is_not_waited_for_before_it_is_ready() {
        let (_folder, socket, path) = listener();
        let manager = manager(&[("NOTIFY_SOCKET", &path)]);
        let quick = manager.ready_at_the_latest(Duration::from_mins(1), "waits", async { 1 });
        assert_eq!(quick.await, 1);
        let (done, wait) = tokio::sync::oneshot::channel();
        let slow = manager.ready_at_the_latest(Duration::from_millis(1), "waits", wait);
        let hear = tokio::task::spawn_blocking(move || {
            let first = heard(&socket);
            done.send(2).unwrap();
            first
        });
        assert_eq!(slow.await, Ok(2));
        assert_eq!(hear.await.unwrap(), "READY=1\nSTATUS=waits\n");
    }
}
