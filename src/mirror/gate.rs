//! Before a write and after it has failed: gates, brakes, and who is to blame.

use crate::docspace::{DocSpaceError, Writer};
use crate::lane::{Charge, Verdict};
use crate::mirror::{Look, Stop};
use crate::model::failure::{Code, Failure};
use crate::model::lane::Lane;
use crate::model::status::Waiting;
use crate::model::time::Timestamp;
use crate::store::Passage;

impl<'m> Look<'m> {
    /// Waits for its turn to write, and asks whether this kind of write may be made now.
    pub(super) async fn writer_through(&self, gate: Lane) -> Result<Writer<'m>, Stop> {
        self.docspace_is_open()?;
        let writer = self.writer_while_held().await?;
        // While it waited, DocSpace may have gone away, or the service may be stopping.
        self.docspace_is_open()?;
        if self.mirror.stop.is_cancelled() {
            return Err(Stop::Lost);
        }
        match self.mirror.lanes.pass(gate).await? {
            Passage::Passed => Ok(writer),
            Passage::Held => Err(Stop::wait(Waiting::Lane(gate))),
        }
    }

    /// More at once than a person has allowed waits for one. What a person asked for passes.
    pub(super) async fn pass_brake(&self, brake: Lane) -> Result<(), Stop> {
        let (rules, record) = (&self.mirror.rules, &self.claim.record);
        let Some((most, per)) = rules.brake else {
            return Ok(());
        };
        let asked_for = record.told.is_some()
            || (brake == Lane::CreateBrake && rules.existing_boards && record.baseline.is_some());
        if asked_for {
            return Ok(());
        }
        if !self.mirror.lanes.is_open(brake) {
            return Err(Stop::wait(Waiting::Brake));
        }
        match self
            .mirror
            .store
            .pass_brake(brake, record.id, most, per)
            .await?
        {
            Passage::Passed => Ok(()),
            Passage::Held => {
                let what = if brake == Lane::ArchiveBrake {
                    "archived"
                } else {
                    "made"
                };
                let detail = format!("{most} rooms were {what} within {per:?}");
                let failure = Failure::new(Code::BrakeOn, detail);
                self.mirror.lanes.close(brake, failure, None).await;
                Err(Stop::wait(Waiting::Brake))
            }
        }
    }

    /// DocSpace's clock: by it a room of an intention can be told from an older one.
    pub(super) async fn docspace_now(&self) -> Result<Timestamp, Stop> {
        if let Some(now) = self.mirror.docspace.now() {
            return Ok(now);
        }
        match self.mirror.docspace.may_create().await {
            Ok(_) => Ok(self.mirror.docspace.now().unwrap_or_else(Timestamp::now)),
            Err(error) => Err(self.blame(error).await),
        }
    }

    /// Decides who is to blame for a failed read or a failed write that has no gate.
    pub(super) async fn blame(&self, error: DocSpaceError) -> Stop {
        let charge = Charge::from(&error);
        match self.mirror.lanes.judge(Lane::DocSpace, &charge).await {
            Verdict::Lane(lane) => Stop::wait(Waiting::Lane(lane)),
            Verdict::Call => Stop::from(charge),
        }
    }

    /// Decides who is to blame for a failed write: the service, this kind of write, or the board.
    pub(super) async fn blame_at(&self, gate: Lane, error: &DocSpaceError) -> Stop {
        let mut charge = Charge::from(error);
        if let Verdict::Lane(lane) = self.mirror.lanes.judge(Lane::DocSpace, &charge).await {
            return Stop::wait(Waiting::Lane(lane));
        }
        // The portal is paid for, as the control read says: so it is the number of rooms.
        if let DocSpaceError::PaymentRequired(detail) = error {
            charge.failure = Failure::new(Code::DocSpaceQuotaFull, detail);
        }
        self.charge_at(gate, charge).await
    }

    pub(super) async fn charge_at(&self, gate: Lane, charge: Charge) -> Stop {
        let board = self.claim.record.id;
        match self.mirror.lanes.judge_gate(gate, board, &charge).await {
            Verdict::Lane(lane) => Stop::wait(Waiting::Lane(lane)),
            Verdict::Call => Stop::from(charge),
        }
    }
}
