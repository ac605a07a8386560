//! Links the addon as a Node module and records what it was built from, for `buildInfo()`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    napi_build::setup();
    keep_mapped();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=LIBMETACHAIN_COMMIT={}", commit());
    println!(
        "cargo::rustc-env=LIBMETACHAIN_WASMTIME={}",
        locked_version("wasmtime")
    );
    let profile = env::var("PROFILE").unwrap_or_else(|_| "unknown".into());
    println!("cargo::rustc-env=LIBMETACHAIN_PROFILE={profile}");
}

/// A worker that ends unloads the addon once its last environment is gone, while threads of
/// ours (the deadline ticker, the pools, the store's writer) may still be inside its code.
/// The linker flag keeps the image mapped for the life of the process.
fn keep_mapped() {
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

/// The commit of the tree, or `unknown` outside of a repository (a source archive).
fn commit() -> String {
    for name in ["HEAD", "packed-refs"] {
        watch_git(name);
    }
    if let Some(branch) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        watch_git(&branch);
    }
    git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".into())
}

fn watch_git(name: &str) {
    if let Some(path) = git(&["rev-parse", "--git-path", name])
        && Path::new(&path).exists()
    {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// The version of `package` that the lock file pins: asked here, so that the addon need not
/// name the package.
fn locked_version(package: &str) -> String {
    let lock =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(lock).unwrap_or_default();
    let name = format!("name = \"{package}\"");
    text.lines()
        .skip_while(|line| *line != name)
        .find_map(|line| line.strip_prefix("version = "))
        .map_or_else(
            || "unknown".into(),
            |version| version.trim_matches('"').to_owned(),
        )
}
