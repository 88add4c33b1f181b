//! Why a call into a plugin failed, from what wasmtime says of it.

use wasmtime::{PoolConcurrencyLimitError, Trap};

use super::Failure;
use super::limiter::Refused;
use super::wasi;

/// What a call was allowed, for the words of its failure.
pub(super) struct Allowed {
    /// Name of the limit of time.
    pub(super) time_limit: &'static str,
    /// Milliseconds.
    pub(super) time_ms: u128,
    /// Bytes of stack.
    pub(super) stack_bytes: usize,
    /// Bytes that may come back.
    pub(super) returned_bytes: usize,
    /// Instances.
    pub(super) instances: u32,
    /// Bytes of a text that are kept.
    pub(super) text_bytes: usize,
}

/// Finds the failure in an error; `refused` is what the instance was refused during the call.
pub(super) fn classify(error: &wasmtime::Error, refused: Option<Refused>, allowed: &Allowed) -> Failure {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match (trap, refused) {
            (Trap::Interrupt, _) => Failure::Time {
                limit: allowed.time_limit,
                maximum_ms: allowed.time_ms,
            },
            (Trap::StackOverflow, _) => Failure::Stack {
                maximum: allowed.stack_bytes as u64,
            },
            // A language whose allocator is refused memory aborts, most by `unreachable`.
            (_, Some(refused)) => allocation(refused),
            (trap, None) => {
                let trap = trap.to_string();
                Failure::Trap {
                    trap: trap.strip_prefix("wasm trap: ").unwrap_or(&trap).to_owned(),
                }
            }
        };
    }
    if let Some(refused) = error.downcast_ref::<wasi::Refused>() {
        return Failure::Trap {
            trap: super::error::printable(&refused.to_string(), allowed.text_bytes),
        };
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Failure::Instances {
            maximum: u64::from(allowed.instances),
        };
    }
    if let Some(refused) = refused {
        // An instance that needs more than it may have can't be made, which is no trap.
        return allocation(refused);
    }
    let text = format!("{error:#}");
    // wasmtime keeps this error's type to itself; a test with a plugin that gives too much holds us to its words.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return Failure::Returned {
            maximum: allowed.returned_bytes as u64,
        };
    }
    Failure::Contract {
        what: super::error::printable(&text, allowed.text_bytes),
    }
}

fn allocation(refused: Refused) -> Failure {
    let (limit, unit, current, requested, maximum) = match refused {
        Refused::Memory {
            current,
            requested,
            maximum,
        } => ("memory-bytes", "bytes of memory", current, requested, maximum),
        Refused::Table {
            current,
            requested,
            maximum,
        } => (
            "table-elements",
            "elements in a table",
            current,
            requested,
            maximum,
        ),
    };
    let (current, requested, maximum) = (current as u64, requested as u64, maximum as u64);
    Failure::Allocation {
        limit,
        unit,
        current,
        requested,
        maximum,
    }
}
