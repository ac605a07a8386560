//! What a driver's author implements: the conversions of one contract.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Error, JsonValue};

/// The conversions of one contract's data between JSON and rkyv.
///
/// Several arguments of a function are one value here: a tuple in Rust, an array in JSON. A
/// function without arguments, or without a result, has the value `()`, which is `null`.
///
/// The data is a stranger's: an implementation answers with an [`Error`] and does not panic. Where
/// it does, the module traps, and its host has to start a new one.
pub trait ConvertibleContract: Send {
    /// The archive of a function's arguments, from their JSON text.
    ///
    /// # Errors
    /// [`Error::Json`] for text that does not describe the arguments, [`Error::Unsupported`] for a
    /// function that the contract does not have.
    fn encode_input_fn(&self, fn_name: &str, json: &str) -> Result<Vec<u8>, Error>;

    /// A function's arguments, from their archive.
    ///
    /// # Errors
    /// [`Error::Rkyv`] for bytes that are no archive of the arguments, [`Error::Unsupported`] for a
    /// function that the contract does not have.
    fn decode_input_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error>;

    /// A function's result, from its archive.
    ///
    /// # Errors
    /// As for [`Self::decode_input_fn`].
    fn decode_output_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error>;

    /// The data of an event, from its archive.
    ///
    /// # Errors
    /// [`Error::Rkyv`] for bytes that are no archive of the event's data, [`Error::Unsupported`]
    /// for an event that the contract does not emit.
    fn decode_event(&self, event_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error>;

    /// The JSON text that describes the contract's functions and events, or an empty text;
    /// [`Schema`](crate::Schema) writes it.
    fn get_schema(&self) -> String;

    /// The version of the driver, which callers also read to learn that the module works: a short
    /// text that is not empty.
    fn get_version(&self) -> &'static str {
        "0.1.0"
    }
}
