//! What an operator may set.

use aia_plugin_sdk::OpenError;
use serde::Deserialize;

/// The configuration. Every key has a default; unknown keys are refused.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Least lines of a burst within a minute. Default 10: fewer can't be told from chance.
    pub min_count: u64,
    /// Seconds between two signals of a template that stays so, 10 to 3600. Default 60.
    pub update_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_count: 10,
            update_seconds: 60,
        }
    }
}

/// The schema of [`Config`].
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "min-count": { "type": "integer", "minimum": 1, "default": 10, "description": "Least lines of a burst within a minute" },
    "update-seconds": { "type": "integer", "minimum": 10, "maximum": 3600, "default": 60, "description": "Time between two signals of a template that stays so" }
  }
}"#;

impl Config {
    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let ranges = [
            ("min-count", self.min_count, 1, u64::MAX),
            ("update-seconds", self.update_seconds, 10, 3600),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(OpenError::Config(format!(
                    "`{key}` is {value}, it must be from {least} to {most}"
                )));
            }
        }
        Ok(())
    }
}
