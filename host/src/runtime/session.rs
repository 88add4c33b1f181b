//! A session of a detector: one instance, which serves nobody else.

use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::batch::BatchColumns;
use super::bindings::detector::AnyDetector;
use super::bindings::detector::exports::aia::plugin::detector::{OpenError, Outcome};
use super::check::{Check, KnownRows, Position, at_most};
use super::error::printable;
use super::instance::{Room, Time};
use super::{Batch, Call, Failure, Plugin, PluginError};

/// The state of one detector for one project, in memory.
///
/// A session lives on one thread at a time (it is `Send`), and is called in the order of its segments. The first
/// error ends it: the instance is dropped with all it held, and every further call gives [`Failure::Poisoned`]. Go on
/// by opening another one from the last snapshot.
pub struct Session {
    plugin: Arc<Plugin>,
    /// `None` once a call has failed.
    live: Option<Live>,
    position: Option<Position>,
}

/// The instance, and the session in it.
struct Live {
    room: Room,
    detector: AnyDetector,
    session: ResourceAny,
}

impl Plugin {
    /// Opens a session in an instance of its own.
    ///
    /// `config` is JSON that fits the manifest's schema, `{}` by default; `snapshot` is what [`Session::snapshot`]
    /// gave before.
    ///
    /// # Errors
    ///
    /// If this isn't a detector, the plugin refuses one of the two, fails, or runs into a limit.
    pub fn open_session(
        self: &Arc<Self>,
        config: &str,
        snapshot: Option<&[u8]>,
    ) -> Result<Session, PluginError> {
        let pre = self.detector()?;
        let limits = &self.account().shared.limits;
        if let Some(snapshot) = snapshot
            && snapshot.len() > limits.snapshot_bytes
        {
            let (current, maximum) = (snapshot.len() as u64, limits.snapshot_bytes as u64);
            return Err(self
                .account()
                .error(Call::Open, Failure::SnapshotTooLarge { current, maximum }));
        }
        let mut room = Room::new(self.account(), Call::Open)?;
        let (detector, opened) = room.call(Call::Open, Time::Open, |store| {
            let detector = pre.instantiate(&mut *store)?;
            let opened = detector
                .aia_plugin_detector()
                .session()
                .call_open(store, config, snapshot)?;
            Ok((detector, opened))
        })?;
        let said = |message: String| printable(&message, limits.log_line_bytes);
        let session = opened.map_err(|error| {
            let failure = match error {
                OpenError::Config(message) => Failure::ConfigRefused {
                    message: said(message),
                },
                OpenError::Snapshot(message) => Failure::SnapshotRefused {
                    message: said(message),
                },
            };
            room.error(Call::Open, failure)
        })?;
        self.stats().count_opened();
        let live = Live {
            room,
            detector,
            session,
        };
        Ok(Session {
            plugin: Arc::clone(self),
            live: Some(live),
            position: None,
        })
    }
}

impl Session {
    /// Whose session it is.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Whether a call has failed.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.live.is_none()
    }

    /// Bytes of linear memory that it holds; 0 once a call has failed.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.room.memory_bytes())
    }

    /// Reads a batch, if its manifest says that it reads such. `earlier` knows the rows of segments before the batch's, which evidence may name.
    ///
    /// # Errors
    ///
    /// If the plugin fails, runs into a limit, or gives a signal that isn't valid: then none of them counts.
    pub fn observe(&mut self, batch: &Batch, earlier: &dyn KnownRows) -> Result<Outcome, PluginError> {
        self.position = Some(Position {
            segment: batch.segment(),
            rows: batch.end_row(),
        });
        if !self.is_poisoned() && !self.plugin.manifest().reads.contains(&batch.kind()) {
            return Ok(Outcome {
                signals: Vec::new(),
                logs: Vec::new(),
            });
        }
        self.ask(batch.call(), earlier, |live, call| {
            let Live {
                room,
                detector,
                session,
            } = live;
            let (guest, session) = (detector.aia_plugin_detector().session(), *session);
            room.call(call, Time::Call, |store| match &batch.columns {
                BatchColumns::Spans(columns) => guest.call_observe_spans(store, session, columns),
                BatchColumns::Logs(columns) => guest.call_observe_logs(store, session, columns),
                BatchColumns::Metrics(columns) => guest.call_observe_metrics(store, session, columns),
            })
        })
    }

    /// Lets time pass: `now` is a multiple of ten seconds, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// As [`Session::observe`].
    pub fn tick(&mut self, now: u64, earlier: &dyn KnownRows) -> Result<Outcome, PluginError> {
        self.ask(Call::Tick, earlier, |live, call| {
            let Live {
                room,
                detector,
                session,
            } = live;
            let (guest, session) = (detector.aia_plugin_detector().session(), *session);
            room.call(call, Time::Call, |store| guest.call_tick(store, session, now))
        })
    }

    /// The whole state.
    ///
    /// # Errors
    ///
    /// If the plugin fails, or the snapshot is larger than it may be.
    pub fn snapshot(&mut self) -> Result<Vec<u8>, PluginError> {
        self.run(Call::Snapshot, |plugin, live, call| {
            let Live {
                room,
                detector,
                session,
            } = live;
            let (guest, session) = (detector.aia_plugin_detector().session(), *session);
            let snapshot = room.call(call, Time::Call, |store| guest.call_snapshot(store, session))?;
            let maximum = plugin.granted().snapshot_bytes;
            at_most(
                || "a snapshot".to_owned(),
                "snapshot-bytes",
                "bytes",
                snapshot.len(),
                maximum,
            )
            .map_err(|failure| room.error(call, failure))?;
            Ok(snapshot)
        })
    }

    /// Makes a call that gives an outcome, and checks the outcome.
    fn ask(
        &mut self,
        call: Call,
        earlier: &dyn KnownRows,
        body: impl FnOnce(&mut Live, Call) -> Result<Result<Outcome, String>, PluginError>,
    ) -> Result<Outcome, PluginError> {
        let position = self.position;
        self.run(call, |plugin, live, call| {
            let limits = &plugin.account().shared.limits;
            body(live, call)?
                .map_err(|message| Failure::ReturnedError {
                    message: printable(&message, limits.log_line_bytes),
                })
                .and_then(|outcome| {
                    Check {
                        limits,
                        manifest: plugin.manifest(),
                        position,
                        earlier,
                    }
                    .outcome(outcome)
                })
                .map_err(|failure| live.room.error(call, failure))
        })
    }

    /// Makes a call; if it fails the instance is gone.
    fn run<R>(
        &mut self,
        call: Call,
        body: impl FnOnce(&Plugin, &mut Live, Call) -> Result<R, PluginError>,
    ) -> Result<R, PluginError> {
        let Some(live) = &mut self.live else {
            return Err(self.plugin.account().error(call, Failure::Poisoned));
        };
        let result = body(&self.plugin, live, call);
        if result.is_err() {
            self.live = None;
        }
        result
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("plugin", &self.plugin.name())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}
