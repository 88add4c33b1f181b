//! What an outgoing call is called: what is asked of whom.

use std::net::IpAddr;

use super::operation::OperationKeys;
use super::{MAX_NAME_BYTES, OperationSource, clip, first_text, without_ids};
use crate::view::{Key, Span, Spans};

/// Longest name of a peer, in bytes: half of the whole name.
const MAX_PEER_BYTES: usize = MAX_NAME_BYTES / 2;

/// Keys of the attributes that name outgoing calls, found once per batch.
#[derive(Clone, Copy, Debug)]
pub struct CallKeys {
    operations: OperationKeys,
    template: Key,
    summary: Key,
    peers: [Key; 5],
    addresses: [Key; 2],
}

impl CallKeys {
    /// Finds the keys in a batch.
    #[must_use]
    pub fn new(batch: Spans<'_>) -> Self {
        Self {
            operations: OperationKeys::new(batch),
            template: batch.key("url.template"),
            summary: batch.key("db.query.summary"),
            peers: [
                batch.key("service.peer.name"),
                batch.key("peer.service"),
                batch.key("messaging.destination.name"),
                batch.key("db.system.name"),
                batch.key("db.system"),
            ],
            addresses: [batch.key("server.address"), batch.key("net.peer.name")],
        }
    }

    /// What the name is made of, without making it: the same for all calls of a kind within a batch.
    #[must_use]
    pub fn source<'a>(&self, span: Span<'a>) -> CallSource<'a> {
        let operation = if let Some(route) = first_text(span, &[self.template]) {
            OperationSource::Http {
                method: self.operations.method(span),
                route,
            }
        } else if let Some(rpc) = self.operations.rpc(span) {
            rpc
        } else {
            OperationSource::Name(first_text(span, &[self.summary]).unwrap_or(span.name()))
        };
        let peer = first_text(span, &self.peers).or_else(|| {
            // An address is no name: it changes with every restart.
            first_text(span, &self.addresses)
                .filter(|address| address.trim_matches(['[', ']']).parse::<IpAddr>().is_err())
        });
        CallSource {
            operation,
            peer: peer.unwrap_or_default(),
        }
    }
}

/// What an outgoing call's name is made of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CallSource<'a> {
    /// What is asked: template of the URL, remote method, summary of a query, or the span's name.
    pub operation: OperationSource<'a>,
    /// Who is asked: the peer service, the destination of a message, the kind of database, or a host that has a name;
    /// empty where nobody is named.
    pub peer: &'a str,
}

impl CallSource<'_> {
    /// The name, at most [`MAX_NAME_BYTES`] long: `POST to payment`, or `outgoing POST` where the peer isn't named. It
    /// is never the name of the operation that a service itself serves.
    #[must_use]
    pub fn name(self) -> String {
        let operation = self.operation.name();
        let peer = without_ids(self.peer, MAX_PEER_BYTES);
        let name = if peer.is_empty() {
            format!("outgoing {operation}")
        } else {
            let room = MAX_NAME_BYTES.saturating_sub(peer.len() + " to ".len());
            format!("{} to {peer}", clip(&operation, room))
        };
        clip(&name, MAX_NAME_BYTES).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SpanBatchBuilder, TestSpan};
    use crate::time::Time;

    fn name_of(span: TestSpan) -> String {
        let batch = SpanBatchBuilder::new(Time::from_secs(1)).span(span).build();
        let batch = Spans::new(&batch);
        let keys = CallKeys::new(batch);
        batch.spans().map(|span| keys.source(span).name()).collect()
    }

    #[test]
    fn say_what_is_asked_of_whom() {
        let http = TestSpan::new("GET").attribute("http.request.method", "GET");
        let template = http.clone().attribute("url.template", "/stock/{sku}");
        assert_eq!(
            name_of(template.attribute("server.address", "inventory")),
            "GET /stock/{sku} to inventory"
        );
        assert_eq!(
            name_of(http.clone().attribute("peer.service", "inventory")),
            "GET to inventory"
        );
        assert_eq!(
            name_of(http.clone().attribute("server.address", "10.0.3.7")),
            "outgoing GET"
        );
        assert_eq!(
            name_of(http.clone().attribute("server.address", "[fe80::1]")),
            "outgoing GET"
        );
        assert_eq!(name_of(http), "outgoing GET");
        let query = TestSpan::new("query").attribute("db.system", "mysql");
        assert_eq!(name_of(query.clone()), "query to mysql");
        assert_eq!(
            name_of(query.attribute("db.query.summary", "SELECT stock")),
            "SELECT stock to mysql"
        );
        let rpc = TestSpan::new("x").attribute("rpc.method", "Charge");
        assert_eq!(
            name_of(rpc.attribute("rpc.service", "shop.Pay")),
            "outgoing shop.Pay/Charge"
        );
        let send = TestSpan::new("send").attribute("messaging.destination.name", "orders/4711");
        assert_eq!(name_of(send), "send to orders/{id}");
    }

    #[test]
    fn long_names_keep_the_peer() {
        let long = "a".repeat(300);
        let name = name_of(TestSpan::new(&long).attribute("peer.service", "payment"));
        assert!(
            name.len() <= MAX_NAME_BYTES && name.ends_with(" to payment"),
            "{name}"
        );
        let name = name_of(TestSpan::new(&long).attribute("peer.service", "ä".repeat(99)));
        assert!(name.len() <= MAX_NAME_BYTES, "{name}");
    }
}
