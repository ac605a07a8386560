//! A metachain behind a JSON-RPC server, for those who try the C++ client: it takes what `start` takes.
//!
//! `metachain-server TOKEN PORT ARGUMENTS` prints the address that it listens on (port 0 takes a free
//! one) and runs until its standard input ends.

#[path = "../src/args.rs"]
mod args;
#[path = "../src/settings.rs"]
mod settings;

use std::error::Error;
use std::io::{Read, stdin};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use libmetachain_engine::Metachain;
use libmetachain_rpc::{Access, Grant, RpcServer, Secret, ServerOptions};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("metachain-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [token, port, arguments] = words.as_slice() else {
        return Err("usage: metachain-server TOKEN PORT ARGUMENTS".into());
    };
    let arguments = args::split(arguments)?;
    let chain = settings::read(arguments.iter().map(String::as_str))?;
    let metachain = Arc::new(Metachain::open(&chain)?);
    let mut options = ServerOptions::new(vec![Grant {
        secret: Secret::bearer(token)?,
        access: Access::Control,
    }]);
    options.address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
    let server = RpcServer::start(Arc::clone(&metachain), &options)?;
    println!("listening on http://{}", server.address());
    stdin().read_to_end(&mut Vec::new())?;
    server.stop();
    metachain.close()?;
    Ok(())
}
