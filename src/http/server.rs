//! The listener itself: bound before anything else is begun, with limits on what clients may leave open, and on how many there are.

mod connection;
mod crowd;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
/// How long requests may take to end once the listener stops accepting, unless it is stopped hard before that.
const LAST_REQUESTS: Duration = Duration::from_secs(10);
/// How long nothing is accepted after that failed for want of files or memory.
const BREATH: Duration = Duration::from_millis(50);
/// The longest head of a request: proxies add to one of a few hundred bytes. A connection reads no more
/// than this at once, so no more than this is in memory of what nobody has asked for yet.
const LONGEST_HEAD: usize = 16 << 10;

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

/// What it means that a client says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It waits for the answers, as `nc -N` does.
    Waits,
    /// It has left: a stream of events, which has no end, must not go on for nobody.
    Leaves,
}

/// Serves until it is told to stop, then lets requests end that have begun, and drops those that are left when it is stopped hard. Handlers
/// find the address of the other end as `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    silence: Silence,
    stop: CancellationToken,
    hard_stop: &CancellationToken,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let house = House {
        crowd: Crowd::of_at_most(most_connections()),
        router,
        silence,
        graceful: GracefulShutdown::new(),
        connections: TaskTracker::new(),
        hard_stop: hard_stop.child_token(),
    };
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => house.let_in(stream, peer),
            Err(error) => refused(&error).await,
        }
    }
    drop(listener);
    house.close().await;
    Ok(())
}

/// A connection that could not be accepted. Most often its client has left; if it is the system's fault, the next one would fail as well.
async fn refused(error: &io::Error) {
    static FAILED: Seldom = Seldom::new();
    if let Some(times) = FAILED.due() {
        tracing::warn!(%error, times, "a connection could not be accepted");
    }
    let has_left = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if !has_left {
        sleep(BREATH).await;
    }
}

/// What is behind a listener.
struct House {
    crowd: Crowd,
    router: Router,
    silence: Silence,
    graceful: GracefulShutdown,
    connections: TaskTracker,
    hard_stop: CancellationToken,
}

impl House {
    fn let_in(&self, stream: TcpStream, peer: SocketAddr) {
        // Answers are small and written whole: there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let (stream, served) = self.crowd.admit(stream, peer, self.router.clone());
        let connection = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .half_close(self.silence == Silence::Waits)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(served));
        let connection = self.graceful.watch(connection);
        let hard_stop = self.hard_stop.clone();
        self.connections.spawn(async move {
            // Whatever ends it is the client's affair.
            let _ = hard_stop.run_until_cancelled(connection).await;
        });
    }

    /// Lets requests end that have begun.
    async fn close(self) {
        let ended = timeout(LAST_REQUESTS, self.graceful.shutdown()).await;
        if ended.is_err() {
            self.hard_stop.cancel();
        }
        self.connections.close();
        self.connections.wait().await;
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
    use std::sync::Arc;

    use axum::extract::Request;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio_util::sync::DropGuard;

    use super::*;

    /// A request whose body is never sent to its end.
    const HEAD: &str = "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 200000\r\n\r\n";

    /// What takes a request, reads nothing of it and never answers. Says that one has come, and is over once one was dropped.
    fn deaf() -> (Router, Arc<Notify>, CancellationToken) {
        let (come, dropped) = (Arc::new(Notify::new()), CancellationToken::new());
        let (tell, guarded) = (come.clone(), dropped.clone());
        let handler = move |request: Request| {
            let (tell, guard): (_, DropGuard) = (tell.clone(), guarded.clone().drop_guard());
            async move {
                tell.notify_one();
                std::future::pending::<()>().await;
                drop((request, guard));
            }
        };
        (Router::new().route("/", post(handler)), come, dropped)
    }

    async fn in_time<T>(something: impl Future<Output = T>) -> T {
        let patience = Duration::from_mins(1);
        timeout(patience, something).await.expect("it never came")
    }

    async fn client(address: SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(HEAD.as_bytes()).await.unwrap();
        client.write_all(&vec![b'x'; 100_000]).await.unwrap();
        client
    }

    #[tokio::test]
    async fn whoever_is_sent_away_goes_even_if_nobody_reads_what_he_sends() {
        let (router, come, dropped) = deaf();
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let house = House {
            crowd: Crowd::of_at_most(1),
            router,
            silence: Silence::Waits,
            graceful: GracefulShutdown::new(),
            connections: TaskTracker::new(),
            hard_stop: CancellationToken::new(),
        };
        let (connected, accepted) = tokio::join!(client(address), listener.accept());
        let (stream, peer) = accepted.unwrap();
        house.let_in(stream, peer);
        in_time(come.notified()).await;
        assert!(!dropped.is_cancelled());
        let (_other, accepted) = tokio::join!(client(address), listener.accept());
        let (stream, peer) = accepted.unwrap();
        house.let_in(stream, peer);
        in_time(dropped.cancelled()).await;
        drop(connected);
        house.hard_stop.cancel();
        in_time(house.close()).await;
    }

    #[tokio::test]
    async fn a_hard_stop_waits_for_no_request() {
        let (router, come, dropped) = deaf();
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, hard_stop) = (CancellationToken::new(), CancellationToken::new());
        let serving = tokio::spawn({
            let (stop, hard_stop) = (stop.clone(), hard_stop.clone());
            async move { serve(listener, router, Silence::Waits, stop, &hard_stop).await }
        });
        let mut client = client(address).await;
        in_time(come.notified()).await;
        stop.cancel();
        tokio::task::yield_now().await;
        assert!(!dropped.is_cancelled(), "a soft stop waits for it");
        let begun = std::time::Instant::now();
        hard_stop.cancel();
        in_time(serving).await.unwrap().unwrap();
        assert!(dropped.is_cancelled());
        assert!(begun.elapsed() < LAST_REQUESTS);
        // Nothing was answered.
        assert!(!matches!(client.read(&mut [0; 8]).await, Ok(1..)));
    }

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
