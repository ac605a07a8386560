//! Writes the bridge out of the specification and `src/bridge.in`, and compiles its C++ half.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use libmetachain_spec_codegen::Spec;
use libmetachain_spec_codegen::cxx::{
    Paths, client_declarations, client_functions, conversions, shared_types,
};

const SPEC: &str = "../../spec/metachain.proto";
const TEMPLATE: &str = "src/bridge.in";
const CLIENT: &str = "Box<Client>";

fn main() -> Result<(), Box<dyn Error>> {
    for path in [SPEC, TEMPLATE, "include", "src/native_source.cc"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let spec = Spec::open(Path::new(SPEC))?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let bridge = out.join("bridge.rs");
    fs::write(&bridge, bridge_source(&spec)?)?;
    fs::write(out.join("client.rs"), client_source(&spec))?;

    cxx_build::CFG.include_prefix = "libmc";
    cxx_build::CFG.doxygen = true;
    let mut build = cxx_build::bridge(&bridge);
    // cxx names the header by the path of its source; `libmc/bridge.h` is what is promised, and what
    // the install step finds below this build's output.
    let generated = out
        .join("cxxbridge/include/libmc")
        .join(bridge.strip_prefix("/").unwrap_or(&bridge))
        .with_extension("rs.h");
    let include = out.join("include");
    fs::create_dir_all(include.join("libmc"))?;
    fs::copy(generated, include.join("libmc/bridge.h"))?;
    build
        .file("src/native_source.cc")
        .include("include")
        .include(&include)
        .std("c++17")
        .flag_if_supported("-Wall")
        .flag_if_supported("-Wextra")
        .compile("libmc_bridge");
    Ok(())
}

/// The template with the specification's types and calls at their marks.
fn bridge_source(spec: &Spec) -> Result<String, Box<dyn Error>> {
    let template = fs::read_to_string(TEMPLATE)?;
    let mut source = template;
    for (mark, text) in [
        ("    // @shared_types\n", shared_types(spec)),
        (
            "        // @client_declarations\n",
            client_declarations(spec, CLIENT),
        ),
    ] {
        if source.matches(mark).count() != 1 {
            return Err(format!("{TEMPLATE} must contain the line `{}` once", mark.trim()).into());
        }
        source = source.replace(mark, &text);
    }
    Ok(source)
}

/// What the bridge's calls of the client do, and how its structs become those of the wire.
fn client_source(spec: &Spec) -> String {
    let paths = Paths {
        ffi: "crate::bridge::ffi",
        wire: "libmetachain_rpc::wire",
        error: "libmetachain_rpc::CallError",
    };
    conversions(spec, &paths)
        + &client_functions(
            spec,
            CLIENT,
            "client.caller()",
            "crate::client::guarded",
            &paths,
        )
}
