//! Dusk's own drivers, as published: built by the set-up (`target/drivers`, or where `LIBMETACHAIN_DRIVERS`
//! says). Tests without them say so and pass, except on a CI machine.

use std::path::PathBuf;

fn directory() -> PathBuf {
    std::env::var_os("LIBMETACHAIN_DRIVERS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/drivers")),
        PathBuf::from,
    )
}

/// A driver's module, or `None` where it was not built.
pub(crate) fn module(name: &str) -> Option<Vec<u8>> {
    let path = directory().join(name);
    match std::fs::read(&path) {
        Ok(wasm) => Some(wasm),
        Err(error) if std::env::var_os("CI").is_some() => {
            panic!(
                "{}: {error}; run the set-up first: npm run setup",
                path.display()
            )
        }
        Err(error) => {
            println!("skipped: {}: {error}; the set-up builds it", path.display());
            None
        }
    }
}
