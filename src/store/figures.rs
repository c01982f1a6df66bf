//! What was counted over time, by all services on one database together: for the plot of the page, and nothing rests on it.

use async_trait::async_trait;

use crate::model::time::Timestamp;
use crate::store::StoreError;

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub deliveries: u64,
    pub rooms: u64,
}

/// How long the spans are for which figures are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Kept for a day.
    Minute,
    /// Kept for a week.
    Hour,
}

/// What was counted in one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// When the span began.
    pub at: Timestamp,
    pub figures: Figures,
}

/// All that is kept of a grain, and the moment at which that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub now: Timestamp,
    /// The spans in which anything was counted, the earliest first.
    pub spans: Vec<Counted>,
}

#[async_trait]
pub trait Counting {
    /// Adds to what was counted in this minute and in this hour.
    async fn count(&self, figures: Figures) -> Result<(), StoreError>;

    async fn counted(&self, grain: Grain) -> Result<Past, StoreError>;
}

impl Grain {
    pub const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// How long a span is, in milliseconds.
    #[must_use]
    pub fn width(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
        }
    }

    /// For how long figures are kept, in milliseconds; a little longer than they are shown.
    pub(super) fn kept(self) -> i64 {
        match self {
            Self::Minute => 25 * 3_600_000,
            Self::Hour => 8 * 86_400_000,
        }
    }
}

impl Figures {
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// What was counted since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            deliveries: self.deliveries.saturating_sub(before.deliveries),
            rooms: self.rooms.saturating_sub(before.rooms),
        }
    }
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.deliveries = self.deliveries.saturating_add(more.deliveries);
        self.rooms = self.rooms.saturating_add(more.rooms);
    }
}
