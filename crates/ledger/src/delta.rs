//! A block's effect on the ledger, computed but not made, and what takes it back.

use libmetachain_primitives::{BlockHash, Code, Error, NativeHash, Result, Root, TxId};

use crate::change::Change;
use crate::room::room_for;
use crate::tip::Tip;

/// The whole effect of one block on the ledger that it was executed on.
///
/// [`Ledger::apply`](crate::Ledger::apply) makes it without executing anything again. Takes about
/// 1 KiB for each account that the block changes.
#[derive(Clone)]
pub struct Delta {
    pub(crate) parent: BlockHash,
    pub(crate) change: Change,
    pub(crate) old: Vec<Old>,
    pub(crate) txids: Vec<TxId>,
    pub(crate) hash: BlockHash,
    pub(crate) height: u64,
    pub(crate) native_height: u64,
    pub(crate) time: u64,
    pub(crate) supply: u64,
}

impl Delta {
    /// The hash of the tip that it builds on.
    #[must_use]
    pub const fn parent(&self) -> &BlockHash {
        &self.parent
    }

    /// The hash of the block whose effect it is.
    #[must_use]
    pub const fn hash(&self) -> &BlockHash {
        &self.hash
    }

    /// The height of the block whose effect it is.
    #[must_use]
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// The state root after the block.
    #[must_use]
    pub const fn state_root(&self) -> Root {
        self.change.root()
    }

    /// The indexes of the leaves that the block changes or adds, ascending: what a snapshot taken
    /// meanwhile has to read again.
    #[must_use]
    pub fn touched(&self) -> &[u32] {
        self.change.indexes()
    }

    pub(crate) const fn tip(&self, native: NativeHash) -> Tip {
        Tip {
            height: self.height,
            hash: self.hash,
            native: Some((self.native_height, native)),
            state_root: self.change.root(),
            time: self.time,
            supply: self.supply,
        }
    }
}

/// An account as it was before a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Old {
    pub(crate) index: u32,
    pub(crate) balance: u64,
    pub(crate) sequence: u64,
}

/// What taking one block back needs beside the ledger itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// The block that it takes back.
    pub(crate) block: BlockHash,
    /// The tip that it leads to.
    pub(crate) previous: Tip,
    /// How many leaves there were.
    pub(crate) leaves: u32,
    /// The accounts that the block debited or credited and that were there before, by ascending index.
    pub(crate) old: Vec<Old>,
    /// The transaction ids that the block pushed out of the replay window, if any block left it.
    pub(crate) pushed_out: Option<Vec<TxId>>,
}

const VERSION: u8 = 1;

impl Undo {
    /// The hash of the block that it takes back.
    #[must_use]
    pub const fn block(&self) -> &BlockHash {
        &self.block
    }

    /// The tip that it leads to.
    #[must_use]
    pub const fn previous(&self) -> &Tip {
        &self.previous
    }

    /// The indexes of the leaves whose balance or sequence it restores, ascending. Neighbours of
    /// accounts that it removes change as well, but only in what a snapshot does not hold.
    pub fn touched(&self) -> impl Iterator<Item = u32> {
        self.old.iter().map(|old| old.index)
    }

    /// The bytes that a store keeps with the block.
    ///
    /// Version (1), block hash (32), previous tip, number of leaves (varint), changed accounts (their
    /// number; for each the distance from the one before, balance and sequence, all varints), then
    /// whether a block left the replay window (1), and if so its ids (their number as a varint, 32
    /// bytes each). Varints are LEB128. About ten bytes for each changed account.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            block,
            previous,
            leaves,
            old,
            pushed_out,
        } = self;
        encode(block, previous, *leaves, old, pushed_out.as_deref())
    }

    /// Reads what [`Undo::encode`] wrote.
    ///
    /// # Errors
    /// `STORE_CORRUPT` if the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        Self::read(&mut { bytes })
            .ok_or_else(|| Error::new(Code::StoreCorrupt, "the stored undo is malformed"))
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let [VERSION] = take(bytes)? else { return None };
        let block = BlockHash(take(bytes)?);
        let previous = Tip::decode(bytes)?;
        let leaves = u32::try_from(take_varint(bytes)?).ok()?;
        let count = usize::try_from(take_varint(bytes)?).ok()?;
        // An account takes three bytes at least: a false count allocates no more than the bytes merit.
        let mut old = Vec::with_capacity(count.min(bytes.len() / 3));
        let mut last: Option<u32> = None;
        for _ in 0..count {
            let distance = u32::try_from(take_varint(bytes)?).ok()?;
            let index = last.unwrap_or(0).checked_add(distance)?;
            if index >= leaves || last.is_some_and(|last| last == index) {
                return None;
            }
            old.push(Old {
                index,
                balance: take_varint(bytes)?,
                sequence: take_varint(bytes)?,
            });
            last = Some(index);
        }
        let pushed_out = match take(bytes)? {
            [0] => None,
            [1] => {
                let count = usize::try_from(take_varint(bytes)?).ok()?;
                let (ids, rest) = bytes.as_chunks::<32>();
                if ids.len() != count || !rest.is_empty() {
                    return None;
                }
                *bytes = &[];
                Some(ids.iter().copied().map(TxId).collect())
            }
            _ => return None,
        };
        bytes.is_empty().then_some(Self {
            block,
            previous,
            leaves,
            old,
            pushed_out,
        })
    }
}

/// [`Undo::encode`] of what lies in different places.
pub(crate) fn encode(
    block: &BlockHash,
    previous: &Tip,
    leaves: u32,
    old: &[Old],
    pushed_out: Option<&[TxId]>,
) -> Vec<u8> {
    let ids = pushed_out.map_or(0, <[_]>::len);
    let room = 1 + 32 + Tip::BYTES_MAX + 20 + old.len() * 12 + ids * 32;
    let mut out = Vec::with_capacity(room_for(room));
    out.push(VERSION);
    out.extend_from_slice(&block.0);
    previous.encode(&mut out);
    put_varint(&mut out, u64::from(leaves));
    put_varint(&mut out, old.len() as u64);
    let mut last = 0;
    for old in old {
        put_varint(&mut out, u64::from(old.index.wrapping_sub(last)));
        put_varint(&mut out, old.balance);
        put_varint(&mut out, old.sequence);
        last = old.index;
    }
    out.push(u8::from(pushed_out.is_some()));
    if let Some(txids) = pushed_out {
        put_varint(&mut out, txids.len() as u64);
        txids.iter().for_each(|txid| out.extend_from_slice(&txid.0));
    }
    out
}

pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

/// Up to eight bytes at once, without a branch: how many bytes a balance takes is nothing that a processor
/// could guess, and guessing wrong for each account would be a twentieth of what a block costs.
fn put_varint(out: &mut Vec<u8>, value: u64) {
    if value >> 56 != 0 {
        return put_long_varint(out, value);
    }
    // Moves each seven bits to a byte of their own: by halves, quarters, eighths.
    let halves = value & 0x0fff_ffff | (value & 0x00ff_ffff_f000_0000) << 4;
    let quarters = halves & 0x0000_3fff_0000_3fff | (halves & 0x0fff_c000_0fff_c000) << 2;
    let sevens = quarters & 0x007f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1;
    let last = (63 - (value | 1).leading_zeros()) / 7;
    let continued = 0x8080_8080_8080_8080 & ((1_u64 << (8 * last)) - 1);
    let end = out.len() + last as usize + 1;
    out.extend_from_slice(&(sevens | continued).to_le_bytes());
    out.truncate(end);
}

#[cold]
fn put_long_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// One number in its shortest form, the only one that is ever written.
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(bytes)?;
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part || (byte == 0 && shift > 0) {
            return None;
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tip() -> impl Strategy<Value = Tip> {
        let native = prop::option::of((any::<u64>(), any::<[u8; 32]>()));
        (any::<[u64; 3]>(), any::<[[u8; 32]; 2]>(), native).prop_map(
            |([height, time, supply], [hash, root], native)| Tip {
                height,
                hash: BlockHash(hash),
                native: native.map(|(height, hash)| (height, NativeHash(hash))),
                state_root: Root(root),
                time,
                supply,
            },
        )
    }

    fn undo() -> impl Strategy<Value = Undo> {
        let old = prop::collection::btree_map(0u32..5000, any::<(u64, u64)>(), 0..50);
        let txids = prop::option::of(prop::collection::vec(
            any::<[u8; 32]>().prop_map(TxId),
            0..4,
        ));
        (any::<[u8; 32]>(), tip(), 5000u32.., old, txids).prop_map(
            |(block, previous, leaves, old, pushed_out)| Undo {
                block: BlockHash(block),
                previous,
                leaves,
                old: old
                    .into_iter()
                    .map(|(index, (balance, sequence))| Old {
                        index,
                        balance,
                        sequence,
                    })
                    .collect(),
                pushed_out,
            },
        )
    }

    proptest! {
        #[test]
        fn undo_reads_back_and_has_one_encoding(
            undo in undo(), at in any::<prop::sample::Index>(), flip in 1u8..,
        ) {
            let bytes = undo.encode();
            let read = Undo::decode(&bytes).unwrap();
            prop_assert_eq!(&read, &undo);
            prop_assert!(Undo::decode(&bytes[..at.index(bytes.len())]).is_err());
            prop_assert!(Undo::decode(&[&bytes[..], &[0]].concat()).is_err());
            let mut flipped = bytes.clone();
            flipped[at.index(bytes.len())] ^= flip;
            if let Ok(other) = Undo::decode(&flipped) {
                prop_assert_eq!(other.encode(), flipped);
                prop_assert_ne!(other, undo);
            }
        }

        #[test]
        fn numbers_are_written_as_by_the_loop_that_defines_them(value in any::<u64>(), bits in 0u32..64) {
            for value in [value >> bits, 1 << bits, (1u64 << bits) - 1] {
                let (mut fast, mut slow) = (vec![7], vec![7]);
                put_varint(&mut fast, value);
                put_long_varint(&mut slow, value);
                prop_assert_eq!(fast, slow, "{}", value);
            }
        }

        #[test]
        fn noise_is_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(undo) = Undo::decode(&bytes) {
                prop_assert_eq!(undo.encode(), bytes);
            }
        }
    }
}
