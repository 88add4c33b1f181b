//! Which releases of each service have been seen, and since when.

use std::collections::BTreeMap;

use aia_plugin_sdk::Time;
use serde::{Deserialize, Serialize};

use crate::text::clip;

/// Most services remembered.
const MAX_SERVICES: usize = 128;

/// Most releases of a service remembered; older ones are forgotten.
const MAX_RELEASES: usize = 4;

/// Longest name of a release kept, in bytes.
pub(crate) const MAX_RELEASE_BYTES: usize = 64;

/// Releases of services, oldest first.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Releases(BTreeMap<String, Vec<(String, Time)>>);

/// A release that replaced another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change<'a> {
    /// The release before it.
    pub(crate) previous: &'a str,
    /// When it was first seen.
    pub(crate) first_seen: Time,
}

impl Releases {
    /// Notes a release that sent something.
    pub(crate) fn observe(&mut self, service: &str, release: &str, now: Time) {
        let release = clip(release, MAX_RELEASE_BYTES);
        if release.is_empty() {
            return;
        }
        if let Some(seen) = self.0.get_mut(service) {
            if seen.iter().all(|(name, _)| name != release) {
                seen.push((release.to_owned(), now));
                if seen.len() > MAX_RELEASES {
                    seen.remove(0);
                }
            }
        } else if self.0.len() < MAX_SERVICES {
            self.0.insert(service.to_owned(), vec![(release.to_owned(), now)]);
        }
    }

    /// What a release replaced; nothing for the first one seen.
    pub(crate) fn change(&self, service: &str, release: &str) -> Option<Change<'_>> {
        let seen = self.0.get(service)?;
        let index = seen.iter().position(|(name, _)| name == release)?;
        let (previous, _) = seen.get(index.checked_sub(1)?)?;
        Some(Change {
            previous,
            first_seen: seen.get(index)?.1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_needs_a_release_before() {
        let mut releases = Releases::default();
        releases.observe("shop", "1.0", Time::from_secs(10));
        assert_eq!(releases.change("shop", "1.0"), None);
        releases.observe("shop", "1.1", Time::from_secs(20));
        releases.observe("shop", "1.0", Time::from_secs(30));
        let change = Change {
            previous: "1.0",
            first_seen: Time::from_secs(20),
        };
        assert_eq!(releases.change("shop", "1.1"), Some(change));
        assert_eq!(releases.change("shop", "1.0"), None);
        assert_eq!(releases.change("other", "1.1"), None);
    }
}
