//! Reading a request's body under limits: of bytes, of depth, and of time.
//!
//! A body may be large only if it names, within what any body may hold, a method that takes blocks;
//! and only a few such bodies are in memory at one time.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use libmetachain_primitives::Code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::options::Limits;
use crate::refusal::Refusal;
use crate::scan::{Scanner, TooDeep};

/// A body within the limits.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) bytes: Vec<u8>,
    /// Held as long as the large body it stands for is in memory.
    _large: Option<OwnedSemaphorePermit>,
}

/// Reads a body to its end, or to the first limit that it exceeds.
pub(crate) async fn read<B>(
    body: B,
    limits: &Limits,
    large_bodies: &Arc<Semaphore>,
    takes_blocks: fn(&str) -> bool,
) -> Result<Read, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = body.size_hint().lower();
    if announced > limits.block_body_bytes_max as u64 {
        return Err(too_large(limits.block_body_bytes_max));
    }
    let reading = Reading {
        scanner: Scanner::new(limits.depth_max),
        bytes: Vec::with_capacity(limits.body_bytes_max.min(announced as usize)),
        bytes_max: limits.body_bytes_max,
        large: None,
    };
    timeout(
        limits.body_deadline,
        reading.run(body, limits, large_bodies, takes_blocks),
    )
    .await
    .unwrap_or_else(|_| {
        Err(Refusal::request(
            Code::RpcTimeout,
            "the body did not arrive in time",
        ))
    })
}

struct Reading {
    scanner: Scanner,
    bytes: Vec<u8>,
    bytes_max: usize,
    large: Option<OwnedSemaphorePermit>,
}

impl Reading {
    async fn run<B>(
        mut self,
        mut body: B,
        limits: &Limits,
        large_bodies: &Arc<Semaphore>,
        takes_blocks: fn(&str) -> bool,
    ) -> Result<Read, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Refusal::request(Code::RpcProtocol, "the body ended before its announced end")
            })?;
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            // What decides about a larger limit must stand within the smaller one.
            let within = chunk.len().min(self.bytes_max - self.bytes.len());
            let (first, rest) = chunk.split_at(within);
            self.take(first, limits)?;
            if !rest.is_empty() {
                self.widen(limits, large_bodies, takes_blocks).await?;
                if rest.len() > self.bytes_max - self.bytes.len() {
                    return Err(too_large(self.bytes_max));
                }
                self.take(rest, limits)?;
            }
        }
        Ok(Read {
            bytes: self.bytes,
            _large: self.large,
        })
    }

    fn take(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
        self.scanner.feed(bytes).map_err(|TooDeep| {
            Refusal::request(
                Code::RpcTooLarge,
                format!("the request nests deeper than {} levels", limits.depth_max),
            )
            .with_limit(limits.depth_max)
        })?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn widen(
        &mut self,
        limits: &Limits,
        large_bodies: &Arc<Semaphore>,
        takes_blocks: fn(&str) -> bool,
    ) -> Result<(), Refusal> {
        if self.large.is_some() || !self.scanner.method().is_some_and(takes_blocks) {
            return Err(too_large(self.bytes_max));
        }
        let permit = Arc::clone(large_bodies).acquire_owned().await;
        self.large = Some(permit.map_err(|_| stopping())?);
        self.bytes_max = limits.block_body_bytes_max;
        Ok(())
    }
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::request(
        Code::RpcTooLarge,
        format!("the body has more than {bytes_max} bytes"),
    )
    .with_limit(bytes_max)
}

pub(crate) fn stopping() -> Refusal {
    Refusal::request(Code::RpcUnavailable, "the server is stopping")
}
