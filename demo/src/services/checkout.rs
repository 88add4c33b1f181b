//! Checkout: reserves the goods, takes the money, and gives the goods back when there is none.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use opentelemetry::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Answer, CallError, Upstreams};
use crate::failure::{Exception, Failure};
use crate::server::work;

#[derive(Debug, Deserialize)]
struct Order {
    order_id: String,
    sku: String,
    quantity: u32,
    amount_cents: u64,
    currency: String,
    card_id: String,
}

/// What checkout throws when a service it can't do without fails.
#[derive(Debug, thiserror::Error)]
enum CheckoutError {
    #[error("order {order_id} failed: payment answered {status}")]
    PaymentFailed { order_id: String, status: StatusCode },
    #[error("order {order_id} failed: inventory answered {status}")]
    ReservationFailed { order_id: String, status: StatusCode },
    #[error("order {order_id} failed")]
    Unreachable { order_id: String, source: CallError },
}

pub(crate) fn routes(upstreams: Arc<Upstreams>) -> Router {
    Router::new()
        .route("/checkout", post(checkout))
        .with_state(upstreams)
}

async fn checkout(
    State(upstreams): State<Arc<Upstreams>>,
    Extension(context): Extension<Context>,
    Json(order): Json<Order>,
) -> Response {
    work(context, move || place(&upstreams, &order)).await
}

fn place(upstreams: &Upstreams, order: &Order) -> Result<Value, Failure> {
    let call = |service: &str, path: &str, body: &Value| {
        upstreams
            .call(service, Method::POST, path, Some(body))
            .map_err(|source| {
                tracing::error!("{service} can't be reached: {source}");
                Exception::capture(&CheckoutError::Unreachable {
                    order_id: order.order_id.clone(),
                    source,
                })
            })
    };

    let reserved = call(
        "inventory",
        "/reservations",
        &json!({ "sku": order.sku, "quantity": order.quantity }),
    )?;
    if let Some(refused) = refusal(&reserved) {
        return Err(refused);
    }
    if !reserved.status.is_success() {
        let order_id = order.order_id.clone();
        let error = CheckoutError::ReservationFailed {
            order_id,
            status: reserved.status,
        };
        return Err(Exception::capture(&error).into());
    }

    let charge = json!({
        "order_id": order.order_id,
        "amount_cents": order.amount_cents,
        "currency": order.currency,
        "card_id": order.card_id,
    });
    let charged = call("payment", "/charges", &charge)?;
    if charged.status.is_success() {
        tracing::info!(order_id = order.order_id.as_str(), "order placed");
        return Ok(json!({ "order_id": order.order_id, "charge_id": charged.body["charge_id"] }));
    }

    let release = json!({ "sku": order.sku, "quantity": order.quantity });
    if let Err(error) = upstreams.call("inventory", Method::POST, "/releases", Some(&release)) {
        tracing::warn!("the reservation wasn't given back: {error}");
    }
    match refusal(&charged) {
        Some(refused) => Err(refused),
        None => {
            let error = CheckoutError::PaymentFailed {
                order_id: order.order_id.clone(),
                status: charged.status,
            };
            Err(Exception::capture(&error).into())
        }
    }
}

/// The refusal an upstream's 4xx stands for.
fn refusal(answer: &Answer) -> Option<Failure> {
    answer.status.is_client_error().then(|| Failure::Refused {
        status: answer.status,
        reason: answer
            .body
            .get("error")
            .and_then(Value::as_str)
            .unwrap_or("refused")
            .to_owned(),
    })
}
