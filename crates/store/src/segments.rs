//! The set of segment files: names, open handles and header pages.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libmetachain_ledger::Place;
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile};
use crate::fault::{corrupt, io_failed};
use crate::format::{FRAME_HEADER_BYTES, FrameHeader, StoreKey};
use crate::segment_header::{
    BadSegment, FORMAT_VERSION, SEGMENT_HEADER_BYTES, SegmentHeader, segment_name, segment_number,
};

/// Handles kept open; a store of a terabyte must not use up the process's file descriptors.
const HANDLES_MAX: usize = 64;

/// A segment file that is open and whose header was checked.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) path: Arc<Path>,
    pub(crate) number: u32,
    /// `PRUNED_*` bits of the header.
    pub(crate) pruned: u32,
    /// Bytes of the file: what reads and frame lengths are checked against.
    pub(crate) len: u64,
}

/// What a segment's header page turned out to be.
pub(crate) enum HeaderState {
    Good(SegmentHeader),
    /// Never written, torn or damaged.
    Damaged,
}

/// Opens and caches segment files of one store.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    handles: Mutex<BTreeMap<u32, Segment>>,
}

impl Segments {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self {
            disk,
            dir,
            handles: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, number: u32) -> PathBuf {
        self.dir.join(segment_name(number))
    }

    /// How many segments there are; they must be numbered from 0 without a gap.
    pub(crate) fn count(&self) -> Result<u32> {
        let names = self
            .disk
            .list(&self.dir)
            .map_err(|error| io_failed("list", &self.dir, &error))?;
        let mut expected = 0_u32;
        for number in names.iter().filter_map(|name| segment_number(name)) {
            if number != expected {
                return Err(corrupt(&self.path(expected), 0, "the segment is missing"));
            }
            expected = expected.checked_add(1).ok_or_else(|| {
                Error::new(Code::StoreCorrupt, "there are more segments than numbers")
            })?;
        }
        Ok(expected)
    }

    /// Opens the file without judging its header.
    pub(crate) fn open_raw(&self, number: u32) -> Result<(Arc<dyn DiskFile>, PathBuf, u64)> {
        let path = self.path(number);
        let file = self.disk.open(&path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                corrupt(&path, 0, "the segment is missing")
            } else {
                io_failed("open", &path, &error)
            }
        })?;
        let len = file
            .len()
            .map_err(|error| io_failed("measure", &path, &error))?;
        Ok((file, path, len))
    }

    /// Reads a segment's header page; damage is a state here, because a crash while the segment
    /// was created leaves it.
    pub(crate) fn header(&self, number: u32) -> Result<HeaderState> {
        let (file, path, len) = self.open_raw(number)?;
        Self::header_of(number, file.as_ref(), &path, len)
    }

    fn header_of(number: u32, file: &dyn DiskFile, path: &Path, len: u64) -> Result<HeaderState> {
        if len < SEGMENT_HEADER_BYTES as u64 {
            return Ok(HeaderState::Damaged);
        }
        let mut page = [0; SEGMENT_HEADER_BYTES];
        file.read_at(&mut page, 0)
            .map_err(|error| io_failed("read", path, &error))?;
        match SegmentHeader::decode(&page) {
            Ok(header) if header.number == number => Ok(HeaderState::Good(header)),
            Ok(_) | Err(BadSegment::Damaged) => Ok(HeaderState::Damaged),
            Err(BadSegment::Version(version)) => Err(other_version(path, version)),
        }
    }

    /// A segment whose header is good and names this store.
    pub(crate) fn get(&self, number: u32, key: &StoreKey) -> Result<Segment> {
        if let Some(segment) = self.handles.lock().get(&number) {
            return Ok(segment.clone());
        }
        // Opened once: a pruned segment takes the place of the file, and the header must be that of what is read.
        let (file, path, len) = self.open_raw(number)?;
        let header = match Self::header_of(number, file.as_ref(), &path, len)? {
            HeaderState::Good(header) if header.seed == key.seed => header,
            HeaderState::Good(_) => {
                return Err(corrupt(&path, 0, "the segment belongs to another store"));
            }
            HeaderState::Damaged => {
                return Err(corrupt(&path, 0, "the segment's header is damaged"));
            }
        };
        let segment = Segment {
            file,
            path: Arc::from(path),
            number,
            pruned: header.pruned,
            len,
        };
        let mut handles = self.handles.lock();
        if handles.len() >= HANDLES_MAX {
            handles.clear();
        }
        handles.insert(number, segment.clone());
        Ok(segment)
    }

    /// Drops the cached handle, because the file's length or header changed.
    pub(crate) fn forget(&self, number: u32) {
        self.handles.lock().remove(&number);
    }

    /// Makes an empty segment of at least `bytes` in place of whatever has its name. When it
    /// returns `Ok`, name, space and header are durable.
    ///
    /// # Errors
    /// `STORE_FULL` when the space is not there. A failed sync is fatal.
    pub(crate) fn prepare(&self, number: u32, bytes: u64, key: &StoreKey) -> Result<u64> {
        let path = self.path(number);
        let failed = |what, error: io::Error| io_failed(what, &path, &error);
        let header = SegmentHeader {
            number,
            seed: key.seed,
            pruned: 0,
        };
        let file = self
            .disk
            .create(&path)
            .map_err(|error| failed("create", error))?;
        let made = file
            .preallocate(bytes)
            .and_then(|()| file.write_at(&header.encode(), 0));
        if let Err(error) = made {
            // Give back what a full disk needs most. A leftover would be harmless.
            let _ = self.disk.remove(&path);
            return Err(failed("reserve space for", error));
        }
        file.sync_data()
            .map_err(|error| failed("sync", error).fatal())?;
        self.sync_dir().map_err(Error::fatal)?;
        self.forget(number);
        file.len().map_err(|error| failed("measure", error))
    }

    /// Makes the names in the store's directory durable.
    pub(crate) fn sync_dir(&self) -> Result<()> {
        self.disk
            .sync_dir(&self.dir)
            .map_err(|error| io_failed("sync the directory", &self.dir, &error))
    }

    /// Reads and verifies the frame at a place. Returns its header, its bytes and what is pruned.
    pub(crate) fn read_frame(
        &self,
        key: &StoreKey,
        place: Place,
    ) -> Result<(FrameHeader, Vec<u8>, u32)> {
        let segment = self.get(place.segment, key)?;
        let damaged = |why| corrupt(&segment.path, place.offset, why);
        let end = place.offset.checked_add(u64::from(place.len));
        if (place.len as usize) < FRAME_HEADER_BYTES || end.is_none_or(|end| end > segment.len) {
            return Err(damaged("no frame of this length can lie here"));
        }
        let mut frame = vec![0; place.len as usize];
        segment
            .file
            .read_at(&mut frame, place.offset)
            .map_err(|error| io_failed("read", &segment.path, &error))?;
        let head = frame
            .first_chunk::<FRAME_HEADER_BYTES>()
            .ok_or_else(|| damaged("the frame is cut short"))?;
        let header =
            FrameHeader::decode(key, head, place.segment, place.offset).map_err(damaged)?;
        if header.len != place.len {
            return Err(damaged("the frame has another length"));
        }
        let missing = header
            .check_sections(key, &frame, segment.pruned)
            .map_err(damaged)?;
        Ok((header, frame, missing))
    }
}

fn other_version(path: &Path, version: u32) -> Error {
    Error::new(
        Code::StoreVersion,
        format!(
            "{} has format version {version}; this build reads {FORMAT_VERSION}",
            path.display()
        ),
    )
    .with("version", version)
    .with("supported", FORMAT_VERSION)
}
