//! The handshake and sync, exhaustively over small chains: every way in which ours and the native
//! node's can stand to each other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use libmetachain_engine::{
    CandidateBlock, Carried, Context, Handshake, Metachain, NativeBlock, NativeSource, NativeTip,
    OpenOptions,
};
use libmetachain_primitives::{Code, Genesis, NativeHash, Network, Result};

const FIRST: u64 = 10;

/// A native chain whose blocks from `FIRST` on carry empty metachain blocks. Chains of one `branch`
/// are equal; others part from it at `parts`.
#[derive(Clone)]
struct Native {
    blocks: Vec<Option<NativeBlock>>,
    hashes: Vec<NativeHash>,
    locked: Option<u64>,
    asked: u64,
}

impl Native {
    fn hash_of(height: u64, branch: u8) -> NativeHash {
        let mut bytes = [branch; 32];
        bytes[..8].copy_from_slice(&height.to_le_bytes());
        NativeHash(bytes)
    }

    /// Blocks 0 to `top`; those from `parts` on are of the branch.
    fn new(top: u64, parts: u64, branch: u8) -> Native {
        let chain = metachain(1_000);
        let mut native = Native {
            blocks: Vec::new(),
            hashes: Vec::new(),
            locked: None,
            asked: 0,
        };
        for height in 0..=top {
            let hash = Self::hash_of(height, if height >= parts { branch } else { 0 });
            let block = (height >= FIRST).then(|| {
                let context = Context {
                    native_height: height,
                    native_parent: native.hashes[height as usize - 1],
                    time: height,
                };
                let minted = chain.mint(&context, &[]).expect("the context is right");
                let candidate = CandidateBlock {
                    context,
                    payload: minted.payload.into(),
                    carried: Carried::Unchecked,
                };
                let block = NativeBlock { hash, candidate };
                chain
                    .connect(block.clone())
                    .expect("what was minted connects");
                block
            });
            native.hashes.push(hash);
            native.blocks.push(block);
        }
        native
    }

    fn top(&self) -> u64 {
        self.hashes.len() as u64 - 1
    }
}

impl NativeSource for Native {
    fn tip(&mut self) -> Result<NativeTip> {
        Ok(NativeTip {
            height: self.top(),
            hash: self.hashes[self.top() as usize],
            locked: self.locked,
        })
    }

    fn hash(&mut self, native_height: u64) -> Result<Option<NativeHash>> {
        self.asked += 1;
        Ok(self.hashes.get(native_height as usize).copied())
    }

    fn block(&mut self, native_height: u64) -> Result<Option<NativeBlock>> {
        Ok(self.blocks.get(native_height as usize).cloned().flatten())
    }
}

fn metachain(undo_depth: u64) -> Metachain {
    let mut genesis = Genesis::new("handshake", Network::Opaque);
    genesis.native_start = Some(FIRST);
    Metachain::open(&OpenOptions {
        genesis: Some(genesis),
        undo_depth,
        ..OpenOptions::default()
    })
    .expect("it opens in memory")
}

fn following(native: &Native, undo_depth: u64) -> Metachain {
    let chain = metachain(undo_depth);
    for block in native.blocks.iter().flatten() {
        chain.connect(block.clone()).expect("it connects");
    }
    chain
}

fn no_abort() -> AtomicBool {
    AtomicBool::new(false)
}

/// The answer as its rules say it, from complete knowledge of both chains.
fn expected(ours: &Native, native: &Native, undo_depth: u64) -> Handshake {
    let (top, native_top) = (ours.top(), native.top());
    let blocks = (top + 1).saturating_sub(FIRST);
    if blocks == 0 {
        return if native_top < FIRST {
            Handshake::InSync
        } else {
            Handshake::Replay {
                from_native_height: FIRST,
            }
        };
    }
    let common = (0..=top.min(native_top))
        .take_while(|height| ours.hashes[*height as usize] == native.hashes[*height as usize])
        .last()
        .expect("block 0 is the same");
    // Below our first block nothing of ours can be compared but its parent.
    let seen = common.max(FIRST - 1).min(native_top);
    let undone = blocks.min(top - seen);
    if common == top {
        return if native_top == top {
            Handshake::InSync
        } else {
            Handshake::Replay {
                from_native_height: top + 1,
            }
        };
    }
    if undone <= undo_depth {
        return Handshake::Unwind {
            to_native_height: seen,
        };
    }
    if native_top <= common || native_top + 1 < FIRST {
        Handshake::Ahead {
            common_native_height: native_top,
        }
    } else if native_top + 1 == FIRST {
        Handshake::Diverged {
            native_height: native_top,
        }
    } else {
        Handshake::Diverged {
            native_height: seen + 1,
        }
    }
}

#[test]
fn every_pair_of_small_chains_is_judged_and_followed() {
    let mut cases = 0;
    for undo_depth in [2, 4, 100] {
        for our_top in FIRST - 3..FIRST + 7 {
            let ours = Native::new(our_top, u64::MAX, 0);
            for native_top in FIRST - 5..FIRST + 9 {
                for parts in FIRST - 2..=native_top + 1 {
                    let mut native = Native::new(native_top, parts, 1);
                    let chain = following(&ours, undo_depth);
                    let found = chain.handshake(&mut native).expect("it is answered");
                    let case = format!(
                        "ours {our_top}, native {native_top} from {parts}, undo {undo_depth}"
                    );
                    assert_eq!(found, expected(&ours, &native, undo_depth), "{case}");
                    follow(&chain, &mut native, found, &case);
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} pairs of chains");
}

fn follow(chain: &Metachain, native: &mut Native, found: Handshake, case: &str) {
    let before = chain.tip().expect("it is open");
    let synced = chain.sync(native, &no_abort(), &mut |done, total| {
        assert!(done <= total)
    });
    match found {
        Handshake::Diverged { .. } => {
            assert_eq!(synced.expect_err(case).code(), Code::UndoTooDeep, "{case}");
            assert_eq!(chain.tip().expect("it is open"), before, "{case}");
        }
        Handshake::Ahead { .. } => assert_eq!(synced.expect(case), before, "{case}"),
        _ => {
            let tip = synced.expect(case).tip.native;
            let wanted = (native.top() >= FIRST)
                .then(|| (native.top(), native.hashes[native.top() as usize]));
            assert_eq!(tip, wanted, "{case}");
            assert_eq!(
                chain.handshake(native).expect(case),
                Handshake::InSync,
                "{case}"
            );
        }
    }
}

/// A search that is off by one somewhere would be noticed: here the native node's answers are.
#[test]
fn an_answer_that_is_off_by_one_is_noticed() {
    struct OffByOne(Native);
    impl NativeSource for OffByOne {
        fn tip(&mut self) -> Result<NativeTip> {
            self.0.tip()
        }
        fn hash(&mut self, native_height: u64) -> Result<Option<NativeHash>> {
            self.0.hash(native_height.saturating_sub(1))
        }
        fn block(&mut self, native_height: u64) -> Result<Option<NativeBlock>> {
            self.0.block(native_height)
        }
    }
    let mut noticed = 0;
    let ours = Native::new(FIRST + 5, u64::MAX, 0);
    for parts in FIRST..FIRST + 7 {
        let native = Native::new(FIRST + 6, parts, 1);
        let right = expected(&ours, &native, 100);
        let found = following(&ours, 100).handshake(&mut OffByOne(native));
        noticed += u32::from(found.ok() != Some(right));
    }
    assert!(
        noticed >= 5,
        "only {noticed} of 7 wrong answers were noticed"
    );
}

#[test]
fn blocks_that_a_reindexing_node_connects_again_are_known() {
    let native = Native::new(FIRST + 6, u64::MAX, 0);
    let chain = following(&native, 2);
    let before = chain.tip().expect("it is open");
    for block in native.blocks.iter().flatten() {
        let connected = chain.connect(block.clone()).expect("it is known");
        assert_eq!(connected.status, libmetachain_engine::ConnectStatus::Known);
    }
    assert_eq!(chain.tip().expect("it is open"), before);
}

#[test]
fn a_lock_balance_that_is_not_the_supply_is_told() {
    let mut native = Native::new(FIRST + 2, u64::MAX, 0);
    let chain = following(&native, 100);
    native.locked = Some(0);
    assert_eq!(
        chain.handshake(&mut native).expect("equal"),
        Handshake::InSync
    );
    native.locked = Some(1);
    let error = chain.handshake(&mut native).expect_err("unequal");
    assert_eq!(error.code(), Code::LockedMismatch);
    assert!(!error.is_verdict());
}

#[test]
fn a_source_that_lacks_a_block_below_its_tip_is_told() {
    let native = Native::new(FIRST + 6, u64::MAX, 0);
    let chain = following(&native, 100);
    let mut other = Native::new(FIRST + 6, FIRST + 2, 1);
    other.hashes.truncate(3);
    struct Gap(Native);
    impl NativeSource for Gap {
        fn tip(&mut self) -> Result<NativeTip> {
            Ok(NativeTip {
                height: FIRST + 6,
                hash: NativeHash([9; 32]),
                locked: None,
            })
        }
        fn hash(&mut self, native_height: u64) -> Result<Option<NativeHash>> {
            self.0.hash(native_height)
        }
        fn block(&mut self, native_height: u64) -> Result<Option<NativeBlock>> {
            self.0.block(native_height)
        }
    }
    let error = chain
        .handshake(&mut Gap(other))
        .expect_err("a block is missing");
    assert_eq!(error.code(), Code::BadArgument);
}

#[test]
fn a_deep_fork_takes_few_questions() {
    let top = FIRST + 900;
    let chain = following(&Native::new(top, u64::MAX, 0), 10_000);
    let mut native = Native::new(top, FIRST + 17, 1);
    let found = chain.handshake(&mut native).expect("it is answered");
    assert_eq!(
        found,
        Handshake::Unwind {
            to_native_height: FIRST + 16
        }
    );
    assert!(native.asked <= 22, "{} questions", native.asked);
}

#[test]
fn an_abort_stops_sync_between_blocks_and_the_next_goes_on() {
    let mut native = Native::new(FIRST + 20, u64::MAX, 0);
    let chain = metachain(100);
    let aborted = Arc::new(no_abort());
    let flag = Arc::clone(&aborted);
    let error = chain
        .sync(&mut native, &aborted, &mut |done, _| {
            if done == 5 {
                flag.store(true, std::sync::atomic::Ordering::Release);
            }
        })
        .expect_err("it was aborted");
    assert_eq!(error.code(), Code::Aborted);
    assert_eq!(chain.tip().expect("it is open").tip.height, 5);
    let tip = chain
        .sync(&mut native, &no_abort(), &mut |_, _| ())
        .expect("it goes on");
    assert_eq!(tip.tip.native.map(|(height, _)| height), Some(FIRST + 20));
}
