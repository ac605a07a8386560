//! What is not held in memory: blocks and records from before the snapshot that the chain was opened
//! from, looked up in the store's index or read from its log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use libmetachain_ledger::store::{Place, Record, Store};
use libmetachain_primitives::{Code, Error, Genesis, Result, TxId};
use libmetachain_store::{Disk, FileStore, Found, payload_keys};

use crate::chain::{Chain, Core};
use crate::index::{BlockRef, Entry};
use crate::journal::{self, Journal};
use crate::open::{Media, execute_log};

/// The files of a chain that has some.
pub(crate) struct Older {
    pub(crate) files: Arc<FileStore>,
    index: libmetachain_store::Index,
    /// Where the genesis record lies, from which the whole log can be read.
    genesis: Place,
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    /// The whole journal, once somebody has asked for what is not held.
    journal: OnceLock<Journal>,
}

impl Older {
    pub(crate) fn new(
        files: Arc<FileStore>,
        genesis: Place,
        directory: &Path,
        media: &Media,
    ) -> Result<Self> {
        let index = files.open_index(payload_keys, &media.index)?;
        Ok(Older {
            files,
            index,
            genesis,
            disk: Arc::clone(&media.disk),
            directory: directory.to_owned(),
            journal: OnceLock::new(),
        })
    }

    /// Executes the whole log again.
    pub(crate) fn execute_again(&self) -> Result<Core> {
        let Record::Genesis { bytes } = self.files.read(self.genesis)? else {
            return Err(crate::connect::misplaced(0));
        };
        let log = self.files.replay_after(0, self.genesis)?;
        let genesis = (Genesis::decode(&bytes)?, self.genesis);
        execute_log(
            &self.files,
            log,
            genesis,
            (self.disk.as_ref(), &self.directory),
        )
    }

    fn block(&self, block: BlockRef) -> Result<Option<(u64, Entry)>> {
        let found = match block {
            BlockRef::Height(height) => self.index.block(height)?,
            BlockRef::Hash(hash) => self.index.block_by_hash(&hash)?,
            BlockRef::Native(native) => self.index.block_by_native(&native)?,
        };
        Ok(found.map(|block| {
            let entry = Entry {
                hash: block.hash,
                native: block.native,
                sequence: block.sequence,
                place: block.place,
            };
            (block.height, entry)
        }))
    }

    /// Where the newest transaction of the present chain with this id is.
    pub(crate) fn transaction(&self, txid: &TxId) -> Result<Option<Found>> {
        self.index.transaction(txid)
    }

    fn journal(&self) -> Result<&Journal> {
        if let Some(journal) = self.journal.get() {
            return Ok(journal);
        }
        let journal = Journal::read(&self.files, self.genesis)?;
        Ok(self.journal.get_or_init(|| journal))
    }
}

impl Chain {
    /// A block of the present chain and its height, wherever it is known.
    pub(crate) fn find(&self, block: BlockRef) -> Result<Option<(u64, Entry)>> {
        let base = {
            let core = self.core.read();
            if let Some((height, entry)) = core.index.get(block) {
                return Ok(Some((height, *entry)));
            }
            core.index.base()
        };
        match &self.older {
            // Above the base memory is right: the index follows behind.
            Some(older) if base > 0 => {
                Ok(older.block(block)?.filter(|(height, _)| *height <= base))
            }
            _ => Ok(None),
        }
    }

    /// Takes the tip's entry into memory, if disconnects have gone behind what is held.
    pub(crate) fn hold_tip(&self) -> Result<()> {
        let (held, base) = {
            let core = self.core.read();
            (core.index.last().is_some(), core.index.base())
        };
        if held || base == 0 {
            return Ok(());
        }
        let (_, entry) = self
            .find(BlockRef::Height(base))?
            .ok_or_else(|| crate::connect::misplaced(base))?;
        self.core.write().index.push_front(entry);
        Ok(())
    }

    /// An entry of the journal, wherever it is known.
    pub(crate) fn happened(&self, sequence: u64) -> Result<Option<journal::Entry>> {
        let (found, len) = {
            let core = self.core.read();
            (core.journal.get(sequence).copied(), core.journal.len())
        };
        match (found, &self.older) {
            (None, Some(older)) if sequence < len => {
                let entry = older.journal()?.get(sequence).copied();
                entry.map(Some).ok_or_else(|| {
                    Error::new(
                        Code::StoreCorrupt,
                        format!("the log has no record {sequence}"),
                    )
                    .with("sequence", sequence)
                })
            }
            (found, _) => Ok(found),
        }
    }
}
