//! Callbacks that outlive the call that gave them, and can be taken back.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

type Listener<T> = Box<dyn Fn(&T) + Send + Sync>;

/// Those who want to hear of something.
pub(crate) struct Listeners<T> {
    next: AtomicU64,
    count: AtomicUsize,
    all: Mutex<Vec<(u64, Listener<T>)>>,
}

impl<T> Default for Listeners<T> {
    fn default() -> Self {
        Listeners {
            next: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            all: Mutex::new(Vec::new()),
        }
    }
}

impl<T> Listeners<T> {
    /// Adds a listener; the number removes it again.
    pub(crate) fn add(&self, listener: Listener<T>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut all = self.all.lock();
        all.push((number, listener));
        self.count.store(all.len(), Ordering::Release);
        number
    }

    pub(crate) fn remove(&self, number: u64) {
        let mut all = self.all.lock();
        all.retain(|(other, _)| *other != number);
        self.count.store(all.len(), Ordering::Release);
    }

    /// Whether nobody listens; cheap enough to ask for every block.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    pub(crate) fn tell(&self, news: &T) {
        for (_, listener) in self.all.lock().iter() {
            listener(news);
        }
    }
}
