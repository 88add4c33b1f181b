//! The slots: what each is called in Rust, and what comes out of one as the rest of the component has it.

use aia_edge::{LogLine, OpenFailure, Outcome};
use aia_telemetry as ours;
use bindings::aia::plugin::signals;

use crate::columns::BatchColumns;

pub(crate) mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: ["../wit/0.1.0", "wit"],
        world: "aia:spin/edge",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// Declares the session of any slot, and how it is called.
macro_rules! slots {
    ($($number:literal $slot:ident $module:ident,)*) => {
        /// A session of the detector in a slot.
        pub(crate) enum Session {
            $($slot(bindings::aia_slot::$module::detector::Session),)*
        }

        impl Session {
            /// Opens one in the slot of that number, from 1.
            pub(crate) fn open(slot: usize, config: &str, snapshot: Option<&[u8]>) -> Result<Self, OpenFailure> {
                match slot {
                    $($number => {
                        use bindings::aia_slot::$module::detector::{OpenError, Session};
                        match Session::open(config, snapshot) {
                            Ok(session) => Ok(Self::$slot(session)),
                            Err(OpenError::Config(reason)) => Err(OpenFailure::Failed(reason)),
                            Err(OpenError::Snapshot(reason)) => Err(OpenFailure::Snapshot(reason)),
                        }
                    })*
                    _ => Err(OpenFailure::Failed(format!("there is no slot {slot}"))),
                }
            }

            /// Gives it a batch.
            pub(crate) fn observe(&self, batch: &BatchColumns) -> Result<Outcome, String> {
                match self {
                    $(Self::$slot(session) => match batch {
                        BatchColumns::Spans(batch) => session.observe_spans(batch),
                        BatchColumns::Logs(batch) => session.observe_logs(batch),
                        BatchColumns::Metrics(batch) => session.observe_metrics(batch),
                    }
                    .map(Outcome::from),)*
                }
            }

            /// Lets time pass.
            pub(crate) fn tick(&self, now: u64) -> Result<Outcome, String> {
                match self {
                    $(Self::$slot(session) => session.tick(now).map(Outcome::from),)*
                }
            }

            /// Its state.
            pub(crate) fn snapshot(&self) -> Vec<u8> {
                match self {
                    $(Self::$slot(session) => session.snapshot(),)*
                }
            }
        }

        $(const _: () = {
            use bindings::aia_slot::$module::detector;

            impl From<detector::Outcome> for Outcome {
                fn from(outcome: detector::Outcome) -> Self {
                    Self {
                        signals: outcome.signals.into_iter().map(signal).collect(),
                        logs: outcome.logs.into_iter().map(LogLine::from).collect(),
                    }
                }
            }

            impl From<detector::LogLine> for LogLine {
                fn from(line: detector::LogLine) -> Self {
                    let level = match line.level {
                        detector::Level::Debug => "debug",
                        detector::Level::Info => "info",
                        detector::Level::Warn => "warn",
                    };
                    Self { level, message: line.message }
                }
            }
        };)*
    };
}

slots! {
    1 Slot1 slot1,
    2 Slot2 slot2,
    3 Slot3 slot3,
    4 Slot4 slot4,
    5 Slot5 slot5,
    6 Slot6 slot6,
    7 Slot7 slot7,
    8 Slot8 slot8,
}

fn signal(signal: signals::Signal) -> ours::Signal {
    let severity = match signal.severity {
        signals::Severity::Low => ours::Severity::Low,
        signals::Severity::Medium => ours::Severity::Medium,
        signals::Severity::High => ours::Severity::High,
        signals::Severity::Critical => ours::Severity::Critical,
    };
    let measure = |measure: signals::Measure| ours::Measure {
        name: measure.name,
        unit: measure.unit,
        value: measure.value,
        baseline: measure.baseline,
    };
    let detail = |detail: signals::Detail| ours::Detail {
        name: detail.name,
        value: detail.value,
    };
    let evidence = |row: signals::RowId| ours::RowId {
        segment: row.segment,
        row: row.row,
    };
    ours::Signal {
        kind: signal.kind,
        severity,
        fingerprint: ours::Fingerprint {
            version: signal.fingerprint.version,
            parts: signal.fingerprint.parts,
        },
        title: signal.title,
        service: signal.service,
        operation: signal.operation,
        release: signal.release,
        affected: signal.affected,
        start_time: signal.start_time,
        end_time: signal.end_time,
        count: signal.count,
        measures: signal.measures.into_iter().map(measure).collect(),
        details: signal.details.into_iter().map(detail).collect(),
        evidence: signal.evidence.into_iter().map(evidence).collect(),
    }
}
