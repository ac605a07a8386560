//! Retention: undo and the bodies of blocks that were disconnected go once nothing can ask for them.
//!
//! A chain needs the undo of the blocks that it may still disconnect, and so does the replay behind
//! a snapshot. Both snapshots that the store keeps can be begun from, so what the older of them needs
//! is what stays.

use libmetachain_primitives::Result;
use parking_lot::Mutex;

use crate::chain::Chain;
use crate::index::BlockRef;

/// The first block that is still needed whole, as of each of the snapshots that the store keeps.
#[derive(Default)]
pub(crate) struct Retention {
    /// Of the older one and of the newer one; 0 for a snapshot that is not known.
    needed: Mutex<[u64; 2]>,
}

impl Retention {
    /// A chain that was opened from a snapshot which held the blocks above `base`, or from none.
    pub(crate) fn loaded(base: Option<u64>, event_retention: u64) -> Self {
        // A snapshot holds more blocks than undo may need: those below it needs for events only.
        let needed = base.map_or(0, |base| first_followed(base, event_retention));
        Retention {
            needed: Mutex::new([0, needed]),
        }
    }

    /// There is a newer snapshot. Gives the first block that the older of the two needs.
    fn advance(&self, needed: u64) -> u64 {
        let mut kept = self.needed.lock();
        *kept = [kept[1], needed];
        kept[0]
    }
}

/// The first height from which on blocks are needed whole.
fn first_needed(
    (height, highest, finalized): (u64, u64, u64),
    undo_depth: u64,
    event_retention: u64,
) -> u64 {
    let undoable = highest.saturating_sub(undo_depth).max(finalized) + 1;
    undoable.min(first_followed(height, event_retention))
}

/// The first height whose events may be asked for at a tip of this height.
fn first_followed(height: u64, event_retention: u64) -> u64 {
    height.saturating_sub(event_retention) + 1
}

impl Chain {
    /// The first block that this moment needs whole.
    pub(crate) fn first_needed_now(&self) -> u64 {
        let core = self.core.read();
        let heights = (core.index.height(), core.highest, core.finalized);
        first_needed(heights, self.undo_depth, self.event_retention)
    }

    /// Drops what no snapshot and no reader within the retention needs; `needed` is the first block
    /// that the snapshot just written needs.
    pub(crate) fn prune(&self, needed: u64) -> Result<()> {
        let needed = self.retention.advance(needed);
        let Some(older) = &self.older else {
            return Ok(());
        };
        let Some((_, entry)) = self.find(BlockRef::Height(needed))? else {
            return Ok(());
        };
        let go_on = || !self.snapshots.stopping();
        let pruned = older.files.prune(entry.sequence, &go_on)?;
        self.counters
            .segments_pruned
            .add(u64::from(pruned.segments));
        self.counters.bytes_pruned.add(pruned.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_begins_where_undo_or_events_may_still_be_asked_for() {
        assert_eq!(first_needed((50, 50, 0), 1_000, 10), 1);
        assert_eq!(first_needed((5_000, 5_000, 0), 1_000, 10), 4_001);
        assert_eq!(first_needed((5_000, 5_000, 4_500), 1_000, 10), 4_501);
        assert_eq!(first_needed((5_000, 5_000, 4_500), 1_000, 2_000), 3_001);
        // After disconnects undo is still counted from the highest tip there was.
        assert_eq!(first_needed((4_200, 5_000, 0), 1_000, 10), 4_001);
    }

    #[test]
    fn the_older_of_two_snapshots_decides() {
        let retention = Retention::default();
        assert_eq!(retention.advance(10), 0);
        assert_eq!(retention.advance(20), 10);
        assert_eq!(Retention::loaded(Some(16), 10).advance(9), 7);
        assert_eq!(Retention::loaded(None, 10).advance(9), 0);
    }
}
