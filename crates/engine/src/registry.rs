//! One chain for each store directory in this process, however many handles there are to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use libmetachain_primitives::{Code, Error, Result};
use parking_lot::Mutex;

use crate::chain::Chain;
use crate::open::Media;
use crate::options::OpenOptions;

/// A directory and, while it is open, its chain.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Opened>>);

struct Opened {
    chain: Arc<Chain>,
    handles: usize,
}

static SLOTS: LazyLock<Mutex<HashMap<PathBuf, Arc<Slot>>>> = LazyLock::new(Mutex::default);

/// Opens the directory, or joins those in this process that have it open already.
pub(crate) fn join(options: &OpenOptions) -> Result<(Arc<Chain>, Arc<Slot>)> {
    let slot = slot_of(options)?;
    // Held while the chain opens: a second caller waits for it instead of finding the store locked.
    let mut opened = slot.0.lock();
    let chain = match opened.as_mut() {
        Some(open) => {
            agrees(&open.chain, options)?;
            open.chain.usable()?;
            open.handles += 1;
            Arc::clone(&open.chain)
        }
        None => begin(&mut opened, options)?,
    };
    drop(opened);
    Ok((chain, slot))
}

/// Makes a store in a directory that nobody in this process has open, then opens it.
pub(crate) fn make(
    options: &OpenOptions,
    make: impl FnOnce() -> Result<()>,
) -> Result<(Arc<Chain>, Arc<Slot>)> {
    if options.path.as_ref().is_none_or(|path| !path.exists()) {
        // Nobody has it open, and what fails must not leave a directory behind.
        make()?;
        return join(options);
    }
    let slot = slot_of(options)?;
    let mut opened = slot.0.lock();
    if let (Some(_), Some(path)) = (opened.as_ref(), &options.path) {
        return Err(Error::new(
            Code::StoreLocked,
            format!(
                "this process has {} open: close its handles first",
                path.display()
            ),
        )
        .with("directory", path.display().to_string()));
    }
    make()?;
    let chain = begin(&mut opened, options)?;
    drop(opened);
    Ok((chain, slot))
}

fn slot_of(options: &OpenOptions) -> Result<Arc<Slot>> {
    Ok(match &options.path {
        Some(path) => Arc::clone(SLOTS.lock().entry(canonical(path)?).or_default()),
        None => Arc::default(),
    })
}

/// Opens the chain of an empty slot, for its first handle.
fn begin(opened: &mut Option<Opened>, options: &OpenOptions) -> Result<Arc<Chain>> {
    let chain = Chain::open(options, &Media::default())?;
    *opened = Some(Opened {
        chain: Arc::clone(&chain),
        handles: 1,
    });
    Ok(chain)
}

/// Opens a directory of another disk, for one handle.
pub(crate) fn alone(options: &OpenOptions, media: &Media) -> Result<(Arc<Chain>, Arc<Slot>)> {
    let chain = Chain::open(options, media)?;
    let opened = Opened {
        chain: Arc::clone(&chain),
        handles: 1,
    };
    Ok((chain, Arc::new(Slot(Mutex::new(Some(opened))))))
}

/// Gives one handle back; the last one closes the chain.
pub(crate) fn leave(slot: &Slot) -> Result<()> {
    let mut opened = slot.0.lock();
    let Some(open) = opened.as_mut() else {
        return Ok(());
    };
    open.handles -= 1;
    if open.handles > 0 {
        return Ok(());
    }
    let chain = Arc::clone(&open.chain);
    *opened = None;
    // Still under the slot's lock: who opens next must find the directory's lock free.
    chain.close()
}

fn agrees(chain: &Chain, options: &OpenOptions) -> Result<()> {
    if let Some(given) = &options.genesis {
        let core = chain.core.read();
        if core.ledger.genesis() != given {
            return Err(crate::open::mismatch(given, core.ledger.genesis()));
        }
    }
    if options.durability != chain.durability
        || options.undo_depth != chain.undo_depth
        || options.event_retention != chain.event_retention
    {
        return Err(Error::new(
            Code::BadArgument,
            "this process has the store open with another durability, undo depth or event retention",
        ));
    }
    Ok(())
}

/// The one name of a directory, which is created if it is missing.
fn canonical(path: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(path)
        .and_then(|()| path.canonicalize())
        .map_err(|error| {
            Error::new(
                Code::InternalIo,
                format!("the directory {} cannot be used: {error}", path.display()),
            )
            .with("path", path.display().to_string())
        })
}
