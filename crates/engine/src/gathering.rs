//! Blocks that are connected one right after the other are written together.

use libmetachain_ledger::store::Store;

/// While this lives, a record may wait for those that follow it.
pub(crate) struct Gathering<'a>(&'a dyn Store);

impl<'a> Gathering<'a> {
    pub(crate) fn begin(store: &'a dyn Store) -> Self {
        store.gather(true);
        Gathering(store)
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.0.gather(false);
    }
}
