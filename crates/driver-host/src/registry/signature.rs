//! Who vouches for a driver: the contract owner's BLS signature, as Dusk's node demands it.
//!
//! Dusk signs the SHA3-256 of the bytecode. That form can be replayed: whoever has it may present
//! the same bytecode for another contract of the same owner, or an old version as the newest. The
//! bound form signs contract id and version with it.
//!
//! BLS comes in two schemes at Dusk. The one accepted here hashes to the curve (RFC 9380, tag
//! `BLS_SIG_BLS12381G1_XMD:SHA-256_DUSK_V2`): what `SecretKey::sign` makes and their node
//! verifies. The older one multiplies a fixed point by a hash, so that anybody can combine
//! signatures into new ones; it is recognised only to say why it is refused.

use std::fmt;

use bls12_381_bls::{PublicKey, Signature};
use dusk_bytes::Serializable;
use sha3::{Digest, Sha3_256};

use crate::error::{DriverCode, DriverError, Result};

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 48;
/// Bytes of an owner's public key.
pub const OWNER_KEY_BYTES: usize = 96;

const PHASE: &str = "signature";
/// What the bound form hashes in front of everything else.
const BOUND_DOMAIN: &[u8] = b"libmetachain driver owner signature v1";

/// The public key of a contract's owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OwnerKey(PublicKey);

impl OwnerKey {
    /// Reads a key from its 96 bytes.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for anything but a valid point that is not the identity.
    pub fn from_bytes(bytes: &[u8; OWNER_KEY_BYTES]) -> Result<Self> {
        match PublicKey::from_bytes(bytes) {
            Ok(key) if key.is_valid() => Ok(Self(key)),
            _ => Err(DriverError::new(
                DriverCode::BadArgument,
                PHASE,
                "not an owner's key",
            )),
        }
    }

    /// Reads a key from text: base58, as Dusk shows it, or hexadecimal.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            let message = "an owner's key is 96 bytes, in base58 or hexadecimal";
            DriverError::new(DriverCode::BadArgument, PHASE, message)
        };
        let bytes = match unhex::<OWNER_KEY_BYTES>(text) {
            Some(bytes) => bytes,
            None => {
                let mut bytes = [0u8; OWNER_KEY_BYTES];
                match bs58::decode(text).onto(&mut bytes) {
                    Ok(OWNER_KEY_BYTES) => bytes,
                    _ => return Err(bad()),
                }
            }
        };
        Self::from_bytes(&bytes)
    }

    /// The key's 96 bytes.
    pub fn to_bytes(&self) -> [u8; OWNER_KEY_BYTES] {
        self.0.to_bytes()
    }
}

impl fmt::Display for OwnerKey {
    /// Base58, as Dusk shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.to_bytes()).into_string())
    }
}

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerKey({self})")
    }
}

/// What an owner's signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureForm {
    /// The bytecode only: what Dusk's node demands.
    Bytecode,
    /// The bytecode, the contract it is for, and its version.
    Bound,
}

/// The 32 bytes that an owner signs.
pub fn owner_message(
    form: SignatureForm,
    contract_id: &str,
    version: &str,
    wasm: &[u8],
) -> [u8; 32] {
    let bytecode: [u8; 32] = Sha3_256::digest(wasm).into();
    match form {
        SignatureForm::Bytecode => bytecode,
        SignatureForm::Bound => {
            let mut hasher = Sha3_256::new();
            hasher.update(BOUND_DOMAIN);
            for part in [contract_id, version] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            hasher.update(bytecode);
            hasher.finalize().into()
        }
    }
}

/// Tells which form `signature` has, if it is the owner's at all.
///
/// # Errors
/// `DRIVER_SIGNATURE` where it is in neither form, or of the forgeable scheme.
pub(crate) fn verify(
    owner: &OwnerKey,
    signature: &[u8],
    contract_id: &str,
    version: &str,
    wasm: &[u8],
) -> Result<SignatureForm> {
    let refused = |message: &str| DriverError::new(DriverCode::Signature, PHASE, message);
    let bytes: &[u8; SIGNATURE_BYTES] = signature
        .try_into()
        .map_err(|_| refused("a signature has 48 bytes"))?;
    let signature =
        Signature::from_bytes(bytes).map_err(|_| refused("not a point of the curve"))?;
    for form in [SignatureForm::Bound, SignatureForm::Bytecode] {
        let message = owner_message(form, contract_id, version, wasm);
        if owner.0.verify(&signature, &message).is_ok() {
            return Ok(form);
        }
    }
    let plain = owner_message(SignatureForm::Bytecode, contract_id, version, wasm);
    if owner.0.verify_insecure(&signature, &plain).is_ok() {
        let message = "the signature is of the first BLS scheme, which anybody can forge: \
                       the owner must sign again with current tools";
        return Err(refused(message));
    }
    Err(refused("not the owner's signature of this driver"))
}

/// Bytes from exactly as much hexadecimal.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = u8::try_from((nibble(high)? << 4) | nibble(low)?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made once with Dusk's own crate: the key 42, over the SHA3-256 of `BYTECODE`.
    const BYTECODE: &[u8] = b"a driver's bytecode";
    const KEY: &str = "ac7fa63dfc38bbf3712e27a180391bca4ccabf609c5967a0592eff420b6235f3f2b323051cb099acc3969aca310f7ff4191b2d6db43fafc2c9592f7e5f73981107975d3d92b843891e724dbc9f05b5eee5a3b2b1fc782ede8149f30830b84444";
    const CURRENT: &str = "b51b0f0c85b3efeec444aff49343cbe4dc8159f8100ca485ba9867e6ba0ee52afa8366ef1141a9ed80c0fb93d47df4a8";
    const FORGEABLE: &str = "aae4ea804afd6a7891246b61204f9776675ca628e24e5e22a73b14e2094da1aca933cee7225c5270ab333aa31132bcce";

    fn judge(signature: &[u8], bytecode: &[u8]) -> Result<SignatureForm> {
        verify(
            &OwnerKey::parse(KEY).expect("a key"),
            signature,
            "contract",
            "1",
            bytecode,
        )
    }

    #[test]
    fn dusks_signature_is_accepted_and_its_forgeable_predecessor_named() {
        let current = unhex::<SIGNATURE_BYTES>(CURRENT).expect("hex");
        assert_eq!(judge(&current, BYTECODE), Ok(SignatureForm::Bytecode));
        assert_eq!(
            judge(&current, b"other").expect_err("another").code,
            DriverCode::Signature
        );
        let forgeable = unhex::<SIGNATURE_BYTES>(FORGEABLE).expect("hex");
        let error = judge(&forgeable, BYTECODE).expect_err("forgeable");
        assert_eq!(error.code, DriverCode::Signature);
        assert!(error.message.contains("anybody can forge"), "{error}");
    }

    #[test]
    fn nothing_else_is_a_signature() {
        let good = unhex::<SIGNATURE_BYTES>(CURRENT).expect("hex");
        for at in 0..good.len() {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(judge(&bad, BYTECODE).is_err(), "byte {at}");
        }
        let mut identity = [0u8; SIGNATURE_BYTES];
        identity[0] = 0xc0;
        for bad in [
            &[][..],
            &good[1..],
            &identity,
            &[0; SIGNATURE_BYTES],
            &[0xff; 48],
        ] {
            let error = judge(bad, BYTECODE).expect_err("no signature");
            assert_eq!(error.code, DriverCode::Signature);
        }
    }

    #[test]
    fn keys_are_read_in_both_spellings_and_checked() {
        let key = OwnerKey::parse(KEY).expect("a key");
        assert_eq!(OwnerKey::parse(&key.to_string()), Ok(key));
        assert_eq!(OwnerKey::parse(&KEY.to_uppercase()), Ok(key));
        let mut identity = [0u8; OWNER_KEY_BYTES];
        identity[0] = 0xc0;
        assert!(
            OwnerKey::from_bytes(&identity).is_err(),
            "the identity vouches for anything"
        );
        for bad in [
            "",
            "0x",
            &KEY[2..],
            &KEY.replace('a', "g"),
            "not a key at all",
        ] {
            let error = OwnerKey::parse(bad).expect_err("no key");
            assert_eq!(error.code, DriverCode::BadArgument);
        }
    }

    #[test]
    fn the_bound_message_separates_its_parts() {
        let message =
            |contract, version| owner_message(SignatureForm::Bound, contract, version, BYTECODE);
        assert_ne!(message("ab", "c"), message("a", "bc"));
        assert_ne!(message("ab", ""), message("", "ab"));
        let plain = owner_message(SignatureForm::Bytecode, "ab", "c", BYTECODE);
        assert_eq!(plain, <[u8; 32]>::from(Sha3_256::digest(BYTECODE)));
        assert_ne!(message("ab", "c"), plain);
    }
}
