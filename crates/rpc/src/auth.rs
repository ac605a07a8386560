//! Who may call what: secrets, what each of them opens, and how a request shows that it knows one.

use core::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use libmetachain_primitives::{Code, Error, Result};
use subtle::ConstantTimeEq;

use crate::jwt;
use crate::support::Method;

/// Bytes of the shortest bearer token: what nobody guesses.
const BEARER_BYTES_MIN: usize = 16;
/// Bytes of a key for signed tokens: as long as what the signature hashes to.
const JWT_KEY_BYTES: usize = 32;

/// Which methods are open to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Queries.
    Read,
    /// All methods, also those that move the chain.
    Control,
}

impl Access {
    pub(crate) fn may_call(self, method: &Method) -> bool {
        self == Access::Control || !method.control
    }
}

/// What a caller must know.
#[derive(Clone)]
pub struct Secret(Kind);

#[derive(Clone)]
enum Kind {
    Bearer(Vec<u8>),
    Jwt([u8; JWT_KEY_BYTES]),
}

impl Secret {
    /// A token that callers send as it is: 16 or more visible ASCII characters.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for another token.
    pub fn bearer(token: &str) -> Result<Secret> {
        if token.len() < BEARER_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(
                Code::BadArgument,
                format!("a token is {BEARER_BYTES_MIN} or more visible ASCII characters"),
            ));
        }
        Ok(Secret(Kind::Bearer(token.as_bytes().to_vec())))
    }

    /// A key of 32 bytes with which callers sign tokens that last a minute (JWT, HS256).
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for another length.
    pub fn jwt(key: &[u8]) -> Result<Secret> {
        let key = key.try_into().map_err(|_| {
            Error::new(
                Code::BadArgument,
                format!("a key has {JWT_KEY_BYTES} bytes, not {}", key.len()),
            )
        })?;
        Ok(Secret(Kind::Jwt(key)))
    }

    /// The value of the header with which a caller shows that it knows the secret.
    pub(crate) fn header(&self) -> Option<String> {
        let token = match &self.0 {
            Kind::Bearer(token) => String::from_utf8(token.clone()).ok()?,
            Kind::Jwt(key) => jwt::token(key, unix_now()?)?,
        };
        Some(format!("Bearer {token}"))
    }

    fn accepts(&self, token: &[u8], now: u64) -> bool {
        match &self.0 {
            Kind::Bearer(expected) => expected.as_slice().ct_eq(token).into(),
            Kind::Jwt(key) => jwt::is_valid(token, key, now),
        }
    }
}

impl fmt::Debug for Secret {
    /// Names the kind and keeps the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Bearer(_) => "Secret::Bearer",
            Kind::Jwt(_) => "Secret::Jwt",
        })
    }
}

/// What knowing a secret opens.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What the caller must know.
    pub secret: Secret,
    /// What it may then call.
    pub access: Access,
}

/// The widest access that the request's token opens, `None` if it opens nothing.
pub(crate) fn access(grants: &[Grant], headers: &HeaderMap) -> Option<Access> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return None;
    }
    let now = unix_now()?;
    grants
        .iter()
        .filter(|grant| grant.secret.accepts(token, now))
        .map(|grant| grant.access)
        .max()
}

fn unix_now() -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(
                AUTHORIZATION,
                HeaderValue::from_str(value).expect("a header"),
            );
        }
        map
    }

    #[test]
    fn each_token_opens_what_it_was_given_for() {
        let grant = |token: &str, access| Grant {
            secret: Secret::bearer(token).expect("a token"),
            access,
        };
        let grants = [
            grant("reader-reader-reader", Access::Read),
            grant("native-node-native-node", Access::Control),
        ];
        for (values, expected) in [
            (vec!["Bearer reader-reader-reader"], Some(Access::Read)),
            (
                vec!["bearer native-node-native-node"],
                Some(Access::Control),
            ),
            (vec!["Bearer reader-reader-reade"], None),
            (vec!["Bearer reader-reader-readerr"], None),
            (vec!["Bearer  reader-reader-reader"], None),
            (vec!["Basic reader-reader-reader"], None),
            (vec!["reader-reader-reader"], None),
            (vec!["Bearer"], None),
            (vec![], None),
            // Which of two a proxy in between looked at is not known.
            (
                vec![
                    "Bearer reader-reader-reader",
                    "Bearer native-node-native-node",
                ],
                None,
            ),
        ] {
            assert_eq!(access(&grants, &headers(&values)), expected, "{values:?}");
        }
    }

    #[test]
    fn a_secret_shows_itself_to_no_log() {
        let secret = Secret::bearer("0123456789abcdef").expect("a token");
        assert!(!format!("{secret:?}").contains("0123"));
        assert!(
            Secret::bearer("0123456789abcde").is_err(),
            "one character too short"
        );
        assert!(Secret::bearer("0123456789 abcdef").is_err());
        assert!(Secret::jwt(&[1; 31]).is_err() && Secret::jwt(&[1; 33]).is_err());
    }

    #[test]
    fn a_signed_header_is_accepted_back() {
        let secret = Secret::jwt(&[3; 32]).expect("a key");
        let value = secret.header().expect("the clock is past 1970");
        let grants = [Grant {
            secret,
            access: Access::Control,
        }];
        assert_eq!(access(&grants, &headers(&[&value])), Some(Access::Control));
    }
}
