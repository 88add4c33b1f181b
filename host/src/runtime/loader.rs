//! The runtime: one engine, and how plugins come into it.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Component, InstancePre, Linker};

use super::artifact::{Cache, Compiler};
use super::engine::{Allocation, running_engine};
use super::inspect::{Interfaces, inspect};
use super::instance::{Instances, Shared};
use super::plugin::{Candidate, Compiled, Plugin};
use super::state::State;
use super::ticker::Ticker;
use super::{Limits, LoadError, LoadFailure, RuntimeConfig, RuntimeError, wasi};

/// Runs plugins. One of them serves a whole process.
pub struct Runtime {
    shared: Arc<Shared>,
    allocation: Allocation,
    linker: Linker<State>,
    compiler: Compiler,
    cache: Option<Cache>,
}

impl Runtime {
    /// Sets it up. The thread that it starts ends with the last plugin and session.
    ///
    /// # Errors
    ///
    /// If this machine has no engine, the thread can't be started, or the cache's folder can't be made.
    pub fn new(config: RuntimeConfig) -> Result<Arc<Self>, RuntimeError> {
        let RuntimeConfig {
            limits,
            epoch_tick,
            compiler,
            cache,
        } = config;
        let (engine, allocation) = running_engine(&limits).map_err(|error| RuntimeError::Engine {
            message: format!("{error:#}"),
        })?;
        let ticker = Ticker::start(&engine, epoch_tick).map_err(RuntimeError::Ticker)?;
        let cache = match cache {
            Some(cache) => {
                let folder = cache.folder.display().to_string();
                let opened = Cache::open(cache, limits.artifact_bytes);
                Some(opened.map_err(|source| RuntimeError::Cache { folder, source })?)
            }
            None => None,
        };
        let instances = match allocation {
            Allocation::Pooled { instances } => instances.min(limits.instances),
            Allocation::OnDemand => limits.instances,
        };
        // Pure plugins import no function, so nothing is ever added to this one.
        let linker = Linker::new(&engine);
        let compiler = Compiler::new(compiler, &limits);
        let shared = Arc::new(Shared {
            engine,
            ticker,
            limits,
            instances: Instances::new(instances),
        });
        Ok(Arc::new(Self {
            shared,
            allocation,
            linker,
            compiler,
            cache,
        }))
    }

    /// Loads a plugin from the bytes of its file: reads what it imports and exports, compiles it or takes the code
    /// from the cache, and asks it for its manifest. `name` is what the errors call it until it has said its own.
    ///
    /// Takes as long as compiling does: not for a thread that has something else to do.
    ///
    /// # Errors
    ///
    /// If the file is no plugin that this host can run.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Arc<Plugin>, LoadError> {
        let load = || {
            let limits = &self.shared.limits;
            if bytes.len() > limits.component_bytes {
                let (current, maximum) = (bytes.len() as u64, limits.component_bytes as u64);
                return Err(LoadFailure::TooLarge { current, maximum });
            }
            let interfaces = inspect(bytes, limits)?;
            let digest = blake3::hash(bytes);
            let (component, compiled) = self.component(bytes, &digest)?;
            let pre =
                self.instantiate_pre(&component, &interfaces)
                    .map_err(|error| LoadFailure::Signature {
                        reason: format!("{error:#}"),
                    })?;
            let name = name.to_owned();
            let candidate = Candidate {
                name,
                digest,
                size: bytes.len(),
                interfaces,
                component,
                compiled,
                pre,
            };
            Plugin::describe(candidate, &self.shared)
        };
        load().map(Arc::new).map_err(|failure| LoadError {
            plugin: name.to_owned(),
            failure,
        })
    }

    /// The limits that plugins have here.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Where instances get their memory.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// Instances of all plugins that exist now.
    #[must_use]
    pub fn live_instances(&self) -> u32 {
        self.shared.instances.live()
    }

    /// Linear memories that the pool has handed out; `None` without a pool.
    #[must_use]
    pub fn pooled_memories(&self) -> Option<usize> {
        self.shared
            .engine
            .pooling_allocator_metrics()
            .map(|metrics| metrics.memories())
    }

    fn instantiate_pre(
        &self,
        component: &Component,
        interfaces: &Interfaces,
    ) -> wasmtime::Result<InstancePre<State>> {
        if interfaces.is_pure() {
            return self.linker.instantiate_pre(component);
        }
        let mut linker = self.linker.clone();
        wasi::link(&mut linker, component, &self.shared.engine)?;
        linker.instantiate_pre(component)
    }

    fn component(&self, bytes: &[u8], digest: &blake3::Hash) -> Result<(Component, Compiled), LoadFailure> {
        let engine = &self.shared.engine;
        let name = Cache::name(engine, digest);
        if let Some(artifact) = self.cache.as_ref().and_then(|cache| cache.get(&name)) {
            match artifact.load(engine) {
                Ok(component) => return Ok((component, Compiled::Cached)),
                Err(error) => {
                    tracing::warn!(name, %error, "a compiled plugin doesn't fit and is compiled again");
                }
            }
        }
        let started = Instant::now();
        let artifact = self.compiler.compile(bytes).map_err(LoadFailure::Compile)?;
        let component = artifact.load(engine).map_err(LoadFailure::Compile)?;
        let took = started.elapsed();
        if let Some(cache) = &self.cache {
            cache.put(&name, &artifact);
        }
        Ok((component, Compiled::Now(took)))
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runtime")
            .field("allocation", &self.allocation)
            .finish_non_exhaustive()
    }
}
