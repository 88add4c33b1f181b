//! What a component needs before its first instruction: memories, tables, core instances.
//!
//! wasmtime refuses too much of it as well, but in its own words and only once the component is compiled. Components
//! that are built from further components are counted in part here, and left to it for the rest.

use wasmparser::{Instance, Payload};

use super::engine::{MAX_MEMORIES, MAX_TABLES};
use super::{Limits, LoadFailure};

/// Bytes of a page of linear memory.
const PAGE_BYTES: u64 = 64 * 1024;

/// Counts while a component is read.
pub(super) struct Resources<'a> {
    limits: &'a Limits,
    /// What each core module of the outermost component defines.
    modules: Vec<Needs>,
    /// What its instances have together.
    total: Needs,
}

/// What a core module defines, or what all instances of a component have.
#[derive(Clone, Copy, Default)]
struct Needs {
    memories: usize,
    tables: usize,
    instances: usize,
}

impl<'a> Resources<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            modules: Vec::new(),
            total: Needs::default(),
        }
    }

    /// Counts a piece of the component. `depth` is 1 for what lies in the outermost component itself.
    pub(super) fn count(&mut self, payload: &Payload<'_>, depth: usize) -> Result<(), LoadFailure> {
        let malformed = |error: wasmparser::BinaryReaderError| LoadFailure::NotAComponent {
            reason: error.to_string(),
        };
        match payload {
            Payload::ModuleSection { .. } if depth == 1 => {
                self.modules.push(Needs {
                    instances: 1,
                    ..Needs::default()
                });
            }
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    let bytes = memory.map_err(malformed)?.initial.saturating_mul(PAGE_BYTES);
                    check("memory-bytes", "bytes of memory", bytes, self.limits.memory_bytes)?;
                    self.defined(depth)
                        .into_iter()
                        .for_each(|module| module.memories += 1);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    let elements = table.map_err(malformed)?.ty.initial;
                    check(
                        "table-elements",
                        "elements in a table",
                        elements,
                        self.limits.table_elements,
                    )?;
                    self.defined(depth)
                        .into_iter()
                        .for_each(|module| module.tables += 1);
                }
            }
            Payload::InstanceSection(instances) if depth == 1 => {
                for instance in instances.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance.map_err(malformed)? {
                        self.instantiate(module_index)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What the module that is being read has defined so far; `None` for a module of a component further in, whose
    /// instances are wasmtime's to count.
    fn defined(&mut self, depth: usize) -> Option<&mut Needs> {
        self.modules.last_mut().filter(|_| depth == 2)
    }

    fn instantiate(&mut self, module: u32) -> Result<(), LoadFailure> {
        let Some(needs) = usize::try_from(module)
            .ok()
            .and_then(|module| self.modules.get(module))
        else {
            return Ok(());
        };
        let total = &mut self.total;
        total.memories = total.memories.saturating_add(needs.memories);
        total.tables = total.tables.saturating_add(needs.tables);
        total.instances = total.instances.saturating_add(needs.instances);
        check("memories", "memories", total.memories as u64, MAX_MEMORIES)?;
        check("tables", "tables", total.tables as u64, MAX_TABLES)?;
        let instances = usize::try_from(self.limits.core_instances).unwrap_or(usize::MAX);
        check(
            "core-instances",
            "core instances",
            total.instances as u64,
            instances,
        )
    }
}

fn check(limit: &'static str, unit: &'static str, current: u64, maximum: usize) -> Result<(), LoadFailure> {
    let maximum = maximum as u64;
    if current <= maximum {
        Ok(())
    } else {
        Err(LoadFailure::Resources {
            limit,
            unit,
            current,
            maximum,
        })
    }
}
