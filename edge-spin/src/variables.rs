//! What the app is told by Spin's variables. Their names are those of the settings in lower case.

use std::collections::BTreeMap;

use aia_edge::Settings;
use aia_telemetry::TenantId;
use rusty_s3::Credentials;
use spin_sdk::variables::{self, Error};

use crate::bucket::S3;

/// What the app is told.
pub(crate) struct Variables {
    pub(crate) settings: Settings,
    pub(crate) tenant: TenantId,
    pub(crate) bucket: S3,
}

/// Reads all.
pub(crate) async fn read() -> Result<Variables, String> {
    let mut shared = BTreeMap::new();
    for name in Settings::VARIABLES {
        shared.insert(name, optional(&name.to_ascii_lowercase()).await?);
    }
    let settings = Settings::read(|name| shared.get(name).cloned().flatten());
    let tenant = required("aia_tenant").await?;
    let id = required("aia_bucket_access_key_id").await?;
    let secret = required("aia_bucket_secret_access_key").await?;
    let credentials = match optional("aia_bucket_session_token").await? {
        Some(token) => Credentials::new_with_token(id, secret, token),
        None => Credentials::new(id, secret),
    };
    Ok(Variables {
        settings: settings.map_err(|error| error.to_string())?,
        tenant: TenantId::new(tenant.as_str())
            .map_err(|error| format!("the variable aia_tenant is no tenant's name: {error}"))?,
        bucket: S3::new(
            &required("aia_bucket_endpoint").await?,
            &required("aia_bucket_name").await?,
            &required("aia_bucket_region").await?,
            credentials,
        )?,
    })
}

async fn optional(name: &str) -> Result<Option<String>, String> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(Error::Undefined(_)) => Ok(None),
        // A provider's words may hold what it was asked with, not what it keeps.
        Err(error) => Err(format!("the variable {name} can't be read: {error}")),
    }
}

async fn required(name: &str) -> Result<String, String> {
    let value = optional(name).await?;
    value.ok_or_else(|| format!("the variable {name} is missing: `spin up --variable {name}=…` sets it"))
}
