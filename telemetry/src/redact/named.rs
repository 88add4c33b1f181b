//! Values that stand behind a name which says that they are secret: `password=…`, `"apiKey": "…"`, `Authorization: …`,
//! `--token …`; and credentials behind `Bearer` and `Basic` wherever they stand.

use super::found::{Found, run};
use super::marker::marker_length;
use super::secret_names::{SecretNames, is_name_byte};

/// Longest name that is looked at on either side of the anchor.
const MAX_NAME_BYTES: usize = 64;

/// Shortest value of names that are also ordinary words (`token`, `sig`): shorter ones are no secrets.
const MIN_TOKEN_BYTES: usize = 8;

/// Looks at a part of a secret name at `start..end`.
pub(super) fn find(names: &SecretNames, text: &[u8], start: usize, end: usize) -> Option<Found> {
    let before = text.get(start.saturating_sub(MAX_NAME_BYTES)..start)?;
    let start = start
        - before
            .iter()
            .rev()
            .take_while(|byte| is_name_byte(**byte))
            .count();
    // The anchor of `sig=` holds the sign.
    let end = end - usize::from(text.get(end - 1) == Some(&b'='));
    let ahead = text.get(..text.len().min(end + MAX_NAME_BYTES))?;
    let end = end + run(ahead, end, is_name_byte).len();
    let name = text.get(start..end)?;
    let rule = names.rule(name)?;
    let sign = Sign::read(text, name, end)?;
    let value = value(text, rule, &sign)?;
    if name.eq_ignore_ascii_case(b"pwd") && value.starts_with(b"/") {
        // The shell's working directory.
        return None;
    }
    is_secret(value, rule, &sign).then_some(Found {
        start: sign.value,
        end: sign.value + value.len(),
        rule,
    })
}

/// What stands between a name and its value.
struct Sign {
    /// Where the value begins, behind its opening quote.
    value: usize,
    /// The quotes around the value, if any; `\"` within JSON within a text.
    quote: Option<(u8, bool)>,
    kind: SignKind,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum SignKind {
    Equals,
    Colon,
    /// A colon and white space: prose can look like this.
    ColonSpace,
    /// `--name value`.
    Option,
}

impl Sign {
    fn read(text: &[u8], name: &[u8], end: usize) -> Option<Self> {
        // The closing quote of the name, perhaps escaped.
        let quotes = run(text, end, |byte| matches!(byte, b'\\' | b'"' | b'\'')).len();
        let mut at = end + quotes.min(2);
        let spaces = run(text, at, is_blank).len();
        at += spaces;
        let rest = text.get(at..)?;
        let kind = match rest {
            [b'=', b'>', ..] | [b':', b'=', ..] => {
                at += 2;
                SignKind::Equals
            }
            [b'=', b'=', ..] => return None,
            [b'=', ..] => {
                at += 1;
                SignKind::Equals
            }
            [b'%', b'3', b'D' | b'd', ..] => {
                at += 3;
                SignKind::Equals
            }
            [b':', ..] => {
                at += 1;
                SignKind::Colon
            }
            [first, ..] if spaces > 0 && quotes == 0 && name.starts_with(b"--") && *first != b'-' => {
                SignKind::Option
            }
            _ => return None,
        };
        let spaces = run(text, at, is_blank).len();
        at += spaces;
        let quote = match text.get(at..)? {
            [b'\\', quote @ (b'"' | b'\''), ..] => Some((*quote, true)),
            [quote @ (b'"' | b'\'' | b'`'), ..] => Some((*quote, false)),
            _ => None,
        };
        at += match quote {
            Some((_, true)) => 2,
            Some((_, false)) => 1,
            None => 0,
        };
        let kind = if kind == SignKind::Colon && spaces > 0 {
            SignKind::ColonSpace
        } else {
            kind
        };
        Some(Self {
            value: at,
            quote,
            kind,
        })
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The value of a name.
fn value<'a>(text: &'a [u8], rule: &str, sign: &Sign) -> Option<&'a [u8]> {
    let rest = text.get(sign.value..)?;
    let marker = marker_length(rest);
    if marker > 0 {
        return None;
    }
    if let Some((quote, is_escaped)) = sign.quote {
        return rest.get(..quoted_length(rest, quote, is_escaped));
    }
    let is_header = matches!(rule, "authorization" | "cookie");
    if is_header && matches!(sign.kind, SignKind::Colon | SignKind::ColonSpace) {
        let line = rest.get(..line_length(rest))?;
        return (!is_prose(line)).then_some(line);
    }
    let mut word = rest.get(..word_length(rest))?;
    if is_header && is_scheme(word) {
        // `authorization=Bearer abc`.
        let next = word.len() + run(rest, word.len(), is_blank).len();
        word = rest.get(..next + word_length(rest.get(next..)?))?;
    }
    if sign.kind == SignKind::ColonSpace && is_prose(rest.get(..line_length(rest))?) {
        return None;
    }
    Some(word)
}

/// Whether a value is one: not nothing, not a placeholder.
fn is_secret(value: &[u8], rule: &str, sign: &Sign) -> bool {
    let is_word = matches!(rule, "token" | "signature");
    if is_word && sign.quote.is_none() && sign.kind != SignKind::Equals && !is_random(value) {
        // `Unexpected token: identifier`.
        return false;
    }
    let min = if is_word { MIN_TOKEN_BYTES } else { 1 };
    let placeholders = ["null", "none", "nil", "undefined", "true", "false"];
    value.len() >= min
        && !placeholders
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
        && !value.iter().all(|byte| matches!(byte, b'*' | b'.' | b'[' | b'{'))
        && marker_length(value) != value.len()
}

/// Length of a quoted text without the closing quote; all of it if that is missing.
fn quoted_length(text: &[u8], quote: u8, is_escaped: bool) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (*byte, is_escaped) {
            (b'\\', true) if text.get(at + 1) == Some(&quote) => return at,
            // Within escaped quotes an escaped quote has three backslashes.
            (b'\\', _) => {
                at += if is_escaped && text.get(at + 1) == Some(&b'\\') {
                    4
                } else {
                    2
                }
            }
            (byte, false) if byte == quote => return at,
            // The text around ends: the value was cut off.
            (b'"', true) => return at,
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of an unquoted value: up to white space or what separates parameters, pairs and markup.
fn word_length(text: &[u8]) -> usize {
    let mut before = 0;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            0..=b' ' | b'&' | b';' | b',' | b'"' | b'\'' | b'`' | b'<' | b'>' | b')' | b']' | b'}' => {
                return at;
            }
            b'n' | b'r' | b't' if before == b'\\' => return at - 1,
            _ => before = *byte,
        }
    }
    text.len()
}

/// Length of the rest of a header: up to the end of the line or of what it is quoted in.
fn line_length(text: &[u8]) -> usize {
    let mut before = 0;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'\n' | b'\r' | b'"' | b'\'' | b'}' | b']' => return at,
            b'n' | b'r' | b't' if before == b'\\' => return at - 1,
            _ => before = *byte,
        }
    }
    text.len()
}

fn is_scheme(word: &[u8]) -> bool {
    let schemes = ["bearer", "basic", "token", "digest", "negotiate", "apikey"];
    schemes
        .iter()
        .any(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()))
}

/// Whether what follows a colon is a sentence: `password: must have 12 characters` is, `password: hunter2` isn't, and
/// neither is a single word, which may be a bad password.
fn is_prose(line: &[u8]) -> bool {
    let word = line.get(..word_length(line)).unwrap_or_default();
    let more = line.get(word.len()..).unwrap_or_default();
    !is_scheme(word)
        && !word.is_empty()
        && word.iter().all(u8::is_ascii_lowercase)
        && more.iter().any(u8::is_ascii_alphanumeric)
}

/// Looks at credentials behind `Bearer ` or `Basic ` at `start..end`, where the first letter may be missing.
pub(super) fn find_credentials(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let is_bearer = text.get(start..end)?.to_ascii_lowercase().ends_with(b"earer ");
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=:|".contains(&byte);
    let credentials = run(text, end, is_part);
    let length = credentials
        .iter()
        .rposition(|byte| *byte != b'.')
        .map_or(0, |last| last + 1);
    let credentials = credentials.get(..length)?;
    // `Bearer authentication`, `Bearer realm="…"` and `basic functionality` are no credentials.
    let is_parameter = credentials.ends_with(b"=") && text.get(end + length) == Some(&b'"');
    let rule = if is_bearer {
        "bearer-token"
    } else {
        "basic-credentials"
    };
    (length >= MIN_TOKEN_BYTES && is_random(credentials) && !is_parameter).then_some(Found {
        start: end,
        end: end + length,
        rule,
    })
}

/// Whether something is no plain word.
fn is_random(text: &[u8]) -> bool {
    text.iter()
        .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::tests::redacted;

    #[test]
    fn values_behind_secret_names_go() {
        for (text, expected) in [
            ("password=hunter2", "password=[redacted:password]"),
            ("a=1&password=hunter2&b=2", "a=1&password=[redacted:password]&b=2"),
            ("/login?API_KEY=abc#top", "/login?API_KEY=[redacted:api-key]"),
            ("PGPASSWORD=x psql", "PGPASSWORD=[redacted:password] psql"),
            (
                "Server=db;Pwd=x y;Uid=app",
                "Server=db;Pwd=[redacted:password] y;Uid=app",
            ),
            (
                r#"{"user":"a","password":"b \" c","n":1}"#,
                r#"{"user":"a","password":"[redacted:password]","n":1}"#,
            ),
            (
                r#"{"clientSecret" : "b"}"#,
                r#"{"clientSecret" : "[redacted:secret]"}"#,
            ),
            (
                r#"body={\"passwd\":\"b c\",\"n\":1}"#,
                r#"body={\"passwd\":\"[redacted:password]\",\"n\":1}"#,
            ),
            ("{'api_key': 'abc'}", "{'api_key': '[redacted:api-key]'}"),
            (
                "x-api-key: abc\nhost: b",
                "x-api-key: [redacted:api-key]\nhost: b",
            ),
            (
                "password: hunter2 (from env)",
                "password: [redacted:password] (from env)",
            ),
            ("password: hunter", "password: [redacted:password]"),
            (":password=>\"x\"", ":password=>\"[redacted:password]\""),
            (
                "run --db-password hunter2 --verbose",
                "run --db-password [redacted:password] --verbose",
            ),
            ("UID=sa;PWD=x", "UID=sa;PWD=[redacted:password]"),
            (
                "AWS_SECRET_ACCESS_KEY=a/b+c",
                "AWS_SECRET_ACCESS_KEY=[redacted:secret]",
            ),
            (
                "AccountName=a;AccountKey=b==;Suffix=c",
                "AccountName=a;AccountKey=[redacted:account-key];Suffix=c",
            ),
            ("?next=%2F&token%3Dabcdef12", "?next=%2F&token%3D[redacted:token]"),
            ("/reset?token=abcdefgh", "/reset?token=[redacted:token]"),
            (
                "?sv=1&sig=abc%2Bdef%3D&se=2",
                "?sv=1&sig=[redacted:signature]&se=2",
            ),
            ("password=käse", "password=[redacted:password]"),
            ("password=\"never closed", "password=\"[redacted:password]"),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn headers_go_to_the_end_of_the_line() {
        for (text, expected) in [
            (
                "Authorization: Bearer abc\nHost: b",
                "Authorization: [redacted:authorization]\nHost: b",
            ),
            (
                "authorization: AWS4-HMAC-SHA256 Credential=a, Signature=b",
                "authorization: [redacted:authorization]",
            ),
            (
                "curl -H 'Authorization: Token abc' http://h/",
                "curl -H 'Authorization: [redacted:authorization]' http://h/",
            ),
            (
                "map[Authorization:[Basic abc] Host:[h]]",
                "map[Authorization:[redacted:authorization]] Host:[h]]",
            ),
            ("Set-Cookie: id=1; HttpOnly", "Set-Cookie: [redacted:cookie]"),
            (
                "{\"Cookie\": \"a=b; c=d\"}",
                "{\"Cookie\": \"[redacted:cookie]\"}",
            ),
            (
                "authorization=Bearer abc next",
                "authorization=[redacted:authorization] next",
            ),
            (
                "sent bearer abcdefgh1, then",
                "sent bearer [redacted:bearer-token], then",
            ),
            ("Basic dXNlcjpwYXNz.", "Basic [redacted:basic-credentials]."),
        ] {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn what_only_looks_alike_stays() {
        for text in [
            "password: must have 12 characters",
            "Invalid password for user bob",
            "password=null",
            "password=***",
            "password=",
            "password",
            "password == other",
            "passwords=12",
            "secrets: 3 found",
            "token: 5",
            "Unexpected token: identifier",
            "input_tokens=123456789",
            "authorization: failed for bob",
            "Bearer authentication required",
            "WWW-Authenticate: Bearer realm=\"example\"",
            "basic functionality",
            "author=Izzy",
            "cookiecutter=1",
            "a sign of the times=1",
            "PWD=/home/app",
            "spike=1",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
