//! An open chain as C++ holds it: each function converts, asks the engine and converts back.

use std::pin::Pin;
use std::sync::Arc;

use cxx::{CxxString, CxxVector};
use libmetachain_engine::Metachain;
use libmetachain_primitives::{Code, Error, MetaAddress, Network, Result};
use libmetachain_rpc::{PROTOCOL_VERSION, events_after, mint_next, wire};

use crate::args;
use crate::bridge::ffi::{
    DmcBlock, DmcTx, MetaAccountResult, MetaBlock, MetaBlockQueryResult, MetaBlockRef,
    MetaCandidateBlock, MetaConnectResult, MetaContext, MetaEventsInput, MetaEventsResult,
    MetaHandshakeResult, MetaNativeBlock, MetaPayloadResult, MetaProof, MetaTip,
    MetaTransactionResult, MetaVersion, MetaWithdrawal, NativeSource,
};
use crate::convert;
use crate::guard::guard;
use crate::settings;
use crate::source;
use crate::transactions;

/// A handle to an open chain. Cloned by calls under way, so that closing never pulls it from under them.
#[derive(Clone)]
pub(crate) struct Chain(Arc<Metachain>);

/// Opens a chain of its caller's own.
pub(crate) fn open(args: &CxxVector<CxxString>) -> Result<Box<Chain>> {
    guard("open", || Chain::from_list(args).map(Box::new))
}

/// As [`open`], from one text.
pub(crate) fn open_text(args: &str) -> Result<Box<Chain>> {
    guard("open", || Chain::from_text(args).map(Box::new))
}

impl Chain {
    pub(crate) fn from_list(args: &CxxVector<CxxString>) -> Result<Chain> {
        let texts = args
            .iter()
            .map(|argument| {
                argument
                    .to_str()
                    .map_err(|_| args::bad("an argument is not UTF-8 text".into()))
            })
            .collect::<Result<Vec<_>>>()?;
        Self::from_arguments(texts)
    }

    pub(crate) fn from_text(args: &str) -> Result<Chain> {
        let texts = args::split(args)?;
        Self::from_arguments(texts.iter().map(String::as_str))
    }

    fn from_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Chain> {
        let options = settings::read(arguments)?;
        Ok(Chain(Arc::new(Metachain::open(&options)?)))
    }

    fn network(&self) -> Network {
        self.0.genesis().network
    }

    pub(crate) fn close(&self) -> Result<()> {
        guard("close", || self.0.close())
    }

    pub(crate) fn mint_block(&self, txs: &CxxVector<DmcTx>) -> Result<DmcBlock> {
        guard("mint_block", || {
            let parsed = transactions::parse(txs.iter(), self.network())?;
            mint_next(&self.0, &parsed).map(convert::minted)
        })
    }

    pub(crate) fn mint_block_at(
        &self,
        context: &MetaContext,
        txs: &CxxVector<DmcTx>,
    ) -> Result<DmcBlock> {
        guard("mint_block", || {
            let parsed = transactions::parse(txs.iter(), self.network())?;
            let context = convert::context(context)?;
            self.0.mint(&context, &parsed).map(convert::minted)
        })
    }

    pub(crate) fn check_block(&self, block: &MetaCandidateBlock) -> Result<MetaBlock> {
        guard("check_block", || {
            let candidate = convert::candidate(block, self.network())?;
            let (block, hash) = self.0.check(&candidate)?;
            convert::block(&block, hash, None, self.network())
        })
    }

    pub(crate) fn connect_block(&self, block: &MetaNativeBlock) -> Result<MetaConnectResult> {
        guard("connect_block", || {
            let block = convert::native_block(block, self.network())?;
            self.0.connect(block).map(convert::connected)
        })
    }

    pub(crate) fn disconnect_block(&self, native_hash: &[u8]) -> Result<MetaTip> {
        guard("disconnect_block", || {
            let native = convert::hash(native_hash, "native_hash")?;
            Ok(convert::tip(&self.0.disconnect(native)?))
        })
    }

    pub(crate) fn finalize_block(&self, native_hash: &[u8]) -> Result<()> {
        guard("finalize_block", || {
            let native = convert::hash(native_hash, "native_hash")?;
            waited(|done| self.0.finalize_later(native, done))
        })
    }

    pub(crate) fn flush(&self) -> Result<()> {
        guard("flush", || waited(|done| self.0.flush_later(done)))
    }

    pub(crate) fn tip(&self) -> Result<MetaTip> {
        guard("tip", || Ok(convert::tip(&self.0.tip()?)))
    }

    pub(crate) fn account(&self, address: &str) -> Result<MetaAccountResult> {
        guard("account", || {
            let address = MetaAddress::parse(address)?;
            Ok(convert::account(&address, self.0.account(&address)?))
        })
    }

    pub(crate) fn block(&self, reference: &MetaBlockRef) -> Result<MetaBlockQueryResult> {
        guard("block", || {
            let found = self.0.block(convert::block_ref(reference)?)?;
            Ok(MetaBlockQueryResult {
                has_block: found.is_some(),
                block: match found {
                    Some(stored) => convert::stored(&stored, self.network())?,
                    None => wire::MetaBlock::default().into(),
                },
            })
        })
    }

    pub(crate) fn payload(&self, reference: &MetaBlockRef) -> Result<MetaPayloadResult> {
        guard("payload", || {
            let found = self.0.payload(convert::block_ref(reference)?)?;
            Ok(MetaPayloadResult {
                payload: found.map_or_else(Vec::new, |payload| payload.to_vec()),
            })
        })
    }

    pub(crate) fn withdrawals(&self, reference: &MetaBlockRef) -> Result<Vec<MetaWithdrawal>> {
        guard("withdrawals", || {
            let withdrawals = self.0.withdrawals(convert::block_ref(reference)?)?;
            withdrawals
                .iter()
                .map(|withdrawal| convert::withdrawal(withdrawal, self.network()))
                .collect()
        })
    }

    pub(crate) fn transaction(&self, txid: &[u8]) -> Result<MetaTransactionResult> {
        guard("transaction", || {
            let found = self.0.transaction(&convert::hash(txid, "txid")?)?;
            convert::placed(found.as_ref(), self.network())
        })
    }

    pub(crate) fn events(&self, input: &MetaEventsInput) -> Result<MetaEventsResult> {
        guard("events", || {
            let after = Some(input.after.as_str()).filter(|cursor| !cursor.is_empty());
            let events = events_after(&self.0, after, input.max)?;
            let events = events
                .into_iter()
                .map(|event| convert::event(event, self.network()));
            Ok(MetaEventsResult {
                events: events.collect::<Result<_>>()?,
            })
        })
    }

    pub(crate) fn prove_account(&self, address: &str) -> Result<MetaProof> {
        guard("prove_account", || {
            let proven = self.0.prove_account(&MetaAddress::parse(address)?)?;
            Ok(MetaProof {
                height: proven.height,
                root: proven.state_root.0.to_vec(),
                proof: proven.proof,
            })
        })
    }

    pub(crate) fn prove_withdrawal(
        &self,
        reference: &MetaBlockRef,
        index: u32,
    ) -> Result<MetaProof> {
        guard("prove_withdrawal", || {
            let proven = self
                .0
                .prove_withdrawal(convert::block_ref(reference)?, index)?;
            Ok(MetaProof {
                height: proven.height,
                root: proven.withdrawals_root.0.to_vec(),
                proof: proven.proof,
            })
        })
    }

    pub(crate) fn version(&self) -> Result<MetaVersion> {
        guard("version", || {
            let genesis = self.0.genesis();
            Ok(MetaVersion {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                protocol: PROTOCOL_VERSION,
                chain_id: genesis.chain_id.clone(),
                network: genesis.network.as_str().to_owned(),
                genesis_hash: genesis.hash().0.to_vec(),
            })
        })
    }

    pub(crate) fn handshake(&self, native: Pin<&mut NativeSource>) -> Result<MetaHandshakeResult> {
        guard("handshake", || source::handshake(&self.0, native))
    }

    pub(crate) fn sync(&self, native: Pin<&mut NativeSource>) -> Result<MetaTip> {
        guard("sync", || source::sync(&self.0, native))
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // The last handle closes the chain: a destructor that returns has freed the directory. What
        // failed in it was told by the call that wrote last.
        if let Some(metachain) = Arc::get_mut(&mut self.0) {
            let _ = guard("close", || metachain.close());
        }
    }
}

/// Waits for a call that answers through a callback.
fn waited<T: Send + 'static>(call: impl FnOnce(libmetachain_engine::Done<T>)) -> Result<T> {
    let (sender, answer) = std::sync::mpsc::sync_channel(1);
    call(Box::new(move |result| {
        // Who asked is waiting below.
        let _ = sender.send(result);
    }));
    answer.recv().unwrap_or_else(|_| {
        Err(Error::new(
            Code::InternalPanic,
            "a defect of this library: the call ended without an answer",
        ))
    })
}
