//! The one error type of the chain crates: a stable code, a message for people, details for programs.

use core::any::Any;
use core::fmt;

/// Declares the codes once: variant, text, and the group that decides `verdict` and `retryable`.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $group:ident;)*) => {
        /// Why something was refused or failed.
        ///
        /// The text of a code is stable: it is extended, never reused, and is the same in Rust,
        /// TypeScript (`error.code`), C++ and JSON-RPC (`data.code`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable text, for example `INVALID_STATE_ROOT`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $text,)*
                }
            }

            const fn group(self) -> Group {
                match self {
                    $(Code::$variant => Group::$group,)*
                }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// The block is bad, whoever looks at it and whenever.
    Verdict,
    /// Why one transaction was left out of a minted block.
    Receipt,
    /// Called wrongly, or at the wrong time.
    Use,
    /// As `Use`, but the same call may succeed later.
    UseRetryable,
    /// The stored data or its surroundings are not usable as they are.
    Store,
    /// A failure of this process or machine that may pass.
    Internal,
    /// A failure of this process that ends the use of the handle.
    Fatal,
}

codes! {
    /// The payload is not a canonical archive of a block.
    InvalidEncoding = "INVALID_ENCODING", Verdict;
    /// The payload is of a format version that this chain does not use.
    InvalidVersion = "INVALID_VERSION", Verdict;
    /// The payload has more bytes or more transactions than genesis allows.
    InvalidSize = "INVALID_SIZE", Verdict;
    /// The block belongs to a chain with another genesis.
    InvalidGenesis = "INVALID_GENESIS", Verdict;
    /// The block names another metachain or native parent than the one it has.
    InvalidParent = "INVALID_PARENT", Verdict;
    /// The block's metachain or native height is not the one that follows.
    InvalidHeight = "INVALID_HEIGHT", Verdict;
    /// The block's time is not the later of its native block's and its parent's.
    InvalidTime = "INVALID_TIME", Verdict;
    /// The payload does not contain exactly the transactions that the native block carries.
    InvalidTransactions = "INVALID_TRANSACTIONS", Verdict;
    /// The header's transaction root or count is not that of the block's transactions.
    InvalidTxRoot = "INVALID_TX_ROOT", Verdict;
    /// The header's withdrawals root is not that of the block's withdrawals.
    InvalidWithdrawalsRoot = "INVALID_WITHDRAWALS_ROOT", Verdict;
    /// The header's state root is not what executing the block gives.
    InvalidStateRoot = "INVALID_STATE_ROOT", Verdict;
    /// The header's supply is not what executing the block gives.
    InvalidSupply = "INVALID_SUPPLY", Verdict;
    /// The block contains a transaction that cannot be executed.
    InvalidTransaction = "INVALID_TRANSACTION", Verdict;

    /// The native parent is not the native block that carried our tip: called out of order.
    UnknownParent = "UNKNOWN_PARENT", UseRetryable;
    /// The native block is already connected with another payload.
    Conflict = "CONFLICT", Use;
    /// Only the tip can be disconnected, and the named block is not it.
    NotTip = "NOT_TIP", Use;
    /// The block was finalised and can no longer be disconnected.
    Finalized = "FINALIZED", Use;
    /// Undo of the block is no longer kept.
    UndoTooDeep = "UNDO_TOO_DEEP", Use;
    /// An argument has the wrong type, length or value.
    BadArgument = "BAD_ARGUMENT", Use;
    /// The handle was closed.
    Closed = "CLOSED", Use;
    /// The caller's abort signal ended the operation.
    Aborted = "ABORTED", Use;
    /// The event cursor was not issued by this store, or names a block it never had.
    CursorUnknown = "CURSOR_UNKNOWN", Use;
    /// The events behind the cursor are no longer kept.
    CursorPruned = "CURSOR_PRUNED", Use;
    /// The proof does not prove what it is said to prove.
    InvalidProof = "INVALID_PROOF", Use;

    /// The store was created with another genesis.
    GenesisMismatch = "GENESIS_MISMATCH", Store;
    /// Another process has the store open.
    StoreLocked = "STORE_LOCKED", UseRetryable;
    /// The store is of a format version that this build does not read.
    StoreVersion = "STORE_VERSION", Store;
    /// A stored record or snapshot is not what was written.
    StoreCorrupt = "STORE_CORRUPT", Store;
    /// No space is left for the next record; nothing was written.
    StoreFull = "STORE_FULL", Internal;
    /// The snapshot is damaged, or is not one of this chain.
    SnapshotInvalid = "SNAPSHOT_INVALID", Store;
    /// The native chain's lock balance is not the metachain's supply.
    LockedMismatch = "LOCKED_MISMATCH", Store;

    /// The operating system failed a read, write or sync.
    InternalIo = "INTERNAL_IO", Internal;
    /// A defect of this library: a panic was caught at the edge.
    InternalPanic = "INTERNAL_PANIC", Fatal;

    /// An address is not one of the configured network, or its checksum is wrong.
    InvalidAddress = "INVALID_ADDRESS", Receipt;
    /// Both addresses are native: nothing here happens on the metachain.
    InvalidKind = "INVALID_KIND", Receipt;
    /// The amount is not within 1..=2^63-1 base units.
    InvalidAmount = "INVALID_AMOUNT", Receipt;
    /// The paying account holds less than the amount.
    InsufficientBalance = "INSUFFICIENT_BALANCE", Receipt;
    /// The deposit would take the supply beyond 2^63-1 base units.
    SupplyOverflow = "SUPPLY_OVERFLOW", Receipt;
    /// The native transaction id was already used within the replay window.
    DuplicateTxid = "DUPLICATE_TXID", Receipt;
    /// The block has no room for this transaction.
    BlockFull = "BLOCK_FULL", Receipt;

    /// The request bears no valid token.
    RpcUnauthorized = "RPC_UNAUTHORIZED", Use;
    /// The request or response exceeds a limit of size, depth or count.
    RpcTooLarge = "RPC_TOO_LARGE", Use;
    /// No answer came within the time allowed.
    RpcTimeout = "RPC_TIMEOUT", Internal;
    /// The server cannot be reached.
    RpcUnavailable = "RPC_UNAVAILABLE", Internal;
    /// The other side does not speak this protocol, or speaks another version of it.
    RpcProtocol = "RPC_PROTOCOL", Use;
}

impl Code {
    /// Whether the code is a verdict on a block: the data is bad, and stays bad.
    #[must_use]
    pub const fn is_verdict(self) -> bool {
        matches!(self.group(), Group::Verdict)
    }

    /// Whether the same call may succeed later without any change to its arguments.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self.group(), Group::Internal | Group::UseRetryable)
    }

    /// Whether the code says why one transaction was left out of a block.
    #[must_use]
    pub const fn is_receipt(self) -> bool {
        matches!(self.group(), Group::Receipt)
    }

    /// The code with this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One fact about an error that a program may want to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A height, index, offset, count or amount.
    Number(u64),
    /// A name, path or code.
    Text(String),
    /// A hash or other raw bytes.
    Bytes(Vec<u8>),
}

impl From<u64> for Detail {
    fn from(value: u64) -> Self {
        Detail::Number(value)
    }
}

impl From<u32> for Detail {
    fn from(value: u32) -> Self {
        Detail::Number(u64::from(value))
    }
}

impl From<&str> for Detail {
    fn from(value: &str) -> Self {
        Detail::Text(value.to_owned())
    }
}

impl From<String> for Detail {
    fn from(value: String) -> Self {
        Detail::Text(value)
    }
}

impl From<&[u8]> for Detail {
    fn from(value: &[u8]) -> Self {
        Detail::Bytes(value.to_vec())
    }
}

/// What every fallible operation of the chain crates returns on failure.
///
/// Small to pass around: the body is boxed, because errors are rare and results are not.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Body>);

#[derive(Clone, PartialEq, Eq)]
struct Body {
    code: Code,
    message: String,
    details: Vec<(&'static str, Detail)>,
    fatal: bool,
}

impl Error {
    /// An error with a code and a message that names what it is about.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Body {
            code,
            message: message.into(),
            details: Vec::new(),
            fatal: false,
        }))
    }

    /// `INTERNAL_PANIC` with the message of a panic that was caught, as `catch_unwind` gives it.
    #[must_use]
    pub fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let message = format!("a defect of this library: {text}");
        Error::new(Code::InternalPanic, message)
    }

    /// Adds a detail; names are in camel case, as TypeScript users will read them.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Detail>) -> Self {
        self.0.details.push((name, value.into()));
        self
    }

    /// Gives a detail another name, where somebody who adds one needs the name.
    #[must_use]
    pub fn renamed(mut self, name: &'static str, to: &'static str) -> Self {
        let details = self.0.details.iter_mut();
        details
            .filter(|(own, _)| *own == name)
            .for_each(|detail| detail.0 = to);
        self
    }

    /// Marks the failure as one after which the handle must be reopened, whatever its code says of others.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.0.fatal = true;
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message for people, without the code.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details, in the order they were added.
    #[must_use]
    pub fn details(&self) -> &[(&'static str, Detail)] {
        &self.0.details
    }

    /// The first detail of this name.
    #[must_use]
    pub fn detail(&self, name: &str) -> Option<&Detail> {
        self.0
            .details
            .iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// Whether the data is bad. A host bans a peer for a verdict and for nothing else.
    #[must_use]
    pub fn is_verdict(&self) -> bool {
        self.0.code.is_verdict()
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable() && !self.0.fatal
    }

    /// Whether the handle must be reopened.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.0.fatal || matches!(self.0.code.group(), Group::Fatal)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if !self.0.details.is_empty() {
            write!(f, " {:?}", self.0.details)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_parse_back() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(
                Code::ALL[..at]
                    .iter()
                    .all(|other| other.as_str() != code.as_str())
            );
        }
        assert_eq!(Code::parse("NOT_A_CODE"), None);
    }

    #[test]
    fn a_verdict_is_never_retryable() {
        for code in Code::ALL {
            assert!(!(code.is_verdict() && code.is_retryable()), "{code}");
            assert_eq!(
                code.is_verdict(),
                code.as_str().starts_with("INVALID_")
                    && !code.is_receipt()
                    && *code != Code::InvalidProof,
                "{code}"
            );
        }
    }

    #[test]
    fn fatal_ends_retrying() {
        let error = Error::new(Code::InternalIo, "sync failed");
        assert!(error.is_retryable());
        assert!(!error.clone().fatal().is_retryable());
        assert!(error.fatal().is_fatal());
    }
}
