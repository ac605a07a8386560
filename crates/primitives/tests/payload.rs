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
        if let Ok(read) = decode(&payload) {
            prop_assert_eq!(encode_payload(&read).unwrap(), payload.clone());
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
        if let Ok(block) = decode(&bytes) {
            prop_assert_eq!(encode_payload(&block).unwrap(), bytes);
        }
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
