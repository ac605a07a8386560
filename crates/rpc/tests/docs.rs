//! The tables of docs/rpc.md that speak of the code are written by the code. `UPDATE_DOCS=1` writes
//! them anew.

use libmetachain_rpc::Limits;
use libmetachain_spec_codegen::Spec;

const SPEC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/metachain.proto");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rpc.md");

fn methods() -> String {
    let spec = Spec::open(SPEC.as_ref()).expect("the specification");
    let yes = |is: bool| if is { "yes" } else { "no" };
    let mut table = String::from(
        "| method | takes | gives | readers | may be repeated |\n|---|---|---|---|---|\n",
    );
    for method in &spec.service.methods {
        let name = method
            .rpc
            .strip_prefix("metaConsensusRpc_")
            .expect("the common prefix");
        table += &format!(
            "| `{name}`: {} | `{}` | `{}` | {} | {} |\n",
            method.docs.join(" "),
            method.input,
            method.output,
            yes(!method.control),
            yes(method.idempotent),
        );
    }
    table
}

fn limits() -> String {
    let Limits {
        body_bytes_max,
        block_body_bytes_max,
        block_bodies_max,
        response_bytes_max,
        batch_max,
        depth_max,
        connections_max,
        calls_max,
        header_deadline,
        body_deadline,
        write_deadline,
        linger_deadline,
        stop_deadline,
    } = Limits::default();
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    let rows = [
        ("a body", mib(body_bytes_max)),
        (
            "the body of a method that takes blocks",
            mib(block_body_bytes_max),
        ),
        (
            "such larger bodies in memory at one time",
            block_bodies_max.to_string(),
        ),
        ("an answer", mib(response_bytes_max)),
        ("calls in a batch", batch_max.to_string()),
        ("levels of nesting", depth_max.to_string()),
        ("connections", connections_max.to_string()),
        (
            "calls that run at one time; others wait",
            calls_max.to_string(),
        ),
        (
            "a header, the first and every later one",
            format!("{header_deadline:?}"),
        ),
        (
            "a body, from the header's end",
            format!("{body_deadline:?}"),
        ),
        (
            "a caller that takes none of its answer",
            format!("{write_deadline:?}"),
        ),
        (
            "a refused caller that goes on sending",
            format!("{linger_deadline:?}"),
        ),
        (
            "calls in flight when stopping",
            format!("{stop_deadline:?}"),
        ),
    ];
    let mut table = String::from("| of | limit |\n|---|---|\n");
    for (what, limit) in rows {
        table += &format!("| {what} | {limit} |\n");
    }
    table
}

/// The text with everything between the marks of this name replaced.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name}: written by a test -->\n"),
        "<!-- end -->\n",
    );
    let (before, rest) = text.split_once(&begin).expect("the mark before the table");
    let (_, after) = rest.split_once(end).expect("the mark after the table");
    format!("{before}{begin}{table}{end}{after}")
}

#[test]
fn the_tables_are_those_of_the_code() {
    let kept = std::fs::read_to_string(DOCS).expect("it is committed");
    let made = with_table(
        &with_table(&kept, "methods", &methods()),
        "limits",
        &limits(),
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOCS, &made).expect("the file can be written");
    }
    assert_eq!(
        std::fs::read_to_string(DOCS).expect("it is committed"),
        made
    );
}
