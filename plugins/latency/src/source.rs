//! What a span's operation is called and whether it failed, by the numbers of its attributes' texts: texts are read once
//! for all spans of a batch that have the same. It says what [`aia_plugin_sdk::semconv`] says, which reads them for every
//! span.

use std::net::IpAddr;

use aia_plugin_sdk::semconv::{CallSource, OperationSource};
use aia_plugin_sdk::{Found, Keys, Span, Spans, Status, Text, Value};

/// The attributes that are looked at, current names before old ones.
const NAMES: [&str; 18] = [
    "http.route",
    "http.request.method",
    "http.method",
    "rpc.service",
    "rpc.method",
    "url.template",
    "db.query.summary",
    "service.peer.name",
    "peer.service",
    "messaging.destination.name",
    "db.system.name",
    "db.system",
    "server.address",
    "net.peer.name",
    "http.response.status_code",
    "http.status_code",
    "rpc.grpc.status_code",
    "rpc.response.status_code",
];

/// Positions among [`NAMES`]; where there are several names of one thing, that of the first.
const ROUTE: usize = 0;
const METHODS: usize = 1;
const RPC_SERVICE: usize = 3;
const RPC_METHOD: usize = 4;
const TEMPLATE: usize = 5;
const SUMMARY: usize = 6;
const PEERS: std::ops::Range<usize> = 7..12;
const ADDRESSES: std::ops::Range<usize> = 12..14;
const HTTP_STATUS: usize = 14;
const RPC_STATUS: usize = 16;

/// The gRPC codes that conventions lay at the server, with the names current conventions give instead of numbers.
const RPC_FAILURES: [(i64, &str); 6] = [
    (2, "UNKNOWN"),
    (4, "DEADLINE_EXCEEDED"),
    (12, "UNIMPLEMENTED"),
    (13, "INTERNAL"),
    (14, "UNAVAILABLE"),
    (15, "DATA_LOSS"),
];

/// The attributes of a batch.
pub(crate) type SpanKeys = Keys<18>;

/// What a span has of them.
pub(crate) type SpanFound<'a> = Found<'a, 18>;

/// Finds the attributes in a batch.
pub(crate) fn keys(batch: Spans<'_>) -> SpanKeys {
    batch.keys(NAMES)
}

/// What an operation's name is made of: the same for all its spans in a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    kind: Kind,
    /// HTTP's method or RPC's service; 0 if unknown.
    first: u32,
    /// The route or template, RPC's method, the summary of a query, or the span's name.
    second: u32,
    peer: Peer,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Http,
    Rpc,
    Name,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Peer {
    /// It is no call.
    None,
    Name(u32),
    /// Counts only if it is the name of a host.
    Address(u32),
}

impl Source {
    /// Of a span that serves a request or takes a message.
    #[inline]
    pub(crate) fn served(span: Span<'_>, found: &SpanFound<'_>) -> Self {
        let route = text(found, ROUTE);
        Self::new(route, found, || span.name_text().index(), Peer::None)
    }

    /// Of a span that asks another service or sends a message.
    #[inline]
    pub(crate) fn called(span: Span<'_>, found: &SpanFound<'_>) -> Self {
        let peer = match PEERS.into_iter().find_map(|position| text(found, position)) {
            Some(name) => Peer::Name(name),
            // 0 is the empty text.
            None => Peer::Address(
                ADDRESSES
                    .into_iter()
                    .find_map(|position| text(found, position))
                    .unwrap_or_default(),
            ),
        };
        let name = || text(found, SUMMARY).unwrap_or(span.name_text().index());
        Self::new(text(found, TEMPLATE), found, name, peer)
    }

    #[inline]
    fn new(route: Option<u32>, found: &SpanFound<'_>, name: impl FnOnce() -> u32, peer: Peer) -> Self {
        let (kind, first, second) = if let Some(route) = route {
            let method = text(found, METHODS).or_else(|| text(found, METHODS + 1));
            (Kind::Http, method, route)
        } else if let Some(method) = text(found, RPC_METHOD) {
            (Kind::Rpc, text(found, RPC_SERVICE), method)
        } else {
            (Kind::Name, None, name())
        };
        Self {
            kind,
            first: first.unwrap_or_default(),
            second,
            peer,
        }
    }

    /// Numbers that tell sources apart within a batch.
    #[inline]
    pub(crate) fn numbers(self) -> [u32; 4] {
        let (peer, kind) = match self.peer {
            Peer::None => (0, 0),
            Peer::Name(number) => (number, 1),
            Peer::Address(number) => (number, 2),
        };
        [kind * 4 + self.kind as u32, self.first, self.second, peer]
    }

    /// The operation's name.
    pub(crate) fn name(self, batch: Spans<'_>) -> String {
        let [first, second] = [self.first, self.second].map(|number| batch.text(number).as_str());
        let operation = match self.kind {
            Kind::Http => OperationSource::Http {
                method: first,
                route: second,
            },
            Kind::Rpc => OperationSource::Rpc {
                service: first,
                method: second,
            },
            Kind::Name => OperationSource::Name(second),
        };
        let peer = match self.peer {
            Peer::None => return operation.name(),
            Peer::Name(number) => batch.text(number).as_str(),
            Peer::Address(number) => Some(batch.text(number).as_str())
                .filter(|address| !is_ip(address))
                .unwrap_or_default(),
        };
        CallSource { operation, peer }.name()
    }
}

/// An address is no name: it changes with every restart.
fn is_ip(address: &str) -> bool {
    address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// The number of an attribute's text, if it has one that isn't empty.
#[inline]
fn text(found: &SpanFound<'_>, position: usize) -> Option<u32> {
    let text = found.text(position).filter(|text| !text.is_empty());
    text.map(Text::index)
}

/// Whether the work failed that the span stands for, as `semconv::FailureKeys` tells it.
#[inline]
pub(crate) fn has_failed(span: Span<'_>, found: &SpanFound<'_>) -> bool {
    let status = span.status();
    if status == Status::Ok {
        return false;
    }
    let either = |position: usize| position + usize::from(!found.has(position));
    match found.int(either(HTTP_STATUS)) {
        Some(500..) => return true,
        Some(400..) => return false,
        _ => {}
    }
    match found.get(either(RPC_STATUS)) {
        Some(code) => has_rpc_failed(code, status),
        None => status == Status::Error,
    }
}

fn has_rpc_failed(code: Value<'_>, status: Status) -> bool {
    let (number, name) = (code.as_int(), code.as_str());
    let is = |(of, called): (i64, &str)| number == Some(of) || name == Some(called);
    RPC_FAILURES.into_iter().any(is) || (is((0, "OK")) && status == Status::Error)
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::Time;
    use aia_plugin_sdk::semconv::{CallKeys, FailureKeys, OperationKeys};
    use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
    use proptest::prelude::*;

    use super::*;

    /// Texts and numbers as attributes may have them, also the empty text and codes as texts.
    const VALUES: [&str; 10] = [
        "",
        "GET",
        "/orders/{id}",
        "payment",
        "10.0.3.7",
        "[fe80::1]",
        "500",
        "0",
        "UNAVAILABLE",
        "OK",
    ];

    fn span() -> impl Strategy<Value = TestSpan> {
        let attribute = (0..NAMES.len(), 0..VALUES.len() + 8);
        let attributes = prop::collection::vec(attribute, 0..6);
        (attributes, 0..3_u8, 0..VALUES.len()).prop_map(|(attributes, status, name)| {
            let mut span = TestSpan::new(VALUES[name]);
            for (key, value) in attributes {
                let codes = [0, 2, 5, 14, 200, 404, 500, 503];
                span = match VALUES.get(value) {
                    Some(text) => span.attribute(NAMES[key], *text),
                    None => span.attribute(NAMES[key], codes[value - VALUES.len()]),
                };
            }
            match status {
                0 => span,
                1 => span.ok(),
                _ => span.error("boom"),
            }
        })
    }

    proptest! {
        #[test]
        fn the_conventions_are_kept(spans in prop::collection::vec(span(), 1..20)) {
            let batch = spans
                .into_iter()
                .fold(SpanBatchBuilder::new(Time::from_secs(1)), SpanBatchBuilder::span)
                .build();
            let batch = Spans::new(&batch);
            let (served, called) = (OperationKeys::new(batch), CallKeys::new(batch));
            let (failures, keys) = (FailureKeys::new(batch), keys(batch));
            let mut names = std::collections::BTreeMap::new();
            for span in batch.spans() {
                let found = keys.find(span.attributes());
                prop_assert_eq!(has_failed(span, &found), failures.has_failed(span));
                let expected = [served.source(span).name(), called.source(span).name()];
                let sources = [Source::served(span, &found), Source::called(span, &found)];
                for (source, expected) in sources.into_iter().zip(expected) {
                    prop_assert_eq!(&source.name(batch), &expected);
                    // The same numbers never stand for two names.
                    let known = names.entry(source.numbers()).or_insert_with(|| expected.clone());
                    prop_assert_eq!(known, &expected);
                }
            }
        }
    }
}
