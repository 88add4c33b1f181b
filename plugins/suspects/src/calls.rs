//! Who calls whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::figures::Figures;
use crate::names::Names;
use crate::sample::Sample;

/// The calls between services, as far as they were seen now or before.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    callees: BTreeMap<String, BTreeSet<String>>,
}

impl Calls {
    pub(crate) fn of(figures: [&Figures; 2], samples: [&Sample; 2], names: &Names) -> Self {
        let mut calls = Self::default();
        for figures in figures {
            for (name, service) in &figures.services {
                for caller in &service.callers {
                    calls.add(caller, name);
                }
            }
        }
        let edges: BTreeSet<_> = samples.iter().flat_map(|sample| sample.edges()).collect();
        for (caller, callee) in edges {
            calls.add(names.name(caller), names.name(callee));
        }
        calls
    }

    fn add(&mut self, caller: &str, callee: &str) {
        if caller != callee {
            self.callees
                .entry(caller.to_owned())
                .or_default()
                .insert(callee.to_owned());
        }
    }

    /// The services that a service calls.
    pub(crate) fn callees(&self, service: &str) -> impl Iterator<Item = &String> {
        self.callees.get(service).into_iter().flatten()
    }

    /// The services that it calls, directly or through others, without itself.
    pub(crate) fn below<'a>(&'a self, service: &'a str) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![service];
        while let Some(next) = open.pop() {
            for callee in self.callees(next) {
                if seen.insert(callee.as_str()) {
                    open.push(callee);
                }
            }
        }
        seen.remove(service);
        seen
    }
}
