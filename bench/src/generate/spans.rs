//! Spans of HTTP servers.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, SpanKind},
    status::StatusCode,
};

use opentelemetry_proto::tonic::resource::v1::Resource;

use super::{Random, START_NS, integer, resource, scope, text};

/// What a request with spans is like.
#[derive(Clone, Copy, Debug)]
pub struct SpanShape {
    /// Spans in the request.
    pub spans: usize,
    /// Attributes of each.
    pub attributes: usize,
    /// Spans in a thousand that end with an exception.
    pub errors_per_thousand: u64,
    /// How many times as long as usual they take.
    pub slowness: u64,
}

impl Default for SpanShape {
    /// What an SDK sends: 512 spans of 10 attributes, one in fifty fails.
    fn default() -> Self {
        Self {
            spans: 512,
            attributes: 10,
            errors_per_thousand: 20,
            slowness: 1,
        }
    }
}

const ROUTES: [&str; 6] = [
    "/",
    "/orders",
    "/orders/{id}",
    "/products/{sku}",
    "/customers/{id}/basket",
    "/healthz",
];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const EXCEPTIONS: [&str; 6] = [
    "payment::ledger::CurrencyMismatch",
    "checkout::PaymentFailed",
    "inventory::OutOfShelf",
    "search::IndexClosed",
    "profile::SessionExpired",
    "gateway::UpstreamTimeout",
];

/// A request of one resource.
pub fn spans(random: &mut Random, shape: &SpanShape) -> ExportTraceServiceRequest {
    let resource = resource(random);
    spans_of(resource, random, shape, START_NS)
}

/// A request of that resource, whose first span begins then.
pub(super) fn spans_of(
    resource: Resource,
    random: &mut Random,
    shape: &SpanShape,
    start: u64,
) -> ExportTraceServiceRequest {
    let spans = (0_u64..)
        .take(shape.spans)
        .map(|number| span(random, shape, start + number * 50_000))
        .collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                scope: scope(),
                spans,
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

fn span(random: &mut Random, shape: &SpanShape, start: u64) -> Span {
    let (method, route) = (*random.pick(&METHODS), *random.pick(&ROUTES));
    let failed = random.below(1_000) < shape.errors_per_thousand;
    let status = if failed { 500 } else { 200 };
    let end = start + (200_000 + random.below(40_000_000)) * shape.slowness;
    let mut attributes = vec![
        text("http.request.method", method),
        text("http.route", route),
        integer("http.response.status_code", status),
        text("url.path", format!("{route}/{:x}", random.below(1 << 40))),
        text("url.scheme", "https"),
        text("server.address", "shop.example"),
        integer("server.port", 443),
        text(
            "client.address",
            format!(
                "10.{}.{}.{}",
                random.below(256),
                random.below(256),
                random.below(256)
            ),
        ),
        text(
            "user_agent.original",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        text("network.protocol.version", "1.1"),
    ];
    let more = attributes.len()..shape.attributes;
    attributes.extend(more.map(|number| {
        text(
            &format!("app.field_{number}"),
            format!("{:012x}", random.below(1 << 48)),
        )
    }));
    attributes.truncate(shape.attributes);
    let events = if failed {
        vec![exception(random, end)]
    } else {
        Vec::new()
    };
    Span {
        trace_id: random.bytes::<16>(),
        span_id: random.bytes::<8>(),
        parent_span_id: if random.below(3) == 0 {
            Vec::new()
        } else {
            random.bytes::<8>()
        },
        flags: 0x101,
        name: format!("{method} {route}"),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        events,
        status: failed.then(|| Status {
            code: StatusCode::Error.into(),
            message: String::new(),
        }),
        ..Default::default()
    }
}

fn exception(random: &mut Random, time: u64) -> Event {
    let name = *random.pick(&EXCEPTIONS);
    let attributes: Vec<KeyValue> = vec![
        text("exception.type", name),
        text(
            "exception.message",
            format!("order {:08x} can't be booked", random.below(1 << 32)),
        ),
        text("exception.stacktrace", stack(name)),
    ];
    Event {
        time_unix_nano: time,
        name: "exception".to_owned(),
        attributes,
        ..Default::default()
    }
}

/// As Rust writes it, twenty frames.
fn stack(exception: &str) -> String {
    let module = exception
        .rsplit_once("::")
        .map_or(exception, |(module, _)| module);
    let frames = (0..20).map(|frame| {
        let function = if frame < 6 {
            format!("{module}::step_{frame}")
        } else {
            format!("tokio::runtime::task::f{frame}")
        };
        format!(
            "{frame:>4}: {function}\n             at ./src/{}.rs:{}:9\n",
            module.replace("::", "/"),
            20 + frame * 7
        )
    });
    frames.collect()
}
