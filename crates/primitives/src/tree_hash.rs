//! Keyed BLAKE3 of fixed-size inputs, many at once: what every Merkle tree here is hashed with.
//!
//! The definition is [`blake3::keyed_hash`]; the fast path hashes up to sixteen inputs at a time
//! through BLAKE3's own vector code. That entrance is no promised interface of `blake3`, hence the
//! exact version in the manifest and the tests that hold both paths equal.

use blake3::IncrementCounter;
use blake3::platform::Platform;

use crate::hash::HASH_BYTES;

/// Bytes in one block of BLAKE3, and in a pair of hashes.
pub const BLOCK_BYTES: usize = 64;

/// The right-hand side of a node that has no right child.
pub const PADDING: [u8; HASH_BYTES] = [0; HASH_BYTES];

// From the BLAKE3 specification, section 2.2, table 3.
const CHUNK_START: u8 = 1 << 0;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const KEYED_HASH: u8 = 1 << 4;

/// A key that separates one kind of hash from every other.
#[derive(Clone)]
pub struct Domain {
    key: [u8; HASH_BYTES],
    words: [u32; 8],
}

impl Domain {
    /// The domain of a context string, which must be unique to one use in this library.
    #[must_use]
    pub fn new(context: &str) -> Self {
        let key = blake3::derive_key(context, b"");
        let mut words = [0u32; 8];
        for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Domain { key, words }
    }

    /// Hashes one input of any length.
    #[must_use]
    pub fn hash(&self, input: &[u8]) -> [u8; HASH_BYTES] {
        *blake3::keyed_hash(&self.key, input).as_bytes()
    }

    /// Hashes each input of `N` bytes into its 32 bytes of `out`.
    ///
    /// `N` is a multiple of 64 and at most 1,024 (one BLAKE3 chunk); `out` has 32 bytes for each input.
    ///
    /// # Panics
    /// If `N` or the length of `out` is not as said: both are the caller's constants, never data.
    pub fn hash_many<const N: usize>(&self, inputs: &[&[u8; N]], out: &mut [u8]) {
        assert!(N > 0 && N <= 1024 && N.is_multiple_of(BLOCK_BYTES));
        assert_eq!(out.len(), inputs.len() * HASH_BYTES);
        Platform::detect().hash_many(
            inputs,
            &self.words,
            0,
            IncrementCounter::No,
            KEYED_HASH,
            CHUNK_START,
            CHUNK_END | ROOT,
            out,
        );
    }

    /// As [`Domain::hash_many`], one input at a time through the promised interface of `blake3`.
    pub fn hash_many_scalar<const N: usize>(&self, inputs: &[&[u8; N]], out: &mut [u8]) {
        assert_eq!(out.len(), inputs.len() * HASH_BYTES);
        for (input, out) in inputs.iter().zip(out.chunks_exact_mut(HASH_BYTES)) {
            out.copy_from_slice(&self.hash(*input));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree<const N: usize>(count: usize) {
        let domain = Domain::new("libmetachain test: many equals one by one");
        let inputs: Vec<[u8; N]> = (0..count)
            .map(|i| core::array::from_fn(|j| (i * 31 + j * 7) as u8))
            .collect();
        let refs: Vec<&[u8; N]> = inputs.iter().collect();
        let mut many = vec![0; count * HASH_BYTES];
        let mut scalar = vec![0; count * HASH_BYTES];
        domain.hash_many(&refs, &mut many);
        domain.hash_many_scalar(&refs, &mut scalar);
        assert_eq!(many, scalar, "{count} inputs of {N} bytes");
    }

    #[test]
    fn the_vector_path_gives_what_keyed_hash_gives() {
        for count in [
            0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129,
        ] {
            agree::<64>(count);
            agree::<128>(count);
            agree::<192>(count);
        }
    }
}
