//! The bucket, as little of it as is needed: any S3, R2 through a binding, or a map in tests.

use std::future::Future;

/// Why the bucket didn't do what it was asked to. Whatever it was may have happened all the same.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bucket can't {operation} {key}: {reason}")]
pub struct BucketError {
    /// What was asked: `get`, `put`, `list`.
    pub operation: &'static str,
    /// Of what.
    pub key: String,
    /// What it said.
    pub reason: String,
}

/// What became of a create-only put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Created {
    /// The object is there now, and wasn't before.
    New,
    /// There was one already, which is untouched.
    Exists,
}

/// A bucket. Its futures needn't be `Send`: a Worker has one thread.
pub trait Bucket {
    /// An object's bytes, if there is one.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, BucketError>>;

    /// Puts an object unless there is one (`If-None-Match: *`).
    fn create(&self, key: &str, bytes: Vec<u8>) -> impl Future<Output = Result<Created, BucketError>>;

    /// Keys that begin with `prefix` and come behind `after`, in order: one page. Empty if there are none.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Vec<String>, BucketError>>;
}
