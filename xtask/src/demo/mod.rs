//! `cargo xtask demo`: AIA and a small shop on this machine. The shop runs healthy, then one of its services gets a
//! release that fails; AIA has to have exactly one incident, and its report has to show its evidence.

mod aia;
mod process;
mod recorder;
mod shop;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cargo::build;
use crate::demo::aia::Aia;
use crate::demo::recorder::Recorder;
use crate::demo::shop::{FAULTY_RELEASE, GOOD_RELEASE, Shop};
use crate::interrupt::{self, wait_for};
use crate::progress::Progress;
use crate::setup::setup;

/// How long the shop runs healthy.
const HEALTHY: Duration = Duration::from_secs(22);
/// What telemetry takes from a service to a detector's verdict at most: the SDK's batch delay, ingest, detection.
const ON_THE_WAY: Duration = Duration::from_secs(5);
/// Within this an incident has to open.
const UNTIL_INCIDENT: Duration = Duration::from_secs(60);
/// How long the shop fails on, to see that it stays one incident.
const FAILING_ON: Duration = Duration::from_secs(15);
/// With `--kill`: when, after the release.
const UNTIL_KILL: Duration = Duration::from_secs(8);

/// How to play it.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Release a version without a fault, and fail if an incident opens.
    #[arg(long, conflicts_with = "kill")]
    healthy: bool,
    /// Kill AIA (`kill -9`) in the middle of the trouble and again with the incident open: it stays one.
    #[arg(long)]
    kill: bool,
    /// Keep AIA's data, to look at it with `aia up --data`.
    #[arg(long)]
    keep: bool,
    /// Keep what the shop sends as `shop.traces.otlp.zst` and so on, to replay it; without paths of this machine.
    #[arg(long, value_name = "FOLDER", conflicts_with = "kill")]
    record: Option<PathBuf>,
}

/// Plays it. All processes have ended when this returns, whatever happened.
///
/// # Errors
/// When something can't be built or started, or AIA doesn't do as it must; what was written stays for a look then.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup()?;
    let programs = build()?;
    let program = |name: &str| {
        programs
            .get(name)
            .with_context(|| format!("the build made no {name}"))
    };
    interrupt::watch()?;
    let folder = tempfile::Builder::new()
        .prefix("aia-demo-")
        .tempdir()
        .context("making a folder")?
        .keep();
    let scene = Scene {
        aia: program("aia")?.clone(),
        shop: program("aia-shop")?.clone(),
        folder,
    };
    fs::create_dir(scene.logs()).with_context(|| format!("creating {}", scene.logs().display()))?;

    scene
        .play(options)
        .with_context(|| format!("the demo failed; see {}", scene.folder.display()))?;
    if options.keep {
        println!(
            "\ndata kept: {} up --data {}",
            scene.aia.display(),
            scene.data().display()
        );
        return Ok(());
    }
    let used_up = if options.healthy {
        scene.folder.clone()
    } else {
        scene.data()
    };
    fs::remove_dir_all(&used_up).with_context(|| format!("removing {}", used_up.display()))
}

/// The programs, and the folder they play in.
#[derive(Debug)]
struct Scene {
    aia: PathBuf,
    shop: PathBuf,
    folder: PathBuf,
}

impl Scene {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    fn report(&self) -> PathBuf {
        self.folder.join("report.md")
    }

    fn play(&self, options: &Options) -> Result<()> {
        let mut aia = Aia::start(&self.aia, &self.data(), &self.folder, &self.logs())?;
        let recorder = match &options.record {
            Some(folder) => Some(Recorder::start(&self.shop, &self.logs(), aia.otlp(), folder)?),
            None => None,
        };
        let endpoint = recorder.as_ref().map_or(aia.otlp(), Recorder::url);
        let mut shop = Shop::open(&self.shop, &self.logs(), endpoint, aia.ingest_key())?;
        eprintln!("  AIA receives at {} and answers at {}", aia.otlp(), aia.api());
        let verdict = self.perform(options, &mut aia, &mut shop);
        // Ends the services, which send what they still have.
        drop(shop);
        if let (Some(recorder), Some(folder)) = (recorder, &options.record) {
            recorder.end()?;
            eprintln!("  what the shop sent is in {}", folder.display());
        }
        verdict
    }

    /// The shop runs healthy and then with another release, as AIA looks on.
    fn perform(&self, options: &Options, aia: &mut Aia, shop: &mut Shop) -> Result<()> {
        stay_quiet(
            aia,
            shop,
            &format!("the shop runs healthy, release {GOOD_RELEASE}"),
        )?;
        shop.release(FAULTY_RELEASE, !options.healthy)?;
        if options.healthy {
            stay_quiet(
                aia,
                shop,
                &format!("payment {FAULTY_RELEASE} runs, without a fault"),
            )?;
            println!("\nno incident, as it should be");
            return Ok(());
        }
        let id = self.fail(aia, shop, options.kill)?;
        verdict::check(aia, &id, &self.report())
    }

    /// The shop fails until there is an incident and beyond; its id.
    fn fail(&self, aia: &mut Aia, shop: &mut Shop, kill: bool) -> Result<String> {
        let customers = shop.customers(UNTIL_KILL + UNTIL_INCIDENT + FAILING_ON + ON_THE_WAY)?;
        if kill {
            let mut progress = Progress::start(format!("payment {FAULTY_RELEASE} fails, and AIA is killed"));
            wait_for(UNTIL_KILL, || {
                progress.tick(|| "waiting for trouble".to_owned());
                shop.check_alive()?;
                one_at_most(aia).map(|_| None::<()>)
            })?;
            aia.kill_and_restart()?;
            progress.done("AIA is up again");
        }

        let mut progress = Progress::start(format!("payment {FAULTY_RELEASE} fails"));
        let found = wait_for(UNTIL_INCIDENT, || {
            progress.tick(|| "waiting for the incident".to_owned());
            shop.check_alive()?;
            aia.check_alive()?;
            one_at_most(aia)
        })?;
        let id = found.with_context(|| format!("no incident within {} s", UNTIL_INCIDENT.as_secs()))?;
        progress.done(&format!("incident {id}"));
        if kill {
            // Once more, with the incident open.
            let progress = Progress::start("AIA is killed again");
            aia.kill_and_restart()?;
            progress.done("AIA is up again");
        }

        let mut progress = Progress::start("it fails on: still one incident?");
        wait_for(FAILING_ON, || {
            progress.tick(|| id.clone());
            shop.check_alive()?;
            aia.check_alive()?;
            let now = one_at_most(aia)?;
            ensure!(now.as_ref() == Some(&id), "incident {id} became {now:?}");
            Ok(None::<()>)
        })?;
        let tally = customers.stop()?;
        // What the shop exported last may still be on its way.
        wait_for(ON_THE_WAY, || one_at_most(aia).map(|_| None::<()>))?;
        progress.done(&tally.to_string());
        Ok(id)
    }
}

/// Customers shop for a while, nobody is failed, and no incident opens.
fn stay_quiet(aia: &mut Aia, shop: &mut Shop, what: &str) -> Result<()> {
    let mut progress = Progress::start(what);
    let mut customers = shop.customers(HEALTHY)?;
    let mut look = |left: bool| {
        progress.tick(|| "no incident".to_owned());
        shop.check_alive()?;
        aia.check_alive()?;
        let incidents = aia.incidents()?;
        ensure!(
            incidents.is_empty(),
            "an incident opened though the shop is healthy: {}",
            aia::brief(&incidents)
        );
        Ok(left.then_some(()))
    };
    wait_for(HEALTHY + ON_THE_WAY, || {
        let left = customers.have_left()?;
        look(left)
    })?;
    wait_for(ON_THE_WAY, || look(false))?;
    let tally = customers.tally()?;
    ensure!(
        tally.failed + tally.unanswered == 0,
        "the healthy shop failed its customers: {tally}"
    );
    ensure!(tally.served > 0, "nobody shopped: {tally}");
    progress.done(&format!("{tally}, no incident"));
    Ok(())
}

/// The id of the only incident there is, open or not.
fn one_at_most(aia: &Aia) -> Result<Option<String>> {
    let incidents = aia.incidents()?;
    ensure!(
        incidents.len() < 2,
        "one fault, {} incidents: {}",
        incidents.len(),
        aia::brief(&incidents)
    );
    Ok(incidents.first().map(|incident| incident.id.clone()))
}

/// A path as text for arguments and messages.
fn text(path: &Path) -> String {
    path.display().to_string()
}
