//! What a metachain holds: each query answered at one tip.

use libmetachain_engine::{Account, BlockRef};
use libmetachain_primitives::MetaAddress;
use napi::Env;
use napi::bindgen_prelude::{BigInt, Object, Uint8Array, Uint8ArraySlice};
use napi_derive::napi;

use crate::block::{NativeBlock, withdrawal_columns};
use crate::guard::{Outcome, guard};
use crate::metachain::NativeMetachain;
use crate::transactions::{Columns, TransactionColumns};
use crate::values;

/// How a block of the chain is named: by one of the three.
#[napi(object, object_to_js = false)]
pub struct NativeBlockRef<'env> {
    pub height: Option<f64>,
    pub hash: Option<Uint8ArraySlice<'env>>,
    pub native_hash: Option<Uint8ArraySlice<'env>>,
}

impl NativeBlockRef<'_> {
    fn read(&self) -> Outcome<BlockRef> {
        Ok(match (self.height, &self.hash, &self.native_hash) {
            (Some(height), ..) => BlockRef::Height(values::whole(height, "height")?),
            (_, Some(hash), _) => BlockRef::Hash(values::hash(hash, "hash")?),
            (.., Some(hash)) => BlockRef::Native(values::hash(hash, "nativeHash")?),
            (None, None, None) => return Err(values::bad("ref", "no block is named".into())),
        })
    }
}

/// An account.
#[napi(object, object_from_js = false)]
pub struct NativeAccount {
    pub address: String,
    pub balance: BigInt,
    pub sequence: BigInt,
}

impl NativeAccount {
    pub(crate) fn new(address: &MetaAddress, account: Account) -> Self {
        NativeAccount {
            address: address.to_string(),
            balance: account.balance.into(),
            sequence: account.sequence.into(),
        }
    }
}

/// A proof, the root it leads to, and the height it was made at.
#[napi(object, object_from_js = false)]
pub struct NativeProof {
    pub height: f64,
    pub root: Uint8Array,
    pub proof: Uint8Array,
}

/// A transaction and where it stands.
#[napi(object, object_from_js = false)]
pub struct NativeFound {
    pub height: f64,
    /// Its position in the block.
    pub index: u32,
    /// The transaction, alone.
    pub columns: TransactionColumns,
}

#[napi]
impl NativeMetachain {
    /// The lowest height whose block is held, 0 if there is none.
    #[napi]
    pub fn first_height(&self) -> napi::Result<f64> {
        guard("Metachain.blocks", || {
            Ok(values::number(self.inner().first_height()?))
        })
    }

    #[napi]
    pub fn account(&self, address: String) -> napi::Result<Option<NativeAccount>> {
        guard("Metachain.account", || {
            let address = MetaAddress::parse(&address)?;
            let account = self.inner().account(&address)?;
            Ok(account.map(|account| NativeAccount::new(&address, account)))
        })
    }

    #[napi]
    pub fn block(&self, block: NativeBlockRef) -> napi::Result<Option<NativeBlock>> {
        guard("Metachain.block", || {
            let stored = self.inner().block(block.read()?)?;
            Ok(stored.map(|stored| NativeBlock::stored(stored, self.native_network())))
        })
    }

    #[napi]
    pub fn payload(&self, block: NativeBlockRef) -> napi::Result<Option<Uint8Array>> {
        guard("Metachain.payload", || {
            let payload = self.inner().payload(block.read()?)?;
            Ok(payload.map(|payload| Uint8Array::from(payload.to_vec())))
        })
    }

    #[napi]
    pub fn withdrawals(&self, block: NativeBlockRef) -> napi::Result<TransactionColumns> {
        guard("Metachain.withdrawals", || {
            withdrawal_columns(
                &self.inner().withdrawals(block.read()?)?,
                self.native_network(),
            )
        })
    }

    #[napi]
    pub fn prove_account(&self, address: String) -> napi::Result<NativeProof> {
        guard("Metachain.proveAccount", || {
            let proven = self.inner().prove_account(&MetaAddress::parse(&address)?)?;
            Ok(NativeProof {
                height: values::number(proven.height),
                root: proven.state_root.0.into(),
                proof: proven.proof.into(),
            })
        })
    }

    #[napi]
    pub fn prove_withdrawal(&self, block: NativeBlockRef, index: u32) -> napi::Result<NativeProof> {
        guard("Metachain.proveWithdrawal", || {
            let proven = self.inner().prove_withdrawal(block.read()?, index)?;
            Ok(NativeProof {
                height: values::number(proven.height),
                root: proven.withdrawals_root.0.into(),
                proof: proven.proof.into(),
            })
        })
    }

    #[napi(ts_return_type = "Record<string, number>")]
    pub fn metrics<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        guard("Metachain.metrics", || {
            let mut metrics = Object::new(env)?;
            for (name, value) in self.inner().metrics()? {
                metrics.set(name, values::number(value))?;
            }
            Ok(metrics)
        })
    }

    #[napi]
    pub fn transaction(&self, txid: &[u8]) -> napi::Result<Option<NativeFound>> {
        guard("Metachain.transaction", || {
            let Some(found) = self.inner().transaction(&values::hash(txid, "txid")?)? else {
                return Ok(None);
            };
            let transaction = &found.transaction;
            let (from, to) = transaction.address_texts(self.native_network())?;
            let mut columns = Columns::default();
            columns.push(&from, &to, transaction.amount().get(), transaction.txid());
            Ok(Some(NativeFound {
                height: values::number(found.height),
                index: found.index,
                columns: columns.finish(),
            }))
        })
    }
}
