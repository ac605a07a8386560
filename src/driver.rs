//! A loaded data driver.

use std::path::PathBuf;
use std::time::Duration;

use libmetachain_driver_host::{Driver, Isolation, Operation, Optimization, Options};
use napi::bindgen_prelude::{AsyncTask, Object, Uint8Array, Uint8ArraySlice};
use napi::{Env, JsString};
use napi_derive::napi;

use crate::background::{Job, background};
use crate::guard::{Outcome, guard};
use crate::values;

/// A data driver. TypeScript's class of that name wraps it.
#[napi]
pub struct NativeDriver {
    pub(crate) inner: Driver,
}

/// How a driver is loaded and what a call may use; what is left out has the host's default.
#[napi(object, object_to_js = false)]
pub struct NativeDriverOptions {
    pub deadline_ms: Option<f64>,
    pub memory_bytes_max: Option<f64>,
    pub input_bytes_max: Option<f64>,
    pub output_bytes_max: Option<f64>,
    pub fresh: Option<bool>,
    pub optimization: Option<String>,
    pub cache_dir: Option<String>,
    pub expected_hash: Option<Uint8Array>,
}

impl NativeDriverOptions {
    pub(crate) fn read(self) -> Outcome<Options> {
        let mut options = Options::default();
        if let Some(deadline) = self.deadline_ms {
            options.deadline = Duration::from_millis(values::whole(deadline, "deadlineMs")?);
        }
        if let Some(most) = self.memory_bytes_max {
            options.memory_bytes_max = values::whole(most, "memoryBytesMax")?;
        }
        if let Some(most) = self.input_bytes_max {
            options.input_bytes_max = values::whole(most, "inputBytesMax")?;
        }
        if let Some(most) = self.output_bytes_max {
            options.output_bytes_max = values::whole(most, "outputBytesMax")?;
        }
        if self.fresh == Some(true) {
            options.isolation = Isolation::Fresh;
        }
        options.optimization = match self.optimization.as_deref() {
            Some("quick") => Optimization::Quick,
            Some("full") => Optimization::Full,
            _ => Optimization::Tiered,
        };
        options.cache_dir = self.cache_dir.map(PathBuf::from);
        options.expected_hash = match &self.expected_hash {
            Some(hash) => Some(values::hash(hash, "expectedHash")?),
            None => None,
        };
        Ok(options)
    }
}

/// Loads a driver: compiling takes a while the first time.
#[napi(ts_return_type = "Promise<NativeDriver>")]
pub fn load_driver(
    wasm: &[u8],
    options: NativeDriverOptions,
) -> napi::Result<AsyncTask<Job<Driver, NativeDriver>>> {
    guard("loadDriver", || {
        // Copied: the caller may change its bytes while they are compiled.
        let (wasm, options) = (wasm.to_vec(), options.read()?);
        let wrap = |inner| NativeDriver { inner };
        Ok(background("Driver.load", wrap, move || {
            Ok(Driver::load(&wasm, &options)?)
        }))
    })
}

#[napi]
impl NativeDriver {
    /// SHA-256 of the module, hex.
    #[napi(getter)]
    pub fn hash(&self) -> napi::Result<String> {
        guard("Driver.hash", || Ok(hex::encode(self.inner.hash())))
    }

    #[napi]
    pub fn encode_input_fn<'env>(
        &self,
        env: &'env Env,
        name: String,
        json: String,
    ) -> napi::Result<Uint8ArraySlice<'env>> {
        guard("Driver.encodeInputFn", || {
            let operation = Operation::EncodeInputFn;
            let copy = |rkyv: &[u8]| values::copied(env, rkyv);
            Ok(self.inner.call(operation, &name, json.as_bytes(), copy)??)
        })
    }

    #[napi]
    pub fn decode_input_fn<'env>(
        &self,
        env: &'env Env,
        name: String,
        rkyv: &[u8],
    ) -> napi::Result<JsString<'env>> {
        guard("Driver.decodeInputFn", || {
            self.decode(env, Operation::DecodeInputFn, &name, rkyv)
        })
    }

    #[napi]
    pub fn decode_output_fn<'env>(
        &self,
        env: &'env Env,
        name: String,
        rkyv: &[u8],
    ) -> napi::Result<JsString<'env>> {
        guard("Driver.decodeOutputFn", || {
            self.decode(env, Operation::DecodeOutputFn, &name, rkyv)
        })
    }

    #[napi]
    pub fn decode_event<'env>(
        &self,
        env: &'env Env,
        name: String,
        rkyv: &[u8],
    ) -> napi::Result<JsString<'env>> {
        guard("Driver.decodeEvent", || {
            self.decode(env, Operation::DecodeEvent, &name, rkyv)
        })
    }

    /// The schema's text, or null.
    #[napi]
    pub fn get_schema(&self) -> napi::Result<Option<String>> {
        guard("Driver.getSchema", || Ok(self.inner.get_schema()?))
    }

    #[napi]
    pub fn get_version(&self) -> napi::Result<String> {
        guard("Driver.getVersion", || Ok(self.inner.get_version()?))
    }

    #[napi(ts_return_type = "Record<string, number>")]
    pub fn metrics<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        guard("Driver.metrics", || {
            let mut metrics = Object::new(env)?;
            for (name, value) in self.inner.metrics().entries() {
                metrics.set(name, values::number(value))?;
            }
            Ok(metrics)
        })
    }

    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        guard("Driver.close", || {
            self.inner.close();
            Ok(())
        })
    }
}

impl NativeDriver {
    /// The JSON text goes from the driver's memory into JavaScript's in one copy.
    fn decode<'env>(
        &self,
        env: &'env Env,
        operation: Operation,
        name: &str,
        rkyv: &[u8],
    ) -> Outcome<JsString<'env>> {
        Ok(self
            .inner
            .decode(operation, name, rkyv, |json| env.create_string(json))??)
    }
}
