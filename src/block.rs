//! A block on its way out: the header at once, the transactions when somebody looks at them.

use libmetachain_engine::StoredBlock;
use libmetachain_primitives::{
    Block, BlockHash, Code, Error, Genesis, NativeAddress, NativeHash, Network, Transaction,
    Withdrawal, decode_payload, genesis,
};
use napi::Env;
use napi::bindgen_prelude::{BigInt, ObjectFinalize, Uint8Array};
use napi_derive::napi;

use crate::guard::{Outcome, guard};
use crate::transactions::{Columns, TransactionColumns, parse_network};
use crate::values::{self, Weight};

/// A block, kept here until its transactions are asked for.
#[napi(custom_finalize)]
pub struct NativeBlock {
    block: Block,
    hash: BlockHash,
    native: Option<NativeHash>,
    network: Network,
    weight: Weight,
}

impl ObjectFinalize for NativeBlock {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.weight.lift(&env)
    }
}

/// The header and the hashes of a block.
#[napi(object, object_from_js = false)]
pub struct BlockHead {
    pub height: f64,
    pub native_height: f64,
    pub time: f64,
    pub supply: BigInt,
    /// Whether `hashes` has a native hash; else it is zeros.
    pub has_native: bool,
    /// Six times 32 bytes: hash, parent, native hash, state root, tx root, withdrawals root.
    pub hashes: Uint8Array,
}

impl NativeBlock {
    pub(crate) fn new(
        block: Block,
        hash: BlockHash,
        native: Option<NativeHash>,
        network: Network,
    ) -> Self {
        NativeBlock {
            block,
            hash,
            native,
            network,
            weight: Weight::default(),
        }
    }

    pub(crate) fn stored(stored: StoredBlock, network: Network) -> Self {
        NativeBlock::new(stored.block, stored.hash, Some(stored.native), network)
    }
}

#[napi]
impl NativeBlock {
    /// The header and the hashes.
    #[napi]
    pub fn head(&self, env: Env) -> napi::Result<BlockHead> {
        guard("NativeBlock.head", || {
            let transactions = self.block.transactions.len();
            self.weight
                .put(&env, transactions * size_of::<Transaction>())?;
            let header = &self.block.header;
            let hashes = [
                self.hash.0,
                header.parent.0,
                self.native.unwrap_or_default().0,
                header.state_root.0,
                header.tx_root.0,
                header.withdrawals_root.0,
            ];
            Ok(BlockHead {
                height: values::number(header.height),
                native_height: values::number(header.native_height),
                time: values::number(header.time),
                supply: header.supply.into(),
                has_native: self.native.is_some(),
                hashes: hashes.concat().into(),
            })
        })
    }

    /// The transactions, in order.
    #[napi]
    pub fn transactions(&self) -> napi::Result<TransactionColumns> {
        guard("NativeBlock.transactions", || {
            let mut columns = Columns::default();
            for transaction in &self.block.transactions {
                let (from, to) = transaction.address_texts(self.network)?;
                columns.push(&from, &to, transaction.amount().get(), transaction.txid());
            }
            Ok(columns.finish())
        })
    }
}

/// Withdrawals as columns; their position is their index.
pub(crate) fn withdrawal_columns(
    withdrawals: &[Withdrawal],
    network: Network,
) -> Outcome<TransactionColumns> {
    let mut columns = Columns::default();
    for withdrawal in withdrawals {
        let to = withdrawal.to.to_text(network)?;
        let from = withdrawal.from.to_string();
        columns.push(
            &from,
            &to,
            withdrawal.amount.get(),
            withdrawal.txid.as_ref(),
        );
    }
    Ok(columns.finish())
}

/// Decodes a payload that belongs to no open chain.
#[napi]
pub fn read_payload(payload: &[u8], network: Option<String>) -> napi::Result<NativeBlock> {
    guard("decodePayload", || {
        let bytes_max = genesis::PAYLOAD_BYTES_MAX_DEFAULT;
        let block = decode_payload(payload, bytes_max, u32::MAX)?;
        let hash = block.header.hash();
        let native = block
            .transactions
            .iter()
            .find_map(Transaction::native_address);
        let network = printed_as(network.as_deref(), native)?;
        Ok(NativeBlock::new(block, hash, None, network))
    })
}

/// The network whose texts stand for native addresses: the given one, else the one that can be.
///
/// Blocks hold addresses as version and hash, which do not name their network.
pub(crate) fn printed_as(
    network: Option<&str>,
    native: Option<&NativeAddress>,
) -> Outcome<Network> {
    let network = match (network, native) {
        (Some(name), _) => parse_network(name)?,
        (None, Some(NativeAddress::Opaque(_))) => Network::Opaque,
        (None, _) => Network::DefichainMainnet,
    };
    if native.is_some_and(|address| !address.is_valid_on(network)) {
        let message = format!("the block's native addresses are none of network {network}");
        return Err(Error::new(Code::BadArgument, message)
            .with("field", "network")
            .into());
    }
    Ok(network)
}

/// The genesis hash: what the headers of a chain name.
pub(crate) fn genesis_hash(genesis: &Genesis) -> Uint8Array {
    genesis.hash().0.into()
}
