//! Events: what connected and disconnected, in order, from a cursor.
//!
//! They are the log read back, and only what is on disk of it: an indexer that restarts with its last
//! cursor misses nothing, sees what was undone, and never sees what a crash may take back.

use std::sync::Arc;

use libmetachain_ledger::store::Record;
use libmetachain_primitives::{Block, BlockHash, Code, Error, NativeHash, Result};

use crate::chain::Chain;
use crate::index::Entry;
use crate::journal::Happened;

const CURSOR_VERSION: &str = "1";

/// What happened to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It became the tip.
    Connected,
    /// It was the tip and was taken back.
    Disconnected,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where the next call goes on: `version-store-sequence-hash`, in hexadecimal but for the
    /// version. Opaque to users.
    pub cursor: String,
    /// What happened.
    pub kind: EventKind,
    /// The block that it happened to.
    pub block: Block,
    /// The block's hash.
    pub hash: BlockHash,
    /// The native block that carried it.
    pub native: NativeHash,
}

/// Where in the log a reader stands: behind the record with this sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(u64);

impl Position {
    /// Before the first event.
    pub const START: Position = Position(0);
}

/// What a record is to an indexer.
enum Found {
    Event(Box<Event>),
    /// The event of a block that was disconnected and whose body, in the record of this sequence, is
    /// no longer kept.
    Pruned(u64),
    /// Nothing, or there is no such record.
    Nothing,
}

fn pruned() -> Error {
    Error::new(
        Code::CursorPruned,
        "the cursor stands among blocks that were disconnected and are no longer kept",
    )
}

impl Chain {
    /// The position behind the event with this cursor.
    pub(crate) fn position(&self, cursor: &str) -> Result<Position> {
        self.usable()?;
        let unknown = || {
            Error::new(
                Code::CursorUnknown,
                "the cursor was not issued by this store, or names a block that it no longer has",
            )
        };
        let (sequence, hash) = self.parse_cursor(cursor).ok_or_else(unknown)?;
        match self.event(sequence)? {
            Found::Event(event) if event.hash.to_string() == hash => Ok(Position(sequence)),
            Found::Pruned(_) => Err(pruned()),
            _ => Err(unknown()),
        }
    }

    fn parse_cursor<'a>(&self, cursor: &'a str) -> Option<(u64, &'a str)> {
        let mut parts = cursor.split('-');
        let (version, store) = (parts.next()?, parts.next()?);
        let sequence = u64::from_str_radix(parts.next()?, 16).ok()?;
        let hash = parts.next()?;
        (version == CURSOR_VERSION && store == self.store_name() && parts.next().is_none())
            .then_some((sequence, hash))
    }

    fn store_name(&self) -> String {
        self.store_id
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The position behind everything that is on disk now.
    pub(crate) fn newest(&self) -> Result<Position> {
        self.usable()?;
        Ok(Position(self.happened_durably()))
    }

    /// The last record that is on disk and in the journal: the log may have one that whoever moves the tip has yet to
    /// enter there.
    fn happened_durably(&self) -> u64 {
        let entered = self.core.read().journal.len();
        self.store.durable_sequence().min(entered.saturating_sub(1))
    }

    /// Events behind a position, at most `max`, and the position behind the last of them.
    pub(crate) fn events(&self, after: Position, max: usize) -> Result<(Vec<Event>, Position)> {
        self.usable()?;
        let mut events = Vec::new();
        let mut at = after;
        while events.len() < max && at.0 < self.happened_durably() {
            match self.event(at.0 + 1)? {
                Found::Event(event) => events.push(*event),
                // Who had seen the block connect would take it for one of the chain.
                Found::Pruned(block) if block <= after.0 => return Err(pruned()),
                // It came and went: the chain is the same without either.
                Found::Pruned(_) | Found::Nothing => {}
            }
            at = Position(at.0 + 1);
        }
        Ok((events, at))
    }

    /// The event of a record.
    fn event(&self, sequence: u64) -> Result<Found> {
        let Some(entry) = self.happened(sequence)? else {
            return Ok(Found::Nothing);
        };
        let (kind, body) = match entry.happened {
            Happened::Connected => (EventKind::Connected, sequence),
            Happened::Disconnected(body) => (EventKind::Disconnected, body),
            Happened::Other => return Ok(Found::Nothing),
        };
        let Some(place) = self.happened(body)?.map(|entry| entry.place) else {
            return Ok(Found::Nothing);
        };
        let record = self.record(&Entry {
            hash: BlockHash::ZERO,
            native: NativeHash::ZERO,
            sequence: body,
            place,
        })?;
        let Record::Connect {
            height,
            native,
            payload,
            ..
        } = record
        else {
            return Err(Error::new(
                Code::StoreCorrupt,
                format!("record {body} of the log is not the block that it was"),
            )
            .with("sequence", body));
        };
        if payload.is_empty() {
            return Ok(Found::Pruned(body));
        }
        let block = self.decode(height, &payload)?;
        let hash = block.header.hash();
        let store = self.store_name();
        Ok(Found::Event(Box::new(Event {
            cursor: format!("{CURSOR_VERSION}-{store}-{sequence:x}-{hash}"),
            kind,
            block,
            hash,
            native,
        })))
    }

    /// Tells those who wait for events once a record is on disk.
    pub(crate) fn announce(self: &Arc<Self>, sequence: u64) {
        if self.watchers.is_empty() {
            return;
        }
        let chain = Arc::downgrade(self);
        self.store.when_durable(
            sequence,
            Box::new(move |durable| {
                if let (Ok(()), Some(chain)) = (durable, chain.upgrade()) {
                    chain.watchers.tell(&());
                }
            }),
        );
    }
}
