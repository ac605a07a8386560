//! Genesis and the options of open, on their way in.

use std::path::PathBuf;

use libmetachain_engine::{Durability, OpenOptions};
use libmetachain_primitives::{Amount, Code, Error, Genesis, MetaAddress};
use napi::bindgen_prelude::BigInt64Array;
use napi_derive::napi;

use crate::guard::Outcome;
use crate::transactions::parse_network;
use crate::values;

/// The parameters of a chain.
#[napi(object, object_to_js = false)]
pub struct NativeGenesis {
    pub chain_id: String,
    pub network: String,
    /// Addresses with an initial balance.
    pub addresses: Vec<String>,
    /// Their balances, base units.
    pub balances: BigInt64Array,
    pub native_start: Option<f64>,
    pub transactions_max: Option<f64>,
    pub time: Option<f64>,
    pub replay_window: Option<f64>,
    pub payload_bytes_max: Option<f64>,
}

impl NativeGenesis {
    fn read(self) -> Outcome<Genesis> {
        let mut genesis = Genesis::new(self.chain_id, parse_network(&self.network)?);
        for (address, balance) in self.addresses.iter().zip(self.balances.iter()) {
            let refused = |why: &str| {
                let message = format!("genesis: the balance of {address}: {why}");
                Error::new(Code::BadArgument, message)
                    .with("field", "balances")
                    .with("address", address.as_str())
            };
            let account = MetaAddress::parse(address).map_err(|error| refused(error.message()))?;
            let amount = u64::try_from(*balance).ok().and_then(Amount::new);
            let amount = amount.ok_or_else(|| refused("it must be 1 to 2^63-1 base units"))?;
            if genesis.balances.insert(account, amount).is_some() {
                return Err(refused("the address is given twice").into());
            }
        }
        genesis.native_start = self
            .native_start
            .map(|value| values::whole(value, "nativeStart"))
            .transpose()?;
        if let Some(most) = self.transactions_max {
            genesis.transactions_max = values::whole_u32(most, "transactionsMax")?;
        }
        if let Some(time) = self.time {
            genesis.time = values::whole(time, "time")?;
        }
        if let Some(blocks) = self.replay_window {
            genesis.replay_window = values::whole_u32(blocks, "replayWindow")?;
        }
        if let Some(bytes) = self.payload_bytes_max {
            genesis.payload_bytes_max = values::whole_u32(bytes, "payloadBytesMax")?;
        }
        genesis.validate()?;
        Ok(genesis)
    }
}

/// What to open, and how.
#[napi(object, object_to_js = false)]
pub struct NativeOpenOptions {
    pub path: Option<String>,
    pub genesis: Option<NativeGenesis>,
    /// Acknowledge when queued, not when on disk.
    pub batch: bool,
    pub undo_depth: Option<f64>,
    pub snapshot_every: Option<f64>,
    pub event_retention: Option<f64>,
}

impl NativeOpenOptions {
    pub(crate) fn read(self) -> Outcome<OpenOptions> {
        let mut options = OpenOptions {
            path: self.path.map(PathBuf::from),
            genesis: self.genesis.map(NativeGenesis::read).transpose()?,
            ..OpenOptions::default()
        };
        if self.batch {
            options.durability = Durability::Batch;
        }
        if let Some(depth) = self.undo_depth {
            options.undo_depth = values::whole(depth, "undoDepth")?;
        }
        if let Some(blocks) = self.snapshot_every {
            options.snapshot_every = values::whole(blocks, "snapshotEvery")?;
        }
        if let Some(blocks) = self.event_retention {
            options.event_retention = values::whole(blocks, "eventRetention")?;
        }
        Ok(options)
    }
}
