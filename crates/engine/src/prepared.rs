//! Blocks that this process executed on the present tip and has not connected: connecting one adopts
//! its result instead of executing it again.

use std::collections::VecDeque;
use std::sync::Arc;

use libmetachain_ledger::{Context, Delta, Tip};
use libmetachain_primitives::{BlockHash, Header};

use crate::native::{CandidateBlock, Carried};

/// A node has one template or two at a time; more would only hold memory.
const KEPT: usize = 4;

/// A block executed on the tip that its header names as parent.
pub(crate) struct Executed {
    pub(crate) context: Context,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) header: Header,
    pub(crate) hash: BlockHash,
    pub(crate) delta: Delta,
}

#[derive(Default)]
pub(crate) struct Prepared {
    blocks: VecDeque<Executed>,
}

impl Prepared {
    /// Keeps a block, and forgets the oldest if there are too many.
    pub(crate) fn put(&mut self, block: Executed) {
        if self.blocks.iter().any(|other| other.hash == block.hash) {
            return;
        }
        if self.blocks.len() == KEPT {
            self.blocks.pop_front();
        }
        self.blocks.push_back(block);
    }

    /// Takes the block that the candidate is, byte for byte and claim for claim, if it was executed on
    /// this tip. Everything else goes the long way, where each difference has its own verdict.
    pub(crate) fn take(&mut self, tip: &Tip, candidate: &CandidateBlock) -> Option<Executed> {
        let Context {
            native_height,
            native_parent,
            ..
        } = candidate.context;
        // The same metachain block may have been carried by another native block when that one was executed.
        let follows = tip.native.is_none_or(|(height, native)| {
            native == native_parent && height.checked_add(1) == Some(native_height)
        });
        let at = self.blocks.iter().position(|block| {
            follows
                && block.header.parent == tip.hash
                && block.context == candidate.context
                && match candidate.carried {
                    Carried::Root(root) => root == block.header.tx_root,
                    Carried::Unchecked => true,
                    Carried::Malformed { .. } => false,
                }
                && block.payload == candidate.payload
        })?;
        self.blocks.remove(at)
    }

    /// Forgets everything: the tip has moved.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
    }
}

#[cfg(test)]
mod tests {
    use libmetachain_ledger::Ledger;
    use libmetachain_primitives::{Genesis, NativeHash, Network};

    use super::*;

    #[test]
    fn a_block_executed_on_the_same_tip_in_another_native_block_is_not_taken() {
        let mut ledger = Ledger::new(Genesis::new("prepared", Network::Opaque)).expect("genesis");
        let carriers = [NativeHash([1; 32]), NativeHash([2; 32])];
        let context = |native_height, native_parent| Context {
            native_height,
            native_parent,
            time: 1,
        };
        let first = ledger
            .mint(&context(7, NativeHash([0; 32])), &[])
            .expect("an empty block");
        ledger.apply(first.delta, carriers[0]).expect("the tip");
        let context = context(8, carriers[0]);
        let minted = ledger.mint(&context, &[]).expect("an empty block");
        let candidate = CandidateBlock {
            context,
            payload: minted.payload.into(),
            carried: Carried::Unchecked,
        };
        let mut prepared = Prepared::default();
        prepared.put(Executed {
            context,
            payload: Arc::clone(&candidate.payload),
            header: minted.block.header,
            hash: minted.hash,
            delta: minted.delta,
        });
        let mut tip = *ledger.tip();
        tip.native = Some((7, carriers[1]));
        assert!(prepared.take(&tip, &candidate).is_none());
        assert!(prepared.take(ledger.tip(), &candidate).is_some());
    }
}
