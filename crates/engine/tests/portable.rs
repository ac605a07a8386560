//! Snapshots that leave the store: what was exported begins another store, and nothing else does.

mod support;

#[path = "support/snapshot_file.rs"]
mod snapshot_file;

use std::path::Path;

use libmetachain_engine::{BlockRef, Metachain, OpenOptions};
use libmetachain_primitives::{BlockHash, Code, Error};
use snapshot_file::{file_of, frames};
use support::{Model, Random, address, extend};

fn options(path: &Path, model: &Model) -> OpenOptions {
    OpenOptions {
        path: Some(path.to_owned()),
        genesis: Some(model.genesis.clone()),
        undo_depth: 50,
        ..OpenOptions::default()
    }
}

fn same(chain: &Metachain, model: &Model) {
    let tip = chain.tip().expect("it is open").tip;
    assert_eq!(tip.state_root, model.state().root());
    assert_eq!(tip.height, model.blocks.len() as u64);
    for n in 0..26 {
        let account = chain.account(&address(n)).expect("it is open");
        assert_eq!(
            account.map(|a| (a.balance, a.sequence)),
            model.state().get(address(n))
        );
    }
}

fn code<T>(result: Result<T, Error>) -> Code {
    result.map(|_| ()).expect_err("it must fail").code()
}

#[test]
fn another_store_goes_on_from_an_exported_snapshot() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("state.snapshot");
    let mut random = Random::quiet(5);
    let mut model = Model::new(support::genesis());
    let first = Metachain::open(&options(&folder.path().join("first"), &model)).expect("it opens");
    assert_eq!(code(first.export_snapshot(&file)), Code::BadArgument);
    for _ in 0..12 {
        extend(&[&first], &mut model, &mut random, 20);
    }
    first.export_snapshot(&file).expect("it is written");
    let tip = model.blocks.last().expect("there are blocks").clone();

    let place = options(&folder.path().join("second"), &model);
    let wrong = Some(BlockHash([1; 32]));
    assert_eq!(
        code(Metachain::import_snapshot(&file, &place, wrong)),
        Code::SnapshotInvalid
    );
    let second = Metachain::import_snapshot(&file, &place, Some(tip.hash)).expect("it is right");
    same(&second, &model);
    assert!(
        second
            .block(BlockRef::Height(11))
            .expect("it is open")
            .is_none()
    );
    assert_eq!(second.first_height().expect("it is open"), 12);
    assert_eq!(first.first_height().expect("it is open"), 1);
    let stored = second
        .block(BlockRef::Native(tip.native))
        .expect("it is open");
    assert_eq!(stored.expect("the tip came along").hash, tip.hash);
    assert_eq!(code(second.disconnect(tip.native)), Code::Finalized);

    for _ in 0..6 {
        extend(&[&first, &second], &mut model, &mut random, 20);
    }
    same(&second, &model);
    let native = model.blocks.pop().expect("there are blocks").native;
    second
        .disconnect(native)
        .expect("it is the tip, and above the snapshot");
    second
        .verify(true, &mut |_, _| true)
        .expect("nothing is damaged");
    let (events, _) = second
        .events(second.events_from(None).expect("it is open"), 100)
        .expect("it is open");
    assert_eq!((events.len(), events[0].hash), (8, tip.hash));
    second.close().expect("it closes");

    // With its own snapshot, and without it from the imported one.
    for lose in [false, true] {
        if lose {
            for entry in std::fs::read_dir(folder.path().join("second")).expect("it is there") {
                let path = entry.expect("it is there").path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "snap")
                {
                    std::fs::remove_file(path).expect("it was there");
                }
            }
        }
        let again = Metachain::open(&place).expect("it opens");
        same(&again, &model);
        again.close().expect("it closes");
    }
    assert_eq!(
        code(Metachain::import_snapshot(&file, &place, None)),
        Code::BadArgument
    );
    assert_eq!(
        code(Metachain::import_snapshot(
            &file,
            &OpenOptions::default(),
            None
        )),
        Code::BadArgument
    );
}

#[test]
fn a_tampered_snapshot_is_refused_and_begins_nothing() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("state.snapshot");
    let mut random = Random::quiet(6);
    let mut model = Model::new(support::genesis());
    let chain = Metachain::open(&options(&folder.path().join("first"), &model)).expect("it opens");
    for _ in 0..4 {
        extend(&[&chain], &mut model, &mut random, 20);
    }
    chain.export_snapshot(&file).expect("it is written");
    let whole = std::fs::read(&file).expect("it was written");
    let place = options(&folder.path().join("second"), &model);
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&file, bytes).expect("it can be written");
        let error = Metachain::import_snapshot(&file, &place, None)
            .map(|_| ())
            .expect_err(what);
        assert_eq!(error.code(), Code::SnapshotInvalid, "{what}: {error:?}");
    };
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&bytes, &format!("byte {at} changed"));
    }
    // Lies with a checksum that is right: the state root finds them.
    for at in (8..whole.len() - 40).step_by(43) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let body = bytes.len() - 32;
        let hash = blake3::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(hash.as_bytes());
        std::fs::write(&file, &bytes).expect("it can be written");
        match Metachain::import_snapshot(&file, &place, None) {
            Err(error) => assert!(
                [Code::SnapshotInvalid, Code::GenesisMismatch].contains(&error.code()),
                "byte {at}: {error:?}"
            ),
            // What no root commits to: the window's ids and marks that the block does not claim.
            Ok(begun) => {
                same(&begun, &model);
                begun.close().expect("it closes");
                std::fs::remove_dir_all(folder.path().join("second")).expect("it was begun");
            }
        }
    }
    for cut in [0, 1, 8, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..cut], &format!("cut to {cut}"));
    }
    refused(&[&whole[..], &[0]].concat(), "a byte too many");
    let missing = folder.path().join("missing");
    assert_eq!(
        code(Metachain::import_snapshot(&missing, &place, None)),
        Code::InternalIo
    );
}

/// A file whose list of blocks began at height 2^64 - 1 made a sum overflow: the checksum is no proof of
/// anything but the way.
#[test]
fn numbers_that_no_chain_reaches_are_refused_and_what_nothing_vouches_for_is_not_taken_over() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("state.snapshot");
    let mut random = Random::quiet(8);
    let mut model = Model::new(support::genesis());
    let first = Metachain::open(&options(&folder.path().join("first"), &model)).expect("it opens");
    for _ in 0..9 {
        extend(&[&first], &mut model, &mut random, 20);
    }
    first.export_snapshot(&file).expect("it is written");
    let exported = frames(&std::fs::read(&file).expect("it is there"));
    assert_eq!(
        file_of(&exported),
        std::fs::read(&file).expect("it is there")
    );

    let mut number = 0;
    let mut import = |frames: &[Vec<u8>]| {
        number += 1;
        let place = folder.path().join(format!("tampered {number}"));
        let file = folder.path().join("tampered.snapshot");
        std::fs::write(&file, file_of(frames)).expect("it is written");
        Metachain::import_snapshot(&file, &options(&place, &model), None)
    };
    // Genesis, payload and native hash, then chunks by their first byte.
    let chunk = |tag: u8| {
        3 + exported[3..]
            .iter()
            .position(|c| c[0] == tag)
            .expect("it is there")
    };
    for (tag, offset) in [(4, 1), (5, 1), (6, 1), (6, 41)] {
        let mut tampered = exported.clone();
        tampered[chunk(tag)][offset..offset + 8].fill(0xff);
        let error = import(&tampered)
            .map(drop)
            .expect_err("no chain is that long");
        assert_eq!(
            error.code(),
            Code::SnapshotInvalid,
            "chunk {tag}: {error:?}"
        );
    }
    // The highest tip there was, and the last final block: 2^64 - 1 would make every later undo too deep.
    let mut tampered = exported.clone();
    let tip = chunk(6);
    let end = tampered[tip].len() - 32;
    tampered[tip][end - 16..end].fill(0xff);
    let second = import(&tampered).expect("the state is right");
    extend(&[&first, &second], &mut model, &mut random, 20);
    let native = model.blocks.pop().expect("there are blocks").native;
    second.disconnect(native).expect("it is above the snapshot");
    same(&second, &model);
}
