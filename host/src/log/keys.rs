//! The derived keys of projects, kept while the host runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use aia_telemetry::{ProjectKeys, RootSecret, SegmentLimits, peek_header};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretBox};

use crate::store::Scope;

/// Derives each project's keys once.
pub struct KeyRing {
    root: RootSecret,
    /// Key material of the footers of blocks, before tenant and project.
    footer_root: SecretBox<[u8; 32]>,
    keys: RwLock<BTreeMap<Scope, Arc<ProjectKeys>>>,
}

impl KeyRing {
    /// A key ring under these secrets: one for segments, one for the footers of blocks.
    #[must_use]
    pub fn new(root: RootSecret, footer_root: [u8; 32]) -> Self {
        Self {
            root,
            footer_root: SecretBox::new(Box::new(footer_root)),
            keys: RwLock::default(),
        }
    }

    /// The key under which the footers of a project's blocks are hashed.
    pub(super) fn footer_key(&self, scope: &Scope) -> [u8; 32] {
        // Names hold no slash, so two projects never give the same text.
        *blake3::keyed_hash(self.footer_root.expose_secret(), scope.to_string().as_bytes()).as_bytes()
    }

    /// Whether these bytes are a segment that was sealed here.
    pub(super) fn is_genuine(&self, segment: &[u8], limits: &SegmentLimits) -> bool {
        peek_header(segment).is_ok_and(|header| {
            let scope = Scope {
                tenant: header.tenant,
                project: header.project,
            };
            self.of(&scope).open(segment, limits).is_ok()
        })
    }

    /// The keys of a project.
    #[must_use]
    pub fn of(&self, scope: &Scope) -> Arc<ProjectKeys> {
        if let Some(keys) = self.keys.read().get(scope) {
            return Arc::clone(keys);
        }
        let derive = || Arc::new(ProjectKeys::derive(&self.root, &scope.tenant, &scope.project));
        Arc::clone(self.keys.write().entry(scope.clone()).or_insert_with(derive))
    }
}
