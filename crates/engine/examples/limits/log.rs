//! A file that was filled beforehand, written in order and synced each time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const FILL_BYTES: usize = 1 << 20;

pub(crate) struct Log {
    file: File,
    bytes: u64,
    at: u64,
}

impl Log {
    /// Writes zeros over the whole file: overwriting written blocks costs one trip to the device,
    /// filling reserved ones two.
    pub(crate) fn create(path: &Path, bytes: u64) -> io::Result<Self> {
        let file = File::create(path)?;
        let zeros = vec![0; FILL_BYTES];
        let mut at = 0;
        while at < bytes {
            file.write_all_at(&zeros, at)?;
            at += FILL_BYTES as u64;
        }
        file.sync_all()?;
        Ok(Log { file, bytes, at: 0 })
    }

    /// One write and one sync. Begins again at the start where the file ends.
    pub(crate) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.at + record.len() as u64 > self.bytes {
            self.at = 0;
        }
        self.file.write_all_at(record, self.at)?;
        self.file.sync_data()?;
        self.at += record.len() as u64;
        Ok(())
    }
}
