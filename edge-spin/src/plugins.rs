//! The detectors in the slots.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use aia_edge::{Costs, Detector, OpenFailure, Outcome, Place, PluginInfo, Plugins, Report};
use aia_telemetry::{Columns, SignalType};
use serde::Deserialize;

use crate::app::now;
use crate::columns::Batch;
use crate::slots::Session;

/// Where Spin puts the file that says what is in which slot; it is made with the bundle.
const DESCRIPTION: &str = "/plugins.json";

/// The configuration of every plugin: its default.
const CONFIG: &str = "{}";

/// A plugin in that file.
#[derive(Deserialize)]
struct Described {
    slot: usize,
    name: String,
    digest: String,
    reads: Vec<Reads>,
    signals: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reads {
    Spans,
    Logs,
    Metrics,
}

impl From<Reads> for SignalType {
    fn from(reads: Reads) -> Self {
        match reads {
            Reads::Spans => Self::Traces,
            Reads::Logs => Self::Logs,
            Reads::Metrics => Self::Metrics,
        }
    }
}

/// All that are composed with this component.
#[derive(Clone)]
pub(crate) struct Composed {
    infos: Rc<[PluginInfo]>,
    slots: Rc<[usize]>,
    costs: Rc<RefCell<Costs>>,
}

impl Composed {
    /// Those that the bundle describes.
    pub(crate) fn described() -> Result<Self, String> {
        let text = std::fs::read(DESCRIPTION).map_err(|error| {
            format!("{DESCRIPTION} can't be read: spin.toml must give it in `files`: {error}")
        })?;
        let described: Vec<Described> = serde_json::from_slice(&text)
            .map_err(|error| format!("{DESCRIPTION} isn't what `aia bundle spin` makes: {error}"))?;
        let slots: Rc<[usize]> = described.iter().map(|plugin| plugin.slot).collect();
        let infos: Option<Rc<[PluginInfo]>> = described.into_iter().map(info).collect();
        Ok(Self {
            infos: infos.ok_or_else(|| format!("{DESCRIPTION} has a digest that is none"))?,
            costs: Rc::new(RefCell::new(Costs::new(slots.len(), now()))),
            slots,
        })
    }

    /// What they cost, if it is time to tell.
    pub(crate) fn take_report(&self) -> Option<Report> {
        self.costs.borrow_mut().take_report(&self.infos, now())
    }
}

fn info(plugin: Described) -> Option<PluginInfo> {
    Some(PluginInfo {
        digest: *blake3::Hash::from_hex(plugin.digest).ok()?.as_bytes(),
        name: plugin.name,
        reads: plugin.reads.into_iter().map(SignalType::from).collect(),
        signals: plugin.signals,
    })
}

impl Plugins for Composed {
    type Batch = Batch;
    type Detector = ComposedDetector;

    fn list(&self) -> &[PluginInfo] {
        &self.infos
    }

    fn prepare(&self, columns: Columns) -> Batch {
        Batch::new(columns)
    }

    /// Opens a session. An instance of a plugin belongs to this instance of the app, which serves one tenant, and has that
    /// tenant's sessions one beside the other: there is no other way in a composition.
    fn open(&self, plugin: usize, snapshot: Option<&[u8]>) -> Result<ComposedDetector, OpenFailure> {
        let Some(slot) = self.slots.get(plugin) else {
            return Err(OpenFailure::Failed("there is no such plugin".to_owned()));
        };
        let (session, took) = timed(|| Session::open(*slot, CONFIG, snapshot));
        self.costs.borrow_mut().besides(plugin, took);
        Ok(ComposedDetector {
            session: session?,
            plugin,
            costs: Rc::clone(&self.costs),
        })
    }
}

/// A session.
pub(crate) struct ComposedDetector {
    session: Session,
    /// Its plugin's place among all.
    plugin: usize,
    costs: Rc<RefCell<Costs>>,
}

impl ComposedDetector {
    /// Runs what has no rows.
    fn besides<T>(&self, run: impl FnOnce(&Session) -> T) -> T {
        let (done, took) = timed(|| run(&self.session));
        self.costs.borrow_mut().besides(self.plugin, took);
        done
    }
}

impl Detector for ComposedDetector {
    type Batch = Batch;

    fn observe(&mut self, batch: &Batch, place: Place) -> Result<Outcome, String> {
        let (outcome, took) = batch.with_place(place, |columns| timed(|| self.session.observe(columns)));
        self.costs.borrow_mut().observed(self.plugin, batch.rows, took);
        outcome
    }

    fn tick(&mut self, now: u64) -> Result<Outcome, String> {
        self.besides(|session| session.tick(now))
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, String> {
        Ok(self.besides(Session::snapshot))
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = run();
    (done, began.elapsed())
}
