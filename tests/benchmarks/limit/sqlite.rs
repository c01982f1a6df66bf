//! SQLite at its best: one thread with prepared statements, everything that waits in one transaction, and only then the answers.

use std::path::Path;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, Statement};
use tokio::sync::mpsc;

use super::{Event, now};

/// Every commit is on the disk; a checkpoint comes seldom; what a statement keeps in between is never a file.
const DURABLE: &str =
    "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;";
const TABLE: &str =
    "CREATE TABLE event (id INTEGER PRIMARY KEY, action TEXT NOT NULL UNIQUE, board TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL) STRICT;";

/// A connection and what it writes of an event.
pub(super) struct Writer {
    connection: Connection,
    rows: bool,
}

impl Writer {
    /// Writes what boardroom writes, into a file with boardroom's schema.
    pub(super) fn rows(file: &Path) -> Result<Self> {
        Self::open(file, true)
    }

    /// Writes the delivery itself, into a table of its own in a new file.
    pub(super) fn table(file: &Path) -> Result<Self> {
        let writer = Self::open(file, false)?;
        writer.connection.execute_batch(TABLE)?;
        Ok(writer)
    }

    fn open(file: &Path, rows: bool) -> Result<Self> {
        let connection = Connection::open(file).context("cannot open the file")?;
        connection.execute_batch(DURABLE)?;
        Ok(Self { connection, rows })
    }

    fn run(self, mut queue: mpsc::Receiver<Event>, group: usize) -> Result<()> {
        let mut begin = self.connection.prepare("BEGIN IMMEDIATE")?;
        let mut commit = self.connection.prepare("COMMIT")?;
        let mut statements = Statements::prepare(&self.connection, self.rows)?;
        let mut answers = Vec::with_capacity(group);
        while let Some(first) = queue.blocking_recv() {
            begin.execute([])?;
            let now = now();
            let mut next = Some(first);
            while let Some(event) = next {
                statements.write(&event, now)?;
                answers.push(event.answer);
                next = if answers.len() < group {
                    queue.try_recv().ok()
                } else {
                    None
                };
            }
            commit.execute([])?;
            for answer in answers.drain(..) {
                // Whoever hung up does not wait for it.
                let _ = answer.send(());
            }
        }
        Ok(())
    }
}

enum Statements<'c> {
    Rows {
        delivery: Statement<'c>,
        history: Statement<'c>,
        board: Statement<'c>,
    },
    Table(Statement<'c>),
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection, rows: bool) -> Result<Self> {
        if !rows {
            let event = "INSERT INTO event (action, board, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            return Ok(Self::Table(connection.prepare(event)?));
        }
        let board = "INSERT INTO board (id, appeared, status, since, due_at, hints) VALUES (?1, ?2, 'pending', ?3, ?3, 1)
            ON CONFLICT (id) DO UPDATE SET hints = hints + 1, due_at = min(due_at, excluded.due_at)";
        Ok(Self::Rows {
            delivery: connection.prepare(
                "INSERT INTO delivery (action, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?,
            history: connection.prepare(
                "INSERT INTO history (board, at, event, detail) VALUES (?1, ?2, 'delivery', ?3)",
            )?,
            board: connection.prepare(board)?,
        })
    }

    fn write(&mut self, event: &Event, now: i64) -> Result<()> {
        let (id, at) = (&event.board, now);
        match self {
            Self::Table(table) => {
                table.execute((&event.action, id, &event.body[..]))?;
            }
            Self::Rows {
                delivery,
                history,
                board,
            } => {
                if delivery.execute((&event.action, at))? == 1 {
                    history.execute((id, at, event.detail()))?;
                    board.execute((id, &event.workspace, at))?;
                }
            }
        }
        Ok(())
    }
}

/// Starts the writer's thread.
pub(super) fn start(writer: Writer, queue: mpsc::Receiver<Event>, group: usize) -> Result<()> {
    let thread = std::thread::Builder::new().name("writer".into());
    thread.spawn(move || {
        // Its queue is closed with it: whoever waits is answered 503, and the run is seen to have failed.
        if let Err(error) = writer.run(queue, group) {
            eprintln!("the limit program cannot write: {error:#}");
        }
    })?;
    Ok(())
}
