//! What the process that compiles does.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use rlimit::Resource;

use super::compiler;

/// Exit code for a component that can't be compiled; the reason is on standard error.
pub(super) const REFUSED: u8 = 3;
/// Exit code for a process that couldn't be set up.
const FAILED: u8 = 4;

/// Compiles the component on standard input and writes the code to standard output: for an executable that was
/// started with [`COMPILE_COMMAND`](crate::runtime::COMPILE_COMMAND) as its first argument, before it does anything
/// else. The second argument is the address space it may have, in bytes, the third its processor time in seconds.
///
/// It limits itself before it reads a byte of the component: no core file either, and no file written at all.
#[must_use]
pub fn compile_child_main() -> ExitCode {
    let arguments: Vec<u64> = std::env::args()
        .skip(2)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let [memory, processor_seconds] = arguments[..] else {
        return fail(FAILED, &"this command is for AIA's own use");
    };
    let limited = [
        (Resource::AS, memory),
        (Resource::CPU, processor_seconds),
        (Resource::CORE, 0),
        (Resource::FSIZE, 0),
    ]
    .into_iter()
    .try_for_each(|(resource, limit)| limit_self(resource, limit));
    if let Err(error) = limited {
        return fail(FAILED, &format_args!("the limits couldn't be set: {error}"));
    }
    let mut component = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut component) {
        return fail(FAILED, &format_args!("the component couldn't be read: {error}"));
    }
    match compiler::in_process(&component) {
        Ok(code) => match io::stdout().lock().write_all(&code) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(FAILED, &format_args!("the code couldn't be written: {error}")),
        },
        Err(super::CompileError::Refused { message }) => fail(REFUSED, &message),
        Err(error) => fail(FAILED, &error),
    }
}

/// Sets a limit, or keeps a lower one that is there already.
fn limit_self(resource: Resource, limit: u64) -> io::Result<()> {
    let limit = limit.min(resource.get_hard()?);
    resource.set(limit, limit)
}

fn fail(code: u8, message: &dyn std::fmt::Display) -> ExitCode {
    // If standard error is closed nobody is interested.
    let _ = writeln!(io::stderr().lock(), "{message}");
    ExitCode::from(code)
}
