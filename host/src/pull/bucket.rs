//! A bucket, as pulling sees it. What it lists was written by others: keys are any text, sizes any number.

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// An object as a listing shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
    /// Changes with its content.
    pub(super) tag: String,
    /// When it was put, nanoseconds since the Unix epoch, as the bucket says; 0 if it doesn't.
    pub(super) modified: u64,
}

/// What is to be listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    /// What the keys begin with.
    pub(super) prefix: &'a str,
    /// Only keys behind this one.
    pub(super) after: Option<&'a str>,
    /// Where the page before ended.
    pub(super) token: Option<&'a str>,
    /// Whether keys are only listed to the next slash behind the prefix.
    pub(super) folders: bool,
}

/// Some objects, in the order of their keys.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    /// What other keys begin with up to a slash, if folders were asked for.
    pub(super) folders: Vec<String>,
    /// For the next page; none if this is the last.
    pub(super) next: Option<String>,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a bucket can't do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum BucketError {
    /// It doesn't answer, or answers that it can't now.
    #[error("cannot {operation}: the bucket doesn't answer; check `pull.endpoint` and the way to it")]
    Unreachable {
        operation: &'static str,
        #[source]
        source: Cause,
    },
    /// It refuses.
    #[error(
        "cannot {operation}: the bucket refuses; check `pull.url`, and that the key (`pull.access-key-id`, or \
         AWS_ACCESS_KEY_ID) may do this"
    )]
    Denied {
        operation: &'static str,
        #[source]
        source: Cause,
    },
    /// Its answer can't be understood.
    #[error("cannot {operation}: the answer isn't S3's ({reason}); check `pull.endpoint`")]
    Answer { operation: &'static str, reason: String },
    /// There is no such object (any more).
    #[error("there is no such object")]
    Missing,
    /// The object is larger than what is wanted of it.
    #[error("the object has more than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The object's key can't be said in a request.
    #[error("the object's key can't be named")]
    Unnameable,
}

pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, BucketError>>;

/// A bucket.
pub(super) trait Bucket: Send + Sync {
    /// A page of a listing.
    fn list<'a>(&'a self, query: Query<'a>) -> Answer<'a, Page>;
    /// An object of at most so many bytes.
    fn get<'a>(&'a self, key: &'a str, limit: u64) -> Answer<'a, Bytes>;
    /// Writes an object unless there is one; whether there wasn't.
    fn create<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, bool>;
    /// Writes an object, over what is there.
    fn put<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, ()>;
    /// Copies an object within the bucket.
    fn copy<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()>;
    /// Deletes an object; one that isn't there is fine.
    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;
}
