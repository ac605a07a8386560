//! An array that grows by whole chunks, so that growth never copies what is already there.
//!
//! A `Vec` of ten million accounts doubles by moving hundreds of megabytes in the middle of one
//! block; here a push costs at most one fresh chunk. The first chunk starts small, so that a chain with
//! few accounts takes little memory.
//!
//! Elements begin at cache lines here and nowhere else: lists that come and go with a block would be allocated
//! aligned too, and the GNU allocator before version 2.38 finds no use for the holes that those leave: with
//! aligned lists among them a million accounts took up to 80 MB more.
//!
//! A chunk is large but takes only the pages that were written to. It is larger than anything that
//! comes and goes with a block, and than what an allocator keeps for later: with chunks of 512 KiB
//! among blocks' buffers a million accounts left 60 MB of holes that were never given back.

use prefetch_index::prefetch_index;

/// Elements in a chunk, as a power of two: at 64 bytes an element a chunk is 32 MiB, which is what the
/// GNU allocator always takes from the system and gives back to it.
const CHUNK_BITS: u32 = 19;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Elements up to which the first chunk doubles; then it gets room for all of its own.
const SMALL: usize = 1 << 10;

/// An element at the start of a cache line; meant for elements that fill it.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Line<T>(pub(crate) T);

/// A growable array in chunks; every chunk but the last is full.
#[derive(Clone, Debug)]
pub(crate) struct Chunked<T> {
    chunks: Vec<Vec<Line<T>>>,
    len: usize,
}

impl<T: Copy> Chunked<T> {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks
            .get(index >> CHUNK_BITS)?
            .get(index & (CHUNK - 1))
            .map(|line| &line.0)
    }

    /// Has the processor fetch the element at `index`, if there is one, while it does other things.
    #[inline]
    pub(crate) fn prefetch(&self, index: usize) {
        if let Some(chunk) = self.chunks.get(index >> CHUNK_BITS) {
            prefetch_index(chunk, index & (CHUNK - 1));
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.chunks
            .get_mut(index >> CHUNK_BITS)?
            .get_mut(index & (CHUNK - 1))
            .map(|line| &mut line.0)
    }

    pub(crate) fn push(&mut self, value: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => {
                if last.len() == SMALL {
                    last.reserve_exact(CHUNK - SMALL);
                }
                last.push(Line(value));
            }
            last => {
                let capacity = if last.is_some() { CHUNK } else { 1 };
                let mut chunk = Vec::with_capacity(capacity);
                chunk.push(Line(value));
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
    }

    /// Overwrites the element at `index`, or appends it where `index` is the length.
    #[inline]
    pub(crate) fn put(&mut self, index: usize, value: T) {
        match self.get_mut(index) {
            Some(slot) => *slot = value,
            None => {
                debug_assert_eq!(index, self.len, "elements are appended in order");
                self.push(value);
            }
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.chunks.truncate(len.div_ceil(CHUNK));
        if let (Some(last), rest @ 1..) = (self.chunks.last_mut(), len & (CHUNK - 1)) {
            last.truncate(rest);
        }
        self.len = len;
    }

    /// The elements from `start` on, as slices as long as they lie together.
    pub(crate) fn slices(&self, start: usize) -> impl Iterator<Item = &[Line<T>]> {
        let first = start >> CHUNK_BITS;
        let skip = start & (CHUNK - 1);
        self.chunks
            .iter()
            .skip(first)
            .enumerate()
            .map(move |(at, chunk)| {
                let from = if at == 0 { skip.min(chunk.len()) } else { 0 };
                chunk.get(from..).unwrap_or_default()
            })
    }

    /// The elements from `start` on.
    pub(crate) fn from(&self, start: usize) -> impl Iterator<Item = &T> {
        self.slices(start).flatten().map(|line| &line.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.from(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_behaves_as_a_vector_around_chunk_boundaries() {
        let mut chunked = Chunked::new();
        let mut model = Vec::new();
        for value in 0..(2 * CHUNK + 3) {
            chunked.push(value);
            model.push(value);
        }
        for len in [
            2 * CHUNK + 3,
            2 * CHUNK + 1,
            2 * CHUNK,
            2 * CHUNK - 1,
            CHUNK,
            5,
            0,
        ] {
            chunked.truncate(len);
            model.truncate(len);
            assert_eq!(chunked.len(), model.len());
            assert!(chunked.iter().eq(model.iter()));
            assert_eq!(chunked.get(len), None);
            for start in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1] {
                let found: Vec<_> = chunked.from(start).copied().collect();
                assert_eq!(
                    found,
                    model.get(start..).unwrap_or_default(),
                    "{len} from {start}"
                );
            }
            chunked.put(len, 9);
            assert_eq!(chunked.get(len), Some(&9));
            chunked.put(len, 7);
            assert_eq!((chunked.get(len), chunked.len()), (Some(&7), len + 1));
            chunked.truncate(len);
        }
    }
}
