//! The thread on which a chain's asynchronous calls run, one after the other, in the order of the calls.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};
use libmetachain_ledger::store::Store;
use libmetachain_primitives::{Code, Error, Result};

use crate::ahead::Waiting;
use crate::gathering::Gathering;

/// Hears which block is connected next, if that is known.
type Work = Box<dyn FnOnce(Option<&Arc<Waiting>>) + Send>;

struct Job {
    work: Work,
    /// It is about one block, and takes no longer than that: what was written before it may wait for it.
    brief: bool,
    /// The block that it connects.
    block: Option<Arc<Waiting>>,
}

/// Runs jobs in order. The thread ends when the executor is dropped and its jobs are done.
pub(crate) struct Executor {
    jobs: Sender<Job>,
    /// Jobs queued or running.
    pending: Arc<AtomicUsize>,
}

/// The other end of an executor's queue.
struct Queue {
    jobs: Receiver<Job>,
    pending: Arc<AtomicUsize>,
    /// What the jobs write to.
    store: Arc<dyn Store>,
}

impl Queue {
    fn run_all(&self) {
        let (mut next, mut together) = (None::<Job>, None);
        loop {
            let Some(job) = next.take().or_else(|| self.jobs.try_recv().ok()) else {
                // Whoever waits for the disk now waits for what there is.
                together = None;
                match self.jobs.recv() {
                    Ok(job) => next = Some(job),
                    Err(_) => break,
                }
                continue;
            };
            next = self.jobs.try_recv().ok();
            if !job.brief {
                together = None;
            } else if next.is_some() {
                together.get_or_insert_with(|| Gathering::begin(&*self.store));
            }
            self.run(job, next.as_ref());
        }
    }

    fn run(&self, job: Job, next: Option<&Job>) {
        let next = next.and_then(|next| next.block.as_ref());
        // Jobs report their own panics; this only keeps the thread alive through one.
        let _ = catch_unwind(AssertUnwindSafe(|| (job.work)(next)));
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Executor {
    pub(crate) fn start(store: Arc<dyn Store>) -> Result<Executor> {
        let (jobs, receiver) = unbounded();
        let pending = Arc::new(AtomicUsize::new(0));
        let queue = Queue {
            jobs: receiver,
            pending: Arc::clone(&pending),
            store,
        };
        thread::Builder::new()
            .name("metachain".into())
            .spawn(move || queue.run_all())
            .map_err(|error| {
                Error::new(
                    Code::InternalIo,
                    format!("no thread could be started: {error}"),
                )
            })?;
        Ok(Executor { jobs, pending })
    }

    /// Queues a job behind those before it.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.queue(Job {
            work: Box::new(|_| job()),
            brief: false,
            block: None,
        });
    }

    /// As [`Executor::submit`], for a job about one block, maybe one that it connects.
    pub(crate) fn submit_brief(
        &self,
        block: Option<Arc<Waiting>>,
        job: impl FnOnce(Option<&Arc<Waiting>>) + Send + 'static,
    ) {
        self.queue(Job {
            work: Box::new(job),
            brief: true,
            block,
        });
    }

    fn queue(&self, job: Job) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        // The receiver lives as long as the sender: its thread ends only when the channel is closed.
        if self.jobs.send(job).is_err() {
            self.pending.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether no job is queued or running.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Runs a job now if none is before it, else behind those that are; returns its result.
    ///
    /// Must not be called from a job.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.is_idle() {
            return job();
        }
        let (sender, result) = crossbeam_channel::bounded(1);
        self.submit(move || {
            let _ = sender.send(job());
        });
        result.recv().unwrap_or_else(|_| {
            Err(Error::new(
                Code::InternalPanic,
                "a defect of this library: the call ended without an answer",
            ))
        })
    }
}
