//! What an instance may allocate, and what it was last refused.

use wasmtime::ResourceLimiter;

/// Something that an instance wanted and didn't get.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// Linear memory, in bytes.
    Memory {
        /// What it has.
        current: usize,
        /// What it wanted to have.
        requested: usize,
        /// What it may have.
        maximum: usize,
    },
    /// A table, in elements.
    Table {
        /// What it has.
        current: usize,
        /// What it wanted to have.
        requested: usize,
        /// What it may have.
        maximum: usize,
    },
}

/// Limits of one store. A refusal is what Wasm specifies — growing gives −1 —, so that a plugin can deal with it;
/// if it traps instead, [`Limiter::take_refused`] tells why.
#[derive(Debug)]
pub(super) struct Limiter {
    max_memory: usize,
    max_table_elements: usize,
    max_core_instances: usize,
    /// Bytes of all memories of the store.
    memory: usize,
    /// What the growth that was last allowed added, in case it fails all the same.
    last_growth: usize,
    refused: Option<Refused>,
}

impl Limiter {
    pub(super) fn new(max_memory: usize, max_table_elements: usize, max_core_instances: u32) -> Self {
        Self {
            max_memory,
            max_table_elements,
            max_core_instances: usize::try_from(max_core_instances).unwrap_or(usize::MAX),
            memory: 0,
            last_growth: 0,
            refused: None,
        }
    }

    /// Bytes of linear memory in use.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// What was refused since this was last asked.
    pub(super) fn take_refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let requested = self.memory.saturating_add(growth);
        if requested > self.max_memory {
            self.refused = Some(Refused::Memory {
                current: self.memory,
                requested,
                maximum: self.max_memory,
            });
            return Ok(false);
        }
        self.memory = requested;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a plugin's memory couldn't grow");
        self.memory = self.memory.saturating_sub(self.last_growth);
        self.last_growth = 0;
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.max_table_elements {
            self.refused = Some(Refused::Table {
                current,
                requested: desired,
                maximum: self.max_table_elements,
            });
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.max_core_instances
    }

    fn memories(&self) -> usize {
        super::engine::MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        super::engine::MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together_and_failed_growth_is_given_back() {
        let mut limiter = Limiter::new(300, 10, 1);

        assert!(limiter.memory_growing(0, 100, None).unwrap());
        assert!(limiter.memory_growing(0, 200, None).unwrap());
        assert!(!limiter.memory_growing(200, 201, None).unwrap());
        assert_eq!(
            limiter.take_refused(),
            Some(Refused::Memory {
                current: 300,
                requested: 301,
                maximum: 300
            })
        );
        assert_eq!(limiter.take_refused(), None);

        let mut limiter = Limiter::new(300, 10, 1);
        assert!(limiter.memory_growing(0, 300, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no memory"))
            .unwrap();
        assert_eq!(limiter.memory(), 0);
    }

    #[test]
    fn tables_are_limited_by_elements() {
        let mut limiter = Limiter::new(0, 10, 1);

        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(10, 11, None).unwrap());
        assert_eq!(
            limiter.take_refused(),
            Some(Refused::Table {
                current: 10,
                requested: 11,
                maximum: 10
            })
        );
    }
}
