//! Payment: charges a card and books the charge in the ledger.

mod ledger;

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use opentelemetry::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::server::work;

use ledger::Ledger;

/// The card that its bank always declines, as payment providers have one for tests.
const DECLINED_CARD: &str = "card_0002";

#[derive(Debug, Deserialize)]
pub(crate) struct Charge {
    order_id: String,
    amount_cents: u64,
    currency: String,
    card_id: String,
}

pub(crate) fn routes(fault: bool) -> Router {
    let ledger = Arc::new(if fault {
        Ledger::single_account()
    } else {
        Ledger::account_per_currency()
    });
    Router::new().route("/charges", post(charge)).with_state(ledger)
}

async fn charge(
    State(ledger): State<Arc<Ledger>>,
    Extension(context): Extension<Context>,
    Json(charge): Json<Charge>,
) -> Response {
    work(context, move || take(&ledger, &charge)).await
}

fn take(ledger: &Ledger, charge: &Charge) -> Result<Value, Failure> {
    sleep(Duration::from_millis(4));
    if charge.card_id == DECLINED_CARD {
        let reason = "the card was declined".to_owned();
        return Err(Failure::Refused {
            status: StatusCode::PAYMENT_REQUIRED,
            reason,
        });
    }
    let charge_id = format!("ch_{}", charge.order_id.trim_start_matches("ord_"));
    ledger.post(&charge_id, charge.amount_cents, &charge.currency)?;
    tracing::info!(
        charge_id = charge_id.as_str(),
        amount_cents = charge.amount_cents,
        "charged"
    );
    Ok(json!({ "charge_id": charge_id }))
}
