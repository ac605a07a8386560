//! Accounts in a flat array and the state tree over them, changed in place.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;

use hashbrown::HashMap;
use libmetachain_primitives::Root;
use libmetachain_primitives::tree_hash::Domain;

use crate::workload::{BALANCE, Transfer, address};

/// Hashes at one go: what the widest vector code takes, some times over.
const BATCH: usize = 64;

/// A cache line: an account, or two sibling nodes of the tree.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u8; 64]);

const EMPTY: Line = Line([0; 64]);

impl Line {
    fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0.as_chunks().0[at / 8])
    }

    fn set_number(&mut self, at: usize, value: u64) {
        self.0.as_chunks_mut().0[at / 8] = value.to_le_bytes();
    }
}

/// Where balance and sequence stand in an account's line; address and next address are before them.
const BALANCE_AT: usize = 40;
const SEQUENCE_AT: usize = 48;

pub(crate) struct State {
    index: HashMap<[u8; 20], u32>,
    leaves: Vec<Line>,
    /// Pairs of sibling nodes, from the leaves' hashes to the top.
    levels: Vec<Vec<Line>>,
    changed: Vec<u32>,
    root: Root,
    domains: [Domain; 3],
}

impl State {
    /// Accounts in the order of their numbers, behind the all-zero address that every state has.
    pub(crate) fn new(count: u32) -> Self {
        let mut addresses: Vec<[u8; 20]> = (0..count).map(address).collect();
        let mut leaves = vec![EMPTY; 1 + count as usize];
        for (leaf, address) in leaves.iter_mut().skip(1).zip(&addresses) {
            leaf.0[..20].copy_from_slice(address);
            leaf.set_number(BALANCE_AT, BALANCE);
        }
        addresses.sort_unstable();
        let mut index = HashMap::with_capacity(count as usize);
        for (at, leaf) in (0u32..).zip(&leaves).skip(1) {
            let mut address = [0; 20];
            address.copy_from_slice(&leaf.0[..20]);
            index.insert(address, at);
        }
        let first = addresses.first().copied().unwrap_or_default();
        leaves[0].0[20..40].copy_from_slice(&first);
        for pair in addresses.windows(2) {
            let leaf = &mut leaves[index[&pair[0]] as usize];
            leaf.0[20..40].copy_from_slice(&pair[1]);
        }
        Self::with_tree(index, leaves)
    }

    fn with_tree(index: HashMap<[u8; 20], u32>, leaves: Vec<Line>) -> Self {
        let domains = ["leaf", "node", "root"]
            .map(|name| Domain::new(&format!("libmetachain 2026 state {name} v1")));
        let mut state = State {
            index,
            leaves,
            levels: Vec::new(),
            changed: Vec::new(),
            root: Root::ZERO,
            domains,
        };
        let mut level = hash_all(&state.domains[0], &state.leaves);
        loop {
            let above = hash_all(&state.domains[1], &level);
            let top = level.len() == 1;
            state.levels.push(level);
            level = above;
            if top {
                break;
            }
        }
        state.levels.push(level);
        state.seal();
        state
    }

    pub(crate) fn accounts(&self) -> u32 {
        self.leaves.len() as u32 - 1
    }

    pub(crate) const fn root(&self) -> Root {
        self.root
    }

    /// Moves the amounts.
    pub(crate) fn execute(&mut self, transfers: &[Transfer]) -> Result<(), Box<dyn Error>> {
        self.look_up(transfers)?;
        for (pair, transfer) in self.changed.as_chunks::<2>().0.iter().zip(transfers) {
            let from = &mut self.leaves[pair[0] as usize];
            let left = from.number(BALANCE_AT).checked_sub(transfer.amount);
            from.set_number(BALANCE_AT, left.ok_or("an account is empty")?);
            from.set_number(SEQUENCE_AT, from.number(SEQUENCE_AT) + 1);
            let to = &mut self.leaves[pair[1] as usize];
            to.set_number(BALANCE_AT, to.number(BALANCE_AT) + transfer.amount);
        }
        Ok(())
    }

    /// Moves the amounts back.
    pub(crate) fn revert(&mut self, transfers: &[Transfer]) -> Result<(), Box<dyn Error>> {
        self.look_up(transfers)?;
        for (pair, transfer) in self.changed.as_chunks::<2>().0.iter().zip(transfers).rev() {
            let to = &mut self.leaves[pair[1] as usize];
            let left = to.number(BALANCE_AT).checked_sub(transfer.amount);
            to.set_number(BALANCE_AT, left.ok_or("an account is empty")?);
            let from = &mut self.leaves[pair[0] as usize];
            from.set_number(BALANCE_AT, from.number(BALANCE_AT) + transfer.amount);
            from.set_number(SEQUENCE_AT, from.number(SEQUENCE_AT) - 1);
        }
        Ok(())
    }

    /// The places of all accounts, found before anything changes: so many cache misses overlap.
    fn look_up(&mut self, transfers: &[Transfer]) -> Result<(), Box<dyn Error>> {
        self.changed.clear();
        for transfer in transfers {
            for address in [&transfer.from, &transfer.to] {
                let found = self.index.get(address).ok_or("an unknown account")?;
                self.changed.push(*found);
            }
        }
        touch(&self.leaves, &self.changed);
        Ok(())
    }

    /// Brings the tree up to date, a level at a time.
    pub(crate) fn hash_changes(&mut self) {
        self.changed.sort_unstable();
        self.changed.dedup();
        let mut changed = std::mem::take(&mut self.changed);
        let (leaves, nodes) = (&self.domains[0], &self.domains[1]);
        if let Some(level) = self.levels.first_mut() {
            hash_into(leaves, &self.leaves, &changed, level);
        }
        for at in 1..self.levels.len() {
            changed.iter_mut().for_each(|index| *index /= 2);
            changed.dedup();
            let (below, above) = self.levels.split_at_mut(at);
            hash_into(nodes, &below[at - 1], &changed, &mut above[0]);
        }
        self.changed = changed;
        self.seal();
    }

    fn seal(&mut self) {
        let mut input = EMPTY;
        if let Some(top) = self.levels.last().and_then(|level| level.first()) {
            input.0[..32].copy_from_slice(&top.0[..32]);
        }
        input.set_number(32, self.leaves.len() as u64);
        self.root = Root(self.domains[2].hash(&input.0));
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let mut file = std::io::BufWriter::new(File::create(path)?);
        for leaf in &self.leaves {
            file.write_all(&leaf.0)?;
        }
        file.into_inner()?.sync_all()?;
        Ok(())
    }

    /// Reads what `save` wrote, makes the look-up table and hashes the whole tree.
    pub(crate) fn load(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut file = File::open(path)?;
        let count = file.metadata()?.len() as usize / size_of::<Line>();
        let mut leaves = vec![EMPTY; count];
        let mut piece = vec![0; 1 << 20];
        for lines in leaves.chunks_mut(piece.len() / size_of::<Line>()) {
            let bytes = &mut piece[..size_of_val(lines)];
            file.read_exact(bytes)?;
            for (line, bytes) in lines.iter_mut().zip(bytes.as_chunks::<64>().0) {
                line.0 = *bytes;
            }
        }
        let mut index = HashMap::with_capacity(count);
        for (at, leaf) in (0u32..).zip(&leaves).skip(1) {
            let mut address = [0; 20];
            address.copy_from_slice(&leaf.0[..20]);
            index.insert(address, at);
        }
        Ok(Self::with_tree(index, leaves))
    }
}

/// The hashes of all lines, in pairs; without a sibling the second half stays zero.
fn hash_all(domain: &Domain, lines: &[Line]) -> Vec<Line> {
    let mut level = vec![EMPTY; lines.len().div_ceil(2)];
    for (lines, pairs) in lines.chunks(BATCH).zip(level.chunks_mut(BATCH / 2)) {
        let inputs: Vec<&[u8; 64]> = lines.iter().map(|line| &line.0).collect();
        let mut hashes = [0; BATCH * 32];
        let hashes = &mut hashes[..inputs.len() * 32];
        domain.hash_many(&inputs, hashes);
        for (pair, hashes) in pairs.iter_mut().zip(hashes.chunks(64)) {
            pair.0[..hashes.len()].copy_from_slice(hashes);
        }
    }
    level
}

/// Hashes the lines of these indexes into the level above.
fn hash_into(domain: &Domain, lines: &[Line], indexes: &[u32], level: &mut [Line]) {
    touch(lines, indexes);
    let mut hashes = [0; BATCH * 32];
    let mut inputs = [&EMPTY.0; BATCH];
    for indexes in indexes.chunks(BATCH) {
        for (input, index) in inputs.iter_mut().zip(indexes) {
            *input = &lines[*index as usize].0;
        }
        let hashes = &mut hashes[..indexes.len() * 32];
        domain.hash_many(&inputs[..indexes.len()], hashes);
        for (index, hash) in indexes.iter().zip(hashes.as_chunks::<32>().0) {
            level[*index as usize / 2].0.as_chunks_mut().0[*index as usize % 2] = *hash;
        }
    }
}

/// Brings lines into the cache by a loop that does nothing else, so that many cache misses are under
/// way at once.
fn touch(lines: &[Line], indexes: &[u32]) {
    let touched = indexes.iter().map(|index| lines[*index as usize].0[0]);
    black_box(touched.fold(0, |sum, byte| sum ^ byte));
}
