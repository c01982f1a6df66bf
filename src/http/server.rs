//! The listener itself: bound before anything else is begun, with limits on what clients may leave open, and on how many there are.

mod connection;
mod crowd;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

use crate::http::seldom::Seldom;
use crate::http::server::crowd::Crowd;

/// Connections of one listener at once. Trello comes with a few, a proxy with a few dozen.
const MOST_CONNECTIONS: usize = 1_024;
/// Files that stay free for the database, for the calls to the services and for whatever else is open.
const OTHER_FILES: usize = 128;
/// Enough for two full listeners and all else.
const ENOUGH_FILES: usize = 2 * MOST_CONNECTIONS + OTHER_FILES;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// What the system keeps of a connection that nobody has read or taken yet, in bytes, so that a thousand slow ones cannot fill its memory.
/// It would be up to some megabytes each; this is enough for half a megabyte a second to the other end of the world.
const UNREAD_BYTES: u32 = 128 << 10;
/// How long requests may take to end once the listener stops accepting.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// The longest head of a request: proxies add to one of a few hundred bytes, and pass on none that is longer. A connection reads no more
/// than this at once, so no more than this is in memory of what nobody has asked for yet.
const LONGEST_HEAD: usize = 32 << 10;

/// Binds an address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait for old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    // Connections have them from their listener.
    socket.set_recv_buffer_size(UNREAD_BYTES)?;
    socket.set_send_buffer_size(UNREAD_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Serves until it is told to stop, then lets requests end that have begun. Handlers find the address of the other end as
/// `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    static FAILED: Seldom = Seldom::new();
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .acceptor(Crowd::of_at_most(most_connections()))
        .accept_error_handler(|_, error| {
            if let Some(times) = FAILED.due() {
                tracing::warn!(%error, times, "a connection could not be accepted");
            }
        })
        .handle(handle.clone());
    server.http_builder().http1().max_buf_size(LONGEST_HEAD);
    let ended = server.serve(router.into_make_service());
    tokio::pin!(ended);
    tokio::select! {
        ended = &mut ended => ended,
        () = stop.cancelled() => {
            handle.graceful_shutdown(Some(LAST_REQUESTS));
            ended.await
        }
    }
}

/// How many connections one listener may have, after the limit of open files was raised as far as that needs and may be.
fn most_connections() -> usize {
    let files = open_files();
    let most = most_of(files);
    if most < MOST_CONNECTIONS {
        tracing::warn!(
            files,
            connections = most,
            "few files may be open at once, so few connections are served at once: raise the limit (ulimit -n, LimitNOFILE) to {ENOUGH_FILES}"
        );
    }
    most
}

/// Half of what the other files leave, for there may be two listeners; but always a few.
fn most_of(files: usize) -> usize {
    (files.saturating_sub(OTHER_FILES) / 2).clamp(16, MOST_CONNECTIONS)
}

/// The limit of open files. The soft one is customarily 1,024, for the sake of programs that use `select`; this one does not.
fn open_files() -> usize {
    let enough = ENOUGH_FILES as u64;
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(enough, |hard| hard.min(enough));
    if limit.current.is_some_and(|soft| soft < wanted) {
        let old = limit.current;
        limit.current = Some(wanted);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files could not be raised");
            limit.current = old;
        }
    }
    limit.current.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_make_few_connections() {
        let table = [
            (0, 16),
            (128, 16),
            (256, 64),
            (1_024, 448),
            (ENOUGH_FILES, MOST_CONNECTIONS),
            (usize::MAX, MOST_CONNECTIONS),
        ];
        for (files, connections) in table {
            assert_eq!(most_of(files), connections, "{files}");
        }
    }

    #[test]
    fn the_limit_of_open_files_is_raised_as_far_as_it_may_be() {
        let files = open_files();
        let limit = getrlimit(Resource::Nofile);
        let hard = limit
            .maximum
            .map_or(usize::MAX, |hard| usize::try_from(hard).unwrap());
        assert!(files >= hard.min(ENOUGH_FILES), "{files} of {hard}");
    }
}
