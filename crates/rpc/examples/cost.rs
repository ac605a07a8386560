//! What a call over JSON-RPC costs the server beside the same call in process, in CPU time.
//!
//! `cargo run --release -p libmetachain-rpc --example cost [transactions] [mints]` prints one line of JSON.
//! Linux only: the time of each thread is read from `/proc`.

use std::error::Error;
use std::sync::Arc;

use libmetachain_engine::{Metachain, OpenOptions};
use libmetachain_primitives::{Genesis, MetaAddress, Network, Transaction};
use libmetachain_rpc::wire::{MetaBlockInput, MetaTransaction, MetachainClient};
use libmetachain_rpc::{
    Access, Client, ClientOptions, Grant, RpcServer, Secret, ServerOptions, next_context,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let transactions: u32 = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let mints: u32 = arguments.next().map_or(Ok(500), |text| text.parse())?;

    let chain = Arc::new(Metachain::open(&OpenOptions {
        genesis: Some(Genesis::new("cost", Network::DefichainRegtest)),
        ..OpenOptions::default()
    })?);
    let input = MetaBlockInput {
        txs: (0..transactions).map(deposit).collect(),
        context: None,
    };
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
    let client = Client::new(&format!("http://{}", server.address()), options)?;

    // Both once before, so that neither pays for what is done once.
    let expected = in_process(&chain, &input)?;
    if client.meta_mint_block(&input)?.payload != expected {
        return Err("the two do not give the same bytes".into());
    }
    let before = cpu_ns("cost")?;
    for _ in 0..mints {
        in_process(&chain, &input)?;
    }
    let inside = cpu_ns("cost")? - before;
    let before = cpu_ns("metachain-rpc")?;
    for _ in 0..mints {
        client.meta_mint_block(&input)?;
    }
    let over_rpc = cpu_ns("metachain-rpc")? - before;
    println!(
        "{{\"transactions\":{transactions},\"mints\":{mints},\"inProcessUs\":{:.1},\"serverUs\":{:.1},\"ratio\":{:.2}}}",
        inside as f64 / 1e3 / f64::from(mints),
        over_rpc as f64 / 1e3 / f64::from(mints),
        over_rpc as f64 / inside as f64,
    );
    Ok(())
}

fn deposit(number: u32) -> MetaTransaction {
    let mut to = [0; 20];
    to[..4].copy_from_slice(&number.to_be_bytes());
    let mut txid = vec![0; 32];
    txid[..4].copy_from_slice(&number.to_be_bytes());
    MetaTransaction {
        from: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".into(),
        to: MetaAddress(to).to_string(),
        amount: 100_000_000 + i64::from(number),
        txid: Some(txid),
    }
}

/// A mint as a program does that has the same values as text.
fn in_process(chain: &Metachain, input: &MetaBlockInput) -> Result<Vec<u8>, Box<dyn Error>> {
    let network = chain.genesis().network;
    let mut parsed = Vec::with_capacity(input.txs.len());
    for given in &input.txs {
        let txid = given.txid.as_deref().map(TryInto::try_into).transpose()?;
        parsed.push(Transaction::parse(
            &given.from,
            &given.to,
            given.amount,
            txid,
            network,
        ));
    }
    Ok(chain.mint(&next_context(chain)?, &parsed)?.payload.to_vec())
}

/// Nanoseconds that the threads of this name have run.
fn cpu_ns(name: &str) -> Result<u64, Box<dyn Error>> {
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
