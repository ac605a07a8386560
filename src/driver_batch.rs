//! Many driver calls in one crossing, run on the host's own threads.

use libmetachain_driver_host::{
    Cancel, DriverCode, DriverError, Items, Operation, Packed, pool_threads, set_pool_threads,
};
use napi::Env;
use napi::bindgen_prelude::{Object, Uint8Array, Uint32Array};
use napi_derive::napi;
use serde_json::json;

use crate::abort::AbortFlag;
use crate::driver::NativeDriver;
use crate::guard::{Outcome, driver_report, guard};
use crate::promise::promise;
use crate::values;

/// The items of a batch, as columns. A name crosses once, however many items have it.
struct Columns {
    names: Vec<String>,
    name_of: Vec<u32>,
    data: Vec<u8>,
    /// Where the data of each item ends.
    ends: Vec<u32>,
}

impl Columns {
    /// The columns, if every item's name and data lie within them.
    fn check(self) -> Outcome<Self> {
        let named = self
            .name_of
            .iter()
            .all(|name| (*name as usize) < self.names.len());
        let starts = std::iter::once(&0).chain(&self.ends);
        let ascending = starts.zip(&self.ends).all(|(start, end)| start <= end);
        let inside = self
            .ends
            .last()
            .is_none_or(|end| *end as usize <= self.data.len());
        if named && ascending && inside && self.name_of.len() == self.ends.len() {
            return Ok(self);
        }
        Err(values::bad(
            "items",
            "the packed items are cut short".into(),
        ))
    }

    fn range(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        Some(start as usize..*self.ends.get(index)? as usize)
    }
}

impl Items for Columns {
    fn len(&self) -> usize {
        self.name_of.len()
    }

    fn item(&self, index: usize) -> (&str, &[u8]) {
        let name = self
            .name_of
            .get(index)
            .and_then(|name| self.names.get(*name as usize));
        let data = self.range(index).and_then(|range| self.data.get(range));
        (name.map_or("", String::as_str), data.unwrap_or_default())
    }
}

/// The items of a batch as they cross.
#[napi(object, object_to_js = false)]
pub struct PackedItems {
    pub names: Vec<String>,
    /// The position of each item's name in `names`.
    pub name_of: Uint32Array,
    /// The data of all items, one after the other.
    pub data: Uint8Array,
    /// Where the data of each item ends.
    pub ends: Uint32Array,
}

/// The answers of a batch.
#[napi(object, object_from_js = false)]
pub struct PackedAnswers {
    /// All answers, one after the other; of decodings this is UTF-8 text.
    pub data: Uint8Array,
    /// Where each answer ends; that of a failed item is empty.
    pub ends: Uint32Array,
    /// JSON: a list of [index, report] of the items that failed; left out if none did.
    pub failures: Option<String>,
    /// The items that were not run, because the answers to the others had taken all room; left out if there are none.
    pub left: Option<Uint32Array>,
}

fn answers(packed: Packed) -> Outcome<PackedAnswers> {
    let ends: Result<Vec<u32>, _> = packed.ends.into_iter().map(u32::try_from).collect();
    let ends = ends.map_err(|_| DriverError {
        code: DriverCode::OutputTooLarge,
        phase: "batch",
        message: "the answers to a part of the batch take more than 4 GiB together".into(),
        driver_hash: None,
    })?;
    let failures = (!packed.errors.is_empty()).then(|| {
        let rows = packed
            .errors
            .iter()
            .map(|(index, error)| json!([index, driver_report(error)]));
        serde_json::Value::from_iter(rows).to_string()
    });
    // They are positions among items that were counted in 32 bits.
    let left: Vec<u32> = packed.left.into_iter().map(|index| index as u32).collect();
    Ok(PackedAnswers {
        data: packed.bytes.into(),
        ends: ends.into(),
        failures,
        left: (!left.is_empty()).then(|| left.into()),
    })
}

#[napi]
impl NativeDriver {
    /// Runs an operation on many items; `operation` is the name of the driver's export. Once the answers take
    /// `answer_bytes_max`, no other item begins.
    #[napi(ts_return_type = "Promise<PackedAnswers>")]
    pub fn batch<'env>(
        &self,
        env: &'env Env,
        operation: String,
        items: PackedItems,
        answer_bytes_max: u32,
        aborted: &AbortFlag,
    ) -> napi::Result<Object<'env>> {
        promise(env, "Driver.batch", answers, |done| {
            let known = Operation::ALL
                .into_iter()
                .find(|known| known.as_str() == operation);
            let operation = known
                .ok_or_else(|| values::bad("operation", format!("there is no '{operation}'")))?;
            let columns = Columns {
                names: items.names,
                name_of: items.name_of.to_vec(),
                data: items.data.to_vec(),
                ends: items.ends.to_vec(),
            }
            .check()?;
            let cancel = Cancel::from(aborted.shared());
            let room = answer_bytes_max as usize;
            Ok(self
                .driver()
                .spawn_packed(operation, columns, room, cancel, done)?)
        })
    }
}

/// How many threads batches use, for the whole process.
#[napi]
pub fn batch_threads() -> napi::Result<u32> {
    guard("driverThreads", || {
        Ok(u32::try_from(pool_threads()).unwrap_or(u32::MAX))
    })
}

/// Sets how many threads batches use from now on.
#[napi]
pub fn set_batch_threads(threads: u32) -> napi::Result<()> {
    guard("setDriverThreads", || {
        Ok(set_pool_threads(threads as usize)?)
    })
}
