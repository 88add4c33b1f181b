//! The one engine that all plugins run on: what it can do, and where instances get their memory.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmFeatures};

use super::Limits;

/// Linear memories of one instance. One for the plugin's language, one to spare for compositions.
pub(super) const MAX_MEMORIES: usize = 2;
/// Tables of one instance: a module's own, and those that `wit-component` adds.
pub(super) const MAX_TABLES: usize = 16;

/// Address space of one linear memory in the pool: 4 GiB, so that compiled code needs no bounds checks, plus guards.
const SLOT_BYTES: u64 = (4 << 30) + (64 << 20);

/// Bytes at the start of a memory that are cleared by writing zeros, not by giving the pages back, when an instance
/// ends; for tables likewise. Arbitrary: with [`WARM_SLOTS`] ended instances keep at most 4 MiB of each resident.
const KEEP_RESIDENT_BYTES: usize = 128 * 1024;
/// Pieces of the pool that stay ready for the plugin that used them last.
const WARM_SLOTS: u32 = 32;

/// Features of WebAssembly that plugins can't use.
pub(super) const REFUSED_FEATURES: WasmFeatures = WasmFeatures::CM_ASYNC
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(WasmFeatures::STACK_SWITCHING)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// What decides how code is compiled and what it may contain: the same in the process that compiles and in the one
/// that runs it, or compiled code is refused.
///
/// - **Synchronous**: no concurrency, whatever features of wasmtime another crate turns on.
/// - **Deterministic**: no threads, no relaxed SIMD; every NaN has the same bits on every processor. Canonical NaNs
///   cost an instruction per floating-point operation, which detectors hardly do.
/// - **Interruptible**: loops and calls look at the epoch, which costs a few per cent and bounds every call.
/// - **Small**: nothing that isn't needed by what compiles to components today (no 64-bit memories, no garbage
///   collection, no exceptions), no unwind tables for the native debugger, no map of code addresses.
pub(super) fn compile_settings() -> Config {
    let mut config = Config::new();
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.cranelift_nan_canonicalization(true);
    config.native_unwind_info(false);
    config.generate_address_map(false);
    config.memory_init_cow(true);
    config.wasm_features(REFUSED_FEATURES, false);
    config
}

/// An engine that only compiles.
pub(super) fn compiling_engine() -> wasmtime::Result<Engine> {
    Engine::new(&compile_settings())
}

/// Where instances get their memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allocation {
    /// From a pool of reserved address space, so that making an instance takes microseconds.
    Pooled {
        /// Instances that fit.
        instances: u32,
    },
    /// Each by itself: slower, on systems that don't give enough address space.
    OnDemand,
}

/// The engine that runs plugins, with a pool if the system has the address space for one.
///
/// # Errors
///
/// If not even an engine without a pool can be made.
pub(super) fn running_engine(limits: &Limits) -> wasmtime::Result<(Engine, Allocation)> {
    let allowed = instances_allowed().unwrap_or(u32::MAX);
    if allowed < limits.instances {
        tracing::info!(
            wanted = limits.instances,
            allowed,
            "the limit of address space makes for a smaller pool"
        );
    }
    let (engine, allocation) = engine_with_pool_of(limits, limits.instances.min(allowed))?;
    // Another crate of this program may have turned on features of wasmtime: what was set must hold all the same.
    if engine.get_concurrency_support() {
        return Err(wasmtime::Error::msg("the engine insists on concurrency"));
    }
    Ok((engine, allocation))
}

fn engine_with_pool_of(limits: &Limits, mut instances: u32) -> wasmtime::Result<(Engine, Allocation)> {
    let mut config = compile_settings();
    config.max_wasm_stack(limits.stack_bytes);

    // Reserving costs no memory and either works or doesn't: asking for less and less is the probe.
    while instances > 0 {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits, instances)));
        match Engine::new(&config) {
            Ok(engine) => return Ok((engine, Allocation::Pooled { instances })),
            Err(error) => {
                tracing::info!(instances, error = %format_args!("{error:#}"), "no pool of this size can be had");
                instances /= 4;
            }
        }
    }
    tracing::warn!("no address space for a pool: plugin instances are allocated one by one, which is slower");
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Ok((Engine::new(&config)?, Allocation::OnDemand))
}

/// Instances whose memories take at most a quarter of the address space this process may use; `None` if it is
/// unlimited.
fn instances_allowed() -> Option<u32> {
    let (soft, _) = rlimit::Resource::AS.get().ok()?;
    (soft != rlimit::INFINITY).then(|| u32::try_from(soft / 4 / SLOT_BYTES).unwrap_or(u32::MAX))
}

fn pool(limits: &Limits, instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    let tables = u32::try_from(MAX_TABLES).unwrap_or(u32::MAX);
    let memories = u32::try_from(MAX_MEMORIES).unwrap_or(u32::MAX);
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(limits.core_instances.min(4)))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .max_core_instances_per_component(limits.core_instances)
        .max_memories_per_component(memories)
        .max_tables_per_component(tables)
        .max_memories_per_module(memories)
        .max_tables_per_module(tables)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        // Memory of instances that have ended: few slots are kept warm, each with few pages.
        .max_unused_warm_slots(WARM_SLOTS)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_cannot_use_what_is_refused() {
        let (engine, _) = engine_with_pool_of(&Limits::default(), 1).unwrap();

        assert!(!engine.get_concurrency_support());
        assert!(!engine.get_wasm_features().intersects(REFUSED_FEATURES));
        assert!(engine.get_epoch_interruption());
    }

    #[test]
    fn a_pool_is_made_where_address_space_is_unlimited() {
        let (_, allocation) = running_engine(&Limits::default()).unwrap();

        let unlimited = rlimit::Resource::AS.get().unwrap().0 == rlimit::INFINITY;
        assert_eq!(allocation == Allocation::Pooled { instances: 1_000 }, unlimited);
    }

    #[test]
    fn a_pool_that_does_not_fit_is_made_smaller() {
        // 40,000 × 4 GiB are more than the 128 TiB that a process can address.
        let (_, allocation) = engine_with_pool_of(&Limits::default(), 40_000).unwrap();

        assert!(matches!(
            allocation,
            Allocation::Pooled { instances: ..40_000 } | Allocation::OnDemand
        ));
    }

    #[test]
    fn without_room_for_one_instance_there_is_no_pool() {
        let (_, allocation) = engine_with_pool_of(&Limits::default(), 0).unwrap();

        assert_eq!(allocation, Allocation::OnDemand);
    }
}
