//! Compiled code that is kept between starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aia::runtime::{CacheConfig, Compiled, CompilerConfig, Runtime, RuntimeConfig};

use super::support::{open, spans};

fn runtime(folder: &Path, secret: u8) -> Arc<Runtime> {
    let cache = Some(CacheConfig {
        folder: folder.to_owned(),
        secret: [secret; 32],
    });
    Runtime::new(RuntimeConfig {
        cache,
        ..RuntimeConfig::new(CompilerConfig::InProcess)
    })
    .unwrap()
}

/// Whether a new runtime takes the plugin from the cache; it has to work in either case.
fn is_cached(folder: &Path, secret: u8) -> bool {
    let plugin = runtime(folder, secret).load("evil", aia_plugins::EVIL).unwrap();
    open(&plugin, &Default::default())
        .unwrap()
        .observe(&spans(1), &|_| None)
        .unwrap();
    plugin.compiled() == Compiled::Cached
}

#[test]
fn a_second_start_does_not_compile() {
    let folder = tempfile::tempdir().unwrap();

    assert!(!is_cached(folder.path(), 1));
    assert!(is_cached(folder.path(), 1));
}

#[test]
fn damaged_or_foreign_code_is_compiled_again_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!is_cached(folder.path(), 1));
    let entry = fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();

    let mut bytes = fs::read(&entry).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&entry, &bytes).unwrap();
    assert!(!is_cached(folder.path(), 1), "a bit was changed");
    assert!(is_cached(folder.path(), 1), "it was replaced");

    bytes.truncate(middle);
    fs::write(&entry, &bytes).unwrap();
    assert!(!is_cached(folder.path(), 1), "it was cut");
    assert!(is_cached(folder.path(), 1), "it was replaced");

    assert!(!is_cached(folder.path(), 2), "another host's secret");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no other file is left"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();

    let cache = Some(CacheConfig {
        folder: file.join("folder"),
        secret: [1; 32],
    });
    let config = RuntimeConfig {
        cache,
        ..RuntimeConfig::new(CompilerConfig::InProcess)
    };
    let error = Runtime::new(config).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the folder for compiled plugins `{}/folder` couldn't be made",
            file.display()
        )
    );
}
