//! A new plugin's folder: a small one of its kind that compiles, passes its tests and finds something.

use std::path::{Path, PathBuf};

use super::AuthorsError;
use crate::runtime::PluginKind;

/// The package that plugins in Rust depend on.
const SDK: &str = "aia-plugin-sdk";

/// What a template is written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Language {
    /// Rust, with the SDK.
    Rust,
}

impl std::str::FromStr for Language {
    type Err = AuthorsError;

    fn from_str(name: &str) -> Result<Self, AuthorsError> {
        match name {
            "rust" => Ok(Self::Rust),
            other => Err(AuthorsError::Language {
                language: other.to_owned(),
            }),
        }
    }
}

/// What is to be made.
#[derive(Clone, Debug)]
pub struct NewPlugin {
    /// Its name, which is the folder's and the package's.
    pub name: String,
    /// What it does.
    pub kind: PluginKind,
    /// What it is written in.
    pub language: Language,
    /// The folder that its folder is made in.
    pub place: PathBuf,
    /// The SDK's folder; searched for in `place` and above if it isn't given.
    pub sdk: Option<PathBuf>,
}

/// A file of a template: its path in the plugin's folder, and its text.
type TemplateFile = (&'static str, &'static str);

/// The files that are the same for every plugin of a kind.
fn files(kind: PluginKind) -> &'static [TemplateFile] {
    match kind {
        PluginKind::Detector => &[
            ("src/lib.rs", include_str!("../../../sdk/templates/detector.rs")),
            (
                "fixtures/slow-checkout.jsonl",
                include_str!("../../../sdk/templates/fixtures/slow-checkout.jsonl"),
            ),
            (
                "fixtures/slow-checkout.signals.json",
                include_str!("../../../sdk/templates/fixtures/slow-checkout.signals.json"),
            ),
        ],
        PluginKind::Reporter => &[
            ("src/lib.rs", include_str!("../../../sdk/templates/reporter.rs")),
            (
                "fixtures/payment.report.json",
                include_str!("../../../sdk/templates/fixtures/payment.report.json"),
            ),
            (
                "fixtures/payment.document.txt",
                include_str!("../../../sdk/templates/fixtures/payment.document.txt"),
            ),
        ],
        PluginKind::Analyst => &[
            ("src/lib.rs", include_str!("../../../sdk/templates/analyst.rs")),
            (
                "fixtures/bad-release.jsonl",
                include_str!("../../../sdk/templates/fixtures/bad-release.jsonl"),
            ),
            (
                "fixtures/bad-release.conclusions.json",
                include_str!("../../../sdk/templates/fixtures/bad-release.conclusions.json"),
            ),
        ],
    }
}

/// Makes it; gives its folder.
///
/// # Errors
/// If the name is none, the folder has something in it, the SDK isn't found, or nothing can be written.
pub fn create(wanted: &NewPlugin) -> Result<PathBuf, AuthorsError> {
    let name = &wanted.name;
    if !is_name(name) {
        return Err(AuthorsError::Name { name: name.clone() });
    }
    let Language::Rust = wanted.language;
    let folder = wanted.place.join(name);
    let is_free = match std::fs::read_dir(&folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(AuthorsError::io("look into", &folder)(error)),
    };
    if !is_free {
        return Err(AuthorsError::Exists { folder });
    }
    let sdk = match &wanted.sdk {
        Some(sdk) => Sdk::given(sdk)?,
        None => Sdk::found_from(&wanted.place)?,
    };
    let dependency = toml::Value::String(sdk.dependency).to_string();
    let kind = wanted.kind.as_str();
    let fill = |template: &str| {
        template
            .replace("{name}", name)
            .replace("{kind}", kind)
            .replace("{sdk}", &dependency)
    };
    let mut manifest = fill(include_str!("templates/Cargo.toml.in"));
    if wanted.kind != PluginKind::Detector {
        // Only the detector keeps a state and has settings.
        manifest = manifest
            .lines()
            .filter(|line| !line.starts_with("serde "))
            .map(|line| format!("{line}\n"))
            .collect();
    }
    let written = [
        ("Cargo.toml", manifest),
        (".gitignore", fill(include_str!("templates/gitignore.in"))),
        ("README.md", fill(include_str!("templates/plugin.md.in"))),
    ];
    for (path, text) in &written {
        write(&folder.join(path), text)?;
    }
    for (path, text) in files(wanted.kind) {
        write(&folder.join(path), text)?;
    }
    if let Some(lock) = sdk.lock {
        let to = folder.join("Cargo.lock");
        std::fs::copy(&lock, &to).map_err(AuthorsError::io("write", &to))?;
    }
    Ok(folder)
}

/// As the host demands it of a manifest's name.
fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn write(path: &Path, text: &str) -> Result<(), AuthorsError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(AuthorsError::io("make", folder))?;
    }
    std::fs::write(path, text).map_err(AuthorsError::io("write", path))
}

/// Where the SDK is.
struct Sdk {
    /// Its path, from the plugin's folder or from the root.
    dependency: String,
    /// The versions of its dependencies that it is tested with: a new plugin begins with the same ones.
    lock: Option<PathBuf>,
}

impl Sdk {
    fn given(folder: &Path) -> Result<Self, AuthorsError> {
        let folder = std::path::absolute(folder).map_err(AuthorsError::io("find", folder))?;
        if !is_sdk(&folder) {
            return Err(AuthorsError::NotTheSdk { folder });
        }
        Ok(Self {
            dependency: folder.display().to_string(),
            lock: lock_beside(&folder),
        })
    }

    /// Looks for a clone around a folder.
    fn found_from(place: &Path) -> Result<Self, AuthorsError> {
        // Nothing is the working folder.
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        let place = std::path::absolute(place).map_err(AuthorsError::io("find", place))?;
        let mut up = "../".to_owned();
        for folder in place.ancestors() {
            let sdk = folder.join("sdk");
            if is_sdk(&sdk) {
                return Ok(Self {
                    dependency: format!("{up}sdk"),
                    lock: lock_beside(&sdk),
                });
            }
            up.push_str("../");
        }
        Err(AuthorsError::NoSdk)
    }
}

fn is_sdk(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let manifest: Option<toml::Table> = manifest.parse().ok();
    let name = manifest
        .as_ref()
        .and_then(|manifest| manifest.get("package")?.get("name")?.as_str());
    name == Some(SDK)
}

fn lock_beside(sdk: &Path) -> Option<PathBuf> {
    let lock = sdk.parent()?.join("Cargo.lock");
    lock.is_file().then_some(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, place: &Path) -> NewPlugin {
        NewPlugin {
            name: name.to_owned(),
            kind: PluginKind::Detector,
            language: Language::Rust,
            place: place.to_owned(),
            sdk: None,
        }
    }

    fn clone() -> tempfile::TempDir {
        let clone = tempfile::tempdir().unwrap();
        write(
            &clone.path().join("sdk/Cargo.toml"),
            "[package]\nname = \"aia-plugin-sdk\"\n",
        )
        .unwrap();
        write(&clone.path().join("Cargo.lock"), "version = 4\n").unwrap();
        clone
    }

    #[test]
    fn a_plugin_is_made_beside_or_deep_inside_a_clone() {
        let clone = clone();
        let deep = clone.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        for (place, path) in [(clone.path(), "../sdk"), (deep.as_path(), "../../../sdk")] {
            let folder = create(&wanted("slow-2", place)).unwrap();
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            let manifest: toml::Table = manifest.parse().unwrap();
            assert_eq!(manifest["package"]["name"].as_str(), Some("slow-2"));
            assert_eq!(
                manifest["dependencies"]["aia-plugin-sdk"]["path"].as_str(),
                Some(path)
            );
            assert!(folder.join(path).join("Cargo.toml").is_file());
            assert!(folder.join("Cargo.lock").is_file() && folder.join("fixtures").is_dir());
        }
    }

    #[test]
    fn no_kind_leaves_a_placeholder() {
        let clone = clone();
        for kind in [PluginKind::Detector, PluginKind::Analyst, PluginKind::Reporter] {
            let folder = create(&NewPlugin {
                kind,
                ..wanted(kind.as_str(), clone.path())
            })
            .unwrap();
            for file in ["Cargo.toml", "README.md", ".gitignore"] {
                let text = std::fs::read_to_string(folder.join(file)).unwrap();
                for left in ["{name}", "{kind}", "{sdk}"] {
                    assert!(!text.contains(left), "{file} of {kind:?}: {text}");
                }
            }
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            assert_eq!(manifest.contains("serde"), kind == PluginKind::Detector);
        }
    }

    #[test]
    fn odd_names_full_folders_and_a_missing_sdk_are_refused() {
        let clone = clone();
        for name in ["", "Slow", "2slow", "../slow", "slow/er", "a_b", &"a".repeat(41)] {
            let error = create(&wanted(name, clone.path())).unwrap_err();
            assert!(matches!(error, AuthorsError::Name { .. }), "{name}: {error}");
        }
        create(&wanted("slow", clone.path())).unwrap();
        let error = create(&wanted("slow", clone.path())).unwrap_err();
        assert!(matches!(error, AuthorsError::Exists { .. }), "{error}");
        let elsewhere = tempfile::tempdir().unwrap();
        let error = create(&wanted("slow", elsewhere.path())).unwrap_err();
        assert!(matches!(error, AuthorsError::NoSdk), "{error}");
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        let given = NewPlugin {
            sdk: Some(clone.path().to_owned()),
            ..wanted("slow", elsewhere.path())
        };
        let error = create(&given).unwrap_err();
        assert!(matches!(error, AuthorsError::NotTheSdk { .. }), "{error}");
        let given = NewPlugin {
            sdk: Some(clone.path().join("sdk")),
            ..wanted("slow", elsewhere.path())
        };
        create(&given).unwrap();
    }

    #[test]
    fn there_is_one_language() {
        assert!("rust".parse::<Language>().is_ok());
        let error = "python".parse::<Language>().unwrap_err();
        assert!(error.is_usage() && error.help().unwrap().contains("`rust`"));
    }
}
