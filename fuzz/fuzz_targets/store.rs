//! Stores on a bad disk, or in bad hands: block files and snapshots with any bytes, their hashes right or wrong.
//! Opening and asking gives answers or errors, and never a panic, an endless loop or a verdict on a block.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use libmetachain_engine::{BlockRef, Metachain};
use libmetachain_fuzz::{live, media, options, patch, sign_segment, sign_snapshot};
use libmetachain_primitives::{Code, Error, MetaAddress};
use libmetachain_store::sim::SimDisk;

/// The files of a closed store, but for the index, which costs more to open than all the rest.
static FILES: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let disk = SimDisk::new();
    let chain = Metachain::open_on(&media(&disk), &options()).expect("it opens");
    live(&chain, 24);
    chain.close().expect("it closes");
    let files = disk.files().into_iter().map(|(path, _)| path);
    let derived = |path: &PathBuf| path.extension().is_some_and(|it| it == "redb");
    files
        .filter(|path| !derived(path))
        .map(|path| (path.clone(), disk.bytes(&path)))
        .collect()
});

fn ask(disk: &SimDisk) -> Result<(), Error> {
    let chain = Metachain::open_on(&media(disk), &options())?;
    let tip = chain.tip()?.tip;
    chain.account(&MetaAddress([1; 20]))?;
    for height in tip.height.saturating_sub(2)..=tip.height {
        chain.block(BlockRef::Height(height))?;
    }
    let (events, _) = chain.events(chain.events_from(None)?, 10)?;
    for event in events.iter().take(2) {
        chain.events_from(Some(&event.cursor))?;
    }
    if let Some((_, native)) = tip.native {
        chain.disconnect(native)?;
    }
    chain.close()
}

fuzz_target!(|input: &[u8]| {
    let Some((mode, rest)) = input.split_first() else {
        return;
    };
    let mut files = FILES.clone();
    let count = files.len();
    for part in rest.chunks(13) {
        let (which, patches) = part.split_first().expect("a chunk is not empty");
        patch(&mut files[usize::from(*which) % count].1, patches);
    }
    let disk = SimDisk::new();
    let mut previous = [0; 32];
    for (path, bytes) in &mut files {
        let is = |ending| path.extension().is_some_and(|it| it == ending);
        if mode & 1 == 1 && is("dat") {
            sign_segment(bytes, &mut previous);
        }
        if mode & 1 == 1 && is("snap") {
            sign_snapshot(bytes);
        }
        // Some snapshots are lost, so that the log itself is read.
        if mode & 2 == 0 || !is("snap") {
            disk.put(path, bytes);
        }
    }
    if let Err(error) = ask(&disk) {
        assert!(
            !error.is_verdict() && error.code() != Code::InternalPanic,
            "{error:?}"
        );
    }
});
