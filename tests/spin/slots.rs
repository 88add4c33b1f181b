//! The slots are the contract's, and the app at the root is what `aia bundle spin` makes.

use std::path::{Path, PathBuf};

use aia::bundle::{SPIN_SLOTS, spin_manifest};
use anyhow::{Context, Result};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The lines of an interface that say something, without where they stand.
fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let said = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    said.map(|line| {
        line.replace("use aia:plugin/telemetry@0.1.0.", "use telemetry.")
            .replace("use aia:plugin/signals@0.1.0.", "use signals.")
    })
    .collect()
}

#[test]
fn every_slot_takes_the_contracts_detector() -> Result<()> {
    let contract = std::fs::read_to_string(root().join("wit/0.1.0/detector.wit"))?;
    let (_, contract) = contract
        .split_once("interface detector {")
        .context("no interface `detector`")?;
    let contract = lines(contract);
    let slots = std::fs::read_to_string(root().join("edge-spin/wit/slots.wit"))?;
    let slots: Vec<&str> = slots.split("interface detector {").skip(1).collect();
    assert_eq!(slots.len(), SPIN_SLOTS);
    for slot in slots {
        let (slot, _) = slot.split_once("\n}\n").context("a slot without an end")?;
        assert_eq!(lines(slot), contract);
    }
    Ok(())
}

#[test]
fn the_app_at_the_root_is_the_bundles() -> Result<()> {
    let names: Vec<_> = aia_plugins::DETECTORS.iter().map(|(name, _)| *name).collect();
    let wanted = spin_manifest(
        &names,
        "target/spin/bundle/",
        "cargo xtask spin --out target/spin/bundle",
    );
    let found = std::fs::read_to_string(root().join("spin.toml"))?;
    assert_eq!(found, wanted, "spin.toml is to be:\n{wanted}");
    Ok(())
}
