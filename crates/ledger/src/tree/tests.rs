//! The tree against its description, hashed one node at a time.

use proptest::prelude::*;

use super::*;
use crate::workers::Alone;

fn leaf(number: u64, version: u64) -> Leaf {
    let mut leaf = Leaf::new(&[number as u8; 20]);
    leaf.set_balance(number);
    leaf.set_sequence(version);
    leaf
}

/// From the description, by way of `blake3` alone.
fn naive_root(leaves: &[Leaf]) -> Root {
    let key = |what| blake3::derive_key(&format!("libmetachain 2026 state {what} v1"), b"");
    let mut level: Vec<Vec<u8>> = leaves
        .iter()
        .map(|leaf| {
            blake3::keyed_hash(&key("leaf"), leaf.as_bytes())
                .as_bytes()
                .to_vec()
        })
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| {
                let right = pair.get(1).cloned().unwrap_or(vec![0; 32]);
                let input = [pair[0].clone(), right].concat();
                blake3::keyed_hash(&key("node"), &input).as_bytes().to_vec()
            })
            .collect();
    }
    let count = (leaves.len() as u64).to_le_bytes();
    let input = [level[0].as_slice(), &count, &[0; 24]].concat();
    Root(*blake3::keyed_hash(&key("root"), &input).as_bytes())
}

fn chunked(leaves: &[Leaf]) -> Chunked<Leaf> {
    let mut chunked = Chunked::new();
    leaves.iter().for_each(|leaf| chunked.push(*leaf));
    chunked
}

#[test]
fn both_hashings_build_the_described_tree() {
    let powers = (2..=12).map(|bits| 1usize << bits);
    for count in [1, 2, 3]
        .into_iter()
        .chain(powers.flat_map(|n| [n - 1, n, n + 1]))
    {
        let leaves: Vec<Leaf> = (0..count as u64).map(|number| leaf(number, 0)).collect();
        let expected = naive_root(&leaves);
        for hashing in [Hashing::Simd, Hashing::Scalar] {
            assert_eq!(
                Tree::build(&chunked(&leaves), hashing).root(),
                expected,
                "{count} {hashing:?}"
            );
        }
    }
}

/// Takes the tree to other leaves by way of an overlay, as a block does and as its undo does.
fn change(tree: &mut Tree, from: &[Leaf], to: &[Leaf]) {
    change_by(tree, from, to, &Alone);
}

fn change_by(tree: &mut Tree, from: &[Leaf], to: &[Leaf], workers: &dyn Workers) {
    let mut indexes: Vec<u32> = (0..to.len() as u32)
        .filter(|index| from.get(*index as usize) != Some(&to[*index as usize]))
        .collect();
    let last = to.len() as u32 - 1;
    if to.len() < from.len() && indexes.last() != Some(&last) {
        indexes.push(last);
    }
    let changed: Vec<Leaf> = indexes.iter().map(|index| to[*index as usize]).collect();
    let before = tree.root();
    let overlay = tree.overlay(to.len(), &indexes, &changed, workers);
    assert_eq!(tree.root(), before, "computing an overlay changes nothing");
    tree.apply(&overlay, workers);
    assert_eq!(tree.root(), overlay.root());
}

fn assert_same_nodes(one: &Tree, other: &Tree) {
    assert_eq!(one.count, other.count);
    assert_eq!(one.levels.len(), other.levels.len());
    for (a, b) in one.levels.iter().zip(&other.levels) {
        assert!(a.iter().map(|pair| pair.0).eq(b.iter().map(|pair| pair.0)));
    }
}

/// The last part first.
struct Backwards;

impl Workers for Backwards {
    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..parts).rev().for_each(work);
    }
}

#[test]
fn parts_of_a_change_give_the_same_nodes() {
    // Beside growing and shrinking: leaves changed everywhere, in one place, and at the very end.
    let changed: [fn(u64) -> bool; 4] = [
        |_| true,
        |number| number % 3 == 0,
        |number| (1_000..1_700).contains(&number),
        |number| number >= 4_500,
    ];
    for (before, after) in [
        (5_000, 5_000),
        (5_000, 4_999),
        (5_000, 8_193),
        (700, 5_000),
        (5_000, 3),
    ] {
        for is_changed in changed {
            let old: Vec<Leaf> = (0..before).map(|number| leaf(number, 0)).collect();
            let new: Vec<Leaf> = (0..after)
                .map(|number| leaf(number, u64::from(is_changed(number))))
                .collect();
            let mut tree = Tree::build(&chunked(&old), Hashing::Simd);
            change_by(&mut tree, &old, &new, &Backwards);
            assert_same_nodes(&tree, &Tree::build(&chunked(&new), Hashing::Simd));
            assert_eq!(tree.root(), naive_root(&new), "{before} to {after}");
        }
    }
}

#[test]
fn cuts_lie_between_whole_trees_and_lose_no_leaf() {
    for (indexes, level) in [
        ((0..5_000).collect::<Vec<u32>>(), 7),
        ((0..5_000).map(|index| index * 97).collect(), 13),
        (
            (0..600)
                .map(|index| if index < 590 { index } else { index << 12 })
                .collect(),
            10,
        ),
        (vec![], 0),
        (vec![9], 3),
    ] {
        let cuts = cuts(&indexes, level);
        assert!(cuts.is_sorted() && cuts[0] == 0 && cuts[cuts.len() - 1] == indexes.len());
        for cut in cuts.iter().filter(|cut| (1..indexes.len()).contains(cut)) {
            assert_ne!(indexes[cut - 1] >> level, indexes[*cut] >> level);
        }
    }
    let many = cuts(&(0..5_000).collect::<Vec<u32>>(), 7);
    assert!(many.len() > 10, "there are parts at all: {many:?}");
}

#[test]
fn growing_and_shrinking_by_any_step_leaves_the_same_nodes_as_building() {
    for from in 1..40usize {
        for to in 1..40usize {
            let old: Vec<Leaf> = (0..from as u64).map(|number| leaf(number, 0)).collect();
            let new: Vec<Leaf> = (0..to as u64)
                .map(|number| leaf(number, number % 3))
                .collect();
            let mut tree = Tree::build(&chunked(&old), Hashing::Simd);
            change(&mut tree, &old, &new);
            assert_same_nodes(&tree, &Tree::build(&chunked(&new), Hashing::Simd));
            change(&mut tree, &new, &old);
            assert_same_nodes(&tree, &Tree::build(&chunked(&old), Hashing::Simd));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_sequence_of_changes_gives_the_described_root(
        steps in prop::collection::vec(
            (1usize..700, prop::collection::vec((0usize..700, any::<u64>()), 0..300)), 1..6),
        scalar in any::<bool>(),
    ) {
        let hashing = if scalar { Hashing::Scalar } else { Hashing::Simd };
        let mut leaves = vec![leaf(0, 0)];
        let mut tree = Tree::build(&chunked(&leaves), hashing);
        for (count, changes) in steps {
            let mut next = leaves.clone();
            next.truncate(count);
            next.extend((next.len()..count).map(|number| leaf(number as u64, 1)));
            for (index, version) in changes {
                let index = index % count;
                next[index] = leaf(index as u64, version);
            }
            change(&mut tree, &leaves, &next);
            leaves = next;
            prop_assert_eq!(tree.root(), naive_root(&leaves));
        }
    }
}
