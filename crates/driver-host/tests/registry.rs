//! The registry: stored once, used by many, signed, pinned, and whole after a crash at any instant.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bls12_381_bls::{PublicKey, SecretKey};
use common::Wat;
use dusk_bytes::Serializable;
use libmetachain_driver_host::{
    DriverCode, DriverError, OwnerKey, Put, Registry, RegistryOptions, SignatureForm, owner_message,
};
use sha2::{Digest, Sha256};

/// A module that says which one it is: its version is `1.2.<digit>`.
fn module(digit: u32) -> Vec<u8> {
    let at = 48 + digit;
    Wat::new()
        .with(
            "get_version",
            &format!(
                r#"(func (export "get_version") (param i32 i32) (result i32)
                  (i32.store8 (i32.const 68) (i32.const {at}))
                  (call $reply (i32.const 64) (i32.const 5) (local.get 0) (local.get 1)))"#
            ),
        )
        .build()
}

fn open(path: &Path) -> Registry {
    Registry::open(RegistryOptions::at(path)).expect("a registry")
}

fn versioned(version: &str) -> Put<'_> {
    Put {
        version: Some(version),
        ..Put::default()
    }
}

fn files(root: &Path, directory: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(root.join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

fn version_in_use(registry: &Registry, contract: &str) -> Option<String> {
    registry
        .get(contract)
        .unwrap()
        .map(|driver| driver.get_version().unwrap())
}

#[test]
fn what_is_put_is_there_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    assert!(registry.get("stake").unwrap().is_none());
    assert_eq!(registry.list().unwrap(), []);
    let hash = registry.put("stake", &module(1), &versioned("a")).unwrap();
    drop(registry);
    let registry = open(root.path());
    assert_eq!(registry.get("stake").unwrap().unwrap().hash(), hash);
    let list = registry.list().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].contract_id.as_str(), list[0].version.as_str()),
        ("stake", "a")
    );
    assert_eq!(
        (list[0].hash, list[0].pinned, list[0].signed_by),
        (hash, false, None)
    );
}

#[test]
fn the_newest_is_used_unless_another_is_pinned() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    let first = registry.put("c", &module(1), &Put::default()).unwrap();
    let second = registry.put("c", &module(2), &Put::default()).unwrap();
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.2"));
    registry.pin("c", first).unwrap();
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.1"));
    registry.put("c", &module(3), &Put::default()).unwrap();
    assert_eq!(
        version_in_use(&open(root.path()), "c").as_deref(),
        Some("1.2.1")
    );
    let versions = registry.versions("c").unwrap();
    let shown: Vec<_> = versions
        .iter()
        .map(|v| (v.version.as_str(), v.pinned))
        .collect();
    assert_eq!(shown, [("1.2.1", true), ("1.2.2", false), ("1.2.3", false)]);
    registry.unpin("c").unwrap();
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.3"));
    // Putting an old one again makes it the newest, under whatever version is given.
    registry.put("c", &module(2), &versioned("back")).unwrap();
    assert_eq!(registry.list().unwrap()[0].hash, second);
    assert_eq!(registry.list().unwrap()[0].version, "back");
    let error = registry.pin("c", [9; 32]).unwrap_err();
    assert_eq!(error.code, DriverCode::BadArgument);
    assert_eq!(
        registry.pin("unknown", first).unwrap_err().code,
        DriverCode::BadArgument
    );
}

#[test]
fn a_module_is_stored_once_and_goes_with_its_last_user() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    for contract in ["a", "b", "c"] {
        registry.put(contract, &module(1), &Put::default()).unwrap();
    }
    registry.put("c", &module(2), &Put::default()).unwrap();
    assert_eq!(files(root.path(), "blobs").len(), 2);
    assert!(registry.remove("a").unwrap());
    assert!(!registry.remove("a").unwrap());
    registry.remove("b").unwrap();
    assert_eq!(
        files(root.path(), "blobs").len(),
        2,
        "c still has both versions"
    );
    registry.prune("c").unwrap();
    assert_eq!(files(root.path(), "blobs").len(), 1);
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.2"));
    registry.remove("c").unwrap();
    assert_eq!(
        files(root.path(), "blobs").len() + files(root.path(), "contracts").len(),
        0
    );
    assert!(registry.get("c").unwrap().is_none());
}

#[test]
fn the_handle_is_the_same_until_the_module_changes() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    registry.put("c", &module(1), &Put::default()).unwrap();
    let first = registry.get("c").unwrap().unwrap();
    first.decode_event("e", b"1").unwrap();
    let calls = first.metrics().calls;
    assert_eq!(registry.get("c").unwrap().unwrap().metrics().calls, calls);
    // Somebody else, perhaps in another process, puts a new one.
    open(root.path())
        .put("c", &module(2), &Put::default())
        .unwrap();
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.2"));
    // A closed handle is not given out again.
    registry.get("c").unwrap().unwrap().close();
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.2"));
    let last = registry.get("c").unwrap().unwrap();
    registry.close();
    assert!(last.is_closed());
}

/// Only the handle that a contract would give out next was closed once: whoever held one from before
/// a new module, or of a contract that was removed, went on working with a closed registry.
#[test]
fn closing_reaches_the_handles_of_former_modules() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    let mut given = Vec::new();
    for digit in 0..3 {
        registry.put("c", &module(digit), &Put::default()).unwrap();
        given.push(registry.get("c").unwrap().unwrap());
    }
    registry
        .put("removed", &module(3), &Put::default())
        .unwrap();
    given.push(registry.get("removed").unwrap().unwrap());
    registry.remove("removed").unwrap();
    for driver in &given {
        assert!(!driver.is_closed(), "until the registry is");
        assert_eq!(driver.decode_event("e", b"1").unwrap(), "1");
    }
    registry.close();
    for driver in &given {
        let error = driver.decode_event("e", b"1").unwrap_err();
        assert_eq!(error.code, DriverCode::Closed);
    }
    // The directory is still there for whoever asks again.
    assert_eq!(version_in_use(&registry, "c").as_deref(), Some("1.2.2"));
}

#[test]
fn what_cannot_run_is_not_stored() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    let traps = Wat::new()
        .with("init", r#"(func (export "init") unreachable)"#)
        .build();
    let error = registry.put("c", &traps, &Put::default()).unwrap_err();
    assert_eq!((error.code, error.phase), (DriverCode::Trap, "init"));
    let error = registry.put("c", b"junk", &Put::default()).unwrap_err();
    assert_eq!(error.code, DriverCode::Rejected);
    for contract in ["", "a\nb", &"x".repeat(257)] {
        let error = registry
            .put(contract, &module(1), &Put::default())
            .unwrap_err();
        assert_eq!(error.code, DriverCode::BadArgument);
    }
    let error = registry
        .put("c", &module(1), &versioned(&"9".repeat(129)))
        .unwrap_err();
    assert_eq!(error.code, DriverCode::BadArgument);
    assert_eq!(
        files(root.path(), "blobs").len() + files(root.path(), "contracts").len(),
        0
    );
    // Ids that would be dangerous as file names are not used as such.
    for contract in ["../../etc/passwd", "a/b", ".", "con", "é", "\u{202e}x"] {
        registry.put(contract, &module(1), &Put::default()).unwrap();
        assert!(registry.get(contract).unwrap().is_some());
    }
    assert_eq!(files(root.path(), "contracts").len(), 6);
}

fn secret(seed: u8) -> SecretKey {
    let mut bytes = [0u8; 32];
    bytes[0] = seed;
    SecretKey::from_bytes(&bytes).unwrap()
}

fn owner(seed: u8) -> OwnerKey {
    OwnerKey::from_bytes(&PublicKey::from(&secret(seed)).to_bytes()).unwrap()
}

fn signed(seed: u8, form: SignatureForm, contract: &str, version: &str, wasm: &[u8]) -> [u8; 48] {
    secret(seed)
        .sign(&owner_message(form, contract, version, wasm))
        .to_bytes()
}

fn owned(root: &Path, contract: &str, seed: u8) -> RegistryOptions {
    RegistryOptions {
        owner_keys: HashMap::from([(contract.to_owned(), owner(seed))]),
        ..RegistryOptions::at(root)
    }
}

#[test]
fn only_the_owner_may_put() {
    let root = tempfile::tempdir().unwrap();
    let registry = Registry::open(owned(root.path(), "c", 7)).unwrap();
    let wasm = module(1);
    let put = |signature: Option<&[u8]>| {
        registry.put(
            "c",
            &wasm,
            &Put {
                version: Some("1"),
                signature,
            },
        )
    };
    let refused = |signature: Option<&[u8]>| {
        let error = put(signature).unwrap_err();
        assert_eq!(
            (error.code, error.phase),
            (DriverCode::Signature, "signature"),
            "{error}"
        );
        assert!(registry.get("c").unwrap().is_none());
    };
    refused(None);
    refused(Some(&[1; 48]));
    refused(Some(&[1; 47]));
    refused(Some(&signed(8, SignatureForm::Bytecode, "c", "1", &wasm)));
    refused(Some(&signed(
        7,
        SignatureForm::Bytecode,
        "c",
        "1",
        &module(2),
    )));
    refused(Some(&signed(7, SignatureForm::Bound, "other", "1", &wasm)));
    refused(Some(&signed(7, SignatureForm::Bound, "c", "2", &wasm)));
    for form in [SignatureForm::Bytecode, SignatureForm::Bound] {
        put(Some(&signed(7, form, "c", "1", &wasm))).unwrap();
        assert_eq!(
            registry.list().unwrap()[0].signed_by,
            Some((owner(7), form))
        );
        assert!(registry.get("c").unwrap().is_some());
    }
    // Contracts without a key are everybody's; a signature is kept, but nothing is claimed of it.
    registry.put("free", &wasm, &Put::default()).unwrap();
    let list = registry.list().unwrap();
    let free = list
        .iter()
        .find(|entry| entry.contract_id == "free")
        .unwrap();
    assert_eq!(free.signed_by, None);
}

#[test]
fn signatures_are_judged_again_when_the_driver_is_used() {
    let root = tempfile::tempdir().unwrap();
    let wasm = module(1);
    let plain = signed(7, SignatureForm::Bytecode, "c", "1", &wasm);
    let put = Put {
        version: Some("1"),
        signature: Some(&plain),
    };
    open(root.path()).put("c", &wasm, &put).unwrap();
    // The same directory, with keys configured later.
    assert!(
        Registry::open(owned(root.path(), "c", 7))
            .unwrap()
            .get("c")
            .unwrap()
            .is_some()
    );
    let other = Registry::open(owned(root.path(), "c", 8)).unwrap();
    assert_eq!(other.get("c").unwrap_err().code, DriverCode::Signature);
    assert_eq!(other.list().unwrap_err().code, DriverCode::Signature);
    let strict = RegistryOptions {
        bound_signatures_only: true,
        ..owned(root.path(), "c", 7)
    };
    let strict = Registry::open(strict).unwrap();
    let error = strict.get("c").unwrap_err();
    assert!(
        error.message.contains("covers the bytecode only"),
        "{error}"
    );
    // A plain signature may be presented for another contract of the same owner; a bound one not.
    let replay = Registry::open(owned(root.path(), "d", 7)).unwrap();
    replay.put("d", &wasm, &put).unwrap();
    let bound = signed(7, SignatureForm::Bound, "c", "1", &wasm);
    let error = replay
        .put(
            "d",
            &wasm,
            &Put {
                version: Some("1"),
                signature: Some(&bound),
            },
        )
        .unwrap_err();
    assert_eq!(error.code, DriverCode::Signature);
    // An edited record is found out.
    let record = files(root.path(), "contracts")
        .into_iter()
        .find(|path| fs::read_to_string(path).unwrap().contains("\"c\""))
        .unwrap();
    let text = fs::read_to_string(&record).unwrap();
    let first = text.find("\"signature\": \"").unwrap() + 14;
    let mut edited = text.into_bytes();
    edited[first + 40] = if edited[first + 40] == b'0' {
        b'1'
    } else {
        b'0'
    };
    fs::write(&record, edited).unwrap();
    let registry = Registry::open(owned(root.path(), "c", 7)).unwrap();
    assert_eq!(registry.get("c").unwrap_err().code, DriverCode::Signature);
}

#[test]
fn damage_is_named_and_spreads_no_further() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    registry.put("good", &module(1), &Put::default()).unwrap();
    registry.put("bad", &module(2), &Put::default()).unwrap();
    let bad = files(root.path(), "contracts")
        .into_iter()
        .find(|path| fs::read_to_string(path).unwrap().contains("\"bad\""))
        .unwrap();
    let text = fs::read_to_string(&bad).unwrap();
    for damage in [
        String::new(),
        text[..text.len() / 2].to_owned(),
        "{}".to_owned(),
        text.replace("\"bad\"", "\"good\""),
        text.replace("\"format\": 1", "\"format\": 2"),
        text.replace("\"pinned\": null", "\"pinned\": \"00\""),
        text.replace(
            "\"pinned\": null",
            &format!("\"pinned\": \"{}\"", "0".repeat(64)),
        ),
        text.replace("\"hash\": \"", "\"hash\": \"../"),
    ] {
        assert_ne!(damage, text);
        fs::write(&bad, &damage).unwrap();
        let registry = open(root.path());
        let error = registry.get("bad").unwrap_err();
        assert_eq!(error.code, DriverCode::Corrupt, "{damage}");
        assert!(error.message.contains(bad.to_str().unwrap()), "{error}");
        assert_eq!(registry.list().unwrap_err().code, DriverCode::Corrupt);
        assert_eq!(version_in_use(&registry, "good").as_deref(), Some("1.2.1"));
        assert_eq!(
            files(root.path(), "blobs").len(),
            2,
            "nothing is garbage while in doubt"
        );
    }
    let registry = open(root.path());
    registry.remove("bad").unwrap();
    assert_eq!(files(root.path(), "blobs").len(), 1);
    // A damaged module is never run; putting it again heals it.
    let blob = files(root.path(), "blobs").pop().unwrap();
    let mut bytes = fs::read(&blob).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let registry = open(root.path());
    assert_eq!(registry.get("good").unwrap_err().code, DriverCode::Corrupt);
    registry.put("good", &module(1), &Put::default()).unwrap();
    assert_eq!(version_in_use(&registry, "good").as_deref(), Some("1.2.1"));
    fs::remove_file(&blob).unwrap();
    let error = open(root.path()).get("good").unwrap_err();
    assert_eq!(error.code, DriverCode::Corrupt);
}

/// A file that had become larger than any of ours was taken for a failure of the system, which stopped the
/// registry from being opened at all.
#[test]
fn a_file_that_is_too_large_is_damaged_too() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    registry.put("bad", &module(2), &Put::default()).unwrap();
    let record = files(root.path(), "contracts").pop().unwrap();
    let blob = files(root.path(), "blobs").pop().unwrap();
    registry.put("good", &module(1), &Put::default()).unwrap();
    // Holes: they take no room on the disk.
    let lengthen = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len((16 << 20) + 1).unwrap();
    };
    let found = |result: Result<(), DriverError>, path: &Path| {
        let error = result.unwrap_err();
        assert_eq!(error.code, DriverCode::Corrupt);
        assert!(error.message.contains(path.to_str().unwrap()), "{error}");
    };
    lengthen(&blob);
    let registry = open(root.path());
    found(registry.get("bad").map(drop), &blob);
    registry.put("bad", &module(2), &Put::default()).unwrap();
    assert_eq!(version_in_use(&registry, "bad").as_deref(), Some("1.2.2"));

    lengthen(&record);
    let registry = open(root.path());
    assert_eq!(version_in_use(&registry, "good").as_deref(), Some("1.2.1"));
    found(registry.get("bad").map(drop), &record);
    found(registry.list().map(drop), &record);
    found(registry.versions("bad").map(drop), &record);
    // A record says what else the contract has: it is not written anew, but removed where that is meant.
    let put = registry.put("bad", &module(2), &Put::default());
    found(put.map(drop), &record);
    assert!(registry.remove("bad").unwrap());
    assert_eq!(registry.list().unwrap().len(), 1);
    registry.put("bad", &module(2), &Put::default()).unwrap();
    assert_eq!(version_in_use(&registry, "bad").as_deref(), Some("1.2.2"));
}

/// Every state that an interrupted `put` or `remove` can leave, made by hand.
#[test]
fn every_interrupted_change_is_before_or_after() {
    let root = tempfile::tempdir().unwrap();
    let registry = open(root.path());
    registry.put("c", &module(1), &Put::default()).unwrap();
    let before = fs::read(&files(root.path(), "contracts")[0]).unwrap();
    let record = files(root.path(), "contracts").pop().unwrap();
    registry.put("c", &module(2), &Put::default()).unwrap();
    let after = fs::read(&record).unwrap();
    let second = files(root.path(), "blobs")
        .into_iter()
        .find(|path| fs::read(path).unwrap() == module(2))
        .unwrap();
    let reset = |contents: &[u8]| {
        fs::write(&record, contents).unwrap();
        fs::write(&second, module(2)).unwrap();
    };
    let check = |expected: &str, blobs: usize, point: &str| {
        let registry = open(root.path());
        assert_eq!(
            version_in_use(&registry, "c").as_deref(),
            Some(expected),
            "{point}"
        );
        assert_eq!(files(root.path(), "blobs").len(), blobs, "{point}");
        assert_eq!(files(root.path(), "contracts").len(), 1, "{point}");
    };
    let temporary = |directory: &str, bytes: &[u8]| {
        fs::write(
            root.path()
                .join(directory)
                .join("0123456789abcdef01234567.tmp"),
            bytes,
        )
        .unwrap();
    };
    reset(&before);
    fs::remove_file(&second).unwrap();
    temporary("blobs", b"");
    check("1.2.1", 1, "an empty temporary module");
    temporary("blobs", &module(2)[..100]);
    check("1.2.1", 1, "half a temporary module");
    temporary("blobs", &module(2));
    check("1.2.1", 1, "a whole temporary module");
    reset(&before);
    check("1.2.1", 1, "the module in place, the record not begun");
    reset(&before);
    temporary("contracts", &after[..20]);
    check("1.2.1", 1, "half a temporary record");
    reset(&before);
    temporary("contracts", &after);
    check("1.2.1", 1, "a whole temporary record");
    reset(&after);
    check("1.2.2", 2, "the record in place");
    // An interrupted removal: the record is gone, the modules are not.
    fs::remove_file(&record).unwrap();
    assert!(open(root.path()).get("c").unwrap().is_none());
    assert_eq!(files(root.path(), "blobs").len(), 0);
}

/// What a registry should hold: for each contract its modules, oldest first, and the pinned one.
type Book = BTreeMap<String, (Vec<[u8; 32]>, Option<[u8; 32]>)>;

/// What the killed process does in one step: a put, and then something else.
fn step_contract(step: u32) -> (String, Vec<u8>) {
    (format!("contract {}", step % 3), module(step % 4))
}

fn expect_put(book: &mut Book, step: u32) {
    let (contract, wasm) = step_contract(step);
    let hash: [u8; 32] = Sha256::digest(&wasm).into();
    let (versions, _) = book.entry(contract).or_default();
    versions.retain(|other| *other != hash);
    versions.push(hash);
}

fn expect_rest(book: &mut Book, step: u32) {
    let (contract, wasm) = step_contract(step);
    let Some((versions, pinned)) = book.get_mut(&contract) else {
        return;
    };
    match step % 5 {
        0 => *pinned = Some(Sha256::digest(&wasm).into()),
        1 => *pinned = None,
        2 => *versions = pinned.or(versions.last().copied()).into_iter().collect(),
        3 => drop(book.remove(&contract)),
        _ => {}
    }
}

/// What a registry holds, every driver of it tried.
fn read_book(registry: &Registry) -> Book {
    let mut book = Book::new();
    for entry in registry.list().unwrap() {
        let driver = registry.get(&entry.contract_id).unwrap().unwrap();
        assert_eq!(driver.hash(), entry.hash);
        assert_eq!(driver.get_version().unwrap(), entry.version);
        let versions = registry.versions(&entry.contract_id).unwrap();
        let pinned = versions.iter().find(|version| version.pinned);
        let pinned = pinned.map(|version| version.hash);
        let hashes = versions.iter().map(|version| version.hash).collect();
        book.insert(entry.contract_id, (hashes, pinned));
    }
    book
}

/// A process that puts, pins and removes without end is killed fifty times, wherever it is then.
/// What it had done is there, and of what it was doing all or nothing.
#[test]
fn a_killed_process_leaves_a_whole_registry() {
    let root = tempfile::tempdir().unwrap();
    let mut before = Book::new();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..50 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "child_of_a_killed_process",
                "--ignored",
                "--nocapture",
            ])
            .env("DRIVER_HOST_TEST_DIRECTORY", root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let done = |line: String| line.strip_prefix("did ")?.parse::<u32>().ok();
        let mut last = None;
        for line in lines.by_ref() {
            last = done(line.unwrap()).or(last);
            if last >= Some((random % 16) as u32) {
                break;
            }
        }
        // A put takes about as long as a few hundred thousand turns.
        for turn in 0..(random >> 8) % 400_000 {
            std::hint::black_box(turn);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died, and nobody had read yet.
        for line in lines.map_while(Result::ok) {
            last = done(line).or(last);
        }
        let last = last.expect("the child did something");
        let mut book = before;
        for step in 0..=last {
            expect_put(&mut book, step);
            expect_rest(&mut book, step);
        }
        let mut begun = book.clone();
        expect_put(&mut begun, last + 1);
        let mut finished = begun.clone();
        expect_rest(&mut finished, last + 1);

        let found = read_book(&open(root.path()));
        assert!(
            [&book, &begun, &finished].contains(&&found),
            "round {round}, after step {last}: {found:?} is none of {book:?}, {begun:?}, {finished:?}"
        );
        // Nothing is left that no contract uses, and no file that is not finished.
        let used: BTreeSet<_> = found.values().flat_map(|(versions, _)| versions).collect();
        let blobs = files(root.path(), "blobs");
        assert_eq!(blobs.len(), used.len(), "{blobs:?}");
        assert_eq!(files(root.path(), "contracts").len(), found.len());
        before = found;
    }
}

#[test]
#[ignore = "run, and killed, by a_killed_process_leaves_a_whole_registry"]
fn child_of_a_killed_process() {
    let Some(directory) = std::env::var_os("DRIVER_HOST_TEST_DIRECTORY") else {
        return;
    };
    let registry = open(Path::new(&directory));
    for step in 0u32.. {
        let (contract, wasm) = step_contract(step);
        let hash = registry.put(&contract, &wasm, &Put::default()).unwrap();
        match step % 5 {
            0 => registry.pin(&contract, hash).unwrap(),
            1 => registry.unpin(&contract).unwrap(),
            2 => registry.prune(&contract).unwrap(),
            3 => drop(registry.remove(&contract).unwrap()),
            _ => {}
        }
        println!("did {step}");
    }
}

#[test]
fn threads_and_handles_share_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let registries: Vec<_> = (0..3).map(|_| open(root.path())).collect();
    std::thread::scope(|scope| {
        for (index, registry) in registries.iter().enumerate() {
            scope.spawn(move || {
                for step in 0..20u32 {
                    let own = format!("own {index}");
                    registry
                        .put(&own, &module(step % 3), &Put::default())
                        .unwrap();
                    registry
                        .put("shared", &module(step % 3), &Put::default())
                        .unwrap();
                    let _ = registry.get("shared").unwrap();
                    registry.prune(&own).unwrap();
                    if step % 7 == index as u32 {
                        registry.remove("shared").unwrap();
                    }
                    let expected = format!("1.2.{}", step % 3);
                    assert_eq!(version_in_use(registry, &own), Some(expected));
                }
            });
        }
    });
    assert_eq!(
        registries[0].list().unwrap().len(),
        registries[2].list().unwrap().len()
    );
}
