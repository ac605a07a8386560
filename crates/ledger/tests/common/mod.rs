//! A ledger written from its description alone: maps, copies, and one hash at a time. It shares
//! no code with the crate that it judges, only the types of `libmetachain_primitives`.

// Each test uses its part of this.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;

use libmetachain_ledger::{Account, Context, Ledger, Undo};
use libmetachain_primitives::{
    Amount, Block, BlockHash, Code, Genesis, Header, MetaAddress, NativeAddress, NativeHash,
    Network, Receipt, Root, Transaction, TxId, encode_payload,
};

pub type Entry = Result<Transaction, Receipt>;

pub const SUPPLY_MAX: u64 = (1 << 63) - 1;

pub fn meta(number: u8) -> MetaAddress {
    let mut address = [number; 20];
    // Number 0 is the zero address; the others differ only late, so that orders matter.
    if number != 0 {
        address = [0x55; 20];
        address[19] = number;
    }
    MetaAddress(address)
}

pub fn native(number: u8) -> NativeAddress {
    NativeAddress::Opaque(vec![b'n'; usize::from(number % 40) + 1])
}

pub fn txid(number: u8) -> TxId {
    TxId([number; 32])
}

pub fn native_hash(height: u64, fork: u8) -> NativeHash {
    let mut hash = [fork; 32];
    hash[..8].copy_from_slice(&height.to_le_bytes());
    NativeHash(hash)
}

pub fn amount(units: u64) -> Amount {
    Amount::new(units).expect("an amount")
}

pub fn deposit(to: u8, units: u64) -> Entry {
    Ok(Transaction::Deposit {
        from: native(1),
        to: meta(to),
        amount: amount(units),
        txid: None,
    })
}

pub fn withdraw(from: u8, units: u64) -> Entry {
    Ok(Transaction::Withdraw {
        from: meta(from),
        to: native(2),
        amount: amount(units),
        txid: None,
    })
}

pub fn transfer(from: u8, to: u8, units: u64) -> Entry {
    Ok(Transaction::Transfer {
        from: meta(from),
        to: meta(to),
        amount: amount(units),
        txid: None,
    })
}

pub fn with_txid(entry: Entry, number: u8) -> Entry {
    let id = Some(txid(number));
    entry.map(|transaction| match transaction {
        Transaction::Deposit {
            from, to, amount, ..
        } => Transaction::Deposit {
            from,
            to,
            amount,
            txid: id,
        },
        Transaction::Withdraw {
            from, to, amount, ..
        } => Transaction::Withdraw {
            from,
            to,
            amount,
            txid: id,
        },
        Transaction::Transfer {
            from, to, amount, ..
        } => Transaction::Transfer {
            from,
            to,
            amount,
            txid: id,
        },
    })
}

pub fn genesis(balances: &[(u8, u64)]) -> Genesis {
    let mut genesis = Genesis::new("ledger tests", Network::Opaque);
    genesis.balances = balances
        .iter()
        .map(|(number, units)| (meta(*number), amount(*units)))
        .collect();
    genesis
}

/// A ledger with the native blocks that it is carried by.
pub struct Chain {
    pub ledger: Ledger,
    pub undo: Vec<Undo>,
    /// Bumped by every block, so that a block's replacement has another native hash.
    pub fork: u8,
}

impl Chain {
    pub fn new(genesis: Genesis) -> Self {
        Self {
            ledger: Ledger::new(genesis).expect("genesis"),
            undo: Vec::new(),
            fork: 0,
        }
    }

    pub fn context(&self, time: u64) -> Context {
        let (native_height, native_parent) = match self.ledger.tip().native {
            Some((height, hash)) => (height + 1, hash),
            None => (
                self.ledger.genesis().native_start.unwrap_or(7),
                native_hash(6, 0),
            ),
        };
        Context {
            native_height,
            native_parent,
            time,
        }
    }

    /// Mints and applies a block; gives it with the codes of what was left out.
    pub fn extend(&mut self, entries: &[Entry]) -> (Block, Vec<(u32, Code)>) {
        let context = self.context(self.ledger.tip().height);
        let minted = self.ledger.mint(&context, entries).expect("mint");
        self.undo.push(self.ledger.undo_of(&minted.delta));
        self.fork = self.fork.wrapping_add(1);
        let hash = native_hash(context.native_height, self.fork);
        self.ledger.apply(minted.delta, hash).expect("apply");
        let codes = minted
            .rejected
            .iter()
            .map(|r| (r.index, r.receipt.code))
            .collect();
        (minted.block, codes)
    }

    pub fn revert(&mut self) {
        let undo = self.undo.pop().expect("a block");
        self.ledger.revert(&undo).expect("revert");
    }
}

/// Everything of a ledger that can be read out, as bytes.
pub fn dump(ledger: &Ledger) -> Vec<u8> {
    let mut out = Vec::new();
    ledger.tip().encode(&mut out);
    ledger.read_accounts(0, u32::MAX, &mut out);
    for (height, txids) in ledger.window() {
        out.extend_from_slice(&height.to_le_bytes());
        txids.iter().for_each(|txid| out.extend_from_slice(&txid.0));
    }
    // Proofs show links and every level of the tree.
    for number in 0..=20 {
        out.extend_from_slice(&ledger.prove_account(&meta(number)).encode());
    }
    out
}

#[derive(Clone, Debug, PartialEq)]
struct NaiveAccount {
    index: usize,
    balance: u64,
    sequence: u64,
}

/// The state after a block.
#[derive(Clone, Debug)]
struct NaiveState {
    accounts: BTreeMap<MetaAddress, NaiveAccount>,
    /// The ids of every block so far.
    txids: Vec<Vec<TxId>>,
    hash: BlockHash,
    native: Option<(u64, NativeHash)>,
    time: u64,
}

/// What the description says a block must be.
#[derive(Debug)]
pub struct NaiveBlock {
    pub transactions: Vec<Transaction>,
    pub rejected: Vec<(u32, Code, Option<u64>)>,
    pub time: u64,
    pub supply: u64,
    pub state_root: Root,
    next: NaiveState,
}

pub struct Naive {
    genesis: Genesis,
    /// Genesis and every block's state: taking a block back is dropping the last.
    states: Vec<NaiveState>,
}

impl Naive {
    pub fn new(genesis: Genesis) -> Self {
        let mut accounts = BTreeMap::new();
        let zero = NaiveAccount {
            index: 0,
            balance: 0,
            sequence: 0,
        };
        accounts.insert(MetaAddress::ZERO, zero);
        for (address, units) in &genesis.balances {
            let index = accounts.len();
            let account = accounts.entry(*address).or_insert(NaiveAccount {
                index,
                balance: 0,
                sequence: 0,
            });
            account.balance = units.get();
        }
        let hash = genesis.hash();
        let time = genesis.time;
        let state = NaiveState {
            accounts,
            txids: Vec::new(),
            hash,
            native: None,
            time,
        };
        Self {
            genesis,
            states: vec![state],
        }
    }

    fn tip(&self) -> &NaiveState {
        self.states.last().expect("genesis at least")
    }

    pub fn height(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    pub fn account(&self, address: &MetaAddress) -> Option<Account> {
        let found = self.tip().accounts.get(address)?;
        let account = Account {
            balance: found.balance,
            sequence: found.sequence,
        };
        (account.balance != 0 || account.sequence != 0).then_some(account)
    }

    pub fn accounts_len(&self) -> usize {
        self.tip()
            .accounts
            .keys()
            .filter(|address| self.account(address).is_some())
            .count()
    }

    pub fn supply(&self) -> u64 {
        supply(self.tip())
    }

    pub fn state_root(&self) -> Root {
        state_root(self.tip())
    }

    /// Executes without changing anything.
    pub fn execute(&self, context: &Context, entries: &[Entry]) -> NaiveBlock {
        let mut next = self.tip().clone();
        next.txids.push(Vec::new());
        let mut transactions = Vec::new();
        let mut rejected = Vec::new();
        for (index, entry) in (0..).zip(entries) {
            let outcome = match entry {
                Err(receipt) => Err((receipt.code, None)),
                Ok(transaction) => self.transaction(transaction, &transactions, &mut next),
            };
            match (outcome, entry) {
                (Ok(()), Ok(transaction)) => transactions.push(transaction.clone()),
                (Err((code, balance)), _) => rejected.push((index, code, balance)),
                (Ok(()), Err(_)) => unreachable!(),
            }
        }
        next.time = context.time.max(next.time);
        let (supply, state_root) = (supply(&next), state_root(&next));
        NaiveBlock {
            transactions,
            rejected,
            time: next.time,
            supply,
            state_root,
            next,
        }
    }

    fn transaction(
        &self,
        transaction: &Transaction,
        accepted: &[Transaction],
        state: &mut NaiveState,
    ) -> Result<(), (Code, Option<u64>)> {
        if let Some(txid) = transaction.txid() {
            let (this, before) = state.txids.split_last().expect("this block's");
            let window = before
                .iter()
                .rev()
                .take(self.genesis.replay_window as usize);
            if this.contains(txid) || window.flatten().any(|used| used == txid) {
                return Err((Code::DuplicateTxid, None));
            }
        }
        let mut with_this = accepted.to_vec();
        with_this.push(transaction.clone());
        if with_this.len() > self.genesis.transactions_max as usize
            || payload_len(with_this) > self.genesis.payload_bytes_max as usize
        {
            return Err((Code::BlockFull, None));
        }
        let (from, to) = match transaction {
            Transaction::Deposit { to, .. } => (None, Some(to)),
            Transaction::Withdraw { from, .. } => (Some(from), None),
            Transaction::Transfer { from, to, .. } => (Some(from), Some(to)),
        };
        let units = transaction.amount().get();
        if let Some(from) = from {
            let balance = state
                .accounts
                .get(from)
                .map_or(0, |account| account.balance);
            if balance < units {
                return Err((Code::InsufficientBalance, Some(balance)));
            }
        } else if u128::from(supply(state)) + u128::from(units) > u128::from(SUPPLY_MAX) {
            return Err((Code::SupplyOverflow, None));
        }
        if let Some(account) = from.and_then(|from| state.accounts.get_mut(from)) {
            account.balance -= units;
            account.sequence += 1;
        }
        if let Some(to) = to {
            let index = state.accounts.len();
            let new = NaiveAccount {
                index,
                balance: 0,
                sequence: 0,
            };
            state.accounts.entry(*to).or_insert(new).balance += units;
        }
        if let (Some(txid), Some(used)) = (transaction.txid(), state.txids.last_mut()) {
            used.push(*txid);
        }
        Ok(())
    }

    pub fn apply(&mut self, block: NaiveBlock, hash: BlockHash, native: (u64, NativeHash)) {
        let mut next = block.next;
        (next.hash, next.native) = (hash, Some(native));
        self.states.push(next);
    }

    pub fn revert(&mut self) {
        self.states.pop();
    }

    /// Compares everything that both can say about the tip.
    pub fn assert_agrees(&self, ledger: &Ledger) {
        let (tip, state) = (ledger.tip(), self.tip());
        assert_eq!(
            (tip.height, tip.hash, tip.native),
            (self.height(), state.hash, state.native)
        );
        assert_eq!((tip.time, tip.supply), (state.time, self.supply()));
        assert_eq!(tip.state_root, self.state_root());
        for number in 0..=30 {
            assert_eq!(
                ledger.account(&meta(number)),
                self.account(&meta(number)),
                "{number}"
            );
        }
        assert_eq!(ledger.accounts_len(), self.accounts_len());
        assert_eq!(ledger.leaves_len() as usize, state.accounts.len());
        ledger.verify().expect("a sound ledger");
    }
}

fn supply(state: &NaiveState) -> u64 {
    state.accounts.values().map(|account| account.balance).sum()
}

/// From the described shape, over leaves in the order of their creation.
fn state_root(state: &NaiveState) -> Root {
    let addresses: Vec<&MetaAddress> = state.accounts.keys().collect();
    let mut leaves = vec![Vec::new(); addresses.len()];
    for (at, address) in addresses.iter().enumerate() {
        let account = &state.accounts[address];
        let mut leaf = address.0.to_vec();
        leaf.extend(addresses.get(at + 1).map_or([0; 20], |next| next.0));
        leaf.extend(account.balance.to_le_bytes());
        leaf.extend(account.sequence.to_le_bytes());
        leaf.extend([0; 8]);
        leaves[account.index] = leaf;
    }
    let key = |what| blake3::derive_key(&format!("libmetachain 2026 state {what} v1"), b"");
    let hashes = leaves
        .iter()
        .map(|leaf| hash(&key("leaf"), leaf))
        .collect::<Vec<_>>();
    let mut input = top(&key("node"), &hashes).to_vec();
    input.extend((leaves.len() as u64).to_le_bytes());
    input.extend([0; 24]);
    Root(hash(&key("root"), &input))
}

fn top(key: &[u8; 32], level: &[[u8; 32]]) -> [u8; 32] {
    if let [top] = level {
        return *top;
    }
    let above: Vec<[u8; 32]> = level
        .chunks(2)
        .map(|pair| hash(key, &[pair[0], *pair.get(1).unwrap_or(&[0; 32])].concat()))
        .collect();
    top(key, &above)
}

fn hash(key: &[u8; 32], input: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(key, input).as_bytes()
}

fn payload_len(transactions: Vec<Transaction>) -> usize {
    let header = Header {
        version: 1,
        genesis: BlockHash::ZERO,
        height: 0,
        parent: BlockHash::ZERO,
        native_height: 0,
        native_parent: NativeHash::ZERO,
        time: 0,
        tx_count: 0,
        tx_root: Root::ZERO,
        withdrawals_root: Root::ZERO,
        state_root: Root::ZERO,
        supply: 0,
    };
    encode_payload(&Block {
        header,
        transactions,
    })
    .expect("a payload")
    .len()
}
