//! Configurations: JSON to the plugin's own type.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The configuration of a plugin that has nothing to set: any key is refused.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Parses a configuration; empty text is `{}`.
pub(crate) fn parse<C: DeserializeOwned + Default>(json: &str) -> Result<C, String> {
    if json.trim().is_empty() {
        return Ok(C::default());
    }
    serde_json::from_str(json).map_err(|error| {
        let message = error.to_string();
        match nearest_name(&message) {
            Some(name) => format!("{message}; did you mean `{name}`?"),
            None => message,
        }
    })
}

/// The known name nearest to the unknown one, from serde's message "unknown field `a`, expected one of `b`, `c`":
/// serde tells the names in no other way.
fn nearest_name(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown field `")?.split('`');
    let unknown = quoted.next()?;
    // Behind the unknown name come, in turn, the text between names and a name.
    let known = quoted.skip(1).step_by(2);
    let (distance, name) = known.map(|name| (distance(unknown, name), name)).min()?;
    (distance <= unknown.len().div_ceil(3)).then_some(name)
}

/// Number of letters to insert, delete or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal + usize::from(a != b);
            diagonal = *slot;
            before = replaced.min(diagonal + 1).min(before + 1);
            *slot = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    struct Config {
        min_count: u32,
        window_seconds: u32,
    }

    #[test]
    fn parses() {
        assert_eq!(parse::<Config>(""), Ok(Config::default()));
        assert_eq!(
            parse(r#"{"min-count":5}"#),
            Ok(Config {
                min_count: 5,
                window_seconds: 0
            })
        );
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let error = parse::<Config>(r#"{"min-cuont":5}"#).unwrap_err();
        assert_eq!(
            error,
            "unknown field `min-cuont`, expected `min-count` or `window-seconds` at line 1 column 12; did you mean \
             `min-count`?"
        );
        let error = parse::<Config>(r#"{"colour":5}"#).unwrap_err();
        assert!(!error.contains("did you mean"), "{error}");
        assert!(parse::<NoConfig>(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
