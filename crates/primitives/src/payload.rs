//! The payload: a block as the bytes that the native node embeds in its own block.
//!
//! It is an rkyv 0.8 archive (little-endian, 32-bit relative pointers, unaligned) of [`Block`],
//! checked before any access. rkyv accepts several encodings of one value, since relative pointers
//! may point anywhere that checks out; a payload is therefore accepted only if encoding the block
//! again gives the very same bytes.

use rkyv::api::high::to_bytes_in;
use rkyv::rancor::{BoxedError, Failure, Source, fail};
use rkyv::ser::{Positional, Writer};
use rkyv::{Archive, Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::genesis::FORMAT_VERSION;
use crate::header::Header;
use crate::transaction::{ArchivedTransaction, Transaction};

/// A metachain block.
#[derive(Clone, Debug, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Block {
    /// What the block claims.
    pub header: Header,
    /// The accepted transactions, in order.
    pub transactions: Vec<Transaction>,
}

/// Bytes of the payload of a block without transactions.
pub const PAYLOAD_BYTES_LEAST: usize = size_of::<ArchivedBlock>();

/// Bytes that a transaction adds to a payload.
#[must_use]
pub fn payload_bytes_of(transaction: &Transaction) -> usize {
    size_of::<ArchivedTransaction>() + transaction.out_of_line_bytes()
}

/// The payload of a block.
///
/// Fails with `BLOCK_FULL` only for a block whose payload exceeds what 32-bit pointers reach, which
/// no genesis allows.
pub fn encode_payload(block: &Block) -> Result<Vec<u8>> {
    let transactions = block.transactions.iter().map(payload_bytes_of);
    let bytes = PAYLOAD_BYTES_LEAST + transactions.sum::<usize>();
    to_bytes_in::<_, BoxedError>(block, Vec::with_capacity(bytes)).map_err(|error| {
        Error::new(
            Code::BlockFull,
            format!("the block cannot be encoded: {error}"),
        )
    })
}

/// Takes what is written if it is what was expected, and keeps none of it.
struct Comparing<'a> {
    expected: &'a [u8],
    written: usize,
}

/// What was written is not what was expected.
#[derive(Debug)]
struct Differs;

impl std::fmt::Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not the bytes that were expected")
    }
}

impl std::error::Error for Differs {}

impl Positional for Comparing<'_> {
    fn pos(&self) -> usize {
        self.written
    }
}

impl<E: Source> Writer<E> for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), E> {
        let end = self.written + bytes.len();
        if self.expected.get(self.written..end) != Some(bytes) {
            fail!(Differs);
        }
        self.written = end;
        Ok(())
    }
}

/// Whether these bytes are what [`encode_payload`] makes of a block.
fn is_encoding_of(payload: &[u8], block: &Block) -> bool {
    let comparing = Comparing {
        expected: payload,
        written: 0,
    };
    to_bytes_in::<_, Failure>(block, comparing)
        .is_ok_and(|compared| compared.written == payload.len())
}

/// The block of a payload.
///
/// Fails with `INVALID_SIZE` beyond either limit, `INVALID_ENCODING` if the bytes are no canonical
/// payload, `INVALID_VERSION` if they are one of another format version. What the block claims is
/// not judged here, and neither is what its addresses mean on a network. Allocates a small multiple
/// of the payload's length at most.
pub fn decode_payload(payload: &[u8], bytes_max: u32, transactions_max: u32) -> Result<Block> {
    if payload.len() > bytes_max as usize {
        return Err(Error::new(
            Code::InvalidSize,
            format!(
                "the payload has {} bytes, more than {bytes_max}",
                payload.len()
            ),
        )
        .with("bytes", payload.len() as u64)
        .with("bytesMax", bytes_max));
    }
    let malformed = |why: String| Error::new(Code::InvalidEncoding, why);
    let archived = rkyv::access::<ArchivedBlock, Failure>(payload)
        // rkyv's reasons name addresses of this process, which would make one verdict many.
        .map_err(|_| malformed("the payload is no archive of a block".into()))?;
    let version = archived.header.version.to_native();
    if version != FORMAT_VERSION {
        return Err(Error::new(
            Code::InvalidVersion,
            format!("the payload is of format version {version}, not {FORMAT_VERSION}"),
        )
        .with("version", u64::from(version)));
    }
    let count = archived.transactions.len();
    if count > transactions_max as usize {
        return Err(Error::new(
            Code::InvalidSize,
            format!("the payload has {count} transactions, more than {transactions_max}"),
        )
        .with("transactions", count as u64)
        .with("transactionsMax", transactions_max));
    }
    // Before anything is copied out: archived lists may overlap, so that a small archive of lists
    // that all claim the same bytes would unfold into a large block.
    let claimed: usize = archived.transactions.iter().map(out_of_line_bytes).sum();
    let expected = PAYLOAD_BYTES_LEAST + count * size_of::<ArchivedTransaction>() + claimed;
    if expected != payload.len() {
        return Err(malformed(format!(
            "the payload has {} bytes where its block needs {expected}",
            payload.len()
        )));
    }
    let block: Block = rkyv::deserialize::<Block, Failure>(archived)
        .map_err(|_| malformed("the payload cannot be read".into()))?;
    if !is_encoding_of(payload, &block) {
        return Err(malformed(
            "the payload is not the canonical encoding of its block".into(),
        ));
    }
    Ok(block)
}

fn out_of_line_bytes(transaction: &ArchivedTransaction) -> usize {
    use crate::address::ArchivedNativeAddress as Native;
    match transaction {
        ArchivedTransaction::Deposit { from: native, .. }
        | ArchivedTransaction::Withdraw { to: native, .. } => match native {
            Native::Witness { program, .. } => program.len(),
            Native::Opaque(text) => text.len(),
            _ => 0,
        },
        ArchivedTransaction::Transfer { .. } => 0,
    }
}
