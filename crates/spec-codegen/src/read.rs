//! From a protobuf file to the model, refusing what some binding could not express.

use std::collections::HashMap;
use std::path::Path;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    MethodDescriptorProto,
};

use crate::error::SpecError;
use crate::model::{Enum, Field, Kind, Message, Method, Service, Shape, Spec, Variant};
use crate::names::{is_field_name, is_type_name, kebab, snake, upper_camel};
use crate::tags::Tags;

/// Field numbers of descriptor.proto, by which source locations name what a comment belongs to.
mod path {
    pub(super) const MESSAGES: i32 = 4;
    pub(super) const ENUMS: i32 = 5;
    pub(super) const SERVICES: i32 = 6;
    pub(super) const MEMBERS: i32 = 2;
}

const METHOD_TAGS: &[&str] = &["rpc", "client", "server", "control", "idempotent", "large"];

impl Spec {
    /// Reads a specification from its file.
    pub fn open(file: &Path) -> Result<Spec, SpecError> {
        let source = std::fs::read_to_string(file)
            .map_err(|error| SpecError::new(file.display().to_string(), error.to_string()))?;
        Spec::parse(&source)
    }

    /// Reads a specification from its text.
    pub fn parse(source: &str) -> Result<Spec, SpecError> {
        const NAME: &str = "spec.proto";
        let refused = |error: protox::Error| SpecError::new("protobuf", format!("{error:?}"));
        let mut compiler = protox::Compiler::with_file_resolver(OneFile(source.to_owned()));
        compiler.include_source_info(true);
        compiler.open_file(NAME).map_err(refused)?;
        let set = compiler.file_descriptor_set();
        match set.file.as_slice() {
            [file] => Reader::new(file).spec(),
            _ => Err(SpecError::new("import", "a specification is one file")),
        }
    }
}

/// Shows the compiler this text, whatever file it asks for.
struct OneFile(String);

impl protox::file::FileResolver for OneFile {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        protox::file::File::from_source(name, &self.0)
    }
}

struct Reader<'a> {
    file: &'a FileDescriptorProto,
    comments: HashMap<&'a [i32], &'a str>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a FileDescriptorProto) -> Self {
        let comments = file
            .source_code_info
            .iter()
            .flat_map(|info| &info.location)
            .filter_map(|location| {
                Some((
                    location.path.as_slice(),
                    location.leading_comments.as_deref()?,
                ))
            })
            .collect();
        Reader { file, comments }
    }

    fn spec(&self) -> Result<Spec, SpecError> {
        if self.file.syntax() != "proto3" {
            return Err(SpecError::new("syntax", "must be proto3"));
        }
        let enums = (0..).zip(&self.file.enum_type);
        let messages = (0..).zip(&self.file.message_type);
        let spec = Spec {
            package: self.file.package().to_owned(),
            enums: enums
                .map(|(index, item)| self.enumeration(index, item))
                .collect::<Result<_, _>>()?,
            messages: messages
                .map(|(index, item)| self.message(index, item))
                .collect::<Result<_, _>>()?,
            service: self.service()?,
        };
        unique(
            "C++ names",
            spec.enums
                .iter()
                .map(|item| &item.cxx_name)
                .chain(spec.messages.iter().map(|m| &m.cxx_name)),
        )?;
        Ok(spec)
    }

    fn tags(&self, place: &str, path: &[i32], known: &[&str]) -> Result<Tags, SpecError> {
        let tags = Tags::parse(place, self.comments.get(path).unwrap_or(&""), known)?;
        if tags.docs.is_empty() {
            return Err(SpecError::new(place, "has no comment that says what it is"));
        }
        Ok(tags)
    }

    fn enumeration(&self, index: i32, item: &EnumDescriptorProto) -> Result<Enum, SpecError> {
        let name = type_name(item.name())?;
        let mut tags = self.tags(&name, &[path::ENUMS, index], &["cxx"])?;
        let prefix = format!("{}_", snake(&name).to_ascii_uppercase());
        let variants = (0..)
            .zip(&item.value)
            .map(|(position, value)| {
                let place = format!("{name}.{}", value.name());
                let short = value
                    .name()
                    .strip_prefix(&prefix)
                    .ok_or_else(|| SpecError::new(&place, format!("must begin with {prefix}")))?;
                let of = [path::ENUMS, index, path::MEMBERS, position];
                Ok(Variant {
                    name: type_name(&upper_camel(short))?,
                    text: kebab(short),
                    number: value.number(),
                    docs: self.tags(&place, &of, &[])?.docs,
                })
            })
            .collect::<Result<_, SpecError>>()?;
        Ok(Enum {
            cxx_name: cxx_name(&name, &tags)?,
            docs: std::mem::take(&mut tags.docs),
            name,
            variants,
        })
    }

    fn message(&self, index: i32, item: &DescriptorProto) -> Result<Message, SpecError> {
        let name = type_name(item.name())?;
        let mut tags = self.tags(&name, &[path::MESSAGES, index], &["cxx"])?;
        if !item.nested_type.is_empty() || !item.enum_type.is_empty() {
            return Err(SpecError::new(
                name,
                "holds nested types or maps, which C++ structs cannot",
            ));
        }
        let fields = (0..)
            .zip(&item.field)
            .map(|(position, field)| {
                let of = [path::MESSAGES, index, path::MEMBERS, position];
                self.field(&name, &of, field)
            })
            .collect::<Result<_, _>>()?;
        Ok(Message {
            cxx_name: cxx_name(&name, &tags)?,
            docs: std::mem::take(&mut tags.docs),
            name,
            fields,
        })
    }

    fn field(
        &self,
        message: &str,
        of: &[i32],
        field: &FieldDescriptorProto,
    ) -> Result<Field, SpecError> {
        let place = format!("{message}.{}", field.name());
        if !is_field_name(field.name()) {
            return Err(SpecError::new(
                place,
                "a field's name is in snake case and no keyword of Rust or C++",
            ));
        }
        if field.oneof_index.is_some() && !field.proto3_optional() {
            return Err(SpecError::new(
                place,
                "oneof cannot be said in C++ structs: use optional fields",
            ));
        }
        let tags = self.tags(&place, of, &["default"])?;
        let kind = kind(&place, field)?;
        let default = tags.value(&place, "default")?;
        let shape = shape(&place, field, &kind, default)?;
        Ok(Field {
            name: field.name().to_owned(),
            number: field.number(),
            kind,
            shape,
            docs: tags.docs,
        })
    }

    fn service(&self) -> Result<Service, SpecError> {
        let [service] = self.file.service.as_slice() else {
            return Err(SpecError::new("service", "there must be exactly one"));
        };
        let name = type_name(service.name())?;
        let tags = self.tags(&name, &[path::SERVICES, 0], &[])?;
        let methods: Vec<Method> = (0..)
            .zip(&service.method)
            .map(|(position, method)| {
                self.method(&[path::SERVICES, 0, path::MEMBERS, position], method)
            })
            .collect::<Result<_, _>>()?;
        unique("JSON-RPC names", methods.iter().map(|method| &method.rpc))?;
        Ok(Service {
            name,
            docs: tags.docs,
            methods,
        })
    }

    fn method(&self, of: &[i32], method: &MethodDescriptorProto) -> Result<Method, SpecError> {
        let name = type_name(method.name())?;
        let tags = self.tags(&name, of, METHOD_TAGS)?;
        if method.client_streaming() || method.server_streaming() {
            return Err(SpecError::new(
                name,
                "streams have no counterpart in JSON-RPC over HTTP",
            ));
        }
        let rpc = tags
            .value(&name, "rpc")?
            .ok_or_else(|| SpecError::new(&name, "needs [rpc: name]"))?;
        if !rpc.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || rpc.starts_with("rpc_") {
            return Err(SpecError::new(
                &name,
                "a JSON-RPC name is of letters, digits and _, and does not begin with rpc_",
            ));
        }
        let flag = |tag| tags.flag(&name, tag);
        let (client, server, control) = (flag("client")?, flag("server")?, flag("control")?);
        if !client && !server {
            return Err(SpecError::new(&name, "needs [client], [server] or both"));
        }
        Ok(Method {
            rpc: rpc.to_owned(),
            input: local(method.input_type()),
            output: local(method.output_type()),
            client,
            server,
            control,
            idempotent: !control || flag("idempotent")?,
            large: flag("large")?,
            docs: tags.docs.clone(),
            name,
        })
    }
}

fn type_name(name: &str) -> Result<String, SpecError> {
    if is_type_name(name) {
        return Ok(name.to_owned());
    }
    Err(SpecError::new(
        name,
        "a name of a type is of letters and digits, a capital first",
    ))
}

fn cxx_name(name: &str, tags: &Tags) -> Result<String, SpecError> {
    type_name(tags.value(name, "cxx")?.unwrap_or(name))
}

/// `.rpc.MetaTip` as `MetaTip`: there is one package.
fn local(qualified: &str) -> String {
    qualified.rsplit('.').next().unwrap_or(qualified).to_owned()
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), SpecError> {
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(SpecError::new(what, format!("{name} is given twice")));
        }
        seen.push(name);
    }
    Ok(())
}

fn kind(place: &str, field: &FieldDescriptorProto) -> Result<Kind, SpecError> {
    Ok(match field.r#type() {
        Type::Bool => Kind::Bool,
        Type::Uint32 => Kind::Uint32,
        Type::Int32 => Kind::Int32,
        Type::Uint64 => Kind::Uint64,
        Type::Int64 => Kind::Int64,
        Type::String => Kind::Text,
        Type::Bytes => Kind::Bytes,
        Type::Message => Kind::Message(local(field.type_name())),
        Type::Enum => Kind::Enum(local(field.type_name())),
        other => {
            return Err(SpecError::new(
                place,
                format!("{} is not a type of the wire", other.as_str_name()),
            ));
        }
    })
}

fn shape(
    place: &str,
    field: &FieldDescriptorProto,
    kind: &Kind,
    default: Option<&str>,
) -> Result<Shape, SpecError> {
    let repeated = field.label() == Label::Repeated;
    if repeated && *kind == Kind::Bytes {
        return Err(SpecError::new(
            place,
            "a list of bytes has no type in a C++ bridge: wrap them in a message",
        ));
    }
    match (repeated, field.proto3_optional(), default) {
        (true, _, None) => Ok(Shape::Repeated),
        (true, _, Some("[]")) => Ok(Shape::RepeatedOrNone),
        (true, _, Some(_)) => Err(SpecError::new(
            place,
            "a repeated field can only have [default: []]",
        )),
        (false, true, None) => Ok(Shape::Optional),
        (false, true, Some(_)) => Err(SpecError::new(
            place,
            "is optional, so that [default] never counts",
        )),
        (false, false, None) => Ok(Shape::Required),
        (false, false, Some(value)) if fits(kind, value) => Ok(Shape::Defaulted(value.to_owned())),
        (false, false, Some(value)) => Err(SpecError::new(
            place,
            format!("cannot have the default {value}"),
        )),
    }
}

/// Whether a default, which is copied into source code, is a value of the kind.
fn fits(kind: &Kind, value: &str) -> bool {
    match kind {
        Kind::Bool => matches!(value, "true" | "false"),
        Kind::Uint32 => value.parse::<u32>().is_ok(),
        Kind::Int32 => value.parse::<i32>().is_ok(),
        Kind::Uint64 => value.parse::<u64>().is_ok(),
        Kind::Int64 => value.parse::<i64>().is_ok(),
        _ => false,
    }
}
