//! The bundle starts in workerd, and its plugins are the host's.

use std::path::Path;

use aia_tests::{Bundle, Worker};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A script of this folder. Asked of cargo now, since checkouts may share a target folder.
fn script(name: &str) -> std::path::PathBuf {
    let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    Path::new(&tests).join("edge").join(name)
}

fn post(worker: &Worker, body: &Value) -> Result<Value> {
    let mut response = ureq::post(worker.url()).send(body.to_string())?;
    Ok(serde_json::from_str(&response.body_mut().read_to_string()?)?)
}

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
    let bundle = Bundle::first_party()?.with_entry(&folder.path().join("bundle"), &script("calls.mjs"))?;
    let worker = Worker::start(&bundle, &folder.path().join("worker"), &[])?;
    let mut seen = Vec::new();
    for (name, component) in aia_plugins::DETECTORS {
        let answers = post(
            &worker,
            &json!({ "plugin": name, "calls": [
                ["facts"],
                ["describe"],
                ["open", "{}"],
                ["tick", { "$int": "1764540000000000000" }],
                ["snapshot"],
                ["open", "{\"no such setting\":1}"],
                ["open", "{}", { "$u8": "ffff" }],
            ] }),
        )
        .with_context(|| format!("{name}: {}", worker.log().unwrap_or_default()))?;
        let [facts, manifest, open, tick, snapshot, config, damaged] =
            answers.as_array().map(Vec::as_slice).unwrap_or_default()
        else {
            anyhow::bail!("{name}: {answers}");
        };
        let (facts, manifest) = (&facts["ok"], &manifest["ok"]);
        assert_eq!(facts["digest"], blake3::hash(component).to_hex().as_str());
        assert_eq!(facts["contract"], "0.1.0");
        for fact in ["name", "version", "reads", "configSchema"] {
            assert_eq!(facts[fact], manifest[fact], "{name}");
        }
        assert_eq!(facts["name"], *name);
        assert_eq!(
            (&open["ok"], &tick["ok"]),
            (&Value::Null, &json!({ "logs": [], "signals": [] }))
        );
        assert!(snapshot["ok"]["$u8"].is_string(), "{name}: {snapshot}");
        assert_eq!(config["err"]["tag"], "config", "{name}: {config}");
        assert_eq!(damaged["err"]["tag"], "snapshot", "{name}: {damaged}");
        seen.push(*name);
    }
    let mut response = ureq::get(worker.url()).call()?;
    let names: Vec<String> = serde_json::from_str(&response.body_mut().read_to_string()?)?;
    assert_eq!(names, seen);
    Ok(())
}
