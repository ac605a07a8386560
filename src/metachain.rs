//! The handle of a running metachain.

use std::sync::Arc;

use libmetachain_engine::{
    CandidateBlock, Carried, ChainTip, ConnectStatus, Connected, Context, Metachain,
    NativeBlock as CarriedBlock,
};
use libmetachain_primitives::Network;
use napi::Env;
use napi::bindgen_prelude::{
    AsyncTask, BigInt, ClassInstance, Function, Object, Uint8Array, Uint8ArraySlice,
};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use serde_json::json;

use crate::abort::AbortFlag;
use crate::background::{Job, background};
use crate::block::{NativeBlock, genesis_hash};
use crate::genesis::NativeOpenOptions;
use crate::guard::{Failure, Outcome, chain_report, guard};
use crate::promise::promise;
use crate::transactions::{NativeBatch, PackedTransactions};
use crate::values;

/// A running metachain. TypeScript's class of that name wraps it.
#[napi]
pub struct NativeMetachain {
    inner: Arc<Metachain>,
    network: Network,
}

impl NativeMetachain {
    pub(crate) fn inner(&self) -> &Arc<Metachain> {
        &self.inner
    }

    /// Whose addresses the chain speaks of.
    pub(crate) fn native_network(&self) -> Network {
        self.network
    }
}

impl From<Metachain> for NativeMetachain {
    fn from(inner: Metachain) -> Self {
        let network = inner.genesis().network;
        NativeMetachain {
            inner: Arc::new(inner),
            network,
        }
    }
}

/// Opens a metachain: reading the log back takes a while.
#[napi(ts_return_type = "Promise<NativeMetachain>")]
pub fn open_metachain(
    options: NativeOpenOptions,
) -> napi::Result<AsyncTask<Job<Metachain, NativeMetachain>>> {
    guard("openMetachain", || {
        let options = options.read()?;
        let work = move || Ok(Metachain::open(&options)?);
        Ok(background("Metachain.open", NativeMetachain::from, work))
    })
}

/// The tip and how far the disk has followed it.
#[napi(object, object_from_js = false)]
pub struct NativeTip {
    pub height: f64,
    pub native_height: Option<f64>,
    pub time: f64,
    pub durable_height: f64,
    pub supply: BigInt,
    /// Three times 32 bytes: hash, native hash (zeros where there is none), state root.
    pub hashes: Uint8Array,
}

impl From<ChainTip> for NativeTip {
    fn from(tip: ChainTip) -> Self {
        let ChainTip {
            tip,
            durable_height,
        } = tip;
        let native_hash = tip.native.map_or([0; 32], |(_, hash)| hash.0);
        NativeTip {
            height: values::number(tip.height),
            native_height: tip.native.map(|(height, _)| values::number(height)),
            time: values::number(tip.time),
            durable_height: values::number(durable_height),
            supply: tip.supply.into(),
            hashes: [tip.hash.0, native_hash, tip.state_root.0].concat().into(),
        }
    }
}

/// A minted block.
#[napi(object, object_from_js = false)]
pub struct NativeMinted {
    pub payload: Uint8Array,
    /// Twice 32 bytes: hash, state root.
    pub hashes: Uint8Array,
    pub height: f64,
    pub supply: BigInt,
    pub accepted: u32,
    /// JSON: a list of [index, code, message, balance as text or null]; left out if empty.
    pub rejected: Option<String>,
}

/// What a native block says of itself.
#[napi(object, object_to_js = false)]
pub struct NativeBlockInput<'env> {
    /// Left out for a block that is only checked.
    pub hash: Option<Uint8ArraySlice<'env>>,
    pub height: f64,
    pub parent_hash: Uint8ArraySlice<'env>,
    pub time: f64,
    pub payload: Uint8ArraySlice<'env>,
    /// What the block carries itself: at most one of the three, none for `unchecked`.
    pub root: Option<Uint8ArraySlice<'env>>,
    pub batch: Option<ClassInstance<'env, NativeBatch>>,
    pub packed: Option<PackedTransactions<'env>>,
}

impl NativeBlockInput<'_> {
    fn candidate(&self, network: Network) -> Outcome<CandidateBlock> {
        let carried = match (&self.root, &self.batch, &self.packed) {
            (Some(root), ..) => Carried::Root(values::hash(root, "transactions")?),
            (_, Some(batch), _) => batch.carried().clone(),
            (.., Some(packed)) => Carried::of(&packed.parse(network)?),
            (None, None, None) => Carried::Unchecked,
        };
        Ok(CandidateBlock {
            context: context(self.height, &self.parent_hash, self.time)?,
            payload: Arc::from(&*self.payload),
            carried,
        })
    }

    fn read(&self, network: Network) -> Outcome<CarriedBlock> {
        let hash = self.hash.as_deref().unwrap_or_default();
        Ok(CarriedBlock {
            hash: values::hash(hash, "nativeHash")?,
            candidate: self.candidate(network)?,
        })
    }
}

fn context(height: f64, parent_hash: &[u8], time: f64) -> Outcome<Context> {
    Ok(Context {
        native_height: values::whole(height, "nativeHeight")?,
        native_parent: values::hash(parent_hash, "nativeParentHash")?,
        time: values::whole(time, "time")?,
    })
}

/// What became of a block given to connect.
#[napi(object, object_from_js = false)]
pub struct NativeConnected {
    /// Whether the block was part of the chain already.
    pub known: bool,
    pub hash: Uint8Array,
    pub height: f64,
}

impl From<Connected> for NativeConnected {
    fn from(connected: Connected) -> Self {
        NativeConnected {
            known: connected.status == ConnectStatus::Known,
            hash: connected.hash.0.into(),
            height: values::number(connected.height),
        }
    }
}

#[napi]
impl NativeMetachain {
    /// The name of the native network.
    #[napi(getter)]
    pub fn network(&self) -> napi::Result<&'static str> {
        guard("Metachain.network", || Ok(self.network.as_str()))
    }

    /// The chain's id.
    #[napi(getter)]
    pub fn chain_id(&self) -> napi::Result<String> {
        guard("Metachain.chainId", || {
            Ok(self.inner.genesis().chain_id.clone())
        })
    }

    /// The genesis hash.
    #[napi]
    pub fn genesis_hash(&self) -> napi::Result<Uint8Array> {
        guard("Metachain.genesisHash", || {
            Ok(genesis_hash(self.inner.genesis()))
        })
    }

    #[napi]
    pub fn tip(&self) -> napi::Result<NativeTip> {
        guard("Metachain.tip", || Ok(self.inner.tip()?.into()))
    }

    #[napi]
    pub fn supply(&self) -> napi::Result<BigInt> {
        guard("Metachain.supply", || Ok(self.inner.supply()?.into()))
    }

    /// Mints a block of a batch or of packed transactions.
    #[napi]
    pub fn mint(
        &self,
        height: f64,
        parent_hash: &[u8],
        time: f64,
        batch: Option<&NativeBatch>,
        packed: Option<PackedTransactions>,
    ) -> napi::Result<NativeMinted> {
        guard("Metachain.mintBlock", || {
            let context = context(height, parent_hash, time)?;
            let minted = match (batch, &packed) {
                (Some(batch), _) => self.inner.mint(&context, &batch.parsed)?,
                (None, Some(packed)) => self.inner.mint(&context, &packed.parse(self.network)?)?,
                (None, None) => self.inner.mint(&context, &[])?,
            };
            let rejected = (!minted.rejected.is_empty()).then(|| {
                let rows = minted.rejected.iter().map(|rejection| {
                    let receipt = &rejection.receipt;
                    let balance = receipt.balance.map(|balance| balance.to_string());
                    json!([
                        rejection.index,
                        receipt.code.as_str(),
                        receipt.message,
                        balance
                    ])
                });
                serde_json::Value::from_iter(rows).to_string()
            });
            Ok(NativeMinted {
                payload: Uint8Array::from(minted.payload),
                hashes: [minted.hash.0, minted.header.state_root.0].concat().into(),
                height: values::number(minted.header.height),
                supply: minted.header.supply.into(),
                accepted: minted.header.tx_count,
                rejected,
            })
        })
    }

    #[napi]
    pub fn check(&self, block: NativeBlockInput) -> napi::Result<NativeBlock> {
        guard("Metachain.checkBlock", || {
            let (block, hash) = self.inner.check(&block.candidate(self.network)?)?;
            Ok(NativeBlock::new(block, hash, None, self.network))
        })
    }

    #[napi]
    pub fn connect_sync(&self, block: NativeBlockInput) -> napi::Result<NativeConnected> {
        guard("Metachain.connectBlockSync", || {
            Ok(self.inner.connect(block.read(self.network)?)?.into())
        })
    }

    #[napi(ts_return_type = "Promise<NativeConnected>")]
    pub fn connect<'env>(
        &self,
        env: &'env Env,
        block: NativeBlockInput,
    ) -> napi::Result<Object<'env>> {
        let convert = |connected: Connected| Ok(NativeConnected::from(connected));
        promise(env, "Metachain.connectBlock", convert, |done| {
            self.inner.connect_later(block.read(self.network)?, done);
            Ok(())
        })
    }

    #[napi(ts_return_type = "Promise<NativeConnected[]>")]
    pub fn connect_many<'env>(
        &self,
        env: &'env Env,
        blocks: Vec<NativeBlockInput>,
        aborted: &AbortFlag,
    ) -> napi::Result<Object<'env>> {
        let convert = |connected: Vec<Connected>| {
            Ok(connected
                .into_iter()
                .map(NativeConnected::from)
                .collect::<Vec<_>>())
        };
        promise(env, "Metachain.connectBlocks", convert, |done| {
            let blocks: Outcome<Vec<_>> = blocks
                .iter()
                .map(|block| block.read(self.network))
                .collect();
            self.inner
                .connect_many_later(blocks?, aborted.shared(), done);
            Ok(())
        })
    }

    #[napi(ts_return_type = "Promise<NativeTip>")]
    pub fn disconnect<'env>(
        &self,
        env: &'env Env,
        native_hash: &[u8],
    ) -> napi::Result<Object<'env>> {
        let convert = |tip: ChainTip| Ok(NativeTip::from(tip));
        promise(env, "Metachain.disconnectBlock", convert, |done| {
            self.inner
                .disconnect_later(values::hash(native_hash, "nativeHash")?, done);
            Ok(())
        })
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn finalize<'env>(&self, env: &'env Env, native_hash: &[u8]) -> napi::Result<Object<'env>> {
        promise(env, "Metachain.finalize", Ok::<(), Failure>, |done| {
            self.inner
                .finalize_later(values::hash(native_hash, "nativeHash")?, done);
            Ok(())
        })
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn flush<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        promise(env, "Metachain.flush", Ok::<(), Failure>, |done| {
            self.inner.flush_later(done);
            Ok(())
        })
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        promise(env, "Metachain.close", Ok::<(), Failure>, |done| {
            self.inner.close_later(done);
            Ok(())
        })
    }

    /// Calls `listener` with an error's report if the chain can no longer go on. Does not keep the
    /// event loop alive.
    #[napi]
    pub fn on_fatal(&self, listener: Function<String, ()>) -> napi::Result<f64> {
        guard("Metachain.onFatal", || {
            let listener = listener
                .build_threadsafe_function()
                .weak::<true>()
                .build()?;
            let number = self.inner.on_fatal(move |error| {
                listener.call(chain_report(error), ThreadsafeFunctionCallMode::NonBlocking);
            });
            Ok(values::number(number))
        })
    }

    #[napi]
    pub fn remove_fatal_listener(&self, number: f64) -> napi::Result<()> {
        guard("Metachain.removeFatalListener", || {
            self.inner
                .remove_fatal_listener(values::whole(number, "number")?);
            Ok(())
        })
    }
}
