//! What a call means whose caller leaves something out: the same at every edge that speaks the specification.

use libmetachain_engine::{Context, Event, Metachain, Minted, Tip};
use libmetachain_primitives::{NativeHash, Receipt, Result, Transaction};

/// The native height of the first block where neither genesis nor the caller names one.
const FIRST_NATIVE_HEIGHT: u64 = 1;
/// Events in an answer where the caller does not say how many, and where it wants more than are given.
const EVENTS_DEFAULT: u32 = 100;
const EVENTS_MAX: u32 = 1_000;
/// Events read at one time: whole blocks, which may be large.
const EVENTS_READ: usize = 16;
/// Once the events of an answer hold so many transactions, no further one is added: an answer has a size.
const EVENT_TRANSACTIONS_MAX: usize = 10_000;

/// The context of a mint whose caller gives none: the next native height, on the native block that
/// carried the tip, at the tip's time. Before the first block: the native height that genesis names, or 1.
///
/// # Errors
/// As [`Metachain::tip`].
pub fn next_context(chain: &Metachain) -> Result<Context> {
    let tip = chain.tip()?.tip;
    Ok(context_on(chain, &tip))
}

fn context_on(chain: &Metachain, tip: &Tip) -> Context {
    match tip.native {
        Some((height, hash)) => Context {
            native_height: height.saturating_add(1),
            native_parent: hash,
            time: tip.time,
        },
        None => Context {
            native_height: chain.genesis().native_start.unwrap_or(FIRST_NATIVE_HEIGHT),
            native_parent: NativeHash::ZERO,
            time: tip.time,
        },
    }
}

/// Mints on the tip for a caller that gives no context; see [`next_context`]. The tip does not move
/// between the question where it is and the mint.
///
/// # Errors
/// As [`Metachain::mint`] for a reason that is not the context.
pub fn mint_next(
    chain: &Metachain,
    transactions: &[Result<Transaction, Receipt>],
) -> Result<Minted> {
    chain.mint_on_tip(|tip| context_on(chain, tip), transactions)
}

/// Events behind a cursor, at most `max` (0 is 100; never more than 1,000, and fewer of large blocks).
///
/// # Errors
/// `CURSOR_UNKNOWN`, `CURSOR_PRUNED`.
pub fn events_after(chain: &Metachain, cursor: Option<&str>, max: u32) -> Result<Vec<Event>> {
    let max = match max {
        0 => EVENTS_DEFAULT,
        given => given.min(EVENTS_MAX),
    } as usize;
    let mut at = chain.events_from(cursor)?;
    let mut events = Vec::new();
    let mut transactions = 0usize;
    while events.len() < max && transactions < EVENT_TRANSACTIONS_MAX {
        let (next, after) = chain.events(at, EVENTS_READ.min(max - events.len()))?;
        if next.is_empty() {
            break;
        }
        for event in next {
            if transactions >= EVENT_TRANSACTIONS_MAX {
                break;
            }
            transactions = transactions.saturating_add(event.block.transactions.len());
            events.push(event);
        }
        at = after;
    }
    Ok(events)
}
