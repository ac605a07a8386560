//! What is added to the specification reaches every binding by building again.
//!
//! The build script generates the bindings a second time, from the specification with the additions
//! of `growth.txt`: a field of a message, a message, and a method.

use std::sync::Arc;

use libmetachain_primitives::Error;
use libmetachain_rpc::support::{Caller, Method};
use libmetachain_rpc::{CallError, wire};
use libmetachain_spec_codegen::{Spec, cxx, typescript};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Bindings that nobody has written a line for.
#[allow(missing_docs, dead_code, unreachable_pub)]
mod grown {
    include!(concat!(env!("OUT_DIR"), "/grown.rs"));
}

const GROWN: &str = include_str!(concat!(env!("OUT_DIR"), "/grown.proto"));

#[test]
fn a_field_is_written_and_read_like_any_other() {
    let transaction = grown::MetaTransaction {
        memo_number: Some(u64::MAX),
        ..grown::MetaTransaction::default()
    };
    let written = serde_json::to_value(&transaction).expect("JSON");
    assert_eq!(written["memoNumber"], json!(u64::MAX.to_string()));
    let read: grown::MetaTransaction = serde_json::from_value(written).expect("it is read back");
    assert_eq!(read, transaction);
    assert!(!format!("{:?}", wire::MetaTransaction::default()).contains("memo"));
}

/// A caller that answers what it is asked.
struct Echo;

impl Caller for Echo {
    fn call<I: Serialize, O: DeserializeOwned + Send + 'static>(
        &self,
        method: &'static Method,
        input: &I,
    ) -> Result<O, CallError> {
        assert_eq!(method.name, "metaConsensusRpc_double");
        let text = serde_json::to_string(input).expect("JSON");
        Ok(serde_json::from_str(&text).expect("the same message"))
    }
}

#[test]
fn a_method_has_a_client_a_table_entry_and_a_place_in_the_server() {
    use grown::MetachainClient as _;
    let number = grown::MetaNumber { number: 7 };
    assert_eq!(Echo.meta_double(&number).expect("an echo"), number);
    let entry = grown::METHODS
        .iter()
        .find(|method| method.name == "metaConsensusRpc_double");
    assert!(entry.is_some_and(|method| method.server && !method.control));
}

/// Never called: that it compiles is the proof, since it names what only the grown server has.
#[allow(dead_code)]
fn names<S: grown::MetachainServer>(server: Arc<S>) -> Vec<&'static str> {
    let _: fn(&S, grown::MetaNumber) -> Result<grown::MetaNumber, Error> = S::meta_double;
    let module = S::module(server).expect("names are unique");
    module.method_names().collect()
}

#[test]
fn both_reach_cpp() {
    let spec = Spec::parse(GROWN).expect("it grew in the right places");
    let bridge = format!(
        "#[cxx::bridge(namespace = \"metachain\")]\nmod ffi {{\n{}\n    extern \"Rust\" {{\n        type Client;\n{}\n    }}\n}}\n",
        cxx::shared_types(&spec),
        cxx::client_declarations(&spec, "Client"),
    );
    let tokens: proc_macro2::TokenStream = bridge.parse().expect("Rust");
    let generated = cxx_gen::generate_header_and_cc(tokens, &cxx_gen::Opt::default())
        .unwrap_or_else(|error| panic!("cxx refuses the bridge: {error}"));
    let header = String::from_utf8(generated.header).expect("text");
    for part in [
        "has_memo_number",
        "::std::uint64_t memo_number",
        "struct MetaNumber",
        "CallMetaDouble(",
    ] {
        assert!(header.contains(part), "{part} is not in the header");
    }
    let paths = cxx::Paths {
        ffi: "ffi",
        wire: "wire",
        error: "Error",
    };
    let conversions = cxx::conversions(&spec, &paths);
    assert!(
        conversions.contains("memo_number: value.has_memo_number.then_some(value.memo_number)")
    );
}

#[test]
fn both_reach_typescript() {
    let spec = Spec::parse(GROWN).expect("it grew in the right places");
    let module = typescript::module(&spec, "metachain.proto");
    for part in [
        "  /** A number that the payer gives. */\n  memoNumber?: Int64\n",
        "metaConsensusRpc_double: { input: MetaNumber; output: MetaNumber }",
    ] {
        assert!(module.contains(part), "{part} is not in the module");
    }
}

/// The one generated file that is kept in the tree, since TypeScript is published as it stands.
/// `UPDATE_WIRE=1` writes it anew.
#[test]
fn the_typescript_in_the_tree_is_that_of_the_specification() {
    const SPEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/metachain.proto");
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ts/rpc-wire.ts");
    let spec = Spec::open(SPEC.as_ref()).expect("the specification");
    let module = typescript::module(&spec, "spec/metachain.proto");
    if std::env::var_os("UPDATE_WIRE").is_some() {
        std::fs::write(FILE, &module).expect("the file can be written");
    }
    assert_eq!(
        std::fs::read_to_string(FILE).expect("it is committed"),
        module
    );
}
