//! Arguments as a host passes them on: `name=value` each, or one text of them, read into pairs.

use libmetachain_primitives::{Code, Error, Result};

/// One argument, its name without dashes and with underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Reads `name=value`, with any dashes before it; `-` and `_` are the same within a name.
pub(crate) fn parse(argument: &str) -> Result<Argument> {
    let (name, value) = argument.split_once('=').ok_or_else(|| {
        bad(format!(
            "the argument '{}' is not of the form name=value",
            argument.escape_default()
        ))
    })?;
    Ok(Argument {
        name: name.trim_start_matches('-').replace('-', "_"),
        value: value.to_owned(),
    })
}

/// Splits a text at spaces. Within '' everything stands for itself; within "" and outside of quotes
/// a backslash takes the next character's meaning away.
pub(crate) fn split(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '\\') => {
                let next = characters
                    .next()
                    .ok_or_else(|| bad("the arguments end in a backslash".into()))?;
                word.get_or_insert_default().push(next);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(bad("a quote in the arguments is not closed".into()));
    }
    words.extend(word);
    Ok(words)
}

pub(crate) fn bad(message: String) -> Error {
    Error::new(Code::BadArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_splits_as_a_shell_would() {
        let split = |text| split(text).expect("it is well-formed");
        assert_eq!(split("  a=1\t b=2\n"), ["a=1", "b=2"]);
        assert_eq!(
            split(r#"a='x y' b="x \" y" c=x\ y"#),
            ["a=x y", "b=x \" y", "c=x y"]
        );
        assert_eq!(split(r"a='C:\dir' b=''"), [r"a=C:\dir", "b="]);
        assert_eq!(split(""), Vec::<String>::new());
        assert_eq!(split("''"), [""]);
    }

    #[test]
    fn open_quotes_and_lone_backslashes_are_refused() {
        for text in ["a='x", "a=\"x", "a=x\\", "a=\"x\\"] {
            let error = split(text).expect_err(text);
            assert_eq!(error.code(), Code::BadArgument);
        }
    }

    #[test]
    fn names_take_dashes_either_way() {
        let expected = Argument {
            name: "chain_id".into(),
            value: "a=b".into(),
        };
        for text in ["chain_id=a=b", "-chain_id=a=b", "--chain-id=a=b"] {
            assert_eq!(parse(text).expect(text), expected);
        }
        assert!(parse("chain_id").is_err());
    }
}
