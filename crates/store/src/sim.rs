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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile, DiskLock};

/// Bytes that are written whole or not at all.
const SECTOR: u64 = 512;

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

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    /// Names as the processes see them.
    names: BTreeMap<PathBuf, usize>,
    /// Names as a crash may leave them, before the pending changes.
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<NameChange>,
    locked: BTreeSet<PathBuf>,
    ops: Vec<Op>,
    power_off_at: Option<u64>,
    off: bool,
    faults: BTreeMap<u64, io::ErrorKind>,
    skipped: BTreeSet<u64>,
    capacity: Option<u64>,
    ids: u64,
}

#[derive(Clone, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    allocated: u64,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone)]
enum NameChange {
    Link(PathBuf, usize),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

/// What is to happen to an operation.
enum Fate {
    Happens,
    /// Reports success without doing anything: a planted bug.
    Skipped,
    Fails(io::Error),
    /// The power goes off in the middle of it.
    PowerOff,
}

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
                let left = match crash {
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
        inode.map(|inode| inode.live.clone()).unwrap_or_default()
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
            if let Some(byte) = bytes.get_mut(offset) {
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
            inode.live.truncate(len);
            inode.durable.truncate(len);
        }
    }

    /// Puts a durable file there behind everybody's back.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.lock();
        let inode = state.inodes.len();
        state.inodes.push(Inode {
            live: bytes.to_vec(),
            durable: bytes.to_vec(),
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

impl State {
    /// Counts an operation and says what is to become of it.
    fn begin(&mut self, kind: OpKind, path: &Path) -> Fate {
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

    fn check_on(&self) -> io::Result<()> {
        if self.off {
            Err(power_is_off())
        } else {
            Ok(())
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.check_on()?;
        let found = self.names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    fn inode(&mut self, at: usize) -> io::Result<&mut Inode> {
        let found = self.inodes.get_mut(at);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Takes space for a file to end at `end`.
    fn allocate(&mut self, at: usize, end: u64) -> io::Result<()> {
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
    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    /// What a crash leaves of the file.
    fn left(&self, chance: &mut Chance) -> Vec<u8> {
        let mut bytes = self.durable.clone();
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
        bytes
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
    fn apply(&self, bytes: &mut Vec<u8>) {
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
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
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

    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Link(path, _) | Self::Unlink(path) | Self::Rename(path, ..) => path.parent(),
        }
    }
}

/// Decides what of the unsynced survives.
struct Chance {
    crash: Crash,
    state: u64,
    /// In `Prefix`: how many more pieces survive.
    left: u64,
    /// In `Scatter`: how many of 16 pieces survive.
    luck: u64,
    /// In `Scatter`: whether the sectors of a write share their fate.
    whole: Option<bool>,
}

impl Chance {
    fn new(crash: Crash) -> Self {
        let (state, left) = match crash {
            Crash::Scatter(seed) => (seed, 0),
            Crash::Prefix(pieces) => (0, pieces),
            Crash::Process | Crash::DropAll => (0, 0),
        };
        let mut chance = Self {
            crash,
            state,
            left,
            luck: 0,
            whole: None,
        };
        // With even odds a long write is never lucky: some seeds are kinder, some judge it whole.
        chance.luck = [2, 8, 14, 8][usize::try_from(chance.next() % 4).unwrap_or(0)];
        if chance.next().is_multiple_of(3) {
            chance.whole = Some(chance.toss());
        }
        chance
    }

    fn keeps(&mut self) -> bool {
        match self.crash {
            Crash::Process => true,
            Crash::DropAll => false,
            Crash::Prefix(_) => {
                let keeps = self.left > 0;
                self.left = self.left.saturating_sub(1);
                keeps
            }
            Crash::Scatter(_) => self.whole.unwrap_or_else(|| self.toss()),
        }
    }

    fn write_ended(&mut self) {
        if self.whole.is_some() {
            self.whole = Some(self.toss());
        }
    }

    fn toss(&mut self) -> bool {
        self.next() % 16 < self.luck
    }

    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

impl Disk for SimDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        self.0.lock().check_on()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.0.lock().find(path)?;
        Ok(self.file(path, inode))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.0.lock();
        let fate = state.begin(OpKind::Create, path);
        if let Fate::Fails(error) = fate {
            return Err(error);
        }
        // Emptying is a new file under the old name: until the name is durable, the old one is.
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_names(NameChange::Link(path.to_owned(), inode));
        match fate {
            Fate::PowerOff => Err(power_is_off()),
            _ => Ok(self.file(path, inode)),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let inode = state.find(from)?;
        let fate = state.begin(OpKind::Rename, to);
        if let Fate::Fails(error) = fate {
            return Err(error);
        }
        state.change_names(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        match fate {
            Fate::PowerOff => Err(power_is_off()),
            _ => Ok(()),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.find(path)?;
        let fate = state.begin(OpKind::Remove, path);
        if let Fate::Fails(error) = fate {
            return Err(error);
        }
        state.change_names(NameChange::Unlink(path.to_owned()));
        match fate {
            Fate::PowerOff => Err(power_is_off()),
            _ => Ok(()),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        state.check_on()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.to_owned());
        Ok(inside.filter_map(name).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        match state.begin(OpKind::SyncDir, dir) {
            Fate::PowerOff => return Err(power_is_off()),
            Fate::Fails(error) => return Err(error),
            Fate::Skipped => return Ok(()),
            Fate::Happens => {}
        }
        let pending = std::mem::take(&mut state.pending_names);
        for change in pending {
            if change.dir() == Some(dir) {
                change.apply(&mut state.durable_names);
            } else {
                state.pending_names.push(change);
            }
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let mut state = self.0.lock();
        state.check_on()?;
        if !state.locked.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock {
            disk: self.clone(),
            path: path.to_owned(),
        })))
    }

    fn fresh_id(&self) -> io::Result<[u8; 16]> {
        let mut state = self.0.lock();
        state.check_on()?;
        state.ids += 1;
        let mut id = [0; 16];
        id.copy_from_slice(&blake3::hash(&state.ids.to_le_bytes()).as_bytes()[..16]);
        Ok(id)
    }
}

impl SimDisk {
    fn file(&self, path: &Path, inode: usize) -> Arc<dyn DiskFile> {
        Arc::new(SimFile {
            disk: self.clone(),
            path: path.to_owned(),
            inode,
        })
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl DiskLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.0.lock().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    inode: usize,
}

impl SimFile {
    fn set(&self, kind: OpKind, len: impl FnOnce(u64) -> Option<u64>) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        let fate = state.begin(kind, &self.path);
        if let Fate::Fails(error) = fate {
            return Err(error);
        }
        let now = state.inode(self.inode)?.live.len() as u64;
        if let Some(len) = len(now) {
            if kind == OpKind::Preallocate {
                state.allocate(self.inode, len)?;
            }
            state.inode(self.inode)?.change(Change::SetLen(len));
        }
        match fate {
            Fate::PowerOff => Err(power_is_off()),
            _ => Ok(()),
        }
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.0.lock();
        state.check_on()?;
        Ok(state.inode(self.inode)?.live.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.set(OpKind::SetLen, |_| Some(len))
    }

    fn preallocate(&self, len: u64) -> io::Result<()> {
        self.set(OpKind::Preallocate, |now| (now < len).then_some(len))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.check_on()?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start
            .checked_add(buffer.len())
            .and_then(|end| state.inode(self.inode).ok()?.live.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        let fate = state.begin(OpKind::Write, &self.path);
        let end = offset.saturating_add(buffer.len() as u64);
        state.allocate(self.inode, end)?;
        let write = |bytes: &[u8]| Change::Write(offset, bytes.to_vec());
        match fate {
            Fate::Happens | Fate::Skipped => {
                state.inode(self.inode)?.change(write(buffer));
                Ok(())
            }
            Fate::PowerOff => {
                state.inode(self.inode)?.change(write(buffer));
                Err(power_is_off())
            }
            Fate::Fails(error) => {
                if !state.off {
                    let half = buffer.get(..buffer.len() / 2).unwrap_or_default();
                    state.inode(self.inode)?.change(write(half));
                }
                Err(error)
            }
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        match state.begin(OpKind::SyncData, &self.path) {
            Fate::PowerOff => Err(power_is_off()),
            Fate::Skipped => Ok(()),
            Fate::Fails(error) => {
                // The pages are now clean: they read as written and will never be.
                if !state.off {
                    state.inode(self.inode)?.pending.clear();
                }
                Err(error)
            }
            Fate::Happens => {
                let inode = state.inode(self.inode)?;
                for change in std::mem::take(&mut inode.pending) {
                    change.apply(&mut inode.durable);
                }
                Ok(())
            }
        }
    }
}
