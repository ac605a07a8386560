//! What this addon was built from.

use napi_derive::napi;

use crate::guard::guard;

/// The parts of `buildInfo()` that are fixed when the addon is compiled or loaded.
#[napi(object, object_from_js = false)]
pub struct BuildInfo {
    /// Version of the package.
    pub version: &'static str,
    /// Commit of the source tree.
    pub commit: &'static str,
    /// Cargo profile.
    pub profile: &'static str,
    /// Widest vector instructions that this processor offers to the hashing.
    pub simd: &'static str,
    /// Version of the wasm engine.
    pub wasmtime: &'static str,
}

/// Says what this addon was built from.
#[napi]
pub fn build_info() -> napi::Result<BuildInfo> {
    guard("buildInfo", || {
        Ok(BuildInfo {
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("LIBMETACHAIN_COMMIT"),
            profile: env!("LIBMETACHAIN_PROFILE"),
            simd: simd(),
            wasmtime: env!("LIBMETACHAIN_WASMTIME"),
        })
    })
}

#[cfg(target_arch = "x86_64")]
fn simd() -> &'static str {
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
        "avx512"
    } else if is_x86_feature_detected!("avx2") {
        "avx2"
    } else if is_x86_feature_detected!("sse4.1") {
        "sse4.1"
    } else {
        "sse2"
    }
}

#[cfg(target_arch = "aarch64")]
fn simd() -> &'static str {
    "neon"
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> &'static str {
    "portable"
}
