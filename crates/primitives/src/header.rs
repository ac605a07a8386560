//! The header of a metachain block, and the hash that names the block.

use rkyv::{Archive, Deserialize, Serialize};

use crate::hash::{BlockHash, NativeHash, Root};

const CONTEXT: &str = "libmetachain 2026 block header v1";

/// What a block claims. Everything here is recomputed before a block is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Header {
    /// The format version, [`crate::genesis::FORMAT_VERSION`].
    pub version: u16,
    /// The hash of the chain's genesis.
    pub genesis: BlockHash,
    /// The metachain height; the first block's is 1.
    pub height: u64,
    /// The metachain block before this one; genesis before the first.
    pub parent: BlockHash,
    /// The height of the native block that carries this one.
    pub native_height: u64,
    /// The parent of the native block that carries this one.
    pub native_parent: NativeHash,
    /// Unix seconds: the later of the native block's time and the parent's.
    pub time: u64,
    /// The number of transactions.
    pub tx_count: u32,
    /// The commitment to the transactions.
    pub tx_root: Root,
    /// The commitment to the withdrawals.
    pub withdrawals_root: Root,
    /// The commitment to all accounts after the block.
    pub state_root: Root,
    /// The sum of all balances after the block, in base units: what is locked on the native chain.
    pub supply: u64,
}

impl Header {
    /// Bytes of [`Header::encode`].
    pub const BYTES: usize = 2 + 32 + 8 + 32 + 8 + 32 + 8 + 4 + 32 + 32 + 32 + 8;

    /// The fields in order, numbers in little-endian: what the block hash commits to.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::BYTES);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.genesis.0);
        out.extend_from_slice(&self.height.to_le_bytes());
        out.extend_from_slice(&self.parent.0);
        out.extend_from_slice(&self.native_height.to_le_bytes());
        out.extend_from_slice(&self.native_parent.0);
        out.extend_from_slice(&self.time.to_le_bytes());
        out.extend_from_slice(&self.tx_count.to_le_bytes());
        out.extend_from_slice(&self.tx_root.0);
        out.extend_from_slice(&self.withdrawals_root.0);
        out.extend_from_slice(&self.state_root.0);
        out.extend_from_slice(&self.supply.to_le_bytes());
        out
    }

    /// The block's hash: BLAKE3 of [`Header::encode`] in a domain of its own.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        BlockHash(blake3::derive_key(CONTEXT, &self.encode()))
    }
}
