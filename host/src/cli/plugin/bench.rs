//! `aia plugin bench`

use serde::Serialize;

use super::super::{args::BenchPlugin, failure::Failure, output::Output, text};
use super::{digits, size, time};
use crate::{
    authors::{
        self,
        yardstick::{self, Bench, BenchOptions, Measured},
    },
    config::Config,
    runtime::Runtime,
};
use aia_telemetry::SignalType;

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    signal: &'static str,
    batches: usize,
    rows: u64,
    ratio: f64,
    plugin: Figures<'a>,
    yardstick: Figures<'a>,
}

#[derive(Serialize)]
struct Figures<'a> {
    plugin: &'a str,
    version: &'a str,
    row_ns: f64,
    batch_ns: u64,
    slowest_ns: u64,
    call_time_ns: u64,
    memory_bytes: u64,
    snapshot_bytes: u64,
    open_ns: u64,
    signals: u64,
}

impl<'a> From<&'a Measured> for Figures<'a> {
    fn from(measured: &'a Measured) -> Self {
        let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            plugin: &measured.plugin,
            version: &measured.version,
            row_ns: measured.row_ns,
            batch_ns: nanoseconds(measured.batch),
            slowest_ns: nanoseconds(measured.slowest),
            call_time_ns: nanoseconds(measured.call_time),
            memory_bytes: measured.memory_bytes,
            snapshot_bytes: measured.snapshot_bytes,
            open_ns: nanoseconds(measured.open),
            signals: measured.signals,
        }
    }
}

pub(super) fn run(
    runtime: &Runtime,
    config: &Config,
    wanted: BenchPlugin,
    output: &mut Output,
) -> Result<(), Failure> {
    let plugin = authors::load(runtime, &wanted.file)?;
    let errors = runtime
        .load("errors", aia_plugins::ERRORS)
        .map_err(|error| Failure::Runtime(error.into()))?;
    let signal = SignalType::from(wanted.signal);
    let bench = yardstick::bench(
        &plugin,
        &errors,
        &BenchOptions {
            signal,
            recordings: wanted.recordings,
            config: wanted.plugin_config,
            request_bytes: config.limits.decompressed_bytes,
        },
    )?;
    let ratio = bench.plugin.row_ns / bench.yardstick.row_ns.max(0.001);
    if output.json {
        return output.value(&Printed {
            signal: signal.as_str(),
            batches: bench.batches,
            rows: bench.rows,
            ratio,
            plugin: (&bench.plugin).into(),
            yardstick: (&bench.yardstick).into(),
        });
    }
    show(&bench, signal, ratio, output)
}

fn show(bench: &Bench, signal: SignalType, ratio: f64, output: &mut Output) -> Result<(), Failure> {
    let row = match signal {
        SignalType::Traces => "span",
        SignalType::Logs => "log record",
        SignalType::Metrics => "point",
    };
    let (plugin, errors) = (&bench.plugin, &bench.yardstick);
    let line = |name: &str, figure: &dyn Fn(&Measured) -> String, limit: String| {
        vec![name.to_owned(), figure(plugin), figure(errors), limit]
    };
    let share = |measured: &Measured| {
        let share = 100.0 * measured.batch.as_secs_f64() / measured.call_time.as_secs_f64().max(1e-9);
        format!("{share:.4} %")
    };
    let rows = vec![
        line(
            &format!("a {row}"),
            &|measured| format!("{} ns", digits(measured.row_ns)),
            String::new(),
        ),
        line(
            "a batch",
            &|measured| time(measured.batch),
            time(plugin.call_time),
        ),
        line("its share of the call time", &share, String::new()),
        line(
            "slowest call",
            &|measured| time(measured.slowest),
            time(plugin.call_time),
        ),
        line(
            "opening a session",
            &|measured| time(measured.open),
            String::new(),
        ),
        line(
            "memory",
            &|measured| size(measured.memory_bytes),
            size(plugin.memory_limit_bytes),
        ),
        line(
            "snapshot",
            &|measured| size(measured.snapshot_bytes),
            size(plugin.snapshot_limit_bytes),
        ),
        line("signals", &|measured| measured.signals.to_string(), String::new()),
    ];
    // The yardstick has its own name, which the measured one may have, too.
    output.table(&["", &text::line(&plugin.plugin), "errors", "LIMIT"], rows)?;
    output.text(&format!(
        "\n{} {} in {} batches: {} takes {} of the time of `errors`",
        bench.rows,
        match signal {
            SignalType::Traces => "spans",
            SignalType::Logs => "log records",
            SignalType::Metrics => "points",
        },
        bench.batches,
        text::line(&plugin.plugin),
        format_args!("{} %", digits(100.0 * ratio)),
    ))
}
