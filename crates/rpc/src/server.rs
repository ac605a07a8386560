//! A running server: its thread, its listener, and its orderly end.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use libmetachain_engine::Metachain;
use libmetachain_primitives::{Code, Error, Result};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::connection;
use crate::connections::Connections;
use crate::dispatch::Dispatcher;
use crate::options::{Limits, ServerOptions};
use crate::request::Shared;
use crate::service::ChainService;
use crate::wire::{METHODS, MetachainServer};

/// How long to wait when the system has no descriptor or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A server that runs until it is stopped or dropped.
///
/// It has a thread of its own and is usable from any other, also from within another asynchronous
/// runtime.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl RpcServer {
    /// Listens, and answers calls on the chain from then on.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for options that make no sense, `INTERNAL_IO` if the address cannot be listened
    /// on or the system has no thread for the server.
    pub fn start(chain: Arc<Metachain>, options: &ServerOptions) -> Result<RpcServer> {
        options.validate()?;
        let listener = listen(options.address)?;
        let address = listener.local_addr().map_err(|error| {
            Error::new(
                Code::InternalIo,
                format!("the listener has no address: {error}"),
            )
        })?;
        let genesis = chain.genesis();
        let (chain_id, genesis) = (genesis.chain_id.clone(), genesis.hash());
        let service = MetachainServer::module(Arc::new(ChainService::new(chain)))
            .map_err(|error| Error::new(Code::InternalPanic, error.to_string()))?;
        let shared = Arc::new(Shared {
            grants: options.grants.clone(),
            dispatcher: Dispatcher {
                methods: service.into(),
                table: METHODS,
                limits: options.limits,
            },
            large_bodies: Arc::new(Semaphore::new(
                options.limits.block_bodies_max.min(Semaphore::MAX_PERMITS),
            )),
            chain_id,
            genesis,
        });
        let runtime = runtime(&options.limits)?;
        let (stop, stopping) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("metachain-rpc".into())
            .spawn(move || run(runtime, listener, &shared, stopping))
            .map_err(|error| Error::new(Code::InternalIo, format!("no thread: {error}")))?;
        Ok(RpcServer {
            address,
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, ends idle connections, waits for calls in flight up to the deadline for
    /// stopping, and lets go of the chain. Blocks meanwhile. Idempotent: whoever calls it returns
    /// when the server has ended.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        // Held while joining, so that a second caller waits for the end too.
        let mut thread = self.thread.lock();
        if let Some(thread) = thread.take() {
            // A panic of the thread has been reported where it happened, and the server is over.
            let _ = thread.join();
        }
    }
}

impl Drop for RpcServer {
    /// Begins to stop and does not wait, so that a garbage collector is not blocked.
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn listen(address: SocketAddr) -> Result<StdListener> {
    let listener = StdListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| {
        Error::new(
            Code::InternalIo,
            format!("cannot listen on {address}: {error}"),
        )
    })
}

fn runtime(limits: &Limits) -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(limits.calls_max)
        .thread_name("metachain-rpc")
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Error::new(Code::InternalIo, format!("no runtime: {error}")))
}

fn run(runtime: Runtime, listener: StdListener, shared: &Arc<Shared>, stop: watch::Receiver<bool>) {
    let deadline = shared.dispatcher.limits.stop_deadline;
    runtime.block_on(async {
        // Fails only without the runtime's reactor, which has just been built.
        let Ok(listener) = TcpListener::from_std(listener) else {
            return;
        };
        let connections = Connections::new(shared.dispatcher.limits.connections_max);
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = accept(listener, shared, &connections, &stop, &mut tasks) => {}
            () = connection::stopped(stop.clone()) => {}
        }
        connections.close();
        let all_ended = async { while tasks.join_next().await.is_some() {} };
        let _ = timeout(deadline, all_ended).await;
    });
    // What runs on the chain cannot be interrupted, but what it would answer to is gone.
    runtime.shutdown_timeout(deadline);
}

async fn accept(
    listener: TcpListener,
    shared: &Arc<Shared>,
    connections: &Arc<Connections>,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // The system is short of something that closing connections gives back.
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if let Some(place) = connections.admit() {
            tasks.spawn(connection::serve(
                stream,
                Arc::new(place),
                Arc::clone(shared),
                stop.clone(),
            ));
        }
    }
}
