//! The helpers for rkyv 0.8 (little-endian, 32-bit offsets, unaligned): the metachain's own wire.
//!
//! Named and behaving as those of `rkyv07`, on the archives of a newer rkyv.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use rkyv08::api::high::{HighDeserializer, HighSerializer, HighValidator};
use rkyv08::bytecheck::CheckBytes;
use rkyv08::rancor::BoxedError;
use rkyv08::ser::allocator::ArenaHandle;
use rkyv08::util::AlignedVec;
use rkyv08::{Archive, Deserialize, Serialize};

use crate::json::unquoted;
use crate::{Error, JsonValue, from_json, to_json};

/// What archives a value of a helper.
pub type Serializer<'a> = HighSerializer<AlignedVec, ArenaHandle<'a>, BoxedError>;

/// What checks an archive of a helper.
pub type Validator<'a> = HighValidator<'a, BoxedError>;

/// What reads a checked archive of a helper.
pub type Deserializer = HighDeserializer<BoxedError>;

/// The archive of the value that a JSON text describes.
///
/// # Errors
/// [`Error::Json`] where the text describes no such value, [`Error::Rkyv`] where the value cannot
/// be archived.
pub fn json_to_rkyv<'a, T>(json: &'a str) -> Result<Vec<u8>, Error>
where
    T: serde::Deserialize<'a> + for<'b> Serialize<Serializer<'b>>,
{
    to_rkyv(&from_json::<T>(json)?)
}

/// The archive of a value: what [`from_rkyv`] reads.
///
/// # Errors
/// [`Error::Rkyv`] where the value cannot be archived.
pub fn to_rkyv<T>(value: &T) -> Result<Vec<u8>, Error>
where
    T: for<'a> Serialize<Serializer<'a>>,
{
    rkyv08::to_bytes::<BoxedError>(value)
        .map(AlignedVec::into_vec)
        .map_err(|why| Error::Rkyv(format!("cannot serialize: {why}")))
}

/// The JSON form of an archived value.
///
/// # Errors
/// [`Error::Rkyv`] where the bytes are no archive of it, [`Error::Json`] where it has no JSON form.
pub fn rkyv_to_json<T>(rkyv: &[u8]) -> Result<JsonValue, Error>
where
    T: serde::Serialize + Archive,
    T::Archived: for<'a> CheckBytes<Validator<'a>> + Deserialize<T, Deserializer>,
{
    let value: T = from_rkyv(rkyv)?;
    Ok(to_json(value)?)
}

/// An archived value. The whole archive is checked before anything is read.
///
/// # Errors
/// [`Error::Rkyv`] where the bytes are no archive of it.
pub fn from_rkyv<T>(rkyv: &[u8]) -> Result<T, Error>
where
    T: Archive,
    T::Archived: for<'a> CheckBytes<Validator<'a>> + Deserialize<T, Deserializer>,
{
    let archived = rkyv08::access::<T::Archived, BoxedError>(rkyv)
        .map_err(|why| Error::Rkyv(format!("cannot check_archived_root: {why}")))?;
    rkyv08::deserialize::<T, BoxedError>(archived)
        .map_err(|why| Error::Rkyv(format!("cannot deserialize: {why}")))
}

/// The archive of a `u64` that is written as a JSON string or as a number.
///
/// # Errors
/// [`Error::Json`] where the text is neither.
pub fn json_to_rkyv_u64(json: &str) -> Result<Vec<u8>, Error> {
    json_to_rkyv::<u64>(&unquoted(json))
}

/// An archived `u64` as a JSON string, which keeps every digit in JavaScript.
///
/// # Errors
/// [`Error::Rkyv`] where the bytes are no archive of it.
pub fn rkyv_to_json_u64(rkyv: &[u8]) -> Result<JsonValue, Error> {
    from_rkyv::<u64>(rkyv).map(|value| JsonValue::String(value.to_string()))
}

/// The archive of two `u64`, written as a JSON array of strings or of numbers.
///
/// # Errors
/// [`Error::Json`] where the text is no such array.
pub fn json_to_rkyv_pair_u64(json: &str) -> Result<Vec<u8>, Error> {
    json_to_rkyv::<(u64, u64)>(&unquoted(json))
}

/// Two archived `u64` as a JSON array of strings.
///
/// # Errors
/// [`Error::Rkyv`] where the bytes are no archive of them.
pub fn rkyv_to_json_pair_u64(rkyv: &[u8]) -> Result<JsonValue, Error> {
    let (first, second) = from_rkyv::<(u64, u64)>(rkyv)?;
    Ok(JsonValue::from([first.to_string(), second.to_string()]))
}
