//! OTLP over HTTP, whatever server it comes through: which requests are taken, in what order they are looked at, and every
//! answer. A server reads the body in between; what it can't know is written once here.

use crate::answer::{Encoding, success_body};
use crate::columns::SignalType;
use crate::decompress::ContentEncoding;
use crate::refusal::Refusal;

/// For exporters that can't send `Authorization`.
const KEY_HEADER: &str = "x-aia-key";

/// Method, path and headers of a request, before anything of its body was read.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `x-aia-key`.
    pub key: Option<&'a str>,
}

/// How a request's body is to be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyFormat {
    /// What it carries.
    pub signal: SignalType,
    /// Protobuf or JSON, also of the answer.
    pub encoding: Encoding,
    /// Its compression.
    pub compression: ContentEncoding,
}

/// An answer to be sent as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl<'a> RequestHead<'a> {
    /// Takes method, path and headers from a server; `header` gives a header by its name in lower case, and something that
    /// isn't empty for one that isn't text, which counts as wrong, not as missing.
    pub fn new(method: &'a str, path: &'a str, header: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        Self {
            method,
            path,
            content_type: header("content-type"),
            content_encoding: header("content-encoding"),
            authorization: header("authorization"),
            key: header(KEY_HEADER),
        }
    }

    /// What the path names.
    ///
    /// # Errors
    /// If there is no such path, or the method isn't POST. Looked at before the key.
    pub fn signal(&self) -> Result<SignalType, Refusal> {
        let signal = match self.path {
            "/v1/traces" => SignalType::Traces,
            "/v1/logs" => SignalType::Logs,
            "/v1/metrics" => SignalType::Metrics,
            _ => return Err(Refusal::UnknownPath),
        };
        if self.method == "POST" {
            Ok(signal)
        } else {
            Err(Refusal::WrongMethod)
        }
    }

    /// The ingest key as sent: `Authorization: Bearer …` (the scheme's case doesn't matter) or `x-aia-key`.
    ///
    /// # Errors
    /// If there is none.
    pub fn presented_key(&self) -> Result<&'a str, Refusal> {
        let key = match self.authorization {
            Some(value) => value
                .split_once(' ')
                .and_then(|(scheme, key)| scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())),
            None => self.key.map(str::trim),
        };
        key.ok_or(Refusal::MissingKey)
    }

    /// What the headers say of the body. Looked at behind the key.
    ///
    /// # Errors
    /// If the path, the content type or the content encoding isn't taken.
    pub fn body_format(&self) -> Result<BodyFormat, Refusal> {
        Ok(BodyFormat {
            signal: self.signal()?,
            encoding: Encoding::from_content_type(self.content_type)?,
            compression: ContentEncoding::from_header(self.content_encoding)?,
        })
    }

    /// What a refusal is written in: an answer to a request whose encoding isn't known is in JSON, which a person can read.
    #[must_use]
    pub fn answer_encoding(&self) -> Encoding {
        Encoding::from_content_type(self.content_type).unwrap_or(Encoding::Json)
    }
}

impl HttpAnswer {
    /// The request was taken; so many of its rows were refused, for the reasons that `message` tells.
    #[must_use]
    pub fn success(format: BodyFormat, refused_rows: u64, message: &str) -> Self {
        let body = success_body(format.encoding, format.signal, refused_rows, message);
        Self::new(200, format.encoding, body)
    }

    /// The request was refused.
    #[must_use]
    pub fn refusal(refusal: &Refusal, encoding: Encoding) -> Self {
        let mut answer = Self::new(refusal.http_status(), encoding, refusal.body(encoding));
        if let Some(seconds) = refusal.retry_after_seconds() {
            answer.headers.push(("retry-after", seconds.to_string()));
        }
        match answer.status {
            405 => answer.headers.push(("allow", "POST".to_owned())),
            401 => answer
                .headers
                .push(("www-authenticate", r#"Bearer realm="aia""#.to_owned())),
            _ => {}
        }
        answer
    }

    fn new(status: u16, encoding: Encoding, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", encoding.content_type().to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self {
            status,
            headers,
            body,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn head<'a>(headers: &'a [(&'a str, &'a str)]) -> RequestHead<'a> {
        RequestHead::new("POST", "/v1/traces", |name| {
            headers
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn keys_come_in_either_header() {
        let presented = |name, value| head(&[(name, value)]).presented_key().ok().map(ToOwned::to_owned);
        assert_eq!(presented("authorization", "Bearer abc").as_deref(), Some("abc"));
        assert_eq!(presented("authorization", "bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(presented("x-aia-key", "abc").as_deref(), Some("abc"));
        assert_eq!(presented("authorization", "Basic abc"), None);
        assert_eq!(presented("authorization", "abc"), None);
        assert_eq!(presented("x-api-key", "abc"), None);
    }

    #[test]
    fn paths_come_before_methods() {
        let signal = |method, path| RequestHead::new(method, path, |_| None).signal();
        assert_eq!(signal("POST", "/v1/logs"), Ok(SignalType::Logs));
        assert_eq!(signal("GET", "/v1/metrics"), Err(Refusal::WrongMethod));
        assert_eq!(signal("GET", "/"), Err(Refusal::UnknownPath));
        assert_eq!(signal("POST", "/v1/traces/"), Err(Refusal::UnknownPath));
    }

    #[test]
    fn refusals_have_the_headers_of_their_status() {
        let of = |refusal: Refusal| {
            let answer = HttpAnswer::refusal(&refusal, Encoding::Json);
            let headers = answer
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}"));
            format!("{} {}", answer.status, headers.collect::<Vec<_>>().join(", "))
        };
        let retry_after = Duration::from_secs(5);
        insta::assert_snapshot!(
            [of(Refusal::WrongMethod), of(Refusal::MissingKey), of(Refusal::Unavailable { retry_after })].join("\n"),
            @r#"
        405 content-type: application/json, x-content-type-options: nosniff, allow: POST
        401 content-type: application/json, x-content-type-options: nosniff, www-authenticate: Bearer realm="aia"
        503 content-type: application/json, x-content-type-options: nosniff, retry-after: 5
        "#
        );
    }
}
