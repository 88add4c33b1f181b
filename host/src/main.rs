//! The `aia` binary.

use std::process::ExitCode;

/// Gives memory back to the system while the process runs, as the limit on it (`limits.memory`) needs: glibc's keeps
/// what a burst took. The decay is in `.cargo/config.toml`.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    aia::main()
}
