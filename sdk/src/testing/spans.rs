//! Batches of spans.

use std::time::Duration;

use super::builder::{CommonBuilder, count, no_attributes};
use super::value::TestValue;
use crate::columns::{SpanBatch, SpanEvents, SpanLinks, Spans};
use crate::ids::{SpanId, TraceId};
use crate::time::Time;
use crate::view::{SpanKind, Status};

/// A span to be put into a batch.
#[derive(Clone, Debug)]
pub struct TestSpan {
    name: String,
    kind: SpanKind,
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    start: Time,
    duration: Duration,
    status: Status,
    message: String,
    attributes: Vec<(String, TestValue)>,
    events: Vec<(String, Vec<(String, TestValue)>)>,
    links: Vec<(TraceId, SpanId)>,
}

impl TestSpan {
    /// An internal span of trace 1 with id 1 and no parent, that took a millisecond and went as it went.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            kind: SpanKind::Internal,
            trace: TraceId { high: 0, low: 1 },
            id: SpanId(1),
            parent: SpanId(0),
            start: Time::UNSET,
            duration: Duration::from_millis(1),
            status: Status::Unset,
            message: String::new(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Sets the kind.
    #[must_use]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the second half of the trace id; the first is 0.
    #[must_use]
    pub fn trace(mut self, low: u64) -> Self {
        self.trace = TraceId { high: 0, low };
        self
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.id = SpanId(id);
        self
    }

    /// Sets the parent's id.
    #[must_use]
    pub fn parent(mut self, id: u64) -> Self {
        self.parent = SpanId(id);
        self
    }

    /// Sets when it began (the batch's time of receipt by default) and how long it took.
    #[must_use]
    pub fn at(mut self, start: Time, duration: Duration) -> Self {
        self.start = start;
        self.duration = duration;
        self
    }

    /// Gives it the status "ok".
    #[must_use]
    pub fn ok(mut self) -> Self {
        self.status = Status::Ok;
        self
    }

    /// Gives it the status "error" with a message.
    #[must_use]
    pub fn error(mut self, message: &str) -> Self {
        self.status = Status::Error;
        self.message = message.into();
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<TestValue>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// Adds an event at the span's start.
    #[must_use]
    pub fn event(mut self, name: &str, attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        self.events.push((name.into(), attributes));
        self
    }

    /// Adds an event `exception`.
    #[must_use]
    pub fn exception(self, exception_type: &str, message: &str, stacktrace: &str) -> Self {
        let attributes = [
            ("exception.type", exception_type),
            ("exception.message", message),
            ("exception.stacktrace", stacktrace),
        ];
        self.event("exception", &attributes)
    }

    /// Adds a link to a span of a trace (second half of its id).
    #[must_use]
    pub fn link(mut self, trace: u64, span: u64) -> Self {
        self.links.push((TraceId { high: 0, low: trace }, SpanId(span)));
        self
    }
}

/// Makes batches of spans.
///
/// ```
/// use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
/// use aia_plugin_sdk::{Spans, Time};
///
/// let batch = SpanBatchBuilder::new(Time::from_secs(10))
///     .resource(&[("service.name", "shop")])
///     .span(TestSpan::new("GET /").attribute("http.route", "/"))
///     .build();
/// let batch = Spans::new(&batch);
/// let route = batch.key("http.route");
/// for span in batch.spans() {
///     assert_eq!(span.resource().service_name(), "shop");
///     assert_eq!(span.attribute(route).and_then(|value| value.as_str()), Some("/"));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SpanBatchBuilder {
    common: CommonBuilder,
    spans: Spans,
    events: SpanEvents,
    links: SpanLinks,
}

impl SpanBatchBuilder {
    /// An empty batch that reached AIA at `received_at`.
    #[must_use]
    pub fn new(received_at: Time) -> Self {
        let mut common = CommonBuilder::new();
        common.columns().received_at = received_at.as_nanos();
        let spans = Spans {
            scope: Vec::new(),
            trace_id_high: Vec::new(),
            trace_id_low: Vec::new(),
            span_id: Vec::new(),
            parent_span_id: Vec::new(),
            trace_state: Vec::new(),
            flags: Vec::new(),
            name: Vec::new(),
            kind: Vec::new(),
            start_time: Vec::new(),
            end_time: Vec::new(),
            status_code: Vec::new(),
            status_message: Vec::new(),
            attributes_end: Vec::new(),
            attributes: no_attributes(),
            dropped_attributes: Vec::new(),
            events_end: Vec::new(),
            dropped_events: Vec::new(),
            links_end: Vec::new(),
            dropped_links: Vec::new(),
        };
        let events = SpanEvents {
            time: Vec::new(),
            name: Vec::new(),
            attributes_end: Vec::new(),
            attributes: no_attributes(),
            dropped_attributes: Vec::new(),
        };
        let links = SpanLinks {
            trace_id_high: Vec::new(),
            trace_id_low: Vec::new(),
            span_id: Vec::new(),
            trace_state: Vec::new(),
            flags: Vec::new(),
            attributes_end: Vec::new(),
            attributes: no_attributes(),
            dropped_attributes: Vec::new(),
        };
        Self {
            common,
            spans,
            events,
            links,
        }
    }

    /// Begins a resource; the spans that follow belong to it.
    #[must_use]
    pub fn resource(mut self, attributes: &[(&str, &str)]) -> Self {
        self.common.resource(attributes);
        self
    }

    /// Begins a scope of the resource; the spans that follow belong to it.
    #[must_use]
    pub fn scope(mut self, name: &str) -> Self {
        self.common.scope(name);
        self
    }

    /// Adds a span.
    #[must_use]
    pub fn span(mut self, span: TestSpan) -> Self {
        let start = if span.start.is_set() {
            span.start.as_nanos()
        } else {
            self.common.columns().received_at
        };
        let spans = &mut self.spans;
        spans.scope.push(self.common.last_scope());
        spans.trace_id_high.push(span.trace.high);
        spans.trace_id_low.push(span.trace.low);
        spans.span_id.push(span.id.0);
        spans.parent_span_id.push(span.parent.0);
        spans.trace_state.push(0);
        spans.flags.push(0);
        spans.name.push(self.common.text(&span.name));
        spans.kind.push(match span.kind {
            SpanKind::Unspecified => 0,
            SpanKind::Internal => 1,
            SpanKind::Server => 2,
            SpanKind::Client => 3,
            SpanKind::Producer => 4,
            SpanKind::Consumer => 5,
        });
        spans.start_time.push(start);
        spans
            .end_time
            .push(Time::from_nanos(start).after(span.duration).as_nanos());
        spans.status_code.push(match span.status {
            Status::Unset => 0,
            Status::Ok => 1,
            Status::Error => 2,
        });
        spans.status_message.push(self.common.text(&span.message));
        let end = self.common.attributes(&mut spans.attributes, &span.attributes);
        spans.attributes_end.push(end);
        spans.dropped_attributes.push(0);
        for (name, attributes) in &span.events {
            self.events.time.push(start);
            self.events.name.push(self.common.text(name));
            let end = self.common.attributes(&mut self.events.attributes, attributes);
            self.events.attributes_end.push(end);
            self.events.dropped_attributes.push(0);
        }
        spans.events_end.push(count(self.events.time.len()));
        spans.dropped_events.push(0);
        for (trace, id) in &span.links {
            self.links.trace_id_high.push(trace.high);
            self.links.trace_id_low.push(trace.low);
            self.links.span_id.push(id.0);
            self.links.trace_state.push(0);
            self.links.flags.push(0);
            self.links.attributes_end.push(0);
            self.links.dropped_attributes.push(0);
        }
        spans.links_end.push(count(self.links.span_id.len()));
        spans.dropped_links.push(0);
        self
    }

    /// The batch.
    #[must_use]
    pub fn build(self) -> SpanBatch {
        let Self {
            common,
            spans,
            events,
            links,
        } = self;
        SpanBatch {
            common: common.build(),
            spans,
            events,
            links,
        }
    }
}
