//! Random lives of a chain, against the naive ledger: mint, check, apply, take back, reopen.

mod common;

use std::env;

use common::{Entry, Naive, amount, dump, meta, native, native_hash, txid};
use libmetachain_ledger::{
    Candidate, Carried, Context, Hashing, Ledger, Replay, Restore, Tip, Undo,
};
use libmetachain_primitives::{
    Block, Code, Genesis, NativeHash, Network, Receipt, Transaction, decode_payload, tx_root,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[derive(Clone, Debug)]
enum Step {
    /// A block of these transactions; `by_check` applies what judging the payload gave.
    Block {
        entries: Vec<Entry>,
        time: u64,
        by_check: bool,
    },
    /// This many blocks are taken back.
    Revert(u8),
    /// The ledger is dropped and rebuilt from all blocks.
    Replay,
    /// It is rebuilt from a snapshot that was begun this many blocks ago.
    Restore(u8),
}

fn entry() -> impl Strategy<Value = Entry> {
    let units = prop_oneof![
        6 => 1u64..200,
        1 => (1u64 << 62)..(1 << 63) - 1,
        1 => Just((1u64 << 63) - 1),
    ];
    let id = prop::option::weighted(0.4, (0u8..60).prop_map(txid));
    // Few accounts at first, so that many meet; now and then a new one between two old ones.
    let party = || prop_oneof![4 => 0u8..8, 1 => 0u8..30].prop_map(meta);
    let transaction = (0u8..10, party(), party(), any::<u8>(), units, id);
    transaction.prop_map(|(kind, from, to, other, units, txid)| {
        let amount = amount(units);
        match kind {
            0..4 => Ok(Transaction::Deposit {
                from: native(other),
                to,
                amount,
                txid,
            }),
            4..6 => Ok(Transaction::Withdraw {
                from,
                to: native(other),
                amount,
                txid,
            }),
            6..9 => Ok(Transaction::Transfer {
                from,
                to,
                amount,
                txid,
            }),
            _ => Err(Receipt::new(
                Code::InvalidAddress,
                "malformed before it came here",
            )),
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let entries = prop::collection::vec(entry(), 0..25);
    prop_oneof![
        10 => (entries, 0u64..50, any::<bool>())
            .prop_map(|(entries, time, by_check)| Step::Block { entries, time, by_check }),
        3 => (1u8..6).prop_map(Step::Revert),
        1 => Just(Step::Replay),
        1 => (0u8..5).prop_map(Step::Restore),
    ]
}

fn params() -> impl Strategy<Value = Genesis> {
    let balances =
        prop::collection::btree_map((0u8..12).prop_map(meta), (1u64..500).prop_map(amount), 0..6);
    let start = prop::option::of(0u64..9);
    let transactions = prop_oneof![Just(1_000_000u32), 1u32..20];
    let bytes = prop_oneof![Just(16u32 << 20), 1024u32..3000];
    (balances, start, transactions, bytes, 0u32..5, 0u64..20).prop_map(
        |(balances, native_start, transactions_max, payload_bytes_max, replay_window, time)| {
            Genesis {
                balances,
                native_start,
                transactions_max,
                payload_bytes_max,
                replay_window,
                time,
                ..Genesis::new("model", Network::Opaque)
            }
        },
    )
}

/// A block as a store keeps it.
struct Stored {
    block: Block,
    native: NativeHash,
    undo: Vec<u8>,
    touched: Vec<u32>,
    /// Everything readable before the block.
    before: Vec<u8>,
    tip_before: Tip,
}

struct Life {
    genesis: Genesis,
    ledger: Ledger,
    /// The same ledger, hashed one at a time.
    scalar: Ledger,
    naive: Naive,
    stored: Vec<Stored>,
    fork: u8,
}

impl Life {
    fn new(genesis: Genesis) -> Self {
        Self {
            ledger: Ledger::new(genesis.clone()).expect("genesis"),
            scalar: Ledger::with_hashing(genesis.clone(), Hashing::Scalar).expect("genesis"),
            naive: Naive::new(genesis.clone()),
            genesis,
            stored: Vec::new(),
            fork: 0,
        }
    }

    fn context(&self, time: u64) -> Context {
        let tip = self.ledger.tip();
        let (native_height, native_parent) = match tip.native {
            Some((height, hash)) => (height + 1, hash),
            None => (self.genesis.native_start.unwrap_or(5), native_hash(4, 0)),
        };
        Context {
            native_height,
            native_parent,
            time,
        }
    }

    fn block(&mut self, entries: &[Entry], time: u64, by_check: bool) {
        let context = self.context(time);
        let expected = self.naive.execute(&context, entries);
        let before = dump(&self.ledger);
        let tip_before = *self.ledger.tip();
        let minted = self
            .ledger
            .mint(&context, entries)
            .expect("mint never fails here");
        let again = self
            .scalar
            .mint(&context, entries)
            .expect("mint never fails here");
        assert_eq!((&minted.payload, minted.hash), (&again.payload, again.hash));
        assert_eq!(minted.rejected, again.rejected);

        let found = minted
            .rejected
            .iter()
            .map(|r| (r.index, r.receipt.code, r.receipt.balance));
        assert_eq!(found.collect::<Vec<_>>(), expected.rejected);
        assert_eq!(minted.block.transactions, expected.transactions);
        let header = &minted.block.header;
        assert_eq!(header.hash(), minted.hash);
        assert_eq!(
            (header.height, header.parent),
            (tip_before.height + 1, tip_before.hash)
        );
        assert_eq!(header.genesis, self.genesis.hash());
        assert_eq!(header.native_height, context.native_height);
        assert_eq!(header.native_parent, context.native_parent);
        assert_eq!(header.tx_count as usize, expected.transactions.len());
        assert_eq!(header.tx_root, tx_root(&expected.transactions));
        assert_eq!(
            (header.time, header.supply),
            (expected.time, expected.supply)
        );
        assert_eq!(header.state_root, expected.state_root);
        let (bytes, count) = (
            self.genesis.payload_bytes_max,
            self.genesis.transactions_max,
        );
        assert_eq!(
            decode_payload(&minted.payload, bytes, count).as_ref(),
            Ok(&minted.block)
        );

        let candidate = Candidate {
            context,
            payload: &minted.payload,
            carried: Carried::Root(header.tx_root),
        };
        let checked = self
            .ledger
            .check(&candidate)
            .expect("what was minted passes");
        assert_eq!((checked.hash, &checked.block), (minted.hash, &minted.block));
        assert_eq!(
            dump(&self.ledger),
            before,
            "minting and checking change nothing"
        );

        let delta = if by_check {
            checked.delta
        } else {
            minted.delta
        };
        let undo = self.ledger.encoded_undo_of(&delta);
        assert_eq!(undo, self.ledger.undo_of(&delta).encode());
        assert_eq!(undo, self.scalar.undo_of(&again.delta).encode());
        let touched = delta.touched().to_vec();
        self.fork = self.fork.wrapping_add(1);
        let native = native_hash(context.native_height, self.fork);
        self.ledger.apply(delta, native).expect("apply");
        self.scalar.apply(again.delta, native).expect("apply");
        self.naive
            .apply(expected, minted.hash, (context.native_height, native));
        let block = minted.block;
        self.stored.push(Stored {
            block,
            native,
            undo,
            touched,
            before,
            tip_before,
        });
    }

    fn revert(&mut self) {
        let Some(stored) = self.stored.pop() else {
            return;
        };
        let undo = Undo::decode(&stored.undo).expect("a stored undo");
        assert_eq!(*undo.previous(), stored.tip_before);
        self.ledger.revert(&undo).expect("revert");
        self.scalar.revert(&undo).expect("revert");
        self.naive.revert();
        assert_eq!(
            dump(&self.ledger),
            stored.before,
            "as before the block, byte for byte"
        );
    }

    /// From genesis, with blocks that were taken back on the way.
    fn replay(&mut self) {
        let before = dump(&self.ledger);
        let mut replay = Replay::new(self.genesis.clone()).expect("genesis");
        for (number, stored) in self.stored.iter().enumerate() {
            replay
                .replay(&stored.block, stored.native)
                .expect("a stored block");
            if number % 3 == 2 {
                replay
                    .revert(&Undo::decode(&stored.undo).expect("undo"))
                    .expect("its undo");
                replay
                    .replay(&stored.block, stored.native)
                    .expect("a stored block");
            }
        }
        self.ledger = replay.finish_replay().expect("the same root");
        assert_eq!(dump(&self.ledger), before);
    }

    /// From a snapshot whose accounts were read some blocks ago, then the later blocks' changes.
    fn restore(&mut self, ago: usize) {
        let before = dump(&self.ledger);
        let behind = ago.min(self.stored.len());
        for _ in 0..behind {
            let undo = Undo::decode(&self.stored[self.stored.len() - 1].undo).expect("undo");
            self.ledger.revert(&undo).expect("revert");
            let stored = self.stored.pop().expect("a block");
            self.stored.insert(0, stored);
        }
        let mut early = Vec::new();
        let mut from = 0;
        while let read @ 1.. = self.ledger.read_accounts(from, 3, &mut early) {
            from += read;
        }
        let mut touched: Vec<u32> = Vec::new();
        for _ in 0..behind {
            let stored = self.stored.remove(0);
            let payload = libmetachain_primitives::encode_payload(&stored.block).expect("payload");
            let header = &stored.block.header;
            let context = Context {
                native_height: header.native_height,
                native_parent: header.native_parent,
                time: header.time,
            };
            let candidate = Candidate {
                context,
                payload: &payload,
                carried: Carried::Unchecked,
            };
            let delta = self.ledger.check(&candidate).expect("a stored block").delta;
            assert_eq!(delta.touched(), stored.touched);
            touched.extend(delta.touched());
            self.ledger.apply(delta, stored.native).expect("apply");
            self.stored.push(stored);
        }
        touched.sort_unstable();
        touched.dedup();

        let mut restore = Restore::new(self.genesis.clone()).expect("genesis");
        restore.accounts(&early).expect("whole records");
        for index in touched {
            let record = self.ledger.read_account(index).expect("a touched leaf");
            restore.account(index, &record).expect("in order");
        }
        let window = self
            .ledger
            .window()
            .map(|(_, txids)| txids.to_vec())
            .collect();
        let replay = restore.finish(*self.ledger.tip(), self.ledger.leaves_len(), window);
        self.ledger = replay
            .expect("a snapshot")
            .finish_replay()
            .expect("the same root");
        assert_eq!(dump(&self.ledger), before);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Block {
                entries,
                time,
                by_check,
            } => self.block(entries, *time, *by_check),
            Step::Revert(count) => (0..*count).for_each(|_| self.revert()),
            Step::Replay => self.replay(),
            Step::Restore(ago) => {
                // The order of stored blocks is turned and turned back meanwhile.
                let natives: Vec<_> = self.stored.iter().map(|stored| stored.native).collect();
                self.restore(usize::from(*ago));
                assert!(self.stored.iter().map(|stored| stored.native).eq(natives));
            }
        }
        self.naive.assert_agrees(&self.ledger);
        assert_eq!(self.ledger.tip(), self.scalar.tip());
    }
}

/// Cases of forty steps; `LEDGER_CASES` asks for more.
#[test]
fn a_random_life_agrees_with_the_naive_ledger_at_every_step() {
    let cases = env::var("LEDGER_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(400);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let lives = (params(), prop::collection::vec(step(), 1..40));
    let result = runner.run(&lives, |(genesis, steps)| {
        let mut life = Life::new(genesis);
        steps.iter().for_each(|step| life.step(step));
        // Back to genesis in one go.
        while !life.stored.is_empty() {
            life.revert();
        }
        life.naive.assert_agrees(&life.ledger);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Enough accounts for several levels and chunks, and blocks that reach everywhere among them.
#[test]
fn many_accounts_agree_too() {
    let mut ledger = Ledger::new(Genesis::new("many", Network::Opaque)).expect("genesis");
    let mut parent = native_hash(0, 0);
    let mut undo = Vec::new();
    let mut roots = vec![ledger.tip().state_root];
    let mut number = 0u32;
    for height in 1..=12u64 {
        let entries: Vec<Entry> = (0..2_500)
            .map(|_| {
                number = number.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
                let mut address = [0; 20];
                address[..4].copy_from_slice(&(number >> 17).to_be_bytes());
                let to = libmetachain_primitives::MetaAddress(address);
                Ok(Transaction::Deposit {
                    from: native(1),
                    to,
                    amount: amount(1),
                    txid: None,
                })
            })
            .collect();
        let context = Context {
            native_height: height,
            native_parent: parent,
            time: 0,
        };
        let minted = ledger.mint(&context, &entries).expect("mint");
        undo.push(ledger.undo_of(&minted.delta));
        parent = native_hash(height, 1);
        ledger.apply(minted.delta, parent).expect("apply");
        ledger.verify().expect("a sound ledger");
        roots.push(ledger.tip().state_root);
    }
    assert!(
        ledger.leaves_len() > 2 * 8192,
        "{} leaves",
        ledger.leaves_len()
    );
    for undo in undo.iter().rev() {
        assert_eq!(roots.pop(), Some(ledger.tip().state_root));
        ledger.revert(undo).expect("revert");
        ledger.verify().expect("a sound ledger");
    }
    assert_eq!(roots, [ledger.tip().state_root]);
}
