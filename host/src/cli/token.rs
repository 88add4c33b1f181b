//! `aia token`

use serde::Serialize;

use super::{
    args::{CreateToken, OfTenant},
    failure::Failure,
    incidents::{open, open_or_make},
    output::Output,
    text,
};
use crate::{
    api::{Token, rfc3339},
    clock,
    config::Config,
    server::{Backend, default_scope},
    store::{Scope, TokenRecord, TokenScope},
};

#[derive(Serialize)]
struct Listed {
    id: String,
    scope: TokenScope,
    created_at: Option<String>,
    /// Only when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Listed {
    fn new(record: TokenRecord, token: Option<String>) -> Self {
        Self {
            id: record.id,
            scope: record.scope,
            created_at: rfc3339(record.created_at),
            token,
        }
    }
}

#[derive(Serialize)]
struct List {
    tokens: Vec<Listed>,
}

pub(super) fn create(
    backend: &dyn Backend,
    config: &Config,
    wanted: &CreateToken,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = open_or_make(backend, config)?;
    let now = clock::now();
    // A tenant exists by its default project.
    if let Ok(Scope { project, .. }) = default_scope() {
        store.ensure_project(
            &Scope {
                tenant: wanted.of.tenant.clone(),
                project,
            },
            now,
        )?;
    }
    let (token, record) = Token::create(wanted.scope.into(), now)?;
    store.add_token(&wanted.of.tenant, &record)?;
    if output.json {
        output.value(&Listed::new(record, Some(token.reveal().to_owned())))
    } else {
        output.text(token.reveal())
    }
}

pub(super) fn list(
    backend: &dyn Backend,
    config: &Config,
    of: &OfTenant,
    output: &mut Output,
) -> Result<(), Failure> {
    let records = open(backend, config)?.tokens(&of.tenant)?;
    if output.json {
        let tokens = records
            .into_iter()
            .map(|record| Listed::new(record, None))
            .collect();
        return output.value(&List { tokens });
    }
    if records.is_empty() {
        return output.text("No tokens.");
    }
    let rows = records.iter().map(|record| {
        let scope = match record.scope {
            TokenScope::Read => "read",
            TokenScope::Operator => "operator",
        };
        vec![
            text::line(&record.id).into_owned(),
            scope.to_owned(),
            text::time(record.created_at),
        ]
    });
    output.table(&["ID", "SCOPE", "CREATED"], rows.collect())
}
