//! What the arguments of `start` and `open` mean.

use std::str::FromStr;

use libmetachain_engine::{Durability, OpenOptions};
use libmetachain_primitives::{Amount, Error, Genesis, MetaAddress, Network, Result};

use crate::args::{self, Argument, bad};

/// Reads the arguments into options.
///
/// # Errors
/// `BAD_ARGUMENT` with the detail `field` for an unknown, repeated or malformed one, for a genesis
/// without `chain_id` and `network`, and unless there is one of `datadir` and `memory=1`.
pub(crate) fn read<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<OpenOptions> {
    let mut options = OpenOptions::default();
    let mut genesis = GenesisParts::new();
    let mut memory = false;
    let mut seen = Vec::new();
    for argument in arguments {
        let Argument { name, value } = args::parse(argument)?;
        if name != "balance" && seen.contains(&name) {
            return Err(wrong(&name, "is given twice"));
        }
        match name.as_str() {
            "datadir" if value.is_empty() => return Err(wrong(&name, "names no directory")),
            "datadir" => options.path = Some(value.into()),
            "memory" => memory = flag(&name, &value)?,
            "durability" => {
                options.durability = match value.as_str() {
                    "block" => Durability::Block,
                    "batch" => Durability::Batch,
                    _ => return Err(wrong(&name, "is block or batch")),
                }
            }
            "undo_depth" => options.undo_depth = number(&name, &value)?,
            "snapshot_every" => options.snapshot_every = number(&name, &value)?,
            "event_retention" => options.event_retention = number(&name, &value)?,
            _ => genesis.take(&name, &value)?,
        }
        seen.push(name);
    }
    if memory == options.path.is_some() {
        return Err(
            bad("one of datadir=DIRECTORY and memory=1 is needed, and only one".into())
                .with("field", "datadir"),
        );
    }
    options.genesis = genesis.build()?;
    Ok(options)
}

/// The parameters of the chain, as far as they are given.
struct GenesisParts {
    genesis: Genesis,
    chain_id: bool,
    network: bool,
    others: bool,
}

impl GenesisParts {
    fn new() -> Self {
        GenesisParts {
            // The name and the network stand for none until they are given.
            genesis: Genesis::new("", Network::Opaque),
            chain_id: false,
            network: false,
            others: false,
        }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<()> {
        let genesis = &mut self.genesis;
        match name {
            "chain_id" => {
                value.clone_into(&mut genesis.chain_id);
                self.chain_id = true;
                return Ok(());
            }
            "network" => {
                genesis.network = network(value)?;
                self.network = true;
                return Ok(());
            }
            "balance" => balance(genesis, name, value)?,
            "native_start" => genesis.native_start = Some(number(name, value)?),
            "genesis_time" => genesis.time = number(name, value)?,
            "transactions_max" => genesis.transactions_max = number(name, value)?,
            "payload_bytes_max" => genesis.payload_bytes_max = number(name, value)?,
            "replay_window" => genesis.replay_window = number(name, value)?,
            _ => return Err(wrong(name, "is not a known argument")),
        }
        self.others = true;
        Ok(())
    }

    /// The genesis, or none where no parameter is given: then the store must have one.
    fn build(self) -> Result<Option<Genesis>> {
        match (self.chain_id, self.network) {
            (true, true) => {
                self.genesis.validate()?;
                Ok(Some(self.genesis))
            }
            (false, false) if !self.others => Ok(None),
            (false, _) => Err(wrong("chain_id", "is needed with parameters of the chain")),
            (true, false) => Err(wrong("network", "is needed with parameters of the chain")),
        }
    }
}

/// Reads `ADDRESS:BASE_UNITS` into the balances.
fn balance(genesis: &mut Genesis, name: &str, value: &str) -> Result<()> {
    let (address, units) = value
        .split_once(':')
        .ok_or_else(|| wrong(name, "is of the form ADDRESS:BASE_UNITS"))?;
    let address = MetaAddress::parse(address)
        .map_err(|error| wrong(name, &format!("is not usable: {}", error.message())))?;
    let amount = Amount::new(number(name, units)?)
        .ok_or_else(|| wrong(name, "must be 1 to 2^63-1 base units"))?;
    match genesis.balances.insert(address, amount) {
        None => Ok(()),
        Some(_) => Err(wrong(name, &format!("is given twice for {address}"))),
    }
}

/// The network of this name.
pub(crate) fn network(name: &str) -> Result<Network> {
    Network::parse(name).ok_or_else(|| {
        let names: Vec<_> = Network::ALL
            .iter()
            .map(|network| network.as_str())
            .collect();
        wrong("network", &format!("is one of {}", names.join(", ")))
    })
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    // Parsing alone would take a sign.
    Some(value)
        .filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| {
            wrong(
                name,
                &format!("must be a whole number below 2^{}", 8 * size_of::<T>()),
            )
        })
}

fn flag(name: &str, value: &str) -> Result<bool> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(wrong(name, "is 0 or 1")),
    }
}

fn wrong(name: &str, what: &str) -> Error {
    bad(format!("the argument {} {what}", name.escape_default())).with("field", name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmetachain_primitives::{Code, Detail};

    #[test]
    fn every_argument_reaches_its_place() {
        let options = read([
            "-datadir=/tmp/a b",
            "--durability=batch",
            "--undo-depth=7",
            "--snapshot-every=50",
            "--chain-id=a chain",
            "--network=defichain-regtest",
            "--native-start=100",
            "--genesis-time=5",
            "--transactions-max=10",
            "--payload-bytes-max=2000",
            "--replay-window=3",
            "--balance=0x0101010101010101010101010101010101010101:7",
            "--balance=0x0202020202020202020202020202020202020202:9",
        ])
        .expect("all is well-formed");
        assert_eq!(options.path.as_deref(), Some("/tmp/a b".as_ref()));
        assert_eq!(options.durability, Durability::Batch);
        assert_eq!(options.undo_depth, 7);
        assert_eq!(options.snapshot_every, 50);
        let genesis = options.genesis.expect("there is one");
        assert_eq!(genesis.chain_id, "a chain");
        assert_eq!(genesis.network, Network::DefichainRegtest);
        assert_eq!(genesis.native_start, Some(100));
        assert_eq!(genesis.time, 5);
        assert_eq!(genesis.transactions_max, 10);
        assert_eq!(genesis.payload_bytes_max, 2000);
        assert_eq!(genesis.replay_window, 3);
        assert_eq!(genesis.supply(), 16);
    }

    #[test]
    fn without_parameters_the_store_must_know_them() {
        assert!(read(["datadir=x"]).expect("it is enough").genesis.is_none());
        assert!(read(["memory=1"]).expect("it is enough").path.is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases: &[(&[&str], &str)] = &[
            (&[], "datadir"),
            (&["memory=0"], "datadir"),
            (&["memory=1", "datadir=x"], "datadir"),
            (&["memory=yes"], "memory"),
            (&["datadir="], "datadir"),
            (&["datadir=x", "datadir=y"], "datadir"),
            (&["memory=1", "colour=red"], "colour"),
            (&["memory=1", "undo_depth=-1"], "undo_depth"),
            (&["memory=1", "undo_depth=+1"], "undo_depth"),
            (&["memory=1", "undo_depth="], "undo_depth"),
            (
                &["memory=1", "undo_depth=18446744073709551616"],
                "undo_depth",
            ),
            (&["memory=1", "durability=never"], "durability"),
            (&["memory=1", "network=mars"], "network"),
            (&["memory=1", "network=opaque"], "chain_id"),
            (&["memory=1", "chain_id=a"], "network"),
            (&["memory=1", "native_start=1"], "chain_id"),
            (&["memory=1", "replay_window=4294967296"], "replay_window"),
            (&["memory=1", "balance=0x01:1"], "balance"),
            (&["memory=1", "balance=1"], "balance"),
            (
                &[
                    "memory=1",
                    "balance=0x0101010101010101010101010101010101010101:0",
                ],
                "balance",
            ),
            (
                &[
                    "memory=1",
                    "chain_id=a",
                    "network=opaque",
                    "balance=0x0101010101010101010101010101010101010101:1",
                    "balance=0x0101010101010101010101010101010101010101:1",
                ],
                "balance",
            ),
            (&["memory=1", "chain_id=", "network=opaque"], "chainId"),
        ];
        for (arguments, field) in cases {
            let error = read(arguments.iter().copied()).expect_err("it is wrong");
            assert_eq!(error.code(), Code::BadArgument, "{arguments:?}");
            let expected = Detail::Text((*field).to_owned());
            assert_eq!(error.detail("field"), Some(&expected), "{arguments:?}");
        }
    }
}
