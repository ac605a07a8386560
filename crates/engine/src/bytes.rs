//! Little-endian fields, one after the other: how a snapshot's chunks are written and read.

use libmetachain_ledger::store::Place;

pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn tagged(tag: u8) -> Self {
        Writer(vec![tag])
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn place(&mut self, place: Place) {
        self.u32(place.segment);
        self.u64(place.offset);
        self.u32(place.len);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Each read moves on, and gives `None` where the bytes end.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn place(&mut self) -> Option<Place> {
        Some(Place {
            segment: self.u32()?,
            offset: self.u64()?,
            len: self.u32()?,
        })
    }
}
