//! A disk in memory that behaves as badly as a disk may: what was not synced can be dropped, torn
//! or reordered by a crash, any operation can fail, and space can run out.
//!
//! Every operation that changes something has a number. A test runs its workload once to count
//! them, then once for each number with the power going off there, and opens what
//! [`SimDisk::after_crash`] says may be left.
//!
//! The model, which is the one that `docs/internals/store.md` states as media assumptions:
//! - a write becomes durable with the next successful sync of its file; until then each sector of
//!   it may be durable or not, whatever happened to its neighbours and to later writes;
//! - a sector is old or new, never a mixture, and overwriting bytes with the same bytes is safe;
//! - a name becomes durable with the next sync of its directory; until then each creation, removal
//!   and rename may be durable or not, but a rename is never half done;
//! - after a failed sync the file reads as if it had been written, but is not on disk, and later
//!   syncs do not put it there.

mod chance;
mod files;
mod state;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use chance::Chance;
use state::{Inode, State};

/// What a crash does to that which was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Only the process dies: everything written stays.
    Process,
    /// The machine stops and everything that was not synced is lost.
    DropAll,
    /// Operations are durable up to some point; the one there is torn.
    Prefix(u64),
    /// Each unsynced sector and name is durable or not, as the seed decides.
    Scatter(u64),
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpKind {
    /// A file is created or emptied.
    Create,
    /// A file is renamed.
    Rename,
    /// A file is removed.
    Remove,
    /// The names of a directory are synced.
    SyncDir,
    /// A file's length is set.
    SetLen,
    /// A file's space is reserved.
    Preallocate,
    /// Bytes are written.
    Write,
    /// A file is synced.
    SyncData,
}

/// One operation that changed something, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What it did.
    pub kind: OpKind,
    /// The file or directory.
    pub path: PathBuf,
}

/// The disk. Clones are handles of the same one.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        write!(
            f,
            "SimDisk({} files, {} ops)",
            state.names.len(),
            state.ops.len()
        )
    }
}

impl SimDisk {
    /// An empty disk without faults or limits.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State::default())))
    }

    /// Cuts the power during operation `number` (counted from 0): it may be half done, and nothing
    /// works after it.
    pub fn power_off_at(&self, number: u64) {
        self.0.lock().power_off_at = Some(number);
    }

    /// Lets operation `number` fail with this error. A failed write may be half done; a failed
    /// sync loses what it should have made durable.
    pub fn fail_at(&self, number: u64, kind: io::ErrorKind) {
        self.0.lock().faults.insert(number, kind);
    }

    /// Lets sync `number` (an operation number) report success without doing anything: the bug
    /// that a crash test must notice.
    pub fn skip_at(&self, number: u64) {
        self.0.lock().skipped.insert(number);
    }

    /// Bytes that files may occupy together; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    /// The operations so far, in the order in which they began.
    #[must_use]
    pub fn ops(&self) -> Vec<Op> {
        self.0.lock().ops.clone()
    }

    /// How many operations there were.
    #[must_use]
    pub fn op_count(&self) -> u64 {
        self.0.lock().ops.len() as u64
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// A new disk with what a crash now may leave on this one. Locks are gone, and so are the
    /// faults and the limit.
    #[must_use]
    pub fn after_crash(&self, crash: Crash) -> Self {
        let state = self.0.lock();
        let mut chance = Chance::new(crash);
        let mut names = state.durable_names.clone();
        for change in &state.pending_names {
            if chance.keeps() {
                change.apply(&mut names);
            }
        }
        if crash == Crash::Process {
            names = state.names.clone();
        }
        let inodes: Vec<Inode> = state
            .inodes
            .iter()
            .map(|inode| {
                let left: Arc<Vec<u8>> = match crash {
                    Crash::Process => return inode.clone(),
                    _ => inode.left(&mut chance),
                };
                Inode {
                    live: left.clone(),
                    durable: left,
                    pending: Vec::new(),
                    allocated: inode.allocated,
                }
            })
            .collect();
        let kept_pending = crash == Crash::Process;
        let after = State {
            inodes,
            durable_names: if kept_pending {
                state.durable_names.clone()
            } else {
                names.clone()
            },
            pending_names: if kept_pending {
                state.pending_names.clone()
            } else {
                Vec::new()
            },
            names,
            ids: state.ids,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(after)))
    }

    /// An independent copy of the disk as it is, without locks, faults or limit.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.after_crash(Crash::Process)
    }

    /// The files and their lengths.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        let state = self.0.lock();
        let len = |inode: &usize| state.inodes.get(*inode).map_or(0, |inode| inode.live.len());
        state
            .names
            .iter()
            .map(|(path, inode)| (path.clone(), len(inode) as u64))
            .collect()
    }

    /// The bytes of a file; empty where there is none.
    #[must_use]
    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let state = self.0.lock();
        let inode = state.names.get(path).and_then(|at| state.inodes.get(*at));
        inode
            .map(|inode| Vec::clone(&inode.live))
            .unwrap_or_default()
    }

    /// Changes a byte behind everybody's back, as a decaying medium does.
    pub fn damage(&self, path: &Path, offset: u64, mask: u8) {
        let mut state = self.0.lock();
        let Some(at) = state.names.get(path).copied() else {
            return;
        };
        let Some(inode) = state.inodes.get_mut(at) else {
            return;
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        for bytes in [&mut inode.live, &mut inode.durable] {
            if let Some(byte) = Arc::make_mut(bytes).get_mut(offset) {
                *byte ^= mask;
            }
        }
    }

    /// Cuts a file behind everybody's back.
    pub fn truncate(&self, path: &Path, len: u64) {
        let mut state = self.0.lock();
        let Some(at) = state.names.get(path).copied() else {
            return;
        };
        if let Some(inode) = state.inodes.get_mut(at) {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            Arc::make_mut(&mut inode.live).truncate(len);
            Arc::make_mut(&mut inode.durable).truncate(len);
        }
    }

    /// Puts a durable file there behind everybody's back.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.lock();
        let inode = state.inodes.len();
        state.inodes.push(Inode {
            live: Arc::new(bytes.to_vec()),
            durable: Arc::new(bytes.to_vec()),
            pending: Vec::new(),
            allocated: bytes.len() as u64,
        });
        state.names.insert(path.to_owned(), inode);
        state.durable_names.insert(path.to_owned(), inode);
    }

    /// Removes a file behind everybody's back.
    pub fn lose(&self, path: &Path) {
        let mut state = self.0.lock();
        state.names.remove(path);
        state.durable_names.remove(path);
    }
}
