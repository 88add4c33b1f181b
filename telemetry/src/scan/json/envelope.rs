//! What the three requests have in common: requests of resources of scopes of rows.

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, MapAccess};
use serde_json::Deserializer;

use super::{
    message::{Element, List, Message, Object, skip},
    scalar,
};
use crate::scan::{
    error::{Breach, ScanError},
    sink::{ResourceRow, ScopeRow, SignalSink},
};

/// One of the three requests: names of its messages and keys, and how a row of it begins.
pub(in crate::scan) trait Request: SignalSink {
    /// A span, log record or metric.
    type Row: Element<Self>;

    const REQUEST: &'static str;
    const RESOURCES: &'static str;
    const RESOURCE: &'static str;
    const SCOPES: &'static str;
    const SCOPE: &'static str;
    const ROWS: &'static str;

    /// Begins a row of the scope that is being read.
    fn row(scan: &mut Self) -> Self::Row;
}

/// Reads a whole body.
pub(in crate::scan) fn request<T: Request>(scan: &mut T, body: &[u8]) -> Result<(), ScanError> {
    let mut deserializer = Deserializer::from_slice(body);
    // Messages nest as deep as they are defined to and values as deep as their limit; what is skipped is skipped without
    // recursion. serde_json's own limit is less than what the limit of values needs.
    deserializer.disable_recursion_limit();
    let seed = Object {
        message: &mut RequestMessage,
        scan,
    };
    match seed
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
    {
        Ok(()) => Ok(()),
        Err(error) => Err(scan.sink().trouble.take_error(&error, body, T::REQUEST)),
    }
}

/// `Export…ServiceRequest`.
struct RequestMessage;

impl<T: Request> Message<T> for RequestMessage {
    const NAME: &'static str = T::REQUEST;

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut T,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if key == T::RESOURCES {
            map.next_value_seed(List {
                scan,
                begin: |_: &mut T| ResourceMessage::<T>::default(),
            })
        } else {
            skip(map)
        }
    }
}

/// `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`.
struct ResourceMessage<T> {
    row: ResourceRow,
    request: PhantomData<T>,
}

impl<T> Default for ResourceMessage<T> {
    fn default() -> Self {
        Self {
            row: ResourceRow::default(),
            request: PhantomData,
        }
    }
}

impl<T: Request> Message<T> for ResourceMessage<T> {
    const NAME: &'static str = T::RESOURCE;

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut T,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "resource" => map.next_value_seed(Object {
                message: &mut self.row,
                scan,
            })?,
            "schemaUrl" => self.row.schema_url = scalar::text(scan, map)?,
            _ if key == T::SCOPES => map.next_value_seed(List {
                scan,
                begin: ScopeMessage::<T>::begin,
            })?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<T: Request> Element<T> for ResourceMessage<T> {
    fn end(self, scan: &mut T) -> Result<(), Breach> {
        scan.sink().end_resource(&self.row)
    }
}

/// `ScopeSpans`, `ScopeLogs` or `ScopeMetrics`.
struct ScopeMessage<T> {
    row: ScopeRow,
    request: PhantomData<T>,
}

impl<T: Request> ScopeMessage<T> {
    fn begin(scan: &mut T) -> Self {
        let row = ScopeRow {
            resource: scan.sink().next_resource(),
            ..ScopeRow::default()
        };
        Self {
            row,
            request: PhantomData,
        }
    }
}

impl<T: Request> Message<T> for ScopeMessage<T> {
    const NAME: &'static str = T::SCOPE;

    fn field<'de, A: MapAccess<'de>>(
        &mut self,
        scan: &mut T,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "scope" => map.next_value_seed(Object {
                message: &mut self.row,
                scan,
            })?,
            "schemaUrl" => self.row.schema_url = scalar::text(scan, map)?,
            _ if key == T::ROWS => map.next_value_seed(List { scan, begin: T::row })?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<T: Request> Element<T> for ScopeMessage<T> {
    fn end(self, scan: &mut T) -> Result<(), Breach> {
        scan.sink().end_scope(&self.row)
    }
}
