//! An investigation of an analyst: one instance, which explains one incident.

use std::sync::Arc;

use wasmtime::component::ResourceAny;

use super::bindings::analyst::AnyAnalyst;
use super::bindings::analyst::exports::aia::plugin::analyst::{Event, Settings, Step};
use super::bindings::reporter::aia::plugin::evidence::Case;
use super::error::printable;
use super::instance::{Room, Time};
use super::{Call, Failure, Plugin, PluginError, step};

/// The state of one analyst on one incident, in memory.
///
/// As with a [`Session`](super::Session), the first error ends it: the instance is dropped with all it held. So does the
/// step that concludes or gives up.
pub struct Investigation {
    plugin: Arc<Plugin>,
    /// `None` once a call has failed, or the analyst is done.
    live: Option<Live>,
    /// Steps that it may still take.
    steps: u32,
    max_steps: u32,
}

/// The instance, and the investigation in it.
struct Live {
    room: Room,
    analyst: AnyAnalyst,
    investigation: ResourceAny,
}

impl Plugin {
    /// Opens an investigation in an instance of its own.
    ///
    /// # Errors
    ///
    /// If this isn't an analyst, the plugin refuses its configuration, fails, or runs into a limit.
    pub fn open_investigation(
        self: &Arc<Self>,
        case: &Case,
        settings: &Settings,
    ) -> Result<Investigation, PluginError> {
        let pre = self.analyst()?;
        let limits = &self.account().shared.limits;
        let mut room = Room::new(self.account(), Call::Open)?;
        let (analyst, opened) = room.call(Call::Open, Time::Open, |store| {
            let analyst = pre.instantiate(&mut *store)?;
            let opened = analyst
                .aia_plugin_analyst()
                .investigation()
                .call_open(store, case, settings)?;
            Ok((analyst, opened))
        })?;
        let investigation = opened.map_err(|message| {
            let message = printable(&message, limits.log_line_bytes);
            room.error(Call::Open, Failure::ConfigRefused { message })
        })?;
        self.stats().count_opened();
        Ok(Investigation {
            plugin: Arc::clone(self),
            live: Some(Live {
                room,
                analyst,
                investigation,
            }),
            steps: settings.max_steps,
            max_steps: settings.max_steps,
        })
    }
}

impl Investigation {
    /// Tells the analyst what happened and gets its next step, whose sizes and numbers are those that the contract allows.
    /// Whether what a conclusion says is true is not looked at here.
    ///
    /// # Errors
    ///
    /// If the plugin fails, runs into a limit, gives a step that isn't valid, or wants to go on when its steps are used
    /// up: then the investigation is over.
    pub fn advance(&mut self, event: &Event) -> Result<Step, PluginError> {
        let Some(mut live) = self.live.take() else {
            return Err(self.plugin.account().error(Call::Advance, Failure::Over));
        };
        let Live {
            room,
            analyst,
            investigation,
        } = &mut live;
        let (guest, investigation) = (analyst.aia_plugin_analyst().investigation(), *investigation);
        let step = room.call(Call::Advance, Time::Call, |store| {
            guest.call_advance(store, investigation, event)
        })?;
        let limits = &self.plugin.account().shared.limits;
        let step = step::check(step, limits).map_err(|failure| room.error(Call::Advance, failure))?;
        self.steps = self.steps.saturating_sub(1);
        if matches!(step, Step::Conclude(_) | Step::GiveUp(_)) {
            return Ok(step);
        }
        if self.steps == 0 {
            let maximum = u64::from(self.max_steps);
            return Err(room.error(Call::Advance, Failure::Steps { maximum }));
        }
        self.live = Some(live);
        Ok(step)
    }
}

impl std::fmt::Debug for Investigation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Investigation")
            .field("plugin", &self.plugin.name())
            .field("steps", &self.steps)
            .field("is_over", &self.live.is_none())
            .finish_non_exhaustive()
    }
}
