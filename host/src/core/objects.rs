//! The object store that is configured: files in the data folder, or S3.

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::folder::DataFolder;
use crate::config::{Acknowledge, Config};
use crate::log::Durability;

/// Why the object store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The folder of blocks can't be made or opened.
    #[error("cannot open the folder of blocks")]
    Folder(#[source] std::io::Error),
    /// The settings don't make sense.
    #[error("cannot set up the object store")]
    Setup(#[from] object_store::Error),
    /// `durability = "bucket"` without a bucket.
    #[error("durability = \"bucket\" needs a bucket: set `objects.url` to \"s3://bucket/prefix\"")]
    NoBucket,
}

/// When requests are durable, by configuration.
///
/// # Errors
/// If there is no bucket to be durable in.
pub(super) fn durability(config: &Config) -> Result<Durability, ObjectsError> {
    match (config.durability, &config.objects.url) {
        (Acknowledge::Journal, _) => Ok(Durability::Journal),
        (Acknowledge::Bucket, Some(_)) => Ok(Durability::Bucket {
            timeout: config.objects.timeout,
        }),
        (Acknowledge::Bucket, None) => Err(ObjectsError::NoBucket),
    }
}

/// Opens it to write; files are synced unless they are thrown away.
///
/// # Errors
/// If it can't be set up. Whether S3 answers isn't asked.
pub(super) fn open(
    config: &Config,
    folder: &DataFolder,
    is_scratch: bool,
) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    if let Some(url) = &config.objects.url
        && !is_scratch
    {
        return s3(config, url);
    }
    std::fs::create_dir_all(folder.objects()).map_err(ObjectsError::Folder)?;
    let files = LocalFileSystem::new_with_prefix(folder.objects())?;
    Ok(Arc::new(files.with_fsync(!is_scratch)))
}

/// Opens it to read, and makes nothing.
///
/// # Errors
/// As [`open`].
pub(super) fn open_to_read(
    config: &Config,
    folder: &DataFolder,
) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    match &config.objects.url {
        Some(url) => s3(config, url),
        None if folder.objects().is_dir() => {
            Ok(Arc::new(LocalFileSystem::new_with_prefix(folder.objects())?))
        }
        // A folder that never held a block.
        None => Ok(Arc::new(object_store::memory::InMemory::new())),
    }
}

fn s3(config: &Config, url: &str) -> Result<Arc<dyn ObjectStore>, ObjectsError> {
    // TLS by ring; whoever set another provider in this process keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let timeout = config.objects.timeout;
    let mut builder = AmazonS3Builder::from_env()
        .with_url(url)
        .with_region(&config.objects.region)
        .with_retry(RetryConfig {
            // A client that waits for its acknowledgement tries again itself.
            max_retries: 2,
            retry_timeout: timeout,
            ..RetryConfig::default()
        });
    let mut options = ClientOptions::new()
        .with_timeout(timeout)
        .with_connect_timeout(timeout);
    if let Some(endpoint) = &config.objects.endpoint {
        if endpoint.starts_with("http://") {
            tracing::warn!("the object store is reached without TLS: telemetry crosses the network in clear");
            options = options.with_allow_http(true);
        }
        builder = builder.with_endpoint(endpoint);
    }
    let bucket = builder.with_client_options(options).build()?;
    let prefix = url
        .trim_start_matches("s3://")
        .split_once('/')
        .map_or("", |(_, prefix)| prefix);
    let prefix = Path::from(prefix.trim_matches('/'));
    if prefix.as_ref().is_empty() {
        Ok(Arc::new(bucket))
    } else {
        Ok(Arc::new(PrefixStore::new(bucket, prefix)))
    }
}
