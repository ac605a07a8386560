//! What was found out about a block on other tips, some of which are no more, shows in no verdict on it.

mod common;

use common::{Chain, Entry, dump, genesis, native, native_hash};
use libmetachain_ledger::{Ahead, Candidate, Carried, Checked, Context};
use libmetachain_primitives::{
    Amount, Block, Error, Genesis, MetaAddress, Transaction, encode_payload,
};

/// Numbers that look random; the same ones every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % bound
    }
}

/// Few enough that blocks meet each other's accounts, and many enough that each block adds some.
fn account(number: u64) -> MetaAddress {
    let mut address = [0x44; 20];
    address[4..12].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    MetaAddress(address)
}

/// A small block, or one whose accounts are looked up in several parts.
fn entries(numbers: &mut Numbers) -> Vec<Entry> {
    let count = [3, 40, 900][numbers.below(3) as usize];
    let mut entry = || {
        let (a, b) = (account(numbers.below(1_500)), account(numbers.below(1_500)));
        let (txid, amount) = (None, Amount::new(1 + numbers.below(9)).expect("an amount"));
        match numbers.below(4) {
            0 => Transaction::Transfer {
                from: a,
                to: b,
                amount,
                txid,
            },
            1 => Transaction::Withdraw {
                from: a,
                to: native(2),
                amount,
                txid,
            },
            _ => Transaction::Deposit {
                from: native(1),
                to: a,
                amount,
                txid,
            },
        }
    };
    (0..count).map(|_| Ok(entry())).collect()
}

/// A block with what has been found out about it.
struct Coming {
    context: Context,
    payload: Vec<u8>,
    ahead: Option<Ahead>,
}

impl Coming {
    fn new(context: Context, block: &Block) -> Self {
        let payload = encode_payload(block).expect("a payload");
        Self {
            context,
            payload,
            ahead: None,
        }
    }

    /// Looks ahead on this tip: nothing, a part, or all that there is.
    fn look(&mut self, chain: &Chain, numbers: &mut Numbers) {
        let ahead = || Ahead::of(chain.ledger.genesis(), &self.payload);
        match numbers.below(4) {
            0 => {}
            1 => drop(self.ahead.get_or_insert_with(ahead).look_up(&chain.ledger)),
            _ => while self.ahead.get_or_insert_with(ahead).look_up(&chain.ledger) {},
        }
    }

    /// The verdict with and without what was found out.
    fn judge(&mut self, chain: &Chain) -> [Result<Checked, Error>; 2] {
        let Self {
            context,
            payload,
            ahead,
        } = self;
        let (context, carried) = (*context, Carried::Unchecked);
        let ahead = ahead
            .take()
            .unwrap_or_else(|| Ahead::of(chain.ledger.genesis(), payload));
        [
            chain.ledger.check_ahead(&context, carried, ahead),
            chain.ledger.check(&Candidate {
                context,
                payload,
                carried,
            }),
        ]
    }
}

fn lie(block: &Block, numbers: &mut Numbers) -> Block {
    let mut block = block.clone();
    match (numbers.below(4), block.transactions.first_mut()) {
        (0, Some(Transaction::Deposit { to, .. } | Transaction::Transfer { to, .. })) => {
            *to = account(1_500 + numbers.below(10));
        }
        (1, _) => block.header.state_root.0[0] ^= 1,
        (2, _) => block.header.supply += 1,
        _ => block.header.tx_root.0[31] ^= 1,
    }
    block
}

fn start() -> Genesis {
    let mut genesis = genesis(&[(1, 1 << 40)]);
    genesis
        .balances
        .insert(account(0), Amount::new(1_000).expect("an amount"));
    genesis
}

#[test]
fn what_was_found_out_earlier_changes_no_verdict() {
    for seed in 0..60 {
        let mut numbers = Numbers(seed);
        let (mut leader, mut follower) = (Chain::new(start()), Chain::new(start()));
        let mut coming = Vec::new();
        for _ in 0..4 {
            let context = leader.context(leader.ledger.tip().height);
            let (block, _) = leader.extend(&entries(&mut numbers));
            let bad = Coming::new(context, &lie(&block, &mut numbers));
            let native = leader.ledger.tip().native.expect("a native block").1;
            coming.push((
                Coming::new(context, &block),
                bad,
                native,
                dump(&leader.ledger),
            ));
        }
        for at in 0..coming.len() {
            let look =
                |follower: &Chain, coming: &mut [(Coming, Coming, _, _)], numbers: &mut _| {
                    for (good, bad, ..) in coming {
                        good.look(follower, numbers);
                        bad.look(follower, numbers);
                    }
                };
            look(&follower, &mut coming[at..], &mut numbers);
            if numbers.below(2) == 0 {
                // A fork whose new accounts stand where others will.
                follower.extend(&entries(&mut numbers));
                look(&follower, &mut coming[at..], &mut numbers);
                follower.revert();
            }
            let (good, bad, native, after) = &mut coming[at];
            let [found, plain] = bad.judge(&follower).map(|judged| judged.map(|_| ()));
            assert_eq!(found, plain, "a lie, seed {seed}, block {at}");
            assert!(plain.is_err());
            let [found, plain] = good.judge(&follower).map(|judged| judged.expect("honest"));
            assert_eq!((found.hash, &found.block), (plain.hash, &plain.block));
            assert_eq!(found.delta.touched(), plain.delta.touched());
            let [undo, plain] =
                [&found, &plain].map(|checked| follower.ledger.undo_of(&checked.delta).encode());
            assert_eq!(undo, plain);
            follower.ledger.apply(found.delta, *native).expect("apply");
            assert_eq!(&dump(&follower.ledger), after, "seed {seed}, block {at}");
            follower.ledger.verify().expect("it is whole");
        }
    }
}

#[test]
fn a_block_out_of_order_is_no_verdict_whatever_was_found_out() {
    let mut chain = Chain::new(start());
    let context = chain.context(1);
    let (block, _) = chain.extend(&entries(&mut Numbers(7)));
    let mut again = Coming::new(context, &block);
    for payload in [Vec::new(), std::mem::take(&mut again.payload)] {
        let ahead = Ahead::of(chain.ledger.genesis(), &payload);
        let judged = chain
            .ledger
            .check_ahead(&context, Carried::Unchecked, ahead);
        assert!(judged.is_err_and(|error| !error.is_verdict()));
    }
    let context = Context {
        native_parent: native_hash(context.native_height, 1),
        native_height: context.native_height + 1,
        ..context
    };
    let ahead = Ahead::of(chain.ledger.genesis(), b"no payload");
    let judged = chain
        .ledger
        .check_ahead(&context, Carried::Unchecked, ahead);
    assert!(judged.is_err_and(|error| error.is_verdict()));
}
