//! The thread on which a chain's asynchronous calls run, one after the other, in the order of the calls.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Sender, unbounded};
use libmetachain_primitives::{Code, Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// Runs jobs in order. The thread ends when the executor is dropped and its jobs are done.
pub(crate) struct Executor {
    jobs: Sender<Job>,
    /// Jobs queued or running.
    pending: Arc<AtomicUsize>,
}

impl Executor {
    pub(crate) fn start() -> Result<Executor> {
        let (jobs, queue) = unbounded::<Job>();
        let pending = Arc::new(AtomicUsize::new(0));
        let done = Arc::clone(&pending);
        thread::Builder::new()
            .name("metachain".into())
            .spawn(move || {
                for job in queue {
                    // Jobs report their own panics; this only keeps the thread alive through one.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                    done.fetch_sub(1, Ordering::AcqRel);
                }
            })
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
        self.pending.fetch_add(1, Ordering::AcqRel);
        // The receiver lives as long as the sender: its thread ends only when the channel is closed.
        if self.jobs.send(Box::new(job)).is_err() {
            self.pending.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Runs a job now if none is before it, else behind those that are; returns its result.
    ///
    /// Must not be called from a job.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.pending.load(Ordering::Acquire) == 0 {
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
