//! A loopback port that can refuse connections without being given away, and connections that can be cut.
//! A port that is down stays bound but does not listen: the kernel refuses, and nobody else can take it.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Connections that wait to be accepted; more than any test opens at once.
const BACKLOG: u32 = 1024;
/// How often and at which distance a port is asked for that somebody has taken for a moment: five seconds in all.
const TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug)]
enum State {
    Listening {
        stop: CancellationToken,
        task: JoinHandle<()>,
    },
    Refusing(TcpSocket),
    /// Only while one state turns into another.
    Between,
}

impl Port {
    /// Takes a free port, which refuses connections until `listen`.
    pub(crate) fn reserve() -> io::Result<Self> {
        let socket = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self {
            address: socket.local_addr()?,
            state: tokio::sync::Mutex::new(State::Refusing(socket)),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` until `refuse` or until `stop`. Does nothing when it listens already.
    pub(crate) async fn listen(&self, router: Router, stop: &CancellationToken) -> io::Result<()> {
        let mut state = self.state.lock().await;
        match std::mem::replace(&mut *state, State::Between) {
            State::Refusing(socket) => {
                let stop = stop.child_token();
                let listener = Gate {
                    listener: socket.listen(BACKLOG)?,
                    stop: stop.clone(),
                };
                let task = tokio::spawn(serve(listener, router, stop.clone()));
                *state = State::Listening { stop, task };
            }
            other => *state = other,
        }
        Ok(())
    }

    /// Closes the listening socket, cuts every connection, and keeps the port.
    pub(crate) async fn refuse(&self) -> io::Result<()> {
        let mut state = self.state.lock().await;
        match std::mem::replace(&mut *state, State::Between) {
            State::Listening { stop, task } => {
                stop.cancel();
                // The task only ends; if it panicked the socket is closed as well.
                drop(task.await);
                *state = State::Refusing(bound_again(self.address).await?);
            }
            other => *state = other,
        }
        Ok(())
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections that were just cut linger in TIME_WAIT on this port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// For a moment the port was nobody's, and a connection to somewhere else may go out from it: it is waited for.
async fn bound_again(address: SocketAddr) -> io::Result<TcpSocket> {
    let mut tries = 0;
    loop {
        match bound(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

async fn serve(listener: Gate, router: Router, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<Switch>();
    tokio::select! {
        () = stop.cancelled() => {}
        _ = axum::serve(listener, service) => {}
    }
}

struct Gate {
    listener: TcpListener,
    stop: CancellationToken,
}

impl Listener for Gate {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Latency is measured in the benchmarks; a failure only costs milliseconds.
        stream.set_nodelay(true).ok();
        let cut = self.stop.child_token();
        let wire = Wire {
            stream,
            ended: Box::pin(cut.clone().cancelled_owned()),
            switch: Switch {
                cut,
                instead: Arc::default(),
            },
        };
        (wire, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a handler can do to its own connection.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    cut: CancellationToken,
    instead: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Switch {
    /// Closes the connection without another byte.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Sends these bytes in place of whatever HTTP answer is written next, and closes.
    pub(crate) fn say_instead(&self, bytes: Vec<u8>) {
        *self.instead.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }
}

impl Connected<IncomingStream<'_, Gate>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().switch.clone()
    }
}

struct Wire {
    stream: TcpStream,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    switch: Switch,
}

fn reset() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Polled for its waker: a connection that only waits must notice the cut.
        if self.ended.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(reset()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.switch.cut.is_cancelled() {
            return Poll::Ready(Err(reset()));
        }
        let instead = self
            .switch
            .instead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(instead) = instead {
            // What does not fit into the socket's buffer is lost, as it would be when a server dies.
            self.stream.try_write(&instead).ok();
            self.switch.cut.cancel();
            return Poll::Ready(Err(reset()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
