//! A bucket over the S3 API. Objects are read and written by `object_store`; it can't list a folder that holds a key with an
//! empty or a dotted part, which anybody who may write can put there, so listings are requests of our own.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::StatusCode;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::{Answer, Bucket, BucketError, Page, Query};
use super::listing;
use crate::config;

/// Largest answer to a listing that is read: a thousand keys of 1,024 bytes, each byte written as three, come to half of it.
const MAX_LISTING_BYTES: usize = 8 << 20;

/// Attempts at a page.
const ATTEMPTS: u32 = 3;

/// Wait between them.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A bucket over the S3 API.
pub(super) struct S3 {
    objects: AmazonS3,
    client: HttpClient,
    /// URL of the bucket, without a slash at its end.
    url: String,
    region: String,
}

impl S3 {
    /// Sets it up. Whether it answers isn't asked.
    ///
    /// # Errors
    /// If the settings make no client.
    pub(super) fn open(
        name: &str,
        config: &config::Pull,
        timeout: Duration,
    ) -> Result<Self, object_store::Error> {
        // TLS by ring; whoever set another provider in this process keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = match (&config.access_key_id, &config.secret_access_key) {
            (Some(id), Some(secret)) => AmazonS3Builder::new()
                .with_access_key_id(id)
                .with_secret_access_key(secret.expose()),
            _ => AmazonS3Builder::from_env(),
        };
        let mut builder = builder
            .with_bucket_name(name)
            .with_region(&config.region)
            .with_virtual_hosted_style_request(false)
            .with_retry(RetryConfig {
                max_retries: 2,
                retry_timeout: timeout,
                ..RetryConfig::default()
            });
        let mut options = ClientOptions::new()
            .with_timeout(timeout)
            .with_connect_timeout(timeout);
        if let Some(endpoint) = &config.endpoint {
            if endpoint.starts_with("http://") {
                tracing::warn!(
                    "`pull.endpoint` is reached without TLS: telemetry crosses the network in clear"
                );
                options = options.with_allow_http(true);
            }
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        let endpoint = builder
            .get_config_value(&AmazonS3ConfigKey::Endpoint)
            .unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", config.region));
        Ok(Self {
            client: ReqwestConnector::default().connect(&options)?,
            objects: builder.with_client_options(options).build()?,
            url: format!("{}/{name}", endpoint.trim_end_matches('/')),
            region: config.region.clone(),
        })
    }

    async fn page(&self, query: Query<'_>) -> Result<Page, BucketError> {
        const OPERATION: &str = "list the bucket";
        let unreachable = |source| BucketError::Unreachable {
            operation: OPERATION,
            source,
        };
        let credential = self.objects.credentials().get_credential().await;
        let credential = credential.map_err(|error| failed(OPERATION, error))?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = format!("{}?{}", self.url, parameters(&query)).parse().map_err(
            |error: http::uri::InvalidUri| BucketError::Answer {
                operation: OPERATION,
                reason: error.to_string(),
            },
        )?;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|error| failed(OPERATION, error))?;
        let response = self.client.execute(request).await;
        let response = response.map_err(|error| unreachable(error.into()))?;
        let status = response.status();
        let mut body = Vec::new();
        let mut chunks = response.into_body().bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| unreachable(error.into()))?;
            if body.len() + chunk.len() > MAX_LISTING_BYTES {
                return Err(BucketError::Answer {
                    operation: OPERATION,
                    reason: format!("it has more than {MAX_LISTING_BYTES} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => listing::parse(&body).map_err(|reason| BucketError::Answer {
                operation: OPERATION,
                reason,
            }),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => {
                Err(BucketError::Denied {
                    operation: OPERATION,
                    source: listing::refusal(status, &body).into(),
                })
            }
            _ => Err(unreachable(listing::refusal(status, &body).into())),
        }
    }
}

/// What is asked for, for the URL.
fn parameters(query: &Query<'_>) -> String {
    let mut parameters = "list-type=2&encoding-type=url".to_owned();
    let mut add = |name: &str, value: &str| {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        parameters.push_str(&format!("&{name}={value}"));
    };
    add("prefix", query.prefix);
    if query.folders {
        add("delimiter", "/");
    }
    if let Some(after) = query.after {
        add("start-after", after);
    }
    if let Some(token) = query.token {
        add("continuation-token", token);
    }
    parameters
}

/// What `object_store` says.
fn failed(operation: &'static str, error: object_store::Error) -> BucketError {
    use object_store::Error;
    match error {
        Error::NotFound { .. } => BucketError::Missing,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => BucketError::Denied {
            operation,
            source: error.into(),
        },
        _ => BucketError::Unreachable {
            operation,
            source: error.into(),
        },
    }
}

/// The key, as `object_store` has it; it must not become another one.
fn path(key: &str) -> Result<Path, BucketError> {
    Path::parse(key)
        .ok()
        .filter(|path| path.as_ref() == key)
        .ok_or(BucketError::Unnameable)
}

impl Bucket for S3 {
    fn list<'a>(&'a self, query: Query<'a>) -> Answer<'a, Page> {
        async move {
            let mut attempt = 1;
            loop {
                match self.page(query).await {
                    Err(BucketError::Unreachable { .. }) if attempt < ATTEMPTS => {
                        attempt += 1;
                        tokio::time::sleep(AGAIN_AFTER).await;
                    }
                    done => return done,
                }
            }
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str, limit: u64) -> Answer<'a, Bytes> {
        async move {
            let failed = |error| failed("get an object", error);
            let got = self.objects.get_opts(&path(key)?, GetOptions::default()).await;
            let got = got.map_err(failed)?;
            if got.meta.size > limit {
                return Err(BucketError::TooLarge { limit });
            }
            let mut bytes = Vec::with_capacity(usize::try_from(got.meta.size).unwrap_or(0));
            let mut chunks = got.into_stream();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(failed)?;
                if (bytes.len() + chunk.len()) as u64 > limit {
                    return Err(BucketError::TooLarge { limit });
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.into())
        }
        .boxed()
    }

    fn create<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, bool> {
        async move {
            let options = PutOptions::from(PutMode::Create);
            match self.objects.put_opts(&path(key)?, bytes.into(), options).await {
                Ok(_) => Ok(true),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
                Err(error) => Err(failed("put an object", error)),
            }
        }
        .boxed()
    }

    fn put<'a>(&'a self, key: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        async move {
            let put = self.objects.put(&path(key)?, bytes.into()).await;
            put.map(|_| ()).map_err(|error| failed("put an object", error))
        }
        .boxed()
    }

    fn copy<'a>(&'a self, from: &'a str, to: &'a str) -> Answer<'a, ()> {
        async move {
            let copied = self.objects.copy(&path(from)?, &path(to)?).await;
            copied.map_err(|error| failed("copy an object", error))
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        async move {
            match self.objects.delete(&path(key)?).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed("delete an object", error)),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_escaped() {
        let query = Query {
            prefix: "segments/a b/",
            after: Some("x&y"),
            token: Some("+/="),
            folders: true,
        };
        insta::assert_snapshot!(
            parameters(&query),
            @"list-type=2&encoding-type=url&prefix=segments%2Fa%20b%2F&delimiter=%2F&start-after=x%26y&continuation-token=%2B%2F%3D"
        );
    }

    #[test]
    fn a_key_that_would_become_another_one_cannot_be_named() {
        assert_eq!(path("a/b c").unwrap().as_ref(), "a/b c");
        for odd in ["/a", "a/", "a//b", "a/../b", "a/.", "a\nb", ""] {
            assert!(
                matches!(path(odd), Err(BucketError::Unnameable)) || odd.is_empty(),
                "{odd:?}"
            );
        }
    }
}
