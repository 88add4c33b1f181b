//! The harness keeps the host's rules, and finds detectors that break theirs.

use aia_plugin_sdk::testing::{Harness, SpanBatchBuilder, TestSpan};
use aia_plugin_sdk::{Detector, Level, Manifest, NoConfig, OpenError, Outcome, Spans, Time, snapshot};

/// Logs what it is called with; forgets its count of calls in snapshots if `FORGETFUL`.
struct Recorder<const FORGETFUL: bool> {
    calls: u32,
}

impl<const FORGETFUL: bool> Detector for Recorder<FORGETFUL> {
    type Config = NoConfig;

    fn manifest() -> Manifest {
        Manifest::new("recorder", "0.1.0", "Records its calls")
    }

    fn open(_: NoConfig, snapshot: Option<&[u8]>) -> Result<Self, OpenError> {
        let calls = snapshot
            .map(|bytes| snapshot::decode(1, bytes))
            .transpose()?
            .unwrap_or_default();
        Ok(Self { calls })
    }

    fn observe_spans(&mut self, spans: Spans<'_>, out: &mut Outcome) -> Result<(), String> {
        self.calls += 1;
        let segment = spans.spans().map(|span| span.row().segment).next();
        out.log(
            Level::Debug,
            format_args!("call {}: spans of segment {segment:?}", self.calls),
        );
        Ok(())
    }

    fn tick(&mut self, now: Time, out: &mut Outcome) -> Result<(), String> {
        self.calls += 1;
        out.log(Level::Debug, format_args!("call {}: tick {now}", self.calls));
        Ok(())
    }

    fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(1, &if FORGETFUL { 0 } else { self.calls })
    }
}

fn feed<D: Detector>() -> Vec<String> {
    let mut harness = Harness::<D>::new();
    for seconds in [1, 9, 31] {
        harness.spans(
            SpanBatchBuilder::new(Time::from_secs(seconds))
                .span(TestSpan::new("a"))
                .build(),
        );
    }
    harness.silence_until(Time::from_secs(40));
    harness.lines().iter().map(|(_, line)| line.clone()).collect()
}

#[test]
fn segments_and_ticks_are_a_hosts() {
    let expected = [
        "call 1: spans of segment Some(1)",
        "call 2: spans of segment Some(2)",
        "call 3: tick 1970-01-01T00:00:10Z",
        "call 4: tick 1970-01-01T00:00:20Z",
        "call 5: tick 1970-01-01T00:00:30Z",
        "call 6: spans of segment Some(3)",
        "call 7: tick 1970-01-01T00:00:40Z",
    ];
    assert_eq!(feed::<Recorder<false>>(), expected);
}

#[test]
#[should_panic(expected = "a restored detector logs other lines")]
fn a_detector_that_forgets_is_found() {
    feed::<Recorder<true>>();
}

#[test]
#[should_panic(expected = "the configuration was refused")]
fn settings_that_dont_exist_are_refused() {
    let _ = Harness::<Recorder<false>>::with_config(r#"{"colour": "red"}"#);
}
