//! What the host keeps of one instance while it lives.

use super::limiter::Limiter;
use super::wasi::Wasi;

/// The data of a store.
#[derive(Debug)]
pub(super) struct State {
    pub(super) limiter: Limiter,
    /// What a guest of WASI sees of the world; nothing of it is made for the others.
    pub(super) wasi: Wasi,
}
