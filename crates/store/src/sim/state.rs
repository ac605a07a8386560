//! The files and names of a simulated disk, with what is pending in each.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chance::Chance;
use super::{Op, OpKind};

/// Bytes that are written whole or not at all.
const SECTOR: u64 = 512;

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) inodes: Vec<Inode>,
    /// Names as the processes see them.
    pub(super) names: BTreeMap<PathBuf, usize>,
    /// Names as a crash may leave them, before the pending changes.
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    pub(super) pending_names: Vec<NameChange>,
    pub(super) locked: BTreeSet<PathBuf>,
    pub(super) ops: Vec<Op>,
    pub(super) power_off_at: Option<u64>,
    pub(super) off: bool,
    pub(super) faults: BTreeMap<u64, io::ErrorKind>,
    pub(super) skipped: BTreeSet<u64>,
    pub(super) capacity: Option<u64>,
    pub(super) ids: u64,
}

#[derive(Clone, Default)]
pub(super) struct Inode {
    pub(super) live: Arc<Vec<u8>>,
    pub(super) durable: Arc<Vec<u8>>,
    pub(super) pending: Vec<Change>,
    pub(super) allocated: u64,
}

#[derive(Clone)]
pub(super) enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone)]
pub(super) enum NameChange {
    Link(PathBuf, usize),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

/// What is to happen to an operation.
pub(super) enum Fate {
    Happens,
    /// Reports success without doing anything: a planted bug.
    Skipped,
    Fails(io::Error),
    /// The power goes off in the middle of it.
    PowerOff,
}

impl State {
    /// Counts an operation and says what is to become of it.
    pub(super) fn begin(&mut self, kind: OpKind, path: &Path) -> Fate {
        if self.off {
            return Fate::Fails(power_is_off());
        }
        let number = self.ops.len() as u64;
        self.ops.push(Op {
            kind,
            path: path.to_owned(),
        });
        if self.power_off_at == Some(number) {
            self.off = true;
            return Fate::PowerOff;
        }
        if let Some(kind) = self.faults.get(&number) {
            return Fate::Fails(io::Error::new(*kind, "a simulated fault"));
        }
        if self.skipped.contains(&number) {
            return Fate::Skipped;
        }
        Fate::Happens
    }

    pub(super) fn check_on(&self) -> io::Result<()> {
        if self.off {
            Err(power_is_off())
        } else {
            Ok(())
        }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<usize> {
        self.check_on()?;
        let found = self.names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    pub(super) fn inode(&mut self, at: usize) -> io::Result<&mut Inode> {
        let found = self.inodes.get_mut(at);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Takes space for a file to end at `end`.
    pub(super) fn allocate(&mut self, at: usize, end: u64) -> io::Result<()> {
        let used: u64 = self
            .names
            .values()
            .filter_map(|at| self.inodes.get(*at))
            .map(|inode| inode.allocated)
            .sum();
        let capacity = self.capacity;
        let inode = self.inode(at)?;
        let more = end.saturating_sub(inode.allocated);
        if more > 0 && capacity.is_some_and(|capacity| used.saturating_add(more) > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inode.allocated = inode.allocated.max(end);
        Ok(())
    }
}

impl Inode {
    pub(super) fn change(&mut self, change: Change) {
        change.apply(Arc::make_mut(&mut self.live));
        self.pending.push(change);
    }

    /// What a crash leaves of the file.
    pub(super) fn left(&self, chance: &mut Chance) -> Arc<Vec<u8>> {
        if self.pending.is_empty() {
            return Arc::clone(&self.durable);
        }
        let mut bytes = Vec::clone(&self.durable);
        for change in &self.pending {
            match change {
                Change::SetLen(_) => {
                    if chance.keeps() {
                        change.apply(&mut bytes);
                    }
                }
                Change::Write(offset, written) => {
                    for (at, sector) in sectors(*offset, written) {
                        if chance.keeps() {
                            Change::Write(at, sector.to_vec()).apply(&mut bytes);
                        }
                    }
                    chance.write_ended();
                }
            }
        }
        Arc::new(bytes)
    }
}

/// The pieces of a write that lie in different sectors.
fn sectors(offset: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut pieces = Vec::new();
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let room = usize::try_from(SECTOR - at % SECTOR).unwrap_or(1);
        let (piece, later) = rest.split_at(room.min(rest.len()));
        pieces.push((at, piece));
        at += piece.len() as u64;
        rest = later;
    }
    pieces
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        match self {
            Self::SetLen(len) => bytes.resize(index(*len), 0),
            Self::Write(offset, written) => {
                let start = index(*offset);
                let end = start + written.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[start..end].copy_from_slice(written);
            }
        }
    }
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Link(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Unlink(path) => {
                names.remove(path);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }

    pub(super) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Link(path, _) | Self::Unlink(path) | Self::Rename(path, ..) => path.parent(),
        }
    }
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}
