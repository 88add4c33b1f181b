//! What the three requests have in common: requests of resources of scopes of rows, under the same field numbers.

use super::{
    cursor::{Cursor, MessageType, length},
    value,
};
use crate::scan::{
    error::ScanError,
    sink::{ResourceRow, ScopeRow, SignalSink},
};

/// One of the three requests.
pub(in crate::scan) trait Request: SignalSink {
    /// `Export…ServiceRequest`.
    const REQUEST: MessageType;
    /// `Export…ServiceRequest.resource_…`.
    const RESOURCES: &'static str;
    /// `Resource…`.
    const RESOURCE: MessageType;
    /// `Resource….scope_…`.
    const SCOPES: &'static str;
    /// `Scope…`.
    const SCOPE: MessageType;
    /// `Scope….…`.
    const ROWS: &'static str;

    /// Reads a span, a log record or a metric of a scope.
    fn row(&mut self, cursor: Cursor<'_>, scope: u32) -> Result<(), ScanError>;
}

/// Fields of all three levels.
pub(super) const ENVELOPE_FIELDS: &[u32] = &[1, 2, 3];
/// Fields of the requests.
pub(super) const REQUEST_FIELDS: &[u32] = &[1];

const REQUEST_RESOURCES: u32 = length(1);
const HEAD: u32 = length(1);
const CHILDREN: u32 = length(2);
const SCHEMA_URL: u32 = length(3);

pub(in crate::scan) fn request<R: Request>(request: &mut R, body: &[u8]) -> Result<(), ScanError> {
    let mut cursor = Cursor::new(body);
    while let Some(tag) = cursor.tag(&R::REQUEST)? {
        match tag {
            REQUEST_RESOURCES => resource(request, cursor.message(R::RESOURCES)?)?,
            _ => cursor.skip(tag, &R::REQUEST)?,
        }
    }
    Ok(())
}

fn resource<R: Request>(request: &mut R, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut row = ResourceRow::default();
    while let Some(tag) = cursor.tag(&R::RESOURCE)? {
        match tag {
            HEAD => value::resource(request.sink(), cursor.message(R::RESOURCE.name)?, &mut row)?,
            CHILDREN => scope(request, cursor.message(R::SCOPES)?)?,
            SCHEMA_URL => row.schema_url = value::text(request.sink(), &mut cursor, R::RESOURCE.name)?,
            _ => cursor.skip(tag, &R::RESOURCE)?,
        }
    }
    request
        .sink()
        .end_resource(&row)
        .map_err(|breach| breach.at(cursor.offset(), R::RESOURCE.name))
}

fn scope<R: Request>(request: &mut R, mut cursor: Cursor<'_>) -> Result<(), ScanError> {
    let mut row = ScopeRow {
        resource: request.sink().next_resource(),
        ..ScopeRow::default()
    };
    let scope = request.sink().next_scope();
    while let Some(tag) = cursor.tag(&R::SCOPE)? {
        match tag {
            HEAD => value::scope(request.sink(), cursor.message(R::SCOPE.name)?, &mut row)?,
            CHILDREN => request.row(cursor.message(R::ROWS)?, scope)?,
            SCHEMA_URL => row.schema_url = value::text(request.sink(), &mut cursor, R::SCOPE.name)?,
            _ => cursor.skip(tag, &R::SCOPE)?,
        }
    }
    request
        .sink()
        .end_scope(&row)
        .map_err(|breach| breach.at(cursor.offset(), R::SCOPE.name))
}
