//! What a module found about a service.

use std::collections::BTreeMap;

use aia_plugin_sdk::analyst::Claim;

/// A kind of evidence.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    /// More requests fail there than before, by no fault of a callee.
    Errors,
    /// Its code takes other ways than before.
    Behaviour,
    /// Its own work takes longer.
    Work,
    /// Calls to and from it take longer than the work at their other end.
    Network,
    /// It uses far more of a resource.
    Resource,
    /// It no longer answers.
    Silence,
    /// It was changed right before.
    Release,
    /// Detectors complain of it.
    Complaint,
}

/// Evidence against a service.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Its kind.
    pub(crate) kind: Kind,
    /// How heavily it weighs, as log-odds; 0 or more.
    pub(crate) weight: f64,
    /// The operation it speaks of; empty if of none.
    pub(crate) operation: String,
    /// The release it speaks of; empty if of none.
    pub(crate) release: String,
    /// The piece of code it speaks of; empty if of none.
    pub(crate) code: String,
    /// What it says.
    pub(crate) claims: Vec<Claim>,
}

impl Finding {
    pub(crate) fn new(kind: Kind, weight: f64) -> Self {
        Self {
            kind,
            weight,
            operation: String::new(),
            release: String::new(),
            code: String::new(),
            claims: Vec::new(),
        }
    }

    pub(crate) fn operation(mut self, operation: &str) -> Self {
        operation.clone_into(&mut self.operation);
        self
    }

    pub(crate) fn claim(mut self, claim: Option<Claim>) -> Self {
        self.claims.extend(claim);
        self
    }
}

/// What a module found, by service.
pub(crate) type Findings = BTreeMap<String, Finding>;
