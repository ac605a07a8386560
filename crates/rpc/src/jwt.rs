//! JSON Web Tokens of the one kind that is used between a node and what it drives: HS256 with `iat`.
//!
//! The signature is checked before anything in the token is read. `iat` must lie within a minute of
//! the server's clock, so that a token that leaks through a log is soon worthless; other claims are
//! not looked at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

/// How far `iat` may be from the server's clock, in seconds.
pub(crate) const IAT_DISTANCE_MAX_S: u64 = 60;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iat: u64,
}

/// Whether the token was signed with the key within a minute of `now`, in unix seconds.
pub(crate) fn is_valid(token: &[u8], key: &[u8], now: u64) -> bool {
    check(token, key, now).is_some()
}

fn check(token: &[u8], key: &[u8], now: u64) -> Option<()> {
    let end = token.iter().rposition(|byte| *byte == b'.')?;
    let (signed, signature) = (token.get(..end)?, token.get(end + 1..)?);
    mac(key, signed)?
        .verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?)
        .ok()?;
    let mut parts = signed.splitn(2, |byte| *byte == b'.');
    let header: Header = part(parts.next()?)?;
    let claims: Claims = part(parts.next()?)?;
    (header.alg == "HS256" && claims.iat.abs_diff(now) <= IAT_DISTANCE_MAX_S).then_some(())
}

fn part<T: serde::de::DeserializeOwned>(text: &[u8]) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// A token signed with the key at `now`, in unix seconds.
pub(crate) fn token(key: &[u8], now: u64) -> Option<String> {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":{now}}}"#));
    let signed = format!("{header}.{claims}");
    let signature = mac(key, signed.as_bytes())?.finalize().into_bytes();
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn mac(key: &[u8], signed: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(signed);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[7; 32];

    #[test]
    fn a_token_holds_for_a_minute_to_either_side() {
        let made = token(KEY, 1_000).expect("a key of any length works");
        for (now, holds) in [
            (939, false),
            (940, true),
            (1_000, true),
            (1_060, true),
            (1_061, false),
        ] {
            assert_eq!(is_valid(made.as_bytes(), KEY, now), holds, "at {now}");
        }
        assert!(
            !is_valid(made.as_bytes(), &[8; 32], 1_000),
            "signed with another key"
        );
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed() {
        let made = token(KEY, 1_000).expect("a key of any length works");
        for at in 0..made.len() {
            let mut bytes = made.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(!is_valid(&bytes, KEY, 1_000), "byte {at}");
            assert!(!is_valid(&made.as_bytes()[..at], KEY, 1_000), "cut at {at}");
        }
    }

    /// The attack on libraries that let the token choose how it is checked.
    #[test]
    fn the_token_does_not_choose_the_algorithm() {
        for alg in ["none", "HS512", "hs256", ""] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(r#"{"iat":1000}"#));
            let signature = mac(KEY, signed.as_bytes())
                .expect("a key")
                .finalize()
                .into_bytes();
            let made = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
            assert!(!is_valid(made.as_bytes(), KEY, 1_000), "{alg}");
            assert!(
                !is_valid(format!("{signed}.").as_bytes(), KEY, 1_000),
                "{alg} unsigned"
            );
        }
    }

    /// From RFC 7515, appendix A.1: other people's tokens verify, and fail on the missing `iat` alone.
    #[test]
    fn a_published_signature_verifies() {
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .expect("base64");
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = URL_SAFE_NO_PAD
            .decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
            .expect("base64");
        assert!(
            mac(&key, signed.as_bytes())
                .expect("a key")
                .verify_slice(&signature)
                .is_ok()
        );
    }
}
