//! The short run of every target: seeds, corpus, regressions and a fixed number of mutations, on the pinned toolchain
//! and without instrumentation. What libFuzzer finds stays found: it is kept in the corpus.

use std::path::Path;

use aia_fuzz_checks::{TARGETS, Target, mutate, seeds};

/// Mutations of each target: some seconds for all of them.
const MUTATIONS: usize = 4_000;

/// All inputs of a target that are kept.
fn kept(target: &str) -> Vec<Vec<u8>> {
    // Asked of cargo now, since checkouts may share a target folder.
    let checks = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let folder = Path::new(&checks).parent().unwrap().join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds nothing", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn run(name: &str) {
    let Target { check, .. } = TARGETS.into_iter().find(|target| target.name == name).unwrap();
    let mut inputs = seeds(name);
    assert!(!inputs.is_empty(), "no seeds");
    inputs.extend(kept(name));
    for input in &inputs {
        check(input);
    }
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for round in 0..MUTATIONS {
        let input = &inputs[round % inputs.len()];
        let other = &inputs[(round * 7 + round / inputs.len()) % inputs.len()];
        let mutated = mutate(input, other, &mut state);
        if std::panic::catch_unwind(|| check(&mutated)).is_err() {
            panic!("mutation {round} fails: {mutated:?}");
        }
    }
}

macro_rules! short_runs {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            run(stringify!($target));
        })*

        #[test]
        fn every_target_has_a_short_run() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($target)),*]);
        }
    };
}

short_runs! {
    protobuf differential json json_differential segments commits keys revocations decompression grpc_frame
}
