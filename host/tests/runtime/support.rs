//! Runtimes, plugins and batches for the tests.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aia::runtime::{
    Batch, CacheConfig, CompilerConfig, KnownRows, Limits, Outcome, Plugin, PluginError, Runtime,
    RuntimeConfig, Session,
};
use aia_plugin_evil::{Config, Description, Stage};
use aia_telemetry::{Columns, LogColumns, MetricColumns, SpanColumns};

/// Rows of each batch.
pub(crate) const ROWS: u32 = 3;

/// Limits as by default, but so that a machine that is busy with something else can't fail a test.
pub(crate) fn limits() -> Limits {
    Limits {
        call_time: Duration::from_secs(30),
        open_time: Duration::from_secs(30),
        ..Limits::default()
    }
}

/// Limits for what never ends.
pub(crate) fn impatient() -> Limits {
    Limits {
        call_time: Duration::from_millis(700),
        open_time: Duration::from_millis(900),
        ..Limits::default()
    }
}

/// A runtime with these limits. Compiled code is kept between tests, or each would compile the same plugin.
pub(crate) fn runtime_with(limits: Limits) -> Arc<Runtime> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-plugins");
    let cache = Some(CacheConfig {
        folder,
        secret: [7; 32],
    });
    Runtime::new(RuntimeConfig {
        limits,
        cache,
        ..RuntimeConfig::new(CompilerConfig::InProcess)
    })
    .unwrap()
}

/// A runtime with the limits of the tests.
pub(crate) fn runtime() -> Arc<Runtime> {
    runtime_with(limits())
}

/// The plugin that misbehaves when it is told to.
pub(crate) fn evil(runtime: &Runtime) -> Arc<Plugin> {
    runtime.load("evil.wasm", aia_plugins::EVIL).unwrap()
}

/// The same plugin, which also misbehaves when it is asked for its manifest.
pub(crate) fn described(description: Description) -> Vec<u8> {
    let (old, new) = (Description::Behave.word(), description.word());
    let mut bytes = aia_plugins::EVIL.to_vec();
    let mut replaced = 0;
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(old.len()).position(|window| window == old) {
        at += found;
        bytes[at..at + new.len()].copy_from_slice(new);
        replaced += 1;
        at += new.len();
    }
    assert!(
        replaced > 0,
        "the plugin has the word that decides on its description"
    );
    bytes
}

/// Opens a session with a configuration.
pub(crate) fn open(plugin: &Arc<Plugin>, config: &Config) -> Result<Session, PluginError> {
    plugin.open_session(&serde_json::to_string(config).unwrap(), None)
}

/// A batch of spans, the only one of its segment.
pub(crate) fn spans(segment: u64) -> Batch {
    let mut columns = SpanColumns::default();
    columns.common.strings.ends = vec![0];
    let (zeros, bytes, words) = (
        vec![0; ROWS as usize],
        vec![0; ROWS as usize],
        vec![0; ROWS as usize],
    );
    let spans = &mut columns.spans;
    for column in [&mut spans.kind, &mut spans.status_code] {
        column.clone_from(&bytes);
    }
    for column in [
        &mut spans.scope,
        &mut spans.trace_state,
        &mut spans.flags,
        &mut spans.name,
        &mut spans.status_message,
        &mut spans.attributes_end,
        &mut spans.dropped_attributes,
        &mut spans.events_end,
        &mut spans.dropped_events,
        &mut spans.links_end,
        &mut spans.dropped_links,
    ] {
        column.clone_from(&zeros);
    }
    for column in [
        &mut spans.trace_id_high,
        &mut spans.trace_id_low,
        &mut spans.span_id,
        &mut spans.parent_span_id,
        &mut spans.start_time,
        &mut spans.end_time,
    ] {
        column.clone_from(&words);
    }
    Batch::new(Columns::Spans(columns), 1, segment, 0)
}

/// A batch of no log records.
pub(crate) fn logs(segment: u64) -> Batch {
    let mut columns = LogColumns::default();
    columns.common.strings.ends = vec![0];
    Batch::new(Columns::Logs(columns), 1, segment, 0)
}

/// A batch of no metrics.
pub(crate) fn metrics(segment: u64) -> Batch {
    let mut columns = MetricColumns::default();
    columns.common.strings.ends = vec![0];
    Batch::new(Columns::Metrics(columns), 1, segment, 0)
}

/// Segments before the current one: segment 1 has three rows, there is no other.
pub(crate) fn earlier() -> impl KnownRows {
    |segment: u64| (segment == 1).then_some(ROWS)
}

/// Does what the configuration says at its stage: what comes of it, and the session if it got that far.
pub(crate) fn act(plugin: &Arc<Plugin>, config: &Config) -> (Result<Outcome, PluginError>, Option<Session>) {
    let mut session = match open(plugin, config) {
        Ok(session) => session,
        Err(error) => return (Err(error), None),
    };
    let result = match config.stage {
        Stage::Open | Stage::Observe => session.observe(&spans(2), &earlier()),
        Stage::Tick => session.tick(10_000_000_000, &earlier()),
        Stage::Snapshot => session.snapshot().map(|_| Outcome {
            signals: Vec::new(),
            logs: Vec::new(),
        }),
    };
    (result, Some(session))
}

/// Does what the configuration says, which has to fail: the error's text and its reason. Checks what holds for every
/// failure: it is counted, the session is at its end, its instance is gone, and the session next to it is unharmed.
pub(crate) fn misdeed(config: &Config) -> String {
    misdeed_on(&runtime(), config)
}

/// [`misdeed`] on a runtime of the caller's.
pub(crate) fn misdeed_on(runtime: &Arc<Runtime>, config: &Config) -> String {
    let plugin = evil(runtime);
    let mut neighbour = open(&plugin, &Config::default()).unwrap();
    neighbour.observe(&spans(1), &earlier()).unwrap();

    let (result, session) = act(&plugin, config);
    let error = result.expect_err("a misdeed fails");

    let reason = error.failure.reason().expect("the plugin is to blame");
    assert_eq!(error.plugin, "evil");
    assert_eq!(
        (plugin.stats().failures(reason), plugin.stats().all_failures()),
        (1, 1),
        "it is counted once"
    );
    if let Some(mut session) = session {
        assert!(session.is_poisoned());
        assert_eq!(session.memory_bytes(), 0);
        let again = session.tick(20_000_000_000, &earlier()).unwrap_err();
        assert_eq!(
            again.to_string(),
            "plugin `evil`: tick was not done: an earlier call failed and ended this session"
        );
    }
    assert_eq!(
        (runtime.live_instances(), plugin.stats().live_instances()),
        (1, 1),
        "only the neighbour is left"
    );
    assert!(runtime.pooled_memories().is_none_or(|memories| memories == 1));

    neighbour.observe(&spans(2), &earlier()).unwrap();
    assert_eq!(
        neighbour.snapshot().unwrap(),
        [2],
        "the neighbour has seen its two batches and nothing else"
    );
    drop(neighbour);
    assert_eq!(
        (runtime.live_instances(), plugin.stats().live_instances()),
        (0, 0)
    );
    format!("{error} [{}]", reason.as_str())
}
