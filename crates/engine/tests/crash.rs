//! Crashes at every write and sync of a chain's life: what opens afterwards is exactly the chain
//! before or after the call that was under way, with all that was acknowledged.
//!
//! The first bridges of this kind committed a block in several writes, and after a crash called valid
//! blocks invalid. Here a block is one record; the simulated disk shows what that is worth.

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libmetachain_engine::{
    CandidateBlock, Carried, Durability, Media, Metachain, NativeBlock, OpenOptions,
};
use libmetachain_primitives::{
    Amount, Code, Genesis, MetaAddress, NativeAddress, NativeHash, Receipt, Result, Transaction,
};
use libmetachain_store::sim::{Crash, SimDisk};
use libmetachain_store::{IndexOptions, StoreOptions};
use support::{Model, ModelBlock, Random, address};

/// Segments this small roll over several times in one workload.
const SEGMENT_BYTES: u64 = 8 << 10;

fn open(disk: &SimDisk, model: &Model) -> Result<Metachain> {
    let media = Media {
        disk: Arc::new(disk.clone()),
        files: StoreOptions {
            segment_bytes: SEGMENT_BYTES,
            fill_bytes: 4 << 10,
            // One thread, so that the operations of every run have the same numbers.
            writer_thread: false,
            ..StoreOptions::default()
        },
        index: IndexOptions {
            thread: false,
            ..IndexOptions::default()
        },
    };
    Metachain::open_on(
        &media,
        &OpenOptions {
            path: Some(PathBuf::from("/chain")),
            genesis: Some(model.genesis.clone()),
            durability: Durability::Block,
            undo_depth: 8,
            // None in the background: the one at each close, so that operations keep their numbers.
            snapshot_every: u64::MAX,
            ..OpenOptions::default()
        },
    )
}

/// The states that the chain went through, as the model knows them; the last may be under way.
struct History {
    model: Model,
    /// Heights and state roots after each call that was begun.
    begun: Vec<Vec<ModelBlock>>,
    /// How many of them were acknowledged.
    acknowledged: usize,
}

impl History {
    fn new() -> Self {
        Self::of(support::genesis())
    }

    fn of(genesis: Genesis) -> Self {
        History {
            model: Model::new(genesis),
            begun: vec![Vec::new()],
            acknowledged: 0,
        }
    }
}

/// Mints, connects, disconnects and reopens; stops at the first error, and closes in any case.
fn live(disk: &SimDisk, history: &mut History) -> Result<()> {
    let mut open_now = None;
    let lived = live_until_error(disk, history, &mut open_now);
    let closed = open_now.map_or(Ok(()), |chain| chain.close());
    lived.and(closed)
}

fn live_until_error(
    disk: &SimDisk,
    history: &mut History,
    open_now: &mut Option<Metachain>,
) -> Result<()> {
    let mut random = Random::quiet(7);
    for step in 0..28 {
        if step % 9 == 8
            && let Some(chain) = open_now.take()
        {
            chain.close()?;
        }
        let chain = match open_now {
            Some(chain) => chain,
            None => open_now.insert(open(disk, &history.model)?),
        };
        if step % 5 == 4 {
            let tip = history.model.blocks.pop().expect("there are blocks").native;
            history.begun.push(history.model.blocks.clone());
            chain.disconnect(tip)?;
            history.acknowledged = history.begun.len() - 1;
        } else {
            extend(chain, history, &mut random)?;
        }
    }
    Ok(())
}

fn extend(chain: &Metachain, history: &mut History, random: &mut Random) -> Result<()> {
    let given = support::transactions(random, 12);
    connect(chain, history, random, &given)
}

fn connect(
    chain: &Metachain,
    history: &mut History,
    random: &mut Random,
    given: &[std::result::Result<Transaction, Receipt>],
) -> Result<()> {
    let context = history.model.context(random);
    let (state, transactions, _) = history.model.mint(given);
    let minted = chain.mint(&context, given)?;
    let native = NativeHash(random.hash());
    history
        .model
        .push(native, context, &minted, (state, transactions));
    history.begun.push(history.model.blocks.clone());
    let candidate = CandidateBlock {
        context,
        payload: minted.payload.into(),
        carried: Carried::Unchecked,
    };
    chain.connect(NativeBlock {
        hash: native,
        candidate,
    })?;
    history.acknowledged = history.begun.len() - 1;
    Ok(())
}

/// Opens what a crash left and finds one of the permitted states in it, whole.
fn judge(image: &SimDisk, history: &History) -> std::result::Result<(), String> {
    let chain = open(image, &history.model).map_err(|error| format!("does not open: {error:?}"))?;
    let tip = chain.tip().map_err(|error| error.to_string())?.tip;
    let permitted = history.begun.iter().skip(history.acknowledged);
    let found = permitted
        .into_iter()
        .find(|blocks| {
            blocks.last().map(|block| block.hash) == (tip.height > 0).then_some(tip.hash)
        })
        .ok_or_else(|| format!("the tip at {} is neither before nor after", tip.height))?;
    let state = found
        .last()
        .map_or(&history.model.first, |block| &block.state);
    if tip.state_root != state.root() {
        return Err("another state root than the model's".into());
    }
    for n in 0..24 {
        let account = chain
            .account(&address(n))
            .map_err(|error| error.to_string())?;
        if account.map(|a| (a.balance, a.sequence)) != state.get(address(n)) {
            return Err(format!("account {n} differs"));
        }
    }
    chain
        .close()
        .map_err(|error| format!("does not close: {error:?}"))
}

fn crashes(at: u64) -> Vec<Crash> {
    let mut crashes = vec![Crash::Process, Crash::DropAll];
    crashes.extend((0..2).map(|n| Crash::Prefix(at * 7 + n)));
    crashes.extend((0..3).map(|n| Crash::Scatter(at * 11 + n)));
    crashes
}

#[test]
fn a_crash_anywhere_leaves_the_chain_before_or_after_the_call() {
    let whole = SimDisk::new();
    live(&whole, &mut History::new()).expect("nothing fails");
    let mut images = 0;
    for at in 0..whole.op_count() {
        let disk = SimDisk::new();
        disk.power_off_at(at);
        let mut history = History::new();
        let _ = live(&disk, &mut history);
        for crash in crashes(at) {
            judge(&disk.after_crash(crash), &history)
                .unwrap_or_else(|why| panic!("power off at {at}, {crash:?}: {why}"));
            images += 1;
        }
    }
    println!("{images} images judged");
    assert!(images > 700, "only {images} images were judged");
}

/// Accounts of blocks that are written by one thread while another applies them.
const MANY: u16 = 700;

/// Connects blocks of many accounts: first they are new, then they change.
fn live_large(disk: &SimDisk, history: &mut History) -> Result<()> {
    let chain = open(disk, &history.model)?;
    let mut random = Random::quiet(8);
    let lived = (1..=3).try_for_each(|amount| {
        let deposit = |n: u16| {
            let mut to = [1; 20];
            to[..2].copy_from_slice(&n.to_le_bytes());
            Ok(Transaction::Deposit {
                from: NativeAddress::WitnessKeyHash([2; 20]),
                to: MetaAddress(to),
                amount: Amount::new(amount).expect("it is in range"),
                txid: None,
            })
        };
        let given: Vec<_> = (0..MANY).map(deposit).collect();
        connect(&chain, history, &mut random, &given)
    });
    lived.and(chain.close())
}

#[test]
fn a_large_block_is_on_disk_when_it_is_told() {
    let mut genesis = support::genesis();
    genesis.transactions_max = u32::from(MANY);
    let history = || History::of(genesis.clone());
    let whole = SimDisk::new();
    live_large(&whole, &mut history()).expect("nothing fails");
    let mut told = 0;
    for at in 0..whole.op_count() {
        let disk = SimDisk::new();
        disk.power_off_at(at);
        let mut cut = history();
        let _ = live_large(&disk, &mut cut);
        for crash in [Crash::DropAll, Crash::Prefix(at), Crash::Scatter(at)] {
            judge(&disk.after_crash(crash), &cut)
                .unwrap_or_else(|why| panic!("power off at {at}, {crash:?}: {why}"));
        }
        told = told.max(cut.acknowledged);
        let disk = SimDisk::new();
        disk.fail_at(at, std::io::ErrorKind::Other);
        let mut failed = history();
        if let Err(error) = live_large(&disk, &mut failed) {
            assert!(!error.is_verdict(), "operation {at}: {error:?}");
        }
        judge(&disk, &failed).unwrap_or_else(|why| panic!("operation {at} fails: {why}"));
    }
    assert_eq!(told, 3);
}

/// What opens an image may be cut off as well, at each of its own writes and syncs.
#[test]
fn a_crash_while_a_crash_is_healed_leaves_the_same_chain() {
    let whole = SimDisk::new();
    live(&whole, &mut History::new()).expect("nothing fails");
    let mut images = 0;
    for at in (0..whole.op_count()).step_by(6) {
        let disk = SimDisk::new();
        disk.power_off_at(at);
        let mut history = History::new();
        let _ = live(&disk, &mut history);
        let image = disk.after_crash(Crash::Scatter(at));
        let healed = image.copy();
        drop(open(&healed, &history.model));
        for recovery in 0..healed.op_count() {
            let again = image.copy();
            again.power_off_at(recovery);
            drop(open(&again, &history.model));
            for crash in [Crash::DropAll, Crash::Scatter(recovery)] {
                judge(&again.after_crash(crash), &history).unwrap_or_else(|why| {
                    panic!("power off at {at}, then at {recovery} of the healing, {crash:?}: {why}")
                });
                images += 1;
            }
        }
    }
    println!("{images} images judged");
    assert!(images > 300, "only {images} images were judged");
}

/// A full disk refuses a block or leaves out what is derived; with space the chain goes on.
#[test]
fn a_full_disk_keeps_the_chain() {
    let mut refused = 0;
    for capacity in (0..900_000).step_by(30_011) {
        let disk = SimDisk::new();
        disk.set_capacity(Some(capacity));
        let mut history = History::new();
        if let Err(error) = live(&disk, &mut history) {
            assert_eq!(error.code(), Code::StoreFull, "{capacity}: {error:?}");
            assert!(!error.is_verdict());
            refused += 1;
        }
        disk.set_capacity(None);
        judge(&disk, &history).unwrap_or_else(|why| panic!("capacity {capacity}: {why}"));
    }
    println!("{refused} lives ended by a full disk");
    assert!(refused > 3);
}

#[test]
fn a_failed_operation_is_an_error_of_ours_and_loses_nothing() {
    let whole = SimDisk::new();
    live(&whole, &mut History::new()).expect("nothing fails");
    for kind in [std::io::ErrorKind::Other, std::io::ErrorKind::StorageFull] {
        for at in 0..whole.op_count() {
            let disk = SimDisk::new();
            disk.fail_at(at, kind);
            let mut history = History::new();
            if let Err(error) = live(&disk, &mut history) {
                assert!(!error.is_verdict(), "operation {at}: {error:?}");
            }
            judge(&disk, &history)
                .unwrap_or_else(|why| panic!("operation {at} fails with {kind:?}: {why}"));
        }
    }
}

#[test]
fn who_listens_for_the_end_hears_of_it_once_however_late() {
    let whole = SimDisk::new();
    live(&whole, &mut History::new()).expect("nothing fails");
    let mut ended = 0;
    for at in 0..whole.op_count() {
        let disk = SimDisk::new();
        disk.fail_at(at, std::io::ErrorKind::Other);
        let (mut chain, heard) = (None, Arc::new(AtomicUsize::new(0)));
        let listen = |chain: &Metachain| {
            let heard = Arc::clone(&heard);
            chain.on_fatal(move |_| {
                heard.fetch_add(1, Ordering::Relaxed);
            });
        };
        let error = live_until_error(&disk, &mut History::new(), &mut chain).err();
        if let Some(chain) = chain.filter(|_| error.is_some_and(|error| error.is_fatal())) {
            listen(&chain);
            assert_eq!(heard.load(Ordering::Relaxed), 1, "operation {at}");
            assert!(chain.tip().is_err_and(|error| error.is_fatal()));
            listen(&chain);
            assert_eq!(heard.load(Ordering::Relaxed), 2, "operation {at}");
            ended += 1;
        }
    }
    assert!(ended > 3, "{ended} lives ended");
}

/// The proof that this harness notices what it is for: a sync that only says it was made.
#[test]
fn a_skipped_sync_is_noticed() {
    let whole = SimDisk::new();
    live(&whole, &mut History::new()).expect("nothing fails");
    let noticed = (0..whole.op_count()).any(|skipped| {
        (skipped + 1..(skipped + 6).min(whole.op_count())).any(|at| {
            let disk = SimDisk::new();
            disk.skip_at(skipped);
            disk.power_off_at(at);
            let mut history = History::new();
            let _ = live(&disk, &mut history);
            judge(&disk.after_crash(Crash::DropAll), &history).is_err()
        })
    });
    assert!(noticed);
}
