//! The next block of a queue is read, and the accounts it names are looked up, beside the block before it: a thread
//! that helps with single blocks has nothing to do for half of the time.
//!
//! Nobody waits for that: a block whose turn comes earlier is connected without. Of blocks of 1,000 transactions that
//! are queued it takes off a tenth of the time.

use std::sync::Arc;

use libmetachain_ledger::Ahead;
use parking_lot::Mutex;

use crate::chain::{Chain, guarded};
use crate::native::NativeBlock;
use crate::workers::spare;

/// Payloads from here on, about 150 transactions, take longer to read than it takes to tell another thread.
const BYTES_LEAST: usize = 8 << 10;

/// A native block to connect, with what has been found out about it.
pub(crate) struct Waiting {
    pub(crate) native: NativeBlock,
    known: Mutex<Known>,
}

enum Known {
    Nothing,
    Something(Box<Ahead>),
    /// It is connected, or was refused.
    Enough,
}

impl Waiting {
    pub(crate) fn new(native: NativeBlock) -> Self {
        Self {
            native,
            known: Mutex::new(Known::Nothing),
        }
    }

    fn is_large(&self) -> bool {
        self.native.candidate.payload.len() >= BYTES_LEAST
    }

    /// What was found out, unless somebody is still at it.
    pub(crate) fn take_ahead(&self) -> Option<Ahead> {
        match std::mem::replace(&mut *self.known.try_lock()?, Known::Enough) {
            Known::Something(ahead) => Some(*ahead),
            Known::Nothing | Known::Enough => None,
        }
    }

    fn look_ahead(&self, chain: &Chain) {
        let Some(mut known) = self.known.try_lock() else {
            return;
        };
        if !matches!(*known, Known::Nothing) {
            return;
        }
        let mut ahead = Ahead::of(&chain.genesis, &self.native.candidate.payload);
        // A thread may do this in the middle of a read, which whoever wants to write waits for: so it waits for nobody.
        while let Some(core) = chain.core.try_read() {
            if !ahead.look_up(&core.ledger) {
                break;
            }
        }
        *known = Known::Something(Box::new(ahead));
    }
}

/// Looks ahead to the block that comes next, if it is worth it, while the chain works on another.
pub(crate) fn look_ahead(chain: &Arc<Chain>, next: Option<&Arc<Waiting>>) {
    if let Some(block) = next.filter(|block| block.is_large()) {
        let (chain, block) = (Arc::downgrade(chain), Arc::clone(block));
        spare(move || {
            if let Some(chain) = chain.upgrade() {
                // Should it panic, the same will when it is done in earnest, and will be told.
                let _ = guarded(|| {
                    block.look_ahead(&chain);
                    Ok(())
                });
            }
        });
    }
}
