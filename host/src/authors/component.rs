//! From a plugin's source to a component: cargo builds a module for Wasm, and what the contract needs is put around it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use wit_component::ComponentEncoder;

use super::AuthorsError;

/// What plugins are built for: no system, and so none to import.
const TARGET: &str = "wasm32-unknown-unknown";

/// What stands between two flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// A component that was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Built {
    /// The package it was built from.
    pub package: String,
    /// Where it is.
    pub file: PathBuf,
}

/// Builds the package in a folder and writes its component to `output`, or beside its `Cargo.toml` under its name. What
/// cargo says goes to standard error.
///
/// # Errors
/// If cargo or the Wasm target is missing, the source doesn't compile, or it is no plugin.
pub fn build(folder: &Path, output: Option<&Path>) -> Result<Built, AuthorsError> {
    // Without it cargo would speak of a package that isn't there.
    let manifest = folder.join("Cargo.toml");
    std::fs::metadata(&manifest).map_err(AuthorsError::io("find", &manifest))?;
    require_target(folder)?;
    let metadata = metadata(folder)?;
    let manifest = manifest
        .canonicalize()
        .map_err(AuthorsError::io("find", &manifest))?;
    let package = metadata
        .packages
        .iter()
        .find(|package| {
            package
                .manifest_path
                .canonicalize()
                .is_ok_and(|path| path == manifest)
        })
        .ok_or_else(|| AuthorsError::NoLibrary {
            folder: folder.to_owned(),
        })?;
    let module = module(folder, package, &metadata.packages)?.ok_or_else(|| AuthorsError::NoLibrary {
        folder: folder.to_owned(),
    })?;
    let bytes = std::fs::read(&module).map_err(AuthorsError::io("read", &module))?;
    let component = encode(&bytes)?;
    let file = output.map_or_else(
        || folder.join(&package.name).with_extension("wasm"),
        Path::to_owned,
    );
    std::fs::write(&file, component).map_err(AuthorsError::io("write", &file))?;
    Ok(Built {
        package: package.name.clone(),
        file,
    })
}

/// Makes a component of a module, which has its contract in a section of its own.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>, AuthorsError> {
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| AuthorsError::NoComponent {
        reason: format!("{error:#}"),
    })
}

/// The part of `cargo metadata` that is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    /// None of a package that lies on this machine as source.
    source: Option<String>,
}

/// The part of a message of `cargo build` that is needed.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    target: Option<Target>,
    filenames: Option<Vec<PathBuf>>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

fn program(variable: &str, name: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| name.into())
}

/// Runs a program and gives its standard output; its standard error is ours.
fn run(command: &mut Command, task: &'static str) -> Result<Vec<u8>, AuthorsError> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| AuthorsError::Program {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(AuthorsError::Cargo {
        task,
        status: output.status,
    })
}

/// Cargo's own message would not say what to do.
fn require_target(folder: &Path) -> Result<(), AuthorsError> {
    let mut rustc = Command::new(program("RUSTC", "rustc"));
    rustc
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder);
    let printed = run(&mut rustc, "find its compiler")?;
    if Path::new(String::from_utf8_lossy(&printed).trim()).is_dir() {
        return Ok(());
    }
    Err(AuthorsError::NoTarget { target: TARGET })
}

fn metadata(folder: &Path) -> Result<Metadata, AuthorsError> {
    let mut cargo = Command::new(program("CARGO", "cargo"));
    cargo
        .args(["metadata", "--format-version", "1", "--filter-platform", TARGET])
        .current_dir(folder);
    let json = run(&mut cargo, "read the package")?;
    serde_json::from_slice(&json).map_err(|error| AuthorsError::CargoOutput {
        reason: error.to_string(),
    })
}

/// Builds the package's library; gives its module, if it is a `cdylib`.
fn module(folder: &Path, package: &Package, packages: &[Package]) -> Result<Option<PathBuf>, AuthorsError> {
    let mut cargo = Command::new(program("CARGO", "cargo"));
    cargo
        .args(["build", "--release", "--lib", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(folder);
    let flags = remappings(packages);
    let encoded = std::env::var_os("CARGO_ENCODED_RUSTFLAGS");
    let plain = std::env::var("RUSTFLAGS").ok().map(|flags| {
        let flags: Vec<_> = flags.split_whitespace().collect();
        flags.join(SEPARATOR).into()
    });
    if let Some(mut all) = encoded.or(plain) {
        // Flags of the environment stand above those of any configuration, so ours must stand beside them.
        for flag in &flags {
            if !all.is_empty() {
                all.push(SEPARATOR);
            }
            all.push(flag);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", all);
    } else {
        let flags = toml::Value::from(flags);
        cargo
            .arg("--config")
            .arg(format!("target.{TARGET}.rustflags={flags}"));
    }
    let messages = run(&mut cargo, "build the plugin")?;
    let mut module = None;
    for line in messages
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let message: Message = serde_json::from_slice(line).map_err(|error| AuthorsError::CargoOutput {
            reason: error.to_string(),
        })?;
        let is_cdylib = message
            .target
            .is_some_and(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
        if message.reason == "compiler-artifact"
            && is_cdylib
            && message.package_id.as_ref() == Some(&package.id)
        {
            let files = message.filenames.unwrap_or_default();
            module = files
                .into_iter()
                .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
        }
    }
    Ok(module)
}

/// Flags that keep this machine's paths out of the component, where panics would tell them: of packages that lie here as
/// source, and of those that cargo has fetched.
fn remappings(packages: &[Package]) -> Vec<String> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let fetched = cargo_home.map(|home| (home, "/cargo".to_owned()));
    let local = packages.iter().filter(|package| package.source.is_none());
    let local = local.filter_map(|package| {
        let folder = package.manifest_path.parent()?;
        Some((folder.to_owned(), format!("/{}", package.name)))
    });
    fetched
        .into_iter()
        .chain(local)
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_makes_no_component() {
        let module = wat::parse_str("(module (import \"env\" \"now\" (func)))").unwrap();
        let error = encode(&module).unwrap_err();
        assert!(matches!(error, AuthorsError::NoComponent { .. }), "{error}");
        assert!(error.help().is_some());
        assert!(encode(b"nothing").is_err());
    }

    #[test]
    fn a_folder_without_a_package_is_refused_before_anything_runs() {
        let folder = tempfile::tempdir().unwrap();
        let error = build(folder.path(), None).unwrap_err();
        assert!(
            matches!(
                error,
                AuthorsError::Io {
                    operation: "find",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn paths_of_source_and_of_cargo_are_remapped() {
        let package = |name: &str, source: Option<&str>| Package {
            id: String::new(),
            name: name.to_owned(),
            manifest_path: format!("/home/me/{name}/Cargo.toml").into(),
            source: source.map(str::to_owned),
        };
        let flags = remappings(&[package("slow", None), package("serde", Some("registry"))]);
        assert!(
            flags.contains(&"--remap-path-prefix=/home/me/slow=/slow".to_owned()),
            "{flags:?}"
        );
        assert!(flags.iter().any(|flag| flag.ends_with("=/cargo")), "{flags:?}");
        assert_eq!(flags.len(), 2);
    }
}
