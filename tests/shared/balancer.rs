//! What stands before several services: whoever comes is handed to the next of them that answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// It knows only who listens. Whoever is frozen or not ready gets his share, so that what he does not answer must come again.
#[derive(Debug)]
pub(crate) struct Balancer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Balancer {
    pub(crate) async fn before(ports: &[u16]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ports, turn) = (Arc::<[u16]>::from(ports), Arc::new(AtomicUsize::new(0)));
        let task = tokio::spawn(async move {
            loop {
                let Ok((mut client, _)) = listener.accept().await else {
                    continue;
                };
                let (ports, turn) = (ports.clone(), turn.clone());
                tokio::spawn(async move {
                    // Nobody there: the client is hung up on.
                    if let Some(mut service) = next(&ports, &turn).await {
                        let _ = copy_bidirectional(&mut client, &mut service).await;
                    }
                });
            }
        });
        Self { address, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn next(ports: &[u16], turn: &AtomicUsize) -> Option<TcpStream> {
    let first = turn.fetch_add(1, Ordering::Relaxed);
    for offset in 0..ports.len() {
        let port = ports[(first + offset) % ports.len()];
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return Some(stream);
        }
    }
    None
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
