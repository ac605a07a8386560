//! Built with the feature `planted-skipped-sync`, the store acknowledges what it has not synced. The
//! crash test must notice, or it proves nothing.
//!
//! `cargo test --release -p libmetachain-store --features planted-skipped-sync --test planted`
#![cfg(feature = "planted-skipped-sync")]

mod common;

use common::crash::{History, judge, workload};
use libmetachain_store::sim::{Crash, SimDisk};

#[test]
fn a_build_that_skips_the_commit_sync_fails_the_crash_test() {
    let mut noticed = 0;
    for at in 0..120 {
        let disk = SimDisk::new();
        disk.power_off_at(at);
        let mut history = History::default();
        let _ = workload(&disk, &mut history);
        noticed += u32::from(judge(&disk.after_crash(Crash::DropAll), &history).is_err());
    }
    assert!(noticed > 50, "only {noticed} crashes were judged wrong");
}
