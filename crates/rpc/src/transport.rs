//! What the client adds to jsonrpsee's: a fresh token for every request, and refusals that can be read.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use jsonrpsee_http_client::transport::{Error, HttpBackend};
use jsonrpsee_http_client::{HttpRequest, HttpResponse};
use tower::{Layer, Service};

use crate::auth::Secret;

/// Wraps the transport of jsonrpsee's client.
#[derive(Clone, Debug)]
pub(crate) struct Authorize {
    pub(crate) secret: Option<Secret>,
}

/// The wrapped transport.
#[derive(Clone, Debug)]
pub(crate) struct Authorized {
    secret: Option<Secret>,
    inner: HttpBackend,
}

impl Layer<HttpBackend> for Authorize {
    type Service = Authorized;

    fn layer(&self, inner: HttpBackend) -> Authorized {
        Authorized {
            secret: self.secret.clone(),
            inner,
        }
    }
}

type Answer = HttpResponse<hyper::body::Incoming>;

impl Service<HttpRequest> for Authorized {
    type Response = Answer;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: HttpRequest) -> Self::Future {
        let header = self.secret.as_ref().and_then(Secret::header);
        // A secret is visible ASCII or base64: always a header's value.
        if let Some(mut value) = header.and_then(|text| HeaderValue::try_from(text).ok()) {
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            // jsonrpsee drops the body of every status but success; a refusal of ours says why in it.
            let content_type = answer.headers().get(CONTENT_TYPE);
            if content_type.is_some_and(|value| value.as_bytes() == b"application/json") {
                *answer.status_mut() = StatusCode::OK;
            }
            Ok(answer)
        })
    }
}
