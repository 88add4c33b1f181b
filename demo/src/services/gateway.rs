//! The gateway: passes customers' requests on.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use opentelemetry::Context;
use serde_json::Value;

use crate::client::{Answer, CallError, Upstreams};
use crate::failure::Failure;
use crate::server::work;

pub(crate) fn routes(upstreams: Arc<Upstreams>) -> Router {
    Router::new()
        .route("/products/{sku}", get(product))
        .route("/orders", post(order))
        .with_state(upstreams)
}

async fn product(
    State(upstreams): State<Arc<Upstreams>>,
    Extension(context): Extension<Context>,
    Path(sku): Path<String>,
) -> Response {
    work(context, move || {
        pass_on(upstreams.call("inventory", Method::GET, &format!("/stock/{sku}"), None))
    })
    .await
}

async fn order(
    State(upstreams): State<Arc<Upstreams>>,
    Extension(context): Extension<Context>,
    Json(order): Json<Value>,
) -> Response {
    work(context, move || {
        pass_on(upstreams.call("checkout", Method::POST, "/checkout", Some(&order)))
    })
    .await
}

fn pass_on(answer: Result<Answer, CallError>) -> Result<Value, Failure> {
    let Answer { status, body } = answer.map_err(|error| Failure::BadGateway {
        reason: error.to_string(),
    })?;
    if status.is_success() {
        return Ok(body);
    }
    if status.is_client_error() {
        let reason = body
            .get("error")
            .and_then(Value::as_str)
            .unwrap_or("refused")
            .to_owned();
        return Err(Failure::Refused { status, reason });
    }
    Err(Failure::BadGateway {
        reason: format!("upstream answered {}", StatusCode::as_u16(&status)),
    })
}
