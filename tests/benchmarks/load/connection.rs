//! One connection of the load: a request is written, its answer is read. As much HTTP as that takes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::epoll;

/// Answers are a few hundred bytes.
const LONGEST_ANSWER: usize = 16 << 10;
const CONNECT: Duration = Duration::from_secs(5);

/// What a look at a connection has brought.
#[derive(Debug)]
pub(super) enum Heard {
    Nothing,
    /// The answer to the request that was due then.
    Answer {
        status: u16,
        due: Instant,
    },
    /// The other side has closed.
    End {
        unanswered: bool,
    },
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    request: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    /// When the request that is under way was due.
    due: Option<Instant>,
}

impl Connection {
    pub(super) fn open(epoll: &OwnedFd, index: usize, address: SocketAddr) -> Result<Self> {
        Ok(Self {
            stream: connect(epoll, index, address)?,
            address,
            request: Vec::new(),
            written: 0,
            answer: Vec::new(),
            due: None,
        })
    }

    /// The same place again, after the other side has closed.
    pub(super) fn reopen(&mut self, epoll: &OwnedFd, index: usize) -> Result<()> {
        *self = Self::open(epoll, index, self.address).context("the server went away")?;
        Ok(())
    }

    /// Where the next request is to be put.
    pub(super) fn begin(&mut self, due: Instant) -> &mut Vec<u8> {
        self.due = Some(due);
        self.written = 0;
        &mut self.request
    }

    /// Writes what is left of the request; whether that was all of it. A connection that breaks is noticed when it is read.
    pub(super) fn write(&mut self) -> Result<bool> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if is_break(error.kind()) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    pub(super) fn read(&mut self) -> Result<Heard> {
        let mut piece = [0; LONGEST_ANSWER];
        match self.stream.read(&mut piece) {
            Ok(0) => return Ok(self.end()),
            Ok(count) => self.answer.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Heard::Nothing),
            Err(error) if is_break(error.kind()) => return Ok(self.end()),
            Err(error) => return Err(error.into()),
        }
        let Some((status, length)) = answered(&self.answer)? else {
            return Ok(Heard::Nothing);
        };
        self.answer.drain(..length);
        match self.due.take() {
            Some(due) => Ok(Heard::Answer { status, due }),
            None => bail!("an answer to nothing that was asked"),
        }
    }

    fn end(&self) -> Heard {
        Heard::End {
            unanswered: self.due.is_some(),
        }
    }
}

fn is_break(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

fn connect(epoll: &OwnedFd, index: usize, address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let index = epoll::EventData::new_u64(index as u64);
    epoll::add(epoll, &stream, index, epoll::EventFlags::IN)?;
    Ok(stream)
}

/// Status and length of the answer at the beginning of what was read, once it is complete.
fn answered(read: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&read[..head]).context("the head of an answer is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok());
    let status = status.context("an answer without a status")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Some(0), |(_, length)| length.trim().parse().ok());
    let whole = head + 4 + length.context("an answer of unknown length")?;
    Ok((read.len() >= whole).then_some((status, whole)))
}
