//! Spans come in any order, late, twice, with clocks that are off.

use std::time::Duration;

use aia_plugin_sdk::columns::SpanBatch;
use aia_plugin_sdk::{Signal, Time};
use proptest::prelude::*;

use crate::shop::{HEALTHY, Shop, at, harness};

const SLOW: Shop = Shop {
    payment: 400,
    ..HEALTHY
};

/// The batches of these seconds.
fn batches(shop: Shop, seconds: std::ops::Range<u64>) -> Vec<SpanBatch> {
    seconds
        .flat_map(|second| (0..2).flat_map(move |n| shop.request((1 + second) * 10 + n, at(second))))
        .collect()
}

fn received(mut batch: SpanBatch, time: Time) -> SpanBatch {
    batch.common.received_at = time.as_nanos();
    batch
}

fn assert_laid_at_payment(signals: &[Signal]) {
    assert!(!signals.is_empty());
    for signal in signals {
        assert_eq!(
            (signal.service.as_str(), signal.operation.as_str()),
            ("payment", "POST /charges")
        );
        assert_eq!(signal.affected, ["gateway", "orders"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn in_any_order_within_the_hold(keys in prop::collection::vec(0_u64..5, 6 * 180)) {
        // Each batch is up to four seconds late.
        let all = batches(HEALTHY, 0..120).into_iter().chain(batches(SLOW, 120..180));
        let mut all: Vec<_> = all
            .zip(keys)
            .map(|(batch, late)| {
                let time = Time::from_nanos(batch.common.received_at).after(Duration::from_secs(late));
                received(batch, time)
            })
            .collect();
        all.sort_by_key(|batch| batch.common.received_at);
        let mut harness = harness();
        for batch in all {
            harness.spans(batch);
        }
        assert_laid_at_payment(harness.silence_until(at(220)).signals());
    }
}

#[test]
fn what_comes_twice_counts_once() {
    let mut once = harness();
    let mut twice = harness();
    for batch in batches(HEALTHY, 0..120)
        .into_iter()
        .chain(batches(SLOW, 120..180))
    {
        once.spans(batch.clone());
        twice.spans(batch.clone()).spans(batch);
    }
    let (once, twice) = (once.take_signals(), twice.take_signals());
    let of = |signals: &[Signal]| -> Vec<_> {
        let all = signals.iter();
        all.map(|signal| (signal.count, signal.measures.clone(), signal.title.clone()))
            .collect()
    };
    assert_laid_at_payment(&once);
    assert_eq!(of(&once), of(&twice));
}

#[test]
fn a_caller_that_comes_too_late_isnt_blamed() {
    let mut harness = harness();
    let shop_at = |second: u64| {
        if (120..200).contains(&second) {
            SLOW
        } else {
            HEALTHY
        }
    };
    for second in 0..360_u64 {
        // Gateway's batches come 40 seconds late.
        if let Some(before) = second.checked_sub(40) {
            for batch in batches(shop_at(before), before..before + 1)
                .into_iter()
                .step_by(3)
            {
                harness.spans(received(batch, at(second)));
            }
        }
        for (n, batch) in batches(shop_at(second), second..second + 1)
            .into_iter()
            .enumerate()
        {
            if n % 3 > 0 {
                harness.spans(batch);
            }
        }
    }
    let signals = harness.take_signals();
    assert!(!signals.is_empty());
    assert!(
        signals.iter().all(|signal| signal.service == "payment"),
        "{signals:#?}"
    );
}

#[test]
fn clocks_may_be_off() {
    for skew in [Duration::from_secs(3), Duration::from_secs(50_000_000)] {
        let mut harness = harness();
        for mut batch in batches(HEALTHY, 0..120)
            .into_iter()
            .chain(batches(SLOW, 120..180))
        {
            // Payment's batches have a call of their own kind behind the request: its two spans.
            let is_payment = batch.spans.span_id.contains(&5);
            if is_payment {
                let skew = u64::try_from(skew.as_nanos()).unwrap();
                batch.spans.start_time.iter_mut().for_each(|time| *time += skew);
                batch.spans.end_time.iter_mut().for_each(|time| *time += skew);
            }
            harness.spans(batch);
        }
        let signals = harness.take_signals();
        assert_laid_at_payment(&signals);
        for signal in signals {
            let near = at(110).as_nanos()..at(200).as_nanos();
            assert!(
                near.contains(&signal.start_time) && signal.start_time <= signal.end_time,
                "{signal:#?}"
            );
        }
    }
}
