//! How failures of files become the store's errors: code, file and offset, always.

use std::io;
use std::path::Path;

use libmetachain_primitives::{Code, Error};

/// The last part of a path: errors name files within the store's directory.
fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// A system call failed: `STORE_FULL` when there was no space, else `INTERNAL_IO`.
pub(crate) fn io_failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StoreFull,
        _ => Code::InternalIo,
    };
    let name = file_name(path);
    Error::new(code, format!("cannot {what} {name}: {error}")).with("file", name)
}

/// What a file holds is not what was written there.
pub(crate) fn corrupt(path: &Path, offset: u64, why: &str) -> Error {
    let name = file_name(path);
    Error::new(
        Code::StoreCorrupt,
        format!("{name} at byte {offset}: {why}"),
    )
    .with("file", name)
    .with("offset", offset)
}

/// The store was closed.
pub(crate) fn closed() -> Error {
    Error::new(Code::Closed, "the store is closed")
}
