//! Snapshots from elsewhere: refused with `SNAPSHOT_INVALID` or the state that their block's header claims.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use libmetachain_engine::{Metachain, OpenOptions};
use libmetachain_fuzz::{genesis, live, media, options, patch};
use libmetachain_primitives::Code;
use libmetachain_store::sim::SimDisk;
use snapshot_file::{file_of, frames};

#[path = "../../crates/engine/tests/support/snapshot_file.rs"]
mod snapshot_file;

/// The frames of a good file.
static FRAMES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let chain = Metachain::open(&OpenOptions {
        path: None,
        ..options()
    })
    .expect("it opens in memory");
    live(&chain, 14);
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("state");
    chain.export_snapshot(&path).expect("it is written");
    let file = std::fs::read(path).expect("it is there");
    frames(&file)
});

fuzz_target!(|input: &[u8]| {
    let Some((mode, rest)) = input.split_first() else {
        return;
    };
    let frames = FRAMES.clone();
    let file = match mode % 3 {
        0 => rest.to_vec(),
        1 => {
            let mut file = file_of(&frames);
            patch(&mut file, rest);
            file
        }
        // One frame is changed, cut or lengthened, and the checksum is right.
        _ => {
            let mut frames = frames;
            let count = frames.len();
            let frame = &mut frames[usize::from(mode / 3) % count];
            if let Some((cut, patches)) = rest.split_first() {
                patch(frame, patches);
                let len = frame.len();
                match cut % 4 {
                    1 => frame.truncate(len - usize::from(*cut).min(len)),
                    2 => frame.extend_from_slice(patches),
                    _ => {}
                }
            }
            file_of(&frames)
        }
    };
    let disk = SimDisk::new();
    let path = Path::new("/state");
    disk.put(path, &file);
    let place = OpenOptions {
        genesis: None,
        ..options()
    };
    match Metachain::import_snapshot_on(&media(&disk), path, &place, None) {
        Ok(chain) => {
            let before = chain.tip().expect("it is open");
            // The fuzzer may change what nothing vouches for; the chain goes on all the same.
            if chain.genesis().hash() == genesis().hash() && before.tip.height < 100 {
                live(&chain, 1);
            }
            chain.close().expect("it closes");
        }
        Err(error) => assert_eq!(error.code(), Code::SnapshotInvalid, "{error:?}"),
    }
});
