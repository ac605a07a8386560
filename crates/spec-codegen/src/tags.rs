//! What the specification says in comments because protobuf has no words for it.

use crate::error::SpecError;

/// A comment, taken apart into text and tags.
///
/// A line that begins with `[` is a line of tags, each `[name]` or `[name: value]`; every other line
/// is documentation and reaches the generated code. A tag that is not known where it stands is an
/// error, so that a misspelt one does not silently do nothing.
///
/// | tag | on | meaning |
/// |---|---|---|
/// | `[rpc: name]` | method | its JSON-RPC name |
/// | `[client]` | method | the clients have it |
/// | `[server]` | method | the server has it |
/// | `[control]` | method | belongs to the native node: refused to readers, and not retried |
/// | `[idempotent]` | method | although it is `[control]`, a client may send it again |
/// | `[large]` | method | its request may be as large as a block |
/// | `[default: value]` | field | may be left out, and then has this value |
/// | `[cxx: Name]` | message, enumeration | its name in C++ |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The documentation, line by line.
    pub docs: Vec<String>,
    list: Vec<(String, Option<String>)>,
}

impl Tags {
    /// Takes a comment apart. `known` are the names of tags that may stand at `place`.
    pub(crate) fn parse(place: &str, comment: &str, known: &[&str]) -> Result<Tags, SpecError> {
        let mut tags = Tags::default();
        for line in comment.lines().map(str::trim) {
            if !line.starts_with('[') {
                tags.docs.push(line.to_owned());
                continue;
            }
            for (name, value) in tags_of_line(place, line)? {
                if !known.contains(&name.as_str()) {
                    return Err(SpecError::new(
                        place,
                        format!("no tag [{name}] is known here"),
                    ));
                }
                if tags.list.iter().any(|(found, _)| *found == name) {
                    return Err(SpecError::new(
                        place,
                        format!("the tag [{name}] is given twice"),
                    ));
                }
                tags.list.push((name, value));
            }
        }
        while tags.docs.last().is_some_and(String::is_empty) {
            tags.docs.pop();
        }
        Ok(tags)
    }

    /// Whether the tag is given; it takes no value.
    pub(crate) fn flag(&self, place: &str, name: &str) -> Result<bool, SpecError> {
        match self.list.iter().find(|(found, _)| found == name) {
            Some((_, Some(_))) => Err(SpecError::new(
                place,
                format!("the tag [{name}] takes no value"),
            )),
            found => Ok(found.is_some()),
        }
    }

    /// The value of the tag, if it is given.
    pub(crate) fn value(&self, place: &str, name: &str) -> Result<Option<&str>, SpecError> {
        match self.list.iter().find(|(found, _)| found == name) {
            Some((_, None)) => Err(SpecError::new(
                place,
                format!("the tag [{name}] needs a value: [{name}: value]"),
            )),
            found => Ok(found.and_then(|(_, value)| value.as_deref())),
        }
    }
}

/// `[a] [b: c]` as names and values. A value may hold brackets of its own, as `[default: []]` does.
fn tags_of_line(place: &str, line: &str) -> Result<Vec<(String, Option<String>)>, SpecError> {
    let malformed = || SpecError::new(place, format!("this is no line of tags: {line}"));
    let mut found = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let inside = rest.strip_prefix('[').ok_or_else(malformed)?;
        let mut open = 1usize;
        let end = inside.char_indices().find_map(|(at, letter)| {
            match letter {
                '[' => open += 1,
                ']' => open -= 1,
                _ => {}
            }
            (open == 0).then_some(at)
        });
        let (tag, after) = inside.split_at(end.ok_or_else(malformed)?);
        let (name, value) = match tag.split_once(':') {
            Some((name, value)) => (name, Some(value.trim().to_owned())),
            None => (tag, None),
        };
        let name = name.trim().to_owned();
        if name.is_empty() || value.as_ref().is_some_and(String::is_empty) {
            return Err(malformed());
        }
        found.push((name, value));
        rest = after.strip_prefix(']').ok_or_else(malformed)?.trim_start();
    }
    Ok(found)
}
