//! Where settings come from, and which goes over which.

use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::{
    Config, ConfigError, Origin, Pull, file,
    keys::{self, KEYS, Key},
    plugin_settings,
    secret::HIDDEN,
    value::Raw,
};
use crate::secrets::SECRET_VARIABLE;

/// What the environment's variables start with.
pub(super) const VARIABLE_PREFIX: &str = "AIA_";

/// The variable that names the file, instead of `--config`.
const FILE_VARIABLE: &str = "AIA_CONFIG";

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "aia.toml";

/// Settings that have to go with others.
const BYTES_IN_FLIGHT: &str = "limits.bytes-in-flight";
const MEMORY: &str = "limits.memory";

/// Bodies in flight are made into eight times their bytes at most, and that is half of the memory.
const MEMORY_PER_BYTE_IN_FLIGHT: usize = 16;

/// Everything that was said about settings. The process's environment is handed in, so that tests can do without.
///
/// No `Debug`: the environment may hold the deployment's secret.
#[derive(Clone, Default)]
pub struct Sources {
    /// A file that must be there; `aia.toml` in `folder`, if there is one, when this is `None`.
    pub file: Option<PathBuf>,
    /// Where `aia.toml` is looked for; nowhere if `None`.
    pub folder: Option<PathBuf>,
    /// Variables of the environment; those that don't start with `AIA_` are passed over.
    pub environment: Vec<(String, String)>,
    /// Flags: the key, the flag as the user knows it, the value.
    pub flags: Vec<(&'static str, String, String)>,
    /// `KEY=VALUE` of `--set`.
    pub assignments: Vec<String>,
}

/// A configuration, and where each setting came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// One for every key, in the order of `aia config`.
    pub settings: Vec<Setting>,
}

impl Loaded {
    /// Whether nobody said anything about a key.
    #[must_use]
    pub fn is_default(&self, key: &str) -> bool {
        self.settings
            .iter()
            .any(|setting| setting.key == key && setting.origin == Origin::Default)
    }
}

/// One setting in effect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// The value as written.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
    /// The default, as TOML.
    pub default: &'static str,
    /// The variable of the environment that sets it.
    pub variable: String,
    /// What it does.
    pub description: &'static str,
}

impl Sources {
    /// The process's environment and working folder.
    #[must_use]
    pub fn of_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self {
            folder: Some(PathBuf::from(".")),
            environment,
            ..Self::default()
        }
    }

    /// Puts the sources over one another: defaults, file, environment, flags.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut loading = Loading {
            config: Config::blank(),
            settings: Vec::with_capacity(KEYS.len()),
        };
        for key in KEYS {
            loading.default(key)?;
        }
        if let Some((path, text)) = self.read_file()? {
            let mut plugins = plugin_settings::AllPluginSettings::new();
            file::settings(&path, &text, &mut plugins, |key, value, origin| {
                loading.set(key, Raw::Toml(value), origin)
            })?;
            loading.config.settings = plugins;
        }
        for (name, value) in &self.environment {
            self.variable(&mut loading, name, value)?;
        }
        for (key, flag, value) in &self.flags {
            if let Some(key) = keys::find(key) {
                loading.set(key, Raw::Text(value), Origin::Flag(flag.clone()))?;
            }
        }
        for assignment in &self.assignments {
            let (name, value) = assignment
                .split_once('=')
                .ok_or_else(|| ConfigError::NotAnAssignment {
                    found: assignment.clone(),
                })?;
            let origin = Origin::Flag("--set".to_owned());
            let plugins = &mut loading.config.settings;
            if plugin_settings::from_assignment(plugins, name.trim(), value.trim(), origin.clone()) {
                continue;
            }
            let key = keys::find(name.trim()).ok_or_else(|| ConfigError::UnknownKey {
                origin: origin.clone(),
                key: name.trim().to_owned(),
                nearest: keys::nearest(name.trim(), KEYS.iter().map(|key| key.name.to_owned())),
            })?;
            loading.set(key, Raw::Text(value.trim()), origin)?;
        }
        loading.check()?;
        Ok(Loaded {
            config: loading.config,
            settings: loading.settings,
        })
    }

    fn read_file(&self) -> Result<Option<(PathBuf, String)>, ConfigError> {
        let named = self
            .environment
            .iter()
            .find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
        let named = self
            .file
            .clone()
            .or_else(|| named.map(|(_, path)| PathBuf::from(path)));
        let path = match (named, &self.folder) {
            (Some(path), _) => path,
            (None, Some(folder)) => {
                // `./aia.toml` reads worse in a message than `aia.toml`.
                let path = if folder == Path::new(".") {
                    PathBuf::new()
                } else {
                    folder.clone()
                }
                .join(DEFAULT_FILE);
                if !path.exists() {
                    return Ok(None);
                }
                path
            }
            (None, None) => return Ok(None),
        };
        let text = file::read(&path)?;
        Ok(Some((path, text)))
    }

    fn variable(&self, loading: &mut Loading, name: &str, value: &str) -> Result<(), ConfigError> {
        // The secret is no setting: it has no place in a file, in `--set`, or in what `aia config` prints.
        if !name.starts_with(VARIABLE_PREFIX)
            || [FILE_VARIABLE, SECRET_VARIABLE].contains(&name)
            || is_service_link(name)
        {
            return Ok(());
        }
        let origin = Origin::Environment(name.to_owned());
        match KEYS.iter().find(|key| key.variable() == name) {
            Some(key) => loading.set(key, Raw::Text(value), origin),
            None => Err(ConfigError::UnknownKey {
                origin,
                key: name.to_owned(),
                nearest: keys::nearest(
                    name,
                    KEYS.iter().map(Key::variable).chain([FILE_VARIABLE.to_owned()]),
                ),
            }),
        }
    }
}

/// Kubernetes gives every container variables for every service; those of a service named `aia` are no settings.
fn is_service_link(name: &str) -> bool {
    let rest = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name);
    rest == "SERVICE_HOST" || rest.starts_with("SERVICE_PORT") || rest == "PORT" || rest.starts_with("PORT_")
}

struct Loading {
    config: Config,
    settings: Vec<Setting>,
}

impl Loading {
    fn default(&mut self, key: &'static Key) -> Result<(), ConfigError> {
        let wrong = |expected| wrong(key, Origin::Default, expected, key.default.to_owned());
        let value = DeValue::parse(key.default).map_err(|error| wrong(error.message().to_owned()))?;
        let raw = Raw::Toml(value.get_ref());
        (key.apply)(&mut self.config, raw).map_err(wrong)?;
        self.settings.push(Setting {
            key: key.name,
            value: raw.plain(),
            origin: Origin::Default,
            default: key.default,
            variable: key.variable(),
            description: key.doc,
        });
        Ok(())
    }

    fn set(&mut self, key: &'static Key, raw: Raw<'_>, origin: Origin) -> Result<(), ConfigError> {
        (key.apply)(&mut self.config, raw).map_err(|expected| {
            let found = if key.is_secret() {
                "something else".to_owned()
            } else {
                raw.describe()
            };
            wrong(key, origin.clone(), expected, found)
        })?;
        if let Some(setting) = self.settings.iter_mut().find(|setting| setting.key == key.name) {
            let value = raw.plain();
            setting.value = if key.is_secret() && !value.is_empty() {
                HIDDEN.to_owned()
            } else {
                value
            };
            setting.origin = origin;
        }
        Ok(())
    }
}

impl Loading {
    /// Checks what concerns two settings.
    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.config.limits;
        let largest = limits.request_bytes.saturating_add(limits.decompressed_bytes);
        // Otherwise the largest request would be told to come again, for ever.
        if limits.bytes_in_flight < largest {
            let expected = format!(
                "at least {largest} bytes, `limits.request-bytes` and `limits.decompressed-bytes` together"
            );
            return Err(self.wrong(BYTES_IN_FLIGHT, expected));
        }
        let least = limits.bytes_in_flight.saturating_mul(MEMORY_PER_BYTE_IN_FLIGHT);
        if limits.memory < least {
            let expected =
                format!("at least {least} bytes, {MEMORY_PER_BYTE_IN_FLIGHT} times `limits.bytes-in-flight`");
            return Err(self.wrong(MEMORY, expected));
        }
        Pull::check(&self.config, |key, expected| self.wrong(key, expected))
    }

    /// A setting's value doesn't go with another's.
    fn wrong(&self, key: &'static str, expected: String) -> ConfigError {
        let setting = self.settings.iter().find(|setting| setting.key == key);
        ConfigError::WrongValue {
            origin: setting.map_or(Origin::Default, |setting| setting.origin.clone()),
            key,
            expected,
            found: setting.map_or_else(String::new, |setting| format!("`{}`", setting.value)),
        }
    }
}

fn wrong(key: &Key, origin: Origin, expected: String, found: String) -> ConfigError {
    ConfigError::WrongValue {
        origin,
        key: key.name,
        expected,
        found,
    }
}
