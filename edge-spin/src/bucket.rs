//! The bucket over the S3 API: signed requests to one host, by the runtime's own client.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use aia_edge::{Bucket, BucketError, Created};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Credentials, S3Action, UrlStyle};
use spin_sdk::http::{Method, StatusCode, send};
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::{Request, RequestOptionsExtension};

use crate::app::now;

/// How long a signature holds. Clocks differ, and a put of some megabytes takes a while.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// Longest wait for a connection, in nanoseconds.
const CONNECT_WITHIN: u64 = 3_000_000_000;
/// Longest wait for an answer's first byte, and for each further one, in nanoseconds.
const ANSWER_WITHIN: u64 = 10_000_000_000;
/// Largest answer: a segment of the largest columns that are read.
const MAX_ANSWER_BYTES: usize = 80 << 20;
/// How long nothing new is put into a bucket that didn't answer, in nanoseconds: whoever sends meanwhile doesn't wait for
/// it.
const DOWN_FOR: u64 = 5_000_000_000;
/// How often a put is tried where another one of the same object is going on.
const ATTEMPTS_AT_CONFLICT: u32 = 5;
/// Wait between those.
const CONFLICT_PAUSE: Duration = Duration::from_millis(100);

/// A bucket.
#[derive(Clone)]
pub(crate) struct S3(Rc<Inner>);

struct Inner {
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
    /// Until when it is taken for down; 0 if it answered last.
    down_until: Cell<u64>,
}

impl S3 {
    /// A bucket at `endpoint`, such as `https://s3.example.com`, by its name in the path.
    pub(crate) fn new(
        endpoint: &str,
        name: &str,
        region: &str,
        credentials: Credentials,
    ) -> Result<Self, String> {
        let endpoint = endpoint
            .parse()
            .map_err(|error| format!("the variable aia_bucket_endpoint is no address: {error}"))?;
        let bucket = rusty_s3::Bucket::new(endpoint, UrlStyle::Path, name.to_owned(), region.to_owned())
            .map_err(|error| format!("the variables aia_bucket_endpoint and aia_bucket_name: {error}"))?;
        Ok(Self(Rc::new(Inner {
            bucket,
            credentials,
            down_until: Cell::default(),
        })))
    }

    /// Whether it didn't answer a moment ago.
    pub(crate) fn is_down(&self) -> bool {
        now() < self.0.down_until.get()
    }

    async fn ask<'a>(
        &'a self,
        method: Method,
        action: impl S3Action<'a>,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), String> {
        let answer = self.try_ask(method, action, body).await;
        let is_answer = answer.as_ref().is_ok_and(|(status, _)| !status.is_server_error());
        let until = if is_answer {
            0
        } else {
            now().saturating_add(DOWN_FOR)
        };
        self.0.down_until.set(until);
        answer
    }

    async fn try_ask<'a>(
        &'a self,
        method: Method,
        action: impl S3Action<'a>,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), String> {
        let url = action.sign(SIGNED_FOR);
        let mut request = Request::builder().method(&method).uri(url.as_str());
        if method == Method::PUT {
            request = request
                .header("content-length", body.len())
                .header("content-type", "application/octet-stream")
                .header("if-none-match", "*");
        }
        let mut request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| "the address is none".to_owned())?;
        request
            .extensions_mut()
            .insert(RequestOptionsExtension(timeouts()));
        // The signature is in the address: errors must not repeat that.
        let response = send(request).await.map_err(|error| format!("{error:?}"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect();
        let body = body
            .await
            .map_err(|error| format!("its answer broke off: {error}"))?;
        Ok((status, body.to_bytes()))
    }
}

/// Where the runtime has no such limits it has its own.
fn timeouts() -> RequestOptions {
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(Some(CONNECT_WITHIN));
    let _ = options.set_first_byte_timeout(Some(ANSWER_WITHIN));
    let _ = options.set_between_bytes_timeout(Some(ANSWER_WITHIN));
    options
}

/// What S3 says of a failure: its code, which is a word.
fn refused((status, body): &(StatusCode, Bytes)) -> String {
    let text = String::from_utf8_lossy(body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| code)
        .filter(|code| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match code {
        Some(code) => format!("it answered {status}: {code}"),
        None => format!("it answered {status}"),
    }
}

fn failed(operation: &'static str, key: &str) -> impl Fn(String) -> BucketError {
    let key = key.to_owned();
    move |reason| BucketError {
        operation,
        key: key.clone(),
        reason,
    }
}

impl Bucket for S3 {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let failed = failed("get", key);
        let action = self.0.bucket.get_object(Some(&self.0.credentials), key);
        let answer = self.ask(Method::GET, action, Vec::new()).await.map_err(&failed)?;
        match answer.0 {
            StatusCode::OK => Ok(Some(answer.1.to_vec())),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(failed(refused(&answer))),
        }
    }

    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, BucketError> {
        let failed = failed("put", key);
        let mut attempts = 0;
        loop {
            let action = self.0.bucket.put_object(Some(&self.0.credentials), key);
            let answer = self
                .ask(Method::PUT, action, bytes.clone())
                .await
                .map_err(&failed)?;
            match answer.0 {
                StatusCode::OK => return Ok(Created::New),
                StatusCode::PRECONDITION_FAILED => return Ok(Created::Exists),
                // Another put of it is going on: which of the two wins isn't known yet.
                StatusCode::CONFLICT if attempts < ATTEMPTS_AT_CONFLICT => {
                    attempts += 1;
                    spin_sdk::time::sleep(CONFLICT_PAUSE).await;
                }
                _ => return Err(failed(refused(&answer))),
            }
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, BucketError> {
        let failed = failed("list", prefix);
        let mut action = self.0.bucket.list_objects_v2(Some(&self.0.credentials));
        action.with_prefix(prefix);
        if let Some(after) = after {
            action.with_start_after(after);
        }
        let answer = self.ask(Method::GET, action, Vec::new()).await.map_err(&failed)?;
        if answer.0 != StatusCode::OK {
            return Err(failed(refused(&answer)));
        }
        let text = std::str::from_utf8(&answer.1).map_err(|_| failed("its listing isn't text".to_owned()))?;
        let listing = ListObjectsV2::parse_response(text)
            .map_err(|error| failed(format!("its listing can't be read: {error}")))?;
        Ok(listing.contents.into_iter().map(|object| object.key).collect())
    }
}
