//! What a call over JSON-RPC costs the server beside the same call in process, for the benchmark.
//!
//! `cargo run --release -p libmetachain-rpc --example cost FILE` reads transactions, one a line: from, to,
//! base units and txid in hex, separated by tabs. Then each line of its input is a question, answered by a
//! line of JSON:
//!
//! - `hash`: the hash of the block that both ways must give
//! - `inside N`: microseconds of processor time of a mint in process, from the values as text: the mean of N
//! - `served N`: as many of the server's, all its threads, for a mint over JSON-RPC: the mean of N
//! - `timed N`: microseconds on the clock of each of N mints in process, from the values as text
//!
//! Linux only: the time of each thread is read from `/proc`.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libmetachain_engine::{Metachain, Minted, OpenOptions};
use libmetachain_primitives::{Genesis, Network, Transaction};
use libmetachain_rpc::wire::{MetaBlockInput, MetaTransaction, MetachainClient};
use libmetachain_rpc::{
    Access, Client, ClientOptions, Grant, RpcServer, Secret, ServerOptions, mint_next,
};

/// Mints before those that are timed.
const UNTIMED: u32 = 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let file = std::env::args().nth(1).ok_or("usage: cost FILE")?;
    let bench = Bench::new(&std::fs::read_to_string(file)?)?;
    for line in stdin().lock().lines() {
        let line = line?;
        let (question, count) = line.split_once(' ').unwrap_or((&line, "0"));
        let count: u32 = count.parse()?;
        let answer = match question {
            "hash" => format!("\"{}\"", bench.same_hash()?),
            "inside" => mean_cpu_us("cost", count, || bench.inside().map(drop))?,
            "served" => mean_cpu_us("metachain-rpc", count, || bench.served().map(drop))?,
            "timed" => times_us(count, || bench.inside().map(drop))?,
            other => return Err(format!("there is no question {other}").into()),
        };
        writeln!(stdout(), "{answer}")?;
    }
    bench.server.stop();
    Ok(())
}

/// One chain, called in both ways.
struct Bench {
    chain: Arc<Metachain>,
    input: MetaBlockInput,
    server: RpcServer,
    client: Client,
}

impl Bench {
    fn new(transactions: &str) -> Outcome<Bench> {
        let chain = Arc::new(Metachain::open(&OpenOptions {
            genesis: Some(Genesis::new("bench", Network::DefichainRegtest)),
            ..OpenOptions::default()
        })?);
        let secret = Secret::bearer("a-token-of-no-value")?;
        let grant = Grant {
            secret: secret.clone(),
            access: Access::Control,
        };
        let server = RpcServer::start(Arc::clone(&chain), &ServerOptions::new(vec![grant]))?;
        let options = ClientOptions {
            secret: Some(secret),
            ..ClientOptions::default()
        };
        Ok(Bench {
            client: Client::new(&format!("http://{}", server.address()), options)?,
            input: MetaBlockInput {
                txs: transactions
                    .lines()
                    .map(transaction)
                    .collect::<Outcome<_>>()?,
                context: None,
            },
            chain,
            server,
        })
    }

    /// A mint as a program does that has the same values as text.
    fn inside(&self) -> Outcome<Minted> {
        let network = self.chain.genesis().network;
        let mut parsed = Vec::with_capacity(self.input.txs.len());
        for given in &self.input.txs {
            let txid = given.txid.as_deref().map(TryInto::try_into).transpose()?;
            parsed.push(Transaction::parse(
                &given.from,
                &given.to,
                given.amount,
                txid,
                network,
            ));
        }
        Ok(mint_next(&self.chain, &parsed)?)
    }

    fn served(&self) -> Outcome<Vec<u8>> {
        Ok(self.client.meta_mint_block(&self.input)?.hash)
    }

    fn same_hash(&self) -> Outcome<String> {
        let inside = self.inside()?.hash;
        if self.served()? != inside.0 {
            return Err("the two do not give the same block".into());
        }
        Ok(inside.to_string())
    }
}

fn transaction(line: &str) -> Outcome<MetaTransaction> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [from, to, amount, txid] = fields.as_slice() else {
        return Err(format!("no transaction: {line}").into());
    };
    Ok(MetaTransaction {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
        amount: amount.parse()?,
        txid: Some(hex::decode(txid)?),
    })
}

fn times_us(count: u32, mut call: impl FnMut() -> Outcome<()>) -> Outcome<String> {
    // What comes back from waiting is slow at first, and would say nothing about the call.
    for _ in 0..UNTIMED {
        call()?;
    }
    let mut all = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        call()?;
        all.push(format!("{:.3}", start.elapsed().as_nanos() as f64 / 1e3));
    }
    Ok(format!("[{}]", all.join(",")))
}

/// What the threads of this name run for one of so many calls.
fn mean_cpu_us(name: &str, count: u32, mut call: impl FnMut() -> Outcome<()>) -> Outcome<String> {
    let before = cpu_ns(name)?;
    for _ in 0..count {
        call()?;
    }
    let ran = cpu_ns(name)?.saturating_sub(before) as f64 / 1e3;
    Ok(format!("[{:.3}]", ran / f64::from(count.max(1))))
}

/// Nanoseconds that the threads of this name have run.
fn cpu_ns(name: &str) -> Outcome<u64> {
    // What this very thread has run is accounted for when it stops running.
    std::thread::sleep(Duration::from_nanos(1));
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if std::fs::read_to_string(path.join("comm"))?.trim() == name {
            let schedule = std::fs::read_to_string(path.join("schedstat"))?;
            sum += schedule
                .split(' ')
                .next()
                .unwrap_or_default()
                .parse::<u64>()?;
        }
    }
    Ok(sum)
}
