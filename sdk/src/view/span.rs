//! Spans, their events and links.

use std::time::Duration;

use super::common::{Resource, Scope, at, range, rows, text};
use super::key::{AttributeKey, Key, Keys};
use super::text::Text;
use super::value::{Attributes, Value};
use crate::bindings::detector::aia::plugin::signals::RowId;
use crate::columns::SpanBatch;
use crate::ids::{SpanId, TraceId};
use crate::time::Time;

/// A batch of spans.
#[derive(Clone, Copy, Debug)]
pub struct Spans<'a> {
    batch: &'a SpanBatch,
}

impl<'a> Spans<'a> {
    /// A view of these columns.
    #[must_use]
    pub fn new(batch: &'a SpanBatch) -> Self {
        Self { batch }
    }

    /// The spans, in order.
    pub fn spans(self) -> impl Iterator<Item = Span<'a>> {
        (0..rows(&self.batch.spans.span_id)).map(move |index| Span {
            batch: self.batch,
            index,
        })
    }

    /// How many spans there are.
    #[must_use]
    pub fn len(self) -> usize {
        self.batch.spans.span_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// When the batch reached AIA.
    #[must_use]
    pub fn received_at(self) -> Time {
        Time::from_nanos(self.batch.common.received_at)
    }

    /// Finds an attribute's key for quick look-ups in this batch.
    #[must_use]
    pub fn key(self, name: &str) -> Key {
        Key::find(&self.batch.common, name)
    }

    /// The text of this number; empty for a number that no text has.
    #[must_use]
    pub fn text(self, index: u32) -> Text<'a> {
        Text::new(&self.batch.common.strings, index)
    }

    /// Finds several attributes' keys at once.
    #[must_use]
    pub fn keys<const N: usize>(self, names: [&str; N]) -> Keys<N> {
        Keys::find_all(&self.batch.common, names)
    }
}

/// What a span does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SpanKind {
    /// Not said, or a number that OTLP doesn't know.
    Unspecified,
    /// Work within a service.
    Internal,
    /// Serves a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Receives a message.
    Consumer,
}

/// How a span went.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// Not said, or a number that OTLP doesn't know.
    Unset,
    /// Well, somebody decided.
    Ok,
    /// Failed.
    Error,
}

/// A span.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    batch: &'a SpanBatch,
    index: u32,
}

impl<'a> Span<'a> {
    /// The batch that it is in.
    #[must_use]
    pub fn batch(self) -> Spans<'a> {
        Spans { batch: self.batch }
    }

    /// The row, to be named as evidence.
    #[must_use]
    pub fn row(self) -> RowId {
        let common = &self.batch.common;
        RowId {
            segment: common.segment,
            row: common.first_row.saturating_add(self.index),
        }
    }

    /// Name; empty if it isn't set.
    #[must_use]
    pub fn name(self) -> &'a str {
        text(&self.batch.common.strings, at(&self.batch.spans.name, self.index))
    }

    /// The name, not yet read.
    #[must_use]
    pub fn name_text(self) -> Text<'a> {
        Text::new(&self.batch.common.strings, at(&self.batch.spans.name, self.index))
    }

    /// What it does.
    #[must_use]
    pub fn kind(self) -> SpanKind {
        match at(&self.batch.spans.kind, self.index) {
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        }
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        let spans = &self.batch.spans;
        TraceId {
            high: at(&spans.trace_id_high, self.index),
            low: at(&spans.trace_id_low, self.index),
        }
    }

    /// Its id.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        SpanId(at(&self.batch.spans.span_id, self.index))
    }

    /// Its parent's id; not set for a root.
    #[must_use]
    pub fn parent_span_id(self) -> SpanId {
        SpanId(at(&self.batch.spans.parent_span_id, self.index))
    }

    /// W3C trace state; empty if it isn't set.
    #[must_use]
    pub fn trace_state(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.spans.trace_state, self.index),
        )
    }

    /// When it began, by its sender's clock.
    #[must_use]
    pub fn start_time(self) -> Time {
        Time::from_nanos(at(&self.batch.spans.start_time, self.index))
    }

    /// When it ended, by its sender's clock.
    #[must_use]
    pub fn end_time(self) -> Time {
        Time::from_nanos(at(&self.batch.spans.end_time, self.index))
    }

    /// How long it took; zero if its times make no sense.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.end_time().since(self.start_time())
    }

    /// How it went.
    #[must_use]
    pub fn status(self) -> Status {
        match at(&self.batch.spans.status_code, self.index) {
            1 => Status::Ok,
            2 => Status::Error,
            _ => Status::Unset,
        }
    }

    /// What was said of how it went; empty if nothing.
    #[must_use]
    pub fn status_message(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.spans.status_message, self.index),
        )
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let spans = &self.batch.spans;
        Attributes::new(
            &self.batch.common,
            &spans.attributes,
            range(&spans.attributes_end, self.index),
        )
    }

    /// An attribute, by name or [`Key`].
    #[must_use]
    pub fn attribute(self, key: impl AttributeKey) -> Option<Value<'a>> {
        self.attributes().get(key)
    }

    /// The library that measured it.
    #[must_use]
    pub fn scope(self) -> Scope<'a> {
        Scope {
            common: &self.batch.common,
            index: at(&self.batch.spans.scope, self.index),
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn resource(self) -> Resource<'a> {
        self.scope().resource()
    }

    /// Its events.
    pub fn events(self) -> impl Iterator<Item = Event<'a>> {
        let range = range(&self.batch.spans.events_end, self.index);
        let end = range.end.min(rows(&self.batch.events.time));
        (range.start..end).map(move |index| Event {
            batch: self.batch,
            index,
        })
    }

    /// Its links.
    pub fn links(self) -> impl Iterator<Item = Link<'a>> {
        let range = range(&self.batch.spans.links_end, self.index);
        let end = range.end.min(rows(&self.batch.links.span_id));
        (range.start..end).map(move |index| Link {
            batch: self.batch,
            index,
        })
    }
}

/// An event of a span.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    batch: &'a SpanBatch,
    index: u32,
}

impl<'a> Event<'a> {
    /// Name; empty if it isn't set.
    #[must_use]
    pub fn name(self) -> &'a str {
        text(
            &self.batch.common.strings,
            at(&self.batch.events.name, self.index),
        )
    }

    /// Whether its name is that of a key: cheaper than to compare texts.
    #[must_use]
    pub fn is_named(self, key: Key) -> bool {
        key.is_number(at(&self.batch.events.name, self.index))
    }

    /// When, by its sender's clock.
    #[must_use]
    pub fn time(self) -> Time {
        Time::from_nanos(at(&self.batch.events.time, self.index))
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let events = &self.batch.events;
        Attributes::new(
            &self.batch.common,
            &events.attributes,
            range(&events.attributes_end, self.index),
        )
    }

    /// An attribute, by name or [`Key`].
    #[must_use]
    pub fn attribute(self, key: impl AttributeKey) -> Option<Value<'a>> {
        self.attributes().get(key)
    }
}

/// A link of a span to another one.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    batch: &'a SpanBatch,
    index: u32,
}

impl<'a> Link<'a> {
    /// The trace it leads to.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        let links = &self.batch.links;
        TraceId {
            high: at(&links.trace_id_high, self.index),
            low: at(&links.trace_id_low, self.index),
        }
    }

    /// The span it leads to.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        SpanId(at(&self.batch.links.span_id, self.index))
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        let links = &self.batch.links;
        Attributes::new(
            &self.batch.common,
            &links.attributes,
            range(&links.attributes_end, self.index),
        )
    }
}
