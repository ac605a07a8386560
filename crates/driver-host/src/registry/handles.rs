//! The drivers that a registry gave out: one for each contract to give out again, and all of them to
//! close.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::driver::Driver;
use crate::inner::Inner;

/// The handles of one registry.
#[derive(Default)]
pub(super) struct Handles(Mutex<State>);

#[derive(Default)]
struct State {
    /// What a contract's next caller gets too.
    current: HashMap<String, Driver>,
    /// What callers may still hold although the contract has moved on. It is theirs to keep alive.
    former: Vec<Weak<Inner>>,
}

impl Handles {
    /// The contract's handle, where it is of that module and nobody closed it.
    pub(super) fn open(&self, contract_id: &str, hash: [u8; 32]) -> Option<Driver> {
        let state = self.0.lock();
        let driver = state.current.get(contract_id)?;
        (driver.hash() == hash && !driver.is_closed()).then(|| driver.clone())
    }

    /// Remembers a handle that is given out for a contract.
    pub(super) fn give(&self, contract_id: &str, driver: &Driver) {
        let mut state = self.0.lock();
        let former = state.current.insert(contract_id.to_owned(), driver.clone());
        state.retire(former);
    }

    /// Gives a contract's handle out no more.
    pub(super) fn forget(&self, contract_id: &str) {
        let mut state = self.0.lock();
        let former = state.current.remove(contract_id);
        state.retire(former);
    }

    /// Closes them all.
    pub(super) fn close(&self) {
        let state = std::mem::take(&mut *self.0.lock());
        for driver in state.current.values() {
            driver.close();
        }
        for inner in state.former.iter().filter_map(Weak::upgrade) {
            inner.close();
        }
    }
}

impl State {
    fn retire(&mut self, driver: Option<Driver>) {
        // Whoever held the others has let them go; so they do not become ever more.
        self.former.retain(|inner| inner.strong_count() > 0);
        self.former
            .extend(driver.map(|Driver(inner)| Arc::downgrade(&inner)));
    }
}
