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
            Some(event) if event.hash.to_string() == hash => Ok(Position(sequence)),
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
        Ok(Position(self.store.durable_sequence()))
    }

    /// Events behind a position, at most `max`, and the position behind the last of them.
    pub(crate) fn events(&self, after: Position, max: usize) -> Result<(Vec<Event>, Position)> {
        self.usable()?;
        let mut events = Vec::new();
        let mut at = after;
        while events.len() < max && at.0 < self.store.durable_sequence() {
            events.extend(self.event(at.0 + 1)?);
            at = Position(at.0 + 1);
        }
        Ok((events, at))
    }

    /// The event of a record; `None` if it has none, or there is no such record.
    fn event(&self, sequence: u64) -> Result<Option<Event>> {
        let Some(entry) = self.happened(sequence)? else {
            return Ok(None);
        };
        let (kind, body) = match entry.happened {
            Happened::Connected => (EventKind::Connected, sequence),
            Happened::Disconnected(body) => (EventKind::Disconnected, body),
            Happened::Other => return Ok(None),
        };
        let Some(place) = self.happened(body)?.map(|entry| entry.place) else {
            return Ok(None);
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
            return Err(Error::new(
                Code::CursorPruned,
                format!("the body of block {height}, which was disconnected, is no longer kept"),
            )
            .with("height", height)
            .with("sequence", sequence));
        }
        let block = self.decode(height, &payload)?;
        let hash = block.header.hash();
        let store = self.store_name();
        Ok(Some(Event {
            cursor: format!("{CURSOR_VERSION}-{store}-{sequence:x}-{hash}"),
            kind,
            block,
            hash,
            native,
        }))
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
