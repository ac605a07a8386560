//! Reading what a stranger sent costs memory in proportion to what was sent, whatever it claims.
//!
//! One test, and so one thread: the counter is the whole process's.

mod support;

use libmetachain_primitives::{
    Amount, Block, Genesis, MetaAddress, NativeAddress, Network, Root, Transaction, TxId,
    decode_payload, encode_payload, verify_withdrawal,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const BYTES_MAX: u32 = 16 << 20;
const TRANSACTIONS_MAX: u32 = 1_000_000;

/// A payload of this many bytes may take so many times as much to be read: the block, and the
/// bytes that it is encoded to again, in a buffer that doubles as it grows.
const PAYLOAD_TIMES: usize = 5;
/// For errors and other small things.
const BESIDE: usize = 4 << 10;

/// The most memory that was held at once during the work, beyond what was held before.
fn peak<T>(work: impl FnOnce() -> T) -> (usize, T) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let done = work();
    (MEMORY.peak_usage().saturating_sub(before), done)
}

/// splitmix64
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn block(transactions: Vec<Transaction>) -> Block {
    Block {
        header: support::header(),
        transactions,
    }
}

fn deposit(text: &[u8]) -> Transaction {
    Transaction::Deposit {
        from: NativeAddress::Opaque(text.to_vec()),
        to: MetaAddress([7; 20]),
        amount: Amount::new(1).expect("it is in range"),
        txid: Some(TxId([8; 32])),
    }
}

/// Blocks of every shape: none, one and many transactions, long and short texts.
fn payloads() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 3] = [b"x", &[b'y'; 128], &[b'z'; 20_000]];
    let mut payloads = vec![encode_payload(&block(Vec::new())).expect("it fits")];
    for count in [1, 3, 100, 10_000] {
        for text in texts {
            if count * text.len() < 4 << 20 {
                let transactions = vec![deposit(text); count];
                payloads.push(encode_payload(&block(transactions)).expect("it fits"));
            }
        }
    }
    payloads
}

fn decode_within_bounds(payload: &[u8], what: &str) -> bool {
    let (peak, decoded) = peak(|| decode_payload(payload, BYTES_MAX, TRANSACTIONS_MAX));
    let most = PAYLOAD_TIMES * payload.len() + BESIDE;
    assert!(
        peak <= most,
        "{what}: {peak} bytes for a payload of {}, more than {most}",
        payload.len()
    );
    decoded.is_ok()
}

/// Lists that all claim the same bytes: 83 bytes of transaction that each unfold to `claimed` bytes.
fn overlapping(claimed: u32) -> Vec<u8> {
    const TRANSACTION_BYTES: usize = 83;
    let mut payload = encode_payload(&block(vec![deposit(&[b'a'; 128]); 500])).expect("it fits");
    let first = payload.len() - 238 - 500 * TRANSACTION_BYTES;
    for number in 0..500 {
        // Kind and tag of the address, then where its text lies and how long it is.
        let list = first + number * TRANSACTION_BYTES + 2;
        let offset = -(i32::try_from(list).expect("it is small"));
        payload[list..list + 4].copy_from_slice(&offset.to_le_bytes());
        payload[list + 4..list + 8].copy_from_slice(&claimed.to_le_bytes());
    }
    payload
}

#[test]
fn memory_is_bounded_by_what_was_sent() {
    // Good ones take the most.
    let payloads = payloads();
    for payload in &payloads {
        let what = format!("a good payload of {}", payload.len());
        assert!(decode_within_bounds(payload, &what));
    }
    // Claims beyond all measure: of transactions, of bytes in a text, of texts one over the other.
    for count in [1, 1_000, 1_000_000, u32::MAX / 83, u32::MAX] {
        for payload in &payloads {
            let mut payload = payload.clone();
            let end = payload.len();
            payload[end - 4..].copy_from_slice(&count.to_le_bytes());
            decode_within_bounds(&payload, &format!("{count} transactions claimed"));
        }
    }
    for claimed in [128, 30_000, 60_000, u32::MAX] {
        let accepted = decode_within_bounds(&overlapping(claimed), "overlapping texts");
        assert!(!accepted, "{claimed} bytes, 500 times the same");
    }
    // Mutations of all of them, and noise.
    let mut state = 1;
    for round in 0..40_000 {
        let mut payload = match round % 8 {
            0 => (0..random(&mut state) % 3_000)
                .map(|_| random(&mut state) as u8)
                .collect(),
            _ => payloads[random(&mut state) as usize % 6].clone(),
        };
        for _ in 0..1 + random(&mut state) % 4 {
            let at = random(&mut state) as usize % payload.len().max(1);
            if let Some(byte) = payload.get_mut(at) {
                *byte ^= random(&mut state) as u8;
            }
        }
        decode_within_bounds(&payload, "a mutated payload");
    }
    // Genesis parameters and proofs, which are short: a constant is enough.
    let genesis = Genesis::new("memory", Network::Opaque).encode();
    for round in 0..20_000 {
        let mut bytes = genesis.clone();
        let at = random(&mut state) as usize % bytes.len();
        bytes[at] ^= random(&mut state) as u8;
        bytes.truncate(1 + random(&mut state) as usize % genesis.len());
        let (taken, _) = peak(|| Genesis::decode(&bytes).is_ok());
        assert!(
            taken <= 64 << 10,
            "{taken} bytes for a genesis, round {round}"
        );
        let proof: Vec<u8> = [1].into_iter().chain(bytes.iter().copied()).collect();
        let (taken, _) = peak(|| verify_withdrawal(&Root([0; 32]), &proof).is_ok());
        assert!(
            taken <= 64 << 10,
            "{taken} bytes for a proof, round {round}"
        );
    }
}
