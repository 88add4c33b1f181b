//! The bundle starts in workerd, and its plugins are the host's.

use aia_tests::{Bundle, Worker};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::script::Script;

#[test]
fn the_worker_starts_answers_and_starts_again_after_a_kill() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bundle = Bundle::first_party()?;
    let mut worker = Worker::start(&bundle, folder.path(), &[])?;
    let (url, s3) = (worker.url().to_owned(), worker.s3());
    let status = |worker: &Worker| -> Result<u16> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let response = agent.post(format!("{}/v1/nothing", worker.url())).send_empty()?;
        Ok(response.status().as_u16())
    };
    assert_eq!(status(&worker)?, 404, "{}", worker.log()?);
    worker.kill_and_restart()?;
    assert_eq!(status(&worker)?, 404, "{}", worker.log()?);
    assert_eq!((worker.url(), worker.s3().endpoint), (url.as_str(), s3.endpoint));
    Ok(())
}

#[test]
fn every_plugin_is_the_hosts_and_runs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = Script::start(folder.path())?;
    let mut seen = Vec::new();
    for (name, component) in aia_plugins::DETECTORS {
        script.has(name, component)?;
        let answers = script.run(
            name,
            &[
                json!(["facts"]),
                json!(["describe"]),
                json!(["open", "{}"]),
                json!(["tick", { "$int": "1764540000000000000" }]),
                json!(["snapshot"]),
                json!(["open", "{\"no such setting\":1}"]),
                json!(["open", "{}", { "$u8": "//8=" }]),
            ],
        )?;
        let [facts, manifest, open, tick, snapshot, config, damaged] = answers.as_slice() else {
            bail!("{name}: {answers:?}");
        };
        let (facts, manifest) = (&facts["ok"], &manifest["ok"]);
        assert_eq!(facts["contract"], "0.1.0");
        for fact in ["name", "version", "reads", "configSchema"] {
            assert_eq!(facts[fact], manifest[fact], "{name}");
        }
        let signals = manifest["signals"].as_array().context("no signals")?;
        let signals: Vec<_> = signals.iter().map(|signal| signal["name"].clone()).collect();
        assert_eq!(facts["signals"], Value::from(signals), "{name}");
        assert_eq!(facts["name"], *name);
        let nothing = json!({ "logs": [], "signals": [] });
        assert_eq!((&open["ok"], &tick["ok"]), (&Value::Null, &nothing), "{name}");
        assert!(snapshot["ok"]["$u8"].is_string(), "{name}: {snapshot}");
        assert_eq!(config["err"]["tag"], "config", "{name}: {config}");
        assert_eq!(damaged["err"]["tag"], "snapshot", "{name}: {damaged}");
        seen.push(*name);
    }
    assert_eq!(script.plugins()?, seen);
    Ok(())
}
