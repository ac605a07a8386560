//! The process-wide chain: the functions that need no handle, and its start and stop in any order.

use std::pin::Pin;

use cxx::{CxxString, CxxVector};
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::{Mutex, RwLock};

use crate::args;
use crate::bridge::ffi::{
    DmcBlock, DmcTx, MetaAccountResult, MetaBlock, MetaBlockQueryResult, MetaBlockRef,
    MetaCandidateBlock, MetaConnectResult, MetaContext, MetaEventsInput, MetaEventsResult,
    MetaHandshakeResult, MetaNativeBlock, MetaPayloadResult, MetaProof, MetaTip,
    MetaTransactionResult, MetaVersion, MetaWithdrawal, NativeSource,
};
use crate::chain::Chain;
use crate::guard::{guard, guard_or_default};

/// Held for the whole of a start or a stop: who stops while another thread starts or stops finds the
/// directory free when it returns. Calls never take it, so that a stop may be called from within one.
static LIFECYCLE: Mutex<()> = Mutex::new(());

/// The chain; taken for as long as it takes to clone the handle.
static CHAIN: RwLock<Option<Chain>> = RwLock::new(None);

fn chain() -> Result<Chain> {
    CHAIN.read().clone().ok_or_else(|| {
        Error::new(
            Code::Closed,
            "no metachain is running: start(args) opens one",
        )
    })
}

/// Opens the process-wide chain.
pub(crate) fn start(args: &CxxVector<CxxString>) -> Result<()> {
    guard("start", || start_with(|| Chain::from_list(args)))
}

/// As [`start`], from one text.
pub(crate) fn start_text(args: &str) -> Result<()> {
    guard("start", || start_with(|| Chain::from_text(args)))
}

fn start_with(open: impl FnOnce() -> Result<Chain>) -> Result<()> {
    let _lifecycle = LIFECYCLE.lock();
    if CHAIN.read().is_some() {
        return Err(args::bad(
            "a metachain is running in this process: stop it first, or open(args) another".into(),
        ));
    }
    let chain = open()?;
    *CHAIN.write() = Some(chain);
    Ok(())
}

/// Closes the process-wide chain, if there is one.
pub(crate) fn stop() -> Result<()> {
    guard("stop", || {
        let _lifecycle = LIFECYCLE.lock();
        // A statement of its own: closing waits for calls under way, which may want the lock.
        let chain = CHAIN.write().take();
        chain.map_or(Ok(()), |chain| chain.close())
    })
}

/// Whether the process-wide chain is open.
pub(crate) fn running() -> bool {
    guard_or_default("running", || CHAIN.read().is_some())
}

/// Declares a function that does on the process-wide chain what [`Chain`]'s method of its name does.
macro_rules! on_the_chain {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(
            pub(crate) fn $name($($argument: $kind),*) -> Result<$answer> {
                guard(stringify!($name), chain)?.$name($($argument),*)
            }
        )*
    };
}

on_the_chain! {
    mint_block(txs: &CxxVector<DmcTx>) -> DmcBlock;
    mint_block_at(context: &MetaContext, txs: &CxxVector<DmcTx>) -> DmcBlock;
    check_block(block: &MetaCandidateBlock) -> MetaBlock;
    connect_block(block: &MetaNativeBlock) -> MetaConnectResult;
    disconnect_block(native_hash: &[u8]) -> MetaTip;
    finalize_block(native_hash: &[u8]) -> ();
    flush() -> ();
    tip() -> MetaTip;
    account(address: &str) -> MetaAccountResult;
    block(reference: &MetaBlockRef) -> MetaBlockQueryResult;
    payload(reference: &MetaBlockRef) -> MetaPayloadResult;
    withdrawals(reference: &MetaBlockRef) -> Vec<MetaWithdrawal>;
    transaction(txid: &[u8]) -> MetaTransactionResult;
    events(input: &MetaEventsInput) -> MetaEventsResult;
    prove_account(address: &str) -> MetaProof;
    prove_withdrawal(reference: &MetaBlockRef, index: u32) -> MetaProof;
    version() -> MetaVersion;
    handshake(source: Pin<&mut NativeSource>) -> MetaHandshakeResult;
    sync(source: Pin<&mut NativeSource>) -> MetaTip;
}
