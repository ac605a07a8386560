//! Disconnect and finalise: how far back the chain can go, and taking it there.

use std::sync::Arc;

use libmetachain_ledger::Undo;
use libmetachain_ledger::store::Record;
use libmetachain_primitives::{Code, Error, NativeHash, Result};
use libmetachain_store::Durability;

use crate::chain::{Chain, Core};
use crate::connect::{Queued, misplaced};
use crate::index::{BlockRef, Entry};
use crate::journal::Happened;
use crate::query::ChainTip;

impl Chain {
    /// Takes the tip back as far as the queue of the log; gives the tip as it is then, whatever moves it before that is
    /// told.
    pub(crate) fn disconnect_queued(
        self: &Arc<Self>,
        native: NativeHash,
    ) -> Result<Queued<ChainTip>> {
        let _commit = self.commit.lock();
        self.moving(|| {
            self.hold_tip()?;
            let (height, entry) = {
                let core = self.core.read();
                (
                    core.index.height(),
                    disconnectable(&core, native, self.undo_depth)?,
                )
            };
            let Record::Connect { undo, .. } = self.record(&entry)? else {
                return Err(misplaced(height));
            };
            if undo.is_empty() {
                return Err(too_deep(height, &self.core.read(), self.undo_depth));
            }
            let undo = Undo::decode(&undo)?;
            let record = Record::Disconnect { height, native };
            let appended = self.store.append(record)?;
            let mut core = self.core.write();
            // From here on the log says that the block is gone: a failure leaves memory behind it.
            if let Some(touched) = &mut core.touched {
                touched.extend(undo.touched());
            }
            core.ledger.revert(&undo).map_err(Error::fatal)?;
            core.index.pop();
            core.journal
                .push(appended.place, Happened::Disconnected(entry.sequence));
            let durable = match self.durability {
                // It is not told before.
                Durability::Block => appended.sequence,
                Durability::Batch => self.store.durable_sequence(),
            };
            let tip = core.chain_tip(durable);
            drop(core);
            self.prepared.lock().clear();
            self.announce(appended.sequence);
            self.counters.disconnected.add(1);
            Ok(Queued {
                result: tip,
                sequence: appended.sequence,
            })
        })
    }

    /// Makes a block and all before it final as far as the queue of the log.
    pub(crate) fn finalize_queued(&self, native: NativeHash) -> Result<Queued<()>> {
        let _commit = self.commit.lock();
        self.moving(|| {
            let Some((height, entry)) = self.find(BlockRef::Native(native))? else {
                return Err(Error::new(
                    Code::BadArgument,
                    format!("native block {native} carries no block of this chain"),
                )
                .with("nativeHash", native.as_bytes().as_slice()));
            };
            let (finalized, sequence) = (self.core.read().finalized, entry.sequence);
            if height <= finalized {
                return Ok(Queued {
                    result: (),
                    sequence,
                });
            }
            let appended = self.store.append(Record::Finalize { height, native })?;
            let mut core = self.core.write();
            core.finalized = height;
            core.journal.push(appended.place, Happened::Other);
            Ok(Queued {
                result: (),
                sequence: appended.sequence,
            })
        })
    }
}

/// The tip's entry, if it is the named block and may be taken back.
fn disconnectable(core: &Core, native: NativeHash, undo_depth: u64) -> Result<Entry> {
    let height = core.index.height();
    let tip = core.index.last().filter(|entry| entry.native == native);
    let Some(entry) = tip else {
        let message = match core.index.last() {
            Some(tip) => format!(
                "native block {native} does not carry the tip, which is block {height} in native block {}",
                tip.native
            ),
            None => format!("no block is connected, so native block {native} is not the tip"),
        };
        return Err(Error::new(Code::NotTip, message)
            .with("height", height)
            .with("nativeHash", native.as_bytes().as_slice()));
    };
    if height <= core.finalized {
        return Err(Error::new(
            Code::Finalized,
            format!(
                "block {height} is final, as is everything up to {}",
                core.finalized
            ),
        )
        .with("height", height)
        .with("finalizedHeight", core.finalized));
    }
    if height.saturating_add(undo_depth) <= core.highest {
        return Err(too_deep(height, core, undo_depth));
    }
    Ok(*entry)
}

fn too_deep(height: u64, core: &Core, undo_depth: u64) -> Error {
    Error::new(
        Code::UndoTooDeep,
        format!(
            "block {height} is {} below the highest tip there was, {}; undo is kept for {undo_depth} blocks",
            core.highest - height,
            core.highest
        ),
    )
    .with("height", height)
    .with("undoDepth", undo_depth)
}
