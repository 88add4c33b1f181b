//! `aia plugin new`

use std::path::PathBuf;

use serde_json::json;

use super::super::{args::NewPlugin, failure::Failure, output::Output, text};
use crate::authors::new;

pub(super) fn run(wanted: &NewPlugin, output: &mut Output) -> Result<(), Failure> {
    let folder = new::create(&new::NewPlugin {
        name: wanted.name.clone(),
        kind: wanted.kind.into(),
        language: wanted.lang.parse()?,
        place: PathBuf::new(),
        sdk: wanted.sdk.clone(),
    })?;
    let folder = folder.to_string_lossy();
    if output.json {
        return output.value(&json!({ "folder": folder }));
    }
    let folder = text::line(&folder);
    output.text(&format!(
        "{folder}/ has a plugin that works. Next: `cd {folder}`, look at src/lib.rs, `aia plugin build`; README.md has more"
    ))
}
