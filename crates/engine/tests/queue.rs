//! Large blocks that wait in a queue are read before their turn; what comes of them is what comes of them one by one.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use libmetachain_engine::{
    CandidateBlock, Carried, ChainTip, Connected, Context, Metachain, NativeBlock, OpenOptions, Tip,
};
use libmetachain_primitives::{
    Amount, Code, Detail, Error, Genesis, MetaAddress, NativeAddress, NativeHash, Network,
    Transaction, decode_payload, encode_payload, tx_root,
};
use support::Random;

fn account(number: u64) -> MetaAddress {
    let mut address = [0x44; 20];
    address[4..12].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    MetaAddress(address)
}

fn open(path: Option<&Path>) -> Metachain {
    let options = OpenOptions {
        path: path.map(Path::to_owned),
        genesis: Some(Genesis::new("queue", Network::Opaque)),
        ..OpenOptions::default()
    };
    Metachain::open(&options).expect("it opens")
}

fn in_memory() -> Metachain {
    open(None)
}

fn on_disk(path: &Path) -> Metachain {
    open(Some(path))
}

/// A block of 600 transactions on the tip; many of its accounts are new.
fn block(leader: &Metachain, random: &mut Random) -> NativeBlock {
    block_of(600, leader, random)
}

fn empty(leader: &Metachain, random: &mut Random) -> NativeBlock {
    block_of(0, leader, random)
}

fn block_of(count: usize, leader: &Metachain, random: &mut Random) -> NativeBlock {
    let tip = leader.tip().expect("it is open").tip;
    let (native_height, native_parent) = tip
        .native
        .map_or((1, NativeHash([0; 32])), |(height, hash)| {
            (height + 1, hash)
        });
    let context = Context {
        native_height,
        native_parent,
        time: 5,
    };
    let mut transaction = || {
        let (a, b) = (account(random.below(4_000)), account(random.below(4_000)));
        let (txid, amount) = (None, Amount::new(1 + random.below(9)).expect("an amount"));
        let native = NativeAddress::Opaque(b"bank".to_vec());
        match random.below(4) {
            0 => Transaction::Transfer {
                from: a,
                to: b,
                amount,
                txid,
            },
            1 => Transaction::Withdraw {
                from: a,
                to: native,
                amount,
                txid,
            },
            _ => Transaction::Deposit {
                from: native,
                to: a,
                amount,
                txid,
            },
        }
    };
    let given: Vec<_> = (0..count).map(|_| Ok(transaction())).collect();
    let minted = leader.mint(&context, &given).expect("the context is right");
    let candidate = CandidateBlock {
        context,
        payload: minted.payload.into(),
        carried: Carried::Unchecked,
    };
    NativeBlock {
        hash: NativeHash(random.hash()),
        candidate,
    }
}

/// What is asked of a chain.
enum Step {
    Connect(NativeBlock),
    Disconnect(NativeHash),
}

/// A life with reorganisations, and with blocks in it that are refused; and where it ends.
fn life(random: &mut Random) -> (Vec<Step>, Tip) {
    let leader = in_memory();
    let mut steps = Vec::new();
    for _ in 0..12 {
        let fork = block(&leader, random);
        let real = block(&leader, random);
        if random.chance(3) {
            steps.push(Step::Connect(fork.clone()));
            steps.push(Step::Disconnect(fork.hash));
        }
        if random.chance(4) {
            let mut lie = fork;
            let mut payload = lie.candidate.payload.to_vec();
            let at = random.below(payload.len() as u64) as usize;
            payload[at] ^= 1;
            lie.candidate.payload = payload.into();
            steps.push(Step::Connect(lie));
        }
        leader.connect(real.clone()).expect("it was minted here");
        steps.push(Step::Connect(real));
    }
    (steps, leader.tip().expect("it is open").tip)
}

type Answer = Result<(Option<Connected>, Option<Tip>), Error>;

fn one_by_one(chain: &Metachain, steps: &[Step]) -> Vec<Answer> {
    let step = |step: &Step| match step {
        Step::Connect(native) => chain.connect(native.clone()).map(|done| (Some(done), None)),
        Step::Disconnect(native) => chain.disconnect(*native).map(|back| (None, Some(back.tip))),
    };
    steps.iter().map(step).collect()
}

fn all_at_once(chain: &Metachain, steps: &[Step]) -> Vec<Answer> {
    let (sender, answers) = channel();
    for (number, step) in steps.iter().enumerate() {
        let sender = sender.clone();
        let tell = move |answer: Answer| sender.send((number, answer)).expect("somebody listens");
        match step {
            Step::Connect(native) => {
                chain.connect_later(
                    native.clone(),
                    Box::new(move |done| tell(done.map(|done| (Some(done), None)))),
                );
            }
            Step::Disconnect(native) => {
                chain.disconnect_later(
                    *native,
                    Box::new(move |done| tell(done.map(|back| (None, Some(back.tip))))),
                );
            }
        }
    }
    drop(sender);
    let mut answers: Vec<_> = answers.iter().collect();
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[test]
fn a_queue_of_large_blocks_gives_what_they_give_one_by_one() {
    let mut random = Random::quiet(11);
    for _ in 0..8 {
        let (steps, end) = life(&mut random);
        // On disk, so that what is told is told later than it happened.
        let folder = tempfile::tempdir().expect("a directory");
        let chains = [in_memory(), on_disk(folder.path())];
        let expected = one_by_one(&chains[0], &steps);
        assert_eq!(all_at_once(&chains[1], &steps), expected);
        for chain in &chains {
            let tip = chain.tip().expect("it is open").tip;
            assert_eq!((tip.hash, tip.state_root), (end.hash, end.state_root));
            chain.verify(true, &mut |_, _| true).expect("it is whole");
        }
    }
}

#[test]
fn a_list_of_large_blocks_ends_at_the_first_that_is_refused() {
    let mut random = Random::quiet(12);
    let leader = in_memory();
    let mut blocks = Vec::new();
    for _ in 0..6 {
        let next = block(&leader, &mut random);
        leader.connect(next.clone()).expect("it was minted here");
        blocks.push(next);
    }
    let chain = in_memory();
    let connect = |blocks: Vec<NativeBlock>| {
        let (sender, done) = channel();
        let tell = move |result| sender.send(result).expect("somebody listens");
        chain.connect_many_later(blocks, Arc::new(AtomicBool::new(false)), Box::new(tell));
        done.recv().expect("an answer")
    };
    let mut lied = blocks.clone();
    let mut payload = lied[4].candidate.payload.to_vec();
    payload[40] ^= 1;
    lied[4].candidate.payload = payload.into();
    let error = connect(lied).expect_err("a lie");
    assert!(
        error.code().is_verdict() && error.code() != Code::InvalidSize,
        "{error}"
    );
    assert_eq!(chain.tip().expect("it is open").tip.height, 4);
    assert_eq!(connect(blocks.split_off(4)).expect("honest").len(), 2);
    let [tip, expected] = [&chain, &leader].map(|chain| chain.tip().expect("it is open").tip);
    assert_eq!(tip.state_root, expected.state_root);
}

#[test]
fn a_list_names_the_block_and_the_transaction_that_is_refused() {
    let mut random = Random::quiet(13);
    let leader = in_memory();
    let good = block(&leader, &mut random);
    let payload = &good.candidate.payload;
    let mut refused = decode_payload(payload, u32::MAX, u32::MAX).expect("it was minted here");
    // Nobody has that much.
    let Some(Transaction::Transfer { amount, .. }) = refused
        .transactions
        .iter_mut()
        .find(|transaction| matches!(transaction, Transaction::Transfer { .. }))
    else {
        panic!("a block of 600 transactions has a transfer");
    };
    *amount = Amount::new(1 << 60).expect("an amount");
    refused.header.tx_root = tx_root(&refused.transactions);
    let at = refused
        .transactions
        .iter()
        .position(|transaction| transaction.amount().get() == 1 << 60);
    let mut lie = good;
    lie.candidate.payload = encode_payload(&refused).expect("a payload").into();
    let (sender, done) = channel();
    let tell = move |result| sender.send(result).expect("somebody listens");
    let chain = in_memory();
    chain.connect_many_later(vec![lie], Arc::new(AtomicBool::new(false)), Box::new(tell));
    let error = done.recv().expect("an answer").expect_err("a lie");
    assert_eq!(error.code(), Code::InvalidTransaction);
    let detail = |name: &str| {
        let mut details = error.details().iter().filter(|(own, _)| *own == name);
        let found = details.next().map(|(_, value)| value.clone());
        assert!(details.next().is_none(), "{name} twice");
        found
    };
    assert_eq!(detail("index"), Some(Detail::from(0u64)));
    assert_eq!(detail("transaction"), at.map(|at| Detail::from(at as u64)));
}

#[test]
fn a_reader_misses_no_event_while_blocks_connect() {
    const BLOCKS: u64 = 20_000;
    let (leader, chain) = (in_memory(), in_memory());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut at, mut heights) = (chain.events_from(None).expect("it is open"), Vec::new());
            loop {
                let last = over.load(Ordering::Acquire);
                let (events, next) = chain.events(at, 10).expect("it is open");
                heights.extend(events.iter().map(|event| event.block.header.height));
                if last && next == at {
                    break;
                }
                at = next;
            }
            heights
        });
        let mut random = Random::quiet(14);
        for _ in 0..BLOCKS {
            let next = empty(&leader, &mut random);
            leader.connect(next.clone()).expect("it was minted here");
            chain.connect(next).expect("it follows");
        }
        over.store(true, Ordering::Release);
        let heights = reader.join().expect("the reader");
        assert!(heights.into_iter().eq(1..=BLOCKS));
    });
}

#[test]
fn a_disconnect_that_was_asked_for_before_closing_succeeds() {
    let mut random = Random::quiet(15);
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a directory");
        let chain = on_disk(folder.path());
        let mut blocks = Vec::new();
        for _ in 0..2 {
            let next = empty(&chain, &mut random);
            chain.connect(next.clone()).expect("it follows");
            blocks.push(next.hash);
        }
        let (sender, done) = channel();
        for native in blocks.iter().rev() {
            let sender = sender.clone();
            let tell = move |back: Result<ChainTip, Error>| {
                let told = back.map(|back| (back.tip.height, back.durable_height));
                sender.send(told).expect("somebody listens");
            };
            chain.disconnect_later(*native, Box::new(tell));
        }
        chain.close().expect("it closes");
        assert_eq!(done.recv().expect("an answer"), Ok((1, 1)));
        assert_eq!(done.recv().expect("an answer"), Ok((0, 0)));
    }
}
