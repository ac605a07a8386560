//! The client: blocking calls with a deadline, repeated only where that does no harm.

use std::error::Error as StdError;
use std::time::Duration;

use jsonrpsee_core::client::ClientT;
use jsonrpsee_core::client::Error as RpcError;
use jsonrpsee_core::http_helpers::HttpError;
use jsonrpsee_core::middleware::RpcServiceBuilder;
use jsonrpsee_core::traits::ToRpcParams;
use jsonrpsee_http_client::transport::Error as TransportError;
use jsonrpsee_http_client::{HeaderMap, HeaderValue, HttpClient, HttpClientBuilder, RpcService};
use jsonrpsee_types::ErrorObjectOwned;
use libmetachain_primitives::{BlockHash, Code};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout_at};
use tower::ServiceBuilder;

use crate::PROTOCOL_VERSION;
use crate::auth::Secret;
use crate::call_error::CallError;
use crate::refusal::ErrorData;
use crate::request::{CHAIN_HEADER, GENESIS_HEADER, PROTOCOL_HEADER};
use crate::support::{Caller, Method};
use crate::transport::{Authorize, Authorized};

/// How a client calls.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The token or key that the server believes.
    pub secret: Option<Secret>,
    /// How long a call may take, all its attempts together.
    pub deadline: Duration,
    /// How long connecting may take.
    pub connect_deadline: Duration,
    /// How often a call that changes nothing when repeated is sent again after the server could not
    /// be reached or did not answer.
    pub retries: u32,
    /// The pause before the first repetition; each further pause is twice as long.
    pub retry_pause: Duration,
    /// Bytes of a request or a response.
    pub bytes_max: u32,
    /// The chain that the server must have.
    pub chain_id: Option<String>,
    /// The hash of the genesis that the server must have.
    pub genesis: Option<BlockHash>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            secret: None,
            deadline: Duration::from_secs(30),
            connect_deadline: Duration::from_secs(5),
            retries: 2,
            retry_pause: Duration::from_millis(50),
            bytes_max: 64 << 20,
            chain_id: None,
            genesis: None,
        }
    }
}

/// A client of a metachain's server. Usable from any thread, by many at once; calls block.
pub struct Client {
    http: HttpClient<RpcService<Authorized>>,
    options: ClientOptions,
    /// Taken only when dropped.
    runtime: Option<Runtime>,
}

impl Client {
    /// A client of the server at an `http://` address. Nothing is sent before the first call.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for an address or a chain's name that cannot be one, `INTERNAL_IO` if the
    /// system has no thread for the client.
    pub fn new(url: &str, options: ClientOptions) -> Result<Client, CallError> {
        let http = HttpClientBuilder::new()
            .max_request_size(options.bytes_max)
            .max_response_size(options.bytes_max)
            .request_timeout(options.deadline)
            .connect_timeout(options.connect_deadline)
            .set_headers(headers(&options)?)
            .set_rpc_middleware(RpcServiceBuilder::new())
            .set_http_middleware(ServiceBuilder::new().layer(Authorize {
                secret: options.secret.clone(),
            }))
            .build(url)
            .map_err(|error| CallError::new(Code::BadArgument, format!("{url}: {error}")))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("metachain-rpc-client")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| CallError::new(Code::InternalIo, format!("no runtime: {error}")))?;
        Ok(Client {
            http,
            options,
            runtime: Some(runtime),
        })
    }
}

impl Drop for Client {
    /// Does not wait, so that a client may be dropped anywhere, also within an asynchronous runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn headers(options: &ClientOptions) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    headers.insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL_VERSION));
    let genesis = options.genesis.map(|hash| hash.to_string());
    for (name, value) in [
        (CHAIN_HEADER, options.chain_id.as_deref()),
        (GENESIS_HEADER, genesis.as_deref()),
    ] {
        if let Some(text) = value {
            let value = HeaderValue::from_str(text).map_err(|_| {
                CallError::new(
                    Code::BadArgument,
                    "a chain's name is of printable ASCII characters",
                )
            })?;
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

impl Caller for Client {
    fn call<I: Serialize, O: DeserializeOwned + Send + 'static>(
        &self,
        method: &'static Method,
        input: &I,
    ) -> Result<O, CallError> {
        let params = serde_json::value::to_raw_value(&[input]).map_err(|error| {
            CallError::new(
                Code::BadArgument,
                format!("the input cannot be written: {error}"),
            )
        })?;
        let closed = || CallError::new(Code::Closed, "the client was closed");
        let runtime = self.runtime.as_ref().ok_or_else(closed)?;
        let call = attempts::<O>(self.http.clone(), method, params, self.options.clone());
        // Waiting for a channel, unlike entering the runtime, is allowed on any thread.
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        runtime.spawn(async move { drop(done.send(call.await)) });
        wait.recv().map_err(|_| closed())?
    }
}

async fn attempts<O: DeserializeOwned>(
    http: HttpClient<RpcService<Authorized>>,
    method: &'static Method,
    params: Box<RawValue>,
    options: ClientOptions,
) -> Result<O, CallError> {
    let deadline = Instant::now() + options.deadline;
    let mut left = if method.idempotent {
        options.retries
    } else {
        0
    };
    let mut pause = options.retry_pause;
    loop {
        let call = http.request::<O, _>(method.name, Raw(params.clone()));
        let error = match timeout_at(deadline, call).await {
            Ok(Ok(output)) => return Ok(output),
            Ok(Err(error)) => error_of(error, method),
            Err(_) => return Err(late(method)),
        };
        if error.known() != Some(Code::RpcUnavailable)
            || left == 0
            || Instant::now() + pause >= deadline
        {
            return Err(error);
        }
        left -= 1;
        sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
}

/// Parameters that are JSON already.
struct Raw(Box<RawValue>);

impl ToRpcParams for Raw {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        Ok(Some(self.0))
    }
}

fn late(method: &Method) -> CallError {
    CallError::new(
        Code::RpcTimeout,
        format!("{}: no answer in time", method.name),
    )
}

fn error_of(error: RpcError, method: &Method) -> CallError {
    let said = |code, text: String| CallError::new(code, format!("{}: {text}", method.name));
    match error {
        RpcError::Call(object) => refused(&object),
        RpcError::RequestTimeout => late(method),
        RpcError::Transport(error) => match error.downcast::<TransportError>() {
            Ok(error) => said(transport_code(&error), chain_of(error.as_ref())),
            Err(error) => said(Code::RpcUnavailable, chain_of(error.as_ref())),
        },
        RpcError::ParseError(error) => said(
            Code::RpcProtocol,
            format!("the answer is not what the specification says: {error}"),
        ),
        other => said(Code::RpcProtocol, other.to_string()),
    }
}

/// The server's own error, or that of something between which knows nothing of our codes.
fn refused(object: &ErrorObjectOwned) -> CallError {
    let data = object
        .data()
        .and_then(|data| serde_json::from_str::<ErrorData>(data.get()).ok());
    match data {
        Some(data) => CallError::remote(object.message(), data),
        None => CallError::new(
            Code::RpcProtocol,
            format!(
                "error {} without a code: {}",
                object.code(),
                object.message()
            ),
        ),
    }
}

fn transport_code(error: &TransportError) -> Code {
    match error {
        TransportError::RequestTooLarge | TransportError::Http(HttpError::TooLarge) => {
            Code::RpcTooLarge
        }
        TransportError::Rejected { status_code } => match status_code {
            401 | 403 => Code::RpcUnauthorized,
            408 | 504 => Code::RpcTimeout,
            413 => Code::RpcTooLarge,
            429 | 502 | 503 => Code::RpcUnavailable,
            _ => Code::RpcProtocol,
        },
        TransportError::Http(HttpError::Malformed) => Code::RpcProtocol,
        other if is_no_http(other) => Code::RpcProtocol,
        _ => Code::RpcUnavailable,
    }
}

/// Whether the other side answered with something that is not HTTP.
fn is_no_http(error: &TransportError) -> bool {
    let mut at: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = at {
        if error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
        {
            return true;
        }
        at = error.source();
    }
    false
}

/// An error with what caused it, as one line.
fn chain_of(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        at = cause.source();
    }
    text
}
