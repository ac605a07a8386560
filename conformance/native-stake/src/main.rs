//! Times the published stake driver called natively: the row that no sandbox can beat.
//!
//! Reads one case a line from standard input and writes one result a line:
//!
//! ```text
//! {"operation":"decodeEvent","name":"stake","data":"00ff…"}        rkyv as hexadecimal digits
//! {"operation":"encodeInputFn","name":"stake","data":"{\"chain_id\":…}"}   JSON as text
//! → {"operation":"decodeEvent","name":"stake","calls":81920,"nsPerCall":{"median":9120.5,"low":9080.1,"high":9301.7},"output":"{…}"}
//! ```
//!
//! A line with `events` times a batch instead: so many of them, in the order that the stride gives, decoded
//! on so many threads, their texts kept until all are there.
//!
//! ```text
//! {"events":[{"name":"stake","data":"00ff…"},…],"count":20000,"stride":7919,"threads":2}
//! → {"ns":91203312}
//! ```
//!
//! Every sample is a run of calls about a hundredth of the time long; `low` and `high` are the 5th
//! and the 95th percentile of the samples. `native-stake [SECONDS]` sets the time of a case. Build it
//! with the profile `timing`, which optimises as the modules are optimised.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dusk_data_driver::ConvertibleContract;
use dusk_stake_contract_dd::ContractDriver;
use serde::{Deserialize, Serialize};

const SECONDS: f64 = 1.0;
const SAMPLES: u32 = 100;
/// Events that a thread takes at a time.
const CHUNK: usize = 64;

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Operation {
    EncodeInputFn,
    DecodeInputFn,
    DecodeOutputFn,
    DecodeEvent,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Question {
    Case(Case),
    Batch(Batch),
}

#[derive(Deserialize)]
struct Batch {
    events: Vec<Event>,
    count: usize,
    stride: usize,
    threads: usize,
}

#[derive(Deserialize)]
struct Event {
    name: String,
    data: String,
}

#[derive(Deserialize)]
struct Case {
    operation: Operation,
    name: String,
    data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timing<'a> {
    operation: Operation,
    name: &'a str,
    calls: u64,
    ns_per_call: Spread,
    /// The answer, rkyv as hexadecimal digits, so that a reader can check what was timed.
    output: String,
}

#[derive(Serialize)]
struct Spread {
    median: f64,
    low: f64,
    high: f64,
}

/// One call, as a host makes it: bytes in, bytes out.
fn call(
    driver: &ContractDriver,
    operation: Operation,
    name: &str,
    data: &[u8],
) -> Result<Vec<u8>, Box<dyn Error>> {
    let result = match operation {
        Operation::EncodeInputFn => driver.encode_input_fn(name, std::str::from_utf8(data)?),
        Operation::DecodeInputFn => driver.decode_input_fn(name, data).map(text),
        Operation::DecodeOutputFn => driver.decode_output_fn(name, data).map(text),
        Operation::DecodeEvent => driver.decode_event(name, data).map(text),
    };
    result.map_err(|error| format!("{error:?}").into())
}

fn text(value: dusk_data_driver::JsonValue) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn time(
    mut call: impl FnMut() -> Result<Vec<u8>, Box<dyn Error>>,
    total: Duration,
) -> Result<(u64, Spread), Box<dyn Error>> {
    let sample = total / SAMPLES;
    let (start, mut calls) = (Instant::now(), 0u32);
    while start.elapsed() < sample {
        black_box(call()?);
        calls += 1;
    }
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call()?);
        }
        samples.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
    }
    samples.sort_by(f64::total_cmp);
    let at = |share: usize| samples[(samples.len() - 1) * share / 100];
    let spread = Spread {
        median: at(50),
        low: at(5),
        high: at(95),
    };
    Ok((u64::from(calls) * u64::from(SAMPLES), spread))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err("data is not whole bytes in hexadecimal digits".into());
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| Ok(u8::from_str_radix(&digits[at..at + 2], 16)?))
        .collect()
}

fn answer(line: &str, total: Duration) -> Result<String, Box<dyn Error>> {
    match serde_json::from_str(line)? {
        Question::Case(case) => time_case(case, total),
        Question::Batch(batch) => time_batch(&batch),
    }
}

fn time_batch(batch: &Batch) -> Result<String, Box<dyn Error>> {
    let events = batch
        .events
        .iter()
        .map(|event| Ok((event.name.as_str(), Aligned::new(&unhex(&event.data)?))))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    if events.is_empty() {
        return Err("a batch has events".into());
    }
    let taken = AtomicUsize::new(0);
    // What one thread decodes. Errors are texts, for they go from thread to thread.
    let decode = || -> Result<Vec<Vec<u8>>, String> {
        let mut texts = Vec::new();
        loop {
            let first = taken.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= batch.count {
                return Ok(texts);
            }
            for index in first..batch.count.min(first + CHUNK) {
                let (name, data) = &events[index.wrapping_mul(batch.stride) % events.len()];
                let answer = call(&ContractDriver, Operation::DecodeEvent, name, data.bytes());
                texts.push(answer.map_err(|error| format!("{name}: {error}"))?);
            }
        }
    };
    let start = Instant::now();
    let texts = thread::scope(|scope| {
        let threads: Vec<_> = (0..batch.threads).map(|_| scope.spawn(decode)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked")?)
            .collect::<Result<Vec<_>, String>>()
    })?;
    let ns = start.elapsed().as_nanos();
    black_box(texts);
    Ok(format!("{{\"ns\":{ns}}}"))
}

fn time_case(case: Case, total: Duration) -> Result<String, Box<dyn Error>> {
    let driver = ContractDriver;
    let data = match case.operation {
        Operation::EncodeInputFn => case.data.into_bytes(),
        _ => unhex(&case.data)?,
    };
    // Archives are read in place, and may need this alignment.
    let aligned = Aligned::new(&data);
    let data = aligned.bytes();
    let output = call(&driver, case.operation, &case.name, data)?;
    let (calls, ns_per_call) = time(
        || {
            call(
                &driver,
                case.operation,
                black_box(&case.name),
                black_box(data),
            )
        },
        total,
    )?;
    let output = match case.operation {
        Operation::EncodeInputFn => hex(&output),
        _ => String::from_utf8(output)?,
    };
    Ok(serde_json::to_string(&Timing {
        operation: case.operation,
        name: &case.name,
        calls,
        ns_per_call,
        output,
    })?)
}

/// Bytes at an address that is a multiple of 16.
struct Aligned {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Aligned {
    fn new(bytes: &[u8]) -> Self {
        let mut memory = vec![0; bytes.len() + 15];
        let start = memory.as_ptr().align_offset(16);
        memory[start..start + bytes.len()].copy_from_slice(bytes);
        Aligned {
            memory,
            start,
            length: bytes.len(),
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = match std::env::args().nth(1) {
        Some(text) => text
            .parse()
            .map_err(|_| "usage: native-stake [SECONDS] < CASES")?,
        None => SECONDS,
    };
    let total = Duration::try_from_secs_f64(seconds)?;
    for (index, line) in stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer =
            answer(&line, total).map_err(|error| format!("line {}: {error}", index + 1))?;
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}
