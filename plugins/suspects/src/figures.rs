//! Figures of operations: what each service did, now and before.

use std::collections::{BTreeMap, BTreeSet};

use aia_plugin_sdk::analyst::Item;

/// Most operations that are kept of a stretch; hosts give the busiest first.
const MAX_OPERATIONS: usize = 5_000;

/// Most services.
const MAX_SERVICES: usize = 1_000;

/// What a service did in a stretch.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// Spans of all kinds.
    pub(crate) spans: u64,
    /// Requests it served; all spans if it serves none.
    pub(crate) requests: u64,
    /// Failures without a failing callee.
    pub(crate) own_errors: u64,
    /// Releases that were seen.
    pub(crate) releases: BTreeSet<String>,
    /// Services that call it.
    pub(crate) callers: BTreeSet<String>,
    /// Its operations: name and release to the place in [`Figures::items`].
    operations: BTreeMap<(String, String), usize>,
    serves: bool,
}

/// What all services did in a stretch.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) services: BTreeMap<String, Service>,
    items: Vec<Item>,
}

impl Figures {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let mut figures = Self::default();
        for item in items.into_iter().take(MAX_OPERATIONS) {
            figures.add(item);
        }
        figures
    }

    fn add(&mut self, item: Item) {
        if item.service.is_empty()
            || (self.services.len() >= MAX_SERVICES && !self.services.contains_key(&item.service))
        {
            return;
        }
        let count = item.count("count").unwrap_or_default();
        let service = self.services.entry(item.service.clone()).or_default();
        service.spans = service.spans.saturating_add(count);
        let serves = matches!(item.text("kind"), "SERVER" | "CONSUMER");
        if serves != service.serves && serves {
            service.requests = 0;
            service.serves = true;
        }
        if serves == service.serves {
            service.requests = service.requests.saturating_add(count);
        }
        let own = item.count("errors.own").unwrap_or_default();
        service.own_errors = service.own_errors.saturating_add(own.min(count));
        let release = item.text("release");
        if !release.is_empty() {
            service.releases.insert(release.to_owned());
        }
        let callers = item.text("callers").split(',').map(str::trim);
        let callers = callers.filter(|caller| !caller.is_empty() && *caller != item.service);
        service
            .callers
            .extend(callers.map(str::to_owned).take(MAX_SERVICES));
        let key = (item.text("operation").to_owned(), release.to_owned());
        service.operations.insert(key, self.items.len());
        self.items.push(item);
    }

    /// All spans.
    pub(crate) fn spans(&self) -> u64 {
        self.services
            .values()
            .fold(0, |sum, service| sum.saturating_add(service.spans))
    }

    /// The operations of a service, by name and release.
    pub(crate) fn operations(&self, service: &str) -> impl Iterator<Item = &Item> {
        let places = self
            .services
            .get(service)
            .map(|service| service.operations.values());
        places
            .into_iter()
            .flatten()
            .filter_map(|place| self.items.get(*place))
    }

    /// The busiest item of an operation over all its releases.
    pub(crate) fn operation(&self, service: &str, operation: &str) -> Option<&Item> {
        let of_name = self
            .operations(service)
            .filter(|item| item.text("operation") == operation);
        of_name.max_by_key(|item| item.count("count"))
    }

    /// Count and own errors of an operation over all its releases.
    pub(crate) fn counts(&self, service: &str, operation: &str) -> (u64, u64) {
        let of_name = self
            .operations(service)
            .filter(|item| item.text("operation") == operation);
        of_name.fold((0, 0), |(count, errors), item| {
            (
                item.count("count").unwrap_or_default().saturating_add(count),
                item.count("errors.own")
                    .unwrap_or_default()
                    .saturating_add(errors),
            )
        })
    }

    /// The busiest operation that serves.
    pub(crate) fn busiest(&self, service: &str) -> Option<&Item> {
        let serves = |item: &&Item| matches!(item.text("kind"), "SERVER" | "CONSUMER");
        let count = |item: &&Item| item.count("count");
        self.operations(service)
            .filter(serves)
            .max_by_key(count)
            .or_else(|| self.operations(service).max_by_key(count))
    }
}
