//! All connections of a listener. When there are too many, the one that has done nothing for longest has to go, so however many idle and
//! slow ones there are, a new one is served: whoever has a delivery or a probe to bring does so at once and is the last to go.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::http::seldom::Seldom;
use crate::http::server::connection::{Connection, Limited};

/// Lets connections in. Clones share the list of them.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    most: usize,
    all: Arc<Mutex<All>>,
}

#[derive(Debug, Default)]
struct All {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
}

/// A connection's place, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    all: Arc<Mutex<All>>,
}

impl Crowd {
    pub(super) fn of_at_most(most: usize) -> Self {
        Self {
            most,
            all: Arc::default(),
        }
    }

    /// Takes in one more, and sends another away if there is no room.
    pub(super) fn take_in(&self) -> (Place, Arc<Connection>) {
        static SENT_AWAY: Seldom = Seldom::new();
        let connection = Arc::new(Connection::new());
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.connections.len() >= self.most {
            all.send_longest_idle_away();
            if let Some(times) = SENT_AWAY.due() {
                tracing::warn!(
                    connections = self.most,
                    times,
                    "all connections are taken: the one without a request for longest was closed for a new one"
                );
            }
        }
        let number = all.next;
        all.next += 1;
        all.connections.insert(number, connection.clone());
        let all = self.all.clone();
        (Place { number, all }, connection)
    }

    /// The same for a stream, with what answers on it.
    pub(super) fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        router: Router,
    ) -> (Limited<TcpStream>, Served) {
        let (place, connection) = self.take_in();
        let stream = Limited::new(stream, connection.clone(), place);
        let served = Served {
            router,
            connection,
            peer,
        };
        (stream, served)
    }
}

impl All {
    /// Looks at each: that is only done when all places are taken, and they are a thousand.
    fn send_longest_idle_away(&mut self) {
        let idlest = self
            .connections
            .iter()
            .min_by_key(|(number, connection)| (connection.active_at(), **number));
        if let Some(number) = idlest.map(|(number, _)| *number)
            && let Some(connection) = self.connections.remove(&number)
        {
            connection.cut();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.connections.remove(&self.number);
    }
}

/// The router as one connection has it.
#[derive(Debug, Clone)]
pub(super) struct Served {
    router: Router,
    connection: Arc<Connection>,
    peer: SocketAddr,
}

impl Service<Request<Incoming>> for Served {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request<Body>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        self.connection.request_begun();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Answering {
            answer: self.router.call(request),
            connection: self.connection.clone(),
        }
    }
}

pin_project! {
    /// An answer that is being made.
    pub(super) struct Answering {
        #[pin]
        answer: RouteFuture<Infallible>,
        connection: Arc<Connection>,
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.answer.poll(context));
        this.connection.request_answered();
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_the_longest_idle_one_goes() {
        let crowd = Crowd::of_at_most(3);
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(crowd.take_in());
            advance(Duration::from_millis(10)).await;
        }
        let cut = |taken: &[(Place, Arc<Connection>)]| -> Vec<_> {
            taken.iter().map(|(_, one)| one.is_cut()).collect()
        };
        assert_eq!(cut(&taken), [false; 3], "there was room for them");
        taken[0].1.request_begun();
        advance(Duration::from_millis(10)).await;
        taken.push(crowd.take_in());
        assert_eq!(cut(&taken), [false, true, false, false]);
        taken.push(crowd.take_in());
        assert_eq!(cut(&taken), [false, true, true, false, false]);

        // Whoever leaves makes room, also one that was sent away.
        taken.truncate(3);
        let count = || crowd.all.lock().unwrap().connections.len();
        assert_eq!(count(), 1);
        for _ in 0..2 {
            taken.push(crowd.take_in());
        }
        assert_eq!(count(), 3);
        assert!(!taken[0].1.is_cut());
    }
}
