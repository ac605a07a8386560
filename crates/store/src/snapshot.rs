//! The snapshots beside a log: two are kept, the newest good one is loaded, a bad one is skipped.
//!
//! A snapshot is derived data: it only saves replaying. It belongs to the log if the record that
//! it names lies where it says, with the hash that it says. What is in the chunks is the ledger's
//! business, and so is checking the state root that comes out.

use std::path::PathBuf;
use std::sync::Arc;

use libmetachain_primitives::{BlockHash, Code, Error, Result};

use crate::disk::Disk;
use crate::fault::io_failed;
use crate::format::StoreKey;
use crate::log::Log;
use crate::recover::Anchor;
use crate::segments::Segments;
use crate::snapshot_file::{SnapshotMeta, SnapshotReader, SnapshotSink, invalid};

const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".snap";
const TEMPORARY: &str = "snapshot.tmp";
/// How many are kept: the newest, and one in case it is damaged.
const KEPT: usize = 2;

/// The snapshots of one store.
#[derive(Clone, Debug)]
pub struct Snapshots {
    log: Arc<Log>,
}

/// What loading the newest good snapshot gave.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The snapshot and what was built from it; `None` when there is no good one.
    pub built: Option<(SnapshotMeta, T)>,
    /// Why newer ones were skipped.
    pub skipped: Vec<Error>,
}

/// Writes one snapshot, chunk by chunk, at the caller's pace. Dropping it before
/// [`finish`](SnapshotWriter::finish) leaves no trace.
#[derive(Debug)]
pub struct SnapshotWriter {
    log: Arc<Log>,
    sink: SnapshotSink,
    named: bool,
}

impl Snapshots {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        Self { log }
    }

    /// Begins a snapshot. One is written at a time.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` while another one is being written; `CLOSED`, `INTERNAL_IO`, `STORE_FULL`.
    pub fn begin(&self) -> Result<SnapshotWriter> {
        let _alone = self.log.lock_maintenance();
        self.log.check_open()?;
        if !self.log.begin_snapshot() {
            let why = "another snapshot is being written";
            return Err(Error::new(Code::BadArgument, why));
        }
        let path = self.log.segments.dir().join(TEMPORARY);
        let disk = Arc::clone(self.log.segments.disk());
        match SnapshotSink::create(disk, path) {
            Ok(sink) => Ok(SnapshotWriter {
                log: Arc::clone(&self.log),
                sink,
                named: false,
            }),
            Err(error) => {
                self.log.end_snapshot();
                Err(error)
            }
        }
    }

    /// The snapshots whose headers are good and which belong to this log, newest first.
    ///
    /// # Errors
    /// `INTERNAL_IO`.
    pub fn list(&self) -> Result<Vec<SnapshotMeta>> {
        let files = files(&self.log.segments)?;
        let readers = files.into_iter().map(|(_, path)| self.open(&path));
        Ok(readers.flatten().map(|reader| *reader.meta()).collect())
    }

    /// Builds from the newest snapshot that is good: of this chain, in this log, and accepted by
    /// `build`. One that fails with `SNAPSHOT_INVALID` is skipped for the one before it.
    ///
    /// `build` must read to the end and must not keep anything when a chunk fails.
    ///
    /// # Errors
    /// What `build` fails with, other than `SNAPSHOT_INVALID`; `INTERNAL_IO`.
    pub fn load_newest<T>(
        &self,
        genesis: &BlockHash,
        mut build: impl FnMut(&mut SnapshotReader) -> Result<T>,
    ) -> Result<Loaded<T>> {
        let mut skipped = Vec::new();
        for (_, path) in files(&self.log.segments)? {
            let built = self.open(&path).and_then(|mut reader| {
                if reader.meta().genesis != *genesis {
                    return Err(invalid(&path, "it is of another chain"));
                }
                let built = build(&mut reader)?;
                Ok((*reader.meta(), built))
            });
            match built {
                Ok(built) => {
                    return Ok(Loaded {
                        built: Some(built),
                        skipped,
                    });
                }
                Err(error) if error.code() == Code::SnapshotInvalid => skipped.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(Loaded {
            built: None,
            skipped,
        })
    }

    /// Opens one and checks that it belongs to this log.
    fn open(&self, path: &std::path::Path) -> Result<SnapshotReader> {
        let reader = SnapshotReader::open(self.log.segments.disk().as_ref(), path)?;
        let header = reader.header();
        if header.store_id != self.log.key.id() {
            return Err(invalid(path, "it belongs to another store"));
        }
        let place = header.meta.place;
        let frame = self.log.segments.read_frame(&self.log.key, place);
        let belongs = frame.is_ok_and(|(frame, ..)| {
            frame.hash == header.frame && frame.sequence == header.meta.sequence
        });
        if !belongs || header.meta.sequence >= self.log.durable_count() {
            return Err(invalid(path, "its last record is not in the log"));
        }
        Ok(reader)
    }

    /// Reads every snapshot to its end.
    pub(crate) fn verify(&self) -> Result<u64> {
        let mut count = 0;
        for (_, path) in files(&self.log.segments)? {
            let mut reader = self.open(&path)?;
            while reader.next_chunk()?.is_some() {}
            count += 1;
        }
        Ok(count)
    }

    /// Removes all but the newest that are good as far as their headers go.
    fn keep_newest(&self) -> Result<()> {
        let mut kept = 0;
        for (_, path) in files(&self.log.segments)? {
            if kept < KEPT && self.open(&path).is_ok() {
                kept += 1;
                continue;
            }
            // Whatever cannot be removed now is removed by a later snapshot.
            let _ = self.log.segments.disk().remove(&path);
        }
        self.log.segments.sync_dir()
    }
}

impl SnapshotWriter {
    /// Writes the next chunk. The bytes are the caller's; nothing here looks into them.
    ///
    /// # Errors
    /// `STORE_FULL`, `INTERNAL_IO`, `BAD_ARGUMENT` beyond 256 MiB. The snapshot is then lost, the
    /// log is not.
    pub fn chunk(&mut self, bytes: &[u8]) -> Result<()> {
        let _alone = self.log.lock_maintenance();
        self.log.check_open()?;
        self.sink.chunk(bytes)
    }

    /// Completes the snapshot: waits until the record that it names is on disk, then makes it
    /// durable, gives it its name and removes all but the two newest.
    ///
    /// # Errors
    /// As [`SnapshotWriter::chunk`], and the log's fatal error.
    pub fn finish(mut self, meta: &SnapshotMeta) -> Result<()> {
        self.log.wait_durable(meta.sequence)?;
        let segments = &self.log.segments;
        let (frame, ..) = segments.read_frame(&self.log.key, meta.place)?;
        if frame.sequence != meta.sequence || !frame.kind.is_record() {
            let why = "the snapshot's sequence and place are of different records";
            return Err(Error::new(Code::BadArgument, why));
        }
        let _alone = self.log.lock_maintenance();
        self.log.check_open()?;
        let name = format!("{PREFIX}{:020}{SUFFIX}", meta.sequence);
        let to = segments.dir().join(name);
        let id = self.log.key.id();
        self.sink.finish(meta, id, frame.hash, &to)?;
        self.named = true;
        Snapshots::new(Arc::clone(&self.log)).keep_newest()
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        // Once the log is closed, the temporary file may be another process's.
        if !self.named && self.log.check_open().is_ok() {
            self.sink.discard();
        }
        self.log.end_snapshot();
    }
}

/// The snapshot files by sequence, newest first.
fn files(segments: &Segments) -> Result<Vec<(u64, PathBuf)>> {
    let names = segments
        .disk()
        .list(segments.dir())
        .map_err(|error| io_failed("list", segments.dir(), &error))?;
    let mut files: Vec<(u64, PathBuf)> = names
        .iter()
        .filter_map(|name| {
            let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
            Some((digits.parse().ok()?, segments.dir().join(name)))
        })
        .collect();
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files)
}

/// Whether there are snapshots, which there cannot be without a log.
pub(crate) fn any(segments: &Segments) -> Result<bool> {
    Ok(!files(segments)?.is_empty())
}

/// Where the snapshots of this store end in its log: recovery need not look before that.
pub(crate) fn anchors(segments: &Segments, key: &StoreKey) -> Result<Vec<Anchor>> {
    let disk: &dyn Disk = segments.disk().as_ref();
    let readers = files(segments)?
        .into_iter()
        .filter_map(|(_, path)| SnapshotReader::open(disk, &path).ok());
    let ours = readers.filter(|reader| reader.header().store_id == key.id());
    Ok(ours
        .map(|reader| Anchor {
            sequence: reader.meta().sequence,
            place: reader.meta().place,
            hash: reader.header().frame,
        })
        .collect())
}
