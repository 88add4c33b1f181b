//! Builds the plugins for Wasm by a nested cargo, makes components of them and leaves them in `OUT_DIR`.
//!
//! The bytes are meant to be the same wherever they are built: the compiler is pinned, no setting of the outer build
//! leaks in, no path of the machine gets into them, and the plugins for tests are built apart from the first-party
//! ones so that they can't change what features those are built with.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// What plugins are built for: no system, and so none to import.
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What a plugin for tests is built for that imports WASI; its linker makes the component.
const WASI_TARGET: &str = "wasm32-wasip2";

/// A plugin's crate.
struct Plugin {
    /// What the file in `OUT_DIR` is called, without `.wasm`.
    name: &'static str,
    /// The package.
    package: &'static str,
    /// Its folder in the workspace.
    folder: &'static str,
}

const FIRST_PARTY: [Plugin; 7] = [
    Plugin {
        name: "errors",
        package: "aia-plugin-errors",
        folder: "plugins/errors",
    },
    Plugin {
        name: "latency",
        package: "aia-plugin-latency",
        folder: "plugins/latency",
    },
    Plugin {
        name: "logs",
        package: "aia-plugin-logs",
        folder: "plugins/logs",
    },
    Plugin {
        name: "metrics",
        package: "aia-plugin-metrics",
        folder: "plugins/metrics",
    },
    Plugin {
        name: "paths",
        package: "aia-plugin-paths",
        folder: "plugins/paths",
    },
    Plugin {
        name: "report",
        package: "aia-plugin-report",
        folder: "plugins/report",
    },
    Plugin {
        name: "suspects",
        package: "aia-plugin-suspects",
        folder: "plugins/suspects",
    },
];

const FOR_TESTS: [Plugin; 2] = [
    Plugin {
        name: "evil",
        package: "aia-plugin-evil",
        folder: "tests/evil",
    },
    Plugin {
        name: "evil-analyst",
        package: "aia-plugin-evil-analyst",
        folder: "tests/evil-analyst",
    },
];

/// Those that import WASI.
const FOR_TESTS_OF_WASI: [Plugin; 1] = [Plugin {
    name: "worldly",
    package: "aia-plugin-worldly",
    folder: "tests/worldly",
}];

/// Whatever else can change the bytes.
const SHARED_INPUTS: [&str; 6] = [
    "Cargo.lock",
    "Cargo.toml",
    "rust-toolchain.toml",
    "sdk/Cargo.toml",
    "sdk/src",
    "wit",
];

fn main() -> Result<()> {
    let workspace = workspace()?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    for input in SHARED_INPUTS {
        rerun_if_changed(input);
    }
    build_all(&workspace, &out, WASM_TARGET, &FIRST_PARTY)?;
    write(
        &out.join("vacant.wasm"),
        &vacant(&workspace).context("the vacant detector")?,
    )?;
    if env::var_os("CARGO_FEATURE_TEST_PLUGINS").is_some() {
        build_all(&workspace, &out, WASM_TARGET, &FOR_TESTS)?;
        build_all(&workspace, &out, WASI_TARGET, &FOR_TESTS_OF_WASI)?;
    }
    Ok(())
}

fn variable(name: &str) -> Result<OsString> {
    env::var_os(name).with_context(|| format!("cargo didn't set {name}"))
}

fn workspace() -> Result<PathBuf> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let workspace = manifest
        .ancestors()
        .nth(2)
        .context("plugins/bundle isn't two folders below the workspace")?;
    Ok(workspace.to_path_buf())
}

/// `path` is relative to the workspace. It is told relative to this package, so that it means this checkout's file even
/// where several share a target folder.
fn rerun_if_changed(path: &str) {
    println!("cargo::rerun-if-changed=../../{path}");
}

/// Says what to do where the compiler has no standard library for Wasm; cargo's own message would not.
fn require_target(target: &str) -> Result<()> {
    let rustc = variable("RUSTC")?;
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .with_context(|| format!("can't run {}", rustc.display()))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !Path::new(folder.trim()).is_dir() {
        bail!(
            "the compiler has no {target} target, which the plugins are built for; run `cargo xtask setup`"
        );
    }
    Ok(())
}

/// Builds plugins with one cargo and makes components of them.
fn build_all(workspace: &Path, out: &Path, target_name: &str, plugins: &[Plugin]) -> Result<()> {
    require_target(target_name)?;
    for plugin in plugins {
        rerun_if_changed(&format!("{}/Cargo.toml", plugin.folder));
        rerun_if_changed(&format!("{}/src", plugin.folder));
    }
    let target = target_folder(out)?;
    let status = nested_cargo(workspace, &target, target_name, plugins)?
        .status()
        .context("can't run cargo")?;
    if !status.success() {
        bail!("the plugins failed to build ({status}); cargo's messages are above");
    }
    for plugin in plugins {
        let file = format!("{}.wasm", plugin.package.replace('-', "_"));
        let path = target.join(target_name).join("plugin").join(file);
        let module = fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
        let component = if target_name == WASI_TARGET {
            module
        } else {
            component(&module).with_context(|| format!("{} makes no component", plugin.package))?
        };
        write(&out.join(plugin.name).with_extension("wasm"), &component)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("can't write {}", path.display()))
}

/// A target folder of our own beside those of the outer build's profiles: cargo locks a target folder while it
/// builds, so that sharing the outer one would wait for ever. It is the same for all profiles and stays warm when
/// `OUT_DIR` changes.
fn target_folder(out: &Path) -> Result<PathBuf> {
    // OUT_DIR is `<target>/<profile>/build/<package>/out`.
    let target = out
        .ancestors()
        .nth(4)
        .context("OUT_DIR isn't four folders below a target folder")?;
    Ok(target.join("plugins"))
}

fn nested_cargo(workspace: &Path, target: &Path, target_name: &str, plugins: &[Plugin]) -> Result<Command> {
    let mut cargo = Command::new(variable("CARGO")?);
    cargo.current_dir(workspace).args([
        "build",
        "--locked",
        "--lib",
        "--profile",
        "plugin",
        "--target",
        target_name,
    ]);
    for plugin in plugins {
        cargo.args(["--package", plugin.package]);
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_setting_of_the_outer_build) {
            cargo.env_remove(name);
        }
    }
    cargo.arg("--target-dir").arg(target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(workspace)?);
    Ok(cargo)
}

/// How the outer build compiles must not leak into the plugins; where cargo finds itself, its compiler, its home and
/// its registries must.
fn is_setting_of_the_outer_build(name: &str) -> bool {
    const KEPT: [&str; 10] = [
        "CARGO",
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "RUSTC",
        "RUSTUP_",
    ];
    const OTHERS: [&str; 6] = [
        "CLIPPY_ARGS",
        "DEBUG",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "TARGET",
    ];
    let kept = KEPT.iter().any(|kept| {
        if kept.ends_with('_') {
            name.starts_with(kept)
        } else {
            name == *kept
        }
    });
    let cargos = name.starts_with("CARGO") || name.starts_with("RUST") || OTHERS.contains(&name);
    cargos && !kept
}

/// Flags that keep the machine's paths out of panic messages.
fn rust_flags(workspace: &Path) -> Result<OsString> {
    let cargo_home = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::home_dir()
            .context("neither CARGO_HOME nor a home folder is known")?
            .join(".cargo"),
    };
    let mut flags = OsString::new();
    for (from, to) in [(workspace, "/aia"), (&cargo_home, "/cargo")] {
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

fn component(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .encode()
}

/// A component that exports what a detector does, and traps when any of it is called.
fn vacant(workspace: &Path) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(workspace.join("wit/0.1.0"))?;
    let world = resolve.select_world(&[package], Some("detector-plugin"))?;
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    component(&module)
}
