//! Snapshots: the state at one record of the log, written while blocks go on.
//!
//! Accounts are read a piece at a time under short locks, while what blocks touch is noted; at the end,
//! under one more lock, the touched accounts are read again with everything else that belongs to that
//! moment. Loading trusts nothing: the store checks the bytes, the ledger the state root.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use libmetachain_ledger::{ACCOUNT_RECORD_BYTES, Replay, Restore, Tip};
use libmetachain_primitives::{BlockHash, Code, Error, Genesis, NativeHash, Result, Root, TxId};
use libmetachain_store::{SnapshotMeta, SnapshotReader};

use crate::bytes::{Reader, Writer};
use crate::chain::{Chain, Core, guarded};
use crate::index::{Entry, Index};
use crate::journal::{Happened, Journal};
use crate::reading::Parts;

/// Accounts read under one lock: about half a megabyte, a tenth of a millisecond.
const ACCOUNTS_AT_ONCE: u32 = 16_384;
/// Blocks and records that a snapshot carries beyond those that undo may need.
const NEWEST: usize = 1_000;
/// No chain and no log gets this far: sums with numbers below it do not overflow.
const COUNT_MAX: u64 = 1 << 62;

/// The first byte of a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Accounts = 1,
    Late = 2,
    Window = 3,
    Blocks = 4,
    Journal = 5,
    Tip = 6,
}

/// Snapshots of one chain: at most one is being written.
#[derive(Default)]
pub(crate) struct Snapshotting {
    /// Set while one is being written; setting it back stops that one.
    running: AtomicBool,
    stop: AtomicBool,
    dumping: parking_lot::Mutex<()>,
    /// The sequence of the last record in the newest snapshot.
    newest: parking_lot::Mutex<Option<u64>>,
    thread: parking_lot::Mutex<Option<thread::JoinHandle<()>>>,
}

impl Snapshotting {
    /// Whether the chain waits for the end of background work.
    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn loaded(sequence: Option<u64>) -> Self {
        Snapshotting {
            newest: parking_lot::Mutex::new(sequence),
            ..Snapshotting::default()
        }
    }
}

impl Chain {
    /// Starts a snapshot in the background where `snapshot_every` blocks have passed since the last.
    pub(crate) fn snapshot_if_due(self: &Arc<Self>, height: u64) {
        let due = self.older.is_some() && height.is_multiple_of(self.snapshot_every);
        if !due || self.snapshots.running.swap(true, Ordering::AcqRel) {
            return;
        }
        let chain = Arc::downgrade(self);
        let spawned = thread::Builder::new()
            .name("metachain-snapshot".into())
            .spawn(move || {
                if let Some(chain) = chain.upgrade() {
                    chain.snapshot_in_background();
                }
            });
        match spawned {
            Ok(thread) => *self.snapshots.thread.lock() = Some(thread),
            // A snapshot only shortens the next opening: the next one will do.
            Err(_) => self.snapshots.running.store(false, Ordering::Release),
        }
    }

    fn snapshot_in_background(&self) {
        let needed = self.first_needed_now();
        if guarded(|| self.write_snapshot(true)).is_err() {
            self.counters.snapshots_failed.add(1);
        } else if guarded(|| self.prune(needed)).is_err() {
            // What stays only takes space. Damage that it met is met again by whoever reads there.
            self.counters.prunings_failed.add(1);
        }
        self.snapshots.running.store(false, Ordering::Release);
    }

    /// Stops a snapshot that is being written and waits for its end.
    pub(crate) fn stop_snapshot(&self) {
        self.snapshots.stop.store(true, Ordering::Release);
        let thread = self.snapshots.thread.lock().take();
        if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            // Its panics are caught and counted inside.
            let _ = thread.join();
        }
    }

    /// The snapshot of a clean close, where records came since the last.
    pub(crate) fn snapshot_at_close(&self) -> Result<()> {
        self.stop_snapshot();
        self.snapshots.stop.store(false, Ordering::Release);
        let last = self
            .core
            .read()
            .journal
            .last()
            .map(|(sequence, _)| sequence);
        if last.is_none_or(|last| last == 0) || *self.snapshots.newest.lock() == last {
            return Ok(());
        }
        self.write_snapshot(false)
    }

    fn write_snapshot(&self, paced: bool) -> Result<()> {
        let Some(older) = &self.older else {
            return Ok(());
        };
        let mut writer = older.files.snapshots().begin()?;
        let meta = self.dump(paced, &mut |chunk| writer.chunk(chunk))?;
        writer.finish(&meta)?;
        *self.snapshots.newest.lock() = Some(meta.sequence);
        self.counters.snapshots_written.add(1);
        Ok(())
    }

    /// Gives the chunks of a snapshot out, one after the other, while blocks go on.
    pub(crate) fn dump(
        &self,
        paced: bool,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<SnapshotMeta> {
        // One at a time: the touched leaves are noted for one.
        let _alone = self.snapshots.dumping.lock();
        self.core.write().touched = Some(BTreeSet::new());
        let dumped = self.dump_noting(paced, out);
        self.core.write().touched = None;
        dumped
    }

    fn dump_noting(
        &self,
        paced: bool,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<SnapshotMeta> {
        self.dump_accounts(paced, out)?;
        let (chunks, meta) = self.last_chunks()?;
        for chunk in chunks {
            out(&chunk)?;
        }
        Ok(meta)
    }

    fn dump_accounts(&self, paced: bool, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut from = 0;
        loop {
            if self.snapshots.stopping() {
                return Err(Error::new(Code::Aborted, "the chain is closing"));
            }
            let begun = Instant::now();
            let mut chunk = vec![Tag::Accounts as u8];
            let read = self
                .core
                .read()
                .ledger
                .read_accounts(from, ACCOUNTS_AT_ONCE, &mut chunk);
            if read == 0 {
                return Ok(());
            }
            from += read;
            out(&chunk)?;
            if paced {
                // As long idle as busy, so that the log's syncs do not wait behind these writes.
                thread::sleep(begun.elapsed());
            }
        }
    }

    /// Everything that belongs to one moment, read under one lock.
    fn last_chunks(&self) -> Result<(Vec<Vec<u8>>, SnapshotMeta)> {
        let core = self.core.read();
        let newest = usize::try_from(self.undo_depth)
            .unwrap_or(usize::MAX)
            .saturating_add(NEWEST)
            .min(1 << 20);
        let tip = *core.ledger.tip();
        let (sequence, last) = core.journal.last().ok_or_else(|| {
            Error::new(
                Code::InternalPanic,
                "a defect of this library: a log without records",
            )
        })?;
        let meta = SnapshotMeta {
            genesis: *core.ledger.genesis_hash(),
            height: tip.height,
            block: tip.hash,
            sequence,
            place: last.place,
        };
        let chunks = vec![
            late_chunk(&core),
            window_chunk(&core),
            blocks_chunk(&core, newest),
            journal_chunk(&core, newest),
            tip_chunk(&core, &tip),
        ];
        Ok((chunks, meta))
    }
}

fn late_chunk(core: &Core) -> Vec<u8> {
    let mut out = Writer::tagged(Tag::Late as u8);
    for index in core.touched.iter().flatten() {
        if let Some(record) = core.ledger.read_account(*index) {
            out.u32(*index);
            out.bytes(&record);
        }
    }
    out.finish()
}

fn window_chunk(core: &Core) -> Vec<u8> {
    let mut out = Writer::tagged(Tag::Window as u8);
    for (_, txids) in core.ledger.window() {
        out.u64(txids.len() as u64);
        txids.iter().for_each(|txid| out.bytes(&txid.0));
    }
    out.finish()
}

fn blocks_chunk(core: &Core, newest: usize) -> Vec<u8> {
    let mut out = Writer::tagged(Tag::Blocks as u8);
    let entries = core.index.newest(newest);
    out.u64(core.index.height() - entries.len() as u64);
    for entry in entries {
        out.bytes(&entry.hash.0);
        out.bytes(&entry.native.0);
        out.u64(entry.sequence);
        out.place(entry.place);
    }
    out.finish()
}

fn journal_chunk(core: &Core, newest: usize) -> Vec<u8> {
    let mut out = Writer::tagged(Tag::Journal as u8);
    let (base, entries) = core.journal.newest(newest);
    out.u64(base);
    for entry in entries {
        out.place(entry.place);
        match entry.happened {
            Happened::Other => out.u64(0),
            Happened::Connected => out.u64(1),
            Happened::Disconnected(sequence) => out.u64(sequence + 2),
        }
    }
    out.finish()
}

fn tip_chunk(core: &Core, tip: &Tip) -> Vec<u8> {
    let mut out = Writer::tagged(Tag::Tip as u8);
    out.u64(tip.height);
    out.bytes(&tip.hash.0);
    let (native_height, native) = tip.native.unwrap_or_default();
    out.u64(native_height);
    out.bytes(&native.0);
    out.bytes(&tip.state_root.0);
    out.u64(tip.time);
    out.u64(tip.supply);
    out.u32(core.ledger.leaves_len());
    out.u64(core.highest);
    out.u64(core.finalized);
    out.bytes(&core.first_parent.unwrap_or_default().0);
    out.finish()
}

/// A snapshot's chunks on their way back.
struct Loading {
    restore: Restore,
    window: Vec<Vec<TxId>>,
    index: Index,
    journal: Journal,
}

enum Loaded {
    Part(Loading),
    End(Box<(Replay, Parts)>),
}

/// Reads a snapshot of the store to its end.
///
/// Fails with `SNAPSHOT_INVALID` if it is not one that this engine writes.
pub(crate) fn load(genesis: &Genesis, reader: &mut SnapshotReader) -> Result<(Replay, Parts)> {
    read_chunks(genesis, &mut || reader.next_chunk())
}

/// Takes the chunks that [`Chain::dump`] gave out, in their order.
pub(crate) fn read_chunks(
    genesis: &Genesis,
    next: &mut dyn FnMut() -> Result<Option<Vec<u8>>>,
) -> Result<(Replay, Parts)> {
    let mut loading = Some(Loading {
        restore: Restore::new(genesis.clone())?,
        window: Vec::new(),
        index: Index::default(),
        journal: Journal::default(),
    });
    let mut end = None;
    while let Some(chunk) = next()? {
        match loading.take().ok_or_else(invalid)?.take(&chunk)? {
            Loaded::Part(part) => loading = Some(part),
            Loaded::End(all) => end = Some(*all),
        }
    }
    end.ok_or_else(invalid)
}

impl Loading {
    fn take(mut self, chunk: &[u8]) -> Result<Loaded> {
        let (tag, body) = chunk.split_first().ok_or_else(invalid)?;
        let mut from = Reader::new(body);
        match *tag {
            tag if tag == Tag::Accounts as u8 => self.restore.accounts(body)?,
            tag if tag == Tag::Late as u8 => {
                while !from.is_empty() {
                    let index = from.u32().ok_or_else(invalid)?;
                    let record = from.array::<ACCOUNT_RECORD_BYTES>().ok_or_else(invalid)?;
                    self.restore.account(index, &record)?;
                }
            }
            tag if tag == Tag::Window as u8 => {
                self.window = window(&mut from).ok_or_else(invalid)?
            }
            tag if tag == Tag::Blocks as u8 => {
                self.index = blocks(&mut from).ok_or_else(invalid)?
            }
            tag if tag == Tag::Journal as u8 => {
                self.journal = records(&mut from).ok_or_else(invalid)?;
            }
            tag if tag == Tag::Tip as u8 => return self.finish(&mut from),
            _ => return Err(invalid()),
        }
        Ok(Loaded::Part(self))
    }

    fn finish(self, from: &mut Reader<'_>) -> Result<Loaded> {
        let (tip, leaves, highest, finalized, first_parent) = tip(from).ok_or_else(invalid)?;
        if self.index.height() != tip.height || !from.is_empty() {
            return Err(invalid());
        }
        let replay = self.restore.finish(tip, leaves, self.window)?;
        let parts = Parts {
            index: self.index,
            journal: self.journal,
            first_parent,
            highest,
            finalized,
        };
        Ok(Loaded::End(Box::new((replay, parts))))
    }
}

fn invalid() -> Error {
    Error::new(
        Code::SnapshotInvalid,
        "the snapshot does not hold what this version writes",
    )
}

fn window(from: &mut Reader<'_>) -> Option<Vec<Vec<TxId>>> {
    let mut window = Vec::new();
    while !from.is_empty() {
        let count = from.u64()?;
        let mut txids = Vec::new();
        for _ in 0..count {
            txids.push(TxId(from.array()?));
        }
        window.push(txids);
    }
    Some(window)
}

fn blocks(from: &mut Reader<'_>) -> Option<Index> {
    let mut index = Index::after(from.u64().filter(|base| *base < COUNT_MAX)?);
    while !from.is_empty() {
        index.push(Entry {
            hash: BlockHash(from.array()?),
            native: NativeHash(from.array()?),
            sequence: from.u64()?,
            place: from.place()?,
        });
    }
    Some(index)
}

fn records(from: &mut Reader<'_>) -> Option<Journal> {
    let mut journal = Journal::from(from.u64().filter(|base| *base < COUNT_MAX)?);
    while !from.is_empty() {
        let place = from.place()?;
        let happened = match from.u64()? {
            0 => Happened::Other,
            1 => Happened::Connected,
            sequence => Happened::Disconnected(sequence - 2),
        };
        journal.push(place, happened);
    }
    Some(journal)
}

type TipParts = (Tip, u32, u64, u64, Option<NativeHash>);

fn tip(from: &mut Reader<'_>) -> Option<TipParts> {
    let height = from.u64()?;
    let hash = BlockHash(from.array()?);
    let native = (from.u64()?, NativeHash(from.array()?));
    let tip = Tip {
        height,
        hash,
        native: (height > 0).then_some(native),
        state_root: Root(from.array()?),
        time: from.u64()?,
        supply: from.u64()?,
    };
    let leaves = from.u32()?;
    let (highest, finalized) = (from.u64()?, from.u64()?);
    let first_parent = NativeHash(from.array()?);
    let first_parent = (height > 0).then_some(first_parent);
    Some((tip, leaves, highest, finalized, first_parent))
}
