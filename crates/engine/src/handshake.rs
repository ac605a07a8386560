//! Handshake: find out how the chain and the native node's best chain stand to each other.
//!
//! A search, not a loop: it says which native height it must know next, and whoever holds it asks the
//! native node, waiting or not. It gallops back from the top, since reorganisations are short, and
//! then bisects, so that even chains that parted long ago take few questions.

use libmetachain_primitives::{Code, Error, NativeHash, Result};

use crate::chain::{Chain, Core};
use crate::index::BlockRef;

/// The tip of the native node's best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeTip {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: NativeHash,
    /// Base units that the native chain holds locked at this tip, if the node can tell.
    pub locked: Option<u64>,
}

/// How the chain stands to the native node's best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The tip is carried by the native tip.
    InSync,
    /// Native blocks from this height on are to be connected.
    Replay {
        /// The first native height to connect.
        from_native_height: u64,
    },
    /// Blocks carried above this native height are to be disconnected, the tip first.
    Unwind {
        /// The native height of the last block to keep.
        to_native_height: u64,
    },
    /// The native node is behind, further than undo reaches: what it connects up to our tip is known.
    Ahead {
        /// The native height up to which both agree.
        common_native_height: u64,
    },
    /// The chains part further back than undo reaches: the store cannot follow this native chain.
    Diverged {
        /// The first native height at which they differ.
        native_height: u64,
    },
}

/// What the search needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The hash of the native node's best block at this height, for [`Search::answer`].
    Ask(u64),
    /// It is over.
    Done(Handshake),
}

/// A handshake under way.
#[derive(Clone, Debug)]
pub struct Search {
    native: NativeTip,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Both chains differ at `differs`; look `step` below it.
    Gallop { differs: u64, step: u64 },
    /// Both agree at `common` and differ at `differs`.
    Bisect { common: u64, differs: u64 },
    /// Both agree up to here and no further.
    Found { common: u64 },
    /// Known without asking.
    Known(Handshake),
}

impl Search {
    /// What is needed next.
    pub(crate) fn step(&self, chain: &Chain) -> Result<Step> {
        chain.usable()?;
        let core = chain.core.read();
        let Some(base) = base(&core) else {
            return Ok(Step::Done(without_blocks(&core, &self.native)));
        };
        Ok(match self.phase {
            Phase::Known(result) => Step::Done(result),
            Phase::Gallop { differs, .. } if differs <= base => {
                Step::Done(forked(&core, base - 1, chain.undo_depth))
            }
            Phase::Gallop { differs, step } => Step::Ask(differs.saturating_sub(step).max(base)),
            Phase::Bisect { common, differs } if differs - common > 1 => {
                Step::Ask(common + (differs - common) / 2)
            }
            Phase::Bisect { common, .. } | Phase::Found { common } => {
                Step::Done(self.judge(&core, common, chain.undo_depth)?)
            }
        })
    }

    /// The answer to the last [`Step::Ask`].
    ///
    /// # Errors
    /// `BAD_ARGUMENT` if the native node has no block at a height below its own tip.
    pub(crate) fn answer(
        &mut self,
        chain: &Chain,
        height: u64,
        hash: Option<NativeHash>,
    ) -> Result<()> {
        let hash = hash.ok_or_else(|| {
            Error::new(
                Code::BadArgument,
                format!(
                    "the native node has no block at {height}, below its tip at {}",
                    self.native.height
                ),
            )
            .with("nativeHeight", height)
        })?;
        let same = chain.native_hash_at(height)? == Some(hash);
        self.phase = match (self.phase, same) {
            (Phase::Gallop { differs, .. }, true) => Phase::Bisect {
                common: height,
                differs,
            },
            (Phase::Gallop { step, .. }, false) => Phase::Gallop {
                differs: height,
                step: step.saturating_mul(2),
            },
            (Phase::Bisect { differs, .. }, true) => Phase::Bisect {
                common: height,
                differs,
            },
            (Phase::Bisect { common, .. }, false) => Phase::Bisect {
                common,
                differs: height,
            },
            (done, _) => done,
        };
        Ok(())
    }

    /// What follows from where the chains part.
    fn judge(&self, core: &Core, common: u64, undo_depth: u64) -> Result<Handshake> {
        let top = core.ledger.tip().native.map_or(0, |(height, _)| height);
        if common < top && common < self.native.height {
            return Ok(forked(core, common, undo_depth));
        }
        if common < top {
            return Ok(if undoable(core, common, undo_depth) {
                Handshake::Unwind {
                    to_native_height: common,
                }
            } else {
                Handshake::Ahead {
                    common_native_height: common,
                }
            });
        }
        if self.native.height > top {
            return Ok(Handshake::Replay {
                from_native_height: top + 1,
            });
        }
        same_locked(core, &self.native)?;
        Ok(Handshake::InSync)
    }
}

impl Chain {
    /// The native block that carries ours at a native height.
    fn native_hash_at(&self, native_height: u64) -> Result<Option<NativeHash>> {
        let base = base(&self.core.read());
        let Some(height) = base.and_then(|base| (native_height + 1).checked_sub(base)) else {
            return Ok(None);
        };
        Ok(self
            .find(BlockRef::Height(height))?
            .map(|(_, entry)| entry.native))
    }

    /// Begins a handshake with a native node at this tip.
    pub(crate) fn handshake(&self, native: NativeTip) -> Result<Search> {
        self.usable()?;
        let same = self.native_hash_at(native.height)? == Some(native.hash);
        let core = self.core.read();
        let phase = match (base(&core), core.ledger.tip().native) {
            (Some(base), Some((top, _))) => {
                begin(&core, &native, (base, top), same, self.undo_depth)
            }
            _ => {
                if without_blocks(&core, &native) == Handshake::InSync {
                    same_locked(&core, &native)?;
                }
                Phase::Known(without_blocks(&core, &native))
            }
        };
        Ok(Search { native, phase })
    }
}

fn begin(
    core: &Core,
    native: &NativeTip,
    (base, top): (u64, u64),
    same: bool,
    undo_depth: u64,
) -> Phase {
    if native.height < base {
        // Nothing of ours can be compared, unless it is the parent of our first block.
        let differs = native.height + 1 == base && core.first_parent != Some(native.hash);
        return Phase::Known(if undoable(core, native.height, undo_depth) {
            Handshake::Unwind {
                to_native_height: native.height,
            }
        } else if differs {
            Handshake::Diverged {
                native_height: native.height,
            }
        } else {
            Handshake::Ahead {
                common_native_height: native.height,
            }
        });
    }
    if native.height <= top {
        if same {
            return Phase::Found {
                common: native.height,
            };
        }
        return Phase::Gallop {
            differs: native.height,
            step: 1,
        };
    }
    // One above our top "differs": the first question is our top itself.
    Phase::Gallop {
        differs: top + 1,
        step: 1,
    }
}

/// The native height of the first block.
fn base(core: &Core) -> Option<u64> {
    let (top, _) = core.ledger.tip().native?;
    Some(top + 1 - core.index.height())
}

fn without_blocks(core: &Core, native: &NativeTip) -> Handshake {
    match core.ledger.genesis().native_start {
        Some(start) if native.height < start => Handshake::InSync,
        Some(start) => Handshake::Replay {
            from_native_height: start,
        },
        // Any native block may carry the first one.
        None => Handshake::Replay {
            from_native_height: 0,
        },
    }
}

fn forked(core: &Core, common: u64, undo_depth: u64) -> Handshake {
    if undoable(core, common, undo_depth) {
        Handshake::Unwind {
            to_native_height: common,
        }
    } else {
        Handshake::Diverged {
            native_height: common + 1,
        }
    }
}

/// Whether every block carried above a native height can be disconnected.
fn undoable(core: &Core, native_height: u64, undo_depth: u64) -> bool {
    let Some(base) = base(core) else {
        return true;
    };
    let lowest = (native_height + 1).saturating_sub(base) + 1;
    lowest > core.finalized && lowest.saturating_add(undo_depth) > core.highest
}

fn same_locked(core: &Core, native: &NativeTip) -> Result<()> {
    let supply = core.ledger.tip().supply;
    match native.locked {
        Some(locked) if locked != supply => Err(Error::new(
            Code::LockedMismatch,
            format!(
                "the native chain has {locked} base units locked at height {}, the metachain's supply is {supply}",
                native.height
            ),
        )
        .with("locked", locked)
        .with("supply", supply)
        .with("nativeHeight", native.height)),
        _ => Ok(()),
    }
}
