//! The service as Rust: a table of methods, a server trait for jsonrpsee and a client trait.

use std::fmt::Write as _;

use crate::model::{Method, Spec};
use crate::names::snake;
use crate::rust::docs;

/// The source of the table and both traits, to be included beside the types of [`crate::rust::types`].
///
/// `support` is the path of a module with the type `Method`, the types `ServerError` and
/// `ClientError`, the function `register` and the trait `Caller`; the crate that includes the
/// source depends on `jsonrpsee-core`.
#[must_use]
pub fn traits(spec: &Spec, support: &str) -> String {
    let mut out = String::new();
    table(&mut out, spec, support);
    server(&mut out, spec, support);
    client(&mut out, spec, support);
    out
}

fn table(out: &mut String, spec: &Spec, support: &str) {
    let _ = writeln!(
        out,
        "/// Every method of the service, in the order of the specification.\n\
         pub const METHODS: &[{support}::Method] = &["
    );
    for method in &spec.service.methods {
        let _ = writeln!(
            out,
            "    {support}::Method {{ name: {:?}, server: {}, control: {}, idempotent: {}, large: {} }},",
            method.rpc, method.server, method.control, method.idempotent, method.large,
        );
    }
    out.push_str("];\n\n");
}

fn server(out: &mut String, spec: &Spec, support: &str) {
    let name = &spec.service.name;
    let methods = || numbered(spec).filter(|(_, method)| method.server);
    docs(out, "", &spec.service.docs);
    let _ = writeln!(
        out,
        "pub trait {name}Server: Send + Sync + Sized + 'static {{"
    );
    for (_, method) in methods() {
        docs(out, "    ", &method.docs);
        let _ = writeln!(
            out,
            "    fn {}(&self, input: {}) -> Result<{}, {support}::ServerError>;\n",
            snake(&method.name),
            method.input,
            method.output,
        );
    }
    let _ = writeln!(
        out,
        "    /// The methods as a jsonrpsee module, which may be merged with others.\n    \
         ///\n    \
         /// # Errors\n    \
         /// Never for a specification whose names are unique, which its reader checks.\n    \
         fn module(server: ::std::sync::Arc<Self>) -> Result<::jsonrpsee_core::server::RpcModule<Self>, ::jsonrpsee_core::RegisterMethodError> {{\n        \
         let mut module = ::jsonrpsee_core::server::RpcModule::from_arc(server);"
    );
    for (index, method) in methods() {
        let _ = writeln!(
            out,
            "        {support}::register(&mut module, &METHODS[{index}], Self::{})?;",
            snake(&method.name),
        );
    }
    out.push_str("        Ok(module)\n    }\n}\n\n");
}

fn client(out: &mut String, spec: &Spec, support: &str) {
    let name = &spec.service.name;
    let _ = writeln!(
        out,
        "/// The service as its clients call it.\npub trait {name}Client: {support}::Caller {{"
    );
    for (index, method) in numbered(spec).filter(|(_, method)| method.client) {
        docs(out, "    ", &method.docs);
        let _ = writeln!(
            out,
            "    fn {}(&self, input: &{}) -> Result<{}, {support}::ClientError> {{\n        \
             self.call(&METHODS[{index}], input)\n    }}\n",
            snake(&method.name),
            method.input,
            method.output,
        );
    }
    let _ = writeln!(
        out,
        "}}\n\nimpl<C: {support}::Caller> {name}Client for C {{}}\n"
    );
}

fn numbered(spec: &Spec) -> impl Iterator<Item = (usize, &Method)> {
    spec.service.methods.iter().enumerate()
}
