//! What an edge refuses, whichever runtime it is in.

use std::io::Write;

use aia_telemetry::{KeyId, ProjectId, RevocationList, TenantId};
use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::edge::{TestBucket, deployment, ingest_key};
use crate::{Answer, JSON};

/// Checks that who may not send is refused before anything is put, and that who may reaches their own project alone.
/// `status` sends traces with a key.
///
/// # Errors
/// If it isn't so.
pub fn check_keys(bucket: &TestBucket, status: impl Fn(&str) -> Result<u16>) -> Result<()> {
    let (tenant, project) = (TenantId::new("default")?, ProjectId::new("default")?);
    let lost = KeyId::new("lost")?;
    let mut revoked = RevocationList::default();
    revoked.revoke(&tenant, &project, &lost);
    bucket.put(
        RevocationList::OBJECT_KEY,
        revoked.seal(&deployment()?.segments()),
    )?;
    let lost = deployment()?.ingest().mint(&tenant, &project, &lost);
    let good = ingest_key("default")?;
    let forged = good.replacen("default.default", "default.other", 1);
    let statuses = [
        status(&forged)?,
        status("aia_1.default.default.edge.AAAA")?,
        status(&lost)?,
    ];
    ensure!(statuses == [401, 401, 403], "{statuses:?}");
    let keys = bucket.keys("segments/")?;
    ensure!(keys.is_empty(), "{keys:?}");
    let statuses = [status(&good)?, status(&ingest_key("other")?)?];
    ensure!(statuses == [200, 200], "{statuses:?}");
    let keys = bucket.keys("segments/")?;
    let of = |project: &str| {
        let prefix = format!("segments/default/{project}/");
        keys.iter().filter(|key| key.starts_with(&prefix)).count()
    };
    ensure!((of("default"), of("other"), keys.len()) == (1, 1, 2), "{keys:?}");
    Ok(())
}

/// Checks that what is too large is refused, also if it hides in a compressed body, and that what can't be decompressed is.
/// `post` sends log records.
///
/// # Errors
/// If it isn't so.
pub fn check_sizes(post: impl Fn(&[(&str, &str)], &[u8]) -> Result<Answer>) -> Result<()> {
    let refused = |answer: Answer, words: &str| -> Result<()> {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            answer.status == 413 && text.contains(words),
            "{} {text}",
            answer.status
        );
        Ok(())
    };
    let large = vec![b' '; (8 << 20) + 1];
    refused(post(&[JSON], &large)?, "8388608 bytes; send")?;
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        bomb.write_all(&large)?;
    }
    let gzip = [JSON, ("content-encoding", "gzip")];
    refused(post(&gzip, &bomb.finish()?)?, "after decompression")?;
    let zstd = post(&[JSON, ("content-encoding", "zstd")], b"")?;
    ensure!(zstd.status == 415, "{}", zstd.status);
    Ok(())
}
