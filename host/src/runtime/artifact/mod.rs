//! Compiled code: making it, keeping it, and the one place in AIA that has to be trusted with it.
//!
//! wasmtime runs what it is given as compiled code without checking it: whoever makes those bytes runs native code
//! here. So they are a type of their own, which only the children of this module can make: the compiler, and the
//! cache once it has verified an entry's authentication code.

mod cache;
mod child;
mod compiler;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::error::CompileError;

pub(super) use cache::Cache;
pub use child::compile_child_main;
pub(super) use compiler::Compiler;

/// Compiled code that this host made.
pub(super) struct Artifact {
    bytes: Vec<u8>,
    /// Bytes in front of the code.
    skip: usize,
}

impl Artifact {
    /// Takes bytes that, behind the first `skip`, are what `Engine::precompile_component` gave: in this process, in
    /// a child of it, or in an earlier process of this host and authenticated since. Private, as it can't be checked.
    fn trusted(bytes: Vec<u8>, skip: usize) -> Self {
        Self { bytes, skip }
    }

    /// The code.
    fn code(&self) -> &[u8] {
        self.bytes.get(self.skip..).unwrap_or_default()
    }

    /// Maps the code into this process.
    ///
    /// The bytes are copied once (they are read before, to be authenticated: mapping the file instead would let it
    /// change between the two).
    ///
    /// # Errors
    ///
    /// If it was compiled by another version of wasmtime, for another processor, or with other settings.
    #[expect(unsafe_code, reason = "compiled code can't be loaded otherwise")]
    pub(super) fn load(&self, engine: &Engine) -> Result<Component, CompileError> {
        // SAFETY: `deserialize` demands bytes that `Engine::precompile_component` made and nobody changed since.
        // `trusted` says what they are; it is private to this module and its children, which keep that promise.
        unsafe { Component::deserialize(engine, self.code()) }.map_err(|error| CompileError::Artifact {
            message: format!("{error:#}"),
        })
    }
}
