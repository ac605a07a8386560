//! The log of an open store: who appends, who writes, who waits.
//!
//! The [`Writer`] is kept in the queue and taken out by whoever is to write: the store's thread,
//! or a caller that waits for a record anyway and so saves two changes of thread. There is one
//! writer, so there is one group in flight at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use libmetachain_ledger::{Appended, Place, Record, WhenDurable};
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::fault::closed;
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
                queue = self.help_or_wait(queue);
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
        drop(queue);
        self.work.notify_one();
        Ok(appended)
    }

    /// Makes the next segment ready unless it is.
    fn prepare(&self, number: u32, needed: u64) -> Result<()> {
        let _alone = self.preparing.lock();
        {
            let mut queue = self.queue.lock();
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
                let calls = if error.is_fatal() {
                    queue.fail(&error)
                } else {
                    Vec::new()
                };
                drop(queue);
                self.progress.notify_all();
                run_all(calls);
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
            queue = self.help_or_wait(queue);
        }
    }

    pub(crate) fn when_durable(&self, sequence: u64, done: WhenDurable) {
        let call = self.queue.lock().register(sequence, done);
        run_all(call.into_iter().collect());
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
            queue = self.help_or_wait(queue);
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
        while self.idle(&mut queue) {}
        queue.check_open()
    }

    /// The body of the store's thread: writes whatever is queued until the log is closed.
    pub(crate) fn run(&self) {
        let mut queue = self.queue.lock();
        while queue.life != Life::Closed {
            if queue.can_write() {
                queue = self.drive(queue, None);
            } else if !self.idle(&mut queue) && !queue.can_write() && queue.life != Life::Closed {
                // Asked again, because the queue was unlocked while we idled: a record that came
                // then has signalled nobody.
                self.rest(&mut queue);
            }
        }
    }

    /// Waits for work. What a batch left unsynced is not left so for long.
    fn rest(&self, queue: &mut MutexGuard<'_, Queue>) {
        let dirty = queue.durable < queue.next && queue.life == Life::Open && queue.fatal.is_none();
        if !dirty {
            self.work.wait(queue);
        } else if self
            .work
            .wait_for(queue, self.options.batch_interval)
            .timed_out()
        {
            queue.wanted = queue.wanted.max(queue.next);
        }
    }

    /// Uses an idle moment of the thread. Returns whether there was something to do.
    fn idle(&self, queue: &mut MutexGuard<'_, Queue>) -> bool {
        if queue.life != Life::Open || queue.fatal.is_some() {
            return false;
        }
        let half_used = queue.offset > queue.capacity / 2;
        if half_used && queue.spare.is_none() && queue.next > 0 {
            let next = queue.segment.saturating_add(1);
            let before = queue.next;
            let made =
                MutexGuard::unlocked(queue, || self.prepare(next, self.options.segment_bytes));
            // On a full disk this is tried again when the next record comes.
            return made.is_ok() || queue.next != before;
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
        MutexGuard::unlocked(queue, || run_all(calls));
        matches!(filled, Ok(true))
    }

    /// Lends this thread to the writer, or waits for whoever writes.
    fn help_or_wait<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        if queue.writer.is_some() && queue.fatal.is_none() {
            let until = queue.wanted;
            self.drive(queue, Some(until))
        } else {
            self.progress.wait(&mut queue);
            queue
        }
    }

    /// Commits groups until nothing is left to do, or until `until` records are on disk. Called
    /// with the writer present.
    fn drive<'a>(
        &'a self,
        mut queue: MutexGuard<'a, Queue>,
        until: Option<u64>,
    ) -> MutexGuard<'a, Queue> {
        let Some(mut writer) = queue.writer.take() else {
            return queue;
        };
        let mut due = Vec::new();
        loop {
            let group = queue.take_group();
            let sync = queue.sync_due(&self.options, &group, writer.unsynced_bytes());
            if group.is_empty() && !sync {
                break;
            }
            queue.in_flight = group;
            let group = queue.in_flight.clone();
            let result = MutexGuard::unlocked(&mut queue, || {
                writer.write(&group)?;
                if sync { writer.sync() } else { Ok(()) }
            });
            queue.in_flight.clear();
            match result {
                // A change of segment may have synced more than was asked for.
                Ok(()) => due.extend(queue.reached(&writer)),
                Err(error) => due.extend(queue.fail(&error)),
            }
            self.progress.notify_all();
            if !due.is_empty() {
                let calls = std::mem::take(&mut due);
                MutexGuard::unlocked(&mut queue, || run_all(calls));
            }
            let reached = until.is_some_and(|until| queue.durable >= until);
            if queue.fatal.is_some() || reached {
                break;
            }
        }
        queue.writer = Some(writer);
        if queue.has_work() {
            self.work.notify_one();
        }
        self.progress.notify_all();
        queue
    }
}

fn run_all(calls: Vec<Call>) {
    for (done, result) in calls {
        done(result);
    }
}
