//! `aia bundle`

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{args::BundleCommand, failure::Failure, output::Output, plugin::size, text};
use crate::{
    bundle::{Bundle, BundleError, BundleFile, Source, spin, worker},
    config::Config,
    server::Backend,
};

/// Most that Cloudflare takes of a Worker on the free plan, compressed; ten on a paid one.
const WORKER_LIMIT_BYTES: u64 = 3 << 20;

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
    folder: &'a Path,
    plugins: Vec<String>,
    parts: &'a [Part],
    gzip_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    gzip_bytes_limit: Option<u64>,
}

pub(super) fn run(
    backend: &dyn Backend,
    config: &Config,
    command: BundleCommand,
    output: &mut Output,
) -> Result<(), Failure> {
    let runtime = backend.runtime(config).map_err(Failure::Runtime)?;
    match command {
        BundleCommand::Worker(wanted) => {
            let bundle = worker(&runtime, &sources(&wanted.plugin)?, wanted.shell.as_deref())?;
            write(
                &bundle,
                &wanted.out,
                part_of_worker,
                Some(WORKER_LIMIT_BYTES),
                output,
            )
        }
        BundleCommand::Spin(wanted) => {
            let bundle = spin(&runtime, &sources(&wanted.plugin)?, &wanted.component)?;
            write(&bundle, &wanted.out, part_of_app, None, output)
        }
    }
}

/// What was asked for; all that AIA comes with by default.
fn sources(files: &[PathBuf]) -> Result<Vec<Source>, BundleError> {
    if files.is_empty() {
        return Ok(Source::first_party());
    }
    files.iter().map(|file| Source::read(file)).collect()
}

/// Writes a bundle and says how large it is.
fn write(
    bundle: &Bundle,
    out: &Path,
    part_of: fn(&str) -> Option<String>,
    limit: Option<u64>,
    output: &mut Output,
) -> Result<(), Failure> {
    bundle.write(out)?;
    let parts = parts(&bundle.files, part_of)?;
    let total: u64 = parts.iter().map(|part| part.gzip_bytes).sum();
    if output.json {
        return output.value(&Printed {
            folder: out,
            plugins: bundle
                .plugins
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect(),
            parts: &parts,
            gzip_bytes: total,
            gzip_bytes_limit: limit,
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
    let of = limit.map(|limit| format!(" of at most {}", size(limit)));
    output.text(&format!(
        "\n{}: {}{} compressed",
        text::line(&out.to_string_lossy()),
        size(total),
        of.unwrap_or_default(),
    ))
}

/// What a file of a Worker belongs to: a folder of plugins each, the Worker's module, all JavaScript.
fn part_of_worker(path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("plugins/")
        && let Some((plugin, _)) = path.split_once('/')
    {
        Some(format!("plugin {plugin}"))
    } else if path.starts_with("plugins") {
        Some("glue of plugins".to_owned())
    } else if path.ends_with(".wasm") {
        Some("Worker".to_owned())
    } else if path.ends_with("js") {
        Some("glue of the Worker".to_owned())
    } else {
        None
    }
}

/// What a file of a Spin app belongs to.
fn part_of_app(path: &str) -> Option<String> {
    match path.strip_suffix(".wasm")? {
        "vacant" => Some("vacant slot".to_owned()),
        component => Some(match component.strip_prefix("plugins/") {
            Some(plugin) => format!("plugin {plugin}"),
            None => "component".to_owned(),
        }),
    }
}

/// Sizes by part.
fn parts(files: &[BundleFile], part_of: fn(&str) -> Option<String>) -> Result<Vec<Part>, Failure> {
    let mut parts: Vec<Part> = Vec::new();
    for file in files {
        let Some(name) = part_of(&file.path) else { continue };
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
