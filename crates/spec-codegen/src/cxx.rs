//! The messages and enumerations as shared structs of a cxx bridge, and the client's functions on them.
//!
//! A build script writes a bridge module out of these pieces and its own declarations: shared types
//! must stand in the same text as what uses them. C++ structs have no optional members: optional
//! text and bytes are absent when empty, everything else optional has a `has_` flag before it.

use std::fmt::Write as _;

use crate::model::{Enum, Field, Kind, Message, Method, Shape, Spec};
use crate::names::snake;
use crate::rust::docs;

/// The shared structs and enumerations, for the body of a bridge module.
#[must_use]
pub fn shared_types(spec: &Spec) -> String {
    let mut out = String::new();
    for item in &spec.enums {
        docs(&mut out, "    ", &item.docs);
        let _ = writeln!(out, "    #[derive(Debug)]\n    enum {} {{", item.cxx_name);
        for variant in &item.variants {
            docs(&mut out, "        ", &variant.docs);
            let _ = writeln!(out, "        {} = {},", variant.name, variant.number);
        }
        out.push_str("    }\n\n");
    }
    for message in &spec.messages {
        docs(&mut out, "    ", &message.docs);
        let _ = writeln!(
            out,
            "    #[derive(Clone, Debug)]\n    struct {} {{",
            message.cxx_name
        );
        if message.fields.is_empty() {
            // C++ has no empty struct that both languages agree on.
            out.push_str("        /// Of no meaning.\n        unused: bool,\n");
        }
        for field in &message.fields {
            if flagged(field) {
                let _ = writeln!(
                    out,
                    "        /// Whether `{0}` is given.\n        has_{0}: bool,",
                    field.name
                );
            }
            docs(&mut out, "        ", &field.docs);
            let _ = writeln!(out, "        {}: {},", field.name, field_type(spec, field));
        }
        out.push_str("    }\n\n");
    }
    out
}

/// The declarations of one function for each `[client]` method, for an `extern "Rust"` block of a
/// bridge that also declares the opaque type `client`.
#[must_use]
pub fn client_declarations(spec: &Spec, client: &str) -> String {
    let mut out = String::new();
    for method in clients(spec) {
        docs(&mut out, "        ", &method.docs);
        let (input, output) = ends(spec, method);
        let _ = writeln!(
            out,
            "        #[cxx_name = \"Call{}\"]\n        fn call_{}(client: &{client}, input: {input}) -> Result<{output}>;\n",
            method.name,
            snake(&method.name),
        );
    }
    out
}

/// The functions that [`client_declarations`] declares. Each calls `guard`, a function that takes the
/// call as a closure and turns panics and [`crate::service::traits`]' client errors into the crate's
/// own error; `rpc` is the expression for the client's caller, `ffi` the path of the bridge module and
/// `wire` that of the Rust types.
#[must_use]
pub fn client_functions(
    spec: &Spec,
    client: &str,
    rpc: &str,
    guard: &str,
    paths: &Paths,
) -> String {
    let mut out = String::new();
    for method in clients(spec) {
        let (input, output) = ends(spec, method);
        let (name, ffi, wire) = (snake(&method.name), paths.ffi, paths.wire);
        let _ = writeln!(
            out,
            "fn call_{name}(client: &{client}, input: {ffi}::{input}) -> Result<{ffi}::{output}, {error}> {{\n    \
             {guard}(|| {wire}::{service}Client::{name}({rpc}, &input.into()).map(Into::into))\n}}\n",
            error = paths.error,
            service = spec.service.name,
        );
    }
    out
}

/// Where generated code finds what it names.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    /// The bridge module.
    pub ffi: &'a str,
    /// The module with the Rust types and traits.
    pub wire: &'a str,
    /// The error type of the functions.
    pub error: &'a str,
}

/// Conversions between the bridge's structs and the Rust types, in both directions.
#[must_use]
pub fn conversions(spec: &Spec, paths: &Paths) -> String {
    let mut out = String::new();
    for item in &spec.enums {
        enum_conversions(&mut out, item, paths);
    }
    for message in &spec.messages {
        into_wire(&mut out, message, paths);
        from_wire(&mut out, message, paths);
    }
    out
}

fn enum_conversions(out: &mut String, item: &Enum, paths: &Paths) {
    let (ffi, wire) = (paths.ffi, paths.wire);
    let _ = writeln!(
        out,
        "impl From<{wire}::{name}> for {ffi}::{cxx} {{\n    fn from(value: {wire}::{name}) -> Self {{\n        match value {{",
        name = item.name,
        cxx = item.cxx_name,
    );
    for variant in &item.variants {
        let _ = writeln!(
            out,
            "            {wire}::{}::{v} => Self::{v},",
            item.name,
            v = variant.name
        );
    }
    let _ = writeln!(
        out,
        "        }}\n    }}\n}}\n\nimpl From<{ffi}::{cxx}> for {wire}::{name} {{\n    fn from(value: {ffi}::{cxx}) -> Self {{\n        match value {{",
        name = item.name,
        cxx = item.cxx_name,
    );
    for variant in item.variants.iter().skip(1) {
        let _ = writeln!(
            out,
            "            {ffi}::{}::{v} => Self::{v},",
            item.cxx_name,
            v = variant.name
        );
    }
    // A C++ enumeration can hold any number: what is none of ours is the first.
    out.push_str("            _ => Self::default(),\n        }\n    }\n}\n\n");
}

fn into_wire(out: &mut String, message: &Message, paths: &Paths) {
    let (ffi, wire) = (paths.ffi, paths.wire);
    let unused = if message.fields.is_empty() { "_" } else { "" };
    let _ = writeln!(
        out,
        "impl From<{ffi}::{cxx}> for {wire}::{name} {{\n    fn from({unused}value: {ffi}::{cxx}) -> Self {{\n        Self {{",
        name = message.name,
        cxx = message.cxx_name,
    );
    for field in &message.fields {
        let name = &field.name;
        let value = match (&field.shape, converted(&field.kind)) {
            (Shape::Optional, _) if !flagged(field) => {
                format!("Some(value.{name}).filter(|value| !value.is_empty())")
            }
            (Shape::Optional, true) => format!("value.has_{name}.then(|| value.{name}.into())"),
            (Shape::Optional, false) => format!("value.has_{name}.then_some(value.{name})"),
            (Shape::Repeated | Shape::RepeatedOrNone, _) if converted(&field.kind) => {
                format!("value.{name}.into_iter().map(Into::into).collect()")
            }
            (Shape::Required | Shape::Defaulted(_), true) => format!("value.{name}.into()"),
            _ => format!("value.{name}"),
        };
        let _ = writeln!(out, "            {name}: {value},");
    }
    out.push_str("        }\n    }\n}\n\n");
}

fn from_wire(out: &mut String, message: &Message, paths: &Paths) {
    let (ffi, wire) = (paths.ffi, paths.wire);
    let unused = if message.fields.is_empty() { "_" } else { "" };
    let _ = writeln!(
        out,
        "impl From<{wire}::{name}> for {ffi}::{cxx} {{\n    fn from({unused}value: {wire}::{name}) -> Self {{\n        Self {{",
        name = message.name,
        cxx = message.cxx_name,
    );
    if message.fields.is_empty() {
        out.push_str("            unused: false,\n");
    }
    for field in &message.fields {
        let name = &field.name;
        if flagged(field) {
            let _ = writeln!(out, "            has_{name}: value.{name}.is_some(),");
        }
        let value = match &field.shape {
            Shape::Optional if converted(&field.kind) => {
                format!("value.{name}.unwrap_or_default().into()")
            }
            Shape::Optional => format!("value.{name}.unwrap_or_default()"),
            Shape::Repeated | Shape::RepeatedOrNone if converted(&field.kind) => {
                format!("value.{name}.into_iter().map(Into::into).collect()")
            }
            Shape::Required | Shape::Defaulted(_) if converted(&field.kind) => {
                format!("value.{name}.into()")
            }
            _ => format!("value.{name}"),
        };
        let _ = writeln!(out, "            {name}: {value},");
    }
    out.push_str("        }\n    }\n}\n\n");
}

fn clients(spec: &Spec) -> impl Iterator<Item = &Method> {
    spec.service.methods.iter().filter(|method| method.client)
}

/// The C++ names of what a method takes and returns.
fn ends<'a>(spec: &'a Spec, method: &'a Method) -> (&'a str, &'a str) {
    let cxx = |name: &'a str| spec.message(name).map_or(name, |message| &message.cxx_name);
    (cxx(&method.input), cxx(&method.output))
}

/// Whether a flag says that an optional field is given; text and bytes are absent when empty.
fn flagged(field: &Field) -> bool {
    field.shape == Shape::Optional && !matches!(field.kind, Kind::Text | Kind::Bytes)
}

/// Whether the kind is another type in the bridge than on the wire.
fn converted(kind: &Kind) -> bool {
    matches!(kind, Kind::Message(_) | Kind::Enum(_))
}

fn field_type(spec: &Spec, field: &Field) -> String {
    let one = match &field.kind {
        Kind::Bool => "bool".to_owned(),
        Kind::Uint32 => "u32".into(),
        Kind::Int32 => "i32".into(),
        Kind::Uint64 => "u64".into(),
        Kind::Int64 => "i64".into(),
        Kind::Text => "String".into(),
        Kind::Bytes => "Vec<u8>".into(),
        Kind::Message(name) => spec.message(name).map_or(name, |m| &m.cxx_name).clone(),
        Kind::Enum(name) => spec.enumeration(name).map_or(name, |e| &e.cxx_name).clone(),
    };
    match field.shape {
        Shape::Repeated | Shape::RepeatedOrNone => format!("Vec<{one}>"),
        _ => one,
    }
}
