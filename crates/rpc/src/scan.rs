//! What can be told of a request while its bytes still arrive: how deep it nests, and which method it names.
//!
//! The scanner needs no more memory for a large body than for a small one, so that a limit is a limit
//! on what is read, not on what was read already. It takes whatever comes: what is not JSON is found
//! out by the parser afterwards.

/// Bytes of the longest name that is kept; no method's is longer.
const NAME_BYTES_MAX: usize = 64;

/// A scanner over the bytes of one request.
#[derive(Debug)]
pub(crate) struct Scanner {
    depth_max: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether the outermost value is an object: only then can the request name one method.
    in_object: bool,
    /// What a text at the outermost level would be.
    place: Place,
    /// The text being read there.
    text: Vec<u8>,
    method: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Key,
    MethodValue,
    Elsewhere,
}

/// The request nests deeper than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

impl Scanner {
    pub(crate) fn new(depth_max: usize) -> Self {
        Scanner {
            depth_max,
            depth: 0,
            in_string: false,
            escaped: false,
            in_object: false,
            place: Place::Elsewhere,
            text: Vec::new(),
            method: None,
        }
    }

    /// The method that the request names, if it has done so already. Requests that name several, or
    /// name one in an unusual spelling, name none.
    pub(crate) fn method(&self) -> Option<&str> {
        self.method
            .as_deref()
            .and_then(|name| core::str::from_utf8(name).ok())
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), TooDeep> {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if !self.in_string {
                self.outside_text(*byte)?;
                continue;
            }
            self.in_text(*byte);
            if self.in_string && !self.escaped && self.place == Place::Elsewhere {
                // Most of a request is text of no interest: go to where it may end.
                let skipped = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                rest = rest.get(skipped..).unwrap_or_default();
            }
        }
        Ok(())
    }

    fn in_text(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
            // No method needs an escape: such a text is none of interest.
            self.place = Place::Elsewhere;
        } else if byte == b'"' {
            self.in_string = false;
            self.end_of_text();
        } else if self.place != Place::Elsewhere && self.text.len() < NAME_BYTES_MAX {
            self.text.push(byte);
        }
    }

    fn end_of_text(&mut self) {
        match self.place {
            Place::Key if self.text == b"method" => self.place = Place::MethodValue,
            Place::MethodValue if self.method.is_none() => {
                self.method = Some(std::mem::take(&mut self.text));
                self.place = Place::Elsewhere;
            }
            _ => self.place = Place::Elsewhere,
        }
    }

    fn outside_text(&mut self, byte: u8) -> Result<(), TooDeep> {
        match byte {
            b'"' => {
                self.in_string = true;
                self.text.clear();
                if self.depth != 1 {
                    self.place = Place::Elsewhere;
                }
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth > self.depth_max {
                    return Err(TooDeep);
                }
                if self.depth == 1 {
                    self.in_object = byte == b'{';
                    self.place = self.key();
                } else {
                    self.place = Place::Elsewhere;
                }
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' if self.depth == 1 => self.place = self.key(),
            _ => {}
        }
        Ok(())
    }

    fn key(&self) -> Place {
        if self.in_object {
            Place::Key
        } else {
            Place::Elsewhere
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, depth_max: usize) -> Result<Option<String>, TooDeep> {
        // One byte at a time: no boundary between chunks may matter.
        let mut scanner = Scanner::new(depth_max);
        for byte in text.as_bytes() {
            scanner.feed(std::slice::from_ref(byte))?;
        }
        Ok(scanner.method().map(str::to_owned))
    }

    #[test]
    fn the_depth_counts_brackets_outside_of_texts() {
        assert_eq!(scan(r#"{"a":[{}]}"#, 3), Ok(None));
        assert_eq!(scan(r#"{"a":[{}]}"#, 2), Err(TooDeep));
        assert_eq!(scan(r#"[[],[],[]]"#, 2), Ok(None));
        assert_eq!(scan(r#"{"[[[[":"]]\"[[{{"}"#, 1), Ok(None));
        assert_eq!(
            scan(r#"{"a":"\\"}[["#, 2),
            Ok(None),
            "an escaped backslash ends no escape"
        );
        assert_eq!(
            scan("}}}}[[", 2),
            Ok(None),
            "too many closing brackets gain nothing"
        );
    }

    #[test]
    fn the_method_is_that_of_the_outermost_object() {
        let found = |text| scan(text, 64).expect("not deep");
        let m = Some("m".to_owned());
        assert_eq!(
            found(r#"{"jsonrpc":"2.0","method":"m","params":[{"method":"n"}]}"#),
            m
        );
        assert_eq!(found(r#"{"params":[{"method":"n"}],"method" : "m"}"#), m);
        assert_eq!(found(r#"{"id":"method","method":"m","method":"n"}"#), m);
        assert_eq!(found(r#"{"method":"m"#), None, "not complete yet");
        assert_eq!(found(r#"{"method":["m"]}"#), None);
        assert_eq!(found(r#"{"method":5,"id":"m"}"#), None);
        assert_eq!(found(r#"{"id":"method","x":"m"}"#), None);
        assert_eq!(found(r#"{"method":"\u006d"}"#), None);
        assert_eq!(found(r#"[{"method":"m"}]"#), None, "a batch names several");
        assert_eq!(found(r#"["method","m"]"#), None);
    }
}
