//! `aia bundle`

use std::io::Write;

use serde::Serialize;

use super::{
    args::{BundleCommand, BundleWorker},
    failure::Failure,
    output::Output,
    plugin::size,
    text,
};
use crate::{
    bundle::{BundleError, BundleFile, Source, worker},
    config::Config,
    server::Backend,
};

/// Most that Cloudflare takes of a Worker on the free plan, compressed; ten on a paid one.
const LIMIT_BYTES: u64 = 3 << 20;

/// A part of the bundle. Numbers are bytes.
#[derive(Serialize)]
struct Part {
    part: String,
    bytes: u64,
    gzip_bytes: u64,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    folder: &'a std::path::Path,
    plugins: Vec<String>,
    parts: &'a [Part],
    gzip_bytes: u64,
    gzip_bytes_limit: u64,
}

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    command: BundleCommand,
    output: &mut Output,
) -> Result<(), Failure> {
    match command {
        BundleCommand::Worker(wanted) => bundle(backend, config, &wanted, output),
    }
}

fn bundle(
    backend: &dyn Backend,
    config: &Config,
    wanted: &BundleWorker,
    output: &mut Output,
) -> Result<(), Failure> {
    let runtime = backend.runtime(config).map_err(Failure::Runtime)?;
    let sources = if wanted.plugin.is_empty() {
        Source::first_party()
    } else {
        let read = wanted.plugin.iter().map(|file| Source::read(file));
        read.collect::<Result<_, BundleError>>()?
    };
    let bundle = worker(&runtime, &sources, wanted.shell.as_deref())?;
    bundle.write(&wanted.out)?;
    let parts = parts(&bundle.files)?;
    let total: u64 = parts.iter().map(|part| part.gzip_bytes).sum();
    if output.json {
        return output.value(&Printed {
            folder: &wanted.out,
            plugins: bundle
                .plugins
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect(),
            parts: &parts,
            gzip_bytes: total,
            gzip_bytes_limit: LIMIT_BYTES,
        });
    }
    let row = |part: &Part| {
        vec![
            text::line(&part.part).into_owned(),
            size(part.bytes),
            size(part.gzip_bytes),
        ]
    };
    output.table(&["PART", "SIZE", "GZIP"], parts.iter().map(row).collect())?;
    output.text(&format!(
        "\n{}: {} of at most {} compressed",
        text::line(&wanted.out.to_string_lossy()),
        size(total),
        size(LIMIT_BYTES),
    ))
}

/// Sizes by part: a folder of plugins each, the Worker's module, all JavaScript.
fn parts(files: &[BundleFile]) -> Result<Vec<Part>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    for file in files {
        let name = if let Some(path) = file.path.strip_prefix("plugins/")
            && let Some((plugin, _)) = path.split_once('/')
        {
            format!("plugin {plugin}")
        } else if file.path.starts_with("plugins") {
            "glue of plugins".to_owned()
        } else if file.path.ends_with(".wasm") {
            "Worker".to_owned()
        } else if file.path.ends_with("js") {
            "glue of the Worker".to_owned()
        } else {
            continue;
        };
        let (bytes, gzip_bytes) = (file.bytes.len() as u64, compressed(&file.bytes)?);
        match parts.iter_mut().find(|part| part.part == name) {
            Some(part) => {
                part.bytes += bytes;
                part.gzip_bytes += gzip_bytes;
            }
            None => parts.push(Part {
                part: name,
                bytes,
                gzip_bytes,
            }),
        }
    }
    Ok(parts)
}

fn compressed(bytes: &[u8]) -> Result<u64, Failure> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let compressed = compressed.map_err(|source| Failure::System {
        what: "compress",
        source,
    })?;
    Ok(compressed.len() as u64)
}
