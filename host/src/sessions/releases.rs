//! Releases of services that telemetry shows. The store knows them all; here those of late are kept, so that it isn't
//! asked for every segment.

use std::collections::BTreeMap;

use aia_telemetry::{Columns, value_kind};

use crate::incidents::changes::{MAX_NAME, see_release};
use crate::store::{Scope, Store};

/// Releases kept in memory of a project: at most some 100 KiB.
const KEPT: usize = 256;

/// Most releases taken of one segment.
const PER_SEGMENT: usize = 64;

/// A service and its release.
pub(crate) type Release = (String, String);

/// The releases used last.
#[derive(Default)]
pub(crate) struct Releases {
    /// When each was used last, counted in uses.
    used: BTreeMap<Release, u64>,
    by_use: BTreeMap<u64, Release>,
    uses: u64,
}

impl Releases {
    /// Takes note of releases that telemetry showed then.
    pub(crate) fn note(&mut self, store: &dyn Store, scope: &Scope, found: Vec<Release>, at: u64) {
        for release in found {
            if self.knows(&release) {
                continue;
            }
            match see_release(store, scope, &release.0, &release.1, at) {
                Ok(()) => self.keep(release),
                // The next segment shows it again.
                Err(error) => {
                    tracing::warn!(error = crate::chain(&error), %scope, "cannot take note of a release");
                }
            }
        }
    }

    /// Whether a release is known here; it counts as used then.
    fn knows(&mut self, release: &Release) -> bool {
        let is_known = self.used.contains_key(release);
        if is_known {
            self.keep(release.clone());
        }
        is_known
    }

    /// Keeps a release, and lets go of the one that wasn't used for the longest time if there are too many.
    fn keep(&mut self, release: Release) {
        self.uses += 1;
        self.by_use.insert(self.uses, release.clone());
        if let Some(before) = self.used.insert(release, self.uses) {
            self.by_use.remove(&before);
        }
        if self.used.len() > KEPT
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.used.remove(&oldest);
        }
    }
}

/// The distinct releases in columns, in order. Names that are empty or long are nobody's release.
pub(crate) fn of(columns: &Columns) -> Vec<Release> {
    let common = columns.common();
    let resources = &common.resources;
    let attributes = &resources.attributes;
    let mut found = Vec::new();
    let mut start = 0;
    for end in &resources.attributes_end {
        let end = *end as usize;
        let text = |name: &str| {
            (start..end)
                .find(|row| {
                    attributes.kind.get(*row) == Some(&value_kind::STRING)
                        && attributes
                            .key
                            .get(*row)
                            .is_some_and(|key| common.strings.get(*key) == name)
                })
                .and_then(|row| u32::try_from(*attributes.data.get(row)?).ok())
                .map(|index| common.strings.get(index))
                .filter(|text| !text.is_empty() && text.len() <= MAX_NAME)
        };
        if let (Some(service), Some(release)) = (text("service.name"), text("service.version")) {
            found.push((service.to_owned(), release.to_owned()));
        }
        start = end;
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(PER_SEGMENT);
    found
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{ScanLimits, Scratch, SignalType, scan_json};

    use super::*;

    fn release(number: usize) -> Release {
        ("s".to_owned(), number.to_string())
    }

    #[test]
    fn the_one_not_used_for_the_longest_time_is_forgotten() {
        let mut releases = Releases::default();
        for number in 0..KEPT {
            assert!(!releases.knows(&release(number)));
            releases.keep(release(number));
        }
        assert!(releases.knows(&release(0)));
        releases.keep(release(KEPT));
        assert!(releases.knows(&release(0)) && !releases.knows(&release(1)));
        assert_eq!((releases.used.len(), releases.by_use.len()), (KEPT, KEPT));
    }

    #[test]
    fn releases_are_read_from_resources() {
        let resource = |attributes: &str| {
            format!(
                r#"{{"resource":{{"attributes":[{attributes}]}},"scopeSpans":[{{"spans":[{{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"a"}}]}}]}}"#
            )
        };
        let text =
            |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
        let resources = [
            resource(&[text("service.name", "b"), text("service.version", "2")].join(",")),
            resource(
                &[
                    text("x", "y"),
                    text("service.version", "1"),
                    text("service.name", "a"),
                ]
                .join(","),
            ),
            resource(&text("service.name", "no version")),
            resource(
                &[
                    text("service.name", "long"),
                    text("service.version", &"9".repeat(201)),
                ]
                .join(","),
            ),
            resource(
                r#"{"key":"service.version","value":{"intValue":"3"}},{"key":"service.name","value":{"stringValue":"c"}}"#,
            ),
            resource(""),
        ];
        let body = format!(r#"{{"resourceSpans":[{}]}}"#, resources.join(","));
        let scanned = scan_json(
            SignalType::Traces,
            body.as_bytes(),
            &ScanLimits::default(),
            &mut Scratch::default(),
        )
        .unwrap();
        let expected =
            [("a", "1"), ("b", "2")].map(|(service, release)| (service.to_owned(), release.to_owned()));
        assert_eq!(of(&scanned.columns), expected);
    }
}
