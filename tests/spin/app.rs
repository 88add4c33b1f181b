//! An app on a bucket of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aia_tests::edge::{TestBucket, post_to};
use aia_tests::spin::{SpinApp, SpinBundle, SpinRuntime, is_installed, variables};
use aia_tests::{Answer, PROTOBUF, S3Server};
use anyhow::{Context, Result};

/// What a test has.
pub(crate) struct Case {
    pub(crate) app: SpinApp,
    pub(crate) s3: S3Server,
    pub(crate) bucket: TestBucket,
    folder: tempfile::TempDir,
}

/// Checks an app with all detectors that AIA comes with, in this process and, where that is installed, on Spin.
pub(crate) fn each(check: impl Fn(Case) -> Result<()>) -> Result<()> {
    each_with(&|_, bundle| Ok(bundle), &[], check)
}

/// Checks another app, or one with other variables as well.
pub(crate) fn each_with(
    bundle: &dyn Fn(&Path, SpinBundle) -> Result<SpinBundle>,
    more: &[(&str, &str)],
    check: impl Fn(Case) -> Result<()>,
) -> Result<()> {
    check(Case::on(SpinRuntime::Own, bundle, more)?)?;
    if is_installed() {
        check(Case::on(SpinRuntime::Installed, bundle, more)?).context("on Spin itself")?;
    }
    Ok(())
}

impl Case {
    /// The app with all detectors that AIA comes with, in this process.
    pub(crate) fn new() -> Result<Self> {
        Self::on(SpinRuntime::Own, &|_, bundle| Ok(bundle), &[])
    }

    fn on(
        runtime: SpinRuntime,
        bundle: &dyn Fn(&Path, SpinBundle) -> Result<SpinBundle>,
        more: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let bundle = bundle(folder.path(), SpinBundle::first_party()?)?;
        let s3 = S3Server::start(&folder.path().join("s3"))?;
        let mut given: BTreeMap<String, String> = variables(&s3.settings());
        given.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Ok(Self {
            app: SpinApp::start_on(runtime, &bundle, given)?,
            bucket: TestBucket::of(&s3.settings())?,
            s3,
            folder,
        })
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Posts with a good key, unless `authorization` is among the headers.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        post_to(self.app.url(), path, headers, body)
    }

    /// Sends traces in protobuf; gives the status.
    pub(crate) fn send(&self, body: &[u8]) -> Result<u16> {
        Ok(self.post("/v1/traces", &[PROTOBUF], body)?.status)
    }

    /// Segments that a session consumed, and those of them that it was spared.
    pub(crate) fn consumed(&self, plugin: &str) -> Result<(usize, usize)> {
        let commits = self.bucket.commits(plugin)?;
        let segments = commits.iter().flat_map(|commit| &commit.segments);
        Ok((
            segments.clone().count(),
            segments.filter(|consumed| consumed.is_skipped).count(),
        ))
    }

    /// The context of a test's failure: what the app logged.
    pub(crate) fn told<T>(&self, result: Result<T>) -> Result<T> {
        let log = self.app.log();
        let end: Vec<&str> = log.lines().rev().take(40).collect();
        result.with_context(|| format!("the app logged, last first:\n{}", end.join("\n")))
    }
}
