//! One chapter: a random deed a step, quiet every few hundred steps, and then the comparison.

use std::time::Duration;

use crate::house::House;
use crate::ledger::Ledger;
use crate::trouble::Troubles;

/// What a chapter is about. What was untagged or deleted by hand is known to the database alone, so it is not lost where people do that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Databases are lost, and older copies put back.
    Losses,
    /// People untag and delete rooms.
    People,
}

#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) chance: fastrand::Rng,
    pub(crate) house: House,
    pub(crate) ledger: Ledger,
    pub(crate) troubles: Troubles,
    /// Numbers what must be told apart, such as titles given by hand.
    pub(crate) serial: usize,
}

impl Story {
    pub(crate) async fn new(kind: Kind, seed: u64, replicas: Option<usize>) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut house = House::new(replicas).await;
        let choices = [
            ("BOARDROOM_ARCHIVE_AFTER", ["0s", "0s", "1s"]),
            ("BOARDROOM_FOLLOW", ["live", "live", "sweep"]),
            ("BOARDROOM_DOCSPACE_WRITES", ["1", "4", "8"]),
        ];
        for (name, values) in choices {
            house.set(name, chance.choice(values).unwrap_or_default());
        }
        // Three clocks that disagree: nothing may be told from another's.
        let skew =
            |chance: &mut fastrand::Rng| jiff::SignedDuration::from_secs(chance.i64(-3000..3000));
        house.trello.set_clock_skew(skew(&mut chance));
        house.docspace.set_clock_skew(skew(&mut chance));
        Self {
            kind,
            seed,
            chance,
            house,
            ledger: Ledger::default(),
            troubles: Troubles::default(),
            serial: 0,
        }
    }

    /// Tells so many steps; says what it came to.
    pub(crate) async fn tell(mut self, steps: usize) -> String {
        self.house.start_all();
        let mut quiet_at = self.chance.usize(40..100);
        for step in 1..=steps {
            self.ledger.step = step;
            self.house.must_live();
            self.end_troubles(step).await;
            self.step().await;
            self.breathe().await;
            if step == quiet_at || step == steps {
                self.calm().await;
                self.compare().await;
                quiet_at = step + self.chance.usize(100..300);
                if step < steps {
                    self.edit_in_the_quiet().await;
                }
            }
        }
        let rooms = self.house.docspace.room_count();
        let summary = format!(
            "{} boards and {rooms} rooms agree after {} starts",
            self.ledger.pages.len(),
            self.house.starts()
        );
        self.house.stop_all().await;
        summary
    }

    /// One deed, most often an ordinary one.
    async fn step(&mut self) {
        match self.chance.u16(..1000) {
            0..760 => self.somebody_does_something(),
            760..860 => self.break_one_call(),
            860..900 => self.begin_trouble().await,
            900..940 => self.edit_a_room_while_busy().await,
            940..970 => {}
            _ => self.end_a_process().await,
        }
    }

    /// Most steps follow each other at once; now and then there is time to get something done.
    async fn breathe(&mut self) {
        let pause = match self.chance.u8(..20) {
            0..=11 => 0,
            12..=18 => self.chance.u64(1..40),
            _ => self.chance.u64(50..250),
        };
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}
