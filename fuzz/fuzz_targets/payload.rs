//! Payloads: what is accepted is encoded to the same bytes again, and names the same block.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use libmetachain_fuzz::{genesis, patch, transactions};
use libmetachain_primitives::{
    Block, BlockHash, Header, NativeHash, Root, decode_payload, encode_payload, tx_root,
};

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let transactions = [transactions(3), transactions(200)].concat();
    let header = Header {
        version: 1,
        genesis: genesis().hash(),
        height: 1,
        parent: BlockHash([2; 32]),
        native_height: 9,
        native_parent: NativeHash([3; 32]),
        time: 4,
        tx_count: 8,
        tx_root: tx_root(&transactions),
        withdrawals_root: Root([5; 32]),
        state_root: Root([6; 32]),
        supply: 7,
    };
    encode_payload(&Block {
        header,
        transactions,
    })
    .expect("it fits")
});

fuzz_target!(|input: &[u8]| {
    let Some((mode, rest)) = input.split_first() else {
        return;
    };
    let payload = match mode % 3 {
        0 => rest.to_vec(),
        // Changes to a good one, and to one that is cut.
        mode => {
            let mut payload = GOOD.clone();
            patch(&mut payload, rest);
            if mode == 2 {
                payload.drain(..usize::from(input[0]) % payload.len());
            }
            payload
        }
    };
    if let Ok(block) = decode_payload(&payload, 16 << 20, 1_000_000) {
        assert_eq!(
            encode_payload(&block).as_deref(),
            Ok(&payload[..]),
            "two encodings of one block"
        );
        let _ = (block.header.hash(), tx_root(&block.transactions));
        for transaction in &block.transactions {
            if transaction.is_valid_on(libmetachain_primitives::Network::Opaque) {
                assert!(
                    transaction
                        .address_texts(libmetachain_primitives::Network::Opaque)
                        .is_ok()
                );
            }
        }
    }
});
