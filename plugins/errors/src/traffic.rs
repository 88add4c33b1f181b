//! How many requests services answer, by operation: errors are judged by their share.

use std::collections::BTreeMap;

use aia_plugin_sdk::Spans;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::memo::Memo;
use crate::operation::OperationSource;
use crate::window::Window;

/// Most operations counted by name, 250 bytes each at most; requests of further ones count for their service only.
const MAX_OPERATIONS: usize = 256;

/// Most services counted.
const MAX_SERVICES: usize = 128;

/// Requests of the last window.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Traffic {
    services: Windows<String>,
    operations: Windows<(String, String)>,
    /// Requests of each service since the session's life began.
    totals: BTreeMap<String, u64>,
    /// Where the windows of a service and of its operation are; nothing where there was no room.
    #[serde(skip)]
    known: Memo<4, [Option<usize>; 2]>,
}

impl Traffic {
    /// Counts requests. In Wasm a function of its own, so that the caller's loops are quicker.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(crate) fn add(
        &mut self,
        service: &str,
        operation: OperationSource,
        batch: Spans<'_>,
        requests: u32,
        window_ticks: usize,
    ) {
        let [kind, first, second] = operation.texts(batch);
        let texts = [service.as_bytes(), kind, first, second];
        let [by_service, by_operation] = self.known.get(&texts).unwrap_or_else(|| {
            let by_service = self
                .services
                .place(service.to_owned(), MAX_SERVICES, window_ticks);
            let key = (service.to_owned(), operation.name(batch));
            let by_operation = self.operations.place(key, MAX_OPERATIONS, window_ticks);
            let places = [by_service, by_operation];
            self.known.put(&texts, places);
            places
        });
        self.services.add(by_service, requests);
        self.operations.add(by_operation, requests);
        let has_room = self.totals.len() < MAX_SERVICES;
        if let Some(total) = self.totals.get_mut(service) {
            *total = total.saturating_add(u64::from(requests));
        } else if has_room {
            self.totals.insert(service.to_owned(), u64::from(requests));
        }
    }

    /// Requests within the window at an operation, or at the whole service where that isn't counted; 0 where
    /// neither is.
    pub(crate) fn requests(&self, service: &str, operation: &str) -> u64 {
        let key = (service.to_owned(), operation.to_owned());
        let window = self.operations.get(&key).or_else(|| self.services.get(service));
        window.map_or(0, Window::sum)
    }

    /// Requests of a service since the session's life began; 0 where they aren't counted.
    pub(crate) fn total(&self, service: &str) -> u64 {
        self.totals.get(service).copied().unwrap_or_default()
    }

    /// Whether a service of this name answers requests.
    pub(crate) fn knows(&self, service: &str) -> bool {
        self.totals.contains_key(service)
    }

    /// Ends a tick; forgets who was silent for a whole window.
    pub(crate) fn tick(&mut self) {
        let are_services_moved = self.services.tick();
        if self.operations.tick() || are_services_moved {
            self.known.clear();
        }
    }
}

/// Windows by name; in a snapshot, a map of them.
#[derive(Debug)]
struct Windows<K> {
    places: BTreeMap<K, usize>,
    windows: Vec<Window>,
}

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self {
            places: BTreeMap::new(),
            windows: Vec::new(),
        }
    }
}

impl<K: Ord> Windows<K> {
    fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&Window>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.windows.get(*self.places.get(key)?)
    }

    /// Where a window is, which is made if there is room. It stays there until [`Windows::tick`] says otherwise.
    fn place(&mut self, key: K, most: usize, ticks: usize) -> Option<usize> {
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        (self.places.len() < most).then(|| self.push(key, Window::new(ticks)))
    }

    fn push(&mut self, key: K, window: Window) -> usize {
        let place = self.windows.len();
        self.windows.push(window);
        self.places.insert(key, place);
        place
    }

    fn add(&mut self, place: Option<usize>, count: u32) {
        if let Some(window) = place.and_then(|place| self.windows.get_mut(place)) {
            window.add(count);
        }
    }

    /// Ends a tick and drops windows without counts. Whether windows have moved, or there is room again.
    fn tick(&mut self) -> bool {
        let mut is_any_empty = false;
        for window in &mut self.windows {
            window.tick();
            is_any_empty |= window.sum() == 0;
        }
        if is_any_empty {
            let mut old = std::mem::take(self);
            for (key, place) in old.places {
                if let Some(window) = old.windows.get_mut(place).filter(|window| window.sum() > 0) {
                    self.push(key, std::mem::take(window));
                }
            }
        }
        is_any_empty
    }
}

impl<K: Serialize> Serialize for Windows<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.windows.len()))?;
        for (key, place) in &self.places {
            if let Some(window) = self.windows.get(*place) {
                map.serialize_entry(key, window)?;
            }
        }
        map.end()
    }
}

impl<'de, K: Deserialize<'de> + Ord> Deserialize<'de> for Windows<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut windows = Self::default();
        for (key, window) in BTreeMap::deserialize(deserializer)? {
            windows.push(key, window);
        }
        Ok(windows)
    }
}

#[cfg(test)]
mod tests {
    use aia_plugin_sdk::testing::{SpanBatchBuilder, TestSpan};
    use aia_plugin_sdk::{Time, snapshot};

    use super::*;
    use crate::attributes;

    /// A request at each of these operations.
    fn add(traffic: &mut Traffic, service: &str, names: std::ops::Range<usize>) {
        let spans = names.map(|n| TestSpan::new(&format!("work {}", "x".repeat(n))));
        let batch = spans
            .fold(SpanBatchBuilder::new(Time::from_secs(1)), SpanBatchBuilder::span)
            .build();
        let batch = Spans::new(&batch);
        let keys = attributes::of_spans(batch);
        for span in batch.spans() {
            let source = OperationSource::of(span, &keys.find(span.attributes()));
            traffic.add(service, source, batch, 1, 2);
        }
    }

    fn requests(traffic: &Traffic, service: &str, n: usize) -> u64 {
        traffic.requests(service, &format!("work {}", "x".repeat(n)))
    }

    #[test]
    fn silent_operations_give_their_place_to_others() {
        let mut traffic = Traffic::default();
        add(&mut traffic, "shop", 0..3);
        add(&mut traffic, "shop", 1..2);
        assert_eq!([0, 1, 2].map(|n| requests(&traffic, "shop", n)), [1, 2, 1]);
        traffic.tick();
        add(&mut traffic, "shop", 2..4);
        traffic.tick();
        // The first two are forgotten, so that the rest has moved; for what isn't counted, its service's count stands.
        assert_eq!([1, 2, 3].map(|n| requests(&traffic, "shop", n)), [2, 1, 1]);
        add(&mut traffic, "shop", 2..4);
        assert_eq!([1, 2, 3].map(|n| requests(&traffic, "shop", n)), [4, 2, 2]);
        assert_eq!(requests(&traffic, "stock", 1), 0);
    }

    #[test]
    fn there_is_room_again_after_silence() {
        let mut traffic = Traffic::default();
        add(&mut traffic, "shop", 0..MAX_OPERATIONS / 4);
        for service in ["a", "b", "c"] {
            add(&mut traffic, service, 0..MAX_OPERATIONS / 4);
        }
        add(&mut traffic, "d", 0..2);
        assert_eq!([requests(&traffic, "c", 1), requests(&traffic, "d", 1)], [1, 2]);
        traffic.tick();
        traffic.tick();
        add(&mut traffic, "d", 0..2);
        assert_eq!([requests(&traffic, "c", 1), requests(&traffic, "d", 1)], [0, 1]);
    }

    #[test]
    fn a_snapshot_holds_maps() {
        let mut traffic = Traffic::default();
        add(&mut traffic, "shop", 1..2);
        add(&mut traffic, "cart", 0..1);
        let bytes = snapshot::encode(1, &traffic);
        let window = |count: u32| vec![0, count];
        let services = BTreeMap::from([("cart", window(1)), ("shop", window(1))]);
        let operations = BTreeMap::from([(("cart", "work "), window(1)), (("shop", "work x"), window(1))]);
        let totals = BTreeMap::from([("cart", 1_u64), ("shop", 1)]);
        assert_eq!(bytes, snapshot::encode(1, &(services, operations, totals)));
        let back: Traffic = snapshot::decode(1, &bytes).unwrap();
        assert_eq!(snapshot::encode(1, &back), bytes);
    }
}
