//! An account as the 64 bytes that the state tree hashes, which is also how it lies in memory.
//!
//! ```text
//!  0..20  address
//! 20..40  the next address in order, or zeros behind the last
//! 40..48  balance, little-endian
//! 48..56  sequence, little-endian: how often the account was debited
//! 56..64  zeros
//! ```
//! One account is one cache line where accounts are kept, and hashing it copies nothing.

pub(crate) const LEAF_BYTES: usize = 64;

/// What an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Base units.
    pub balance: u64,
    /// The number of debits so far.
    pub sequence: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leaf([u8; LEAF_BYTES]);

// The layout is regular: addresses are items 0 and 1 of the bytes taken by twenties, the numbers
// items 5 to 7 of the bytes taken by eights.
impl Leaf {
    /// An account with an address, nothing in it and nothing behind it.
    pub(crate) fn new(address: &[u8; 20]) -> Self {
        let mut leaf = Self([0; LEAF_BYTES]);
        leaf.0.as_chunks_mut().0[0] = *address;
        leaf
    }

    /// The leaf of these bytes, unless its last eight are not zeros.
    pub(crate) fn from_bytes(bytes: &[u8; LEAF_BYTES]) -> Option<Self> {
        (bytes.as_chunks::<8>().0[7] == [0; 8]).then_some(Self(*bytes))
    }

    #[inline]
    pub(crate) const fn as_bytes(&self) -> &[u8; LEAF_BYTES] {
        &self.0
    }

    #[inline]
    pub(crate) fn address(&self) -> &[u8; 20] {
        &self.0.as_chunks().0[0]
    }

    #[inline]
    pub(crate) fn next(&self) -> &[u8; 20] {
        &self.0.as_chunks().0[1]
    }

    #[inline]
    pub(crate) fn balance(&self) -> u64 {
        u64::from_le_bytes(self.0.as_chunks().0[5])
    }

    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        u64::from_le_bytes(self.0.as_chunks().0[6])
    }

    /// The account, unless nothing ever happened to it: the zero address has a leaf from the
    /// beginning, and it is an account only once it was credited.
    pub(crate) fn account(&self) -> Option<Account> {
        let account = Account {
            balance: self.balance(),
            sequence: self.sequence(),
        };
        (account.balance != 0 || account.sequence != 0).then_some(account)
    }

    #[inline]
    pub(crate) fn set_next(&mut self, next: &[u8; 20]) {
        self.0.as_chunks_mut().0[1] = *next;
    }

    #[inline]
    pub(crate) fn set_balance(&mut self, balance: u64) {
        self.0.as_chunks_mut().0[5] = balance.to_le_bytes();
    }

    #[inline]
    pub(crate) fn set_sequence(&mut self, sequence: u64) {
        self.0.as_chunks_mut().0[6] = sequence.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunked::Line;

    #[test]
    fn fields_lie_where_the_layout_says() {
        let mut leaf = Leaf::new(&[1; 20]);
        leaf.set_next(&[2; 20]);
        leaf.set_balance(u64::from_le_bytes([3; 8]));
        leaf.set_sequence(u64::from_le_bytes([4; 8]));
        let bytes = *leaf.as_bytes();
        assert_eq!(bytes[..20], [1; 20]);
        assert_eq!(bytes[20..40], [2; 20]);
        assert_eq!(bytes[40..48], [3; 8]);
        assert_eq!(bytes[48..56], [4; 8]);
        assert_eq!(bytes[56..], [0; 8]);
        assert_eq!(Leaf::from_bytes(&bytes), Some(leaf));
        assert_eq!((*leaf.address(), *leaf.next()), ([1; 20], [2; 20]));
        for at in 56..64 {
            let mut bad = bytes;
            bad[at] = 1;
            assert_eq!(Leaf::from_bytes(&bad), None);
        }
    }

    #[test]
    fn a_leaf_is_one_cache_line_where_it_stays() {
        let stored = Line(Leaf::new(&[1; 20]));
        assert_eq!((size_of_val(&stored), align_of_val(&stored)), (64, 64));
    }
}
