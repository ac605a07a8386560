//! From the bytes of a request to the bytes of its answer: JSON-RPC 2.0, single calls and batches.

use hyper::body::Bytes;
use jsonrpsee_core::server::{ConnectionId, MethodCallback, MethodResponse, Methods};
use jsonrpsee_types::error::OVERSIZED_RESPONSE_CODE;
use jsonrpsee_types::{Id, InvalidRequest, Params, Request};
use libmetachain_primitives::Code;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::auth::Access;
use crate::options::Limits;
use crate::refusal::{Refusal, number};
use crate::support::Method;

/// The methods that a server has.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    pub(crate) methods: Methods,
    pub(crate) table: &'static [Method],
    pub(crate) limits: Limits,
}

impl Dispatcher {
    /// Answers a request with the access that its token opens.
    pub(crate) async fn answer(&self, body: &[u8], access: Access) -> Bytes {
        let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let answer = if is_batch {
            self.batch(body, access).await
        } else {
            self.one(body, access).await
        };
        String::from(Box::<str>::from(answer)).into()
    }

    async fn batch(&self, body: &[u8], access: Access) -> Box<RawValue> {
        let Ok(calls) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
            return refused(Id::Null, &not_json());
        };
        let most = self.limits.batch_max;
        if calls.len() > most {
            let refusal = Refusal::request(
                Code::RpcTooLarge,
                format!("the batch has {} calls, {most} are allowed", calls.len()),
            );
            return refused(Id::Null, &refusal.with_limit(most));
        }
        if calls.is_empty() {
            return refused(Id::Null, &not_a_call("a batch of no calls"));
        }
        let mut answers = Vec::with_capacity(calls.len());
        let mut bytes = 0usize;
        for call in calls {
            let answer = self.one(call.get().as_bytes(), access).await;
            bytes = bytes.saturating_add(answer.get().len());
            // The calls before have been carried out: they say so, unless all of them are too much.
            if bytes > self.limits.response_bytes_max {
                return refused(Id::Null, &self.answer_too_large());
            }
            answers.push(answer);
        }
        serde_json::value::to_raw_value(&answers)
            .unwrap_or_else(|_| refused(Id::Null, &self.answer_too_large()))
    }

    async fn one(&self, call: &[u8], access: Access) -> Box<RawValue> {
        let request = match serde_json::from_slice::<Request<'_>>(call) {
            Ok(request) => request,
            Err(error) => return refused_call(call, &error),
        };
        let method = self
            .table
            .iter()
            .find(|method| method.name == request.method);
        let callback = method.and_then(|found| self.methods.method(found.name));
        let (Some(method), Some(MethodCallback::Async(callback))) = (method, callback) else {
            let refusal = Refusal::new(
                number::METHOD_NOT_FOUND,
                Code::RpcProtocol,
                "this server has no such method",
            );
            return refused(request.id, &refusal);
        };
        if !access.may_call(method) {
            let refusal = Refusal::request(
                Code::RpcUnauthorized,
                format!("{} is not open to readers", method.name),
            );
            return refused(request.id, &refusal);
        }
        let params = Params::new(request.params.as_ref().map(|raw| raw.get())).into_owned();
        let id = request.id.into_owned();
        let most = self.limits.response_bytes_max;
        let answer = callback(
            id.clone(),
            params,
            ConnectionId(0),
            most,
            Default::default(),
        )
        .await;
        // jsonrpsee's own refusal bears no code of ours.
        if answer.as_error_code() == Some(OVERSIZED_RESPONSE_CODE) {
            return refused(id, &self.answer_too_large());
        }
        answer.into_json()
    }

    fn answer_too_large(&self) -> Refusal {
        let most = self.limits.response_bytes_max;
        Refusal::request(
            Code::RpcTooLarge,
            format!("the answer has more than {most} bytes"),
        )
        .with_limit(most)
    }
}

pub(crate) fn refused(id: Id<'_>, refusal: &Refusal) -> Box<RawValue> {
    MethodResponse::error(id, refusal.object()).into_json()
}

/// What is wrong with a text that is no call, addressed to its sender where it says who that is.
fn refused_call(call: &[u8], error: &serde_json::Error) -> Box<RawValue> {
    if serde_json::from_slice::<IgnoredAny>(call).is_err() {
        return refused(Id::Null, &not_json());
    }
    let id = serde_json::from_slice::<InvalidRequest<'_>>(call).map_or(Id::Null, |call| call.id);
    let why = if error.to_string().starts_with("missing field `id`") {
        "a call needs an id: notifications are not carried out, since nobody would hear how they went"
            .to_owned()
    } else {
        format!("no JSON-RPC 2.0 call: {error}")
    };
    refused(id, &not_a_call(&why))
}

fn not_json() -> Refusal {
    Refusal::new(number::PARSE, Code::RpcProtocol, "the body is not JSON")
}

fn not_a_call(why: &str) -> Refusal {
    Refusal::new(number::INVALID_REQUEST, Code::RpcProtocol, why)
}
