//! `cargo xtask edge dev`: the Worker on this machine, and how to send it a span.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::{Built, BundleOptions, bundle};
use crate::cargo::root;
use crate::interrupt::{self, wait_for};

/// Where it listens unless told otherwise: wrangler's own.
const PORT: u16 = 8787;

/// How it is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    bundle: BundleOptions,
    /// Port on loopback.
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Folder of the host's data folder and the Worker's bucket, kept; a new one by default.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

/// Builds, starts, tells, and waits for Ctrl-C.
///
/// # Errors
/// When something can't be built or started, or the Worker ends by itself.
pub(super) fn run(options: &Options) -> Result<()> {
    let built = bundle(&options.bundle)?;
    interrupt::watch()?;
    let folder = match &options.keep {
        Some(folder) => std::path::absolute(folder).context("finding the working folder")?,
        None => tempfile::Builder::new()
            .prefix("aia-edge-")
            .tempdir()
            .context("making a folder")?
            .keep(),
    };
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let data = folder.join("data");
    let key = ingest_key(&built.aia, &data)?;
    let secret = fs::read_to_string(data.join("secret.key")).context("reading the secret")?;
    let vars = folder.join("vars.json");
    fs::write(&vars, json!({ "AIA_SECRET_KEY": secret.trim() }).to_string())
        .context("writing the Worker's secrets")?;

    let mut worker = serve(&built, &folder, &vars, options.port)?;
    let ready = first_line(&mut worker)?;
    println!("{}", told(&ready, &key, &built.aia, &data)?);
    let ended = wait_for(Duration::MAX, || {
        worker.try_wait().context("waiting for the Worker")
    });
    // Its standard input ends with this process's handle of it, and it with that.
    drop(worker.stdin.take());
    match ended {
        Ok(Some(status)) => bail!("the Worker ended ({status})"),
        // Ctrl-C is how one leaves.
        Ok(None) | Err(_) => {
            worker.wait().context("waiting for the Worker to end")?;
            println!(
                "\nits data is in {}; `--keep` takes that folder up again",
                folder.display()
            );
            Ok(())
        }
    }
}

/// An ingest key of a new name. Makes the data folder and its secret if they aren't there.
fn ingest_key(aia: &Path, data: &Path) -> Result<String> {
    let output = Command::new(aia)
        .args(["key", "create", "--json", "--data"])
        .arg(data)
        .current_dir(data.parent().context("a data folder lies in a folder")?)
        .output()
        .with_context(|| format!("starting {}", aia.display()))?;
    ensure!(
        output.status.success(),
        "aia key create: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let made: Value = serde_json::from_slice(&output.stdout).context("reading the key")?;
    let key = made.get("ingest_key").and_then(Value::as_str);
    Ok(key.context("aia made no key")?.to_owned())
}

fn serve(built: &Built, folder: &Path, vars: &Path, port: u16) -> Result<Child> {
    let node = built.tools.node();
    Command::new(&node)
        .arg(root().join("edge-worker/serve.mjs"))
        .arg("--tools")
        .arg(built.tools.folder())
        .arg("--bundle")
        .arg(&built.bundle)
        .arg("--persist")
        .arg(folder.join("worker"))
        .arg("--vars")
        .arg(vars)
        .args(["--port", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", node.display()))
}

fn first_line(worker: &mut Child) -> Result<Value> {
    let stdout = worker.stdout.take().context("stdout is piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    ensure!(
        !line.is_empty(),
        "the Worker didn't start; its messages are above"
    );
    serde_json::from_str(&line).context("reading the Worker's first line")
}

/// What a newcomer does next.
fn told(ready: &Value, key: &str, aia: &Path, data: &Path) -> Result<String> {
    let text = |pointer: &str| {
        let found = ready.pointer(pointer).and_then(Value::as_str);
        found.with_context(|| format!("no {pointer} in {ready}"))
    };
    let (url, endpoint, bucket) = (text("/url")?, text("/s3/endpoint")?, text("/s3/bucket")?);
    let (id, secret, region) = (
        text("/s3/accessKeyId")?,
        text("/s3/secretAccessKey")?,
        text("/s3/region")?,
    );
    let (aia, data) = (aia.display(), data.display());
    Ok(format!(
        "
The Worker runs on this machine. An SDK sends to it with:

  OTEL_EXPORTER_OTLP_ENDPOINT={url}
  OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  OTEL_EXPORTER_OTLP_HEADERS=\"authorization=Bearer%20{key}\"

AIA takes what the Worker keeps, and shows incidents:

  AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret} \\
  {aia} up --data {data} \\
    --set pull.url=s3://{bucket} --set pull.endpoint={endpoint} --set pull.region={region}

Ctrl-C ends the Worker."
    ))
}
