//! One HTTP request: the token first, then what the caller expects, then the body, then the calls.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use jsonrpsee_types::Id;
use libmetachain_primitives::{BlockHash, Code};
use tokio::sync::Semaphore;

use crate::PROTOCOL_VERSION;
use crate::auth::{self, Access, Grant};
use crate::body;
use crate::dispatch::{self, Dispatcher};
use crate::refusal::{Refusal, number};

/// The header in which a caller names the version of the protocol that it speaks.
pub(crate) const PROTOCOL_HEADER: &str = "metachain-protocol";
/// The header in which a caller names the chain that it means to talk to.
pub(crate) const CHAIN_HEADER: &str = "metachain-chain-id";
/// The header in which a caller names the genesis that it means to talk to, in hex.
pub(crate) const GENESIS_HEADER: &str = "metachain-genesis";

/// What all requests of a server share.
pub(crate) struct Shared {
    pub(crate) grants: Vec<Grant>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) large_bodies: Arc<Semaphore>,
    pub(crate) chain_id: String,
    pub(crate) genesis: BlockHash,
}

impl Shared {
    /// Answers a request. `trusted` is called once the token is known to be good.
    pub(crate) async fn answer<B>(
        &self,
        request: Request<B>,
        trusted: impl FnOnce(),
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let Some(access) = auth::access(&self.grants, &parts.headers) else {
            let refusal =
                Refusal::request(Code::RpcUnauthorized, "the request bears no valid token");
            return refused(&refusal);
        };
        trusted();
        let answered = async {
            expected_form(&parts.method, &parts.headers)?;
            self.expected_chain(&parts.headers)?;
            self.carry_out(body, access).await
        };
        answered.await.unwrap_or_else(|refusal| refused(&refusal))
    }

    async fn carry_out<B>(&self, body: B, access: Access) -> Result<Response<Full<Bytes>>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let limits = &self.dispatcher.limits;
        let read = body::read(body, limits, &self.large_bodies, takes_blocks).await?;
        let answer = self.dispatcher.answer(&read.bytes, access).await;
        Ok(response(StatusCode::OK, answer))
    }

    /// A caller that means another chain, or speaks another version, is told before it is understood.
    fn expected_chain(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let said = |name: &str| headers.get(name).map(|value| value.as_bytes().trim_ascii());
        let protocol = PROTOCOL_VERSION.to_string();
        if let Some(version) = said(PROTOCOL_HEADER).filter(|said| *said != protocol.as_bytes()) {
            return Err(Refusal::request(
                Code::RpcProtocol,
                format!(
                    "this server speaks version {protocol} of the protocol, not {}",
                    version.escape_ascii()
                ),
            ));
        }
        let chain = said(CHAIN_HEADER).filter(|said| *said != self.chain_id.trim().as_bytes());
        let genesis =
            said(GENESIS_HEADER).filter(|said| *said != self.genesis.to_string().as_bytes());
        if let Some(other) = chain.or(genesis) {
            return Err(Refusal::request(
                Code::GenesisMismatch,
                format!(
                    "this server has the chain \"{}\" with genesis {}, not {}",
                    self.chain_id,
                    self.genesis,
                    other.escape_ascii()
                ),
            ));
        }
        Ok(())
    }
}

/// Whether a method's requests may be as large as a block.
fn takes_blocks(name: &str) -> bool {
    crate::wire::METHODS
        .iter()
        .any(|method| method.large && method.name == name)
}

fn expected_form(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    if *method != Method::POST {
        return Err(Refusal::new(
            number::INVALID_REQUEST,
            Code::RpcProtocol,
            "requests are sent with POST",
        ));
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type.map(|text| text.split(';').next().unwrap_or(text).trim());
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::new(
            number::INVALID_REQUEST,
            Code::RpcProtocol,
            "the content type must be application/json",
        ));
    }
    Ok(())
}

/// A refusal before any call was understood. The connection ends with it: what the caller still sends
/// would be read for nothing.
fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let status = match refusal.code() {
        Code::RpcUnauthorized => StatusCode::UNAUTHORIZED,
        Code::RpcTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RpcTimeout => StatusCode::REQUEST_TIMEOUT,
        Code::RpcUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::GenesisMismatch => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    };
    let json = dispatch::refused(Id::Null, refusal);
    let mut response = response(status, String::from(Box::<str>::from(json)).into());
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
