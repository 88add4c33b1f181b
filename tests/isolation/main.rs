//! Promise: a sandbox that holds. A plugin that fails, is replaced or is broken harms nobody else.

use std::path::Path;
use std::time::{Duration, Instant};

use aia_tests::{Host, failing_request, healthy_request};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A busy machine compiles a plugin slowly.
const WITHIN: Duration = Duration::from_secs(90);

#[test]
fn a_plugin_can_fail_be_replaced_and_break_while_the_host_runs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let plugins = folder.path().join("plugins");
    std::fs::create_dir(&plugins)?;
    let file = plugins.join("evil.wasm");
    std::fs::write(&file, aia_plugins::EVIL)?;
    let flags = [
        "--plugins",
        plugins.to_str().context("a path")?,
        "--set",
        "settings.evil.deed=trap",
        // There is no time to learn what is usual.
        "--set",
        "settings.errors.warm-up-seconds=0",
    ];
    let mut host = Host::start_with(folder.path(), &flags)?;
    let evil = plugin(&host, "evil")?;
    assert_eq!(evil["runs"], true, "{evil}");

    // It traps on everything; the built-in detector finds the incident all the same.
    for number in 0..5 {
        assert_eq!(host.send_traces(&healthy_request(number))?, 200);
    }
    for number in 0..10 {
        assert_eq!(host.send_traces(&failing_request(100 + number))?, 200);
    }
    let incident = host.wait_for_incident(WITHIN)?;
    assert_eq!(incident["service"], "payment", "{incident}");

    // Another build of it, which comes while the host runs.
    replace(&file, &rebuilt(aia_plugins::EVIL))?;
    let digest = evil["digest"].clone();
    let replaced = wait_for(&host, "evil", |plugin| plugin["digest"] != digest)?;
    assert_eq!(
        (&replaced["runs"], &replaced["problem"]),
        (&Value::from(true), &Value::Null)
    );

    // A broken build: the last good one goes on.
    replace(&file, b"not a plugin")?;
    let kept = wait_for(&host, "evil", |plugin| !plugin["problem"].is_null())?;
    assert_eq!(
        (&kept["runs"], &kept["digest"]),
        (&Value::from(true), &replaced["digest"])
    );

    // Taken away.
    std::fs::remove_file(&file)?;
    let deadline = Instant::now() + WITHIN;
    while plugin(&host, "evil").is_ok() {
        ensure!(Instant::now() < deadline, "the plugin is still there");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Nothing of it all touched the incident, and what comes now is taken.
    assert_eq!(host.send_traces(&healthy_request(7))?, 200);
    let incidents = host.incidents()?;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    host.kill()
}

/// The plugin of that name, as the API lists it.
fn plugin(host: &Host, name: &str) -> Result<Value> {
    let list = host.get("/api/v1/plugins")?;
    let plugins = list["plugins"].as_array().context("no plugins")?;
    plugins
        .iter()
        .find(|plugin| plugin["name"] == name)
        .cloned()
        .with_context(|| format!("no plugin {name} in {list}"))
}

fn wait_for(host: &Host, name: &str, is_there: impl Fn(&Value) -> bool) -> Result<Value> {
    let deadline = Instant::now() + WITHIN;
    loop {
        let plugin = plugin(host, name)?;
        if is_there(&plugin) {
            return Ok(plugin);
        }
        ensure!(Instant::now() < deadline, "{plugin}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Replaces a file as a careful deployment does.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, bytes)?;
    Ok(std::fs::rename(new, file)?)
}

/// The same plugin with other bytes: a custom section is added.
fn rebuilt(plugin: &[u8]) -> Vec<u8> {
    let section = [0, 5, 4, b'n', b'o', b't', b'e'];
    [plugin, &section].concat()
}
