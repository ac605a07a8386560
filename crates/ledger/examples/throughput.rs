//! What a block costs the ledger alone: mint, check, apply, revert and rebuild, in µs a transaction.
//!
//! `cargo run --release -p libmetachain-ledger --example throughput -- --accounts 1000000 --txs 1000`
//! Options: `--accounts N` `--txs M` `--blocks B` `--fresh P` (percent of transfers that go to new
//! accounts) `--txids` (every transaction has an id) `--scalar`. Medians over the
//! blocks, and the fastest block beside them, which a busy machine disturbs less.

use std::error::Error;
use std::time::{Duration, Instant};

use libmetachain_ledger::{Candidate, Carried, Context, Hashing, Ledger, Replay, Restore};
use libmetachain_primitives::{
    Amount, Genesis, MetaAddress, NativeHash, Network, Receipt, Transaction, TxId, tx_root,
};

struct Options {
    accounts: u64,
    txs: usize,
    blocks: usize,
    fresh_percent: u64,
    txids: bool,
    hashing: Hashing,
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            accounts: 1_000_000,
            txs: 1_000,
            blocks: 200,
            fresh_percent: 0,
            txids: false,
            hashing: Hashing::Simd,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                words
                    .next()
                    .ok_or("a number is missing")?
                    .parse::<u64>()
                    .map_err(Box::<dyn Error>::from)
            };
            match word.as_str() {
                "--accounts" => options.accounts = number()?,
                "--txs" => options.txs = number()? as usize,
                "--blocks" => options.blocks = number()? as usize,
                "--fresh" => options.fresh_percent = number()?,
                "--txids" => options.txids = true,
                "--scalar" => options.hashing = Hashing::Scalar,
                other => return Err(format!("unknown option {other}").into()),
            }
        }
        Ok(options)
    }
}

/// SplitMix64: the same blocks in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

fn address(number: u64) -> MetaAddress {
    let mut random = Random(number);
    let mut bytes = [0; 20];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
    }
    MetaAddress(bytes)
}

fn block(
    options: &Options,
    random: &mut Random,
) -> Result<Vec<Result<Transaction, Receipt>>, Box<dyn Error>> {
    let amount = Amount::new(1).ok_or("an amount")?;
    Ok((0..options.txs)
        .map(|_| {
            let fresh = random.next() % 100 < options.fresh_percent;
            let to = if fresh {
                random.next()
            } else {
                random.next() % options.accounts
            };
            let txid = options.txids.then(|| {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&random.next().to_le_bytes());
                TxId(bytes)
            });
            let from = address(random.next() % options.accounts);
            Ok(Transaction::Transfer {
                from,
                to: address(to),
                amount,
                txid,
            })
        })
        .collect())
}

struct Times(Vec<(&'static str, Vec<Duration>)>);

impl Times {
    fn time<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        match self.0.iter_mut().find(|(name, _)| *name == what) {
            Some((_, times)) => times.push(took),
            None => self.0.push((what, vec![took])),
        }
        result
    }

    fn print(&mut self, txs: usize) {
        for (what, times) in &mut self.0 {
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let best = times.first().copied().unwrap_or_default();
            let us = |time: Duration| time.as_secs_f64() * 1e6 / txs as f64;
            println!(
                "{what:>10}  {:>7.3} µs a tx, at best {:>7.3}",
                us(median),
                us(best)
            );
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read()?;
    let mut genesis = Genesis::new("throughput", Network::Opaque);
    let rich = Amount::new(1 << 36).ok_or("an amount")?;
    genesis.balances = (0..options.accounts)
        .map(|number| (address(number), rich))
        .collect();
    let bare = Genesis {
        balances: Default::default(),
        ..genesis.clone()
    };

    let before = resident_bytes();
    let start = Instant::now();
    let mut ledger = Ledger::with_hashing(genesis, options.hashing)?;
    let bytes = resident_bytes().saturating_sub(before) as f64 / options.accounts as f64;
    println!(
        "{} accounts, built in {:.3} s, {bytes:.0} B each",
        options.accounts,
        start.elapsed().as_secs_f64()
    );

    let mut random = Random(1);
    let mut times = Times(Vec::new());
    for number in 0..options.blocks as u64 {
        let native =
            |number: u64| NativeHash(std::array::from_fn(|at| (number >> (8 * (at % 8))) as u8));
        let context = Context {
            native_height: number,
            native_parent: native(number),
            time: number,
        };
        let transactions = block(&options, &mut random)?;
        let minted = times.time("mint", || ledger.mint(&context, &transactions))?;
        let root = times.time("(tx root)", || tx_root(&minted.block.transactions));
        let payload = &minted.payload;
        let candidate = Candidate {
            context,
            payload,
            carried: Carried::Root(root),
        };
        let checked = times.time("check", || ledger.check(&candidate))?;
        assert_eq!(checked.hash, minted.hash);
        let undo = times.time("undo", || ledger.encoded_undo_of(&minted.delta));
        times.time("apply", || ledger.apply(minted.delta, native(number + 1)))?;
        let undo = times.time("(decode)", || libmetachain_ledger::Undo::decode(&undo))?;
        times.time("revert", || ledger.revert(&undo))?;
        ledger.apply(checked.delta, native(number + 1))?;
    }
    times.print(options.txs);
    reopen(&ledger, bare)
}

/// What opening costs: accounts from a snapshot, then order, links and hashes.
fn reopen(ledger: &Ledger, genesis: Genesis) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut records = Vec::new();
    let count = ledger.read_accounts(0, u32::MAX, &mut records);
    println!("read out {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut restore = Restore::new(genesis)?;
    restore.accounts(&records)?;
    let window = ledger.window().map(|(_, txids)| txids.to_vec()).collect();
    let replay: Replay = restore.finish(*ledger.tip(), count, window)?;
    println!("restored {:.3} s", start.elapsed().as_secs_f64());
    let reopened = replay.finish_replay()?;
    println!("rebuilt  {:.3} s", start.elapsed().as_secs_f64());
    assert_eq!(reopened.tip(), ledger.tip());
    Ok(())
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
