//! Every compiled module that lives, found by its very bytes.
//!
//! Comparing the bytes of two modules costs a fraction of any hash over them that could be trusted as
//! much. A few bytes from here and there tell which modules are worth comparing.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, LazyLock, Weak};

use crate::compiled::Compiled;

/// Pieces that a sketch is made of.
const PIECES: usize = 64;
/// Bytes of a piece.
const PIECE_BYTES: usize = 8;
/// Bytes of the end of a module that a sketch is made of: that is where builds of the same code
/// differ, in their custom sections.
const END_BYTES: usize = 64;

/// What tells most modules apart at a glance. Different modules may have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sketch(u64);

impl Sketch {
    /// The same bytes have the same sketch, in this process.
    pub(crate) fn of(wasm: &[u8]) -> Self {
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let mut hasher = STATE.build_hasher();
        hasher.write_usize(wasm.len());
        for part in wasm.chunks(wasm.len().div_ceil(PIECES).max(1)) {
            hasher.write(part.get(..PIECE_BYTES).unwrap_or(part));
        }
        hasher.write(&wasm[wasm.len().saturating_sub(END_BYTES)..]);
        Self(hasher.finish())
    }
}

/// Modules by their sketch. They live as long as somebody else keeps them.
#[derive(Default)]
pub(crate) struct Alive(HashMap<Sketch, Vec<Weak<Compiled>>>);

impl Alive {
    /// The modules that may be the one with this sketch.
    pub(crate) fn candidates(&self, sketch: Sketch) -> Vec<Arc<Compiled>> {
        let found = self.0.get(&sketch).into_iter().flatten();
        found.filter_map(Weak::upgrade).collect()
    }

    /// Adds a module, and forgets those that are gone.
    pub(crate) fn insert(&mut self, sketch: Sketch, compiled: &Arc<Compiled>) {
        self.0.retain(|_, modules| {
            modules.retain(|module| module.strong_count() > 0);
            !modules.is_empty()
        });
        let modules = self.0.entry(sketch).or_default();
        modules.push(Arc::downgrade(compiled));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sketches_are_of_any_length_and_see_both_ends() {
        for length in [0, 1, 7, 8, 63, 64, 65, 511, 512, 4096, 70_001] {
            let bytes = vec![7; length];
            assert_eq!(Sketch::of(&bytes), Sketch::of(&bytes.clone()));
            assert_ne!(Sketch::of(&bytes), Sketch::of(&vec![7; length + 1]));
            for place in [0, length.saturating_sub(1)] {
                let mut changed = bytes.clone();
                if let Some(byte) = changed.get_mut(place) {
                    *byte = 8;
                    assert_ne!(
                        Sketch::of(&bytes),
                        Sketch::of(&changed),
                        "{length}, {place}"
                    );
                }
            }
        }
    }
}
