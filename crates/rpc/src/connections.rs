//! Who is connected, and who must go when a new caller comes and the places are taken.
//!
//! A connection is a stranger until it shows a valid token. Strangers can hold places only until
//! somebody needs them, the oldest first, so that whoever opens sockets and says nothing stops nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// By age, the oldest first.
    strangers: BTreeMap<u64, Arc<Notify>>,
    trusted: usize,
    /// No stranger stays, and none is admitted.
    closing: bool,
}

/// A connection's place. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    number: u64,
    trusted: Mutex<bool>,
    go: Arc<Notify>,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Connections {
            most,
            table: Mutex::default(),
        })
    }

    /// A place for a new connection; the oldest stranger's, if all are taken. `None` if all are taken
    /// by connections that have shown a token.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut table = self.table.lock();
        if table.closing {
            return None;
        }
        if table.strangers.len() + table.trusted >= self.most {
            let (_, oldest) = table.strangers.pop_first()?;
            oldest.notify_one();
        }
        let number = table.next;
        table.next += 1;
        let go = Arc::new(Notify::new());
        table.strangers.insert(number, Arc::clone(&go));
        Some(Place {
            connections: Arc::clone(self),
            number,
            trusted: Mutex::new(false),
            go,
        })
    }

    /// Sends all strangers away and admits nobody any more.
    pub(crate) fn close(&self) {
        let mut table = self.table.lock();
        table.closing = true;
        while let Some((_, stranger)) = table.strangers.pop_first() {
            stranger.notify_one();
        }
    }
}

impl Place {
    /// The connection has shown a valid token. Does nothing for one that has been sent away.
    pub(crate) fn trust(&self) {
        let mut trusted = self.trusted.lock();
        let mut table = self.connections.table.lock();
        if !*trusted && table.strangers.remove(&self.number).is_some() {
            table.trusted += 1;
            *trusted = true;
        }
    }

    /// Returns when the connection must go at once.
    pub(crate) async fn sent_away(&self) {
        self.go.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.table.lock();
        if *self.trusted.get_mut() {
            table.trusted -= 1;
        } else {
            table.strangers.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn must_go(place: &Place) -> bool {
        pin!(place.sent_away()).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn the_oldest_stranger_makes_room_and_callers_with_a_token_stay() {
        let connections = Connections::new(3);
        let first = connections.admit().expect("room");
        let second = connections.admit().expect("room");
        let third = connections.admit().expect("room");
        second.trust();
        let fourth = connections.admit().expect("the first makes room");
        assert!(must_go(&first) && !must_go(&second) && !must_go(&third) && !must_go(&fourth));
        first.trust();
        let fifth = connections.admit().expect("the third makes room");
        assert!(must_go(&third) && !must_go(&second) && !must_go(&fourth));
        fourth.trust();
        fifth.trust();
        assert!(
            connections.admit().is_none(),
            "all three have shown a token"
        );
        drop(second);
        assert!(connections.admit().is_some(), "a place was given back");
    }

    #[test]
    fn closing_sends_strangers_away_and_admits_nobody() {
        let connections = Connections::new(3);
        let stranger = connections.admit().expect("room");
        let trusted = connections.admit().expect("room");
        trusted.trust();
        connections.close();
        assert!(must_go(&stranger) && !must_go(&trusted));
        assert!(connections.admit().is_none());
    }
}
