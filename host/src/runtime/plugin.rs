//! A plugin that is loaded: what it is, and what it can be asked for.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, InstancePre};

use super::bindings::analyst::AnyAnalystPre;
use super::bindings::detector::AnyDetectorPre;
use super::bindings::manifest::AnyPluginPre;
use super::bindings::reporter::AnyReporterPre;
use super::inspect::{Interface, Interfaces};
use super::instance::{Account, Room, Shared, Time};
use super::state::State;
use super::{Call, Failure, Granted, LoadFailure, Manifest, PluginError, PluginKind, PluginStats, manifest};

/// A loaded plugin. Cheap to share; sessions, investigations and documents are made from it.
pub struct Plugin {
    digest: blake3::Hash,
    size: usize,
    interfaces: Interfaces,
    manifest: Manifest,
    compiled: Compiled,
    account: Arc<Account>,
    pre: Pre,
}

/// Where a plugin's compiled code came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compiled {
    /// From the cache.
    Cached,
    /// It was compiled just now, in so much time.
    Now(Duration),
}

/// What is ready to be instantiated.
enum Pre {
    Detector(AnyDetectorPre<State>),
    Reporter(AnyReporterPre<State>),
    Analyst(AnyAnalystPre<State>),
}

/// What loading has found out by the time that the plugin is first asked something.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) digest: blake3::Hash,
    pub(super) size: usize,
    pub(super) interfaces: Interfaces,
    pub(super) component: Component,
    pub(super) compiled: Compiled,
    pub(super) pre: InstancePre<State>,
}

impl Plugin {
    /// Asks the candidate for its manifest and checks it.
    pub(super) fn describe(candidate: Candidate, shared: &Arc<Shared>) -> Result<Self, LoadFailure> {
        let Candidate {
            name,
            digest,
            size,
            interfaces,
            component,
            compiled,
            pre,
        } = candidate;
        let signature = |error: wasmtime::Error| LoadFailure::Signature {
            reason: format!("{error:#}"),
        };
        let limits = &shared.limits;

        let stats = Arc::new(PluginStats::default());
        let account = Account {
            name,
            granted: Granted::all(limits),
            stats: Arc::clone(&stats),
            shared: Arc::clone(shared),
        };
        let any = AnyPluginPre::new(pre.clone()).map_err(signature)?;
        let kind = interfaces.kind;
        let pre = match kind {
            PluginKind::Detector => Pre::Detector(AnyDetectorPre::new(pre).map_err(signature)?),
            PluginKind::Reporter => Pre::Reporter(AnyReporterPre::new(pre).map_err(signature)?),
            PluginKind::Analyst => Pre::Analyst(AnyAnalystPre::new(pre).map_err(signature)?),
        };
        // Instances share one image of the plugin's initial memory; making it now keeps the first session quick.
        component.initialize_copy_on_write_image().map_err(signature)?;

        let mut room = Room::new(&Arc::new(account), Call::Describe)
            .map_err(|error| LoadFailure::Describe(Box::new(error)))?;
        let manifest = room
            .call(Call::Describe, Time::Open, |store| {
                let plugin = any.instantiate(&mut *store)?;
                plugin.aia_plugin_manifest().call_describe(store)
            })
            .map_err(|error| LoadFailure::Describe(Box::new(error)))?;
        manifest::validate(&manifest, kind, limits)?;

        let account = Account {
            name: manifest.name.clone(),
            granted: Granted::asked(limits, &manifest.limits),
            stats,
            shared: Arc::clone(shared),
        };
        Ok(Self {
            digest,
            size,
            interfaces,
            manifest,
            compiled,
            account: Arc::new(account),
            pre,
        })
    }

    /// Its name, as its manifest has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What kind of plugin it is.
    #[must_use]
    pub fn kind(&self) -> PluginKind {
        self.interfaces.kind
    }

    /// BLAKE3 of its file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        self.digest.to_hex().to_string()
    }

    /// Bytes of its file.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether it imports no function and no resource, so that it also runs in a Worker and in Spin.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.interfaces.is_pure()
    }

    /// The interfaces that it imports: of types, and of WASI.
    #[must_use]
    pub fn imports(&self) -> &[Interface] {
        &self.interfaces.imports
    }

    /// The interfaces that it exports.
    #[must_use]
    pub fn exports(&self) -> &[Interface] {
        &self.interfaces.exports
    }

    /// The version of the contract that it was made for.
    #[must_use]
    pub fn contract_version(&self) -> &'static str {
        // Loading refuses every other one.
        super::CONTRACT_VERSION
    }

    /// The limits that it has, where its manifest may ask for less than the host gives.
    #[must_use]
    pub fn granted(&self) -> Granted {
        self.account.granted
    }

    /// Where its compiled code came from.
    #[must_use]
    pub fn compiled(&self) -> Compiled {
        self.compiled
    }

    /// What is counted of it.
    #[must_use]
    pub fn stats(&self) -> &PluginStats {
        &self.account.stats
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// What makes sessions of it.
    pub(super) fn detector(&self) -> Result<&AnyDetectorPre<State>, PluginError> {
        match &self.pre {
            Pre::Detector(pre) => Ok(pre),
            _ => Err(self.wrong_kind(Call::Open)),
        }
    }

    /// What renders reports with it.
    pub(super) fn reporter(&self) -> Result<&AnyReporterPre<State>, PluginError> {
        match &self.pre {
            Pre::Reporter(pre) => Ok(pre),
            _ => Err(self.wrong_kind(Call::Render)),
        }
    }

    /// What opens investigations with it.
    pub(super) fn analyst(&self) -> Result<&AnyAnalystPre<State>, PluginError> {
        match &self.pre {
            Pre::Analyst(pre) => Ok(pre),
            _ => Err(self.wrong_kind(Call::Open)),
        }
    }

    fn wrong_kind(&self, call: Call) -> PluginError {
        let what = format!("it is a plugin of kind {}", self.kind().as_str());
        self.account.error(call, Failure::Unsupported { what })
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Plugin")
            .field("name", &self.name())
            .field("kind", &self.kind())
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}
