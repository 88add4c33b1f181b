//! Files that are no plugins.

use aia::runtime::Limits;
use insta::assert_snapshot;

use super::support::{impatient, limits, runtime, runtime_with};

fn refused(bytes: &[u8]) -> String {
    aia::chain(&runtime().load("file.wasm", bytes).unwrap_err())
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).unwrap()
}

/// The exports of a detector, but the instances are empty.
const HOLLOW: &str = r#"
    (component $c)
    (instance $i (instantiate $c))
    (export "aia:plugin/manifest@0.1.0" (instance $i))
    (export "aia:plugin/detector@0.1.0" (instance $i))
"#;

/// A reporter whose functions have no parameters and no results, around a core module.
fn around(module: &str) -> Vec<u8> {
    component(&format!(
        r#"
        (core module $m {module} (func (export "f")))
        (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))
        (instance $manifest (export "describe" (func $f)))
        (instance $reporter (export "render" (func $f)))
        (export "aia:plugin/manifest@0.1.0" (instance $manifest))
        (export "aia:plugin/reporter@0.1.0" (instance $reporter))
        "#
    ))
}

#[test]
fn files_that_are_no_components() {
    assert_snapshot!(refused(b""), @r#"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: it doesn't begin with the bytes `\0asm`"#);
    assert_snapshot!(refused(b"#!/bin/sh"), @r#"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: it doesn't begin with the bytes `\0asm`"#);
    assert_snapshot!(refused(b"(component)"), @r#"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: it doesn't begin with the bytes `\0asm`"#);
    assert_snapshot!(refused(&wat::parse_str("(module)").unwrap()), @"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: it is a core module; `wasm-tools component new` makes components of those");
    assert_snapshot!(refused(b"\0asm"), @"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: unexpected end-of-file (at offset 0x4)");
    assert_snapshot!(refused(b"\0asm\x0d\0\x01\0\xff\xff"), @"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: malformed section id (at offset 0x8)");
    let plugin = aia_plugins::EVIL;
    assert_snapshot!(refused(&plugin[..8]), @"plugin `file.wasm` can't be loaded: it doesn't export `aia:plugin/manifest@0.1.0`");
}

#[test]
fn a_plugin_that_was_cut_or_changed_is_refused_or_runs_but_never_panics() {
    let runtime = runtime();
    let plugin = aia_plugins::EVIL;
    // Only the structure: what is inside of functions is the compiler's affair.
    for length in (0..plugin.len()).step_by(plugin.len() / 300) {
        assert!(
            runtime.load("cut.wasm", &plugin[..length]).is_err(),
            "cut to {length} bytes"
        );
    }
}

#[test]
fn files_that_are_too_large() {
    let runtime = runtime_with(Limits {
        component_bytes: 1_000,
        ..limits()
    });

    assert_snapshot!(runtime.load("file.wasm", &[0; 1_001]).unwrap_err(), @"plugin `file.wasm` can't be loaded: it has 1001 bytes; at most 1000 are allowed (limit `component-bytes`)");
}

#[test]
fn components_that_lack_an_export() {
    assert_snapshot!(refused(&component("")), @"plugin `file.wasm` can't be loaded: it doesn't export `aia:plugin/manifest@0.1.0`");
    assert_snapshot!(
        refused(&component(&HOLLOW.replace(r#"(export "aia:plugin/manifest@0.1.0" (instance $i))"#, ""))),
        @"plugin `file.wasm` can't be loaded: it doesn't export `aia:plugin/manifest@0.1.0`"
    );
    assert_snapshot!(
        refused(&component(&HOLLOW.replace(r#"(export "aia:plugin/detector@0.1.0" (instance $i))"#, ""))),
        @"plugin `file.wasm` can't be loaded: it doesn't export any of `detector`, `analyst` and `reporter` of `aia:plugin/…@0.1.0`"
    );
    assert_snapshot!(refused(&component(HOLLOW)), @"plugin `file.wasm` can't be loaded: what it exports isn't what the contract has: instance export `aia:plugin/manifest@0.1.0` does not have export `describe`");
}

#[test]
fn components_whose_functions_have_another_type() {
    assert_snapshot!(refused(&around("")), @"plugin `file.wasm` can't be loaded: it couldn't be asked for its manifest: plugin `file.wasm`: describe broke the contract: failed to convert function to given type: type mismatch with results: expected 1-tuple, found 0-tuple");
}

#[test]
fn components_of_more_than_one_kind() {
    let both = format!(r#"{HOLLOW} (export "aia:plugin/reporter@0.1.0" (instance $i))"#);

    assert_snapshot!(refused(&component(&both)), @"plugin `file.wasm` can't be loaded: it is of more than one kind (detector, reporter); a plugin is of one");
}

#[test]
fn components_of_another_version_of_the_contract() {
    let another =
        |version: &str| component(&HOLLOW.replace("detector@0.1.0", &format!("detector@{version}")));
    assert_snapshot!(refused(&another("0.2.0")), @"plugin `file.wasm` can't be loaded: it exports `aia:plugin/detector@0.2.0`; this host speaks version 0.1.0 of the contract");
    assert_snapshot!(refused(&another("0.1.1")), @"plugin `file.wasm` can't be loaded: it exports `aia:plugin/detector@0.1.1`; this host speaks version 0.1.0 of the contract");
    assert_snapshot!(refused(&another("1.0.0-rc.1")), @"plugin `file.wasm` can't be loaded: it exports `aia:plugin/detector@1.0.0-rc.1`; this host speaks version 0.1.0 of the contract");
}

#[test]
fn components_that_import() {
    let import = |import: &str| refused(&component(&format!("{import} {HOLLOW}")));
    assert_snapshot!(import(r#"(import "log" (func))"#), @"plugin `file.wasm` can't be loaded: it imports the function `log`; a plugin may import types only");
    assert_snapshot!(import(r#"(import "host:log/log@1.0.0" (instance (export "write" (func))))"#), @"plugin `file.wasm` can't be loaded: it imports the function `host:log/log@1.0.0#write`; a plugin may import types only");
    assert_snapshot!(
        import(r#"(import "host:log/log@1.0.0" (instance (export "file" (type (sub resource)))))"#),
        @"plugin `file.wasm` can't be loaded: it imports the resource `host:log/log@1.0.0#file`; a plugin may import types only"
    );
    assert_snapshot!(import(r#"(import "module" (core module))"#), @"plugin `file.wasm` can't be loaded: it imports the core module `module`; a plugin may import types only");
    assert_snapshot!(import(r#"(import "component" (component))"#), @"plugin `file.wasm` can't be loaded: it imports the component `component`; a plugin may import types only");
    assert_snapshot!(
        import(r#"(import "wasi:http/outgoing-handler@0.2.3" (instance (export "handle" (func))))"#),
        @"plugin `file.wasm` can't be loaded: it imports `wasi:http/outgoing-handler@0.2.3`, which plugins don't have; of WASI there is 0.2 with cli, clocks, filesystem, io, random and sockets, all of them empty"
    );
}

#[test]
fn types_may_be_imported() {
    // It gets as far as its exports.
    let import = r#"(import "host:types/types@1.0.0" (instance (type $t u32) (export "id" (type (eq $t)))))"#;
    assert_snapshot!(refused(&component(&format!("{import} {HOLLOW}"))), @"plugin `file.wasm` can't be loaded: what it exports isn't what the contract has: instance export `aia:plugin/manifest@0.1.0` does not have export `describe`");
}

#[test]
fn components_that_need_more_than_they_may_have_to_start() {
    assert_snapshot!(refused(&around("(memory 1025)")), @"plugin `file.wasm` can't be loaded: it needs 67174400 bytes of memory to start; at most 67108864 are allowed (limit `memory-bytes`)");
    assert_snapshot!(refused(&around("(table 20001 funcref)")), @"plugin `file.wasm` can't be loaded: it needs 20001 elements in a table to start; at most 20000 are allowed (limit `table-elements`)");
    let three = r#"
        (core module $n (memory 1))
        (core instance (instantiate $n)) (core instance (instantiate $n)) (core instance (instantiate $n))
    "#;
    assert_snapshot!(refused(&component(&format!("{three} {HOLLOW}"))), @"plugin `file.wasm` can't be loaded: it needs 3 memories to start; at most 2 are allowed (limit `memories`)");
    let tables =
        r#"(core module $n (table 1 funcref))"#.to_owned() + &"(core instance (instantiate $n))".repeat(17);
    assert_snapshot!(refused(&component(&format!("{tables} {HOLLOW}"))), @"plugin `file.wasm` can't be loaded: it needs 17 tables to start; at most 16 are allowed (limit `tables`)");
}

#[test]
fn components_that_misbehave_when_an_instance_is_made() {
    let endless = around("(start $s) (func $s (loop $l (br $l)))");
    let error = runtime_with(impatient()).load("file.wasm", &endless).unwrap_err();
    assert_snapshot!(aia::chain(&error), @"plugin `file.wasm` can't be loaded: it couldn't be asked for its manifest: plugin `file.wasm`: describe took longer than 900 ms (limit `open-time`)");
    assert_snapshot!(refused(&around("(start $s) (func $s unreachable)")), @"plugin `file.wasm` can't be loaded: it couldn't be asked for its manifest: plugin `file.wasm`: describe trapped: wasm `unreachable` instruction executed");
}

#[test]
fn components_with_too_many_core_instances() {
    let many = r#"(core module $n)"#.to_owned() + &"(core instance (instantiate $n))".repeat(17);

    assert_snapshot!(refused(&component(&format!("{many} {HOLLOW}"))), @"plugin `file.wasm` can't be loaded: it needs 17 core instances to start; at most 16 are allowed (limit `core-instances`)");
}

#[test]
fn components_that_use_refused_features() {
    assert_snapshot!(refused(&around("(memory i64 1)")), @"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: memory64 must be enabled for 64-bit memories (at offset 0x1f)");
    assert_snapshot!(refused(&around("(memory 1 1 shared)")), @"plugin `file.wasm` can't be loaded: it isn't a WebAssembly component: threads must be enabled for shared memories (at offset 0x1f)");
    assert_snapshot!(
        refused(&around("(func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))")),
        @"plugin `file.wasm` can't be loaded: it couldn't be compiled: the compiler refused it: failed to compile: wasm[0]::function[0]: WebAssembly translation error: Invalid input WebAssembly code at offset 51: relaxed SIMD support is not enabled"
    );
}
