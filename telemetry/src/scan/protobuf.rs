//! The protobuf front end: tags and lengths are read by hand, each field goes where it belongs at once.

mod cursor;
mod envelope;
mod logs;
mod metrics;
mod plain;
mod points;
mod traces;
mod value;

pub(super) use envelope::request as read;
