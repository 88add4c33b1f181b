//! Compiling in a child process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aia::runtime::{CompilerConfig, Limits, Runtime, RuntimeConfig};
use insta::assert_snapshot;

use super::support::{earlier, open, spans};

fn runtime(executable: &str, limits: Limits) -> Arc<Runtime> {
    let compiler = CompilerConfig::Child {
        executable: PathBuf::from(executable),
    };
    Runtime::new(RuntimeConfig {
        limits,
        ..RuntimeConfig::new(compiler)
    })
    .unwrap()
}

fn refused(executable: &str, limits: Limits, bytes: &[u8]) -> String {
    aia::chain(&runtime(executable, limits).load("file.wasm", bytes).unwrap_err())
}

const AIA: &str = env!("CARGO_BIN_EXE_aia");

#[test]
fn what_a_child_compiles_runs_here() {
    let plugin = runtime(AIA, Limits::default())
        .load("evil", aia_plugins::EVIL)
        .unwrap();

    open(&plugin, &Default::default())
        .unwrap()
        .observe(&spans(1), &earlier())
        .unwrap();
}

#[test]
fn what_the_compiler_refuses_is_said() {
    // The structure is that of a plugin; the body of a function isn't valid, which only the compiler sees.
    let invalid = wat::parse_str(
        r#"(component
            (core module $m (func (export "f")) (func (result i32)))
            (core instance $m (instantiate $m))
            (func $f (canon lift (core func $m "f")))
            (instance $manifest (export "describe" (func $f)))
            (instance $reporter (export "render" (func $f)))
            (export "aia:plugin/manifest@0.1.0" (instance $manifest))
            (export "aia:plugin/reporter@0.1.0" (instance $reporter))
        )"#,
    )
    .unwrap();

    assert_snapshot!(refused(AIA, Limits::default(), &invalid), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: the compiler refused it: failed to compile: wasm[0]::function[1]: WebAssembly translation error: Invalid input WebAssembly code at offset 48: type mismatch: expected i32 but nothing on stack");
}

#[test]
fn too_little_time() {
    let limits = Limits {
        compile_time: Duration::from_millis(1),
        ..Limits::default()
    };

    assert_snapshot!(refused(AIA, limits, aia_plugins::EVIL), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: compiling took longer than 1 ms (limit `compile-time`)");
}

#[test]
fn too_little_memory() {
    let limits = Limits {
        compile_memory_bytes: 1 << 20,
        ..Limits::default()
    };

    assert_snapshot!(refused(AIA, limits, aia_plugins::EVIL), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: compiling took more than 1048576 bytes of address space (limit `compile-memory-bytes`)");
}

#[test]
fn too_much_code() {
    let limits = Limits {
        artifact_bytes: 1_000,
        ..Limits::default()
    };

    assert_snapshot!(refused(AIA, limits, aia_plugins::EVIL), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: the compiled code has more than 1000 bytes (limit `artifact-bytes`)");
}

#[test]
fn executables_that_do_not_compile() {
    assert_snapshot!(refused("/no/such/executable", Limits::default(), aia_plugins::EVIL), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: the process that compiles couldn't be started: No such file or directory (os error 2)");
    assert_snapshot!(refused("/bin/false", Limits::default(), aia_plugins::EVIL), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: the process that compiles ended with exit status: 1: it said nothing");
    // One that ends well but gives something else.
    assert_snapshot!(refused("/bin/echo", Limits::default(), aia_plugins::EVIL), @"plugin `file.wasm` can't be loaded: it couldn't be compiled: the compiled code can't be loaded: failed to parse precompiled artifact as an ELF: Invalid ELF header size or alignment");
}
