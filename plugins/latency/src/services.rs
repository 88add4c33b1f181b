//! The services of a project, by number, and their releases.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::Time;
use aia_plugin_sdk::semconv::clip;
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_RELEASE_BYTES, MAX_RELEASES, MAX_SERVICE_BYTES, MAX_SERVICES};

/// A service's number. Numbers aren't used again.
pub(crate) type ServiceId = u32;

/// All services.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Services {
    services: BTreeMap<ServiceId, Service>,
    next: ServiceId,
    /// Numbers by name; not part of snapshots.
    #[serde(skip)]
    ids: BTreeMap<String, ServiceId>,
}

/// A service.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// The last releases with the times they were first seen at, oldest first.
    releases: Vec<(String, Time)>,
}

/// A release that replaced another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ReleaseChange<'a> {
    /// The release before it.
    pub(crate) previous: &'a str,
    /// When it was first seen.
    pub(crate) first_seen: Time,
}

impl Services {
    /// Makes up what isn't part of snapshots.
    pub(crate) fn restored(mut self) -> Self {
        let names = self
            .services
            .iter()
            .map(|(id, service)| (service.name.clone(), *id));
        self.ids = names.collect();
        self
    }

    /// The number of a service that sent something; nothing where there is no room for another one.
    pub(crate) fn observe(&mut self, name: &str, release: &str, now: Time) -> Option<ServiceId> {
        let name = clip(name, MAX_SERVICE_BYTES);
        let id = match self.ids.get(name) {
            Some(id) => *id,
            None if self.services.len() >= MAX_SERVICES => return None,
            None => {
                let id = self.next;
                self.next += 1;
                self.ids.insert(name.to_owned(), id);
                let service = Service {
                    name: name.to_owned(),
                    releases: Vec::new(),
                };
                self.services.insert(id, service);
                id
            }
        };
        if let Some(service) = self.services.get_mut(&id) {
            service.observe(clip(release, MAX_RELEASE_BYTES), now);
        }
        Some(id)
    }

    pub(crate) fn get(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(&id)
    }

    /// Whether there is no room for another one.
    pub(crate) fn is_full(&self) -> bool {
        self.services.len() >= MAX_SERVICES
    }

    /// Forgets all others.
    pub(crate) fn keep(&mut self, used: &BTreeSet<ServiceId>) {
        self.services.retain(|id, _| used.contains(id));
        self.ids.retain(|_, id| used.contains(id));
    }
}

impl Service {
    fn observe(&mut self, release: &str, now: Time) {
        if release.is_empty() || self.releases.iter().any(|(known, _)| known == release) {
            return;
        }
        self.releases.push((release.to_owned(), now));
        if self.releases.len() > MAX_RELEASES {
            self.releases.remove(0);
        }
    }

    /// The newest release; empty if none was named.
    pub(crate) fn release(&self) -> &str {
        self.releases.last().map_or("", |(release, _)| release)
    }

    /// What the newest release replaced; nothing if it is the first one seen.
    pub(crate) fn change(&self) -> Option<ReleaseChange<'_>> {
        match self.releases.as_slice() {
            [.., (previous, _), (_, first_seen)] => Some(ReleaseChange {
                previous,
                first_seen: *first_seen,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_needs_a_release_before() {
        let mut services = Services::default();
        let id = services.observe("shop", "1.0", Time::from_secs(10)).unwrap();
        assert_eq!(services.get(id).unwrap().change(), None);
        assert_eq!(services.observe("shop", "1.1", Time::from_secs(20)), Some(id));
        services.observe("shop", "1.0", Time::from_secs(30));
        services.observe("shop", "", Time::from_secs(30));
        let service = services.get(id).unwrap();
        let change = ReleaseChange {
            previous: "1.0",
            first_seen: Time::from_secs(20),
        };
        assert_eq!((service.release(), service.change()), ("1.1", Some(change)));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut services = Services::default();
        for n in 0..MAX_SERVICES {
            assert!(services.observe(&n.to_string(), "", Time::UNSET).is_some());
        }
        assert!(services.is_full() && services.observe("another", "", Time::UNSET).is_none());
        services.keep(&BTreeSet::from([7]));
        assert!(services.get(8).is_none() && services.observe("7", "", Time::UNSET) == Some(7));
        assert!(
            services
                .observe("another", "", Time::UNSET)
                .is_some_and(|id| id >= 400)
        );
    }
}
