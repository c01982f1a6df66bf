//! The database of a chapter: what it says, and what becomes of it.

use std::time::Duration;

use crate::house::House;
use crate::house::storage::Storage;
use crate::row::Row;

impl House {
    /// All boards as the database has them; none while there is no database.
    pub(crate) async fn rows(&self) -> Vec<Row> {
        let columns: Vec<_> = Row::COLUMNS.map(|name| format!("'{name}', {name}")).into();
        let object = self.storage.either("json_object", "json_build_object");
        let columns = columns.join(", ");
        let query = format!("SELECT CAST({object}({columns}) AS text) FROM board");
        // A database of a moment ago has no tables yet.
        let rows = self.storage.all::<String>(&query).await.unwrap_or_default();
        rows.iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect()
    }

    /// What the history says of a board, the newest last.
    pub(crate) async fn history(&self, board: &str) -> Vec<String> {
        let time = self.storage.either(
            "strftime('%H:%M:%f', at / 1000.0, 'unixepoch')",
            "to_char(to_timestamp(at / 1000.0) AT TIME ZONE 'UTC', 'HH24:MI:SS.MS')",
        );
        let query = format!(
            "SELECT {time} || ' ' || event || ': ' || detail FROM history WHERE board = '{board}' ORDER BY id"
        );
        self.storage.all(&query).await.unwrap_or_default()
    }

    /// Lets time pass for everything that waits in the database.
    pub(crate) async fn age(&self, span: Duration) {
        if !self.has_database() {
            return;
        }
        self.storage.age(span, "lease_until IS NULL").await;
        let ms = span.as_millis();
        let lane = format!("UPDATE lane SET until = until - {ms}, since = since - {ms}");
        self.storage.execute(&lane).await;
    }

    /// Whether somebody has a lease who may be dead, which nobody knows who shares a server.
    pub(crate) async fn has_leases(&self) -> bool {
        self.server.is_some() && (self.rows().await.iter()).any(|row| row.lease_until.is_some())
    }

    /// While nobody runs, leases are those of the dead.
    pub(crate) async fn let_leases_run_out(&self) {
        assert!(!self.is_anybody_running());
        if self.server.is_some() {
            let run_out = "UPDATE board SET lease_until = 0 WHERE lease_until IS NOT NULL";
            self.storage.execute(run_out).await;
        }
    }

    fn has_database(&self) -> bool {
        match &self.storage {
            Storage::File(path) => path.exists(),
            Storage::Database(_) => true,
        }
    }

    /// Loses the database while nobody runs.
    pub(crate) async fn lose_database(&self) {
        assert!(!self.is_anybody_running());
        self.storage.lose().await;
    }

    /// Copies the database while nobody runs.
    pub(crate) async fn back_up(&self) {
        assert!(!self.is_anybody_running());
        self.storage.back_up().await;
    }

    /// Puts the copy back.
    pub(crate) async fn restore_backup(&self) {
        assert!(!self.is_anybody_running());
        self.storage.put_back().await;
    }
}
