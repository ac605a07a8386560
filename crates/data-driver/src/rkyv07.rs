//! The helpers for rkyv 0.7 with 32-bit offsets: the wire of Dusk's contracts.
//!
//! Each gives, byte for byte and word for word, what the published helper of the same name gives;
//! the agreement is tested on random values and on random garbage.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use rkyv07::ser::serializers::AllocSerializer;
use rkyv07::validation::validators::DefaultValidator;
use rkyv07::{
    AlignedVec, Archive, CheckBytes, Deserialize, Infallible, Serialize, check_archived_root,
};

use crate::json::unquoted;
use crate::{Error, JsonValue, from_json, to_json};

/// The alignment that an archive may need, which is that of `u128`.
const ALIGNMENT: usize = 16;

/// The archive of the value that a JSON text describes.
///
/// # Errors
/// [`Error::Json`] where the text describes no such value, [`Error::Rkyv`] where the value cannot
/// be archived.
pub fn json_to_rkyv<'a, T>(json: &'a str) -> Result<Vec<u8>, Error>
where
    T: serde::Deserialize<'a> + Archive + Serialize<AllocSerializer<1024>>,
{
    to_rkyv(&from_json::<T>(json)?)
}

/// The archive of a value: what [`from_rkyv`] reads.
///
/// # Errors
/// [`Error::Rkyv`] where the value cannot be archived.
pub fn to_rkyv<T>(value: &T) -> Result<Vec<u8>, Error>
where
    T: Archive + Serialize<AllocSerializer<1024>>,
{
    rkyv07::to_bytes::<T, 1024>(value)
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
    for<'a> T::Archived: CheckBytes<DefaultValidator<'a>> + Deserialize<T, Infallible>,
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
    for<'a> T::Archived: CheckBytes<DefaultValidator<'a>> + Deserialize<T, Infallible>,
{
    // Callers hand over bytes from anywhere; rkyv reads them in place and refuses a start that is
    // less aligned than the type.
    if !rkyv.as_ptr().addr().is_multiple_of(ALIGNMENT) {
        let mut aligned = AlignedVec::with_capacity(rkyv.len());
        aligned.extend_from_slice(rkyv);
        return read::<T>(&aligned);
    }
    read::<T>(rkyv)
}

fn read<T>(rkyv: &[u8]) -> Result<T, Error>
where
    T: Archive,
    for<'a> T::Archived: CheckBytes<DefaultValidator<'a>> + Deserialize<T, Infallible>,
{
    let archived = check_archived_root::<T>(rkyv)
        .map_err(|why| Error::Rkyv(format!("cannot check_archived_root: {why}")))?;
    archived
        .deserialize(&mut Infallible)
        .map_err(|never| match never {})
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
