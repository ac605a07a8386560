//! What the targets share: a chain that lived, changes to bytes, and checksums made right again, since a
//! checksum keeps a fuzzer out but nobody who knows how to compute one.

use std::path::PathBuf;
use std::sync::Arc;

use libmetachain_engine::{
    CandidateBlock, Carried, Context, Media, Metachain, NativeBlock, OpenOptions,
};
use libmetachain_primitives::{
    Amount, Genesis, MetaAddress, NativeAddress, NativeHash, Network, Transaction, TxId,
};
use libmetachain_store::sim::SimDisk;
use libmetachain_store::{IndexOptions, StoreOptions};

/// The genesis of every chain here.
#[must_use]
pub fn genesis() -> Genesis {
    let mut genesis = Genesis::new("fuzz", Network::Opaque);
    genesis.replay_window = 4;
    genesis.balances.insert(
        MetaAddress([1; 20]),
        Amount::new(1 << 40).expect("it is in range"),
    );
    genesis
}

/// How a store on the simulated disk is opened: without threads and background work.
#[must_use]
pub fn options() -> OpenOptions {
    OpenOptions {
        path: Some(PathBuf::from("/chain")),
        genesis: Some(genesis()),
        undo_depth: 3,
        snapshot_every: u64::MAX,
        ..OpenOptions::default()
    }
}

/// A disk with small files.
#[must_use]
pub fn media(disk: &SimDisk) -> Media {
    Media {
        disk: Arc::new(disk.clone()),
        files: StoreOptions {
            segment_bytes: 16 << 10,
            fill_bytes: 0,
            writer_thread: false,
            ..StoreOptions::default()
        },
        index: IndexOptions {
            thread: false,
            ..IndexOptions::default()
        },
    }
}

/// Transactions of every kind, with and without ids.
#[must_use]
pub fn transactions(round: u8) -> Vec<Transaction> {
    let amount = Amount::new(u64::from(round) + 1).expect("it is in range");
    let native = NativeAddress::Opaque(format!("host {round}").into_bytes());
    let txid = |number: u8| Some(TxId([round ^ (number << 5); 32]));
    let (one, other) = (MetaAddress([1; 20]), MetaAddress([round; 20]));
    vec![
        Transaction::Deposit {
            from: native.clone(),
            to: other,
            amount,
            txid: txid(1),
        },
        Transaction::Transfer {
            from: one,
            to: other,
            amount,
            txid: None,
        },
        Transaction::Withdraw {
            from: one,
            to: native.clone(),
            amount,
            txid: txid(2),
        },
        Transaction::Withdraw {
            from: other,
            to: native,
            amount,
            txid: None,
        },
    ]
}

/// Connects blocks and takes some back again.
///
/// # Panics
/// Never, unless the chain is at fault.
pub fn live(chain: &Metachain, blocks: u8) {
    for round in 1..=blocks {
        let tip = chain.tip().expect("it is open").tip;
        let (native_height, native_parent) = tip
            .native
            .map_or((10, NativeHash::ZERO), |(height, hash)| (height + 1, hash));
        let context = Context {
            native_height,
            native_parent,
            time: u64::from(round),
        };
        let given: Vec<_> = transactions(round).into_iter().map(Ok).collect();
        let payload = chain
            .mint(&context, &given)
            .expect("the context is right")
            .payload;
        let candidate = CandidateBlock {
            context,
            payload,
            carried: Carried::Unchecked,
        };
        let hash = NativeHash([round; 32]);
        chain
            .connect(NativeBlock { hash, candidate })
            .expect("it connects");
        if round % 5 == 4 {
            chain.disconnect(hash).expect("it is the tip");
        }
    }
}

/// Changes to bytes, as the fuzzer's input says them: 3 bytes of place and 1 to be mixed in, again and again.
pub fn patch(bytes: &mut [u8], patches: &[u8]) {
    for patch in patches.chunks_exact(4) {
        let place = u32::from_le_bytes([patch[0], patch[1], patch[2], 0]) as usize;
        let at = place % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= patch[3];
        }
    }
}

/// Makes the hashes of a block file right again, from the first frame on as far as frames follow each other.
pub fn sign_segment(file: &mut [u8], previous: &mut [u8; 32]) {
    const HEADER: usize = 4096;
    const FRAME: usize = 256;
    if file.len() < HEADER {
        return;
    }
    let key = blake3::derive_key("libmetachain 2026 store frame v1", &file[16..32]);
    let page = *blake3::hash(&file[..96]).as_bytes();
    file[96..128].copy_from_slice(&page);
    let number = |frame: &[u8], at: usize| {
        u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]) as usize
    };
    let mut at = HEADER;
    while let Some(frame) = file.get_mut(at..).filter(|rest| rest.len() >= FRAME) {
        let (len, body, undo) = (number(frame, 16), number(frame, 20), number(frame, 24));
        let fits = len >= FRAME && len <= frame.len() && body.saturating_add(undo) <= len - FRAME;
        if frame[..2] != [0xf1, b'm'] || !fits {
            return;
        }
        let keyed = |bytes: &[u8]| *blake3::keyed_hash(&key, bytes).as_bytes();
        let body_hash = keyed(&frame[FRAME..FRAME + body]);
        let undo_hash = keyed(&frame[FRAME + body..FRAME + body + undo]);
        frame[96..128].copy_from_slice(&previous[..]);
        frame[128..160].copy_from_slice(&body_hash);
        frame[160..192].copy_from_slice(&undo_hash);
        *previous = keyed(&frame[..224]);
        frame[224..256].copy_from_slice(&previous[..]);
        at += len;
    }
}

/// Makes the hashes of a store's snapshot right again, all but the name of the log's frame.
pub fn sign_snapshot(file: &mut [u8]) {
    const HEADER: usize = 4096;
    if file.len() < HEADER {
        return;
    }
    let mut all = blake3::Hasher::new_derive_key("libmetachain 2026 snapshot chunks v1");
    let mut at = HEADER;
    while let Some(chunk) = file.get_mut(at..).filter(|rest| rest.len() >= 64) {
        let len = u32::from_le_bytes([chunk[12], chunk[13], chunk[14], chunk[15]]) as usize;
        let Some(end) = len
            .checked_next_multiple_of(64)
            .filter(|end| *end <= chunk.len() - 64)
        else {
            break;
        };
        let mut hasher = blake3::Hasher::new_derive_key("libmetachain 2026 snapshot chunk v1");
        hasher.update(&chunk[8..12]).update(&chunk[64..64 + len]);
        let hash = *hasher.finalize().as_bytes();
        chunk[32..64].copy_from_slice(&hash);
        all.update(&hash);
        at += 64 + end;
    }
    file[168..200].copy_from_slice(all.finalize().as_bytes());
    let hash = blake3::derive_key("libmetachain 2026 snapshot header v1", &file[..224]);
    file[224..256].copy_from_slice(&hash);
}
