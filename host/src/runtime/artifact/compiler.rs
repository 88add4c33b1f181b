//! Compiling components, in a process of its own where they are strangers'.
//!
//! A compiler is a large program that a stranger's file drives: it can be made to take all memory or never to end.
//! So a child process does it, under limits of its own making ([`super::child`]) and under this process's clock. The
//! component goes to its standard input, the code comes from its standard output, words come from its standard error.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

use super::{Artifact, child};
use crate::runtime::config::{COMPILE_COMMAND, CompilerConfig};
use crate::runtime::error::{CompileError, printable};
use crate::runtime::{Limits, engine};

/// Compiles components.
pub(in crate::runtime) struct Compiler {
    config: CompilerConfig,
    max_time: Duration,
    max_memory: u64,
    max_artifact: usize,
    max_message: usize,
}

impl Compiler {
    pub(in crate::runtime) fn new(config: CompilerConfig, limits: &Limits) -> Self {
        Self {
            config,
            max_time: limits.compile_time,
            max_memory: limits.compile_memory_bytes,
            max_artifact: limits.artifact_bytes,
            max_message: limits.log_line_bytes,
        }
    }

    /// Compiles a component for the engine that runs plugins.
    pub(in crate::runtime) fn compile(&self, component: &[u8]) -> Result<Artifact, CompileError> {
        let code = match &self.config {
            CompilerConfig::InProcess => in_process(component)?,
            CompilerConfig::Child { executable } => self.in_child(executable, component)?,
        };
        if code.len() > self.max_artifact {
            return Err(CompileError::Size {
                maximum: self.max_artifact as u64,
            });
        }
        Ok(Artifact::trusted(code, 0))
    }

    fn in_child(&self, executable: &Path, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let failed = |operation| move |source| CompileError::Process { operation, source };
        // No environment: nothing of it is the compiler's business. Twice the wall-clock time of processor time, as
        // it compiles on several cores.
        let mut child = Command::new(executable)
            .arg(COMPILE_COMMAND)
            .arg(self.max_memory.to_string())
            .arg((self.max_time.as_secs() * 2).max(1).to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed("started"))?;
        let ended = self.converse(&mut child, component);
        if ended.is_err() {
            // It may have ended already.
            let _ = child.kill();
        }
        let status = child.wait().map_err(failed("waited for"))?;
        let (code, message) = ended?;
        if status.success() {
            return Ok(code);
        }
        Err(self.explain(status, &message))
    }

    /// Hands the component to the child and reads what it gives, until it closes both its outputs.
    fn converse(&self, child: &mut Child, component: &[u8]) -> Result<(Vec<u8>, String), CompileError> {
        let failed = |operation| move |source| CompileError::Process { operation, source };
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (Some(mut input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("talked to")(closed()));
        };
        // Three pipes, any of which may fill up while another is waited for: a thread each. They end when the child
        // does, at the latest when it is killed.
        let (send, receive) = mpsc::channel();
        let component = component.to_vec();
        let max_output = self.max_artifact.saturating_add(1);
        let max_message = self.max_message.saturating_add(1);
        thread::spawn(move || {
            // A child that gives up early doesn't read all of it; its status says why.
            let _ = input.write_all(&component);
        });
        let reader = thread::spawn(move || read_at_most(errors, max_message));
        thread::spawn(move || send.send(read_at_most(output, max_output)));
        let code = match receive.recv_timeout(self.max_time) {
            Ok(code) => code.map_err(failed("read from"))?,
            Err(_) => {
                return Err(CompileError::Time {
                    maximum_ms: self.max_time.as_millis(),
                });
            }
        };
        if code.len() > self.max_artifact {
            return Err(CompileError::Size {
                maximum: self.max_artifact as u64,
            });
        }
        let message = reader
            .join()
            .map_err(|_| failed("read from")(closed()))?
            .map_err(failed("read from"))?;
        Ok((code, String::from_utf8_lossy(&message).trim().to_owned()))
    }

    fn explain(&self, status: ExitStatus, message: &str) -> CompileError {
        let text = printable(message, self.max_message);
        if status.code() == Some(i32::from(child::REFUSED)) {
            return CompileError::Refused { message: text };
        }
        if was_killed_for_processor_time(status) {
            return CompileError::Time {
                maximum_ms: self.max_time.as_millis(),
            };
        }
        // What Rust and the system say when an allocation, a mapping or a thread's stack fails.
        if [
            "memory allocation of",
            "out of memory",
            "Cannot allocate memory",
            "ThreadPoolBuildError",
        ]
        .iter()
        .any(|words| message.contains(words))
        {
            return CompileError::Memory {
                maximum: self.max_memory,
            };
        }
        let message = if text.is_empty() {
            "it said nothing".to_owned()
        } else {
            text
        };
        CompileError::Ended {
            status: status.to_string(),
            message,
        }
    }
}

/// Compiles here, without limits.
pub(super) fn in_process(component: &[u8]) -> Result<Vec<u8>, CompileError> {
    let refused = |error: wasmtime::Error| CompileError::Refused {
        message: format!("{error:#}"),
    };
    engine::compiling_engine()
        .and_then(|engine: Engine| engine.precompile_component(component))
        .map_err(refused)
}

fn read_at_most(from: impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    from.take(bytes as u64).read_to_end(&mut read)?;
    Ok(read)
}

fn was_killed_for_processor_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    /// The signal of a process that has used up its processor time; the same number on every Unix.
    const SIGXCPU: i32 = 24;
    status.signal() == Some(SIGXCPU)
}
