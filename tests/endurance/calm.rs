//! Waiting for quiet: nothing goes wrong any more, nothing is due, nothing waits, and what sweeps and audits find changes nothing.

use std::time::{Duration, Instant};

use crate::house::Figures;
use crate::row::Row;
use crate::story::Story;

/// How long it may take until all is quiet.
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than an unanswered create is waited for.
const WINDOW: Duration = Duration::from_secs(130);
/// Longer than a board that was never seen is looked for.
const LONG: Duration = Duration::from_secs(700);
/// How long each round may do without a helping hand.
const ROUND: Duration = Duration::from_millis(2500);

impl Story {
    /// Waits until all is quiet.
    pub(crate) async fn calm(&mut self) {
        self.end_all_troubles().await;
        self.house.start_all();
        self.ledger.tell("all is to be quiet");
        // Time may pass only when no call is under way that could still come true.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.house.docspace_is_done().await;
        let begun = Instant::now();
        let mut rounds = 0;
        while !self.is_quiet_within(ROUND).await {
            self.house.must_live();
            rounds += 1;
            if begun.elapsed() > PATIENCE {
                let report = self.restless().await;
                self.give_up(&report);
            }
            self.house.docspace_is_done().await;
            // Lanes wait in memory, too: what is paused is aged while the service is away. So is what the dead have taken.
            let restarts = rounds % 3 == 0 || self.house.has_leases().await;
            if restarts {
                self.house.stop_all().await;
                self.house.let_leases_run_out().await;
            }
            self.house
                .age(if rounds % 2 == 0 { LONG } else { WINDOW })
                .await;
            if restarts {
                self.house.start_all();
            }
        }
    }

    /// Whether all is settled, and stays so through two sweeps and two audits.
    async fn is_quiet_within(&mut self, span: Duration) -> bool {
        let begun = Instant::now();
        let mut settled: Option<Figures> = None;
        loop {
            self.house.must_live();
            let rows = self.house.rows().await;
            let figures = self.house.figures().await.unwrap_or_default();
            let is_settled =
                !rows.is_empty() && rows.iter().all(Row::is_settled) && figures.paused.is_empty();
            match (is_settled, &settled) {
                (false, _) => settled = None,
                (true, None) => settled = Some(figures),
                (true, Some(before)) => {
                    let looked_twice =
                        figures.sweeps >= before.sweeps + 2 && figures.audits >= before.audits + 2;
                    if looked_twice {
                        return true;
                    }
                }
            }
            // While it is settled there is nothing to be helped with.
            let limit = if settled.is_some() { PATIENCE } else { span };
            if begun.elapsed() > limit {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// What does not come to rest.
    async fn restless(&self) -> String {
        let figures = self.house.figures().await;
        let mut report = format!("it does not come to rest; the service says {figures:?}\n");
        let rows = self.house.rows().await;
        for row in rows.iter().filter(|row| !row.is_settled()).take(8) {
            report.push_str(&self.describe(row).await);
        }
        report
    }
}
