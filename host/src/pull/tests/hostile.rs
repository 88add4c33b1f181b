//! What others write into the bucket, what is deleted there, and the list that the edge reads.

use std::collections::BTreeMap;

use super::*;

#[test]
fn what_does_not_verify_is_put_aside_by_reason_and_stops_nothing() {
    let mut bench = Bench::new();
    bench.config.object_bytes = 4_096;
    let log = bench.open();
    let now = clock::now();
    let bucket = &bench.bucket;
    let good = bench.put(0, now);
    let (key, mut flipped) = segment(&root(1), &scope(), 1, now);
    let at = flipped.len() - 50;
    flipped[at] ^= 1;
    bucket.insert(&key, flipped);
    let (key, forged) = segment(&root(2), &scope(), 2, now);
    bucket.insert(&key, forged);
    // Of the same project under another id, and of another project under its own id.
    let (_, moved) = segment(&root(1), &scope(), 3, now);
    let (renamed, _) = segment(&root(1), &scope(), 4, now);
    bucket.insert(&renamed, moved);
    let (key, foreign) = segment(&root(1), &project("other"), 5, now);
    bucket.insert(&key.replace("/other/", "/p/"), foreign);
    let (key, _) = segment(&root(1), &scope(), 6, now);
    bucket.insert(&key, vec![0; 5_000]);
    let (key, _) = segment(&root(1), &scope(), 7, now);
    bucket.insert(&key, &b"no segment"[..]);
    bucket.insert("segments/t/p/2026-01-01/odd", &b""[..]);
    // A project of this name never sent anything.
    let (key, _) = segment(&root(1), &project("nobody"), 8, now);
    bucket.insert(&key, &b"no segment"[..]);

    let mut puller = bench.puller(&log);
    assert_eq!(puller.round().unwrap().segments, 1);
    assert_eq!(bucket.keys("segments/"), [good]);
    assert_eq!(bucket.keys("quarantine/segments/").len(), 8);
    let mut text = String::new();
    let mut registry = Registry::default();
    registry.register("quarantined", "", puller.metrics.by_reason());
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let counts: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("quarantined_total{reason=\"")?
                .split_once("\"} ")
        })
        .collect();
    let expected = [
        ("content", "0"),
        ("foreign", "1"),
        ("forged", "2"),
        ("format", "2"),
        ("moved", "1"),
        ("name", "1"),
        ("size", "1"),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    let got = bench.got();
    puller.round().unwrap();
    assert_eq!(bench.got(), got);
    assert!(!puller.store.project_exists(&project("nobody")).unwrap());
}

#[test]
fn what_cannot_be_put_aside_is_passed_over_until_it_changes() {
    let bench = Bench::new();
    let log = bench.open();
    let now = clock::now();
    let (key, bytes) = segment(&root(1), &scope(), 1, now);
    bench.bucket.insert(&key, &b"no segment"[..]);
    bench.bucket.insert("segments/t/p//..//odd", &b""[..]);
    bench.bucket.insert("segments/..//x", &b""[..]);
    bench.bucket.insert("segments//p/x", &b""[..]);
    bench.bucket.insert("segments/t", &b""[..]);
    bench.bucket.insert("segments/T/p/x", &b""[..]);
    let good = bench.put(0, now);
    // The list of revoked keys can't be written either, which keeps nothing else from being done.
    bench.bucket.0.lock().is_read_only = true;
    let mut puller = bench.puller(&log);
    for _ in 0..3 {
        puller.round().unwrap();
    }
    assert_eq!(puller.metrics.errors.get(), 1);
    bench.puller(&log).round().unwrap();
    assert_eq!(log.head(&scope()).sequence, 1);
    assert_eq!(bench.got(), 2, "{key} once, {good} once");
    // Other bytes under that key are another matter.
    bench.bucket.insert(&key, bytes);
    assert_eq!(puller.round().unwrap().segments, 1);
    assert_eq!(log.head(&scope()).sequence, 2);
}

#[test]
fn what_was_pulled_expires_and_what_was_not_does_not() {
    let mut bench = Bench::new();
    bench.config.sweep_every = Duration::ZERO;
    bench.config.keep = Duration::from_secs(3600);
    let log = bench.open();
    let now = clock::now();
    let old = bench.put(0, now - 2 * HOUR);
    let new = bench.put(1, now);
    bench.bucket.insert("quarantine/old", &b""[..]);
    bench.bucket.insert("quarantine/new", &b""[..]);
    bench
        .bucket
        .0
        .lock()
        .modified
        .insert("quarantine/old".to_owned(), now - 2 * HOUR);
    let mut puller = bench.puller(&log);
    // Though its time is over, it is pulled first: it was acknowledged.
    assert_eq!(puller.round().unwrap().segments, 2);
    puller.round().unwrap();
    assert_eq!(bench.bucket.keys("segments/"), std::slice::from_ref(&new));
    assert_eq!(bench.bucket.keys("quarantine/"), ["quarantine/new"]);
    // Whoever deletes nothing keeps it.
    puller.config.keep = Duration::ZERO;
    let (_, bytes) = segment(&root(1), &scope(), 0, now - 2 * HOUR);
    bench.bucket.insert(&old, bytes);
    puller.round().unwrap();
    assert_eq!(bench.bucket.keys("segments/"), [old, new]);
}

#[test]
fn a_key_that_may_not_delete_keeps_nothing_else_from_being_done() {
    let mut bench = Bench::new();
    bench.config.sweep_every = Duration::ZERO;
    bench.config.keep = Duration::from_secs(3600);
    let log = bench.open();
    let now = clock::now();
    bench.put(0, now - 2 * HOUR);
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    bench.bucket.0.lock().is_read_only = true;
    bench.put(1, now);
    assert_eq!(puller.round().unwrap().segments, 1);
    assert!(puller.cannot_delete);
}

#[test]
fn the_list_of_revoked_keys_lies_in_the_bucket_and_grows() {
    use aia_telemetry::{IngestSecrets, KeyId, RevocationList};

    let bench = Bench::new();
    let log = bench.open();
    let mut puller = bench.puller(&log);
    puller.round().unwrap();
    let read = || {
        let bytes = bench.bucket.0.lock().objects[RevocationList::OBJECT_KEY].clone();
        RevocationList::open(&bytes, &root(1)).unwrap()
    };
    assert!(read().is_empty());
    let before = read().revision;
    let record = crate::store::IngestKeyRecord {
        id: "leaked".to_owned(),
        created_at: 1,
        revoked_at: None,
    };
    puller.store.add_ingest_key(&scope(), &record).unwrap();
    puller.store.revoke_ingest_key(&scope(), "leaked", 2).unwrap();
    puller.round().unwrap();
    let secrets = IngestSecrets::new(1, &root(9));
    let key = secrets.mint(&scope().tenant, &scope().project, &KeyId::new("leaked").unwrap());
    assert!(read().is_revoked(&secrets.verify(&key).unwrap()));
    assert!(read().revision > before);
    // What somebody wrote over it isn't believed, and doesn't stay.
    bench
        .bucket
        .insert(RevocationList::OBJECT_KEY, &b"AIR\x01 none"[..]);
    bench.puller(&log).round().unwrap();
    assert_eq!(read().len(), 1);
}
