//! A request that is encoded once and sent many times, each time as another one: ids of traces and times are written
//! over in place, so that neither the generator has to encode nor the server may take it for a retry.

use anyhow::{Context, Result, bail};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use prost::Message;

use crate::generate::START_NS;

/// What stands in a field of a message.
enum Place {
    /// A message with fields of its own.
    Message(&'static [(u64, Place)]),
    /// A time, `fixed64`.
    Time,
    /// The id of a trace.
    Trace,
}

use Place::{Message as In, Time, Trace};

const EVENT: &[(u64, Place)] = &[(1, Time)];
const SPAN: &[(u64, Place)] = &[(1, Trace), (7, Time), (8, Time), (11, In(EVENT))];
const SPANS: &[(u64, Place)] = &[(1, In(&[(2, In(&[(2, In(SPAN))]))]))];
const RECORD: &[(u64, Place)] = &[(1, Time), (9, Trace), (11, Time)];
const RECORDS: &[(u64, Place)] = &[(1, In(&[(2, In(&[(2, In(RECORD))]))]))];

/// Rows are as old as this when they are sent: as if the exporter had gathered them for so long.
const AGE_NS: u64 = 100_000_000;

/// The request's bytes, with what comes before the message, and where they change.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    /// Where times stand, and what they are behind the first row's.
    times: Vec<(usize, u64)>,
    /// Where ids of traces stand.
    traces: Vec<usize>,
}

impl Template {
    /// A request with spans, behind what `before` makes of the message's length.
    pub(super) fn spans(
        request: &ExportTraceServiceRequest,
        before: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<Self> {
        Self::new(&request.encode_to_vec(), SPANS, before)
    }

    /// As [`Template::spans`], with log records.
    pub(super) fn logs(
        request: &ExportLogsServiceRequest,
        before: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<Self> {
        Self::new(&request.encode_to_vec(), RECORDS, before)
    }

    fn new(
        message: &[u8],
        places: &'static [(u64, Place)],
        before: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<Self> {
        let mut bytes = before(message.len());
        let start = bytes.len();
        bytes.extend_from_slice(message);
        let mut template = Self {
            bytes: Vec::new(),
            times: Vec::new(),
            traces: Vec::new(),
        };
        template.find(&bytes, (start, bytes.len()), places)?;
        template.bytes = bytes;
        Ok(template)
    }

    /// Notes where the fields of a message stand.
    fn find(
        &mut self,
        bytes: &[u8],
        (mut at, end): (usize, usize),
        places: &'static [(u64, Place)],
    ) -> Result<()> {
        while at < end {
            let tag = varint(bytes, &mut at)?;
            let place = places.iter().find(|(field, _)| *field == tag >> 3);
            let length = match tag & 7 {
                0 => {
                    varint(bytes, &mut at)?;
                    0
                }
                1 => 8,
                2 => usize::try_from(varint(bytes, &mut at)?).context("a field is too long")?,
                5 => 4,
                other => bail!("a field has wire type {other}"),
            };
            match place {
                Some((_, In(places))) => self.find(bytes, (at, at + length), places)?,
                Some((_, Time)) => {
                    let time = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>);
                    let time = u64::from_le_bytes(*time.context("a time is cut off")?);
                    self.times.push((at, time.saturating_sub(START_NS)));
                }
                Some((_, Trace)) => self.traces.push(at),
                None => {}
            }
            at += length;
        }
        Ok(())
    }

    /// Makes it the request of this number, sent at `now` nanoseconds since the Unix epoch. Half of each trace's id
    /// becomes the number: rows of one request that shared a trace still do, and no others.
    pub(super) fn stamp(&mut self, number: u64, now: u64) -> &[u8] {
        let start = now.saturating_sub(AGE_NS);
        for (at, offset) in &self.times {
            write(&mut self.bytes, *at, start.saturating_add(*offset));
        }
        for at in &self.traces {
            write(&mut self.bytes, *at, number);
        }
        &self.bytes
    }
}

fn write(bytes: &mut [u8], at: usize, number: u64) {
    if let Some(place) = bytes.get_mut(at..at + 8) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).context("a number is cut off")?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    bail!("a number has no end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{LogShape, Random, SpanShape, logs, spans};

    #[test]
    fn only_times_and_traces_change() {
        let shape = SpanShape {
            spans: 20,
            attributes: 10,
            errors_per_thousand: 500,
            ..SpanShape::default()
        };
        let request = spans(&mut Random::new(3), &shape);
        let mut template = Template::spans(&request, |length| vec![0; length % 7]).unwrap();
        let prefix = request.encoded_len() % 7;
        let stamped = template.stamp(42, START_NS + AGE_NS + 5).to_vec();
        let mut expected = request.clone();
        for span in &mut expected.resource_spans[0].scope_spans[0].spans {
            span.trace_id[..8].copy_from_slice(&42_u64.to_le_bytes());
            span.start_time_unix_nano += 5;
            span.end_time_unix_nano += 5;
            for event in &mut span.events {
                event.time_unix_nano += 5;
            }
        }
        assert_eq!(
            ExportTraceServiceRequest::decode(&stamped[prefix..]).unwrap(),
            expected
        );
    }

    #[test]
    fn records_of_logs_change_likewise() {
        let shape = LogShape {
            records: 5,
            attributes: 6,
            ..LogShape::default()
        };
        let request = logs(&mut Random::new(3), &shape);
        let mut template = Template::logs(&request, |_| Vec::new()).unwrap();
        let stamped = template.stamp(42, START_NS + AGE_NS + 5).to_vec();
        let decoded = ExportLogsServiceRequest::decode(&*stamped).unwrap();
        let record = &decoded.resource_logs[0].scope_logs[0].log_records[4];
        let before = &request.resource_logs[0].scope_logs[0].log_records[4];
        assert_eq!(record.trace_id[..8], 42_u64.to_le_bytes());
        assert_eq!(record.time_unix_nano, before.time_unix_nano + 5);
        assert_eq!(record.observed_time_unix_nano, before.observed_time_unix_nano + 5);
        assert_eq!(record.body, before.body);
    }
}
