//! What semantic conventions say of the spans of a batch: their operation, whom they call, whether they failed, who sent
//! them. By current and by old names, and by the rules of the SDK's `semconv`, so that the host's figures and the signals
//! of detectors agree on names.

mod text;

use std::net::IpAddr;

use crate::columns::{SpanColumns, value_kind};
use crate::row::{child_range, resource_text};

use text::{clip, without_ids};

/// Longest name of an operation, in bytes.
pub const MAX_OPERATION_BYTES: usize = 96;

/// Longest name of a peer, in bytes: half of the whole name.
const MAX_PEER_BYTES: usize = MAX_OPERATION_BYTES / 2;

/// OTLP's kinds of spans.
pub mod span_kind {
    /// Work within a service.
    pub const INTERNAL: u8 = 1;
    /// A request that is served.
    pub const SERVER: u8 = 2;
    /// A request that is made.
    pub const CLIENT: u8 = 3;
    /// A message that is sent.
    pub const PRODUCER: u8 = 4;
    /// A message that is worked on.
    pub const CONSUMER: u8 = 5;
}

/// The attributes that are read, in order.
const KEYS: [&str; 18] = [
    "db.query.summary",
    "db.system",
    "db.system.name",
    "http.method",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "http.status_code",
    "messaging.destination.name",
    "net.peer.name",
    "peer.service",
    "rpc.grpc.status_code",
    "rpc.method",
    "rpc.response.status_code",
    "rpc.service",
    "server.address",
    "service.peer.name",
    "url.template",
];

/// Who is called, the best name first.
const PEERS: [&str; 5] = [
    "service.peer.name",
    "peer.service",
    "messaging.destination.name",
    "db.system.name",
    "db.system",
];

/// The gRPC codes that conventions lay at the server, with the names that current conventions give instead of numbers.
const RPC_FAILURES: [(i64, &str); 6] = [
    (2, "UNKNOWN"),
    (4, "DEADLINE_EXCEEDED"),
    (12, "UNIMPLEMENTED"),
    (13, "INTERNAL"),
    (14, "UNAVAILABLE"),
    (15, "DATA_LOSS"),
];

/// Reads the spans of a batch by semantic conventions.
#[derive(Debug)]
pub struct SpanReader<'a> {
    columns: &'a SpanColumns,
    /// For each string the index in [`KEYS`] plus one, or 0.
    keys: Vec<u8>,
    /// Service and release of each scope.
    origins: Vec<(String, String)>,
}

/// What an operation's name is made of, without making it: the same for all spans of an operation within a batch.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SpanOperation<'a> {
    what: What<'a>,
    /// Whom an outgoing call is made to, possibly empty; none if the span is no outgoing call.
    peer: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum What<'a> {
    /// Method and route.
    Http { method: &'a str, route: &'a str },
    /// Service and method of a remote call; current conventions put both into the method.
    Rpc { service: &'a str, method: &'a str },
    /// The span's name.
    Name(&'a str),
}

impl<'a> SpanReader<'a> {
    /// Prepares to read a batch.
    #[must_use]
    pub fn new(columns: &'a SpanColumns) -> Self {
        let strings = &columns.common.strings;
        let keys = (0_u32..).take(strings.ends.len());
        let keys = keys.map(|index| {
            let key = KEYS.binary_search(&strings.get(index));
            key.map_or(0, |key| u8::try_from(key + 1).unwrap_or(0))
        });
        let scopes = (0_u32..).take(columns.common.scopes.resource.len());
        let text = |scope, key| resource_text(&columns.common, scope, key);
        Self {
            columns,
            keys: keys.collect(),
            origins: scopes
                .map(|scope| (text(scope, "service.name"), text(scope, "service.version")))
                .collect(),
        }
    }

    /// `service.name` of a span; empty if it has none.
    #[must_use]
    pub fn service(&self, row: usize) -> &str {
        self.origin(row).map_or("", |(service, _)| service)
    }

    /// `service.version` of a span; empty if it has none.
    #[must_use]
    pub fn release(&self, row: usize) -> &str {
        self.origin(row).map_or("", |(_, release)| release)
    }

    fn origin(&self, row: usize) -> Option<&(String, String)> {
        let scope = *self.columns.spans.scope.get(row)?;
        self.origins.get(usize::try_from(scope).ok()?)
    }

    /// The operation that a span serves: route, remote method, or the span's name without ids.
    #[must_use]
    pub fn operation(&self, row: usize) -> SpanOperation<'a> {
        let found = self.attributes(row);
        let what = match self.text(&found, "http.route") {
            Some(route) => What::Http {
                method: self.method(&found),
                route,
            },
            None => self
                .rpc(&found)
                .unwrap_or_else(|| What::Name(self.span_name(row))),
        };
        SpanOperation { what, peer: None }
    }

    /// The call that a span makes: what is asked of whom. Never the name of what a service itself serves.
    #[must_use]
    pub fn call(&self, row: usize) -> SpanOperation<'a> {
        let found = self.attributes(row);
        let what = match self.text(&found, "url.template") {
            Some(route) => What::Http {
                method: self.method(&found),
                route,
            },
            None => self.rpc(&found).unwrap_or_else(|| {
                let summary = self.text(&found, "db.query.summary");
                What::Name(summary.unwrap_or_else(|| self.span_name(row)))
            }),
        };
        let named = PEERS.iter().find_map(|key| self.text(&found, key));
        let peer = named.or_else(|| {
            let mut addresses = ["server.address", "net.peer.name"].iter();
            addresses
                .find_map(|key| self.text(&found, key))
                // An address is no name: it changes with every restart.
                .filter(|address| address.trim_matches(['[', ']']).parse::<IpAddr>().is_err())
        });
        SpanOperation {
            what,
            peer: Some(peer.unwrap_or_default()),
        }
    }

    /// Whether the work that the span stands for failed. A request that was the client's fault (4xx, `NOT_FOUND`) didn't,
    /// and neither did one that somebody gave the status "ok".
    #[must_use]
    pub fn has_failed(&self, row: usize) -> bool {
        let status = self.columns.spans.status_code.get(row).copied().unwrap_or(0);
        if status == 1 {
            return false;
        }
        let found = self.attributes(row);
        let first = |keys: [&str; 2]| keys.iter().find_map(|key| self.value(&found, key));
        let int = |(kind, data): (u8, u64)| (kind == value_kind::INT).then(|| data.cast_signed());
        match first(["http.response.status_code", "http.status_code"]).and_then(int) {
            Some(500..) => return true,
            Some(400..) => return false,
            _ => {}
        }
        if let Some(code) = first(["rpc.grpc.status_code", "rpc.response.status_code"]) {
            let (number, name) = (int(code), self.string(code));
            let is_failure = RPC_FAILURES
                .iter()
                .any(|known| number == Some(known.0) || name == Some(known.1));
            let is_ok = number == Some(0) || name == Some("OK");
            return is_failure || (is_ok && status == 2);
        }
        status == 2
    }

    fn span_name(&self, row: usize) -> &'a str {
        let name = self.columns.spans.name.get(row).copied().unwrap_or(0);
        self.columns.common.strings.get(name)
    }

    /// Rows of a span's attributes, for each of [`KEYS`] the first.
    fn attributes(&self, row: usize) -> [Option<usize>; KEYS.len()] {
        let attributes = &self.columns.spans.attributes;
        let mut found = [None; KEYS.len()];
        for at in child_range(&self.columns.spans.attributes_end, row) {
            let Some(key) = attributes.key.get(at) else { break };
            let key = usize::try_from(*key)
                .ok()
                .and_then(|key| self.keys.get(key).copied())
                .unwrap_or(0);
            if let Some(place) = usize::from(key).checked_sub(1).and_then(|key| found.get_mut(key)) {
                place.get_or_insert(at);
            }
        }
        found
    }

    fn value(&self, found: &[Option<usize>; KEYS.len()], key: &str) -> Option<(u8, u64)> {
        let at = KEYS
            .binary_search(&key)
            .ok()
            .and_then(|key| found.get(key))
            .copied()??;
        let attributes = &self.columns.spans.attributes;
        Some((*attributes.kind.get(at)?, *attributes.data.get(at)?))
    }

    fn string(&self, (kind, data): (u8, u64)) -> Option<&'a str> {
        let index = u32::try_from(data).ok().filter(|_| kind == value_kind::STRING)?;
        Some(self.columns.common.strings.get(index))
    }

    fn text(&self, found: &[Option<usize>; KEYS.len()], key: &str) -> Option<&'a str> {
        let value = self.value(found, key)?;
        self.string(value).filter(|text| !text.is_empty())
    }

    fn method(&self, found: &[Option<usize>; KEYS.len()]) -> &'a str {
        let mut keys = ["http.request.method", "http.method"].iter();
        keys.find_map(|key| self.text(found, key)).unwrap_or_default()
    }

    fn rpc(&self, found: &[Option<usize>; KEYS.len()]) -> Option<What<'a>> {
        self.text(found, "rpc.method").map(|method| What::Rpc {
            service: self.text(found, "rpc.service").unwrap_or_default(),
            method,
        })
    }
}

impl SpanOperation<'_> {
    /// The name, at most [`MAX_OPERATION_BYTES`] long: `POST /charge`, `SELECT stock to mysql`, `outgoing POST`.
    #[must_use]
    pub fn name(self) -> String {
        let what = self.what.name();
        let Some(peer) = self.peer else { return what };
        let peer = without_ids(peer, MAX_PEER_BYTES);
        let name = if peer.is_empty() {
            format!("outgoing {what}")
        } else {
            let room = MAX_OPERATION_BYTES.saturating_sub(peer.len() + " to ".len());
            format!("{} to {peer}", clip(&what, room))
        };
        clip(&name, MAX_OPERATION_BYTES).to_owned()
    }
}

impl What<'_> {
    fn name(self) -> String {
        let name = match self {
            Self::Http { method: "", route } => route.to_owned(),
            Self::Http { method, route } => format!("{method} {route}"),
            Self::Rpc { service: "", method } => method.to_owned(),
            Self::Rpc { service, method } => format!("{service}/{method}"),
            Self::Name(name) => without_ids(name, MAX_OPERATION_BYTES),
        };
        clip(&name, MAX_OPERATION_BYTES).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Columns, ScanLimits, Scratch, SignalType, scan_json};

    /// One span with these JSON fields and string attributes.
    fn span(fields: &str, attributes: &[(&str, &str)]) -> SpanColumns {
        let attributes: Vec<String> = attributes
            .iter()
            .map(|(key, value)| format!(r#"{{"key":"{key}","value":{value}}}"#))
            .collect();
        let body = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}},
            {{"key":"service.version","value":{{"intValue":"7"}}}}]}},"scopeSpans":[{{"spans":[{{
            "traceId":"00000000000000000000000000000001","spanId":"0000000000000001",{fields}
            "attributes":[{}]}}]}}]}}]}}"#,
            attributes.join(",")
        );
        let scanned = scan_json(
            SignalType::Traces,
            body.as_bytes(),
            &ScanLimits::default(),
            &mut Scratch::default(),
        );
        match scanned.unwrap().columns {
            Columns::Spans(columns) => columns,
            _ => panic!("spans were scanned"),
        }
    }

    fn text(value: &str) -> String {
        format!(r#"{{"stringValue":"{value}"}}"#)
    }

    fn with_texts(name: &str, attributes: &[(&str, &str)]) -> SpanColumns {
        let values: Vec<_> = attributes
            .iter()
            .map(|(key, value)| (*key, text(value)))
            .collect();
        let values: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
        span(&format!(r#""name":"{name}","#), &values)
    }

    #[test]
    fn keys_are_in_order() {
        assert!(KEYS.is_sorted());
    }

    #[test]
    fn operations_are_routes_then_calls_then_names() {
        for (name, attributes, expected) in [
            (
                "x",
                &[("http.route", "/o/{id}"), ("http.request.method", "GET")][..],
                "GET /o/{id}",
            ),
            (
                "x",
                &[("http.route", "/o/{id}"), ("http.method", "PUT")],
                "PUT /o/{id}",
            ),
            ("x", &[("http.route", "/o/{id}")], "/o/{id}"),
            (
                "x",
                &[("rpc.method", "Charge"), ("rpc.service", "shop.Pay")],
                "shop.Pay/Charge",
            ),
            ("x", &[("rpc.method", "shop.Pay/Charge")], "shop.Pay/Charge"),
            (
                "GET /users/6a82e0cd-c101-426a-97f9-dbb760829611?q=1",
                &[],
                "GET /users/{id}",
            ),
        ] {
            let columns = with_texts(name, attributes);
            let reader = SpanReader::new(&columns);
            assert_eq!(reader.operation(0).name(), expected);
            assert_eq!((reader.service(0), reader.release(0)), ("shop", "7"));
        }
    }

    #[test]
    fn calls_say_what_is_asked_of_whom() {
        for (attributes, expected) in [
            (
                &[
                    ("url.template", "/stock/{sku}"),
                    ("http.request.method", "GET"),
                    ("server.address", "inventory"),
                ][..],
                "GET /stock/{sku} to inventory",
            ),
            (&[("server.address", "10.0.3.7")], "outgoing query"),
            (&[("server.address", "[fe80::1]")], "outgoing query"),
            (
                &[("db.system", "mysql"), ("db.query.summary", "SELECT stock")],
                "SELECT stock to mysql",
            ),
            (
                &[("rpc.method", "Charge"), ("rpc.service", "shop.Pay")],
                "outgoing shop.Pay/Charge",
            ),
            (
                &[("messaging.destination.name", "orders/4711")],
                "query to orders/{id}",
            ),
        ] {
            let columns = with_texts("query", attributes);
            assert_eq!(SpanReader::new(&columns).call(0).name(), expected);
        }
        let long = with_texts(&"ä".repeat(300), &[("peer.service", "payment")]);
        let name = SpanReader::new(&long).call(0).name();
        assert!(
            name.len() <= MAX_OPERATION_BYTES && name.ends_with(" to payment"),
            "{name}"
        );
    }

    #[test]
    fn failures_are_told_by_codes_then_by_status() {
        let int = |value: i64| format!(r#"{{"intValue":"{value}"}}"#);
        let error = r#""status":{"code":2},"#;
        for (fields, attribute, expected) in [
            ("", None, false),
            (error, None, true),
            ("", Some(("http.response.status_code", int(503))), true),
            ("", Some(("http.status_code", int(500))), true),
            (error, Some(("http.response.status_code", int(404))), false),
            (error, Some(("http.response.status_code", int(200))), true),
            (
                r#""status":{"code":1},"#,
                Some(("http.response.status_code", int(503))),
                false,
            ),
            ("", Some(("rpc.grpc.status_code", int(14))), true),
            (error, Some(("rpc.grpc.status_code", int(5))), false),
            (error, Some(("rpc.grpc.status_code", int(0))), true),
            ("", Some(("rpc.response.status_code", text("INTERNAL"))), true),
            (
                error,
                Some(("rpc.response.status_code", text("NOT_FOUND"))),
                false,
            ),
        ] {
            let attributes: Vec<_> = attribute
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .collect();
            let columns = span(fields, &attributes);
            assert_eq!(
                SpanReader::new(&columns).has_failed(0),
                expected,
                "{fields} {attributes:?}"
            );
        }
    }

    #[test]
    fn columns_that_make_no_sense_are_read_as_empty() {
        let mut columns = with_texts("x", &[("http.route", "/")]);
        columns.spans.attributes_end = vec![u32::MAX];
        columns.spans.attributes.data = Vec::new();
        columns.spans.scope = vec![9];
        let reader = SpanReader::new(&columns);
        assert_eq!(
            (reader.operation(0).name(), reader.service(0)),
            ("x".to_owned(), "")
        );
        assert!(!reader.has_failed(5));
        assert_eq!(reader.call(5).name(), "outgoing ");
    }
}
