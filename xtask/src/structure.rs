//! What every crate and file of this repository has, checked rather than hoped for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{metadata, root};

/// Lines of the longest file that is put up with; most are to stay under 400.
const MAX_LINES: usize = 1_000;

/// Checks that every crate inherits the workspace's lints, and that every Rust file opens with a module doc and isn't
/// longer than [`MAX_LINES`].
///
/// # Errors
/// Naming everything that is amiss, one thing a line.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata has no packages")?;
    let mut amiss = Vec::new();
    for package in packages {
        let manifest = package
            .get("manifest_path")
            .and_then(Value::as_str)
            .context("a package has no manifest")?;
        let manifest = Path::new(manifest);
        let text = fs::read_to_string(manifest).with_context(|| format!("reading {}", manifest.display()))?;
        if !inherits_lints(&text) {
            amiss.push(format!("{}: needs `[lints] workspace = true`", shown(manifest)));
        }
        let mut files = Vec::new();
        let folder = manifest.parent().context("a manifest lies in no folder")?;
        for sources in ["src", "tests", "benches", "examples"] {
            rust_files(&folder.join(sources), &mut files)?;
        }
        files.extend(Some(folder.join("build.rs")).filter(|script| script.is_file()));
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            amiss.extend(
                faults(&text)
                    .into_iter()
                    .map(|fault| format!("{}: {fault}", shown(&file))),
            );
        }
    }
    amiss.sort();
    amiss.dedup();
    if amiss.is_empty() {
        return Ok(());
    }
    bail!("{}", amiss.join("\n"));
}

fn inherits_lints(manifest: &str) -> bool {
    let parsed: Option<toml::Table> = manifest.parse().ok();
    let lints = parsed
        .as_ref()
        .and_then(|manifest| manifest.get("lints")?.get("workspace")?.as_bool());
    lints == Some(true)
}

fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push("opens without a module doc (`//!`)".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!(
            "has {lines} lines, {MAX_LINES} at most: split it by purpose"
        ));
    }
    faults
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry
            .with_context(|| format!("reading {}", folder.display()))?
            .path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_doc_or_of_too_many_lines_is_found() {
        assert_eq!(faults("//! Doc.\nfn f() {}\n"), Vec::<String>::new());
        assert_eq!(faults("fn f() {}\n"), ["opens without a module doc (`//!`)"]);
        let long = format!("//! Doc.\n{}", "\n".repeat(MAX_LINES));
        assert_eq!(
            faults(&long),
            ["has 1001 lines, 1000 at most: split it by purpose"]
        );
    }

    #[test]
    fn lints_must_be_inherited() {
        assert!(inherits_lints("[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints.rust]\nunsafe_code = \"deny\"\n"));
        assert!(!inherits_lints("[package]\nname = \"x\"\n"));
    }
}
