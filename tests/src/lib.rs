//! What system tests share: a real `aia` in a fresh folder, a Worker in real workerd, and requests as a failing shop would send them.

pub mod clients;
pub mod edge;
mod host;
mod ready;
mod shop;
mod stored;
mod worker;

pub use host::{Answer, Host, Sender, Telemetry, binary};
pub use shop::{failing_request, healthy_request};
pub use stored::{default_scope, open_log, stored};
pub use worker::{Bundle, S3, Worker};
