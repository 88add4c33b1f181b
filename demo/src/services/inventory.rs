//! Inventory: what the shop has.

use std::thread::sleep;
use std::time::Duration;

use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use opentelemetry::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::server::work;

/// Goods, and how many of each a customer may take at once.
const GOODS: [(&str, u32); 5] = [
    ("apron", 12),
    ("kettle", 4),
    ("mug", 24),
    ("notebook", 50),
    ("teapot", 3),
];

#[derive(Debug, Deserialize)]
struct Reservation {
    sku: String,
    quantity: u32,
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/stock/{sku}", get(stock))
        .route("/reservations", post(reserve))
        .route("/releases", post(release))
}

async fn stock(Extension(context): Extension<Context>, Path(sku): Path<String>) -> Response {
    work(context, move || {
        let available = look_up(&sku)?;
        Ok(json!({ "sku": sku, "available": available }))
    })
    .await
}

async fn reserve(Extension(context): Extension<Context>, Json(wanted): Json<Reservation>) -> Response {
    work(context, move || {
        let available = look_up(&wanted.sku)?;
        if wanted.quantity > available {
            let reason = format!("only {available} of {} left", wanted.sku);
            return Err(Failure::Refused {
                status: StatusCode::CONFLICT,
                reason,
            });
        }
        Ok(json!({ "sku": wanted.sku, "quantity": wanted.quantity }))
    })
    .await
}

async fn release(Extension(context): Extension<Context>, Json(returned): Json<Reservation>) -> Response {
    work(context, move || {
        look_up(&returned.sku)?;
        Ok(Value::Null)
    })
    .await
}

fn look_up(sku: &str) -> Result<u32, Failure> {
    sleep(Duration::from_millis(2));
    GOODS
        .iter()
        .find(|(name, _)| *name == sku)
        .map(|(_, quantity)| *quantity)
        .ok_or_else(|| Failure::Refused {
            status: StatusCode::NOT_FOUND,
            reason: format!("no such product: {sku}"),
        })
}
