//! `aia key`

use std::io;

use aia_telemetry::KeyId;
use serde::Serialize;

use super::{
    args::{CreateKey, OfProject, RevokeKey},
    failure::Failure,
    incidents::{open, open_or_make},
    output::{Colour, Output},
    text,
};
use crate::{
    api::rfc3339,
    clock,
    config::Config,
    server::Backend,
    store::{IngestKeyRecord, Scope},
};

#[derive(Serialize)]
struct Key {
    name: String,
    project: String,
    created_at: Option<String>,
    revoked_at: Option<String>,
    /// Only when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingest_key: Option<String>,
}

impl Key {
    fn new(record: IngestKeyRecord, scope: &Scope, ingest_key: Option<String>) -> Self {
        Self {
            name: record.id,
            project: scope.project.as_str().to_owned(),
            created_at: rfc3339(record.created_at),
            revoked_at: record.revoked_at.and_then(rfc3339),
            ingest_key,
        }
    }
}

#[derive(Serialize)]
struct List {
    keys: Vec<Key>,
}

fn scope(of: &OfProject) -> Scope {
    Scope {
        tenant: of.tenant.clone(),
        project: of.project.clone(),
    }
}

pub(super) fn create(
    backend: &dyn Backend,
    config: &Config,
    wanted: &CreateKey,
    output: &mut Output,
) -> Result<(), Failure> {
    let (store, scope) = (open_or_make(backend, config)?, scope(&wanted.of));
    let secrets = backend.secrets(config);
    let secrets = secrets.map_err(|source| Failure::Open {
        what: "load the secret",
        data: config.data.clone(),
        source,
    })?;
    let name = match &wanted.name {
        Some(name) => name.clone(),
        None => random_name()?,
    };
    let now = clock::now();
    store.ensure_project(&scope, now)?;
    // A key follows from its name: making a revoked one again would give the revoked key.
    if store
        .ingest_keys(&scope)?
        .iter()
        .any(|key| key.id == name.as_str())
    {
        let (name, project) = (name.as_str().to_owned(), scope.project.as_str().to_owned());
        return Err(Failure::KeyExists { name, project });
    }
    let record = IngestKeyRecord {
        id: name.as_str().to_owned(),
        created_at: now,
        revoked_at: None,
    };
    store.add_ingest_key(&scope, &record)?;
    let key = secrets.mint(&scope.tenant, &scope.project, &name);
    if output.json {
        output.value(&Key::new(record, &scope, Some(key)))
    } else {
        output.text(&key)
    }
}

/// `k-` and 40 random bits.
fn random_name() -> Result<KeyId, Failure> {
    let failed = |source| Failure::System {
        what: "make a name for the key",
        source,
    };
    let random = getrandom::u64().map_err(|error| failed(io::Error::other(error)))?;
    KeyId::new(&format!("k-{:010x}", random & 0xff_ffff_ffff))
        .map_err(|error| failed(io::Error::other(error)))
}

pub(super) fn list(
    backend: &dyn Backend,
    config: &Config,
    of: &OfProject,
    output: &mut Output,
) -> Result<(), Failure> {
    let scope = scope(of);
    let records = open(backend, config)?.ingest_keys(&scope)?;
    if output.json {
        let keys = records
            .into_iter()
            .map(|record| Key::new(record, &scope, None))
            .collect();
        return output.value(&List { keys });
    }
    if records.is_empty() {
        return output.text("No ingest keys.");
    }
    let rows = records.iter().map(|record| {
        vec![
            text::line(&record.id).into_owned(),
            text::time(record.created_at),
            record
                .revoked_at
                .map_or_else(String::new, |at| output.coloured(Colour::Red, &text::time(at))),
        ]
    });
    let rows = rows.collect();
    output.table(&["NAME", "CREATED", "REVOKED"], rows)
}

pub(super) fn revoke(
    backend: &dyn Backend,
    config: &Config,
    wanted: &RevokeKey,
    output: &mut Output,
) -> Result<(), Failure> {
    let (store, scope) = (open(backend, config)?, scope(&wanted.of));
    let (name, now) = (wanted.name.as_str(), clock::now());
    if !store.revoke_ingest_key(&scope, name, now)? {
        return Err(Failure::NotFound {
            what: "ingest key",
            id: name.to_owned(),
            list: "aia key list",
        });
    }
    if !output.json {
        return output.text(&format!("revoked {name}"));
    }
    let record = store.ingest_keys(&scope)?.into_iter().find(|key| key.id == name);
    let missing = || Failure::NotFound {
        what: "ingest key",
        id: name.to_owned(),
        list: "aia key list",
    };
    output.value(&Key::new(record.ok_or_else(missing)?, &scope, None))
}
