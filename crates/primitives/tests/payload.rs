//! The payload codec: what it writes it reads, and it reads nothing else.

mod support;

use libmetachain_primitives::payload::PAYLOAD_BYTES_LEAST;
use libmetachain_primitives::{Block, Code, decode_payload, encode_payload, payload_bytes_of};
use proptest::prelude::*;

const BYTES_MAX: u32 = 16 << 20;
const TRANSACTIONS_MAX: u32 = 1_000_000;

fn decode(payload: &[u8]) -> Result<Block, Code> {
    decode_payload(payload, BYTES_MAX, TRANSACTIONS_MAX).map_err(|error| error.code())
}

/// Accepting bytes means that the block is encoded to the same bytes again.
fn holds(decoded: Option<Block>, payload: &[u8]) -> bool {
    decoded.is_none_or(|block| encode_payload(&block).unwrap() == payload)
}

/// A decoder with a bug planted: it believes what validation alone accepts.
fn lax(payload: &[u8]) -> Option<Block> {
    rkyv::from_bytes::<Block, rkyv::rancor::Failure>(payload).ok()
}

#[test]
fn a_decoder_that_only_validates_would_be_noticed() {
    let transaction = libmetachain_primitives::Transaction::Deposit {
        from: libmetachain_primitives::NativeAddress::Opaque(b"host".to_vec()),
        to: libmetachain_primitives::MetaAddress([1; 20]),
        amount: libmetachain_primitives::Amount::new(7).unwrap(),
        txid: None,
    };
    let mut payload = encode_payload(&Block {
        header: support::header(),
        transactions: vec![transaction; 4],
    })
    .unwrap();
    let mut noticed = 0;
    for bit in 0..payload.len() * 8 {
        payload[bit / 8] ^= 1 << (bit % 8);
        assert!(holds(decode(&payload).ok(), &payload), "bit {bit}");
        noticed += u32::from(!holds(lax(&payload), &payload));
        payload[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(noticed > 50, "only {noticed} of its mistakes were noticed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_block_reads_back_and_has_the_predicted_length(block in support::block()) {
        let payload = encode_payload(&block).unwrap();
        let predicted = PAYLOAD_BYTES_LEAST + block.transactions.iter().map(payload_bytes_of).sum::<usize>();
        prop_assert_eq!(payload.len(), predicted);
        prop_assert_eq!(decode(&payload).unwrap(), block);
    }

    #[test]
    fn a_mutated_payload_is_refused_or_is_another_block(
        block in support::block(),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
    ) {
        let original = encode_payload(&block).unwrap();
        let mut payload = original.clone();
        for (at, bits) in &mutations {
            *at.get_mut(&mut payload) ^= bits;
        }
        prop_assert!(holds(decode(&payload).ok(), &payload));
        if let Ok(read) = decode(&payload) {
            prop_assert_eq!(read == block, payload == original);
        }
    }

    #[test]
    fn a_cut_or_extended_payload_is_refused(block in support::block(), cut in any::<prop::sample::Index>(), more in any::<u8>()) {
        let mut payload = encode_payload(&block).unwrap();
        prop_assert!(decode(&payload[..cut.index(payload.len())]).is_err());
        prop_assert!(decode(&payload[cut.index(payload.len()) + 1..]).is_err());
        payload.push(more);
        prop_assert!(decode(&payload).is_err());
        payload.pop();
        payload.insert(0, more);
        prop_assert!(decode(&payload).is_err());
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(holds(decode(&bytes).ok(), &bytes));
    }

    #[test]
    fn limits_hold_at_n_and_n_plus_one(block in support::block()) {
        let payload = encode_payload(&block).unwrap();
        let (bytes, count) = (payload.len() as u32, block.transactions.len() as u32);
        prop_assert!(decode_payload(&payload, bytes, count).is_ok());
        prop_assert_eq!(decode_payload(&payload, bytes - 1, count).unwrap_err().code(), Code::InvalidSize);
        if count > 0 {
            prop_assert_eq!(decode_payload(&payload, bytes, count - 1).unwrap_err().code(), Code::InvalidSize);
        }
    }

    #[test]
    fn another_version_is_named(block in support::block(), version in 2u16..) {
        let mut block = block;
        block.header.version = version;
        let payload = encode_payload(&block).unwrap();
        prop_assert_eq!(decode(&payload).unwrap_err(), Code::InvalidVersion);
    }
}
