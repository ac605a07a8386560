//! Compiled code: once per process, once per directory, and never believed when it is not ours.
//!
//! The cache is the process's own, so the tests take turns.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Wat, private_directory};
use libmetachain_driver_host::{
    CODE_CACHE_BYTES_DEFAULT, CodeCacheMetrics, Driver, DriverCode, Options, Source,
    code_cache_metrics, set_code_cache_bytes_max,
};
use parking_lot::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::new(());

/// A module that no other test has.
fn module(number: u32) -> Vec<u8> {
    Wat::new()
        .extra(&format!("(global i32 (i32.const {number}))"))
        .build()
}

/// Forgets all code that no driver uses.
fn forget() {
    set_code_cache_bytes_max(0);
    set_code_cache_bytes_max(CODE_CACHE_BYTES_DEFAULT);
}

fn turn() -> MutexGuard<'static, ()> {
    let guard = TURN.lock();
    forget();
    guard
}

/// What the cache did while `work` ran: compilations, hits in memory, on disk, refusals.
fn counted<R>(work: impl FnOnce() -> R) -> ([u64; 4], R) {
    let counts = |m: CodeCacheMetrics| [m.compilations, m.hits, m.disk_hits, m.disk_rejections];
    let before = counts(code_cache_metrics());
    let result = work();
    let after = counts(code_cache_metrics());
    (
        std::array::from_fn(|index| after[index] - before[index]),
        result,
    )
}

fn works(driver: &Driver) {
    assert_eq!(driver.decode_event("e", b"[1]").unwrap(), "[1]");
}

fn load(wasm: &[u8], directory: Option<&Path>) -> Driver {
    let options = Options {
        cache_dir: directory.map(Path::to_owned),
        ..Options::default()
    };
    let driver = Driver::load(wasm, &options).expect("it loads");
    works(&driver);
    driver
}

#[test]
fn a_module_is_compiled_once_however_many_ask() {
    let _turn = turn();
    let wasm = module(1);
    let (counts, drivers) = counted(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| load(&wasm, None))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        })
    });
    assert_eq!(counts, [1, 7, 0, 0]);
    // Not kept, but still used: found all the same.
    forget();
    assert_eq!(counted(|| drop(load(&wasm, None))).0, [0, 1, 0, 0]);
    drop(drivers);
    forget();
    assert_eq!(counted(|| drop(load(&wasm, None))).0, [1, 0, 0, 0]);
}

/// Modules of the same length that differ in one byte, at places that a glance sees and does not see.
#[test]
fn modules_that_look_alike_are_told_apart() {
    let _turn = turn();
    let mut plain = module(2);
    // A custom section of 5,000 bytes, named "x".
    plain.extend([0, 0x88, 0x27, 1, b'x']);
    let start = plain.len();
    plain.resize(start + 4_998, 0);
    let alike: Vec<_> = (0..12)
        .map(|place| {
            let mut wasm = plain.clone();
            wasm[start + place * 331] = 1;
            wasm
        })
        .collect();
    let (counts, drivers) = counted(|| {
        let load = |wasm: &Vec<u8>| load(wasm, None);
        alike.iter().map(load).collect::<Vec<_>>()
    });
    assert_eq!(counts, [12, 0, 0, 0]);
    let mut hashes: Vec<_> = drivers.iter().map(Driver::hash).collect();
    let (counts, ()) = counted(|| {
        for (wasm, hash) in alike.iter().zip(&hashes) {
            assert_eq!(load(wasm, None).hash(), *hash);
        }
    });
    assert_eq!(counts, [0, 12, 0, 0]);
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), alike.len());
}

/// The bytes may change as soon as they were read, and be long gone when the driver is loaded.
#[test]
fn a_source_needs_its_bytes_no_more() {
    let _turn = turn();
    for compiled_before in [false, true] {
        let mut wasm = module(3);
        let (counts, driver) = counted(|| {
            let source = Source::new(&wasm);
            wasm.fill(0);
            drop(std::mem::take(&mut wasm));
            Driver::load_from(source, &Options::default()).unwrap()
        });
        works(&driver);
        let found = u64::from(compiled_before);
        assert_eq!(counts, [1 - found, found, 0, 0]);
    }
}

#[test]
fn a_failed_compilation_blocks_nobody() {
    let _turn = turn();
    let bad = b"\0asm\x01\0\0\0".to_vec();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let error = Driver::load(&bad, &Options::default()).unwrap_err();
                assert_eq!(error.code, DriverCode::Rejected);
            });
        }
    });
}

#[test]
fn the_least_recently_used_goes_first() {
    let _turn = turn();
    let modules: Vec<_> = (10..14).map(module).collect();
    drop(load(&modules[0], None));
    let one = code_cache_metrics().bytes as usize;
    set_code_cache_bytes_max(one * 3 + one / 2);
    for wasm in &modules[1..3] {
        drop(load(wasm, None));
    }
    drop(load(&modules[0], None));
    let (_, ()) = counted(|| drop(load(&modules[3], None)));
    assert!(code_cache_metrics().bytes as usize <= one * 3 + one / 2);
    assert_eq!(counted(|| drop(load(&modules[0], None))).0, [0, 1, 0, 0]);
    assert_eq!(counted(|| drop(load(&modules[1], None))).0, [1, 0, 0, 0]);
    set_code_cache_bytes_max(CODE_CACHE_BYTES_DEFAULT);
}

fn only_file(directory: &Path) -> PathBuf {
    let mut found: Vec<_> = fs::read_dir(directory.join("driver-code-v1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "code")
        })
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.pop().unwrap()
}

#[test]
fn code_on_disk_is_found_again() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = module(20);
    assert_eq!(
        counted(|| drop(load(&wasm, Some(directory.path())))).0,
        [1, 0, 0, 0]
    );
    forget();
    assert_eq!(
        counted(|| drop(load(&wasm, Some(directory.path())))).0,
        [0, 0, 1, 0]
    );
    // In memory already, and asked for in another directory: it is left there too.
    let other = private_directory();
    assert_eq!(
        counted(|| drop(load(&wasm, Some(other.path())))).0,
        [0, 1, 0, 0]
    );
    forget();
    assert_eq!(
        counted(|| drop(load(&wasm, Some(other.path())))).0,
        [0, 0, 1, 0]
    );

    let ours = directory.path().join("driver-code-v1");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&ours), 0o700);
    assert_eq!(mode(&ours.join("key")), 0o600);
    assert_eq!(mode(&only_file(directory.path())), 0o600);
    let leftovers = fs::read_dir(&ours).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|extension| extension == "tmp")
    });
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn what_was_tampered_with_is_compiled_again_and_never_run() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = module(30);
    drop(load(&wasm, Some(directory.path())));
    let file = only_file(directory.path());
    let good = fs::read(&file).unwrap();
    let mut attempts: Vec<Vec<u8>> = vec![
        Vec::new(),
        good[..7].to_vec(),
        good[..40].to_vec(),
        good[..good.len() / 2].to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], &[0]].concat(),
        vec![0xff; good.len()],
    ];
    // Every part of the file: magic, hash, memory, code.
    for at in (0..48).chain((48..good.len()).step_by(good.len() / 200)) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        attempts.push(bad);
    }
    for bad in attempts {
        fs::write(&file, &bad).unwrap();
        forget();
        assert_eq!(
            counted(|| drop(load(&wasm, Some(directory.path())))).0,
            [1, 0, 0, 1]
        );
        // Replaced by what is right.
        forget();
        assert_eq!(
            counted(|| drop(load(&wasm, Some(directory.path())))).0,
            [0, 0, 1, 0]
        );
    }
}

#[test]
fn code_of_another_module_key_or_engine_is_not_believed() {
    let _turn = turn();
    let directory = private_directory();
    let (victim, other) = (module(40), module(41));
    drop(load(&victim, Some(directory.path())));
    let file = only_file(directory.path());
    let elsewhere = private_directory();
    // A good file of the same key, for another module.
    let key = directory.path().join("driver-code-v1/key");
    fs::create_dir(elsewhere.path().join("driver-code-v1")).unwrap();
    fs::set_permissions(
        elsewhere.path().join("driver-code-v1"),
        fs::Permissions::from_mode(0o700),
    )
    .unwrap();
    let other_key = elsewhere.path().join("driver-code-v1/key");
    fs::copy(&key, &other_key).unwrap();
    drop(load(&other, Some(elsewhere.path())));
    fs::copy(only_file(elsewhere.path()), &file).unwrap();
    forget();
    assert_eq!(
        counted(|| drop(load(&victim, Some(directory.path())))).0,
        [1, 0, 0, 1]
    );
    // The right module, under another key.
    fs::remove_file(&other_key).unwrap();
    forget();
    drop(load(&victim, Some(elsewhere.path())));
    let foreign: Vec<_> = fs::read_dir(elsewhere.path().join("driver-code-v1"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name() == file.file_name())
        .collect();
    fs::copy(&foreign[0], &file).unwrap();
    forget();
    assert_eq!(
        counted(|| drop(load(&victim, Some(directory.path())))).0,
        [1, 0, 0, 1]
    );
}

#[test]
fn a_damaged_or_readable_key_is_replaced() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = module(50);
    drop(load(&wasm, Some(directory.path())));
    let key = directory.path().join("driver-code-v1/key");
    let before = fs::read(&key).unwrap();
    fs::write(&key, &before[..16]).unwrap();
    forget();
    assert_eq!(
        counted(|| drop(load(&wasm, Some(directory.path())))).0,
        [1, 0, 0, 1]
    );
    let after = fs::read(&key).unwrap();
    assert!(after.len() == 32 && after != before);
    // Others could have read it, and written files with it.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    forget();
    assert_eq!(
        counted(|| drop(load(&wasm, Some(directory.path())))).0,
        [1, 0, 0, 1]
    );
    assert_ne!(fs::read(&key).unwrap(), after);
}

#[test]
fn a_directory_that_others_may_write_into_is_refused() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = module(60);
    drop(load(&wasm, Some(directory.path())));
    let ours = directory.path().join("driver-code-v1");
    let options = Options {
        cache_dir: Some(directory.path().to_owned()),
        ..Options::default()
    };
    for mode in [0o777, 0o770, 0o701] {
        fs::set_permissions(&ours, fs::Permissions::from_mode(mode)).unwrap();
        let error = Driver::load(&wasm, &options).unwrap_err();
        assert_eq!(
            (error.code, error.phase),
            (DriverCode::BadArgument, "cache"),
            "{mode:o}"
        );
    }
    // A link to a private directory is not that directory.
    let elsewhere = private_directory();
    fs::remove_dir_all(&ours).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &ours).unwrap();
    assert_eq!(
        Driver::load(&wasm, &options).unwrap_err().code,
        DriverCode::BadArgument
    );
    // A file where the directory should be is an error, not a crash.
    fs::remove_file(&ours).unwrap();
    fs::write(&ours, b"x").unwrap();
    assert_eq!(Driver::load(&wasm, &options).unwrap_err().phase, "cache");
}

/// A file was judged by its path, and opened by its path again: whoever could put another directory in
/// its place in between had theirs believed. And files of code were not judged at all. Now it is what
/// was opened that must be ours alone.
#[test]
fn a_file_that_is_not_ours_alone_is_not_believed() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = module(61);
    drop(load(&wasm, Some(directory.path())));
    let code = only_file(directory.path());
    let key = directory.path().join("driver-code-v1/key");
    let elsewhere = directory.path().join("elsewhere");
    // What is right in every byte, and the key too, but for others to read or write, a link, or a pipe.
    for file in [&code, &key] {
        for mode in [Some(0o644), Some(0o660), Some(0o602), None] {
            let before = fs::read(&key).unwrap();
            match mode {
                Some(mode) => {
                    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
                }
                None => {
                    fs::rename(file, &elsewhere).unwrap();
                    std::os::unix::fs::symlink(&elsewhere, file).unwrap();
                }
            }
            forget();
            let (counts, ()) = counted(|| drop(load(&wasm, Some(directory.path()))));
            assert_eq!(counts, [1, 0, 0, 1], "{}, {mode:?}", file.display());
            assert_eq!(fs::read(&key).unwrap() != before, file == &key);
            // Replaced by what is ours alone.
            let found = fs::symlink_metadata(file).unwrap();
            assert!(found.is_file() && found.permissions().mode() & 0o777 == 0o600);
            forget();
            let (counts, ()) = counted(|| drop(load(&wasm, Some(directory.path()))));
            assert_eq!(counts, [0, 0, 1, 0]);
        }
        fs::remove_file(file).unwrap();
        let mut pipe = Command::new("mkfifo");
        let made = pipe.args(["-m", "600"]).arg(file).status().unwrap();
        assert!(made.success());
        forget();
        let (counts, ()) = counted(|| drop(load(&wasm, Some(directory.path()))));
        assert_eq!(counts, [1, 0, 0, 1], "{}, a pipe", file.display());
    }
}

/// Our own directory was judged, and the one that it is in was not: whoever may write into that renames
/// ours and puts another there.
#[test]
fn a_directory_in_one_that_others_may_write_into_is_refused() {
    let _turn = turn();
    let directory = private_directory();
    let wasm = module(62);
    let set = |mode| {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    };
    let options = Options {
        cache_dir: Some(directory.path().to_owned()),
        ..Options::default()
    };
    for mode in [0o777, 0o702] {
        set(mode);
        let error = Driver::load(&wasm, &options).unwrap_err();
        assert_eq!(
            (error.code, error.phase),
            (DriverCode::BadArgument, "cache"),
            "{mode:o}"
        );
    }
    // Where only owners rename what is theirs, as in /tmp, ours stays.
    for mode in [0o1777, 0o775, 0o755, 0o700] {
        set(mode);
        drop(load(&wasm, Some(directory.path())));
    }
}

/// Several processes make the directory, its key and the same files at the same time.
#[test]
fn processes_share_a_directory() {
    let _turn = turn();
    let directory = private_directory();
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "child_of_processes_share_a_directory",
                    "--ignored",
                ])
                .env("DRIVER_HOST_TEST_DIRECTORY", directory.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let (counts, ()) = counted(|| {
        for number in 70..74 {
            drop(load(&module(number), Some(directory.path())));
        }
    });
    assert_eq!(counts, [0, 0, 4, 0]);
}

#[test]
#[ignore = "run by processes_share_a_directory in a process of its own"]
fn child_of_processes_share_a_directory() {
    let Some(directory) = std::env::var_os("DRIVER_HOST_TEST_DIRECTORY") else {
        return;
    };
    for number in 70..74 {
        drop(load(&module(number), Some(Path::new(&directory))));
    }
}
