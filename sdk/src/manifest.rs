//! What a plugin says of itself.

use crate::bindings::manifest::exports::aia::plugin::manifest as wit;

pub use wit::{Kind, Limits, SignalKind, TelemetryKind};

/// What a plugin says of itself, without its kind: the trait it implements says that.
///
/// ```
/// # use aia_plugin_sdk::{Manifest, manifest};
/// let manifest = manifest!("Counts spans").signal("spans.many", "More spans than usual");
/// assert_eq!(manifest.name, "aia-plugin-sdk");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Lower case, digits and hyphens, 1 to 40 characters, starting with a letter.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence for an operator.
    pub description: String,
    /// JSON Schema (2020-12) of the configuration; `{}` takes none.
    pub config_schema: String,
    /// The kinds of telemetry it reads (detectors); empty for all. The rest isn't handed to it.
    pub reads: Vec<TelemetryKind>,
    /// The kinds of signals it emits (detectors).
    pub signals: Vec<SignalKind>,
    /// The media types it renders (reporters).
    pub formats: Vec<String>,
    /// The limits it would like; 0 is the host's default.
    pub limits: Limits,
}

impl Manifest {
    /// A manifest without configuration, signals, formats or wishes.
    #[must_use]
    pub fn new(name: &str, version: &str, description: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            description: description.into(),
            config_schema: "{}".into(),
            reads: Vec::new(),
            signals: Vec::new(),
            formats: Vec::new(),
            limits: Limits {
                memory: 0,
                call_time: 0,
                snapshot: 0,
            },
        }
    }

    /// Says that a detector reads only these kinds of telemetry: the others aren't handed to it, which spares their
    /// crossing into the sandbox.
    #[must_use]
    pub fn reads(mut self, kinds: impl IntoIterator<Item = TelemetryKind>) -> Self {
        self.reads = kinds.into_iter().collect();
        self
    }

    /// Adds a kind of signal.
    #[must_use]
    pub fn signal(mut self, name: &str, description: &str) -> Self {
        self.signals.push(SignalKind {
            name: name.into(),
            description: description.into(),
        });
        self
    }

    /// Adds a media type.
    #[must_use]
    pub fn format(mut self, media_type: &str) -> Self {
        self.formats.push(media_type.into());
        self
    }

    /// Sets the JSON Schema of the configuration.
    #[must_use]
    pub fn config_schema(mut self, schema: &str) -> Self {
        self.config_schema = schema.into();
        self
    }

    /// Asks for limits other than the host's defaults.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether a detector is handed telemetry of that kind.
    #[must_use]
    pub fn is_read(&self, kind: TelemetryKind) -> bool {
        self.reads.is_empty() || self.reads.contains(&kind)
    }

    pub(crate) fn into_wit(self, kind: Kind) -> wit::Manifest {
        let all = [TelemetryKind::Spans, TelemetryKind::Logs, TelemetryKind::Metrics];
        let reads = all
            .into_iter()
            .filter(|read| kind == Kind::Detector && self.is_read(*read))
            .collect();
        let Self {
            name,
            version,
            description,
            config_schema,
            reads: _,
            signals,
            formats,
            limits,
        } = self;
        wit::Manifest {
            name,
            version,
            kind,
            description,
            config_schema,
            reads,
            signals,
            formats,
            limits,
        }
    }
}

/// A [`Manifest`] with the name and version of the crate that calls it, and a description.
#[macro_export]
macro_rules! manifest {
    ($description:expr) => {
        $crate::Manifest::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), $description)
    };
}
