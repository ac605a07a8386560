//! A loaded data driver.

use std::path::PathBuf;
use std::time::Duration;

use libmetachain_driver_host::{Driver, Isolation, Optimization, Options, Source};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Object, Uint8Array};
use napi_derive::napi;

use crate::background::{Job, background};
use crate::driver_table::Place;
use crate::guard::{Outcome, guard};
use crate::values;

/// A data driver. TypeScript's class of that name wraps it; its synchronous calls name it by number.
#[napi]
pub struct NativeDriver(Place);

impl From<Driver> for NativeDriver {
    fn from(driver: Driver) -> Self {
        NativeDriver(Place::take(driver))
    }
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
        // The caller may change its bytes while they are compiled: they are read here, once.
        let (source, options) = (Source::new(wasm), options.read()?);
        Ok(background("Driver.load", NativeDriver::from, move || {
            Ok(Driver::load_from(source, &options)?)
        }))
    })
}

#[napi]
impl NativeDriver {
    /// SHA-256 of the module, hex.
    #[napi(getter)]
    pub fn hash(&self) -> napi::Result<String> {
        guard("Driver.hash", || Ok(hex::encode(self.driver().hash())))
    }

    /// What the synchronous calls name this driver by, on this thread.
    #[napi(getter)]
    pub fn number(&self) -> napi::Result<u32> {
        guard("Driver.number", || Ok(self.0.number()))
    }

    /// The schema's text, or null.
    #[napi]
    pub fn get_schema(&self) -> napi::Result<Option<String>> {
        guard("Driver.getSchema", || Ok(self.driver().get_schema()?))
    }

    #[napi(ts_return_type = "Record<string, number>")]
    pub fn metrics<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        guard("Driver.metrics", || {
            let mut metrics = Object::new(env)?;
            for (name, value) in self.driver().metrics().entries() {
                metrics.set(name, values::number(value))?;
            }
            Ok(metrics)
        })
    }

    #[napi]
    pub fn close(&self) -> napi::Result<()> {
        guard("Driver.close", || {
            self.driver().close();
            Ok(())
        })
    }
}

impl NativeDriver {
    pub(crate) fn driver(&self) -> &Driver {
        self.0.driver()
    }
}
