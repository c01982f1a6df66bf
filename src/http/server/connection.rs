//! One connection, as long as its client keeps to the limits: the head of a request comes soon once it has begun, answers are taken, and
//! between requests there is not much time. How long the body of a request may take is up to whoever reads it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::server::crowd::Place;

/// How long a client may take for the head of a request, and a new one until it has sent its first.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may wait for another request. A proxy may hold it for longer, and opens another when it sees that it is closed.
const IDLE: Duration = Duration::from_secs(30);
/// How long a client may take no byte of an answer.
const UNREAD: Duration = Duration::from_secs(10);

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// For the head of a request, the first of which is due at once.
    Head,
    /// For the answer to a request.
    Answer,
    /// For another request.
    Next,
}

/// What the listener knows of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    stage: AtomicU8,
    /// When it was opened, or a request began, or bytes of an answer were taken: in microseconds since a moment of this process.
    active_at: AtomicU64,
    is_cut: AtomicBool,
    /// Whom to wake when it is cut.
    reader: Mutex<Option<Waker>>,
}

impl Connection {
    pub(super) fn new() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Head as u8),
            active_at: AtomicU64::new(now()),
            is_cut: AtomicBool::new(false),
            reader: Mutex::default(),
        }
    }

    pub(super) fn active_at(&self) -> u64 {
        self.active_at.load(Ordering::Relaxed)
    }

    pub(super) fn request_begun(&self) {
        self.enter(Stage::Answer);
    }

    /// There is an answer, which may still have to be taken.
    pub(super) fn request_answered(&self) {
        self.enter(Stage::Next);
    }

    /// Closes it as soon as it is looked at.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &*reader {
            reader.wake_by_ref();
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    fn enter(&self, stage: Stage) {
        self.active_at.store(now(), Ordering::Relaxed);
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    fn stage(&self) -> Stage {
        let stage = self.stage.load(Ordering::Relaxed);
        [Stage::Head, Stage::Answer, Stage::Next][usize::from(stage)]
    }

    /// Until when the client has to send something; none while the answer is being made.
    fn due(&self) -> Option<Instant> {
        let patience = match self.stage() {
            Stage::Head => HEAD,
            Stage::Next => IDLE,
            Stage::Answer => return None,
        };
        Some(beginning() + Duration::from_micros(self.active_at()) + patience)
    }

    /// Fails once it is cut; before that, whoever asks is woken when it comes to that.
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if !reader
            .as_ref()
            .is_some_and(|it| it.will_wake(context.waker()))
        {
            *reader = Some(context.waker().clone());
        }
        if self.is_cut() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

/// A moment of this process, so that an instant fits into a number.
fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now)
}

fn now() -> u64 {
    let beginning = beginning();
    let passed = Instant::now().saturating_duration_since(beginning);
    u64::try_from(passed.as_micros()).unwrap_or(u64::MAX)
}

/// A stream that fails when its client does not keep to the limits.
#[derive(Debug)]
pub(super) struct Limited<Stream> {
    stream: Stream,
    connection: Arc<Connection>,
    _place: Place,
    /// Since when the client takes no byte of an answer.
    unread_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl<Stream> Limited<Stream> {
    pub(super) fn new(stream: Stream, connection: Arc<Connection>, place: Place) -> Self {
        Self {
            stream,
            connection,
            _place: place,
            unread_since: None,
            timer: Box::pin(sleep_until(Instant::now() + HEAD)),
        }
    }

    /// Waits with the client, and fails when its time is up.
    fn poll_patience<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let unread = self.unread_since.map(|since| since + UNREAD);
        let Some(due) = unread.or_else(|| self.connection.due()) else {
            return Poll::Pending;
        };
        if self.timer.deadline() != due {
            self.timer.as_mut().reset(due);
        }
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// What became of handing on bytes of an answer.
    fn poll_taken(
        &mut self,
        taken: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if taken.is_pending() {
            self.unread_since.get_or_insert_with(Instant::now);
            return self.poll_patience(context);
        }
        self.unread_since = None;
        self.connection.active_at.store(now(), Ordering::Relaxed);
        taken
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Limited<Stream> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.connection.check(context)?;
        let before = buffer.filled().len();
        if Pin::new(&mut this.stream)
            .poll_read(context, buffer)
            .is_pending()
        {
            return this.poll_patience(context);
        }
        // Bytes alone do not prolong anything: the time for a head runs from its first one.
        match this.connection.stage() {
            Stage::Next if buffer.filled().len() > before => this.connection.enter(Stage::Head),
            Stage::Next | Stage::Head | Stage::Answer => {}
        }
        Poll::Ready(Ok(()))
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Limited<Stream> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.connection.check(context)?;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.poll_taken(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.connection.check(context)?;
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.poll_taken(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // While a body waits for its reader, this is all that is asked of the stream.
        this.connection.check(context)?;
        // There is nothing between: what was written is with the system.
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;
    use crate::http::server::crowd::Crowd;

    const SECOND: Duration = Duration::from_secs(1);

    /// The client's end, and the limited one.
    fn connected() -> (DuplexStream, Limited<DuplexStream>, Arc<Connection>) {
        let (client, stream) = duplex(64);
        let (place, connection) = Crowd::of_at_most(1).take_in();
        let limited = Limited::new(stream, connection.clone(), place);
        (client, limited, connection)
    }

    /// Reads to the end, while the client sends a byte a second; says why it ended and after how many seconds.
    async fn read_out(
        mut client: DuplexStream,
        mut limited: Limited<DuplexStream>,
    ) -> (io::ErrorKind, u64) {
        let begun = Instant::now();
        let trickling = async move {
            loop {
                tokio::time::sleep(SECOND).await;
                let _ = client.write_all(b"x").await;
            }
        };
        let reading = async {
            loop {
                if let Err(error) = limited.read(&mut [0; 8]).await {
                    return error.kind();
                }
            }
        };
        tokio::select! {
            kind = reading => (kind, begun.elapsed().as_secs()),
            () = trickling => unreachable!("it trickles for ever"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_of_a_request_must_come_soon_however_it_trickles() {
        let (client, limited, _) = connected();
        let cut = read_out(client, limited).await;
        assert_eq!(cut, (io::ErrorKind::TimedOut, 10));

        // The next one from its first byte on.
        let (client, limited, connection) = connected();
        connection.request_begun();
        advance(SECOND * 20).await;
        connection.request_answered();
        let cut = read_out(client, limited).await;
        assert_eq!(cut, (io::ErrorKind::TimedOut, 11));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_an_answer_may_be_silent_and_between_requests_for_a_while() {
        let (_client, mut limited, connection) = connected();
        connection.request_begun();
        let answered = async {
            tokio::time::sleep(SECOND * 100).await;
            connection.request_answered();
            // As the server does it, in the same task.
            limited.write_all(b"answer").await.unwrap();
            let begun = Instant::now();
            let error = limited.read(&mut [0; 8]).await.unwrap_err();
            (error.kind(), begun.elapsed())
        };
        assert_eq!(answered.await, (io::ErrorKind::TimedOut, IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken_but_may_be_taken_slowly() {
        let (mut client, mut limited, connection) = connected();
        connection.request_begun();
        let taking = async {
            for _ in 0..20 {
                tokio::time::sleep(SECOND * 5).await;
                client.read_exact(&mut [0; 8]).await.unwrap();
            }
            Instant::now()
        };
        let answer = vec![b'x'; 1_000];
        let (stopped, error) = tokio::join!(taking, async {
            let error = limited.write_all(&answer).await.unwrap_err();
            (error.kind(), Instant::now())
        });
        assert_eq!(error, (io::ErrorKind::TimedOut, stopped + UNREAD));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_sent_away_is_sent_away_at_once() {
        let (_client, mut limited, connection) = connected();
        let reading = tokio::spawn(async move { limited.read(&mut [0; 8]).await });
        tokio::task::yield_now().await;
        let begun = Instant::now();
        connection.cut();
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert!(begun.elapsed().is_zero());
    }
}
