//! Loads a driver and converts with it: `cargo run --release -p libmetachain-driver-host --example
//! decode -- target/drivers/stake.wasm [operation name data]`.
//!
//! `operation` is `encode_input_fn` (data: JSON) or `decode_input_fn`, `decode_output_fn`,
//! `decode_event` (data: hexadecimal). Without one, the driver's description is printed, and what
//! happens to an event that it does not know.

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use libmetachain_driver_host::{Driver, DriverCode, Operation, Options, check};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .unwrap_or_else(|| "target/drivers/stake.wasm".to_owned());
    let wasm = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;

    // Loading does this too; on its own it costs milliseconds, and names every fault at once.
    let report = check(&wasm);
    println!("{path}: {report}; {} functions", report.functions);

    let options = Options {
        deadline: Duration::from_millis(200),
        ..Options::default()
    };
    let started = Instant::now();
    let driver = Driver::load(&wasm, &options)?;
    println!("checked, compiled and started in {:?}", started.elapsed());

    match arguments.next() {
        Some(operation) => {
            let name = arguments
                .next()
                .ok_or("the name of a function or event is missing")?;
            let data = arguments.next().unwrap_or_default();
            convert(&driver, &operation, &name, &data)
        }
        None => describe(&driver, &wasm, &options),
    }
}

fn convert(driver: &Driver, operation: &str, name: &str, data: &str) -> Result<(), Box<dyn Error>> {
    let operation = Operation::ALL
        .into_iter()
        .find(|known| known.as_str() == operation)
        .ok_or("the operation is none of the four")?;
    if operation == Operation::EncodeInputFn {
        let rkyv = driver.encode_input_fn(name, data)?;
        println!(
            "{}",
            rkyv.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        );
    } else {
        let bytes = unhex(data).ok_or("the data is not hexadecimal")?;
        driver.decode(operation, name, &bytes, |json| println!("{json}"))?;
    }
    Ok(())
}

fn describe(driver: &Driver, wasm: &[u8], options: &Options) -> Result<(), Box<dyn Error>> {
    println!(
        "version {}, lengths in {:?} order",
        driver.get_version()?,
        driver.byte_order()
    );
    match driver.get_schema()? {
        Some(schema) => println!("schema {schema}"),
        None => println!("no schema"),
    }
    // Whatever a driver does, the caller gets a code to branch on, and the next call works.
    match driver.decode_event("no such event", b"") {
        Err(error) if error.code == DriverCode::Operation => {
            println!("the driver refuses, in its own words: {}", error.message);
        }
        other => println!("unexpected: {other:?}"),
    }
    // The same module again is not compiled again.
    let started = Instant::now();
    drop(Driver::load(wasm, options)?);
    println!("loaded again in {:?}", started.elapsed());
    println!("{:?}", driver.metrics());
    Ok(())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    bytes.collect()
}
