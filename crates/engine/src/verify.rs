//! Verify: find out whether everything that is kept is what was written, and whether it still adds up.

use libmetachain_primitives::{Code, Error, Result};

use crate::chain::Chain;
use crate::older::Older;

impl Chain {
    pub(crate) fn verify(
        &self,
        full: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<()> {
        self.usable()?;
        self.core.read().ledger.verify()?;
        let Some(older) = &self.older else {
            return Ok(());
        };
        older
            .files
            .verify(&mut |done| progress(done.bytes_done, done.bytes_total))?;
        if full {
            self.execute_again(older)
        } else {
            Ok(())
        }
    }

    /// Rebuilds the state from the log alone; compares it with the present one where no block came
    /// in between, and with the roots of the headers in any case.
    fn execute_again(&self, older: &Older) -> Result<()> {
        let again = older.execute_again()?;
        let core = self.core.read();
        if again.journal.len() == core.journal.len() && again.ledger.tip() != core.ledger.tip() {
            return Err(Error::new(
                Code::StoreCorrupt,
                format!(
                    "executing the log again gives the tip {:?}, and the chain has {:?}",
                    again.ledger.tip(),
                    core.ledger.tip()
                ),
            ));
        }
        Ok(())
    }
}
