//! Signals of paths that end early.

use aia_plugin_sdk::stats::float;
use aia_plugin_sdk::{Detail, Fingerprint, Measure, Signal, Time};

use crate::passes::{Counts, Passes};
use crate::places::{Key, Place};

/// Kind of the signal.
pub(crate) const END: &str = "paths.end";

/// Version of the fingerprint's parts.
const FINGERPRINT_VERSION: u32 = 1;

/// Makes the signal of a place; `passes` are those of the window.
pub(crate) fn ends(key: &Key, place: &Place, passes: Passes) -> Signal {
    let usual = place.counts.usual;
    let times = |pick: fn(&crate::hold::Path) -> Time| place.pending.iter().map(move |(path, _)| pick(path));
    let start = times(|path| path.start).min().unwrap_or_default();
    let end = times(|path| path.end).max().unwrap_or_default();
    let what = if key.is_start {
        format!("{} in {} writes no log record any more", key.name, key.service)
    } else {
        format!(
            "Requests end early in {}: nothing comes behind {}",
            key.service, key.name
        )
    };
    // Lines move with every build.
    let code = key
        .name
        .rsplit_once(':')
        .map_or(key.name.as_str(), |(code, _)| code);
    let code = if key.is_start { key.name.as_str() } else { code };
    let detail = |name: &str, value: String| Detail {
        name: name.to_owned(),
        value,
    };
    Signal {
        kind: END.to_owned(),
        severity: Counts::severity(passes),
        fingerprint: Fingerprint {
            version: FINGERPRINT_VERSION,
            parts: vec![END.to_owned(), key.service.clone(), code.to_owned()],
        },
        title: format!(
            "{what} ({} of {}, usually {} of {})",
            passes.ended, passes.all, usual.ended, usual.all
        ),
        service: key.service.clone(),
        operation: if key.is_start {
            key.name.clone()
        } else {
            String::new()
        },
        release: key.release.clone(),
        affected: Vec::new(),
        start_time: start.as_nanos(),
        end_time: end.as_nanos(),
        count: place.ended.min(passes.ended).max(1),
        measures: vec![
            Measure {
                name: "paths.ended.share".to_owned(),
                unit: "1".to_owned(),
                value: passes.share(),
                baseline: Some(usual.share()),
            },
            Measure {
                name: "paths.passes".to_owned(),
                unit: "{pass}".to_owned(),
                value: float(passes.all),
                baseline: None,
            },
        ],
        details: if key.is_start {
            Vec::new()
        } else {
            vec![detail("code.frames", key.name.clone())]
        },
        evidence: place.pending.iter().map(|(path, _)| path.row).collect(),
    }
}
