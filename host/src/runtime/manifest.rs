//! Whether what a plugin says of itself makes sense.

use super::bindings::manifest::exports::aia::plugin::manifest::{Kind, Manifest, TelemetryKind};
use super::error::printable;
use super::{Limits, LoadFailure};

/// Bytes of a description.
const DESCRIPTION_BYTES: usize = 1024;
/// Bytes of the JSON Schema of a configuration.
const SCHEMA_BYTES: usize = 64 * 1024;
/// Kinds of signals, and media types.
const LIST_ITEMS: usize = 64;

impl Kind {
    /// Its name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Analyst => "analyst",
            Self::Reporter => "reporter",
        }
    }
}

impl TelemetryKind {
    /// Its name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// Checks a manifest; `kind` is what the plugin's exports make it.
pub(super) fn validate(manifest: &Manifest, kind: Kind, limits: &Limits) -> Result<(), LoadFailure> {
    let refuse = |field: &str, reason: String| {
        Err(LoadFailure::Manifest {
            field: field.to_owned(),
            reason,
        })
    };
    let shown = |text: &str| printable(text, limits.log_line_bytes);

    if !is_name(&manifest.name) {
        let reason = "1 to 40 lower-case letters, digits and hyphens, starting with a letter";
        return refuse(
            "name",
            format!("is `{}`; it must be {reason}", shown(&manifest.name)),
        );
    }
    if let Err(error) = semver::Version::parse(&manifest.version) {
        return refuse(
            "version",
            format!("is `{}`, no semantic version: {error}", shown(&manifest.version)),
        );
    }
    if manifest.kind != kind {
        let (says, is) = (manifest.kind.as_str(), kind.as_str());
        return refuse(
            "kind",
            format!("says {says}, but what it exports is that of a plugin of kind {is}"),
        );
    }
    at_most(
        "description",
        manifest.description.len(),
        DESCRIPTION_BYTES,
        "bytes",
    )?;
    at_most(
        "config-schema",
        manifest.config_schema.len(),
        SCHEMA_BYTES,
        "bytes",
    )?;
    match serde_json::from_str::<serde_json::Value>(&manifest.config_schema) {
        Ok(serde_json::Value::Object(_)) => {}
        Ok(_) => return refuse("config-schema", "isn't a JSON object".to_owned()),
        Err(error) => return refuse("config-schema", format!("isn't JSON: {error}")),
    }
    if (kind == Kind::Detector) == manifest.reads.is_empty() {
        let must = if kind == Kind::Detector {
            "may not be empty"
        } else {
            "must be empty"
        };
        return refuse("reads", format!("{must} in a plugin of kind {}", kind.as_str()));
    }
    at_most("reads", manifest.reads.len(), LIST_ITEMS, "items")?;
    at_most("signals", manifest.signals.len(), LIST_ITEMS, "items")?;
    at_most("formats", manifest.formats.len(), LIST_ITEMS, "items")?;
    if kind != Kind::Detector && !manifest.signals.is_empty() {
        return refuse(
            "signals",
            format!("must be empty in a plugin of kind {}", kind.as_str()),
        );
    }
    if (kind == Kind::Reporter) == manifest.formats.is_empty() {
        let must = if kind == Kind::Reporter {
            "may not be empty"
        } else {
            "must be empty"
        };
        return refuse("formats", format!("{must} in a plugin of kind {}", kind.as_str()));
    }
    for signal in &manifest.signals {
        if !is_signal_kind(&signal.name) {
            let reason = "1 to 100 lower-case letters, digits and dots";
            return refuse(
                "signals",
                format!("has `{}`; it must be {reason}", shown(&signal.name)),
            );
        }
        at_most(
            "signals",
            signal.description.len(),
            DESCRIPTION_BYTES,
            "bytes of description",
        )?;
    }
    for format in &manifest.formats {
        if !is_media_type(format) {
            return refuse(
                "formats",
                format!("has `{}`, which is no media type", shown(format)),
            );
        }
    }
    Ok(())
}

fn at_most(field: &str, current: usize, maximum: usize, unit: &str) -> Result<(), LoadFailure> {
    if current <= maximum {
        return Ok(());
    }
    let reason = format!("has {current} {unit}; at most {maximum} are allowed");
    Err(LoadFailure::Manifest {
        field: field.to_owned(),
        reason,
    })
}

/// Whether a plugin may be called that.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_signal_kind(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.'))
}

fn is_media_type(format: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    format.len() <= 100
        && format
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::bindings::manifest::exports::aia::plugin::manifest::{Limits as Asked, SignalKind};
    use super::*;

    fn detector() -> Manifest {
        Manifest {
            name: "errors".to_owned(),
            version: "1.2.3-rc.1".to_owned(),
            kind: Kind::Detector,
            description: "Finds errors.".to_owned(),
            config_schema: "{}".to_owned(),
            reads: vec![TelemetryKind::Spans],
            signals: vec![SignalKind {
                name: "errors.exception".to_owned(),
                description: "An error.".to_owned(),
            }],
            formats: Vec::new(),
            limits: Asked {
                memory: 0,
                call_time: 0,
                snapshot: 0,
            },
        }
    }

    fn refused(change: impl FnOnce(&mut Manifest)) -> String {
        let mut manifest = detector();
        change(&mut manifest);
        validate(&manifest, Kind::Detector, &Limits::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_good_manifest_passes() {
        validate(&detector(), Kind::Detector, &Limits::default()).unwrap();
    }

    #[test]
    fn each_bad_field_is_named() {
        assert_snapshot!(
            refused(|manifest| manifest.name = "Errors".to_owned()),
            @"its manifest's `name` is `Errors`; it must be 1 to 40 lower-case letters, digits and hyphens, starting with a letter"
        );
        assert_snapshot!(
            refused(|manifest| manifest.name.clear()),
            @"its manifest's `name` is ``; it must be 1 to 40 lower-case letters, digits and hyphens, starting with a letter"
        );
        assert_snapshot!(
            refused(|manifest| manifest.version = "1.2".to_owned()),
            @"its manifest's `version` is `1.2`, no semantic version: unexpected end of input while parsing minor version number"
        );
        assert_snapshot!(
            refused(|manifest| manifest.kind = Kind::Reporter),
            @"its manifest's `kind` says reporter, but what it exports is that of a plugin of kind detector"
        );
        assert_snapshot!(
            refused(|manifest| manifest.config_schema = "{".to_owned()),
            @"its manifest's `config-schema` isn't JSON: EOF while parsing an object at line 1 column 1"
        );
        assert_snapshot!(
            refused(|manifest| manifest.config_schema = "[]".to_owned()),
            @"its manifest's `config-schema` isn't a JSON object"
        );
        assert_snapshot!(
            refused(|manifest| manifest.description = "x".repeat(2_000)),
            @"its manifest's `description` has 2000 bytes; at most 1024 are allowed"
        );
        assert_snapshot!(
            refused(|manifest| manifest.signals[0].name = "Error!".to_owned()),
            @"its manifest's `signals` has `Error!`; it must be 1 to 100 lower-case letters, digits and dots"
        );
        assert_snapshot!(
            refused(|manifest| manifest.reads.clear()),
            @"its manifest's `reads` may not be empty in a plugin of kind detector"
        );
        assert_snapshot!(
            refused(|manifest| manifest.formats.push("text/plain".to_owned())),
            @"its manifest's `formats` must be empty in a plugin of kind detector"
        );
    }

    #[test]
    fn a_reporter_needs_media_types() {
        let reporter = |formats: &[&str]| {
            let formats = formats.iter().map(|&format| format.to_owned()).collect();
            let manifest = Manifest {
                kind: Kind::Reporter,
                reads: Vec::new(),
                signals: Vec::new(),
                formats,
                ..detector()
            };
            validate(&manifest, Kind::Reporter, &Limits::default()).map_err(|error| error.to_string())
        };

        assert_eq!(reporter(&["text/markdown", "application/vnd.x+json"]), Ok(()));
        assert_snapshot!(
            reporter(&[]).unwrap_err(),
            @"its manifest's `formats` may not be empty in a plugin of kind reporter"
        );
        assert_snapshot!(
            reporter(&["markdown"]).unwrap_err(),
            @"its manifest's `formats` has `markdown`, which is no media type"
        );
    }
}
