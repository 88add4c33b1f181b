//! Making a segment durable: in the bucket, or in the key-value store while that doesn't answer. What the store keeps is
//! put into the bucket later.

use aia_edge::{Bucket, Created, Scope};
use aia_telemetry::{Refusal, RevocationList, SealedSegment, object_key, project_prefix};

use crate::app::{App, trouble};

/// Beginning of the keys under which segments are kept; behind it come a segment's bytes, as a number, and where it belongs
/// in the bucket.
const KEPT: &str = "kept/";
/// Most segments that are kept, of all projects.
const MAX_KEPT: usize = 1_024;
/// Most bytes of them. The usual store is a file on the machine's disk.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// Segments that are put into the bucket at once, before others get a turn.
const DRAINED_AT_ONCE: usize = 64;
/// Where the list of revoked keys lies that was read last.
const REVOKED: &str = "revoked";

/// Where a segment is now.
pub(crate) enum Placed {
    /// In the bucket, and wasn't before.
    New(Vec<u8>),
    /// In the bucket already.
    Known,
    /// In the store.
    Kept,
}

/// Makes a segment durable.
pub(crate) async fn put(app: &App, segment: SealedSegment) -> Result<Placed, Refusal> {
    let key = object_key(&segment.header);
    let error = if app.bucket.is_down() {
        "the bucket didn't answer a moment ago".to_owned()
    } else {
        match app.bucket.create(&key, segment.bytes.clone()).await {
            Ok(Created::New) => return Ok(Placed::New(segment.bytes)),
            Ok(Created::Exists) => return Ok(Placed::Known),
            Err(error) => error.to_string(),
        }
    };
    match keep(app, &key, &segment.bytes).await {
        Ok(()) => {
            trouble(format!("a segment is kept in the key-value store: {error}"));
            Ok(Placed::Kept)
        }
        Err(full) => {
            let both = format!("{error}; and {full}");
            Err(app.intake.unavailable("it can't be made durable", &both))
        }
    }
}

async fn keep(app: &App, object: &str, bytes: &[u8]) -> Result<(), String> {
    let kept = kept(app).await?;
    let total: usize = kept.iter().map(|(bytes, _)| bytes).sum();
    if kept.len() >= MAX_KEPT || total.saturating_add(bytes.len()) > MAX_KEPT_BYTES {
        return Err(format!(
            "the key-value store keeps {} segments of {total} bytes already",
            kept.len()
        ));
    }
    let stored = app.store.set(key(bytes.len(), object), bytes).await;
    stored.map_err(|error| format!("the key-value store doesn't take it: {error}"))
}

fn key(bytes: usize, object: &str) -> String {
    format!("{KEPT}{bytes}/{object}")
}

/// Bytes and keys in the bucket of all segments that are kept.
async fn kept(app: &App) -> Result<Vec<(usize, String)>, String> {
    let keys = app.store.get_keys().await.collect().await;
    let keys = keys.map_err(|error| format!("the key-value store can't be listed: {error}"))?;
    let kept = keys.iter().filter_map(|key| {
        let (bytes, object) = key.strip_prefix(KEPT)?.split_once('/')?;
        Some((bytes.parse().ok()?, object.to_owned()))
    });
    Ok(kept.collect())
}

/// Puts what is kept of a project into the bucket, oldest first, and hands each on; whether there may be more.
pub(crate) async fn drain(
    app: &App,
    scope: &Scope,
    mut hand_on: impl FnMut(Vec<u8>),
) -> Result<bool, String> {
    let prefix = project_prefix(&scope.0, &scope.1);
    let mut kept = kept(app).await?;
    kept.retain(|(_, object)| object.starts_with(&prefix));
    kept.sort_by(|(_, a), (_, b)| a.cmp(b));
    let all = kept.len();
    for (bytes, object) in kept.into_iter().take(DRAINED_AT_ONCE) {
        let key = key(bytes, &object);
        let failed = |error| format!("a kept segment: {error}");
        // Another instance may have been faster.
        let Some(bytes) = app
            .store
            .get(&key)
            .await
            .map_err(|error| failed(error.to_string()))?
        else {
            continue;
        };
        let created = app.bucket.create(&object, bytes.clone()).await;
        created.map_err(|error| failed(error.to_string()))?;
        hand_on(bytes);
        app.store
            .delete(&key)
            .await
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(all > DRAINED_AT_ONCE)
}

/// The list of revoked keys; while the bucket doesn't answer, as it was read last by any instance. It carries a MAC.
pub(crate) async fn revoked(app: &App) -> Result<Option<Vec<u8>>, String> {
    let error = if app.bucket.is_down() {
        "the bucket didn't answer a moment ago".to_owned()
    } else {
        match app.bucket.get(RevocationList::OBJECT_KEY).await {
            Ok(list) => {
                // None is kept as an empty one.
                let kept = app.store.set(REVOKED, list.as_deref().unwrap_or_default()).await;
                if let Err(error) = kept {
                    trouble(format!("cannot keep the list of revoked keys: {error}"));
                }
                return Ok(list);
            }
            Err(error) => error.to_string(),
        }
    };
    match app.store.get(REVOKED).await {
        Ok(Some(list)) => Ok(Some(list).filter(|list| !list.is_empty())),
        _ => Err(error),
    }
}
