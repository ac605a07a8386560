//! A specification as the emitters see it: names, kinds, shapes, and what the tags say.

/// A specification, in the order of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The protobuf package.
    pub package: String,
    /// Enumerations.
    pub enums: Vec<Enum>,
    /// Messages.
    pub messages: Vec<Message>,
    /// The service.
    pub service: Service,
}

/// An enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enum {
    /// Its name in every binding but C++.
    pub name: String,
    /// Its name in C++.
    pub cxx_name: String,
    /// What it is.
    pub docs: Vec<String>,
    /// Its values; the first is the one that a new message has.
    pub variants: Vec<Variant>,
}

/// One value of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name in upper camel case.
    pub name: String,
    /// Its text in JSON: lower case, words joined by hyphens.
    pub text: String,
    /// Its number in protobuf and C++.
    pub number: i32,
    /// What it means.
    pub docs: Vec<String>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its name in every binding but C++.
    pub name: String,
    /// Its name in C++.
    pub cxx_name: String,
    /// What it is.
    pub docs: Vec<String>,
    /// Its fields, in the order of the file.
    pub fields: Vec<Field>,
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in snake case.
    pub name: String,
    /// Its number in protobuf.
    pub number: i32,
    /// What it holds.
    pub kind: Kind,
    /// How many of it, and whether it may be left out.
    pub shape: Shape,
    /// What it means.
    pub docs: Vec<String>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A JSON number.
    Uint32,
    /// A JSON number.
    Int32,
    /// A decimal string in JSON, since JSON numbers are exact up to 2^53 only.
    Uint64,
    /// A decimal string in JSON, since JSON numbers are exact up to 2^53 only.
    Int64,
    /// Text.
    Text,
    /// A hex string in JSON.
    Bytes,
    /// Another message.
    Message(String),
    /// A value of an enumeration.
    Enum(String),
}

/// How many of a field, and whether it may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One; leaving it out is an error.
    Required,
    /// One or none.
    Optional,
    /// One; left out it is this value, as written in the tag.
    Defaulted(String),
    /// Any number, in order; leaving it out is an error.
    Repeated,
    /// Any number, in order; left out it is none.
    RepeatedOrNone,
}

/// The service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it is.
    pub docs: Vec<String>,
    /// Its methods, in the order of the file.
    pub methods: Vec<Method>,
}

/// A method of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name in upper camel case.
    pub name: String,
    /// Its JSON-RPC name.
    pub rpc: String,
    /// What it does.
    pub docs: Vec<String>,
    /// The message it takes.
    pub input: String,
    /// The message it returns.
    pub output: String,
    /// Whether a client is generated.
    pub client: bool,
    /// Whether the server has it.
    pub server: bool,
    /// Whether it belongs to the native node alone; others are open to readers.
    pub control: bool,
    /// Whether calling it twice is as good as once.
    pub idempotent: bool,
    /// Whether its request may be as large as a block.
    pub large: bool,
}

impl Spec {
    /// The message of this name.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// The enumeration of this name.
    #[must_use]
    pub fn enumeration(&self, name: &str) -> Option<&Enum> {
        self.enums.iter().find(|item| item.name == name)
    }
}
