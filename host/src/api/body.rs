//! Bodies of requests: JSON, of a limited size.

use axum::body::{Body, to_bytes};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::{guard::LARGEST_BODY_BYTES, problem::Problem};

/// Reads a body. Without a body at all, it is read as `{}`: what needs nothing needn't be sent.
pub(super) async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let limit = usize::try_from(LARGEST_BODY_BYTES).unwrap_or(usize::MAX);
    let bytes = to_bytes(body, limit).await.map_err(|error| {
        // A client that went away gets no answer anyway.
        tracing::debug!(error = crate::chain(&error), "a body can't be read");
        Problem::too_large(LARGEST_BODY_BYTES)
    })?;
    if bytes.is_empty() {
        return parse(b"{}");
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Problem::not_json());
    }
    // A list would do for the parser, its elements in the place of fields.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::body("the body is a JSON object"));
    }
    parse(&bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::body(error.to_string()))
}
