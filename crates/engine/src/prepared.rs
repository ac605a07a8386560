//! Blocks that this process executed on the present tip and has not connected: connecting one adopts
//! its result instead of executing it again.

use std::collections::VecDeque;
use std::sync::Arc;

use libmetachain_ledger::{Context, Delta};
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
    pub(crate) fn take(&mut self, tip: &BlockHash, candidate: &CandidateBlock) -> Option<Executed> {
        let at = self.blocks.iter().position(|block| {
            block.header.parent == *tip
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
