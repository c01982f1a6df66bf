//! The listener itself: bound before anything else is begun, with time limits on what a client may leave open.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;

/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long requests may take to end once the listener stops accepting.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Binds an address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait for old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Serves until it is told to stop, then lets requests end that have begun.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .first_request_timeout(HEAD)
        .accept_error_handler(
            |_, error| tracing::warn!(%error, "a connection could not be accepted"),
        )
        .handle(handle.clone());
    server.http_builder().http1().header_read_timeout(HEAD);
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
