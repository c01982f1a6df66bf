//! The pages in a real browser: Chromium, driven by Playwright, against the real binary beside the sandbox. What Node needs is pinned in
//! `package-lock.json`; `tests/run` installs it and the browser.
//!
//! With `SCREENSHOTS` naming a folder, what was seen is kept there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use boardroom::store::{Sqlite, State as _};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::stage::Stage;

/// Somebody logs in, watches a board appear, finds out why one failed, tries it again and logs out.
#[tokio::test]
async fn an_administrator_sees_on_one_page_what_happens_and_puts_it_right() {
    let mut stage = Stage::set().await;
    fill(&stage, COUNTED).await;
    stage.start().await;
    stage.play("story.mjs").await;
    stage.stop().await;
}

#[tokio::test]
async fn the_pages_work_without_a_script_by_keyboard_and_on_a_small_screen() {
    let mut stage = Stage::set().await;
    stage.start().await;
    stage.play("plain.mjs").await;
    stage.stop().await;
}

/// What was counted in the hour before.
const COUNTED: &str = "
    WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 55)
    INSERT INTO figure (width, at, deliveries, rooms)
    SELECT 60000, (unixepoch() / 60 - n) * 60000, 20 + (n * 7) % 23 + n % 11, CASE WHEN n % 4 = 0 THEN 0 ELSE (n * 5) % 7 END FROM numbers;";

/// Most boards are mirrored, some are anything else; none is due, and neither service can be reached, so that they stay so; nor can what is held back go on.
const MANY: &str = "
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 99999)
    INSERT INTO board (id, name, short_link, workspace, closed, kind, status, reason, since, room_id, title_sent, title_returned,
        room_archived, tagged, invited)
    SELECT printf('64%022x', n), 'Board ' || n, printf('%08x', n), '5b0000000000000000000001', 0, 'ordinary',
        CASE WHEN n % 1000 = 7 THEN 'failed' WHEN n % 20 = 0 THEN 'ignored' ELSE 'mirrored' END,
        CASE WHEN n % 1000 = 7 THEN 'docspace_rejected' WHEN n % 20 = 0 THEN 'existed_before' WHEN n % 50 = 1 THEN 'drift' END,
        (unixepoch() - n) * 1000, CASE WHEN n % 20 > 0 THEN n END, CASE WHEN n % 20 > 0 THEN 'a' END,
        CASE WHEN n % 20 > 0 THEN 'Board ' || n END, 0, 1, 1
    FROM numbers;
    INSERT INTO source (id, baseline_at) VALUES ('5b0000000000000000000001', 1);
    INSERT INTO history (board, at, event, detail)
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 499999)
    SELECT printf('64%022x', n % 100000), (unixepoch() - 500000 + n) * 1000, 'observed', 'a' FROM numbers;
    INSERT INTO history (board, at, event, detail)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 96)
    SELECT printf('64%022x', 3), n * 1000, 'observed', 'a' FROM numbers WHERE n < 96;
    INSERT INTO lane (name, code, detail, since, until, failures) VALUES
        ('brake.create', 'brake_on', '', (unixepoch() - 600) * 1000, (unixepoch() + 86400) * 1000, 1),
        ('docspace.rename', 'docspace_rejected', '', (unixepoch() - 600) * 1000, (unixepoch() + 86400) * 1000, 1);
    INSERT INTO twin (room_id, board, at)
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 24)
    SELECT 1000000 + n, printf('64%022x', n * 1000 + 2), 1 FROM numbers;
    WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1499)
    INSERT INTO figure (width, at, deliveries, rooms)
    SELECT 60000, (unixepoch() / 60 - n) * 60000, 40 + n % 17, n % 5 FROM numbers;";

#[tokio::test]
async fn a_hundred_thousand_boards_stay_quick() {
    let mut stage = Stage::set().await;
    fill(&stage, MANY).await;
    stage.setting("ONLYOFFICE_API_HOST", "http://127.0.0.1:9");
    stage.setting("BOARDROOM_TRELLO_API_URL", "http://127.0.0.1:9");
    stage.start().await;
    stage.play("many.mjs").await;
    stage.stop().await;
}

/// Makes the database of the service that is yet to start, and puts something into it.
async fn fill(stage: &Stage, sql: &str) {
    let store = Sqlite::open(&stage.database()).await.unwrap();
    store.close().await;
    let options = SqliteConnectOptions::new().filename(stage.database());
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut raw)
        .await
        .unwrap();
    raw.close().await.unwrap();
}
