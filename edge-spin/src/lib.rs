//! The Spin app: takes OTLP in, makes it durable in a bucket, and runs the project's detectors behind the answer. The
//! detectors are components of their own, which Spin composes with this one when it starts.
//!
//! An instance serves many requests, and several at once. What it keeps between them is an `App`. Of all
//! instances one at a time leads a project (`lead.rs`), by a note in the key-value store; where there are two after all,
//! commits in the bucket decide.
//!
//! Built for WASI it is the component that Spin runs; for the machine's own target it is empty.

#![cfg(target_os = "wasi")]

mod app;
mod bucket;
mod columns;
mod durable;
mod lead;
mod plugins;
mod project;
mod quota;
mod request;
mod slots;
mod variables;

use http_body_util::Full;
use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;

/// Answers a request.
#[http_service]
async fn handle(request: Request) -> Response<Full<bytes::Bytes>> {
    request::answer(request).await
}
