//! How many requests services answer, by operation: errors are judged by their share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::window::Window;

/// Most operations counted by name, 250 bytes each at most; requests of further ones count for their service only.
const MAX_OPERATIONS: usize = 256;

/// Most services counted.
const MAX_SERVICES: usize = 128;

/// Requests of the last window.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Traffic {
    services: BTreeMap<String, Window>,
    operations: BTreeMap<(String, String), Window>,
}

impl Traffic {
    /// Counts requests.
    pub(crate) fn add(&mut self, service: &str, operation: String, requests: u32, window_ticks: usize) {
        if self.services.contains_key(service) || self.services.len() < MAX_SERVICES {
            self.services
                .entry(service.to_owned())
                .or_insert_with(|| Window::new(window_ticks))
                .add(requests);
        }
        let key = (service.to_owned(), operation);
        if self.operations.contains_key(&key) || self.operations.len() < MAX_OPERATIONS {
            self.operations
                .entry(key)
                .or_insert_with(|| Window::new(window_ticks))
                .add(requests);
        }
    }

    /// Requests within the window at an operation, or at the whole service where that isn't counted; 0 where
    /// neither is.
    pub(crate) fn requests(&self, service: &str, operation: &str) -> u64 {
        let key = (service.to_owned(), operation.to_owned());
        let window = self.operations.get(&key).or_else(|| self.services.get(service));
        window.map_or(0, Window::sum)
    }

    /// Ends a tick; forgets who was silent for a whole window.
    pub(crate) fn tick(&mut self) {
        let goes_on = |window: &mut Window| {
            window.tick();
            window.sum() > 0
        };
        self.services.retain(|_, window| goes_on(window));
        self.operations.retain(|_, window| goes_on(window));
    }
}
