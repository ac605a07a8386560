//! The messages as TypeScript types of the wire, and the table of methods that a client needs.

use std::fmt::Write as _;

use crate::model::{Field, Kind, Message, Shape, Spec};
use crate::names::lower_camel;

/// A whole module of types and one constant.
#[must_use]
pub fn module(spec: &Spec, source: &str) -> String {
    let mut out = format!(
        "// The types of the wire. Generated from {source}: change that, not this.\n\n\
         /** A decimal integer of 64 bits. */\nexport type Int64 = string\n\
         /** Bytes as hex digits, lower case, no prefix. */\nexport type Hex = string\n\n"
    );
    for item in &spec.enums {
        docs(&mut out, "", &item.docs);
        let texts: Vec<String> = item
            .variants
            .iter()
            .map(|v| format!("'{}'", v.text))
            .collect();
        let _ = writeln!(out, "export type {} = {}\n", item.name, texts.join(" | "));
    }
    for message in &spec.messages {
        interface(&mut out, message);
    }
    methods(&mut out, spec);
    out
}

fn docs(out: &mut String, indent: &str, lines: &[String]) {
    match lines {
        [] => {}
        [line] => {
            let _ = writeln!(out, "{indent}/** {line} */");
        }
        lines => {
            let _ = writeln!(out, "{indent}/**");
            for line in lines {
                let gap = if line.is_empty() { "" } else { " " };
                let _ = writeln!(out, "{indent} *{gap}{line}");
            }
            let _ = writeln!(out, "{indent} */");
        }
    }
}

fn interface(out: &mut String, message: &Message) {
    docs(out, "", &message.docs);
    if message.fields.is_empty() {
        let _ = writeln!(
            out,
            "export type {} = Record<string, never>\n",
            message.name
        );
        return;
    }
    let _ = writeln!(out, "export interface {} {{", message.name);
    for field in &message.fields {
        docs(out, "  ", &field.docs);
        let mark = match field.shape {
            Shape::Required | Shape::Repeated => "",
            Shape::Optional | Shape::Defaulted(_) | Shape::RepeatedOrNone => "?",
        };
        let _ = writeln!(
            out,
            "  {}{mark}: {}",
            lower_camel(&field.name),
            field_type(field)
        );
    }
    out.push_str("}\n\n");
}

fn field_type(field: &Field) -> String {
    let one = match &field.kind {
        Kind::Bool => "boolean",
        Kind::Uint32 | Kind::Int32 => "number",
        Kind::Uint64 | Kind::Int64 => "Int64",
        Kind::Text => "string",
        Kind::Bytes => "Hex",
        Kind::Message(name) | Kind::Enum(name) => name,
    };
    match field.shape {
        Shape::Repeated | Shape::RepeatedOrNone => format!("{one}[]"),
        _ => one.to_owned(),
    }
}

fn methods(out: &mut String, spec: &Spec) {
    let clients = || spec.service.methods.iter().filter(|method| method.client);
    docs(out, "", &spec.service.docs);
    let _ = writeln!(out, "export interface {}Methods {{", spec.service.name);
    for method in clients() {
        docs(out, "  ", &method.docs);
        let _ = writeln!(
            out,
            "  {}: {{ input: {}; output: {} }}",
            method.rpc, method.input, method.output
        );
    }
    let _ = writeln!(
        out,
        "}}\n\n/** Methods that may be sent again when no answer came. */\n\
         export const idempotent: ReadonlySet<keyof {}Methods> = new Set([",
        spec.service.name
    );
    for method in clients().filter(|method| method.idempotent) {
        let _ = writeln!(out, "  '{}',", method.rpc);
    }
    out.push_str("] as const)\n");
}
