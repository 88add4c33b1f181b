//! What an operation is called: few names, without ids.

use aia_plugin_sdk::{Span, Spans, Text};

use crate::attributes::{METHOD, OLD_METHOD, ROUTE, RPC_METHOD, RPC_SERVICE, SpanFound};
use crate::text::{clip, is_id};

/// Longest name of an operation.
const MAX_BYTES: usize = 96;

/// What an operation's name is made of, by numbers of texts: the same for all its spans in a batch, and cheaper to
/// compare than to read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct OperationSource {
    kind: Kind,
    /// HTTP's method or RPC's service; 0 if unknown.
    first: u32,
    /// The route, RPC's method, or the span's name.
    second: u32,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    /// Method and route.
    Http,
    /// Service and method of a remote call; current conventions put both into the method.
    Rpc,
    /// The span's name.
    Name,
}

impl OperationSource {
    /// What a span's operation is named by.
    #[inline]
    pub(crate) fn of(span: Span<'_>, found: &SpanFound<'_>) -> Self {
        let text = |position: usize| {
            found
                .text(position)
                .filter(|text| !text.is_empty())
                .map(Text::index)
        };
        let (kind, first, second) = if let Some(route) = text(ROUTE) {
            let method = text(METHOD).or_else(|| text(OLD_METHOD));
            (Kind::Http, method, route)
        } else if let Some(method) = text(RPC_METHOD) {
            (Kind::Rpc, text(RPC_SERVICE), method)
        } else {
            (Kind::Name, None, span.name_text().index())
        };
        Self {
            kind,
            first: first.unwrap_or_default(),
            second,
        }
    }

    /// Numbers that tell sources apart within a batch.
    #[inline]
    pub(crate) fn numbers(self) -> [u32; 3] {
        [self.kind as u32, self.first, self.second]
    }

    /// Texts that tell sources apart in all batches.
    pub(crate) fn texts(self, batch: Spans<'_>) -> [&[u8]; 3] {
        let kind: &[u8] = match self.kind {
            Kind::Http => b"http",
            Kind::Rpc => b"rpc",
            Kind::Name => b"name",
        };
        let [first, second] = [self.first, self.second].map(|index| batch.text(index).as_bytes());
        [kind, first, second]
    }

    /// The name.
    pub(crate) fn name(self, batch: Spans<'_>) -> String {
        let [first, second] = [self.first, self.second].map(|index| batch.text(index).as_str());
        let name = match self.kind {
            Kind::Name => without_ids(second),
            Kind::Http | Kind::Rpc if first.is_empty() => second.to_owned(),
            Kind::Http => format!("{first} {second}"),
            Kind::Rpc => format!("{first}/{second}"),
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
    use crate::attributes;

    fn name_of(span: TestSpan) -> String {
        let batch = SpanBatchBuilder::new(Time::from_secs(1)).span(span).build();
        let batch = Spans::new(&batch);
        let keys = attributes::of_spans(batch);
        let name = |span: Span<'_>| OperationSource::of(span, &keys.find(span.attributes())).name(batch);
        batch.spans().map(name).collect()
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
