//! Reads the specification of the wire and writes the bindings' types, while they are built.
//!
//! ```no_run
//! # fn main() -> Result<(), libmetachain_spec_codegen::SpecError> {
//! use libmetachain_spec_codegen::{Spec, rust};
//!
//! let spec = Spec::open("spec/metachain.proto".as_ref())?;
//! let source = rust::types(&spec, "crate::encoding");
//! # Ok(()) }
//! ```
//!
//! Used by build scripts only: nothing of it is linked into what is shipped. The specification is a
//! protobuf file; what protobuf cannot say stands in tags within its comments (see [`Tags`]). What the
//! bindings cannot all express is refused here, with the name of what asks for it, rather than
//! generated for some of them.

pub mod cxx;
mod error;
mod model;
mod names;
mod read;
pub mod rust;
pub mod service;
mod tags;
pub mod typescript;

pub use error::SpecError;
pub use model::{Enum, Field, Kind, Message, Method, Service, Shape, Spec, Variant};
pub use tags::Tags;
