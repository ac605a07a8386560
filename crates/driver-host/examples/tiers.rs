//! What each way of compiling costs, and what it is worth: `cases 7 20 | cargo run --release -p
//! libmetachain-driver-host --example tiers -- target/drivers/stake.wasm`.
//!
//! Standard input has the calls, one a line, as the conformance workspace's `cases` writes them:
//! driver, operation, name, data as hexadecimal digits, tab-separated; lines of other drivers are
//! passed over. What decodes is also encoded again. A time is the least of many short samples, taken
//! in turns, so that a busy machine shows less.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, stdin};
use std::path::Path;
use std::time::{Duration, Instant};

use libmetachain_driver_host::{Driver, Operation, Optimization, Options};

/// Samples of each call and tier, taken in turns: the smallest counts.
const SAMPLES: u32 = 25;
/// How long one sample runs.
const SAMPLE: Duration = Duration::from_millis(2);

struct Case {
    operation: Operation,
    name: String,
    data: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: tiers MODULE < CASES")?;
    let wasm = std::fs::read(&path)?;
    let stem = Path::new(&path).file_stem().unwrap_or_default();
    let cases = read(&stem.to_string_lossy())?;
    let mut drivers = Vec::new();
    for optimization in [Optimization::Quick, Optimization::Full] {
        let options = Options {
            optimization,
            ..Options::default()
        };
        // Drivers of the same module share their code: an empty section more makes it another one.
        let module = [&wasm[..], &[0, 2, 1, b'0' + optimization as u8]].concat();
        let (clock, processor) = (Instant::now(), processor_time());
        let driver = Driver::load(&module, &options)?;
        println!(
            "{optimization:?}: loaded in {:.0} ms, {:.0} ms of processor, {} KiB of code",
            clock.elapsed().as_secs_f64() * 1e3,
            (processor_time() - processor).as_secs_f64() * 1e3,
            driver.metrics().code_bytes >> 10,
        );
        drivers.push(driver);
    }
    let mut rows: BTreeMap<String, Vec<[f64; 2]>> = BTreeMap::new();
    for case in &cases {
        measure(&drivers, case, &mut rows)?;
    }
    println!(
        "{:40} {:>10} {:>10} {:>6}",
        "microseconds a call", "quick", "full", "ratio"
    );
    for (name, times) in rows {
        let mean =
            |tier: usize| times.iter().map(|both| both[tier]).sum::<f64>() / times.len() as f64;
        let (quick, full) = (mean(0), mean(1));
        println!("{name:40} {quick:>10.2} {full:>10.2} {:>6.2}", quick / full);
    }
    Ok(())
}

fn read(driver: &str) -> Result<Vec<Case>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for line in stdin().lock().lines() {
        let line = line?;
        let mut columns = line.split('\t');
        let mut column = || columns.next().ok_or("a line has four columns");
        if column()? != driver {
            continue;
        }
        let operation = match column()? {
            "decodeInputFn" => Operation::DecodeInputFn,
            "decodeOutputFn" => Operation::DecodeOutputFn,
            "decodeEvent" => Operation::DecodeEvent,
            other => return Err(format!("no operation {other}").into()),
        };
        let name = column()?.to_owned();
        let data = unhex(column()?).ok_or("data is hexadecimal digits")?;
        cases.push(Case {
            operation,
            name,
            data,
        });
    }
    Ok(cases)
}

fn measure(
    drivers: &[Driver],
    case: &Case,
    rows: &mut BTreeMap<String, Vec<[f64; 2]>>,
) -> Result<(), Box<dyn Error>> {
    let (operation, name, data) = (case.operation, &case.name, &case.data);
    let [quick, full] = drivers else {
        return Err("two drivers are compared".into());
    };
    let json = quick.decode(operation, name, data, str::to_owned);
    if json != full.decode(operation, name, data, str::to_owned) {
        return Err(format!("{name}: the answers differ").into());
    }
    let Ok(json) = json else { return Ok(()) };
    let mut note = |operation: Operation, data: &[u8]| {
        let row = rows.entry(format!("{} {name}", operation.as_str()));
        let mut best = [f64::MAX; 2];
        for _ in 0..SAMPLES {
            for (best, driver) in best.iter_mut().zip(drivers) {
                let call = || driver.call(operation, name, black_box(data), <[u8]>::len);
                *best = best.min(sample(|| call().is_ok()));
            }
        }
        row.or_default().push(best);
    };
    note(operation, data);
    if operation == Operation::DecodeInputFn {
        note(Operation::EncodeInputFn, json.as_bytes());
    }
    Ok(())
}

/// Microseconds of processor for one call.
fn sample(mut call: impl FnMut() -> bool) -> f64 {
    let clock = Instant::now();
    let mut calls = 0u32;
    while clock.elapsed() < SAMPLE {
        black_box(call());
        calls += 1;
    }
    clock.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

/// Processor time that all threads have had.
fn processor_time() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return since_start();
    };
    let times = tasks.filter_map(|task| scheduled(&task.ok()?.path()));
    times.sum()
}

fn scheduled(task: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    let nanoseconds = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn since_start() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
