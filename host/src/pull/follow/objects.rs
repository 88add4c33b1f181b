//! The bucket as the sessions' engine sees it.

use std::sync::Arc;

use aia_edge::{Bucket, BucketError, Created};

use crate::pull::bucket::{self, Query};

/// Largest commit or segment that is read.
const MAX_OBJECT_BYTES: u64 = 64 << 20;

/// The bucket that is pulled.
#[derive(Clone)]
pub(super) struct Objects(pub(super) Arc<dyn bucket::Bucket>);

fn failed(operation: &'static str, key: &str) -> impl Fn(bucket::BucketError) -> BucketError {
    let key = key.to_owned();
    move |error| BucketError {
        operation,
        key: key.clone(),
        reason: crate::chain(&error).to_string(),
    }
}

impl Bucket for Objects {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        match self.0.get(key, MAX_OBJECT_BYTES).await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(bucket::BucketError::Missing) => Ok(None),
            Err(error) => Err(failed("get", key)(error)),
        }
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BucketError> {
        match self.0.create(key, bytes.into()).await {
            Ok(true) => Ok(Created::New),
            Ok(false) => Ok(Created::Exists),
            Err(error) => Err(failed("put", key)(error)),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        let query = Query {
            prefix,
            after,
            token: None,
            folders: false,
        };
        let page = self.0.list(query).await.map_err(failed("list", prefix))?;
        Ok(page.objects.into_iter().map(|object| object.key).collect())
    }
}
