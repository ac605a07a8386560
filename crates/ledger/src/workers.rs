//! How the parts of a block's work may be spread. The ledger starts no thread itself: whoever owns it may
//! lend it some, and no byte that comes out depends on how many.

use std::sync::{Mutex, OnceLock, PoisonError};

use libmetachain_primitives::{Code, Error, Result};

/// Who does work that falls into parts.
pub trait Workers: Send + Sync {
    /// Calls `work` once with each number below `parts`, in any order and on any threads, and returns when
    /// all of it is done. A panic of the work is passed on.
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync));
}

/// One part after the other, on the thread that asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Workers for Alone {
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..parts).for_each(work);
    }
}

/// What each part of the work gives, in the order of the parts.
pub(crate) fn gather<T: Send + Sync>(
    workers: &dyn Workers,
    parts: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    if parts < 2 {
        return (0..parts).map(work).collect();
    }
    let slots: Vec<OnceLock<T>> = (0..parts).map(|_| OnceLock::new()).collect();
    workers.run(parts, &|part| {
        if let Some(slot) = slots.get(part) {
            slot.get_or_init(|| work(part));
        }
    });
    // Whatever nobody did is done here: workers that forget a part cost time and nothing else.
    (0..)
        .zip(slots)
        .map(|(part, slot)| slot.into_inner().unwrap_or_else(|| work(part)))
        .collect()
}

/// Does the work once with each of these.
pub(crate) fn each<T: Send>(
    workers: &dyn Workers,
    items: impl Iterator<Item = T>,
    work: impl Fn(T) + Sync,
) {
    let slots: Vec<Mutex<Option<T>>> = items.map(Some).map(Mutex::new).collect();
    gather(workers, slots.len(), |part| {
        let item = slots
            .get(part)
            .and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
        item.map(&work)
    });
}

/// What two pieces of work give that do not need each other. The first is the longer one: it is begun here.
///
/// # Errors
/// `INTERNAL_PANIC`, only where workers lose a piece of work that panicked.
pub fn both<A: Send, B: Send>(
    workers: &dyn Workers,
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> Result<(A, B)> {
    let (first, second) = (Once::new(first), Once::new(second));
    workers.run(2, &|part| match part {
        0 => first.run(),
        _ => second.run(),
    });
    match (first.finish(), second.finish()) {
        (Some(a), Some(b)) => Ok((a, b)),
        _ => Err(Error::new(
            Code::InternalPanic,
            "a part of the work was lost",
        )),
    }
}

/// Work that is done by whoever comes first, and what it gave.
struct Once<T, F>(Mutex<(Option<F>, Option<T>)>);

impl<T, F: FnOnce() -> T> Once<T, F> {
    fn new(work: F) -> Self {
        Self(Mutex::new((Some(work), None)))
    }

    fn run(&self) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = slot.0.take() {
            slot.1 = Some(work());
        }
    }

    /// Does what nobody did.
    fn finish(self) -> Option<T> {
        self.run();
        self.0
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does the parts backwards, and leaves one out.
    struct Lazy;

    impl Workers for Lazy {
        fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
            (1..parts).rev().for_each(work);
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_parts() {
        for workers in [&Alone as &dyn Workers, &Lazy] {
            for parts in 0..5 {
                let expected: Vec<usize> = (0..parts).map(|part| part * part).collect();
                assert_eq!(gather(workers, parts, |part| part * part), expected);
            }
            assert_eq!(both(workers, || 1, || "two"), Ok((1, "two")));
        }
    }

    #[test]
    fn each_is_done_once() {
        for workers in [&Alone as &dyn Workers, &Lazy] {
            let mut items = [1, 10, 100];
            each(workers, items.iter_mut(), |item| *item *= 2);
            assert_eq!(items, [2, 20, 200]);
        }
    }
}
