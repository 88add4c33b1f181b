//! Views of damaged batches: whatever stands in the columns, nothing panics. Hosts validate batches, so that only
//! bugs of theirs get here.

use aia_plugin_sdk::columns::SpanBatch;
use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan, TestValue};
use aia_plugin_sdk::{Spans, Time};
use proptest::prelude::*;

fn good() -> SpanBatch {
    let list = TestValue::Array(vec![TestValue::Array(vec![1.into()]), "deep".into()]);
    SpanBatchBuilder::new(Time::from_secs(1))
        .resource(&[("service.name", "shop")])
        .span(
            TestSpan::new("a")
                .attribute("k", list)
                .exception("E", "ü", "s")
                .link(1, 2),
        )
        .span(TestSpan::new("b").attribute("bytes", TestValue::Bytes(vec![1, 2, 3])))
        .build()
}

/// Reads all there is, and gives how much that was.
fn read_all(batch: &SpanBatch) -> usize {
    let batch = Spans::new(batch);
    let key = batch.key("k");
    let mut letters = 0;
    for span in batch.spans() {
        letters += span.name().len() + span.status_message().len() + span.trace_state().len();
        letters += span.resource().service_name().len() + span.resource().schema_url().len();
        letters += span.scope().name().len() + span.scope().version().len() + span.scope().schema_url().len();
        letters += usize::from(span.attribute(key).is_some()) + usize::from(span.attribute("k").is_some());
        letters += span
            .attributes()
            .iter()
            .take(50)
            .map(|(name, value)| name.len() + format!("{value:.0}").len())
            .sum::<usize>();
        for event in span.events() {
            letters += event.name().len() + event.attributes().iter().take(50).count();
        }
        letters += span
            .links()
            .map(|link| link.attributes().iter().take(50).count())
            .sum::<usize>();
        letters += usize::try_from(span.duration().subsec_nanos()).unwrap_or(0) + span.row().row as usize % 2;
    }
    letters
}

proptest! {
    #[test]
    fn nothing_panics(column in 0_usize..14, index in 0_usize..4, value: u32, length in 0_usize..4) {
        let mut batch = good();
        let columns = [
            &mut batch.common.strings.ends,
            &mut batch.common.resources.attributes_end,
            &mut batch.common.scopes.resource,
            &mut batch.common.scopes.name,
            &mut batch.spans.scope,
            &mut batch.spans.name,
            &mut batch.spans.attributes_end,
            &mut batch.spans.attributes.key,
            &mut batch.spans.events_end,
            &mut batch.spans.links_end,
            &mut batch.events.attributes_end,
            &mut batch.events.name,
            &mut batch.links.attributes_end,
            &mut batch.common.nested.key,
        ];
        let chosen = columns.into_iter().nth(column).unwrap();
        if let Some(item) = chosen.get_mut(index) {
            *item = value;
        }
        read_all(&batch);
        let mut batch = good();
        batch.spans.attributes.data[0] = u64::from(value) << (8 * index);
        batch.spans.attributes.kind[0] = u8::try_from(column).unwrap();
        batch.common.strings.utf8.truncate(length);
        batch.events.time.truncate(length);
        read_all(&batch);
    }
}

#[test]
fn values_that_contain_themselves_end() {
    let mut batch = good();
    // The array's first element is the array.
    batch.common.nested.kind[0] = 5;
    batch.common.nested.data[0] = 1 << 32;
    let text = Spans::new(&batch)
        .spans()
        .next()
        .unwrap()
        .attribute("k")
        .unwrap()
        .to_string();
    assert!(text.len() < 1000, "{text}");
}
