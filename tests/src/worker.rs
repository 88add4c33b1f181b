//! A Worker in real workerd, killed when the test ends.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::ready;

/// Longest start on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// What `cargo xtask edge` built.
#[derive(Clone, Debug)]
pub struct Bundle {
    folder: PathBuf,
    tools: PathBuf,
    node: PathBuf,
}

impl Bundle {
    /// The Worker with all detectors that AIA comes with.
    ///
    /// # Errors
    /// If it isn't built, or by another checkout that shares the target folder.
    pub fn first_party() -> Result<Self> {
        Self::read(&target()?.join("edge-worker/ready.json"))
    }

    /// What that file, which `cargo xtask edge` writes, tells of.
    ///
    /// # Errors
    /// As [`Bundle::first_party`].
    pub fn read(built: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(built)
            .with_context(|| format!("{} isn't there: run `cargo xtask edge`", built.display()))?;
        let ready: Value = serde_json::from_str(&text)?;
        let path = |name: &str| -> Result<PathBuf> {
            let path = ready[name]
                .as_str()
                .with_context(|| format!("no {name} in {ready}"))?;
            Ok(PathBuf::from(path))
        };
        let checkout = path("checkout")?;
        ensure!(
            checkout == workspace(),
            "the bundle is of the checkout {}: run `cargo xtask edge` in this one",
            checkout.display()
        );
        Ok(Self {
            folder: path("bundle")?,
            tools: path("tools")?,
            node: path("node")?,
        })
    }

    /// The same Worker with other plugins, in a folder that isn't there yet.
    ///
    /// # Errors
    /// If `aia bundle worker` refuses one.
    pub fn with_plugins(&self, folder: &Path, plugins: &[&Path]) -> Result<Self> {
        let mut command = Command::new(crate::binary()?);
        command
            .args(["bundle", "worker", "--shell"])
            .arg(self.folder.join("shell"))
            .arg("--out")
            .arg(folder)
            .env_clear();
        for plugin in plugins {
            command.arg("--plugin").arg(plugin);
        }
        let output = command.output()?;
        ensure!(
            output.status.success(),
            "aia bundle worker: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Self {
            folder: folder.to_owned(),
            ..self.clone()
        })
    }

    /// The same plugins behind another entry, in a folder that isn't there yet: a script of a test instead of the
    /// Worker, which finds the plugins in `./plugins.mjs`.
    ///
    /// # Errors
    /// If files can't be copied.
    pub fn with_entry(&self, folder: &Path, entry: &Path) -> Result<Self> {
        let bundle = self.with_worker(folder, entry)?;
        // No object's class is exported by such a script.
        let settings = folder.join("shell/wrangler.json");
        let mut changed: Value = serde_json::from_str(&std::fs::read_to_string(&settings)?)?;
        for key in ["durable_objects", "migrations"] {
            changed.as_object_mut().and_then(|changed| changed.remove(key));
        }
        std::fs::write(&settings, changed.to_string())?;
        Ok(bundle)
    }

    /// The same with another entry that is a Worker as well, with its objects, in a folder that isn't there yet.
    ///
    /// # Errors
    /// If files can't be copied.
    pub fn with_worker(&self, folder: &Path, entry: &Path) -> Result<Self> {
        copy(&self.folder, folder)?;
        std::fs::copy(entry, folder.join("entry.mjs"))?;
        Ok(Self {
            folder: folder.to_owned(),
            ..self.clone()
        })
    }
}

/// Where and as whom the Worker's bucket answers over the S3 API.
#[derive(Clone, Debug)]
pub struct S3 {
    /// Address, without the bucket.
    pub endpoint: String,
    /// Name.
    pub bucket: String,
    /// Region.
    pub region: String,
    /// Access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// A running Worker.
pub struct Worker {
    child: Child,
    bundle: Bundle,
    folder: PathBuf,
    ready: Value,
}

impl Worker {
    /// Starts a Worker on a folder, which keeps its bucket and its objects, with these secrets.
    ///
    /// # Errors
    /// If it doesn't become ready.
    pub fn start(bundle: &Bundle, folder: &Path, secrets: &[(&str, &str)]) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let secrets: serde_json::Map<String, Value> = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        std::fs::write(folder.join("vars.json"), Value::from(secrets).to_string())?;
        let (child, ready) = spawn(bundle, folder, "0")?;
        Ok(Self {
            child,
            bundle: bundle.clone(),
            folder: folder.to_owned(),
            ready,
        })
    }

    /// Address, without a path.
    #[must_use]
    pub fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap_or_default()
    }

    /// How to reach its bucket. Stays the same over restarts.
    #[must_use]
    pub fn s3(&self) -> S3 {
        let text = |name: &str| self.ready["s3"][name].as_str().unwrap_or_default().to_owned();
        S3 {
            endpoint: text("endpoint"),
            bucket: text("bucket"),
            region: text("region"),
            access_key_id: text("accessKeyId"),
            secret_access_key: text("secretAccessKey"),
        }
    }

    /// The id of the process that runs the Worker's code.
    ///
    /// # Errors
    /// If there is none, or the system doesn't tell.
    pub fn workerd(&self) -> Result<u32> {
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            // Processes end while we look.
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let Some((name, rest)) = stat.rsplit_once(") ") else {
                continue;
            };
            let group = rest.split(' ').nth(2).and_then(|group| group.parse::<u32>().ok());
            if name.contains("(workerd") && group == Some(self.child.id()) {
                return Ok(id);
            }
        }
        bail!("no workerd runs")
    }

    /// What it logged, over all its starts.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join("worker.log"))?)
    }

    /// Kills workerd and all around it with SIGKILL.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        // A group of its own: workerd would outlive the process that started it.
        let group = format!("-{}", self.child.id());
        // They may be dead already.
        Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status()?;
        self.child.wait()?;
        Ok(())
    }

    /// Kills it and starts it again on the same folder and port.
    ///
    /// # Errors
    /// If it doesn't become ready again.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.kill()?;
        self.restart()
    }

    /// Starts another bundle on the same folder and port, after it was killed.
    ///
    /// # Errors
    /// If it doesn't become ready.
    pub fn restart_with(&mut self, bundle: &Bundle) -> Result<()> {
        self.bundle = bundle.clone();
        self.restart()
    }

    /// Starts it again on the same folder and port, after it was killed.
    ///
    /// # Errors
    /// If it doesn't become ready again.
    pub fn restart(&mut self) -> Result<()> {
        let (_, port) = self.url().rsplit_once(':').context("the address has a port")?;
        let port = port.to_owned();
        (self.child, self.ready) = spawn(&self.bundle, &self.folder, &port)?;
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.kill();
    }
}

fn spawn(bundle: &Bundle, folder: &Path, port: &str) -> Result<(Child, Value)> {
    let path = folder.join("worker.log");
    let log: File = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut child = Command::new(&bundle.node)
        .arg(workspace().join("edge-worker/serve.mjs"))
        .arg("--tools")
        .arg(&bundle.tools)
        .arg("--bundle")
        .arg(&bundle.folder)
        .arg("--persist")
        .arg(folder.join("kept"))
        .arg("--vars")
        .arg(folder.join("vars.json"))
        .args(["--port", port])
        .env_clear()
        // It ends when this handle does, should the test be killed.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", bundle.node.display()))?;
    let ready = ready::read(&mut child, "the Worker", READY_WITHIN, &path)?;
    Ok((child, ready))
}

/// The root of this checkout. Asked of cargo now, since checkouts may share a target folder.
pub(crate) fn workspace() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let tests = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
        let tests = PathBuf::from(tests);
        tests.parent().map(Path::to_owned).unwrap_or_default()
    });
    &ROOT
}

/// The folder that cargo builds into: a test lies three folders deep in it.
pub(crate) fn target() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3);
    Ok(target.context("a test lies three folders deep")?.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
