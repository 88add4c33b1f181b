//! Size limits: 64 MiB by default, before and after decompression, and a bomb costs no more memory than that.

use std::io::Write;

use aia_oracle::examples;
use aia_tests::Host;
use anyhow::Result;

use crate::send::{JSON, PROTOBUF, path};

const LIMIT: usize = 64 << 20;

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_decompression_bomb_costs_no_more_memory_than_the_limit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    // A gibibyte of zeros, in gzip and in zstd.
    let zeros = vec![0; 16 << 20];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
    for _ in 0..64 {
        encoder.write_all(&zeros)?;
        zstd.write_all(&zeros)?;
    }
    let bombs = [("gzip", encoder.finish()?), ("zstd", zstd.finish()?)];
    let before = host.peak_memory()?;
    for (encoding, bomb) in &bombs {
        for example in examples::all() {
            for content_type in [PROTOBUF, JSON] {
                let headers = [content_type, ("content-encoding", *encoding)];
                let answer = host.post(path(&example), &headers, bomb)?;
                assert_eq!(answer.status, 413);
                assert_eq!(answer.header("retry-after"), None);
            }
        }
    }
    let grown = host.peak_memory()?.saturating_sub(before);
    // The limit, zstd's window of 8 MiB, the body as sent, and what the allocator rounds up or hasn't given back yet.
    let most = LIMIT as u64 + (32 << 20);
    assert!(grown < most, "the bombs took {} MiB", grown >> 20);
    Ok(())
}

#[test]
fn bodies_are_limited_to_64_mib_by_default() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path())?;
    // One unknown field, which is skipped: what counts is its size.
    let mut body = vec![0; LIMIT];
    body[..6].copy_from_slice(&[0x92, 0x03, 0xfa, 0xff, 0xff, 0x1f]);
    assert_eq!(host.post("/v1/logs", &[PROTOBUF], &body)?.status, 200);
    let headers = [PROTOBUF, ("content-encoding", "gzip")];
    assert_eq!(host.post("/v1/logs", &headers, &gzip(&body))?.status, 200);
    body.push(0);
    assert_eq!(host.post("/v1/logs", &headers, &gzip(&body))?.status, 413);
    // What is announced is refused before it is sent, so the sender may find the connection closed instead.
    match host.post("/v1/logs", &[PROTOBUF], &body) {
        Ok(answer) => assert_eq!(answer.status, 413),
        Err(error) => assert!(
            error.to_string().contains("os error") || error.to_string().contains("io:"),
            "{error}"
        ),
    }
    Ok(())
}
