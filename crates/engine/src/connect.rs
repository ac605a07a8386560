//! Connect: judge a native block's payload, commit it as one record, make it the tip.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libmetachain_ledger::store::Record;
use libmetachain_ledger::{self as ledger, Ahead, Candidate, Delta, Ledger, both};
use libmetachain_primitives::{Block, BlockHash, Code, Error, Header, Result, Root};
use libmetachain_store::Durability;

use crate::ahead::{Waiting, look_ahead};
use crate::chain::{Chain, guarded};
use crate::gathering::Gathering;
use crate::index::{BlockRef, Entry};
use crate::journal::Happened;
use crate::native::{CandidateBlock, Carried, ConnectStatus, Connected, NativeBlock};
use crate::prepared::Executed;
use crate::workers::{Attended, OwnHelpers};

/// Payloads up to here are written by whoever waits for that. Of a larger one, which takes longer to apply than to
/// write, the store's thread writes what it can meanwhile.
const WRITTEN_HERE_BYTES_MAX: usize = 256 << 10;

/// Payloads of single blocks for which a helper is kept awake, about 250 to 4,500 transactions: it saves 4 to 7% of
/// their time, for 10% more processor time. What is smaller is not spread, and between the parts of what is larger a
/// helper would be in the way for longer than waking it takes.
const ATTENDED_BYTES: RangeInclusive<usize> = 16 << 10..=256 << 10;

/// Accounts from which on applying a block takes longer than to have another thread do it: about 40 µs.
const LARGE: usize = 512;

/// Who writes a block's record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    /// Whoever connects it: a large one while helpers apply it.
    Here,
    /// The store, in its time.
    Store,
}

/// A result together with the record that must be on disk before it is told.
pub(crate) struct Queued<T> {
    pub(crate) result: T,
    pub(crate) sequence: u64,
}

/// What connecting blocks in order came to.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) connected: Vec<Connected>,
    /// The last record that must be on disk before it is told.
    pub(crate) last: Option<u64>,
    /// Why it ended early.
    pub(crate) failed: Option<Error>,
}

impl Chain {
    /// Connects blocks in order as far as the queue of the log: up to the first that fails, or until it is
    /// aborted.
    pub(crate) fn connect_run(
        self: &Arc<Self>,
        blocks: Vec<NativeBlock>,
        aborted: &AtomicBool,
    ) -> Run {
        let _together = Gathering::begin(&*self.store);
        let mut run = Run::default();
        let count = blocks.len();
        let mut blocks = blocks
            .into_iter()
            .map(Waiting::new)
            .map(Arc::new)
            .peekable();
        while let Some(block) = blocks.next() {
            let next = blocks.peek();
            let index = run.connected.len() as u64;
            let result = if aborted.load(Ordering::Acquire) {
                let why = format!("aborted before block {index} of {count}");
                Err(Error::new(Code::Aborted, why))
            } else {
                guarded(|| self.connect_queued(&block, next))
            };
            match result {
                Ok(queued) => {
                    run.connected.push(queued.result);
                    run.last = run.last.max(Some(queued.sequence));
                }
                Err(error) => {
                    let error = error.renamed("index", "transaction");
                    run.failed = Some(error.with("index", index));
                    break;
                }
            }
        }
        run
    }

    /// Connects a block and waits until that may be told. Unless it is very large, it is written here: to tell
    /// another thread, and to be told, would take longer than a block of one transaction takes to execute.
    pub(crate) fn connect_here(self: &Arc<Self>, native: &NativeBlock) -> Result<Connected> {
        let here = self.durability == Durability::Block
            && native.candidate.payload.len() <= WRITTEN_HERE_BYTES_MAX;
        let _together = here.then(|| Gathering::begin(&*self.store));
        let writes = if here { Writes::Here } else { Writes::Store };
        let queued = self.connect(native, None, writes, None)?;
        self.acknowledge(queued)
    }

    /// Connects a block as far as the queue of the log; the tip has moved when this returns. The one that is to be
    /// connected next, if it is known, is looked at meanwhile.
    pub(crate) fn connect_queued(
        self: &Arc<Self>,
        block: &Waiting,
        next: Option<&Arc<Waiting>>,
    ) -> Result<Queued<Connected>> {
        let ahead = block.take_ahead();
        self.connect(&block.native, ahead, Writes::Store, next)
    }

    fn connect(
        self: &Arc<Self>,
        native: &NativeBlock,
        ahead: Option<Ahead>,
        writes: Writes,
        next: Option<&Arc<Waiting>>,
    ) -> Result<Queued<Connected>> {
        let _commit = self.commit.lock();
        let done = self.moving(|| match self.known(native)? {
            Some(known) => {
                self.counters.known.add(1);
                Ok(known)
            }
            None => {
                let bytes = native.candidate.payload.len();
                // The next one keeps a helper busy anyway.
                let attended =
                    (next.is_none() && ATTENDED_BYTES.contains(&bytes)).then(Attended::begin);
                look_ahead(self, next);
                let executed = self.adopt_or_execute(&native.candidate, ahead)?;
                self.commit_block(native, executed, writes, attended)
            }
        });
        if done.is_err() {
            self.counters.refused.add(1);
        }
        done
    }

    /// The verdict of connect on a block that has no hash yet; nothing changes.
    pub(crate) fn check(&self, candidate: &CandidateBlock) -> Result<(Block, BlockHash)> {
        self.usable()?;
        self.counters.checked.add(1);
        let core = self.core.read();
        let (block, executed) = execute(&core.ledger, candidate, None)?;
        drop(core);
        let hash = executed.hash;
        self.prepared.lock().put(executed);
        Ok((block, hash))
    }

    /// Whether the native block is part of the chain already; with another payload it is a conflict.
    fn known(&self, native: &NativeBlock) -> Result<Option<Queued<Connected>>> {
        let held = {
            let core = self.core.read();
            let held = core.index.get(BlockRef::Native(native.hash));
            // What follows the tip is not part of the chain: looking further back would cost a look
            // into the store's index for every new block.
            let follows = core
                .ledger
                .tip()
                .native
                .is_some_and(|(_, tip)| tip == native.candidate.context.native_parent);
            if held.is_none() && follows {
                return Ok(None);
            }
            held.map(|(height, entry)| (height, *entry))
        };
        let found = match held {
            Some(found) => Some(found),
            None => self.find(BlockRef::Native(native.hash))?,
        };
        let Some((height, entry)) = found else {
            return Ok(None);
        };
        match self.record(&entry)? {
            Record::Connect { payload, .. } if payload == native.candidate.payload => {
                let result = Connected {
                    status: ConnectStatus::Known,
                    hash: entry.hash,
                    height,
                };
                Ok(Some(Queued {
                    result,
                    sequence: entry.sequence,
                }))
            }
            Record::Connect { .. } => Err(Error::new(
                Code::Conflict,
                format!(
                    "native block {} is connected at height {height} with another payload",
                    native.hash
                ),
            )
            .with("height", height)
            .with("nativeHash", native.hash.as_bytes().as_slice())),
            _ => Err(misplaced(height)),
        }
    }

    fn adopt_or_execute(
        &self,
        candidate: &CandidateBlock,
        ahead: Option<Ahead>,
    ) -> Result<Executed> {
        // The tip cannot move in between: whoever moves it holds `commit`, and here that is us.
        let tip = *self.core.read().ledger.tip();
        if let Some(executed) = self.prepared.lock().take(&tip, candidate) {
            self.counters.adopted.add(1);
            return Ok(executed);
        }
        Ok(execute(&self.core.read().ledger, candidate, ahead)?.1)
    }

    fn commit_block(
        self: &Arc<Self>,
        native: &NativeBlock,
        executed: Executed,
        writes: Writes,
        attended: Option<Attended>,
    ) -> Result<Queued<Connected>> {
        let Executed {
            payload,
            header,
            hash,
            delta,
            ..
        } = executed;
        let undo = self.core.read().ledger.encoded_undo_of(&delta);
        let record = Record::Connect {
            height: header.height,
            native: native.hash,
            payload,
            undo,
        };
        let appended = self.store.append(record.clone())?;
        self.recent.lock().push(appended.sequence, record);
        // From here on the log holds the block: a failure leaves memory behind it.
        let entry = Entry {
            hash,
            native: native.hash,
            sequence: appended.sequence,
            place: appended.place,
        };
        let large = delta.touched().len() >= LARGE;
        let apply = || {
            drop(attended);
            self.make_tip(delta, entry, &header).map_err(Error::fatal)
        };
        if large && writes == Writes::Here {
            // Whether it is on disk is found out by whoever acknowledges it.
            let write = || drop(self.store.wait_durable(appended.sequence));
            let (_, applied) = both(&OwnHelpers, write, apply).map_err(Error::fatal)?;
            applied?;
        } else {
            apply()?;
        }
        self.prepared.lock().clear();
        self.announce(appended.sequence);
        self.snapshot_if_due(header.height);
        self.counters.connected.add(1);
        self.counters.transactions.add(u64::from(header.tx_count));
        let result = Connected {
            status: ConnectStatus::Connected,
            hash,
            height: header.height,
        };
        Ok(Queued {
            result,
            sequence: appended.sequence,
        })
    }

    /// Makes an executed block the tip, for everybody who reads.
    fn make_tip(&self, delta: Delta, entry: Entry, header: &Header) -> Result<()> {
        let mut core = self.core.write();
        if let Some(touched) = &mut core.touched {
            touched.extend(delta.touched());
        }
        core.ledger.apply(delta, entry.native)?;
        core.index.push(entry);
        core.journal.push(entry.place, Happened::Connected);
        core.highest = core.highest.max(header.height);
        if header.height == 1 {
            core.first_parent = Some(header.native_parent);
        }
        Ok(())
    }

    /// Waits until a result may be told.
    pub(crate) fn acknowledge<T>(&self, queued: Queued<T>) -> Result<T> {
        if self.durability == Durability::Block {
            self.store
                .wait_durable(queued.sequence)
                .inspect_err(|error| {
                    if error.is_fatal() {
                        self.fail(error);
                    }
                })?;
        }
        Ok(queued.result)
    }

    /// Calls `done` when a result may be told, on whichever thread learns of it.
    pub(crate) fn acknowledge_later<T: Send + 'static>(
        self: &Arc<Self>,
        queued: Queued<T>,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        if self.durability == Durability::Batch {
            return done(Ok(queued.result));
        }
        let chain = Arc::downgrade(self);
        let Queued { result, sequence } = queued;
        self.store.when_durable(
            sequence,
            Box::new(move |durable| {
                if let Err(error) = &durable
                    && error.is_fatal()
                    && let Some(chain) = chain.upgrade()
                {
                    chain.fail(error);
                }
                done(durable.map(|()| result));
            }),
        );
    }
}

/// The candidate's block and what executing it on the tip gives, once it is judged to be good.
fn execute(
    ledger: &Ledger,
    candidate: &CandidateBlock,
    ahead: Option<Ahead>,
) -> Result<(Block, Executed)> {
    let ledger::Checked { block, hash, delta } = judge(ledger, candidate, ahead)?;
    let executed = Executed {
        context: candidate.context,
        payload: Arc::clone(&candidate.payload),
        header: block.header,
        hash,
        delta,
    };
    Ok((block, executed))
}

/// The ledger's judgement, with what it cannot know: why no payload can match the carried transactions.
fn judge(
    ledger: &Ledger,
    candidate: &CandidateBlock,
    ahead: Option<Ahead>,
) -> Result<ledger::Checked> {
    let (carried, malformed) = match &candidate.carried {
        Carried::Root(root) => (ledger::Carried::Root(*root), None),
        Carried::Unchecked => (ledger::Carried::Unchecked, None),
        // No list of transactions has the zero root, so that the order of judgement stays the ledger's.
        Carried::Malformed { index, receipt } => {
            (ledger::Carried::Root(Root::ZERO), Some((index, receipt)))
        }
    };
    let context = candidate.context;
    let judged = match ahead {
        Some(ahead) => ledger.check_ahead(&context, carried, ahead),
        None => ledger.check(&Candidate {
            context,
            payload: &candidate.payload,
            carried,
        }),
    };
    match (judged, malformed) {
        (Err(error), Some((index, receipt))) if error.code() == Code::InvalidTransactions => {
            Err(Error::new(
                Code::InvalidTransactions,
                format!(
                    "the native block carries a malformed transaction at {index}: {}",
                    receipt.message
                ),
            )
            .with("index", *index)
            .with("receipt", receipt.code.as_str()))
        }
        (judged, _) => judged,
    }
}

pub(crate) fn misplaced(height: u64) -> Error {
    Error::new(
        Code::StoreCorrupt,
        format!("the log holds something else where block {height} should be"),
    )
    .with("height", height)
}
