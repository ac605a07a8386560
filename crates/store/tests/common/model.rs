//! What a store must answer, worked out from the list of its records by the simplest means.

use std::collections::BTreeMap;

use libmetachain_ledger::{Place, Record};
use libmetachain_primitives::{BlockHash, NativeHash, Result, TxId};
use libmetachain_store::{Index, Keys, SnapshotMeta, SnapshotReader, Snapshots};

/// Invented keys: the tests' payloads are noise.
#[allow(clippy::unnecessary_wraps, reason = "the type of the real one")]
pub(crate) fn keys(payload: &[u8]) -> Result<Keys> {
    let txid = |number: u32| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(payload).update(&number.to_le_bytes());
        TxId(*hasher.finalize().as_bytes())
    };
    Ok(Keys {
        hash: BlockHash(*blake3::hash(payload).as_bytes()),
        txids: [0, 2, 3].map(|number| (number, txid(number))).to_vec(),
    })
}

/// The blocks of the chain that the records leave: height to sequence, keys and native hash.
pub(crate) fn chain(records: &[Record]) -> BTreeMap<u64, (u64, Keys, NativeHash)> {
    let mut chain = BTreeMap::new();
    for (record, sequence) in records.iter().zip(0..) {
        match record {
            Record::Connect {
                height,
                native,
                payload,
                ..
            } => {
                chain.insert(*height, (sequence, keys(payload).unwrap(), *native));
            }
            Record::Disconnect { height, .. } => {
                chain.remove(height);
            }
            Record::Genesis { .. } | Record::Finalize { .. } => {}
        }
    }
    chain
}

/// Compares every look-up. An error of the index is passed on; a wrong answer is a text.
pub(crate) fn compare_index(index: &Index, records: &[Record]) -> Result<Result<(), String>> {
    let chain = chain(records);
    let top = records.iter().map(Record::height).max().unwrap_or(0);
    for height in 1..=top + 1 {
        let found = index.block(height)?;
        let expected = chain.get(&height);
        if found.map(|block| block.sequence) != expected.map(|(sequence, ..)| *sequence) {
            return Ok(Err(format!("height {height}: {found:?}")));
        }
    }
    for (height, (sequence, keys, native)) in &chain {
        let by_hash = index.block_by_hash(&keys.hash)?;
        let by_native = index.block_by_native(native)?;
        if by_hash != by_native || by_hash.map(|block| block.sequence) != Some(*sequence) {
            return Ok(Err(format!(
                "hashes of {height}: {by_hash:?} {by_native:?}"
            )));
        }
        for (position, txid) in &keys.txids {
            let found = index.transaction(txid)?;
            if found.map(|found| (found.block.height, found.position)) != Some((*height, *position))
            {
                return Ok(Err(format!("transaction {txid}: {found:?}")));
            }
        }
    }
    let unknown = [7; 32];
    let answers = (
        index.transaction(&TxId(unknown))?,
        index.block_by_hash(&BlockHash(unknown))?,
        index.block_by_native(&NativeHash(unknown))?,
    );
    if answers != (None, None, None) {
        return Ok(Err(format!("something unknown was found: {answers:?}")));
    }
    Ok(Ok(()))
}

pub(crate) const GENESIS: BlockHash = BlockHash([3; 32]);

/// What the state at a sequence looks like to a test: chunks that depend on all records up to it.
pub(crate) fn state(records: &[Record], sequence: u64) -> Vec<Vec<u8>> {
    let count = usize::try_from(sequence).unwrap() + 1;
    let mut hasher = blake3::Hasher::new();
    for record in &records[..count] {
        hasher.update(format!("{record:?}").as_bytes());
    }
    let mut reader = hasher.finalize_xof();
    [3_000, 0, 64, 1_000]
        .into_iter()
        .map(|len| {
            let mut chunk = vec![0; len];
            reader.fill(&mut chunk);
            chunk
        })
        .collect()
}

pub(crate) fn meta(records: &[Record], sequence: u64, place: Place) -> SnapshotMeta {
    let record = &records[usize::try_from(sequence).unwrap()];
    SnapshotMeta {
        genesis: GENESIS,
        height: record.height(),
        block: BlockHash([9; 32]),
        sequence,
        place,
    }
}

pub(crate) fn write_snapshot(
    snapshots: &Snapshots,
    records: &[Record],
    sequence: u64,
    place: Place,
) -> Result<()> {
    let mut writer = snapshots.begin()?;
    for chunk in state(records, sequence) {
        writer.chunk(&chunk)?;
    }
    writer.finish(&meta(records, sequence, place))
}

fn read_all(reader: &mut SnapshotReader) -> Result<Vec<Vec<u8>>> {
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// Loads the newest snapshot and compares it. Returns its meta and how many were skipped.
pub(crate) fn compare_snapshot(
    snapshots: &Snapshots,
    records: &[Record],
) -> Result<Result<(Option<SnapshotMeta>, usize), String>> {
    let loaded = snapshots.load_newest(&GENESIS, read_all)?;
    let Some((meta, chunks)) = loaded.built else {
        return Ok(Ok((None, loaded.skipped.len())));
    };
    let known = usize::try_from(meta.sequence).is_ok_and(|at| at < records.len());
    if !known || chunks != state(records, meta.sequence) {
        return Ok(Err(format!("the snapshot {meta:?} has other contents")));
    }
    Ok(Ok((Some(meta), loaded.skipped.len())))
}
