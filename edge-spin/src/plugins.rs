//! The detectors in the slots.

use std::rc::Rc;

use aia_edge::{Detector, OpenFailure, Outcome, Place, PluginInfo, Plugins};
use aia_telemetry::{Columns, SignalType};
use serde::Deserialize;

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
}

impl Composed {
    /// Those that the bundle describes.
    pub(crate) fn described() -> Result<Self, String> {
        let text = std::fs::read(DESCRIPTION).map_err(|error| {
            format!("{DESCRIPTION} can't be read: spin.toml must give it in `files`: {error}")
        })?;
        let described: Vec<Described> = serde_json::from_slice(&text)
            .map_err(|error| format!("{DESCRIPTION} isn't what `aia bundle spin` makes: {error}"))?;
        let slots = described.iter().map(|plugin| plugin.slot).collect();
        let infos: Option<Rc<[PluginInfo]>> = described.into_iter().map(info).collect();
        Ok(Self {
            infos: infos.ok_or_else(|| format!("{DESCRIPTION} has a digest that is none"))?,
            slots,
        })
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
        Session::open(*slot, CONFIG, snapshot).map(ComposedDetector)
    }
}

/// A session.
pub(crate) struct ComposedDetector(Session);

impl Detector for ComposedDetector {
    type Batch = Batch;

    fn observe(&mut self, batch: &Batch, place: Place) -> Result<Outcome, String> {
        batch.with_place(place, |batch| self.0.observe(batch))
    }

    fn tick(&mut self, now: u64) -> Result<Outcome, String> {
        self.0.tick(now)
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, String> {
        Ok(self.0.snapshot())
    }
}
