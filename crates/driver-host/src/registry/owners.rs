//! Whose signature a contract's drivers must have, and which were found good.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::files::Version;
use super::signature::{self, OwnerKey, SIGNATURE_BYTES, SignatureForm};
use crate::error::{DriverCode, DriverError, Result};

/// The owners that a registry was opened with.
pub(super) struct Owners {
    keys: HashMap<String, OwnerKey>,
    bound_only: bool,
    /// Signatures that were verified: verifying takes milliseconds. The key covers everything the
    /// verdict depends on.
    verified: Mutex<HashMap<[u8; 32], SignatureForm>>,
}

impl Owners {
    pub(super) fn new(keys: HashMap<String, OwnerKey>, bound_only: bool) -> Self {
        Self {
            keys,
            bound_only,
            verified: Mutex::new(HashMap::new()),
        }
    }

    /// Whose signature a driver has; `None` where the contract has no owner. `module` is read only
    /// where the signature was not judged before.
    pub(super) fn signed_by(
        &self,
        contract_id: &str,
        version: &Version,
        module: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Option<(OwnerKey, SignatureForm)>> {
        let Some(owner) = self.keys.get(contract_id) else {
            return Ok(None);
        };
        let form = match self.verdict(owner, contract_id, version) {
            Some(form) => form,
            None => self.verify(owner, contract_id, version, &module()?)?,
        };
        Ok(Some((*owner, form)))
    }

    /// Refuses what the contract's owner has not signed.
    pub(super) fn judge(&self, contract_id: &str, version: &Version, wasm: &[u8]) -> Result<()> {
        match self.keys.get(contract_id) {
            Some(owner) => self.verify(owner, contract_id, version, wasm).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether [`Owners::judge`] is known to accept.
    pub(super) fn is_judged(&self, contract_id: &str, version: &Version) -> bool {
        match self.keys.get(contract_id) {
            Some(owner) => self.verdict(owner, contract_id, version).is_some(),
            None => true,
        }
    }

    fn verdict(
        &self,
        owner: &OwnerKey,
        contract_id: &str,
        version: &Version,
    ) -> Option<SignatureForm> {
        self.verified
            .lock()
            .get(&question(owner, contract_id, version))
            .copied()
    }

    fn verify(
        &self,
        owner: &OwnerKey,
        contract_id: &str,
        version: &Version,
        wasm: &[u8],
    ) -> Result<SignatureForm> {
        let refused = |message: &str| DriverError::new(DriverCode::Signature, "signature", message);
        let Some(text) = &version.signature else {
            return Err(refused(
                "the contract's owner must sign its drivers; this has no signature",
            ));
        };
        let bytes = signature::unhex::<SIGNATURE_BYTES>(text)
            .ok_or_else(|| refused("a signature has 48 bytes"))?;
        let form = signature::verify(owner, &bytes, contract_id, &version.version, wasm)?;
        if self.bound_only && form != SignatureForm::Bound {
            let message = "the signature covers the bytecode only, not its contract and version";
            return Err(refused(message));
        }
        self.verified
            .lock()
            .insert(question(owner, contract_id, version), form);
        Ok(form)
    }
}

/// Everything that a signature's verdict depends on, hashed.
fn question(owner: &OwnerKey, contract_id: &str, version: &Version) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let signature = version.signature.as_deref().unwrap_or_default();
    for part in [
        owner.to_bytes().as_slice(),
        contract_id.as_bytes(),
        version.hash.as_bytes(),
        version.version.as_bytes(),
        signature.as_bytes(),
    ] {
        hasher
            .update(&(part.len() as u64).to_le_bytes())
            .update(part);
    }
    *hasher.finalize().as_bytes()
}
