//! The messages and enumerations as Rust types that serde reads and writes as JSON.

use std::fmt::Write as _;

use crate::model::{Enum, Field, Kind, Message, Shape, Spec};

/// The source of the types, to be included into a module.
///
/// `support` is the path of a module with the functions that write integers of 64 bits as decimal
/// strings and bytes as hex: modules `integer`, `optional_integer`, `integers`, `bytes` and
/// `optional_bytes`, each with `serialize` and `deserialize`; and the trait `Object` with the function
/// `object`, which reads a type from a JSON object and from nothing else.
#[must_use]
pub fn types(spec: &Spec, support: &str) -> String {
    let mut out = String::new();
    for item in &spec.enums {
        enumeration(&mut out, item);
    }
    for message in &spec.messages {
        structure(&mut out, message, support);
    }
    out
}

/// Documentation comments at an indent.
pub(crate) fn docs(out: &mut String, indent: &str, lines: &[String]) {
    for line in lines {
        let gap = if line.is_empty() { "" } else { " " };
        let _ = writeln!(out, "{indent}///{gap}{line}");
    }
}

fn enumeration(out: &mut String, item: &Enum) {
    docs(out, "", &item.docs);
    out.push_str(
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]\n",
    );
    let _ = writeln!(out, "pub enum {} {{", item.name);
    for (index, variant) in item.variants.iter().enumerate() {
        docs(out, "    ", &variant.docs);
        if index == 0 {
            out.push_str("    #[default]\n");
        }
        let _ = writeln!(out, "    #[serde(rename = {:?})]", variant.text);
        let _ = writeln!(out, "    {},", variant.name);
    }
    out.push_str("}\n\n");
}

fn structure(out: &mut String, message: &Message, support: &str) {
    docs(out, "", &message.docs);
    out.push_str(
        "#[derive(Clone, Debug, Default, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]\n\
         #[serde(remote = \"Self\", rename_all = \"camelCase\")]\n",
    );
    let _ = writeln!(out, "pub struct {} {{", message.name);
    for field in &message.fields {
        docs(out, "    ", &field.docs);
        if let Some(attribute) = attribute(message, field, support) {
            let _ = writeln!(out, "    #[serde({attribute})]");
        }
        let _ = writeln!(out, "    pub {}: {},", field.name, field_type(field));
    }
    out.push_str("}\n\n");
    implementations(out, message, support);
    for field in &message.fields {
        if let Shape::Defaulted(value) = &field.shape {
            let _ = writeln!(
                out,
                "fn {}() -> {} {{\n    {value}\n}}\n",
                default_fn(message, field),
                one(&field.kind),
            );
        }
    }
}

/// Deriving with `remote` leaves the traits to us: serde's own reader of a structure would also take a
/// list of its fields in order, a second spelling that nobody specified.
fn implementations(out: &mut String, message: &Message, support: &str) {
    let name = &message.name;
    let _ = writeln!(
        out,
        "impl ::serde::Serialize for {name} {{\n    \
         fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{\n        \
         Self::serialize(self, serializer)\n    }}\n}}\n\n\
         impl<'de> ::serde::Deserialize<'de> for {name} {{\n    \
         fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {{\n        \
         {support}::object(deserializer)\n    }}\n}}\n\n\
         impl {support}::Object for {name} {{\n    \
         fn from_map<'de, A: ::serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {{\n        \
         Self::deserialize({support}::Members(map))\n    }}\n}}\n"
    );
}

/// The name of the function that serde calls for a field left out.
fn default_fn(message: &Message, field: &Field) -> String {
    format!(
        "default_{}_{}",
        crate::names::snake(&message.name),
        field.name
    )
}

fn one(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".into(),
        Kind::Uint32 => "u32".into(),
        Kind::Int32 => "i32".into(),
        Kind::Uint64 => "u64".into(),
        Kind::Int64 => "i64".into(),
        Kind::Text => "String".into(),
        Kind::Bytes => "Vec<u8>".into(),
        Kind::Message(name) | Kind::Enum(name) => name.clone(),
    }
}

fn field_type(field: &Field) -> String {
    let one = one(&field.kind);
    match field.shape {
        Shape::Required | Shape::Defaulted(_) => one,
        Shape::Optional => format!("Option<{one}>"),
        Shape::Repeated | Shape::RepeatedOrNone => format!("Vec<{one}>"),
    }
}

/// What serde must be told about a field, if anything.
fn attribute(message: &Message, field: &Field, support: &str) -> Option<String> {
    let (single, optional, list) = match field.kind {
        Kind::Uint64 | Kind::Int64 => ("integer", "optional_integer", "integers"),
        Kind::Bytes => ("bytes", "optional_bytes", ""),
        _ => ("", "", ""),
    };
    let mut parts = Vec::new();
    let module = match &field.shape {
        Shape::Required => single,
        Shape::Defaulted(_) => {
            parts.push(format!("default = {:?}", default_fn(message, field)));
            single
        }
        Shape::Optional => {
            parts.push("default, skip_serializing_if = \"Option::is_none\"".into());
            optional
        }
        Shape::Repeated => list,
        Shape::RepeatedOrNone => {
            parts.push("default".into());
            list
        }
    };
    if !module.is_empty() {
        parts.push(format!("with = \"{support}::{module}\""));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
