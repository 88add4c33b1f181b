//! What the operation is called that a span belongs to: few names, without ids.

use super::{MAX_NAME_BYTES, clip, first_text, without_ids};
use crate::view::{Key, Span, Spans};

/// Keys of the attributes that name operations, found once per batch.
#[derive(Clone, Copy, Debug)]
pub struct OperationKeys {
    route: Key,
    methods: [Key; 2],
    rpc_service: Key,
    rpc_method: Key,
}

impl OperationKeys {
    /// Finds the keys in a batch.
    #[must_use]
    pub fn new(batch: Spans<'_>) -> Self {
        Self {
            route: batch.key("http.route"),
            methods: [batch.key("http.request.method"), batch.key("http.method")],
            rpc_service: batch.key("rpc.service"),
            rpc_method: batch.key("rpc.method"),
        }
    }

    /// What the name is made of, without making it: the same for all spans of an operation within a batch.
    #[must_use]
    pub fn source<'a>(&self, span: Span<'a>) -> OperationSource<'a> {
        if let Some(route) = first_text(span, &[self.route]) {
            return OperationSource::Http {
                method: self.method(span),
                route,
            };
        }
        self.rpc(span).unwrap_or(OperationSource::Name(span.name()))
    }

    /// The method of a request over HTTP; empty where it isn't known.
    pub(super) fn method<'a>(&self, span: Span<'a>) -> &'a str {
        first_text(span, &self.methods).unwrap_or_default()
    }

    /// A remote call, where it is one.
    pub(super) fn rpc<'a>(&self, span: Span<'a>) -> Option<OperationSource<'a>> {
        first_text(span, &[self.rpc_method]).map(|method| OperationSource::Rpc {
            service: first_text(span, &[self.rpc_service]).unwrap_or_default(),
            method,
        })
    }
}

/// What an operation's name is made of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum OperationSource<'a> {
    /// Method and route of a request over HTTP.
    Http {
        /// Method; empty where it isn't known.
        method: &'a str,
        /// Route: a path with placeholders.
        route: &'a str,
    },
    /// Service and method of a remote call; current conventions put both into the method.
    Rpc {
        /// Service; empty where the method has it.
        service: &'a str,
        /// Method.
        method: &'a str,
    },
    /// The span's name.
    Name(&'a str),
}

impl OperationSource<'_> {
    /// The name, at most [`MAX_NAME_BYTES`] long.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self {
            Self::Http { method: "", route } => route.to_owned(),
            Self::Http { method, route } => format!("{method} {route}"),
            Self::Rpc { service: "", method } => method.to_owned(),
            Self::Rpc { service, method } => format!("{service}/{method}"),
            Self::Name(name) => without_ids(name, MAX_NAME_BYTES),
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
        assert_eq!(name_of(TestSpan::new("GET /orders/4711")), "GET /orders/{id}");
    }

    #[test]
    fn long_names_are_cut() {
        let long = "/ä".repeat(200);
        assert!(name_of(TestSpan::new(&long)).len() <= MAX_NAME_BYTES);
        assert!(name_of(TestSpan::new("x").attribute("http.route", long.as_str())).len() <= MAX_NAME_BYTES);
    }
}
