//! Plugins in workerd, without the Worker: a script that does what a test asks for.

use std::path::Path;

use aia_tests::{Bundle, Worker};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// A running script.
pub(crate) struct Script {
    worker: Worker,
}

impl Script {
    /// Starts it with all detectors that AIA comes with.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        // Asked of cargo now, since checkouts may share a target folder.
        let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let entry = Path::new(&tests).join("edge/calls.mjs");
        let bundle = Bundle::first_party()?.with_entry(&folder.join("bundle"), &entry)?;
        Ok(Self {
            worker: Worker::start(&bundle, &folder.join("worker"), &[])?,
        })
    }

    /// Does these calls to a plugin, in order; gives what came of each.
    pub(crate) fn run(&self, plugin: &str, calls: &[Value]) -> Result<Vec<Value>> {
        let body = json!({ "plugin": plugin, "calls": calls }).to_string();
        let mut response = ureq::post(self.worker.url())
            .send(body)
            .with_context(|| format!("{plugin}: {}", self.worker.log().unwrap_or_default()))?;
        let answers = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()?;
        Ok(serde_json::from_str(&answers)?)
    }

    /// Fails unless the bundle has this component: it may have been built before the plugins were.
    pub(crate) fn has(&self, plugin: &str, component: &[u8]) -> Result<()> {
        let facts = self.run(plugin, &[json!(["facts"])])?;
        let found = facts.first().map(|facts| &facts["ok"]["digest"]);
        let digest = blake3::hash(component).to_hex();
        ensure!(
            found == Some(&json!(digest.as_str())),
            "the bundle has another build of `{plugin}`: run `cargo xtask edge`"
        );
        Ok(())
    }

    /// The names of its plugins.
    pub(crate) fn plugins(&self) -> Result<Vec<String>> {
        let mut response = ureq::get(self.worker.url()).call()?;
        Ok(serde_json::from_str(&response.body_mut().read_to_string()?)?)
    }
}
