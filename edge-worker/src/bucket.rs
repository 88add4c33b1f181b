//! R2 through its binding.

use aia_edge::{Bucket, BucketError, Created};
use worker::{Conditional, Env, Error};

/// The bucket that is bound as `BUCKET`.
#[derive(Clone)]
pub(crate) struct R2(worker::Bucket);

impl R2 {
    pub(crate) fn of(env: &Env) -> Result<Self, Error> {
        env.bucket("BUCKET").map(Self)
    }
}

fn failed(operation: &'static str, key: &str) -> impl Fn(Error) -> BucketError {
    let key = key.to_owned();
    move |error| BucketError {
        operation,
        key: key.clone(),
        reason: error.to_string(),
    }
}

impl Bucket for R2 {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let failed = failed("get", key);
        let Some(object) = self.0.get(key).execute().await.map_err(&failed)? else {
            return Ok(None);
        };
        match object.body() {
            Some(body) => body.bytes().await.map(Some).map_err(&failed),
            None => Ok(Some(Vec::new())),
        }
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BucketError> {
        let unless_there = Conditional {
            etag_matches: None,
            etag_does_not_match: Some("*".to_owned()),
            uploaded_before: None,
            uploaded_after: None,
        };
        let put = self.0.put(key, bytes).only_if(unless_there).execute();
        match put.await.map_err(failed("put", key))? {
            Some(_) => Ok(Created::New),
            None => Ok(Created::Exists),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        let mut list = self.0.list().prefix(prefix);
        if let Some(after) = after {
            list = list.start_after(after);
        }
        let page = list.execute().await.map_err(failed("list", prefix))?;
        Ok(page.objects().iter().map(worker::Object::key).collect())
    }
}
