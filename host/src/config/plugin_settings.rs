//! What plugins are told: the tables `settings.<plugin>`. Their keys are the plugin's own, so the host passes them on as
//! JSON and lets the plugin say what is wrong with them.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use super::{ConfigError, Origin};

/// The table that holds them.
pub(super) const TABLE: &str = "settings";

/// What is said in `aia config` of settings that have no fixed keys.
pub(super) const COMMENT: &str = "\n# What plugins are told: a table for each, with the keys that \
`aia plugin inspect FILE` prints.\n# `--set settings.errors.min-count=5` sets one for one run.\n\
# [settings.errors]\n# min-count = 3\n";

/// Settings of all plugins, by the plugins' names.
pub type AllPluginSettings = BTreeMap<String, PluginSettings>;

/// What one plugin is told.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSettings {
    /// The keys and their values.
    pub values: Map<String, Value>,
    /// Where the last of them was written.
    pub origin: Origin,
}

/// Takes the whole table of a file: `[settings.errors]` and its like.
pub(super) fn from_file(
    all: &mut AllPluginSettings,
    tables: &toml::de::DeTable<'_>,
    origin: impl Fn(usize) -> Origin,
) -> Result<(), ConfigError> {
    for (plugin, table) in tables {
        let origin = origin(plugin.span().start);
        let DeValue::Table(values) = table.get_ref() else {
            return Err(ConfigError::NotPluginSettings {
                origin,
                plugin: plugin.get_ref().clone().into_owned(),
            });
        };
        for (key, value) in values {
            set(
                all,
                plugin.get_ref(),
                key.get_ref(),
                json(value.get_ref()),
                origin.clone(),
            );
        }
    }
    Ok(())
}

/// Takes `settings.<plugin>.<key>=<value>` of a flag; false if the name isn't one of these.
pub(super) fn from_assignment(all: &mut AllPluginSettings, name: &str, value: &str, origin: Origin) -> bool {
    let mut parts = name.splitn(3, '.');
    let (Some(TABLE), Some(plugin), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    // As in a file, but that text needs no quotes.
    let value = DeValue::parse(value).map_or_else(|_| Value::from(value), |value| json(value.get_ref()));
    set(all, plugin, key, value, origin);
    true
}

fn set(all: &mut AllPluginSettings, plugin: &str, key: &str, value: Value, origin: Origin) {
    let settings = all.entry(plugin.to_owned()).or_insert_with(|| PluginSettings {
        values: Map::new(),
        origin: Origin::Default,
    });
    settings.values.insert(key.to_owned(), value);
    settings.origin = origin;
}

/// TOML as JSON; times become text.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.as_str().into(), Value::from),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map_or_else(|| number.as_str().into(), Value::Number),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(values) => values.iter().map(|value| json(value.get_ref())).collect(),
        DeValue::Table(values) => values
            .iter()
            .map(|(key, value)| (key.get_ref().clone().into_owned(), json(value.get_ref())))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;

    fn load(file: &str, assignments: &[&str]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aia.toml");
        std::fs::write(&path, file).unwrap();
        let sources = Sources {
            file: Some(path),
            assignments: assignments.iter().map(|text| (*text).to_owned()).collect(),
            ..Sources::default()
        };
        let loaded = sources.load().map_err(|error| {
            let place = format!("{}/", folder.path().display());
            error.to_string().replace(&place, "")
        })?;
        let settings = loaded.config.settings;
        let tables: Vec<_> = settings
            .into_iter()
            .map(|(plugin, settings)| format!("{plugin}: {}", serde_json::Value::Object(settings.values)))
            .collect();
        Ok(tables.join("\n"))
    }

    #[test]
    fn tables_become_json_and_flags_go_over_them() {
        let file = "[settings.errors]\nmin-count = 0x10\nwindow-seconds = 60\n\
                    [settings.mine]\nnames = [\"a\", 1.5, true]\nlimits = { low = -1 }\nsince = 2026-01-02\n";
        let assignments = [
            "settings.errors.min-count=5",
            "settings.mine.text=plain words",
            "settings.mine.quoted=\"7\"",
        ];
        insta::assert_snapshot!(load(file, &assignments).unwrap(), @r#"
        errors: {"min-count":5,"window-seconds":60}
        mine: {"limits":{"low":-1},"names":["a",1.5,true],"quoted":"7","since":"2026-01-02","text":"plain words"}
        "#);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        insta::assert_snapshot!(load("[settings]\nerrors = 5\n", &[]).unwrap_err(), @"aia.toml:2: `settings.errors` must be a table");
        insta::assert_snapshot!(load("settings = 5\n", &[]).unwrap_err(), @"aia.toml:1: there is no setting `settings`");
        insta::assert_snapshot!(load("", &["settings.errors=5"]).unwrap_err(), @"flag --set: there is no setting `settings.errors`");
    }
}
