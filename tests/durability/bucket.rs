//! `durability = "bucket"`: what was acknowledged outlives the machine, whatever becomes of puts.

use std::os::unix::fs::symlink;
use std::path::Path;

use aia_tests::{Host, S3Server, Wire, failing_request};
use anyhow::{Result, ensure};

use crate::kills::{ROWS, stored};

/// A host that keeps its telemetry there, on a folder that holds nothing but the secret, if it holds anything.
fn start(folder: &Path, s3: &S3Server) -> Result<Host> {
    let flags = s3.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Host::start_in(folder, &flags, &S3Server::environment())
}

/// The machine is lost, and another one started with the deployment's secret.
fn replace(host: &mut Host, new: &Path, s3: &S3Server) -> Result<Host> {
    host.kill()?;
    std::fs::create_dir_all(new.join("data"))?;
    std::fs::copy(host.data().join("secret.key"), new.join("data/secret.key"))?;
    start(new, s3)
}

/// Ends the host and compares what it holds: all rows of these requests, once.
fn assert_holds(host: &mut Host, s3: &S3Server, requests: std::ops::Range<u64>) -> Result<()> {
    host.kill()?;
    // The bucket's files are what blocks in the data folder would be.
    symlink(s3.objects(), host.data().join("objects"))?;
    let rows = stored(&host.data())?;
    let expected = requests.map(|number| (number, ROWS)).collect();
    ensure!(rows == expected, "rows: {rows:?}");
    Ok(())
}

/// Names of the objects in a folder of the bucket.
fn objects(s3: &S3Server, folder: &str) -> Result<usize> {
    fn files(path: &Path) -> std::io::Result<usize> {
        let mut count = 0;
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            count += if entry.file_type()?.is_dir() {
                files(&entry.path())?
            } else {
                1
            };
        }
        Ok(count)
    }
    let path = s3.objects().join(folder);
    Ok(if path.is_dir() { files(&path)? } else { 0 })
}

#[test]
fn telemetry_outlives_the_machine() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let first = folder.path().join("first");
    std::fs::create_dir(&first)?;
    let mut host = start(&first, &s3)?;
    let bodies: Vec<Vec<u8>> = (0..40).map(failing_request).collect();
    let sender = host.sender();
    for body in &bodies[..20] {
        ensure!(sender.send_traces(body)? == 200);
    }
    ensure!(
        objects(&s3, "segments")? == 20,
        "put before they were acknowledged"
    );
    // In order: what is in the journal becomes blocks, and the segments' objects go.
    host.stop()?;
    ensure!(objects(&s3, "segments")? == 0 && objects(&s3, "blocks")? > 0);
    host.kill_and_restart()?;
    for body in &bodies[20..] {
        ensure!(sender.send_traces(body)? == 200);
    }
    ensure!(objects(&s3, "segments")? == 20);

    let mut host = replace(&mut host, &folder.path().join("second"), &s3)?;
    // Retries of what went into a block and of what didn't; keys are still good, since they need no store.
    let key = sender.authorization();
    let sender = host.sender().with_authorization(key);
    for body in [&bodies[3], &bodies[33]] {
        ensure!(sender.send_traces(body)? == 200);
    }
    assert_holds(&mut host, &s3, 0..40)
}

#[test]
fn puts_that_fail_are_never_acknowledged_and_leave_nothing_twice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start(&folder.path().join("s3"))?;
    let first = folder.path().join("first");
    std::fs::create_dir(&first)?;
    let mut host = start(&first, &s3)?;
    let sender = host.sender();
    let bodies: Vec<Vec<u8>> = (0..24).map(failing_request).collect();
    for (index, body) in bodies.iter().enumerate() {
        let fault = Wire::FAULTS[index % Wire::FAULTS.len()];
        s3.set(fault);
        let status = sender.send_traces(body)?;
        // Told to come again, never a refusal that makes a client drop what it has.
        ensure!(status == 503, "{fault:?}: {status}");
        s3.set(Wire::Whole);
        if index % 2 == 0 {
            ensure!(sender.send_traces(body)? == 200);
        }
    }
    for body in &bodies {
        ensure!(sender.send_traces(body)? == 200);
    }
    let mut host = replace(&mut host, &folder.path().join("second"), &s3)?;
    assert_holds(&mut host, &s3, 0..24)
}
