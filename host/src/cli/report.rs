//! `aia report`

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{args::Report, failure::Failure, incidents::not_found, output::Output, text};
use crate::{
    config::Config,
    server::{Backend, media_type},
};

#[derive(Serialize)]
struct Rendered<'a> {
    media_type: &'a str,
    /// The report, if it is text.
    text: Option<&'a str>,
    /// The report, if it isn't.
    base64: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    media_type: &'a str,
    file: String,
    bytes: usize,
}

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    wanted: &Report,
    output: &mut Output,
) -> Result<(), Failure> {
    if !config.data.is_dir() {
        return Err(Failure::NoData {
            data: config.data.clone(),
        });
    }
    let reports = backend.reports(config);
    let reports = reports.map_err(|source| Failure::Open {
        what: "load the reporters",
        data: config.data.clone(),
        source,
    })?;
    let rendered = reports.render(&wanted.of.tenant, &wanted.id, media_type(&wanted.format))?;
    let report = rendered.ok_or_else(|| not_found(&wanted.id))?;
    let as_text = std::str::from_utf8(&report.bytes).ok();
    match &wanted.output {
        Some(file) => {
            // The file gets the report's very bytes.
            fs::write(file, &report.bytes).map_err(|source| Failure::Write {
                file: file.clone(),
                source,
            })?;
            if output.json {
                output.value(&Written {
                    media_type: &report.media_type,
                    file: file.display().to_string(),
                    bytes: report.bytes.len(),
                })
            } else {
                output.text(&format!("{}", text::line(&file.display().to_string())))
            }
        }
        None if output.json => output.value(&Rendered {
            media_type: &report.media_type,
            text: as_text,
            base64: as_text.is_none().then(|| STANDARD.encode(&report.bytes)),
        }),
        None => match as_text {
            Some(report) => output.text(&text::lines(report)),
            // Not for a terminal; whoever prints a PDF has sent it to a file or a pipe.
            None => output.bytes(&report.bytes),
        },
    }
}
