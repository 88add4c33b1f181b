//! What an operation is called: few names, without ids.

use aia_plugin_sdk::{Key, Span, Spans, Value};

use crate::text::{clip, is_id};

/// Longest name of an operation.
const MAX_BYTES: usize = 96;

/// Keys of the attributes that name operations, found once per batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperationKeys {
    route: Key,
    method: Key,
    old_method: Key,
    rpc_service: Key,
    rpc_method: Key,
}

impl OperationKeys {
    pub(crate) fn new(batch: Spans<'_>) -> Self {
        Self {
            route: batch.key("http.route"),
            method: batch.key("http.request.method"),
            old_method: batch.key("http.method"),
            rpc_service: batch.key("rpc.service"),
            rpc_method: batch.key("rpc.method"),
        }
    }

    /// What the name is made of, without making it: the same for all spans of an operation within a batch.
    pub(crate) fn source<'a>(&self, span: Span<'a>) -> OperationSource<'a> {
        let attributes = span.attributes();
        let text = |key: Key| {
            if key.is_present() {
                attributes
                    .get(key)
                    .and_then(Value::as_str)
                    .filter(|text| !text.is_empty())
            } else {
                None
            }
        };
        if let Some(route) = text(self.route) {
            let method = text(self.method)
                .or_else(|| text(self.old_method))
                .unwrap_or_default();
            return OperationSource::Http { method, route };
        }
        if let Some(method) = text(self.rpc_method) {
            return OperationSource::Rpc {
                service: text(self.rpc_service).unwrap_or_default(),
                method,
            };
        }
        OperationSource::Name(span.name())
    }
}

/// What an operation's name is made of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum OperationSource<'a> {
    /// Method and route.
    Http { method: &'a str, route: &'a str },
    /// Service and method of a remote call; current conventions put both into the method.
    Rpc { service: &'a str, method: &'a str },
    /// The span's name.
    Name(&'a str),
}

impl OperationSource<'_> {
    /// The name.
    pub(crate) fn name(self) -> String {
        let name = match self {
            Self::Http { method: "", route } => route.to_owned(),
            Self::Http { method, route } => format!("{method} {route}"),
            Self::Rpc { service: "", method } => method.to_owned(),
            Self::Rpc { service, method } => format!("{service}/{method}"),
            Self::Name(name) => without_ids(name),
        };
        clip(&name, MAX_BYTES).to_owned()
    }
}

/// Replaces the parts of a span's name that are ids or numbers by `{id}`, and cuts a query off.
fn without_ids(name: &str) -> String {
    let name = clip(name, 4 * MAX_BYTES);
    let name = if name.contains('/') {
        name.split('?').next().unwrap_or(name)
    } else {
        name
    };
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '_');
        let (word, behind) = rest.split_at(length.unwrap_or(rest.len()));
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_version = word.starts_with(['v', 'V']) && word.len() <= 3;
        let is_number = digits > 0 && !is_version && (digits * 2 >= word.len() || digits >= 4);
        out.push_str(if is_number || is_id(word) { "{id}" } else { word });
        let separator = behind.chars().next().map_or(0, char::len_utf8);
        out.push_str(behind.get(..separator).unwrap_or_default());
        rest = behind.get(separator..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::Time;
    use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};

    use super::*;

    fn name_of(span: TestSpan) -> String {
        let batch = SpanBatchBuilder::new(Time::from_secs(1)).span(span).build();
        let batch = Spans::new(&batch);
        let keys = OperationKeys::new(batch);
        batch.spans().map(|span| keys.source(span).name()).collect()
    }

    #[test]
    fn prefers_routes_then_calls_then_names() {
        let http = TestSpan::new("GET").attribute("http.route", "/orders/{id}");
        assert_eq!(
            name_of(http.clone().attribute("http.request.method", "GET")),
            "GET /orders/{id}"
        );
        assert_eq!(
            name_of(http.clone().attribute("http.method", "PUT")),
            "PUT /orders/{id}"
        );
        assert_eq!(name_of(http), "/orders/{id}");
        let rpc = TestSpan::new("x").attribute("rpc.method", "Charge");
        assert_eq!(
            name_of(rpc.clone().attribute("rpc.service", "shop.Pay")),
            "shop.Pay/Charge"
        );
        assert_eq!(name_of(rpc), "Charge");
    }

    #[test]
    fn names_hold_no_ids() {
        let cases = [
            (
                "GET /api/v1/orders/4711/items?limit=3",
                "GET /api/v1/orders/{id}/items",
            ),
            (
                "GET /users/6a82e0cd-c101-426a-97f9-dbb760829611",
                "GET /users/{id}",
            ),
            ("SELECT orders", "SELECT orders"),
            ("http2 handshake", "http2 handshake"),
            ("job-20230129", "{id}"),
        ];
        for (name, expected) in cases {
            assert_eq!(name_of(TestSpan::new(name)), expected, "{name}");
        }
    }
}
