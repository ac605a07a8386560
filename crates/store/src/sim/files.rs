//! The simulated disk as the store sees it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::state::{Change, Fate, Inode, NameChange, power_is_off};
use super::{OpKind, SimDisk};
use crate::disk::{Disk, DiskFile, DiskLock};

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
                    change.apply(Arc::make_mut(&mut inode.durable));
                }
                Ok(())
            }
        }
    }
}
