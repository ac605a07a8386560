//! Where the ledger stands: the last block and what it led to.

use libmetachain_primitives::{BlockHash, Header, NativeHash, Root};

use crate::delta::take;

/// The last block, or genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The metachain height; 0 is genesis.
    pub height: u64,
    /// The block's hash; at genesis that of the parameters.
    pub hash: BlockHash,
    /// Height and hash of the native block that carried it; none at genesis.
    pub native: Option<(u64, NativeHash)>,
    /// The commitment to all accounts.
    pub state_root: Root,
    /// Unix seconds.
    pub time: u64,
    /// The sum of all balances in base units, which is what is locked on the native chain.
    pub supply: u64,
}

impl Tip {
    /// The most bytes of [`Tip::encode`].
    pub(crate) const BYTES_MAX: usize = 8 + 32 + 1 + 8 + 32 + 32 + 8 + 8;

    /// Whether a block with this header comes next, as far as heights and parents tell.
    pub(crate) fn is_followed_by(&self, header: &Header) -> bool {
        let native = self.native.is_none_or(|(height, hash)| {
            header.native_parent == hash && height.checked_add(1) == Some(header.native_height)
        });
        native && header.parent == self.hash && self.height.checked_add(1) == Some(header.height)
    }

    /// Appends the fields in order, numbers in little-endian; the native block has a flag byte
    /// before it and is left out where there is none.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.height.to_le_bytes());
        out.extend_from_slice(&self.hash.0);
        out.push(u8::from(self.native.is_some()));
        if let Some((height, hash)) = &self.native {
            out.extend_from_slice(&height.to_le_bytes());
            out.extend_from_slice(&hash.0);
        }
        out.extend_from_slice(&self.state_root.0);
        out.extend_from_slice(&self.time.to_le_bytes());
        out.extend_from_slice(&self.supply.to_le_bytes());
    }

    /// Reads what [`Tip::encode`] wrote from the front of `bytes`, and takes it off there.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let height = u64::from_le_bytes(take(bytes)?);
        let hash = BlockHash(take(bytes)?);
        let native = match take(bytes)? {
            [0] => None,
            [1] => Some((u64::from_le_bytes(take(bytes)?), NativeHash(take(bytes)?))),
            _ => return None,
        };
        Some(Self {
            height,
            hash,
            native,
            state_root: Root(take(bytes)?),
            time: u64::from_le_bytes(take(bytes)?),
            supply: u64::from_le_bytes(take(bytes)?),
        })
    }
}
