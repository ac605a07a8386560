//! What a call costs through this crate alone, without JavaScript: rows called `ours-rust` of the suite
//! `driver` of `npm run bench`.
//!
//! It obeys commands on standard input, one a line, and answers each with one line of JSON: the
//! nanoseconds of a call, some times over, each from a run of calls that takes so long.
//!
//! ```text
//! module PATH      loads a driver, compiled in full
//! version MICROS   get_version
//! rejected MICROS  decode_event of an event that the driver does not know, and its error
//! ```

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

use libmetachain_driver_host::{Driver, DriverCode, Operation, Optimization, Options};

/// Runs of calls that a command times.
const RUNS: u32 = 5;
/// An event that no driver knows, and its data.
const UNKNOWN: (&str, [u8; 8]) = ("no such event", [0; 8]);

type Answer = Result<String, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut driver = None;
    for line in stdin().lock().lines() {
        let line = line?;
        let answer = obey(&line, &mut driver)
            .unwrap_or_else(|error| format!("{{\"error\":{:?}}}", format!("{line}: {error}")));
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}

fn obey(line: &str, driver: &mut Option<Driver>) -> Answer {
    let (command, word) = line.split_once(' ').ok_or("a word is missing")?;
    if command == "module" {
        *driver = Some(load(word)?);
        return Ok("{}".into());
    }
    let each = Duration::from_micros(word.parse()?) / RUNS;
    let driver = driver.as_ref().ok_or("there is no driver yet")?;
    match command {
        "version" => timed(each, || {
            Ok(driver.read_version(|text| black_box(text.len()))?)
        }),
        "rejected" => timed(each, || rejected(driver)),
        other => Err(format!("unknown command {other}").into()),
    }
}

fn load(path: &str) -> Result<Driver, Box<dyn Error>> {
    let wasm = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let options = Options {
        optimization: Optimization::Full,
        ..Options::default()
    };
    Ok(Driver::load(&wasm, &options)?)
}

fn rejected(driver: &Driver) -> Result<usize, Box<dyn Error>> {
    let (name, data) = UNKNOWN;
    match driver.call(Operation::DecodeEvent, name, black_box(&data), <[u8]>::len) {
        Err(error) if error.code == DriverCode::Operation => Ok(black_box(error.message.len())),
        Err(error) => Err(error.into()),
        Ok(_) => Err("the driver knows the event".into()),
    }
}

fn timed(each: Duration, mut call: impl FnMut() -> Result<usize, Box<dyn Error>>) -> Answer {
    let mut calls = 1;
    while run(calls, &mut call)? < each / 4 {
        calls *= 4;
    }
    let mut ns = Vec::new();
    for _ in 0..RUNS {
        ns.push(run(calls, &mut call)?.as_secs_f64() * 1e9 / f64::from(calls));
    }
    Ok(format!("{{\"ns\":{ns:?}}}"))
}

fn run(
    calls: u32,
    call: &mut impl FnMut() -> Result<usize, Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    for _ in 0..calls {
        call()?;
    }
    Ok(start.elapsed())
}
