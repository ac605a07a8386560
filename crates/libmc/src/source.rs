//! The host's native chain, asked through its C++ object while the engine shakes hands or syncs.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use libmetachain_engine as engine;
use libmetachain_engine::Metachain;
use libmetachain_primitives::{Code, Error, NativeHash, Network, Result};
use libmetachain_rpc::wire;

use crate::bridge::ffi::{MetaHandshakeResult, MetaNativeBlock, MetaTip, NativeSource, NativeTip};
use crate::convert;

/// How the chain stands to the native one.
pub(crate) fn handshake(
    chain: &Metachain,
    native: Pin<&mut NativeSource>,
) -> Result<MetaHandshakeResult> {
    let native = RefCell::new(native);
    let mut source = Asked {
        native: &native,
        network: chain.genesis().network,
    };
    chain.handshake(&mut source).map(convert::handshake)
}

/// Follows the native chain.
pub(crate) fn sync(chain: &Metachain, native: Pin<&mut NativeSource>) -> Result<MetaTip> {
    let native = RefCell::new(native);
    let mut source = Asked {
        native: &native,
        network: chain.genesis().network,
    };
    let aborted = AtomicBool::new(false);
    // Why the host wants no more; the engine only hears that it does.
    let mut unwanted = None;
    let synced = chain.sync(&mut source, &aborted, &mut |done, total| {
        if let Err(error) = native.borrow_mut().as_mut().progress(done, total) {
            unwanted = Some(thrown(&error));
            aborted.store(true, Ordering::Release);
        }
    });
    match unwanted {
        Some(error) => Err(error),
        None => Ok(convert::tip(&synced?)),
    }
}

/// The source as the engine asks it. Borrowed for one question at a time: the host's answers and its
/// progress are never under way at once.
struct Asked<'a, 'b> {
    native: &'a RefCell<Pin<&'b mut NativeSource>>,
    network: Network,
}

impl engine::NativeSource for Asked<'_, '_> {
    fn tip(&mut self) -> Result<engine::NativeTip> {
        let mut tip = NativeTip::default();
        let asked = self.native.borrow_mut().as_mut().tip(&mut tip);
        asked.map_err(|error| thrown(&error))?;
        Ok(engine::NativeTip {
            height: tip.native_height,
            hash: convert::hash(&tip.native_hash, "tip.native_hash")?,
            locked: tip.has_locked.then_some(tip.locked),
        })
    }

    fn hash(&mut self, native_height: u64) -> Result<Option<NativeHash>> {
        let mut hash = Vec::new();
        let asked = self
            .native
            .borrow_mut()
            .as_mut()
            .hash(native_height, &mut hash);
        asked.map_err(|error| thrown(&error))?;
        match hash.as_slice() {
            [] => Ok(None),
            bytes => convert::hash(bytes, "hash").map(Some),
        }
    }

    fn block(&mut self, native_height: u64) -> Result<Option<engine::NativeBlock>> {
        let mut block = MetaNativeBlock::from(wire::MetaNativeBlock::default());
        let asked = self
            .native
            .borrow_mut()
            .as_mut()
            .block(native_height, &mut block);
        if asked.map_err(|error| thrown(&error))? {
            convert::native_block(&block, self.network).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// What the host threw: an error of this library keeps its code, anything else ended the call by the
/// host's own will.
fn thrown(exception: &cxx::Exception) -> Error {
    let what = exception.what();
    match what
        .split_once(": ")
        .and_then(|(code, message)| Some((Code::parse(code)?, message)))
    {
        Some((code, message)) => Error::new(code, message),
        None => Error::new(Code::Aborted, format!("the native source failed: {what}")),
    }
}
