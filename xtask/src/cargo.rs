//! Calls of cargo, always on this workspace and always in the same profile and feature set, so that nothing is
//! compiled twice.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::step::Step;

/// The workspace's root: as cargo tells it when it runs us, because several checkouts may share a target folder, and
/// cargo doesn't compile again for another checkout.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = PathBuf::from(manifest);
        manifest.parent().map(Path::to_path_buf).unwrap_or(manifest)
    });
    &ROOT
}

/// A call of the cargo that runs us, in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // What `cargo run` sets for xtask is no business of the packages that are built now.
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    Ok(target.context("cargo metadata names no target_directory")?.into())
}

/// `cargo metadata` of the workspace's own packages.
pub(crate) fn metadata() -> Result<Value> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .context("starting cargo metadata")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("reading cargo metadata's answer")
}

/// Builds every library, program and test; the programs by name. One command for all who need something built: another
/// choice of packages is another choice of features to cargo, and would compile much of it a second time.
pub(crate) fn build() -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo(&[
        "build",
        "--workspace",
        "--all-targets",
        "--message-format=json-render-diagnostics",
    ]);
    Ok(programs(&Step::new("build").capture(&mut command)?))
}

/// Builds the programs of some packages in release.
pub(crate) fn build_release(packages: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo(&[
        "build",
        "--release",
        "--bins",
        "--message-format=json-render-diagnostics",
    ]);
    for package in packages {
        command.args(["--package", package]);
    }
    Ok(programs(&Step::new("build, release").capture(&mut command)?))
}

/// The programs that cargo's messages tell of. Tests are programs too, but not of kind `bin` in profile `dev`.
fn programs(messages: &str) -> BTreeMap<String, PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = |message: Value| {
        let is_bin = message.pointer("/target/kind/0")?.as_str()? == "bin";
        let is_test = message.pointer("/profile/test")?.as_bool()?;
        let name = message.pointer("/target/name")?.as_str()?.to_owned();
        let path = message.get("executable")?.as_str()?.into();
        (is_bin && !is_test).then_some((name, path))
    };
    messages.filter_map(program).collect()
}

/// Keeps this machine's paths out of what is deployed, and its bytes the same wherever they are built.
pub(crate) fn portable_rust_flags() -> Result<OsString> {
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor a home folder is known")?;
    let mut flags = OsString::new();
    for (from, to) in [(root(), "/aia"), (cargo_home.as_path(), "/cargo")] {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_their_tests() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"aia"},"profile":{"test":true},"executable":"/t/deps/aia-1"}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"aia"},"profile":{"test":false},"executable":"/t/aia"}
            {"reason":"compiler-artifact","target":{"kind":["lib"],"name":"aia"},"profile":{"test":false},"executable":null}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(
            programs(messages),
            BTreeMap::from([("aia".to_owned(), PathBuf::from("/t/aia"))])
        );
    }
}
