//! Passwords in URLs: `scheme://user:password@host`.

use super::found::{Found, run};
use super::marker::marker_length;

/// Looks at `://` that ends at `end`.
pub(super) fn find(text: &[u8], end: usize) -> Option<Found> {
    let authority = run(text, end, |byte| {
        !matches!(
            byte,
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | 0..=b' '
        )
    });
    // The last `@`: passwords are seen with unescaped ones.
    let userinfo = authority.get(..authority.iter().rposition(|byte| *byte == b'@')?)?;
    let password = userinfo.iter().position(|byte| *byte == b':')? + 1;
    let (start, length) = (end + password, userinfo.len() - password);
    if length == 0 || marker_length(userinfo.get(password..)?) == length {
        return None;
    }
    Some(Found {
        start,
        end: start + length,
        rule: "url-password",
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::redacted;

    #[test]
    fn passwords_go_and_the_rest_of_the_url_stays() {
        for (text, expected) in [
            (
                "postgres://app:s3cret@db:5432/shop?x=1",
                "postgres://app:[redacted:url-password]@db:5432/shop?x=1",
            ),
            ("redis://:s3cret@cache", "redis://:[redacted:url-password]@cache"),
            ("amqp://u:p@ss:w@mq/v", "amqp://u:[redacted:url-password]@mq/v"),
            (
                "a http://u:p@h/ b http://v:q@i/",
                "a http://u:[redacted:url-password]@h/ b http://v:[redacted:url-password]@i/",
            ),
            (
                "jdbc:mysql://u:ä€@h/d",
                "jdbc:mysql://u:[redacted:url-password]@h/d",
            ),
        ] {
            assert_eq!(redacted(text), expected);
        }
        for text in [
            "http://host:8080/a@b:c",
            "https://user@host/",
            "http://u:@host/",
            "://",
            "see http://h:80 for a@b.c",
            "http://[::1]:80/",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
