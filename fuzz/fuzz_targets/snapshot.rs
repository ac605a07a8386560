//! Snapshots from elsewhere: refused with `SNAPSHOT_INVALID` or the state that their block's header claims.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use libmetachain_engine::{Metachain, OpenOptions};
use libmetachain_fuzz::{genesis, live, media, options, patch};
use libmetachain_primitives::Code;
use libmetachain_store::sim::SimDisk;

/// The frames of a good file: genesis, payload, native hash, chunks.
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
    let mut rest = &file[8..];
    let mut frames = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            break;
        }
        frames.push(after[..length].to_vec());
        rest = &after[length..];
    }
    frames
});

fn file_of(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"mcsnap\0\x01".to_vec();
    for frame in frames {
        file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        file.extend_from_slice(frame);
    }
    file.extend_from_slice(&[0; 4]);
    let hash = blake3::hash(&file);
    file.extend_from_slice(hash.as_bytes());
    file
}

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
