//! The first start in an empty folder: an ingest key and an operator token for the default project, shown once.

use aia_telemetry::{IngestSecrets, KeyId, NameError, ProjectId, TenantId};

use crate::{
    api::{Token, TokenError},
    store::{IngestKeyRecord, Scope, Store, StoreError, TokenScope},
};

/// Name of the tenant and of the project that exist out of the box, and of the first key.
const DEFAULT: &str = "default";

/// What a first start made.
#[derive(Debug)]
pub struct FirstStart {
    /// The ingest key's text.
    pub ingest_key: secrecy::SecretString,
    /// The operator's token.
    pub operator_token: Token,
}

/// Why a first start failed.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The store failed.
    #[error("cannot make the first key and token")]
    Store(#[from] StoreError),
    /// No randomness.
    #[error("cannot make the first token")]
    Token(#[from] TokenError),
    /// A built-in name is none.
    #[error("cannot name the default project")]
    Name(#[from] NameError),
}

/// The project that exists out of the box.
///
/// # Errors
/// Never: its name is one.
pub fn default_scope() -> Result<Scope, NameError> {
    Ok(Scope {
        tenant: TenantId::new(DEFAULT)?,
        project: ProjectId::new(DEFAULT)?,
    })
}

/// Makes key and token if the default tenant has neither; `None` at every later start. Blocks. `now` is in
/// nanoseconds since the Unix epoch.
///
/// # Errors
/// If the store or the system's randomness fails.
pub fn first_start(
    store: &dyn Store,
    secrets: &IngestSecrets,
    now: u64,
) -> Result<Option<FirstStart>, FirstStartError> {
    let scope = default_scope()?;
    store.ensure_project(&scope, now)?;
    if !store.tokens(&scope.tenant)?.is_empty() || !store.ingest_keys(&scope)?.is_empty() {
        return Ok(None);
    }
    let id = KeyId::new(DEFAULT)?;
    let record = IngestKeyRecord {
        id: id.as_str().to_owned(),
        created_at: now,
        revoked_at: None,
    };
    let (operator_token, token) = Token::create(TokenScope::Operator, now)?;
    // The token last: if this ends between the two, the next start sees the key and makes nothing; both can be made
    // by `aia key create` and `aia token create`.
    store.add_ingest_key(&scope, &record)?;
    store.add_token(&scope.tenant, &token)?;
    let ingest_key = secrets.mint(&scope.tenant, &scope.project, &id).into();
    Ok(Some(FirstStart {
        ingest_key,
        operator_token,
    }))
}
