//! A naive metachain, written from the rules alone: maps and lists, everything recomputed each time.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;
use std::sync::Arc;

use libmetachain_engine::{
    CandidateBlock, Carried, Context, Durability, Media, Metachain, Minted, NativeBlock,
    OpenOptions,
};
use libmetachain_primitives::{
    Amount, BlockHash, Code, Genesis, MetaAddress, NativeAddress, NativeHash, Network, Receipt,
    Root, Transaction, TxId,
};
use libmetachain_store::StoreOptions;

/// A small generator of numbers; the seed is printed so that a failure can be repeated.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Random(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Without telling the seed, which is fixed.
    pub(crate) fn quiet(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn hash(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }
}

pub(crate) fn genesis() -> Genesis {
    let mut genesis = Genesis::new("model", Network::DefichainRegtest);
    for n in [9u8, 4, 7] {
        genesis
            .balances
            .insert(address(n), Amount::new(u64::from(n) * 1_000).unwrap());
    }
    genesis.transactions_max = 24;
    genesis.replay_window = 5;
    genesis.time = 1_000;
    genesis
}

/// Few addresses, so that accounts meet; address 0 is the all-zero one.
pub(crate) fn address(n: u8) -> MetaAddress {
    let mut bytes = [0; 20];
    if n > 0 {
        // Neighbours in number are far apart in order.
        bytes[0] = n.reverse_bits();
        bytes[19] = n;
    }
    MetaAddress(bytes)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// In the order of their creation; the first is the all-zero address, credited or not.
    pub(crate) accounts: Vec<(MetaAddress, u64, u64)>,
}

impl State {
    pub(crate) fn of(genesis: &Genesis) -> State {
        let mut state = State {
            accounts: vec![(MetaAddress::ZERO, 0, 0)],
        };
        for (address, amount) in &genesis.balances {
            state.credit(*address, amount.get());
        }
        state
    }

    fn find(&mut self, address: MetaAddress) -> Option<&mut (MetaAddress, u64, u64)> {
        self.accounts
            .iter_mut()
            .find(|(other, ..)| *other == address)
    }

    fn credit(&mut self, address: MetaAddress, amount: u64) {
        match self.find(address) {
            Some((_, balance, _)) => *balance += amount,
            None => self.accounts.push((address, amount, 0)),
        }
    }

    pub(crate) fn get(&self, address: MetaAddress) -> Option<(u64, u64)> {
        self.accounts
            .iter()
            .find(|(other, balance, sequence)| {
                let touched = *other != MetaAddress::ZERO || (*balance, *sequence) != (0, 0);
                *other == address && touched
            })
            .map(|(_, balance, sequence)| (*balance, *sequence))
    }

    pub(crate) fn supply(&self) -> u64 {
        self.accounts.iter().map(|(_, balance, _)| balance).sum()
    }

    fn execute(&mut self, transaction: &Transaction) -> Result<(), (Code, Option<u64>)> {
        let amount = transaction.amount().get();
        if let Transaction::Withdraw { from, .. } | Transaction::Transfer { from, .. } = transaction
        {
            let balance = self.get(*from).map_or(0, |(balance, _)| balance);
            if balance < amount {
                return Err((Code::InsufficientBalance, Some(balance)));
            }
            let account = self.find(*from).expect("it has a balance");
            account.1 -= amount;
            account.2 += 1;
        } else if self
            .supply()
            .checked_add(amount)
            .is_none_or(|sum| sum > i64::MAX as u64)
        {
            return Err((Code::SupplyOverflow, None));
        }
        if let Transaction::Deposit { to, .. } | Transaction::Transfer { to, .. } = transaction {
            self.credit(*to, amount);
        }
        Ok(())
    }

    /// The root as its description says it: one hash at a time, everything each time.
    pub(crate) fn root(&self) -> Root {
        let key =
            |name: &str| blake3::derive_key(&format!("libmetachain 2026 state {name} v1"), b"");
        let (leaf_key, node_key, root_key) = (key("leaf"), key("node"), key("root"));
        let mut order: Vec<[u8; 20]> = self.accounts.iter().map(|(a, ..)| a.0).collect();
        order.sort_unstable();
        let mut level: Vec<[u8; 32]> = self
            .accounts
            .iter()
            .map(|(address, balance, sequence)| {
                let at = order.binary_search(&address.0).expect("it is one of them");
                let next = order.get(at + 1).copied().unwrap_or([0; 20]);
                let mut leaf = address.0.to_vec();
                leaf.extend_from_slice(&next);
                leaf.extend_from_slice(&balance.to_le_bytes());
                leaf.extend_from_slice(&sequence.to_le_bytes());
                leaf.extend_from_slice(&[0; 8]);
                *blake3::keyed_hash(&leaf_key, &leaf).as_bytes()
            })
            .collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| {
                    let right = pair.get(1).copied().unwrap_or([0; 32]);
                    *blake3::keyed_hash(&node_key, &[pair[0], right].concat()).as_bytes()
                })
                .collect();
        }
        let mut top = level[0].to_vec();
        top.extend_from_slice(&(self.accounts.len() as u64).to_le_bytes());
        top.extend_from_slice(&[0; 24]);
        Root(*blake3::keyed_hash(&root_key, &top).as_bytes())
    }
}

/// A block as the model remembers it.
#[derive(Clone, Debug)]
pub(crate) struct ModelBlock {
    pub(crate) native: NativeHash,
    pub(crate) native_height: u64,
    pub(crate) time: u64,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) hash: BlockHash,
    pub(crate) payload: std::sync::Arc<[u8]>,
    pub(crate) context: Context,
    pub(crate) state: State,
}

/// Index, code and the balance found.
pub(crate) type Rejected = (u32, Code, Option<u64>);

/// A rule that the model gets wrong on purpose: a test that does not notice proves nothing. Whether the
/// model or the engine is the one that is wrong makes no difference to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// A debit is not counted.
    Debit,
    /// The replay window is a block short.
    Window,
    /// A block that is taken back leaves a base unit behind.
    Undo,
    /// An account that is emptied is gone.
    Emptied,
}

pub(crate) struct Model {
    pub(crate) genesis: Genesis,
    pub(crate) first: State,
    pub(crate) blocks: Vec<ModelBlock>,
    pub(crate) planted: Option<Planted>,
}

impl Model {
    pub(crate) fn new(genesis: Genesis) -> Model {
        let first = State::of(&genesis);
        Model {
            genesis,
            first,
            blocks: Vec::new(),
            planted: None,
        }
    }

    /// Takes the last block back.
    pub(crate) fn pop(&mut self) -> Option<ModelBlock> {
        let popped = self.blocks.pop();
        if self.planted == Some(Planted::Undo)
            && let Some(last) = self.blocks.last_mut()
            && let Some(account) = last.state.accounts.last_mut()
        {
            account.1 += 1;
        }
        popped
    }

    /// Executes by the rules, but for the one that is planted.
    fn execute(
        &self,
        state: &mut State,
        transaction: &Transaction,
    ) -> Result<(), (Code, Option<u64>)> {
        state.execute(transaction)?;
        let debited = match transaction {
            Transaction::Withdraw { from, .. } | Transaction::Transfer { from, .. } => *from,
            Transaction::Deposit { .. } => return Ok(()),
        };
        match self.planted {
            Some(Planted::Debit) => {
                if let Some(account) = state.find(debited) {
                    account.2 -= 1;
                }
            }
            Some(Planted::Emptied) => state
                .accounts
                .retain(|(address, balance, _)| *address == MetaAddress::ZERO || *balance > 0),
            _ => {}
        }
        Ok(())
    }

    /// Remembers a minted block as connected in a native block.
    pub(crate) fn push(
        &mut self,
        native: NativeHash,
        context: Context,
        minted: &Minted,
        (state, transactions): (State, Vec<Transaction>),
    ) {
        self.blocks.push(ModelBlock {
            native,
            native_height: context.native_height,
            time: minted.header.time,
            transactions,
            hash: minted.hash,
            payload: minted.payload.as_slice().into(),
            context,
            state,
        });
    }

    pub(crate) fn state(&self) -> &State {
        self.blocks.last().map_or(&self.first, |block| &block.state)
    }

    pub(crate) fn context(&self, random: &mut Random) -> Context {
        let time = 990 + random.below(40) + self.blocks.len() as u64;
        match self.blocks.last() {
            None => Context {
                native_height: 100,
                native_parent: NativeHash([1; 32]),
                time,
            },
            Some(tip) => Context {
                native_height: tip.native_height + 1,
                native_parent: tip.native,
                time,
            },
        }
    }

    fn seen(&self, txid: &TxId) -> bool {
        self.blocks
            .iter()
            .rev()
            .take(
                self.genesis.replay_window as usize
                    - usize::from(self.planted == Some(Planted::Window)),
            )
            .any(|block| block.transactions.iter().any(|t| t.txid() == Some(txid)))
    }

    /// What minting these must give.
    pub(crate) fn mint(
        &self,
        given: &[Result<Transaction, Receipt>],
    ) -> (State, Vec<Transaction>, Vec<Rejected>) {
        let mut state = self.state().clone();
        let mut accepted: Vec<Transaction> = Vec::new();
        let mut rejected = Vec::new();
        for (index, transaction) in (0u32..).zip(given) {
            let verdict = match transaction {
                Err(receipt) => Err((receipt.code, None)),
                Ok(transaction) => match transaction.txid() {
                    Some(txid)
                        if self.seen(txid)
                            || accepted.iter().any(|other| other.txid() == Some(txid)) =>
                    {
                        Err((Code::DuplicateTxid, None))
                    }
                    _ if accepted.len() as u32 >= self.genesis.transactions_max => {
                        Err((Code::BlockFull, None))
                    }
                    _ => self
                        .execute(&mut state, transaction)
                        .map(|()| transaction.clone()),
                },
            };
            match verdict {
                Ok(transaction) => accepted.push(transaction),
                Err((code, balance)) => rejected.push((index, code, balance)),
            }
        }
        (state, accepted, rejected)
    }
}

/// Transactions good and bad.
pub(crate) fn transactions(random: &mut Random, count: u64) -> Vec<Result<Transaction, Receipt>> {
    (0..count)
        .map(|_| {
            let native = NativeAddress::WitnessKeyHash([random.below(9) as u8; 20]);
            let (from, to) = (
                address(random.below(24) as u8),
                address(random.below(24) as u8),
            );
            let txid = (!random.chance(3)).then(|| TxId([random.below(200) as u8; 32]));
            let amount = match random.below(40) {
                0 => i64::MAX as u64,
                1 => i64::MAX as u64 / 2,
                _ => 1 + random.below(2_000),
            };
            let amount = Amount::new(amount).expect("it is in range");
            match random.below(10) {
                0 => Err(Receipt::new(Code::InvalidAddress, "malformed")),
                1..=3 => Ok(Transaction::Deposit {
                    from: native,
                    to,
                    amount,
                    txid,
                }),
                4..=5 => Ok(Transaction::Withdraw {
                    from,
                    to: native,
                    amount,
                    txid,
                }),
                _ => Ok(Transaction::Transfer {
                    from,
                    to,
                    amount,
                    txid,
                }),
            }
        })
        .collect()
}

/// Blocks that a chain with small files can disconnect.
pub(crate) const UNDO_DEPTH: u64 = 12;

/// A store of files so small that there is always something to prune.
pub(crate) struct SmallFiles {
    pub(crate) segment_bytes: u64,
    pub(crate) fill_bytes: u64,
    pub(crate) snapshot_every: u64,
    pub(crate) event_retention: u64,
}

impl SmallFiles {
    pub(crate) fn open(&self, path: &Path, model: &Model) -> Metachain {
        let media = Media {
            files: StoreOptions {
                segment_bytes: self.segment_bytes,
                fill_bytes: self.fill_bytes,
                ..StoreOptions::default()
            },
            ..Media::default()
        };
        let options = OpenOptions {
            path: Some(path.to_owned()),
            genesis: Some(model.genesis.clone()),
            durability: Durability::Batch,
            undo_depth: UNDO_DEPTH,
            snapshot_every: self.snapshot_every,
            event_retention: self.event_retention,
        };
        Metachain::open_on(&media, &options).expect("the store opens")
    }
}

/// Mints a block of random transactions on the first chain and connects it to all of them, which must
/// give the same.
pub(crate) fn extend(chains: &[&Metachain], model: &mut Model, random: &mut Random, count: u64) {
    let context = model.context(random);
    let given = transactions(random, count);
    let (state, accepted, _) = model.mint(&given);
    let minted = chains[0]
        .mint(&context, &given)
        .expect("the context is right");
    let native = NativeHash(random.hash());
    for chain in chains {
        let candidate = CandidateBlock {
            context,
            payload: Arc::from(minted.payload.as_slice()),
            carried: Carried::Unchecked,
        };
        let connected = chain
            .connect(NativeBlock {
                hash: native,
                candidate,
            })
            .expect("it connects");
        assert_eq!(connected.hash, minted.hash);
    }
    model.push(native, context, &minted, (state, accepted));
}
