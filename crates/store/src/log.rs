//! The log of an open store: who appends, who writes, who waits.
//!
//! The [`Writer`] is kept in the queue and taken out by whoever is to write: the store's thread,
//! or a caller that waits for a record anyway and so saves two changes of thread. There is one
//! writer, so there is one group in flight at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use libmetachain_ledger::{Appended, Place, Record, WhenDurable};
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::fault::closed;
use crate::file_store::StoreStats;
use crate::format::{StoreKey, frame_len, sections};
use crate::index_follow;
use crate::options::StoreOptions;
use crate::queue::{Call, Life, Queue, needed_bytes};
use crate::recover::{Tail, check_unused};
use crate::segments::Segments;
use crate::writer::Writer;

/// The log of one store; shared by its handle, its thread and its readers.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) segments: Arc<Segments>,
    pub(crate) key: StoreKey,
    options: StoreOptions,
    /// Records that were on disk when the store was opened.
    proven: u64,
    queue: Mutex<Queue>,
    /// Something to write, or the end.
    work: Condvar,
    /// Something was written, or failed, or the writer was put back.
    progress: Condvar,
    /// Held while the next segment is made ready.
    preparing: Mutex<()>,
    /// Held while files other than the last segment are written.
    maintaining: Mutex<()>,
    /// A snapshot is being written: there is one temporary file.
    snapshotting: AtomicBool,
    /// Closed before the log is.
    index: Mutex<Weak<index_follow::Shared>>,
}

impl Log {
    pub(crate) fn new(
        segments: Arc<Segments>,
        key: StoreKey,
        options: StoreOptions,
        tail: &Tail,
    ) -> Result<Self> {
        let writer = Writer::new(Arc::clone(&segments), key, tail, options.fill_bytes)?;
        let capacity = segments.get(tail.segment, &key)?.len;
        let queue = Queue::new(tail, capacity, Box::new(writer));
        Ok(Self {
            segments,
            key,
            options,
            proven: tail.chain.next,
            queue: Mutex::new(queue),
            work: Condvar::new(),
            progress: Condvar::new(),
            preparing: Mutex::new(()),
            maintaining: Mutex::new(()),
            snapshotting: AtomicBool::new(false),
            index: Mutex::new(Weak::new()),
        })
    }

    /// Records that were appended.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.queue.lock().next
    }

    /// Records that are on disk.
    pub(crate) fn durable_count(&self) -> u64 {
        self.queue.lock().durable
    }

    /// Segment and offset where the records on disk end.
    pub(crate) fn durable_end(&self) -> (u32, u64) {
        self.queue.lock().durable_end
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let queue = self.queue.lock();
        StoreStats {
            records: queue.next,
            records_durable: queue.durable,
            queued_bytes: queue.waiting_bytes as u64,
            segments: queue.segment.saturating_add(1),
            syncs: queue.syncs,
        }
    }

    /// Fails when the log is closed or dead.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.queue.lock().check_open()
    }

    /// Claims the temporary file of snapshots; `false` when somebody has it.
    pub(crate) fn begin_snapshot(&self) -> bool {
        !self.snapshotting.swap(true, Ordering::AcqRel)
    }

    /// Gives the temporary file of snapshots back.
    pub(crate) fn end_snapshot(&self) {
        self.snapshotting.store(false, Ordering::Release);
    }

    /// Has the index closed before the log.
    pub(crate) fn attach_index(&self, index: &Arc<index_follow::Shared>) {
        *self.index.lock() = Arc::downgrade(index);
    }

    /// The index, if there is one.
    pub(crate) fn attached_index(&self) -> Option<Arc<index_follow::Shared>> {
        self.index.lock().upgrade()
    }

    /// Lets one caller at a time write files other than the last segment, and closing wait for it.
    pub(crate) fn lock_maintenance(&self) -> MutexGuard<'_, ()> {
        self.maintaining.lock()
    }

    pub(crate) fn append(&self, record: Record) -> Result<Appended> {
        let (body, undo) = sections(&record);
        let Some(len) = frame_len(body.len(), undo.len()) else {
            return Err(Error::new(Code::BadArgument, "the record is too large"));
        };
        let mut queue = self.queue.lock();
        loop {
            queue.check_open()?;
            if (queue.next == 0) != matches!(record, Record::Genesis { .. }) {
                let why = "genesis must be the first record and the only one";
                return Err(Error::new(Code::BadArgument, why));
            }
            let full = queue.waiting_bytes > 0
                && queue.waiting_bytes.saturating_add(len as usize) > self.options.queue_bytes_max;
            if full {
                self.help_or_wait(&mut queue);
            } else if queue.find_room(len) {
                break;
            } else {
                let (next, needed) = (queue.segment.checked_add(1), needed_bytes(len));
                drop(queue);
                let next = next.ok_or_else(|| Error::new(Code::StoreFull, "no segment is left"))?;
                self.prepare(next, needed)?;
                queue = self.queue.lock();
            }
        }
        let appended = queue.push(record, len);
        // Whoever gathers may be held up: a record that nobody is told of would then wait for as long.
        let untold = queue.gathers() && !queue.resting;
        drop(queue);
        if !untold {
            self.work.notify_one();
        }
        Ok(appended)
    }

    /// Begins or ends a time in which records follow one another.
    pub(crate) fn gather(&self, on: bool) {
        let mut queue = self.queue.lock();
        if on {
            queue.gathering += 1;
            return;
        }
        queue.gathering = queue.gathering.saturating_sub(1);
        let due = queue.write_due();
        drop(queue);
        if due {
            self.work.notify_one();
        }
    }

    /// Makes the next segment ready unless it is.
    fn prepare(&self, number: u32, needed: u64) -> Result<()> {
        let _alone = self.preparing.lock();
        {
            let mut queue = self.queue.lock();
            queue.check_open()?;
            let current = queue.segment.checked_add(1) == Some(number);
            if !current || queue.spare.is_some_and(|bytes| bytes >= needed) {
                return Ok(());
            }
            // Nobody may move into a segment whose length is about to change.
            queue.spare = None;
        }
        let bytes = needed.max(self.options.segment_bytes);
        let made = check_unused(&self.segments, &self.key, number, self.proven)
            .and_then(|()| self.segments.prepare(number, bytes, &self.key));
        let mut queue = self.queue.lock();
        match made {
            Ok(made) => {
                queue.spare = Some(made);
                Ok(())
            }
            Err(error) => {
                if error.is_fatal() {
                    let calls = queue.fail(&error);
                    self.progress.notify_all();
                    self.deliver(&mut queue, calls, false);
                }
                Err(error)
            }
        }
    }

    /// Waits until a record is on disk, writing it here when nobody else does.
    pub(crate) fn wait_durable(&self, sequence: u64) -> Result<()> {
        let mut queue = self.queue.lock();
        queue.check_known(sequence)?;
        queue.wanted = queue.wanted.max(sequence.saturating_add(1));
        loop {
            if queue.durable > sequence {
                return Ok(());
            }
            if let Some(fatal) = &queue.fatal {
                return Err(fatal.clone());
            }
            if queue.life == Life::Closed {
                return Err(closed());
            }
            self.help_or_wait(&mut queue);
        }
    }

    pub(crate) fn when_durable(&self, sequence: u64, done: WhenDurable) {
        let known = self.queue.lock().register(sequence, done);
        if let Some((done, result)) = known {
            done(result);
        }
    }

    /// Everything appended before the call is on disk.
    pub(crate) fn flush(&self) -> Result<()> {
        let last = {
            let queue = self.queue.lock();
            if let Some(fatal) = &queue.fatal {
                return Err(fatal.clone());
            }
            queue.next.checked_sub(1)
        };
        last.map_or(Ok(()), |last| self.wait_durable(last))
    }

    /// The record at a place that may not have been written yet.
    pub(crate) fn unwritten(&self, place: Place) -> Result<Option<Record>> {
        let queue = self.queue.lock();
        if queue.life == Life::Closed {
            return Err(closed());
        }
        Ok(queue.unwritten(place))
    }

    /// Writes everything, then the closing mark. The first call does it; others wait for it.
    /// Returns `None` when another call has closed the log.
    pub(crate) fn close(&self) -> Option<Result<()>> {
        let mut queue = self.queue.lock();
        if queue.life != Life::Open {
            while queue.life != Life::Closed {
                self.progress.wait(&mut queue);
            }
            return None;
        }
        queue.life = Life::Closing;
        queue.wanted = queue.next;
        let mut writer = loop {
            let idle = queue.fatal.is_some() || queue.durable == queue.next;
            match queue.writer.take() {
                Some(writer) if idle => break writer,
                writer => queue.writer = writer,
            }
            self.help_or_wait(&mut queue);
        };
        let fatal = queue.fatal.clone();
        drop(queue);
        let result = match fatal {
            None => writer.mark_closed(),
            Some(fatal) => Err(fatal),
        };
        self.queue.lock().life = Life::Closed;
        self.work.notify_all();
        self.progress.notify_all();
        Some(result)
    }

    /// Does what the store's thread does when it has nothing to write.
    pub(crate) fn maintain(&self) -> Result<()> {
        let mut queue = self.queue.lock();
        queue.check_open()?;
        if let Some(next) = queue.segment_due() {
            // On a full disk this is tried again when the next record comes.
            let _ = MutexGuard::unlocked(&mut queue, || {
                self.prepare(next, self.options.segment_bytes)
            });
        }
        while self.fill(&mut queue) {}
        queue.check_open()
    }

    /// The body of the store's thread: writes whatever is queued and calls whoever asked to be
    /// called, until the log is closed.
    pub(crate) fn run(self: &Arc<Self>) {
        let mut queue = self.queue.lock();
        loop {
            if !queue.due.is_empty() {
                self.deliver(&mut queue, Vec::new(), true);
            } else if queue.life == Life::Closed {
                return;
            } else if queue.write_due() {
                self.commit(&mut queue, true);
            } else {
                self.prepare_aside(&mut queue);
                // Asked again, because the queue was unlocked while we filled: a record that came
                // then has signalled nobody.
                if !self.fill(&mut queue) && queue.nothing_to_do() {
                    self.rest(&mut queue);
                }
            }
        }
    }

    /// Waits for work. What a batch left unsynced is not left so for long.
    fn rest(&self, queue: &mut MutexGuard<'_, Queue>) {
        let dirty = queue.durable < queue.next && queue.life == Life::Open && queue.fatal.is_none();
        if !dirty && queue.gathering == 0 {
            queue.resting = true;
            self.work.wait(queue);
            queue.resting = false;
        } else if self
            .work
            .wait_for(queue, self.options.batch_interval)
            .timed_out()
        {
            queue.wanted = queue.wanted.max(queue.next);
        }
    }

    /// Has the next segment made ready by a thread of its own, once in a segment's life: records
    /// that come meanwhile must not wait for it.
    fn prepare_aside(self: &Arc<Self>, queue: &mut MutexGuard<'_, Queue>) {
        let due = queue.segment_due();
        if due.is_none() || queue.prepared_aside == due {
            return;
        }
        queue.prepared_aside = due;
        if let Some(next) = due {
            let log = Arc::clone(self);
            // Where no thread is to be had, or no space, it is done when the segment is needed.
            let _ = thread::Builder::new()
                .name("metachain-segment".to_owned())
                .spawn(move || log.prepare(next, log.options.segment_bytes));
        }
    }

    /// Returns once no segment is being made ready; after closing, none will be.
    pub(crate) fn wait_prepared(&self) {
        drop(self.preparing.lock());
    }

    /// Fills ahead of the log, a piece at a time. Returns whether there is more to fill.
    fn fill(&self, queue: &mut MutexGuard<'_, Queue>) -> bool {
        if queue.life != Life::Open || queue.fatal.is_some() {
            return false;
        }
        let Some(mut writer) = queue.writer.take() else {
            return false;
        };
        let filled = MutexGuard::unlocked(queue, || writer.fill());
        let calls = match &filled {
            // Its sync has made everything written durable.
            Ok(_) => queue.reached(&writer),
            Err(error) => queue.fail(error),
        };
        queue.writer = Some(writer);
        self.progress.notify_all();
        self.deliver(queue, calls, true);
        matches!(filled, Ok(true))
    }

    /// Lends this thread to the writer, or waits for whoever writes.
    fn help_or_wait(&self, queue: &mut MutexGuard<'_, Queue>) {
        if queue.can_write() {
            self.commit(queue, false);
        } else {
            self.progress.wait(queue);
        }
    }

    /// Writes one group, and syncs it where that is due. Called with the writer present.
    fn commit(&self, queue: &mut MutexGuard<'_, Queue>, on_thread: bool) {
        let Some(mut writer) = queue.writer.take() else {
            return;
        };
        let group = queue.take_group();
        let sync = queue.sync_due(&self.options, &group, writer.unsynced_bytes());
        queue.in_flight = group;
        let group = queue.in_flight.clone();
        let result = MutexGuard::unlocked(queue, || {
            writer.write(&group)?;
            if sync { writer.sync() } else { Ok(()) }
        });
        queue.in_flight.clear();
        let calls = match result {
            // A change of segment may have synced more than was asked for.
            Ok(()) => queue.reached(&writer),
            Err(error) => queue.fail(&error),
        };
        // What is not done here is left to the store's thread.
        let more = queue.has_work() || queue.segment_due().is_some() || writer.fill_due().is_some();
        queue.writer = Some(writer);
        self.progress.notify_all();
        if !on_thread && more {
            self.work.notify_one();
        }
        self.deliver(queue, calls, on_thread);
    }

    /// Calls who is due: on the store's thread, because a caller that lent its own may hold locks
    /// that the called one needs. Without that thread, here.
    fn deliver(&self, queue: &mut MutexGuard<'_, Queue>, calls: Vec<Call>, on_thread: bool) {
        queue.due.extend(calls);
        if queue.due.is_empty() {
            return;
        }
        if self.options.writer_thread && !on_thread {
            self.work.notify_one();
            return;
        }
        let due = std::mem::take(&mut queue.due);
        MutexGuard::unlocked(queue, || {
            for (done, result) in due {
                done(result);
            }
        });
    }
}
