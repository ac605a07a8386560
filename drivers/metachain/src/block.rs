//! The JSON form of a block.

use libmetachain_data_driver::Error;
use libmetachain_data_driver::json::integer_string;
use libmetachain_primitives::genesis::FORMAT_VERSION;
use libmetachain_primitives::{Block, BlockHash, Header, NativeHash, Network, Root};
use serde::{Deserialize, Serialize};

use crate::transaction::{Hash, TransactionJson};

/// A block as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BlockJson {
    version: u16,
    genesis_hash: Hash,
    #[serde(with = "integer_string")]
    height: u64,
    hash: Option<Hash>,
    parent_hash: Hash,
    #[serde(with = "integer_string")]
    native_height: u64,
    native_parent_hash: Hash,
    #[serde(with = "integer_string")]
    time: u64,
    tx_count: Option<u32>,
    tx_root: Hash,
    withdrawals_root: Hash,
    state_root: Hash,
    #[serde(with = "integer_string")]
    supply: u64,
    transactions: Vec<TransactionJson>,
}

impl BlockJson {
    /// The JSON form; native addresses are texts where the network is given.
    pub(crate) fn write(block: &Block, network: Option<Network>) -> Result<Self, Error> {
        let header = &block.header;
        Ok(BlockJson {
            version: header.version,
            genesis_hash: Hash(header.genesis.0),
            height: header.height,
            hash: Some(Hash(header.hash().0)),
            parent_hash: Hash(header.parent.0),
            native_height: header.native_height,
            native_parent_hash: Hash(header.native_parent.0),
            time: header.time,
            tx_count: Some(header.tx_count),
            tx_root: Hash(header.tx_root.0),
            withdrawals_root: Hash(header.withdrawals_root.0),
            state_root: Hash(header.state_root.0),
            supply: header.supply,
            transactions: TransactionJson::write_all(&block.transactions, network)?,
        })
    }

    /// The block, whose transactions are well-formed on the network where it is given.
    pub(crate) fn read(self, network: Option<Network>) -> Result<Block, Error> {
        if self.version != FORMAT_VERSION {
            return Err(Error::Other(format!(
                "INVALID_VERSION: blocks are of format version {FORMAT_VERSION}, not {}",
                self.version
            )));
        }
        let counted = u32::try_from(self.transactions.len())
            .map_err(|_| Error::Other("INVALID_SIZE: too many transactions".into()))?;
        let header = Header {
            version: self.version,
            genesis: BlockHash(self.genesis_hash.0),
            height: self.height,
            parent: BlockHash(self.parent_hash.0),
            native_height: self.native_height,
            native_parent: NativeHash(self.native_parent_hash.0),
            time: self.time,
            tx_count: self.tx_count.unwrap_or(counted),
            tx_root: Root(self.tx_root.0),
            withdrawals_root: Root(self.withdrawals_root.0),
            state_root: Root(self.state_root.0),
            supply: self.supply,
        };
        let hash = header.hash();
        if self.hash.is_some_and(|given| given.0 != hash.0) {
            return Err(Error::Other(format!(
                "the block's hash is {hash}, not the one given"
            )));
        }
        Ok(Block {
            header,
            transactions: TransactionJson::read_all(self.transactions, network)?,
        })
    }
}
