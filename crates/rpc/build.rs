//! Writes the types of the wire, the server trait and the client trait from the specification.

use std::path::{Path, PathBuf};

use libmetachain_spec_codegen::{Spec, SpecError, rust, service};

const SPEC: &str = "../../spec/metachain.proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={SPEC}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let source = std::fs::read_to_string(SPEC)?;
    std::fs::write(out.join("wire.rs"), bindings(&source, "crate")?)?;
    grown(&source, &out)
}

fn bindings(source: &str, root: &str) -> Result<String, SpecError> {
    let spec = Spec::parse(source)?;
    let support = format!("{root}::support");
    Ok(rust::types(&spec, &format!("{root}::encoding")) + &service::traits(&spec, &support))
}

/// The same bindings from a specification with a few things more, which `tests/spec_growth.rs`
/// compiles and uses: what is added to the specification needs no hand to reach them.
fn grown(source: &str, out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut grown = source.to_owned();
    for line in std::fs::read_to_string("tests/growth.txt")?.lines() {
        let line = line.replace("\\n", "\n");
        let (place, addition) = line
            .split_once(" => ")
            .ok_or("growth.txt: place => addition")?;
        if grown.matches(place).count() != 1 {
            return Err(format!("growth.txt: not exactly one \"{place}\"").into());
        }
        grown = grown.replace(place, &format!("{place}\n{addition}"));
    }
    println!("cargo::rerun-if-changed=tests/growth.txt");
    std::fs::write(out.join("grown.proto"), &grown)?;
    std::fs::write(out.join("grown.rs"), bindings(&grown, "libmetachain_rpc")?)?;
    Ok(())
}
