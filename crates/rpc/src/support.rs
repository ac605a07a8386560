//! What generated code stands on: the description of a method, its registration, and the caller.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jsonrpsee_core::RegisterMethodError;
use jsonrpsee_core::server::RpcModule;
use jsonrpsee_types::ErrorObjectOwned;
use libmetachain_primitives::{Code, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::object::noting_unknown;
use crate::refusal::{Refusal, error_object};

/// Why a served method failed.
pub type ServerError = Error;
/// Why a call failed.
pub type ClientError = crate::CallError;

/// A method of the service, as the specification describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its JSON-RPC name.
    pub name: &'static str,
    /// Whether the server has it.
    pub server: bool,
    /// Whether it belongs to the native node; others are open to readers.
    pub control: bool,
    /// Whether calling it twice is as good as once.
    pub idempotent: bool,
    /// Whether its request may be as large as a block.
    pub large: bool,
}

/// Something that carries calls to a server.
pub trait Caller {
    /// Calls a method and waits for its answer.
    ///
    /// # Errors
    /// The server's error with its code, or one of the `RPC_*` codes.
    fn call<I: Serialize, O: DeserializeOwned + Send + 'static>(
        &self,
        method: &'static Method,
        input: &I,
    ) -> Result<O, ClientError>;
}

/// Adds a method to a module. Calls run on the runtime's threads for blocking work, since the chain's
/// operations wait for the disk; a panic in one is answered with `INTERNAL_PANIC`.
///
/// # Errors
/// If the module has a method of this name.
pub fn register<S, I, O>(
    module: &mut RpcModule<S>,
    method: &'static Method,
    call: fn(&S, I) -> Result<O, ServerError>,
) -> Result<(), RegisterMethodError>
where
    S: Send + Sync + 'static,
    I: DeserializeOwned + 'static,
    O: Serialize + Clone + 'static,
{
    module.register_blocking_method(method.name, move |params, server: Arc<S>, _| {
        let input = read::<I>(params.as_str()).map_err(|refusal| refusal.object())?;
        catch_unwind(AssertUnwindSafe(|| call(&server, input)))
            .unwrap_or_else(|_| {
                Err(Error::new(
                    Code::InternalPanic,
                    format!("a defect of this library: {} panicked", method.name),
                ))
            })
            .map_err(|error| -> ErrorObjectOwned { error_object(&error) })
    })?;
    Ok(())
}

/// Reads the parameters of a call: the message as an object, or a list with this object alone. A field
/// that the message does not have is refused: it may have been meant to change what happens.
fn read<I: DeserializeOwned>(params: Option<&str>) -> Result<I, Refusal> {
    let text = params.unwrap_or("{}").trim();
    let text = match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inside) if inside.trim().is_empty() => "{}",
        Some(_) => return read_as::<Only<I>>(text).map(|only| only.0),
        None => text,
    };
    if !text.starts_with('{') {
        return Err(Refusal::params(
            "params must be an object, or a list of one object",
        ));
    }
    read_as(text)
}

fn read_as<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_str(text);
    // Only what is refused is read a second time, to find out where it is wrong.
    match noting_unknown(|| T::deserialize(&mut reader)) {
        (Ok(value), false) => Ok(value),
        (Ok(_), true) => Err(Refusal::params(format!(
            "{}: there is no such field",
            unknown_field::<T>(text)
        ))),
        (Err(_), _) => Err(
            match serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(
                text,
            )) {
                Err(error) => Refusal::params(format!("{}: {}", error.path(), error.inner())),
                Ok(_) => Refusal::params("the parameters cannot be read"),
            },
        ),
    }
}

/// Where a text has its first member that the message does not have.
fn unknown_field<T: DeserializeOwned>(text: &str) -> String {
    let mut first = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    // Read without an error before.
    let _: Result<T, _> = serde_ignored::deserialize(&mut reader, |path| {
        first.get_or_insert_with(|| place(&path));
    });
    first.unwrap_or_default()
}

/// A path as `txs[0].memo`.
fn place(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", place(parent)),
        Path::Map { parent, key } => match place(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => place(parent),
    }
}

/// A list of exactly one.
struct Only<T>(T);

impl<'de, T: DeserializeOwned> serde::Deserialize<'de> for Only<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(core::marker::PhantomData<T>);

        impl<'de, T: DeserializeOwned> serde::de::Visitor<'de> for Reader<T> {
            type Value = Only<T>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a list of one object")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<Self::Value, A::Error> {
                use serde::de::Error as _;
                let first = list.next_element()?;
                let only = first.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                if list.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    return Err(A::Error::invalid_length(2, &self));
                }
                Ok(Only(only))
            }
        }

        deserializer.deserialize_seq(Reader(core::marker::PhantomData))
    }
}
