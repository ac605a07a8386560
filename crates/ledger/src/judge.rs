//! Mint and check: one execution, from two sides. Mint writes down what execution gives; check
//! compares it with what a block claims, in a fixed order, so that every node finds the same fault.

use libmetachain_primitives::genesis::FORMAT_VERSION;
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, Genesis, Header, NativeHash, Receipt, Rejection, Result, Root,
    Transaction, TxId, decode_payload, encode_payload, tx_root, withdrawals_root,
};

use crate::ahead::Ahead;
use crate::change::Change;
use crate::delta::{Delta, Old};
use crate::execute::{Executed, Policy, execute};
use crate::ledger::Ledger;
use crate::named::Named;
use crate::workers::{Alone, Workers, both};

/// Transactions whose root takes longer, about 10 µs, than it takes to tell another thread.
const SPREAD_LEAST: usize = 256;

/// The native block around a metachain block, as far as its parent and its own header tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The height of the native block that carries, or will carry, the block.
    pub native_height: u64,
    /// The hash of that native block's parent.
    pub native_parent: NativeHash,
    /// That native block's time in unix seconds. It may lie before its parent's.
    pub time: u64,
}

/// A new block on the tip.
#[derive(Clone)]
pub struct Minted {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: BlockHash,
    /// Its bytes, to be embedded in the native block.
    pub payload: Vec<u8>,
    /// The transactions that were left out, by ascending position.
    pub rejected: Vec<Rejection>,
    /// Its effect.
    pub delta: Delta,
}

/// What the native block itself carries, which the payload must contain exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The transaction root of its metachain transactions in order.
    Root(Root),
    /// The caller answers for it that they are the payload's.
    Unchecked,
}

/// A block that claims to come next.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The native block that carries it.
    pub context: Context,
    /// The bytes embedded there.
    pub payload: &'a [u8],
    /// The metachain transactions carried there.
    pub carried: Carried,
}

/// A block of which every claim is true.
#[derive(Clone)]
pub struct Checked {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: BlockHash,
    /// Its effect.
    pub delta: Delta,
}

impl Ledger {
    /// Builds the next block from transactions in order; what is malformed already comes as its
    /// receipt.
    ///
    /// A pure function of the tip and the arguments: the same bytes every time and everywhere, and
    /// nothing changes. A transaction that cannot be executed is left out, never a reason to fail.
    ///
    /// # Errors
    /// `UNKNOWN_PARENT` if the native parent is not the native block that carried the tip,
    /// `BAD_ARGUMENT` if the native height is not the one that follows.
    pub fn mint(
        &self,
        context: &Context,
        transactions: &[Result<Transaction, Receipt>],
    ) -> Result<Minted> {
        self.place(context)?;
        let entries = transactions.iter().map(Result::as_ref);
        let executed = execute(&self.base(), entries, Policy::LeaveOut, None)?;
        let accepted = accepted(transactions, &executed.rejected);
        let Executed {
            indexes,
            leaves,
            old,
            created,
            txids,
            supply,
            rejected,
        } = executed;
        let (change, roots) = both(
            self.workers_for(transactions.len()),
            || self.state.extended(indexes, leaves, created),
            || roots(&accepted),
        )?;
        let mut header = self.header(context);
        header.tx_count = accepted.len() as u32;
        (header.tx_root, header.withdrawals_root) = roots;
        header.state_root = change.root();
        header.supply = supply;
        let block = Block {
            header,
            transactions: accepted,
        };
        let payload = encode_payload(&block)?;
        let hash = block.header.hash();
        let delta = self.delta(&block.header, hash, change, old, txids);
        Ok(Minted {
            block,
            hash,
            payload,
            rejected,
            delta,
        })
    }

    /// Judges a block: executes it and compares every claim in it. Nothing changes.
    ///
    /// # Errors
    /// `UNKNOWN_PARENT` or `BAD_ARGUMENT` where the native block does not follow the one that
    /// carried the tip: no verdict on the block. Then verdicts, in this order: `INVALID_SIZE`,
    /// `INVALID_ENCODING`, `INVALID_VERSION`, `INVALID_GENESIS`, `INVALID_PARENT`, `INVALID_HEIGHT`,
    /// `INVALID_TIME`, `INVALID_TRANSACTIONS`, `INVALID_TX_ROOT`, `INVALID_TRANSACTION` (with the
    /// `index` of the first that cannot be executed, and its `receipt` code),
    /// `INVALID_WITHDRAWALS_ROOT`, `INVALID_STATE_ROOT`, `INVALID_SUPPLY`.
    pub fn check(&self, candidate: &Candidate<'_>) -> Result<Checked> {
        self.place(&candidate.context)?;
        let block = decode(&self.genesis, candidate.payload)?;
        self.judge(&candidate.context, candidate.carried, block, None)
    }

    /// As [`Ledger::check`], of a block about which something was found out already.
    ///
    /// # Errors
    /// Those of [`Ledger::check`].
    pub fn check_ahead(
        &self,
        context: &Context,
        carried: Carried,
        ahead: Ahead,
    ) -> Result<Checked> {
        self.place(context)?;
        let (block, roots, named) = ahead.into_parts();
        self.judge(context, carried, block?, Some((roots, named)))
    }

    fn judge(
        &self,
        context: &Context,
        carried: Carried,
        block: Block,
        ahead: Option<((Root, Root), Option<Named>)>,
    ) -> Result<Checked> {
        let (claimed, transactions) = (&block.header, &block.transactions);
        judge_place(claimed, &self.header(context))?;
        let run = |named| {
            execute(
                &self.base(),
                transactions.iter().map(Ok),
                Policy::Stop,
                named,
            )
        };
        let (executed, roots) = match ahead {
            Some((roots, named)) => (run(named), roots),
            None => both(
                self.workers_for(transactions.len()),
                || run(None),
                || roots(transactions),
            )?,
        };
        judge_transactions(claimed, transactions.len(), roots.0, carried)?;
        let executed = executed?;
        if let Some(Rejection { index, receipt }) = executed.rejected.first() {
            return Err(refused(*index, receipt));
        }
        let Executed {
            indexes,
            leaves,
            old,
            created,
            txids,
            supply,
            ..
        } = executed;
        let (code, what) = (Code::InvalidWithdrawalsRoot, "withdrawals root");
        same(code, what, &claimed.withdrawals_root, &roots.1)?;
        let change = self.state.extended(indexes, leaves, created);
        same(
            Code::InvalidStateRoot,
            "state root",
            &claimed.state_root,
            &change.root(),
        )?;
        same(Code::InvalidSupply, "supply", &claimed.supply, &supply)?;
        let hash = claimed.hash();
        let delta = self.delta(claimed, hash, change, old, txids);
        Ok(Checked { block, hash, delta })
    }

    /// Who works on a block of so many transactions: a small one is done before anybody else has woken up.
    fn workers_for(&self, transactions: usize) -> &dyn Workers {
        if transactions < SPREAD_LEAST {
            &Alone
        } else {
            &*self.state.workers
        }
    }

    /// Whether a block in this context can follow the tip at all.
    fn place(&self, context: &Context) -> Result<()> {
        let expected = match self.tip.native {
            Some((height, hash)) => {
                if hash != context.native_parent {
                    let parent = context.native_parent;
                    return Err(Error::new(
                        Code::UnknownParent,
                        format!("the tip was carried by native block {hash}, not by {parent}"),
                    )
                    .with("nativeParentHash", parent.0.as_slice())
                    .with("tipNativeHash", hash.0.as_slice()));
                }
                height.checked_add(1)
            }
            None => Some(self.genesis.native_start.unwrap_or(context.native_height)),
        };
        if expected == Some(context.native_height) {
            return Ok(());
        }
        let found = context.native_height;
        let expected = expected.map_or("none".to_owned(), |expected| expected.to_string());
        Err(Error::new(
            Code::BadArgument,
            format!("the next native height is {expected}, not {found}"),
        )
        .with("field", "nativeHeight")
        .with("nativeHeight", found))
    }

    /// The header of the next block as far as the context decides it.
    fn header(&self, context: &Context) -> Header {
        Header {
            version: FORMAT_VERSION,
            genesis: self.genesis_hash,
            height: self.tip.height + 1,
            parent: self.tip.hash,
            native_height: context.native_height,
            native_parent: context.native_parent,
            time: context.time.max(self.tip.time),
            tx_count: 0,
            tx_root: Root::ZERO,
            withdrawals_root: Root::ZERO,
            state_root: Root::ZERO,
            supply: self.tip.supply,
        }
    }

    fn delta(
        &self,
        header: &Header,
        hash: BlockHash,
        change: Change,
        old: Vec<Old>,
        txids: Vec<TxId>,
    ) -> Delta {
        Delta {
            parent: self.tip.hash,
            change,
            old,
            txids,
            hash,
            height: header.height,
            native_height: header.native_height,
            time: header.time,
            supply: header.supply,
        }
    }
}

/// The block of a payload that is within the limits of the chain.
pub(crate) fn decode(genesis: &Genesis, payload: &[u8]) -> Result<Block> {
    decode_payload(payload, genesis.payload_bytes_max, genesis.transactions_max)
}

/// The roots of transactions and of the withdrawals among them.
pub(crate) fn roots(transactions: &[Transaction]) -> (Root, Root) {
    (tx_root(transactions), withdrawals_root(transactions))
}

/// The transactions that were not left out.
fn accepted(
    transactions: &[Result<Transaction, Receipt>],
    rejected: &[Rejection],
) -> Vec<Transaction> {
    let mut accepted = Vec::with_capacity(transactions.len().saturating_sub(rejected.len()));
    let mut left_out = rejected.iter().map(|rejection| rejection.index).peekable();
    for (index, transaction) in (0u32..).zip(transactions) {
        if left_out.next_if_eq(&index).is_none() {
            accepted.extend(transaction.as_ref().ok().cloned());
        }
    }
    accepted
}

/// Compares what the context decides.
fn judge_place(claimed: &Header, expected: &Header) -> Result<()> {
    let (a, b) = (claimed, expected);
    same(Code::InvalidGenesis, "genesis", &a.genesis, &b.genesis)?;
    same(Code::InvalidParent, "parent", &a.parent, &b.parent)?;
    same(
        Code::InvalidParent,
        "native parent",
        &a.native_parent,
        &b.native_parent,
    )?;
    same(Code::InvalidHeight, "height", &a.height, &b.height)?;
    same(
        Code::InvalidHeight,
        "native height",
        &a.native_height,
        &b.native_height,
    )?;
    same(Code::InvalidTime, "time", &a.time, &b.time)
}

/// Compares the transactions, by their number and root, with those carried, then with what the header says
/// of them.
fn judge_transactions(claimed: &Header, found: usize, root: Root, carried: Carried) -> Result<()> {
    if let Carried::Root(carried) = carried {
        let what = "root of the carried transactions";
        same(Code::InvalidTransactions, what, &root, &carried)?;
    }
    let (count, found) = (u64::from(claimed.tx_count), found as u64);
    same(
        Code::InvalidTxRoot,
        "number of transactions",
        &count,
        &found,
    )?;
    same(
        Code::InvalidTxRoot,
        "transaction root",
        &claimed.tx_root,
        &root,
    )
}

/// A claim is what it should be, or this is the verdict.
fn same<T: PartialEq + ToString>(code: Code, what: &str, claimed: &T, expected: &T) -> Result<()> {
    if claimed == expected {
        Ok(())
    } else {
        Err(differs(code, what, claimed, expected))
    }
}

/// The verdict on a claim that is not what it should be.
#[cold]
fn differs(code: Code, what: &str, claimed: &impl ToString, expected: &impl ToString) -> Error {
    let (claimed, expected) = (claimed.to_string(), expected.to_string());
    Error::new(
        code,
        format!("the block's {what} is {claimed}, where it should be {expected}"),
    )
    .with("claimed", claimed)
    .with("expected", expected)
}

#[cold]
fn refused(index: u32, receipt: &Receipt) -> Error {
    let error = Error::new(
        Code::InvalidTransaction,
        format!(
            "transaction {index} cannot be executed: {}",
            receipt.message
        ),
    )
    .with("index", index)
    .with("receipt", receipt.code.as_str());
    match receipt.balance {
        Some(balance) => error.with("balance", balance),
        None => error,
    }
}
