//! The four services.

mod checkout;
mod gateway;
mod inventory;
mod payment;

use std::sync::Arc;

use axum::Router;
use clap::ValueEnum;

use crate::client::Upstreams;

/// A service of the shop.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Service {
    /// What customers talk to. Calls checkout and inventory.
    Gateway,
    /// Turns a basket into an order. Calls inventory and payment.
    Checkout,
    /// Takes the money.
    Payment,
    /// Knows and reserves what is in stock.
    Inventory,
}

impl Service {
    /// `service.name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Checkout => "checkout",
            Self::Payment => "payment",
            Self::Inventory => "inventory",
        }
    }
}

pub(crate) fn routes(service: Service, upstreams: Arc<Upstreams>, fault: bool) -> Router {
    match service {
        Service::Gateway => gateway::routes(upstreams),
        Service::Checkout => checkout::routes(upstreams),
        Service::Payment => payment::routes(fault),
        Service::Inventory => inventory::routes(),
    }
}
