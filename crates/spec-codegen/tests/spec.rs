//! What the generator makes of specifications, and which of them it refuses.

use libmetachain_spec_codegen::{Kind, Shape, Spec, cxx, rust, service, typescript};

/// A specification with one message body, one enumeration and one method.
fn spec_with(fields: &str) -> String {
    format!(
        "syntax = \"proto3\";\npackage t;\n\
         // A thing.\nmessage Thing {{\n{fields}\n}}\n\
         // A state.\nenum State {{\n  // On.\n  STATE_SWITCHED_ON = 0;\n  // Off.\n  STATE_OFF = 1;\n}}\n\
         // Things.\nservice Things {{\n  // Makes one.\n  // [rpc: t_make] [client] [server]\n  rpc MakeThing(Thing) returns (Thing);\n}}\n"
    )
}

fn refused(source: &str) -> String {
    Spec::parse(source)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn every_shape_and_kind_reaches_every_binding() {
    let spec = Spec::parse(&spec_with(
        "  // A.\n  // [default: 7]\n  uint64 big = 1;\n  // B.\n  optional bytes raw_id = 2;\n  // C.\n  repeated Thing things = 3;\n  // D.\n  optional State state = 4;\n  // E.\n  // [default: []]\n  repeated int64 list = 5;",
    ))
    .expect("parses");
    let fields = &spec.messages[0].fields;
    assert_eq!(fields[0].shape, Shape::Defaulted("7".into()));
    assert_eq!(
        (&fields[1].shape, &fields[1].kind),
        (&Shape::Optional, &Kind::Bytes)
    );
    assert_eq!(fields[4].shape, Shape::RepeatedOrNone);

    let source = rust::types(&spec, "support");
    for part in [
        "#[serde(default = \"default_thing_big\", with = \"support::integer\")]\n    pub big: u64,",
        "with = \"support::optional_bytes\")]\n    pub raw_id: Option<Vec<u8>>,",
        "pub things: Vec<Thing>,",
        "#[serde(rename = \"switched-on\")]\n    SwitchedOn,",
        "#[serde(default, with = \"support::integers\")]\n    pub list: Vec<i64>,",
    ] {
        assert!(source.contains(part), "{part} is missing in\n{source}");
    }
    let bridge = cxx::shared_types(&spec);
    for part in [
        "has_state: bool,",
        "state: State,",
        "raw_id: Vec<u8>,",
        "SwitchedOn = 0,",
    ] {
        assert!(bridge.contains(part), "{part} is missing in\n{bridge}");
    }
    assert!(
        !bridge.contains("has_raw_id"),
        "bytes are absent when empty"
    );
    let module = typescript::module(&spec, "t.proto");
    for part in [
        "big?: Int64",
        "rawId?: Hex",
        "things: Thing[]",
        "'switched-on' | 'off'",
    ] {
        assert!(module.contains(part), "{part} is missing in\n{module}");
    }
}

#[test]
fn tags_decide_which_sides_exist() {
    let source = spec_with("  // A.\n  bool a = 1;");
    let both = Spec::parse(&source).expect("parses");
    let made = |spec: &Spec| service::traits(spec, "support");
    assert!(made(&both).contains("fn make_thing(&self, input: Thing)"));
    assert!(made(&both).contains("fn make_thing(&self, input: &Thing)"));

    let server_only = Spec::parse(&source.replace(" [client]", "")).expect("parses");
    assert!(!made(&server_only).contains("input: &Thing"));
    assert!(!typescript::module(&server_only, "t").contains("t_make"));
    let client_only = Spec::parse(&source.replace(" [server]", "")).expect("parses");
    assert!(!made(&client_only).contains("input: Thing"));

    let control = Spec::parse(&source.replace("[server]", "[server] [control]")).expect("parses");
    assert!(both.service.methods[0].idempotent && !control.service.methods[0].idempotent);
}

#[test]
fn what_a_binding_cannot_say_is_refused_by_name() {
    for (fields, part) in [
        (
            "  // A.\n  double a = 1;",
            "Thing.a: TYPE_DOUBLE is not a type of the wire",
        ),
        (
            "  // A.\n  repeated bytes a = 1;",
            "Thing.a: a list of bytes",
        ),
        (
            "  // A.\n  oneof a {\n  // B.\n  bool b = 1;\n  }",
            "Thing.b: oneof",
        ),
        (
            "  // A.\n  map<string, string> a = 1;",
            "Thing: holds nested types",
        ),
        ("  // A.\n  bool class = 1;", "Thing.class: a field's name"),
        (
            "  // A.\n  bool camelCase = 1;",
            "Thing.camelCase: a field's name",
        ),
        ("  bool a = 1;", "Thing.a: has no comment"),
        (
            "  // A.\n  // [defualt: 1]\n  bool a = 1;",
            "Thing.a: no tag [defualt]",
        ),
        (
            "  // A.\n  // [default]\n  bool a = 1;",
            "Thing.a: the tag [default] needs a value",
        ),
        (
            "  // A.\n  // [default: 2]\n  bool a = 1;",
            "Thing.a: cannot have the default 2",
        ),
        (
            "  // A.\n  // [default: 1); evil()]\n  uint32 a = 1;",
            "Thing.a: cannot have the default",
        ),
        (
            "  // A.\n  // [default: true\n  bool a = 1;",
            "Thing.a: this is no line of tags",
        ),
        (
            "  // A.\n  // [default: 1]\n  optional uint32 a = 1;",
            "Thing.a: is optional",
        ),
        ("  // A.\n  Missing a = 1;", "protobuf: "),
    ] {
        let message = refused(&spec_with(fields));
        assert!(
            message.starts_with(part),
            "{message} does not begin with {part}"
        );
    }
    let source = spec_with("  // A.\n  bool a = 1;");
    for (from, to, part) in [
        ("[rpc: t_make] ", "", "MakeThing: needs [rpc: name]"),
        ("t_make", "rpc_make", "MakeThing: a JSON-RPC name"),
        ("[client] [server]", "", "MakeThing: needs [client]"),
        (
            "[client]",
            "[client: yes]",
            "MakeThing: the tag [client] takes no value",
        ),
        (
            "[client]",
            "[client] [client]",
            "MakeThing: the tag [client] is given twice",
        ),
        ("STATE_OFF", "OFF", "State.OFF: must begin with STATE_"),
        (
            "returns (Thing)",
            "returns (stream Thing)",
            "MakeThing: streams",
        ),
        ("\"proto3\"", "\"proto2\"", "protobuf: "),
        (
            "// A thing.",
            "// A thing.\n// [cxx: State]",
            "C++ names: State is given twice",
        ),
    ] {
        let message = refused(&source.replace(from, to));
        assert!(
            message.starts_with(part),
            "{message} does not begin with {part}"
        );
    }
}
