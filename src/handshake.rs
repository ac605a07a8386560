//! A handshake under way: the chain says what it must know next, TypeScript asks the native node.

use std::sync::Mutex;

use libmetachain_engine::{Handshake, NativeTip, Search, Step};
use libmetachain_primitives::NativeHash;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::guard::guard;
use crate::metachain::NativeMetachain;
use crate::values;

/// A handshake under way.
#[napi]
pub struct NativeSearch(Mutex<Search>);

/// What the search needs next, or its result.
#[napi(object, object_from_js = false)]
pub struct HandshakeStep {
    /// `ask`, or the status of the result.
    pub status: &'static str,
    /// The native height that is asked about, or that the status names.
    pub native_height: Option<f64>,
}

impl From<Step> for HandshakeStep {
    fn from(step: Step) -> Self {
        let (status, native_height) = match step {
            Step::Ask(height) => ("ask", Some(height)),
            Step::Done(Handshake::InSync) => ("in-sync", None),
            Step::Done(Handshake::Replay { from_native_height }) => {
                ("replay", Some(from_native_height))
            }
            Step::Done(Handshake::Unwind { to_native_height }) => {
                ("unwind", Some(to_native_height))
            }
            Step::Done(Handshake::Ahead {
                common_native_height,
            }) => ("ahead", Some(common_native_height)),
            Step::Done(Handshake::Diverged { native_height }) => ("diverged", Some(native_height)),
        };
        HandshakeStep {
            status,
            native_height: native_height.map(values::number),
        }
    }
}

#[napi]
impl NativeMetachain {
    /// Begins a handshake with a native node at this tip.
    #[napi]
    pub fn begin_handshake(
        &self,
        height: f64,
        hash: &[u8],
        locked: Option<BigInt>,
    ) -> napi::Result<NativeSearch> {
        guard("Metachain.handshake", || {
            let native = NativeTip {
                height: values::whole(height, "nativeHeight")?,
                hash: values::hash(hash, "nativeHash")?,
                locked: locked
                    .map(|locked| values::units(&locked, "locked"))
                    .transpose()?,
            };
            Ok(NativeSearch(Mutex::new(
                self.inner().begin_handshake(native)?,
            )))
        })
    }

    /// What the handshake needs to know next, or its result.
    #[napi]
    pub fn handshake_step(&self, search: &NativeSearch) -> napi::Result<HandshakeStep> {
        guard("Metachain.handshake", || {
            let search = search
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            Ok(self.inner().handshake_step(&search)?.into())
        })
    }

    /// The native node's block hash at the height that was asked about.
    #[napi]
    pub fn handshake_answer(
        &self,
        search: &NativeSearch,
        height: f64,
        hash: Option<&[u8]>,
    ) -> napi::Result<()> {
        guard("Metachain.handshake", || {
            let height = values::whole(height, "nativeHeight")?;
            let hash: Option<NativeHash> = hash
                .map(|hash| values::hash(hash, "nativeHash"))
                .transpose()?;
            let mut search = search
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            Ok(self.inner().handshake_answer(&mut search, height, hash)?)
        })
    }
}
