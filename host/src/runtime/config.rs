//! How the runtime is set up.

use std::path::PathBuf;
use std::time::Duration;

use super::Limits;

/// Settings of a [`Runtime`](super::Runtime).
#[derive(Debug)]
pub struct RuntimeConfig {
    /// What plugins may use.
    pub limits: Limits,
    /// How often running plugins look whether their time is up. Default 10 ms: a hundred wake-ups a second are not
    /// measurable, and a call is never cut more than this late.
    pub epoch_tick: Duration,
    /// Where components are compiled.
    pub compiler: CompilerConfig,
    /// Where compiled code is kept between starts; `None` compiles at every start.
    pub cache: Option<CacheConfig>,
}

impl RuntimeConfig {
    /// Default limits, no cache.
    #[must_use]
    pub fn new(compiler: CompilerConfig) -> Self {
        Self {
            limits: Limits::default(),
            epoch_tick: Duration::from_millis(10),
            compiler,
            cache: None,
        }
    }
}

/// Where components are compiled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CompilerConfig {
    /// In a child process under resource limits: this executable is started with [`COMPILE_COMMAND`] and has to
    /// call [`compile_child_main`](super::compile_child_main) then. What a host uses.
    Child {
        /// The executable, usually the running one.
        executable: PathBuf,
    },
    /// In this process, with no limit of time or memory: for components that are trusted, in tests and benches.
    InProcess,
}

/// First argument of an executable that is started to compile.
pub const COMPILE_COMMAND: &str = "compile-plugin";

/// Where compiled code is kept.
pub struct CacheConfig {
    /// The folder; made if it doesn't exist. Compiled code is native code: nobody else should be able to write here,
    /// though the secret, not the folder's permissions, is what a start relies on.
    pub folder: PathBuf,
    /// The host's secret that entries are authenticated with. Whoever has it can have this host run any code.
    pub secret: [u8; 32],
}

impl std::fmt::Debug for CacheConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CacheConfig")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
