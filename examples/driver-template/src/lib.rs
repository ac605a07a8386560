//! The data driver of a small contract, to be copied: a vault that holds deposits until a height.
//!
//! Every form of arguments occurs once. Replace the types by your contract's, the names by its
//! functions and events, and the table below stays the documentation of your driver:
//!
//! | function | arguments | JSON of the arguments | result |
//! |---|---|---|---|
//! | `balance_of` | one value | `"00ff…"` | `u64` |
//! | `deposit` | one struct | `{"owner": "00ff…", "value": "12", "unlocks_at": null}` | nothing |
//! | `deposits_between` | two `u64` | `["100", "200"]` | a list of structs |
//! | `withdraw` | several, mixed | `[{"owner": …}, 3, true]` | an enum |
//! | `total` | none | `null` | `u64` |
//!
//! | event | data |
//! |---|---|
//! | `deposited` | the struct |
//! | `withdrawn` | owner and value, a tuple |

mod types;

use libmetachain_data_driver::rkyv07::{
    json_to_rkyv, json_to_rkyv_pair_u64, rkyv_to_json, rkyv_to_json_pair_u64, rkyv_to_json_u64,
};
use libmetachain_data_driver::{ConvertibleContract, Error, JsonValue, Schema, export_driver};

pub use types::{Deposit, Outcome, Owner, Withdrawn};

/// The driver; it has no state.
#[derive(Debug, Default)]
pub struct VaultDriver;

impl ConvertibleContract for VaultDriver {
    fn encode_input_fn(&self, fn_name: &str, json: &str) -> Result<Vec<u8>, Error> {
        match fn_name {
            "balance_of" => json_to_rkyv::<Owner>(json),
            "deposit" => json_to_rkyv::<Deposit>(json),
            "deposits_between" => json_to_rkyv_pair_u64(json),
            "withdraw" => json_to_rkyv::<(Deposit, u32, bool)>(json),
            "total" => json_to_rkyv::<()>(json),
            name => Err(Error::unknown_function(name)),
        }
    }

    fn decode_input_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        match fn_name {
            "balance_of" => rkyv_to_json::<Owner>(rkyv),
            "deposit" => rkyv_to_json::<Deposit>(rkyv),
            "deposits_between" => rkyv_to_json_pair_u64(rkyv),
            "withdraw" => rkyv_to_json::<(Deposit, u32, bool)>(rkyv),
            "total" => rkyv_to_json::<()>(rkyv),
            name => Err(Error::unknown_function(name)),
        }
    }

    fn decode_output_fn(&self, fn_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        match fn_name {
            "balance_of" | "total" => rkyv_to_json_u64(rkyv),
            "deposit" => rkyv_to_json::<()>(rkyv),
            "deposits_between" => rkyv_to_json::<Vec<Deposit>>(rkyv),
            "withdraw" => rkyv_to_json::<Outcome>(rkyv),
            name => Err(Error::unknown_function(name)),
        }
    }

    fn decode_event(&self, event_name: &str, rkyv: &[u8]) -> Result<JsonValue, Error> {
        match event_name {
            "deposited" => rkyv_to_json::<Deposit>(rkyv),
            "withdrawn" => rkyv_to_json::<(Owner, Withdrawn)>(rkyv),
            event => Err(Error::unknown_event(event)),
        }
    }

    fn get_schema(&self) -> String {
        Schema::new("Vault")
            .function("balance_of", "Owner", "u64")
            .function("deposit", "Deposit", "()")
            .function("deposits_between", "(u64,u64)", "Vec<Deposit>")
            .function("withdraw", "(Deposit,u32,bool)", "Outcome")
            .function("total", "()", "u64")
            .event("deposited", "Deposit")
            .event("withdrawn", "(Owner,Withdrawn)")
            .to_json()
    }

    fn get_version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

export_driver!(VaultDriver);
