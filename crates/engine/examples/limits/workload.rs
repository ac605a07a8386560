//! The benchmark's accounts and transfers, the same as `bench/workload.mjs` invents them.

/// What moves from one account, by number, to another.
pub(crate) struct Transfer {
    pub(crate) from: [u8; 20],
    pub(crate) to: [u8; 20],
    pub(crate) amount: u64,
}

/// What every account has at the beginning.
pub(crate) const BALANCE: u64 = 1 << 36;

/// Murmur3's finaliser: a permutation of 32 bits, so that no two accounts share an address.
fn mix(value: u32) -> u32 {
    let mut value = value;
    value ^= value >> 16;
    value = value.wrapping_mul(0x85eb_ca6b);
    value ^= value >> 13;
    value = value.wrapping_mul(0xc2b2_ae35);
    value ^ (value >> 16)
}

pub(crate) fn address(account: u32) -> [u8; 20] {
    let mut bytes = [0; 20];
    for (word, out) in (0u32..).zip(bytes.as_chunks_mut::<4>().0) {
        *out = mix(account
            .wrapping_mul(5)
            .wrapping_add(word)
            .wrapping_add(0x9e37_79b9))
        .to_be_bytes();
    }
    bytes
}

/// Transfers between random accounts; the counter says where in the one long list they lie.
pub(crate) fn transfers(counter: &mut u32, count: u32, accounts: u32) -> Vec<Transfer> {
    let mut next = || {
        *counter = counter.wrapping_add(1);
        mix(*counter)
    };
    (0..count)
        .map(|_| Transfer {
            from: address(next() % accounts),
            to: address(next() % accounts),
            amount: u64::from(next() % 1_000) + 1,
        })
        .collect()
}
