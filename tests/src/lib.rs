//! What system tests share: a real `aia` in a fresh folder, a Worker in real workerd, a Spin app, a real S3 server, and
//! requests as a failing shop would send them.

pub mod clients;
pub mod commits;
pub mod edge;
mod host;
mod ready;
pub mod refused;
mod s3;
mod shop;
pub mod spin;
mod stored;
mod worker;

pub use host::{Answer, Host, Sender, Telemetry, binary};
pub use s3::{S3Server, Wire};
pub use shop::{JSON, PROTOBUF, failing_request, healthy_request, json_span, now};
pub use stored::{default_scope, open_log, stored};
pub use worker::{Bundle, S3, Worker};
