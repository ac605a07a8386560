//! The schema: a contract's functions and events, named for tools that list them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

/// The description of a contract that [`ConvertibleContract::get_schema`] returns.
///
/// It is written in the form that Dusk's drivers use: types are named as in Rust, several arguments
/// as a tuple, none as `()`.
///
/// ```
/// # use libmetachain_data_driver::Schema;
/// let schema = Schema::new("Counter")
///     .function("increase_by", "u64", "u64")
///     .event("increased", "(u64,u64)");
/// assert!(schema.to_json().starts_with(r#"{"name":"Counter","imports":[],"functions":[{"name":"#));
/// ```
///
/// [`ConvertibleContract::get_schema`]: crate::ConvertibleContract::get_schema
#[derive(Clone, Debug, Serialize)]
pub struct Schema {
    name: &'static str,
    imports: Vec<&'static str>,
    functions: Vec<Function>,
    events: Vec<Event>,
}

#[derive(Clone, Debug, Serialize)]
struct Function {
    name: &'static str,
    doc: &'static str,
    input: &'static str,
    output: &'static str,
    custom: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Event {
    topic: &'static str,
    data: &'static str,
}

impl Schema {
    /// The schema of a contract of this name, still without functions and events.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Schema {
            name,
            imports: Vec::new(),
            functions: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Adds a function with the types of its arguments and of its result.
    #[must_use]
    pub fn function(self, name: &'static str, input: &'static str, output: &'static str) -> Self {
        self.documented_function(name, "", input, output)
    }

    /// Adds a function with a sentence about it.
    #[must_use]
    pub fn documented_function(
        mut self,
        name: &'static str,
        doc: &'static str,
        input: &'static str,
        output: &'static str,
    ) -> Self {
        self.functions.push(Function {
            name,
            doc,
            input,
            output,
            custom: false,
        });
        self
    }

    /// Adds an event with the type of its data.
    #[must_use]
    pub fn event(mut self, topic: &'static str, data: &'static str) -> Self {
        self.events.push(Event { topic, data });
        self
    }

    /// The JSON text, in the order in which functions and events were added.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written; an empty text means "no schema" to every caller.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_form_that_published_drivers_use() {
        let schema = Schema::new("StakeContract")
            .function("unstake", "Withdraw", "()")
            .documented_function("get_version", "The version.", "()", "u64")
            .event("reward", "Vec<Reward>");
        assert_eq!(
            schema.to_json(),
            concat!(
                r#"{"name":"StakeContract","imports":[],"functions":["#,
                r#"{"name":"unstake","doc":"","input":"Withdraw","output":"()","custom":false},"#,
                r#"{"name":"get_version","doc":"The version.","input":"()","output":"u64","custom":false}],"#,
                r#""events":[{"topic":"reward","data":"Vec<Reward>"}]}"#
            )
        );
    }
}
