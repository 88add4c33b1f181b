//! What a shell is told by variables and secrets, checked once an instance.

use aia_telemetry::{
    DeploymentSecret, IngestSecrets, ProjectId, ProjectKeys, RootSecret, RootSecretError, TenantId,
};

use crate::quota::Quota;

/// Name of the secret: the deployment's, the same as the host's.
const SECRET: &str = "AIA_SECRET_KEY";

/// Default of the largest body, as it comes and decompressed: 8 MiB. A Worker's isolate has 128 MB, and columns, segment and
/// the sender's other requests need room beside it.
const REQUEST_BYTES: usize = 8 << 20;

/// Why a shell can't start.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// No secret.
    #[error("the secret {SECRET} is missing: set it to what is in the host's secret.key")]
    NoSecret,
    /// Not 32 bytes.
    #[error("the secret {SECRET} is not valid: {0}")]
    Secret(RootSecretError),
    /// A variable that is no number.
    #[error("the variable {name} must be a whole number")]
    Number {
        /// Which one.
        name: &'static str,
    },
    /// A variable that is neither `true` nor `false`.
    #[error("the variable {name} must be true or false")]
    Flag {
        /// Which one.
        name: &'static str,
    },
    /// A body over what an isolate can hold.
    #[error(
        "the variable AIA_REQUEST_BYTES must be between 1 and {REQUEST_BYTES_MAX}: a Worker's isolate has 128 MB"
    )]
    RequestBytes,
}

/// The largest `AIA_REQUEST_BYTES`.
const REQUEST_BYTES_MAX: usize = 32 << 20;

/// What a shell is told.
#[derive(Debug)]
pub struct Settings {
    secret: DeploymentSecret,
    /// Secrets of ingest keys.
    pub ingest: IngestSecrets,
    /// Largest body, as it comes and decompressed, in bytes. `AIA_REQUEST_BYTES`.
    pub request_bytes: usize,
    /// What each project may send. `AIA_PROJECT_BYTES_A_DAY`.
    pub quota: Quota,
    /// Whether e-mail addresses are redacted, too. `AIA_REDACT_EMAILS`.
    pub redact_emails: bool,
}

impl Settings {
    /// Names of the variables and secrets.
    pub const VARIABLES: [&'static str; 4] = [
        SECRET,
        "AIA_REQUEST_BYTES",
        "AIA_PROJECT_BYTES_A_DAY",
        "AIA_REDACT_EMAILS",
    ];

    /// Reads them; `variable` gives a variable or a secret by its name.
    ///
    /// # Errors
    /// If one is missing or makes no sense.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingsError> {
        let variable = |name| variable(name).filter(|text| !text.is_empty());
        let text = variable(SECRET).ok_or(SettingsError::NoSecret)?;
        let secret = DeploymentSecret::new(RootSecret::from_text(&text).map_err(SettingsError::Secret)?);
        let number = |name| {
            let read = |text: String| {
                text.trim()
                    .parse::<u64>()
                    .map_err(|_| SettingsError::Number { name })
            };
            variable(name).map(read).transpose()
        };
        let request_bytes = number("AIA_REQUEST_BYTES")?.map_or(Ok(REQUEST_BYTES), |bytes| {
            usize::try_from(bytes)
                .ok()
                .filter(|bytes| (1..=REQUEST_BYTES_MAX).contains(bytes))
                .ok_or(SettingsError::RequestBytes)
        });
        let redact_emails = match variable("AIA_REDACT_EMAILS").as_deref().map(str::trim) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                return Err(SettingsError::Flag {
                    name: "AIA_REDACT_EMAILS",
                });
            }
        };
        Ok(Self {
            ingest: secret.ingest(),
            secret,
            request_bytes: request_bytes?,
            quota: Quota {
                bytes_a_day: number("AIA_PROJECT_BYTES_A_DAY")?.unwrap_or(0),
            },
            redact_emails,
        })
    }

    /// The keys of a project.
    #[must_use]
    pub fn project_keys(&self, tenant: &TenantId, project: &ProjectId) -> ProjectKeys {
        ProjectKeys::derive(&self.secret.segments(), tenant, project)
    }

    /// The secret that the list of revoked keys is sealed with.
    #[must_use]
    pub fn revocations(&self) -> RootSecret {
        self.secret.segments()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_makes_no_sense_is_told_without_the_secret() {
        let secret = "A".repeat(43);
        let told: Vec<String> = [
            vec![],
            vec![(SECRET, "")],
            vec![(SECRET, "hunter2")],
            vec![(SECRET, secret.as_str()), ("AIA_PROJECT_BYTES_A_DAY", "many")],
            vec![(SECRET, secret.as_str()), ("AIA_REQUEST_BYTES", "999999999999")],
            vec![(SECRET, secret.as_str()), ("AIA_REDACT_EMAILS", "yes")],
        ]
        .iter()
        .map(|variables| read(variables).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        the secret AIA_SECRET_KEY is missing: set it to what is in the host's secret.key
        the secret AIA_SECRET_KEY is missing: set it to what is in the host's secret.key
        the secret AIA_SECRET_KEY is not valid: a root secret is 32 bytes in base64url without padding: 43 characters
        the variable AIA_PROJECT_BYTES_A_DAY must be a whole number
        the variable AIA_REQUEST_BYTES must be between 1 and 33554432: a Worker's isolate has 128 MB
        the variable AIA_REDACT_EMAILS must be true or false
        ");
        let settings = read(&[(SECRET, &secret)]).unwrap();
        assert_eq!((settings.request_bytes, settings.quota.bytes_a_day), (8 << 20, 0));
        assert!(!format!("{settings:?}").contains("AAAA"));
    }
}
