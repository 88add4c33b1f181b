//! Files that are no plugins.

use aia::runtime::Limits;
use insta::assert_snapshot;

use super::support::{limits, runtime, runtime_with};

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
    assert_snapshot!(refused(b""), @"");
    assert_snapshot!(refused(b"#!/bin/sh"), @"");
    assert_snapshot!(refused(b"(component)"), @"");
    assert_snapshot!(refused(&wat::parse_str("(module)").unwrap()), @"");
    assert_snapshot!(refused(b"\0asm"), @"");
    assert_snapshot!(refused(b"\0asm\x0d\0\x01\0\xff\xff"), @"");
    let plugin = aia_plugins::EVIL;
    assert_snapshot!(refused(&plugin[..8]), @"");
}

#[test]
fn a_plugin_that_was_cut_or_changed_is_refused_or_runs_but_never_panics() {
    let runtime = runtime();
    let plugin = aia_plugins::EVIL;
    // Only the structure: what is inside of functions is the compiler's affair.
    for length in (0..plugin.len()).step_by(plugin.len() / 300) {
        assert!(runtime.load("cut.wasm", &plugin[..length]).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn files_that_are_too_large() {
    let runtime = runtime_with(Limits { component_bytes: 1_000, ..limits() });

    assert_snapshot!(runtime.load("file.wasm", &[0; 1_001]).unwrap_err(), @"");
}

#[test]
fn components_that_lack_an_export() {
    assert_snapshot!(refused(&component("")), @"");
    assert_snapshot!(
        refused(&component(r#"(component $c) (export "aia:plugin/manifest@0.1.0" (instance (instantiate $c)))"#)),
        @""
    );
    assert_snapshot!(
        refused(&component(r#"(component $c) (export "aia:plugin/detector@0.1.0" (instance (instantiate $c)))"#)),
        @""
    );
    assert_snapshot!(refused(&component(HOLLOW)), @"");
}

#[test]
fn components_whose_functions_have_another_type() {
    assert_snapshot!(refused(&around("")), @"");
}

#[test]
fn components_of_more_than_one_kind() {
    let both = format!(r#"{HOLLOW} (export "aia:plugin/reporter@0.1.0" (instance $i))"#);

    assert_snapshot!(refused(&component(&both)), @"");
}

#[test]
fn components_of_another_version_of_the_contract() {
    let another = |version: &str| component(&HOLLOW.replace("detector@0.1.0", &format!("detector@{version}")));
    assert_snapshot!(refused(&another("0.2.0")), @"");
    assert_snapshot!(refused(&another("0.1.1")), @"");
    assert_snapshot!(refused(&another("1.0.0-rc.1")), @"");
}

#[test]
fn components_that_import() {
    let import = |import: &str| refused(&component(&format!("{import} {HOLLOW}")));
    assert_snapshot!(import(r#"(import "log" (func))"#), @"");
    assert_snapshot!(import(r#"(import "host:log/log@1.0.0" (instance (export "write" (func))))"#), @"");
    assert_snapshot!(
        import(r#"(import "host:log/log@1.0.0" (instance (export "file" (type (sub resource)))))"#),
        @""
    );
    assert_snapshot!(import(r#"(import "module" (core module))"#), @"");
    assert_snapshot!(import(r#"(import "component" (component))"#), @"");
    assert_snapshot!(
        import(r#"(import "wasi:clocks/wall-clock@0.2.3" (instance (export "now" (func (result u64)))))"#),
        @""
    );
}

#[test]
fn types_may_be_imported() {
    // It gets as far as its exports.
    let import = r#"(import "host:types/types@1.0.0" (instance (export "id" (type (eq u32)))))"#;
    assert_snapshot!(refused(&component(&format!("{import} {HOLLOW}"))), @"");
}

#[test]
fn components_that_need_more_than_they_may_have_to_start() {
    assert_snapshot!(refused(&around("(memory 1025)")), @"");
    assert_snapshot!(refused(&around("(table 20001 funcref)")), @"");
    let three = r#"
        (core module $n (memory 1))
        (core instance (instantiate $n)) (core instance (instantiate $n)) (core instance (instantiate $n))
    "#;
    assert_snapshot!(refused(&component(&format!("{three} {HOLLOW}"))), @"");
    let tables = r#"(core module $n (table 1 funcref))"#.to_owned() + &"(core instance (instantiate $n))".repeat(17);
    assert_snapshot!(refused(&component(&format!("{tables} {HOLLOW}"))), @"");
    let instances = around("").len();
    assert!(instances > 0);
}

#[test]
fn components_that_misbehave_when_an_instance_is_made() {
    assert_snapshot!(refused(&around("(start $s) (func $s (loop $l (br $l)))")), @"");
    assert_snapshot!(refused(&around("(start $s) (func $s unreachable)")), @"");
}

#[test]
fn components_with_too_many_core_instances() {
    let many = r#"(core module $n)"#.to_owned() + &"(core instance (instantiate $n))".repeat(17);
    let reporter = String::from_utf8(Vec::new()).unwrap() + &many;

    assert_snapshot!(refused(&component(&format!("{reporter} {HOLLOW}"))), @"");
}

#[test]
fn components_that_use_refused_features() {
    assert_snapshot!(refused(&around("(memory i64 1)")), @"");
    assert_snapshot!(refused(&around("(memory 1 1 shared)")), @"");
    assert_snapshot!(
        refused(&around("(func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))")),
        @""
    );
}
