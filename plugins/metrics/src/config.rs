//! What an operator may set.

use aia_plugin_sdk::OpenError;
use serde::Deserialize;

/// The configuration. Every key has a default; unknown keys are refused.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// False alarms that may come by chance in a week, among all series of the project, 0.01 to 1000. Default 1.
    pub false_alarms_a_week: f64,
    /// Seconds between two signals of what stays unusual, 10 to 3600. Default 60.
    pub update_seconds: u64,
    /// Seconds after which what stays unusual becomes usual, 60 to 86400. Default 1800.
    pub relearn_seconds: u64,
    /// Minutes ahead that a limit is told of that a series runs into, 1 to 1440. Default 60.
    pub limit_minutes: u64,
    /// Usual intervals that have to pass without a value until it is missed, 3 to 1000. Default 5.
    pub missing_intervals: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            false_alarms_a_week: 1.0,
            update_seconds: 60,
            relearn_seconds: 1800,
            limit_minutes: 60,
            missing_intervals: 5,
        }
    }
}

/// The schema of [`Config`].
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "false-alarms-a-week": { "type": "number", "minimum": 0.01, "maximum": 1000, "default": 1, "description": "False alarms that may come by chance in a week, among all series" },
    "update-seconds": { "type": "integer", "minimum": 10, "maximum": 3600, "default": 60, "description": "Time between two signals of what stays unusual" },
    "relearn-seconds": { "type": "integer", "minimum": 60, "maximum": 86400, "default": 1800, "description": "Time after which what stays unusual becomes usual" },
    "limit-minutes": { "type": "integer", "minimum": 1, "maximum": 1440, "default": 60, "description": "Minutes ahead that a limit is told of that a series runs into" },
    "missing-intervals": { "type": "integer", "minimum": 3, "maximum": 1000, "default": 5, "description": "Usual intervals that have to pass without a value until it is missed" }
  }
}"#;

impl Config {
    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let budget = self.false_alarms_a_week;
        if !(0.01..=1000.0).contains(&budget) {
            return Err(OpenError::Config(format!(
                "`false-alarms-a-week` is {budget}, it must be from 0.01 to 1000"
            )));
        }
        let ranges = [
            ("update-seconds", self.update_seconds, 10, 3600),
            ("relearn-seconds", self.relearn_seconds, 60, 86_400),
            ("limit-minutes", self.limit_minutes, 1, 1440),
            ("missing-intervals", self.missing_intervals, 3, 1000),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        Config::default().check().unwrap();
        let config = Config {
            limit_minutes: 0,
            ..Config::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "configuration refused: `limit-minutes` is 0, it must be from 1 to 1440"
        );
        let config = Config {
            false_alarms_a_week: f64::NAN,
            ..Config::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "configuration refused: `false-alarms-a-week` is NaN, it must be from 0.01 to 1000"
        );
    }
}
