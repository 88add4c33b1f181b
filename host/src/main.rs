//! The `aia` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    aia::main()
}
