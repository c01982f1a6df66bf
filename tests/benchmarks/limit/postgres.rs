//! PostgreSQL at its best: one writer, everything that waits in one transaction of three statements over arrays, and only then the answers.

use anyhow::{Context as _, Result};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;

use super::{Event, now};

/// Writes what boardroom writes, into boardroom's schema.
pub(super) async fn start(url: &str, queue: mpsc::Receiver<Event>, group: usize) -> Result<()> {
    let connection = PgConnection::connect(url)
        .await
        .context("PostgreSQL does not answer")?;
    tokio::spawn(async move {
        // Its queue is closed with it: whoever waits is answered 503, and the run is seen to have failed.
        if let Err(error) = run(connection, queue, group).await {
            eprintln!("the limit program cannot write: {error:#}");
        }
    });
    Ok(())
}

async fn run(
    mut connection: PgConnection,
    mut queue: mpsc::Receiver<Event>,
    group: usize,
) -> Result<()> {
    let mut events = Vec::with_capacity(group);
    while queue.recv_many(&mut events, group).await > 0 {
        write(&mut connection, &events).await?;
        for event in events.drain(..) {
            // Whoever hung up does not wait for it.
            let _ = event.answer.send(());
        }
    }
    Ok(())
}

async fn write(connection: &mut PgConnection, events: &[Event]) -> Result<()> {
    let now = now();
    let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
    let mut write = connection.begin_with("BEGIN").await?;
    let new = "INSERT INTO delivery (action, at) SELECT action, $2 FROM unnest($1::text[]) AS one (action)
        ON CONFLICT (action) DO NOTHING RETURNING action";
    let new: Vec<String> = sqlx::query_scalar(new)
        .bind(actions)
        .bind(now)
        .fetch_all(&mut *write)
        .await?;
    let new: std::collections::HashSet<_> = new.iter().map(String::as_str).collect();
    let new: Vec<_> = events
        .iter()
        .filter(|event| new.contains(event.action.as_str()))
        .collect();
    let boards: Vec<_> = new.iter().map(|event| event.board.as_str()).collect();
    let details: Vec<_> = new.iter().map(|event| event.detail()).collect();
    let workspaces: Vec<_> = new.iter().map(|event| event.workspace.as_deref()).collect();
    let history =
        "INSERT INTO history (board, at, event, detail) SELECT board, $3, 'delivery', detail
        FROM unnest($1::text[], $2::text[]) AS one (board, detail)";
    sqlx::query(history)
        .bind(&boards)
        .bind(details)
        .bind(now)
        .execute(&mut *write)
        .await?;
    let due = "INSERT INTO board (id, appeared, status, since, due_at, hints)
        SELECT id, appeared, 'pending', $3, $3, 1 FROM unnest($1::text[], $2::text[]) AS one (id, appeared)
        ON CONFLICT (id) DO UPDATE SET hints = board.hints + 1, due_at = least(board.due_at, excluded.due_at)";
    sqlx::query(due)
        .bind(&boards)
        .bind(workspaces)
        .bind(now)
        .execute(&mut *write)
        .await?;
    Ok(write.commit().await?)
}
