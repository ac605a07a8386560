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
            if content_type.is_some_and(|value| is_json(value.as_bytes())) {
                *answer.status_mut() = StatusCode::OK;
            }
            Ok(answer)
        })
    }
}

/// Whether a content type, whatever its parameters, is that of JSON (RFC 9110, section 8.3.1).
fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next();
    media_type.is_some_and(|found| found.trim_ascii().eq_ignore_ascii_case(b"application/json"))
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn parameters_of_a_content_type_do_not_matter() {
        for text in ["application/json", "Application/JSON ; charset=utf-8"] {
            assert!(is_json(text.as_bytes()), "{text}");
        }
        for text in ["", ";application/json", "application/json-seq", "text/html"] {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
    }
}
