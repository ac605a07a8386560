//! The handle that bindings hold: every operation on a chain, synchronous or with a callback.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libmetachain_ledger::{Account, Context, Tip};
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, Genesis, MetaAddress, NativeHash, Receipt, Result, Transaction,
    TxId, Withdrawal,
};
use libmetachain_store::RealDisk;

use crate::ahead::Waiting;
use crate::chain::{Chain, guarded};
use crate::connect::{Queued, Run};
use crate::events::{Event, Position};
use crate::handshake::{NativeTip, Search, Step};
use crate::index::BlockRef;
use crate::native::{CandidateBlock, Connected, Minted, NativeBlock};
use crate::open::Media;
use crate::options::OpenOptions;
use crate::portable;
use crate::query::{ChainTip, ProvenAccount, ProvenWithdrawal, StoredBlock, StoredTransaction};
use crate::registry::{self, Slot};

/// Receives the result of a call that does not wait, on a thread of the engine. Must not block.
pub type Done<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// A running metachain.
///
/// Handles to the same directory in one process share one chain, whichever threads they are on;
/// another process is refused with `STORE_LOCKED`. The chain closes with its last handle. Every
/// method may be called from any thread; calls that move the tip run one after the other in the
/// order in which they were made, and readers always see one tip. After [`Metachain::close`] every
/// method fails with `CLOSED`; after a failed sync or a defect, with that failure, until all handles
/// are closed and the store is opened again.
pub struct Metachain {
    chain: Arc<Chain>,
    slot: Arc<Slot>,
    genesis: Arc<Genesis>,
    left: AtomicBool,
}

impl Metachain {
    /// Opens the store, creates it where there is none, or joins this process's other handles to it.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` (no or an invalid genesis for a new store; other options than the handles that
    /// are open), `GENESIS_MISMATCH`, `STORE_LOCKED`, `STORE_VERSION`, `STORE_CORRUPT`, `STORE_FULL`,
    /// `INTERNAL_IO`.
    pub fn open(options: &OpenOptions) -> Result<Metachain> {
        if let Some(genesis) = &options.genesis {
            genesis.validate()?;
        }
        Ok(Self::new(registry::join(options)?))
    }

    /// As [`Metachain::open`], on another disk than the machine's, which no other handle shares.
    pub fn open_on(media: &Media, options: &OpenOptions) -> Result<Metachain> {
        if let Some(genesis) = &options.genesis {
            genesis.validate()?;
        }
        Ok(Self::new(registry::alone(options, media)?))
    }

    fn new((chain, slot): (Arc<Chain>, Arc<Slot>)) -> Metachain {
        let genesis = Arc::clone(&chain.genesis);
        Metachain {
            chain,
            slot,
            genesis,
            left: AtomicBool::new(false),
        }
    }

    fn chain(&self) -> Result<&Arc<Chain>> {
        if self.left.load(Ordering::Acquire) {
            return Err(Error::new(Code::Closed, "the metachain was closed"));
        }
        Ok(&self.chain)
    }

    /// The parameters of the chain; also after closing.
    #[must_use]
    pub fn genesis(&self) -> &Arc<Genesis> {
        &self.genesis
    }

    /// The tip, and how far the disk has followed it.
    pub fn tip(&self) -> Result<ChainTip> {
        self.chain()?.tip()
    }

    /// The sum of all balances in base units, which is what is locked on the native chain.
    pub fn supply(&self) -> Result<u64> {
        Ok(self.tip()?.tip.supply)
    }

    /// Builds the next block of the transactions, in order. Pure: nothing changes, and the same
    /// arguments on the same tip give the same bytes anywhere. A transaction that cannot be executed
    /// is left out and named in [`Minted::rejected`]; the native block must leave it out too.
    ///
    /// # Errors
    /// `UNKNOWN_PARENT` and `BAD_ARGUMENT` for a context that does not follow the tip.
    pub fn mint(
        &self,
        context: &Context,
        transactions: &[Result<Transaction, Receipt>],
    ) -> Result<Minted> {
        self.chain()?.mint(|_| *context, transactions)
    }

    /// As [`Metachain::mint`], with the context that `context` gives for the tip, which does not move
    /// meanwhile: for callers that name none.
    ///
    /// # Errors
    /// As [`Metachain::mint`].
    pub fn mint_on_tip(
        &self,
        context: impl FnOnce(&Tip) -> Context,
        transactions: &[Result<Transaction, Receipt>],
    ) -> Result<Minted> {
        self.chain()?.mint(context, transactions)
    }

    /// The verdict that [`Metachain::connect`] would give; nothing changes.
    ///
    /// # Errors
    /// As [`Metachain::connect`], except that a block without a hash is never known or in conflict.
    pub fn check(&self, candidate: &CandidateBlock) -> Result<(Block, BlockHash)> {
        self.chain()?.check(candidate)
    }

    /// Re-executes a payload, checks every claim in it and makes it the tip; returns when it may be
    /// acknowledged (see [`crate::Durability`]). What this process just minted or checked on this
    /// tip is adopted instead of executed again.
    ///
    /// # Errors
    /// A verdict (`INVALID_*`) on a bad block, which stays bad; `UNKNOWN_PARENT` out of order,
    /// `CONFLICT` for a native block connected with another payload, `BAD_ARGUMENT` for a height that
    /// does not follow; `STORE_FULL`, `INTERNAL_IO` for failures of ours, which are no verdict.
    pub fn connect(&self, native: NativeBlock) -> Result<Connected> {
        let chain = self.chain()?;
        if chain.executor.is_idle() {
            return chain.connect_here(&native);
        }
        let mover = Arc::clone(chain);
        let block = Waiting::new(native);
        let connect = move || mover.connect_queued(&block, None);
        let queued = chain.executor.run(connect)?;
        chain.acknowledge(queued)
    }

    /// As [`Metachain::connect`], without waiting: the next block executes while this one is written.
    pub fn connect_later(&self, native: NativeBlock, done: Done<Connected>) {
        let block = Arc::new(Waiting::new(native));
        let waiting = Some(Arc::clone(&block));
        self.later(done, waiting, move |chain, next| {
            chain.connect_queued(&block, next)
        });
    }

    /// Connects blocks in order with one wait at the end. Stops at the first that fails, whose error has the detail
    /// `index` (and `transaction`, where one of the block's transactions is at fault), or before the next one once
    /// `aborted` is set (`ABORTED`); what was connected before stays connected and is on disk when `done` is called.
    pub fn connect_many_later(
        &self,
        natives: Vec<NativeBlock>,
        aborted: Arc<AtomicBool>,
        done: Done<Vec<Connected>>,
    ) {
        let chain = match self.chain() {
            Ok(chain) => Arc::clone(chain),
            Err(error) => return done(Err(error)),
        };
        self.chain.executor.submit(move || {
            let Run {
                connected,
                last,
                failed,
            } = chain.connect_run(natives, &aborted);
            let finish = move |durable: Result<()>| {
                done(durable.and(match failed {
                    Some(error) => Err(error),
                    None => Ok(connected),
                }));
            };
            match last {
                Some(sequence) => {
                    chain.acknowledge_later(
                        Queued {
                            result: (),
                            sequence,
                        },
                        finish,
                    );
                }
                None => finish(Ok(())),
            }
        });
    }

    /// Takes the tip back, which the native block must name, and returns the tip before it.
    ///
    /// # Errors
    /// `NOT_TIP`, `FINALIZED`, `UNDO_TOO_DEEP`, `STORE_FULL`, `STORE_CORRUPT`, `INTERNAL_IO`.
    pub fn disconnect(&self, native: NativeHash) -> Result<ChainTip> {
        let chain = self.chain()?;
        let mover = Arc::clone(chain);
        let queued = chain
            .executor
            .run(move || mover.disconnect_queued(native))?;
        chain.acknowledge(queued)
    }

    /// As [`Metachain::disconnect`], without waiting.
    pub fn disconnect_later(&self, native: NativeHash, done: Done<ChainTip>) {
        self.later(done, None, move |chain, _| chain.disconnect_queued(native));
    }

    /// Makes the block in this native block, and all before it, final.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` if it carries no block of the chain, `STORE_FULL`, `INTERNAL_IO`.
    pub fn finalize_later(&self, native: NativeHash, done: Done<()>) {
        self.later(done, None, move |chain, _| chain.finalize_queued(native));
    }

    /// Calls back when everything acknowledged before is on disk.
    pub fn flush_later(&self, done: Done<()>) {
        let chain = match self.chain() {
            Ok(chain) => Arc::clone(chain),
            Err(error) => return done(Err(error)),
        };
        self.chain.executor.submit(move || {
            done(guarded(|| chain.moving(|| chain.store.flush())));
        });
    }

    /// The account, or `None` if it was never credited.
    pub fn account(&self, address: &MetaAddress) -> Result<Option<Account>> {
        self.chain()?.account(address)
    }

    /// A block of the present chain. Genesis, at height 0, is none.
    pub fn block(&self, block: BlockRef) -> Result<Option<StoredBlock>> {
        self.chain()?.block(block)
    }

    /// The lowest height whose block is held, 0 if there is none: above 1 where the store began from a snapshot of
    /// another's.
    pub fn first_height(&self) -> Result<u64> {
        self.chain()?.first_height()
    }

    /// The payload of a block of the present chain.
    pub fn payload(&self, block: BlockRef) -> Result<Option<Arc<[u8]>>> {
        self.chain()?.payload(block)
    }

    /// The withdrawals of a block, in order.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` if the chain has no such block.
    pub fn withdrawals(&self, block: BlockRef) -> Result<Vec<Withdrawal>> {
        self.chain()?.withdrawals(block)
    }

    /// The newest transaction of the present chain with this native transaction id.
    ///
    /// Ids are unique within the replay window only; beyond it the native chain's own rule, that an
    /// output is spent once, keeps them apart.
    pub fn transaction(&self, txid: &TxId) -> Result<Option<StoredTransaction>> {
        self.chain()?.transaction(txid)
    }

    /// Checks everything: each byte of the log, each snapshot, that the balances add up to the supply,
    /// and with `full` that executing the whole log again gives the same state. `progress` hears the
    /// bytes done and in all, and ends the walk with `ABORTED` by returning false. Blocks go on
    /// meanwhile.
    ///
    /// # Errors
    /// `STORE_CORRUPT` with file and offset, `SNAPSHOT_INVALID`, `INTERNAL_IO`, `ABORTED`.
    pub fn verify(&self, full: bool, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<()> {
        self.chain()?.verify(full, progress)
    }

    /// Writes the state at the tip to a file, from which another machine can begin its own store.
    /// The file appears whole or not at all; blocks wait meanwhile, readers do not.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` if there is no block yet, `STORE_FULL`, `INTERNAL_IO`.
    pub fn export_snapshot(&self, path: &Path) -> Result<()> {
        self.chain()?.export(&RealDisk, path)
    }

    /// Begins a new store from such a file, and opens it. The file is refused unless its accounts give
    /// the state root that its block's header claims; whether that block is one of the native chain is
    /// for the handshake to find out, or for `trusted`, its metachain hash. Blocks up to that one are
    /// final here, and those before it are not.
    ///
    /// # Errors
    /// `SNAPSHOT_INVALID`, `GENESIS_MISMATCH`, `BAD_ARGUMENT` if the directory holds a metachain already,
    /// and those of [`Metachain::open`].
    pub fn import_snapshot(
        path: &Path,
        options: &OpenOptions,
        trusted: Option<BlockHash>,
    ) -> Result<Metachain> {
        let import = || portable::import(path, options, trusted, &Media::default());
        Ok(Self::new(registry::make(options, import)?))
    }

    /// As [`Metachain::import_snapshot`], with file and store on another disk than the machine's.
    ///
    /// # Errors
    /// Those of [`Metachain::import_snapshot`].
    pub fn import_snapshot_on(
        media: &Media,
        path: &Path,
        options: &OpenOptions,
        trusted: Option<BlockHash>,
    ) -> Result<Metachain> {
        portable::import(path, options, trusted, media)?;
        Self::open_on(media, options)
    }

    /// Proves a withdrawal of a block to someone who has the block's header only.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` if the chain has no such block or the block no such withdrawal.
    pub fn prove_withdrawal(&self, block: BlockRef, index: u32) -> Result<ProvenWithdrawal> {
        self.chain()?.prove_withdrawal(block, index)
    }

    /// Proves an account, or that there is none, at the tip.
    pub fn prove_account(&self, address: &MetaAddress) -> Result<ProvenAccount> {
        self.chain()?.prove_account(address)
    }

    /// Begins a handshake with a native node at this tip; [`Metachain::handshake_step`] goes on.
    pub fn begin_handshake(&self, native: NativeTip) -> Result<Search> {
        self.chain()?.handshake(native)
    }

    /// What the handshake needs to know next, or its result.
    ///
    /// # Errors
    /// `LOCKED_MISMATCH` if both are in sync and the lock balance is not the supply.
    pub fn handshake_step(&self, search: &Search) -> Result<Step> {
        search.step(self.chain()?)
    }

    /// The hash at the height that [`Metachain::handshake_step`] asked for.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for `None`: every height it asks for is at or below the native tip.
    pub fn handshake_answer(
        &self,
        search: &mut Search,
        height: u64,
        hash: Option<NativeHash>,
    ) -> Result<()> {
        search.answer(self.chain()?, height, hash)
    }

    /// Counts since the chain was opened, by name, and what it holds now.
    pub fn metrics(&self) -> Result<Vec<(&'static str, u64)>> {
        let chain = self.chain()?;
        let mut list = chain.counters.list();
        let core = chain.core.read();
        list.extend([
            ("height", core.index.height()),
            ("accounts", core.ledger.accounts_len() as u64),
            ("records", core.journal.len()),
            (
                "durableRecords",
                chain.store.durable_sequence().saturating_add(1),
            ),
            ("finalizedHeight", core.finalized),
        ]);
        Ok(list)
    }

    /// Calls `listener` once if the chain can no longer go on, at once if that is so already; the number removes it
    /// again.
    pub fn on_fatal(&self, listener: impl Fn(&Error) + Send + Sync + 'static) -> u64 {
        let told = AtomicBool::new(false);
        let listener = Arc::new(move |error: &Error| {
            if !told.swap(true, Ordering::AcqRel) {
                listener(error);
            }
        });
        let late = Arc::clone(&listener);
        let number = self
            .chain
            .mourners
            .add(Box::new(move |error| listener(error)));
        // Looked at after it was added: in between it would be told by nobody.
        if let Some(error) = self.chain.failure() {
            late(error);
        }
        number
    }

    /// Removes a listener that [`Metachain::on_fatal`] added.
    pub fn remove_fatal_listener(&self, number: u64) {
        self.chain.mourners.remove(number);
    }

    /// Where an event reader that has this cursor goes on; without one, before the first event.
    ///
    /// # Errors
    /// `CURSOR_UNKNOWN`, `CURSOR_PRUNED`.
    pub fn events_from(&self, cursor: Option<&str>) -> Result<Position> {
        match cursor {
            Some(cursor) => self.chain()?.position(cursor),
            None => Ok(Position::START),
        }
    }

    /// Where an event reader that wants only what comes next goes on.
    pub fn events_from_tip(&self) -> Result<Position> {
        self.chain()?.newest()
    }

    /// Events behind a position that are on disk, at most `max`, and the position behind them.
    ///
    /// # Errors
    /// `CURSOR_PRUNED` if the body of a block that was disconnected is no longer kept.
    pub fn events(&self, after: Position, max: usize) -> Result<(Vec<Event>, Position)> {
        self.chain()?.events(after, max)
    }

    /// Calls `listener` whenever there may be new events, on a thread of the store or of whoever moves the
    /// tip; it must not block, nor move the tip itself. The number removes it again. To miss nothing,
    /// listen first and read then.
    pub fn on_events(&self, listener: impl Fn() + Send + Sync + 'static) -> u64 {
        self.chain.watchers.add(Box::new(move |()| listener()))
    }

    /// Removes a listener that [`Metachain::on_events`] added.
    pub fn remove_event_listener(&self, number: u64) {
        self.chain.watchers.remove(number);
    }

    /// Gives the handle back, after the calls made before it; the last handle flushes and closes the
    /// store and frees its lock. Idempotent.
    pub fn close(&self) -> Result<()> {
        if self.left.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let slot = Arc::clone(&self.slot);
        self.chain.executor.run(move || registry::leave(&slot))
    }

    /// As [`Metachain::close`], without waiting.
    pub fn close_later(&self, done: Done<()>) {
        if self.left.swap(true, Ordering::AcqRel) {
            return done(Ok(()));
        }
        let slot = Arc::clone(&self.slot);
        self.chain
            .executor
            .submit(move || done(guarded(|| registry::leave(&slot))));
    }

    fn later<T: Send + 'static>(
        &self,
        done: Done<T>,
        block: Option<Arc<Waiting>>,
        work: impl FnOnce(&Arc<Chain>, Option<&Arc<Waiting>>) -> Result<Queued<T>> + Send + 'static,
    ) {
        let chain = match self.chain() {
            Ok(chain) => Arc::clone(chain),
            Err(error) => return done(Err(error)),
        };
        self.chain
            .executor
            .submit_brief(block, move |next| match guarded(|| work(&chain, next)) {
                Ok(queued) => chain.acknowledge_later(queued, done),
                Err(error) => done(Err(error)),
            });
    }
}

impl Drop for Metachain {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; not waiting keeps a garbage collector from blocking.
        self.close_later(Box::new(|_| ()));
    }
}
