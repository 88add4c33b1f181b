//! Whatever is sent, the state stays bounded and restoring it changes nothing.

use aia_plugin_logs::{LogLines, Miner};
use aia_plugin_sdk::snapshot::{MAX_BYTES, decode, encode};
use aia_plugin_sdk::testing::{Harness, LogBatchBuilder, TestLog};
use proptest::prelude::*;

use crate::world::{Random, at};

/// A word without digits for each number.
fn word(mut number: u64) -> String {
    let mut word = String::from("w");
    while number > 0 {
        let letter = usize::try_from(number % 16).unwrap_or_default();
        word.extend("ghijklmnopqrstuv".chars().nth(letter));
        number /= 16;
    }
    word
}

#[test]
fn the_largest_state_stays_within_a_mebibyte() {
    // Full services, whose templates are as long as they may be, have rows, and of which many were merged.
    let mut harness = Harness::<LogLines>::new().without_restoring();
    let mut random = Random(9);
    for round in 0..3 {
        for service in 0..64_u64 {
            let service = format!("{service}{}", "s".repeat(200));
            let mut batch = LogBatchBuilder::new(at(round)).resource(&[
                ("service.name", &service),
                ("service.version", &format!("{round}{}", "r".repeat(200))),
            ]);
            for _ in 0..40 {
                let words: Vec<_> = (0..8).map(|_| word(random.below(1 << 62)).repeat(4)).collect();
                let line = format!(
                    "a_1=b_2=c_3=/dddddddd/eeeeeeee/fffffff=/ggggggggg/hhhhhhh/iiiiiiiiiii={}",
                    words.join("=").repeat(2)
                );
                for n in 0..12 {
                    batch = batch.log(TestLog::new(17, format!("{line} {} {}", word(n), "é".repeat(60))));
                }
            }
            harness.logs(batch.build());
            let bytes = harness.snapshot().len();
            assert!(bytes < MAX_BYTES, "{bytes} bytes");
        }
    }
    let bytes = harness.snapshot().len();
    assert!(bytes > 300_000, "{bytes}");
}

#[test]
fn hostile_lines_stay_within_a_mebibyte() {
    let mut harness = Harness::<LogLines>::new().without_restoring();
    let mut random = Random(5);
    for batch_number in 0..60_u64 {
        let service = format!("service-{}{}", batch_number, "s".repeat(200));
        let mut batch = LogBatchBuilder::new(at(batch_number)).resource(&[("service.name", &service)]);
        for _ in 0..500 {
            let words: Vec<_> = (0..30).map(|_| word(random.below(1 << 40))).collect();
            batch = batch.log(TestLog::new(17, words.join(" ")));
        }
        batch = batch.log(TestLog::new(17, "x".repeat(1 << 20)));
        batch = batch.log(TestLog::new(17, "\u{0}\u{1}\u{7f} \u{fffd}\n\n"));
        harness.logs(batch.build());
    }
    let bytes = harness.snapshot().len();
    assert!(bytes < MAX_BYTES, "{bytes} bytes");
}

/// Lines of few words, so that templates are merged, forgotten and met again.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let words = prop::sample::select(vec![
        "user", "ann", "bob", "cy", "dan", "eve", "fay", "gus", "hal", "a.b", "c.d", "e.f", "g.h", "7", "=",
        "(", ")", "x9", "OPEN", "SHUT", "of", "-", "..", ":", "null",
    ]);
    prop::collection::vec(
        prop::collection::vec(words, 0..7).prop_map(|words| words.join(" ")),
        0..200,
    )
}

proptest! {
    #[test]
    fn a_restored_miner_goes_on_as_if_it_had_not_stopped(lines in lines(), cut in 0_usize..200) {
        let mut whole = Miner::<()>::new(20);
        let mut restored = Miner::<()>::new(20);
        for (at, line) in lines.iter().enumerate() {
            if at == cut {
                restored = decode(1, &encode(1, &restored)).unwrap();
            }
            prop_assert_eq!(whole.line(line.as_bytes()), restored.line(line.as_bytes()));
        }
        prop_assert_eq!(encode(1, &whole), encode(1, &restored));
        prop_assert!(whole.len() <= 20);
    }

    #[test]
    fn any_bytes_are_a_line(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..50)) {
        let mut miner = Miner::<()>::new(10);
        for line in &lines {
            let id = miner.line(line);
            prop_assert!(miner.template(id).is_some());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The harness restores the detector before every call and compares; here the calls are whatever chance gives.
    #[test]
    fn a_restored_detector_goes_on_as_if_it_had_not_stopped(batches in prop::collection::vec(batch(), 1..40)) {
        let mut harness = Harness::<LogLines>::new();
        let mut now = 0;
        for (seconds, service, release, logs) in batches {
            now += seconds;
            let resource = [("service.name", service), ("service.version", release)];
            let mut batch = LogBatchBuilder::new(at(now)).resource(&resource);
            for (severity, line, off, copies) in logs {
                for _ in 0..copies {
                    batch = batch.log(TestLog::new(severity, line.as_str()).at(at((now + 200).saturating_sub(off))));
                }
            }
            harness.logs(batch.build());
        }
        prop_assert!(harness.snapshot().len() < MAX_BYTES);
    }
}

/// Seconds since the batch before, service, release and lines: severity, text, seconds that it is late, copies.
type Batch = (u64, &'static str, &'static str, Vec<(u8, String, u64, usize)>);

fn batch() -> impl Strategy<Value = Batch> {
    let word = prop::sample::select(vec![
        "order", "cart", "7", "user=", "failed", "a.b", "c.d", "OPEN", "0x1f", "(", ")",
    ]);
    let line = prop::collection::vec(word, 1..5).prop_map(|words| words.join(" "));
    let logs = prop::collection::vec((0_u8..25, line, 0_u64..400, 1_usize..40), 0..8);
    let releases = prop::sample::select(vec!["", "1", "2", "3"]);
    (
        1_u64..1500,
        prop::sample::select(vec!["cart", "stock"]),
        releases,
        logs,
    )
}
