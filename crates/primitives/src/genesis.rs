//! Genesis: the parameters that every node of one metachain shares, and the hash that commits to them.

use std::collections::BTreeMap;

use crate::address::MetaAddress;
use crate::amount::{Amount, SUPPLY_MAX};
use crate::error::{Code, Error, Result};
use crate::hash::{BlockHash, HASH_BYTES};
use crate::network::Network;

/// The format version of blocks and of the genesis encoding.
pub const FORMAT_VERSION: u16 = 1;
/// Transactions in one block, unless genesis says otherwise.
pub const TRANSACTIONS_MAX_DEFAULT: u32 = 1_000_000;
/// Bytes of one payload, unless genesis says otherwise, and the most that genesis may allow.
pub const PAYLOAD_BYTES_MAX_DEFAULT: u32 = 16 << 20;
/// Blocks within which a transaction id may not return, unless genesis says otherwise.
pub const REPLAY_WINDOW_DEFAULT: u32 = 1_000;
/// Bytes of the longest chain id.
pub const CHAIN_ID_BYTES_MAX: usize = 64;
/// Bytes that the smallest useful payload limit allows: a header and a few transactions.
pub const PAYLOAD_BYTES_MAX_LEAST: u32 = 1 << 10;

const CONTEXT: &str = "libmetachain 2026 genesis v1";

/// The parameters of a metachain. Written once; a store opened with others is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// A name of this chain, 1 to 64 printable ASCII bytes.
    pub chain_id: String,
    /// The native chain.
    pub network: Network,
    /// Initial balances, counted as locked native funds.
    pub balances: BTreeMap<MetaAddress, Amount>,
    /// The native height of the first metachain block; `None` leaves it free.
    pub native_start: Option<u64>,
    /// The most transactions in one block.
    pub transactions_max: u32,
    /// The most bytes in one payload.
    pub payload_bytes_max: u32,
    /// Blocks within which a transaction id may not return; 0 checks within a block only.
    pub replay_window: u32,
    /// Unix seconds; no block's time is earlier.
    pub time: u64,
}

impl Genesis {
    /// A genesis with default limits and no balances.
    #[must_use]
    pub fn new(chain_id: impl Into<String>, network: Network) -> Self {
        Genesis {
            chain_id: chain_id.into(),
            network,
            balances: BTreeMap::new(),
            native_start: None,
            transactions_max: TRANSACTIONS_MAX_DEFAULT,
            payload_bytes_max: PAYLOAD_BYTES_MAX_DEFAULT,
            replay_window: REPLAY_WINDOW_DEFAULT,
            time: 0,
        }
    }

    /// Fails with `BAD_ARGUMENT` where a parameter is out of its range.
    pub fn validate(&self) -> Result<()> {
        let bad = |field: &'static str, message: String| {
            Err(Error::new(Code::BadArgument, format!("genesis: {message}")).with("field", field))
        };
        let id = self.chain_id.as_bytes();
        if !(1..=CHAIN_ID_BYTES_MAX).contains(&id.len())
            || !id.iter().all(|byte| (b' '..=b'~').contains(byte))
        {
            return bad(
                "chainId",
                format!("the chain id must be 1 to {CHAIN_ID_BYTES_MAX} printable ASCII bytes"),
            );
        }
        if self.transactions_max == 0 {
            return bad(
                "transactionsMax",
                "transactionsMax must be at least 1".into(),
            );
        }
        if !(PAYLOAD_BYTES_MAX_LEAST..=PAYLOAD_BYTES_MAX_DEFAULT).contains(&self.payload_bytes_max)
        {
            return bad(
                "payloadBytesMax",
                format!(
                    "payloadBytesMax must be {PAYLOAD_BYTES_MAX_LEAST} to {PAYLOAD_BYTES_MAX_DEFAULT} bytes, not {}",
                    self.payload_bytes_max
                ),
            );
        }
        if self.checked_supply().is_none() {
            return bad(
                "balances",
                format!("the balances add up to more than {SUPPLY_MAX} base units"),
            );
        }
        Ok(())
    }

    /// The sum of the balances in base units, saturating where [`Genesis::validate`] fails.
    #[must_use]
    pub fn supply(&self) -> u64 {
        self.checked_supply().unwrap_or(SUPPLY_MAX)
    }

    fn checked_supply(&self) -> Option<u64> {
        self.balances
            .values()
            .try_fold(0u64, |sum, amount| sum.checked_add(amount.get()))
            .filter(|sum| *sum <= SUPPLY_MAX)
    }

    /// The canonical bytes: what the hash commits to and what a store keeps.
    ///
    /// Little-endian: format version (2), chain id and network name (length byte each), transactions
    /// (4), payload bytes (4), replay window (4), native start (flag byte, 8), time (8), number of
    /// balances (8), then each address (20) and balance (8) by ascending address.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = FORMAT_VERSION.to_le_bytes().to_vec();
        for text in [self.chain_id.as_str(), self.network.as_str()] {
            // Validation keeps names short; saturating only keeps this total.
            out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&self.transactions_max.to_le_bytes());
        out.extend_from_slice(&self.payload_bytes_max.to_le_bytes());
        out.extend_from_slice(&self.replay_window.to_le_bytes());
        out.push(u8::from(self.native_start.is_some()));
        out.extend_from_slice(&self.native_start.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&self.time.to_le_bytes());
        out.extend_from_slice(&(self.balances.len() as u64).to_le_bytes());
        for (address, amount) in &self.balances {
            out.extend_from_slice(&address.0);
            out.extend_from_slice(&amount.get().to_le_bytes());
        }
        out
    }

    /// Reads what [`Genesis::encode`] wrote. Fails with `STORE_CORRUPT` if the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Genesis> {
        Self::read(bytes)
            .filter(|genesis| genesis.validate().is_ok() && genesis.encode() == bytes)
            .ok_or_else(|| Error::new(Code::StoreCorrupt, "the stored genesis is malformed"))
    }

    fn read(bytes: &[u8]) -> Option<Genesis> {
        fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
            let (head, tail) = rest.split_at_checked(count)?;
            *rest = tail;
            Some(head)
        }
        fn number<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
            take(rest, N)?.try_into().ok()
        }
        fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
            let [length] = number::<1>(rest)?;
            core::str::from_utf8(take(rest, usize::from(length))?).ok()
        }
        let rest = &mut { bytes };
        if u16::from_le_bytes(number(rest)?) != FORMAT_VERSION {
            return None;
        }
        let mut genesis = Genesis::new(text(rest)?, Network::parse(text(rest)?)?);
        genesis.transactions_max = u32::from_le_bytes(number(rest)?);
        genesis.payload_bytes_max = u32::from_le_bytes(number(rest)?);
        genesis.replay_window = u32::from_le_bytes(number(rest)?);
        let [has_start] = number::<1>(rest)?;
        let start = u64::from_le_bytes(number(rest)?);
        genesis.native_start = (has_start == 1).then_some(start);
        genesis.time = u64::from_le_bytes(number(rest)?);
        let count = u64::from_le_bytes(number(rest)?);
        for _ in 0..count {
            let address = MetaAddress(number(rest)?);
            let amount = Amount::new(u64::from_le_bytes(number(rest)?))?;
            genesis.balances.insert(address, amount);
        }
        rest.is_empty().then_some(genesis)
    }

    /// The hash of the parameters: the parent of block 1, and in every header.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        let hash: [u8; HASH_BYTES] = blake3::derive_key(CONTEXT, &self.encode());
        BlockHash(hash)
    }
}
