//! Settings of pulling segments from a bucket.

use std::time::Duration;

use super::{Acknowledge, Config, ConfigError, Secret, keys};

/// Where segments of the edge are pulled from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pull {
    /// `pull.url`: the bucket's name; none to pull nothing.
    pub bucket: Option<String>,
    /// `pull.endpoint`: of an S3-compatible service; none for AWS.
    pub endpoint: Option<String>,
    /// `pull.region`
    pub region: String,
    /// `pull.access-key-id`: none for what the environment has.
    pub access_key_id: Option<String>,
    /// `pull.secret-access-key`: none for what the environment has.
    pub secret_access_key: Option<Secret>,
    /// `pull.every`: between two looks while segments come.
    pub every: Duration,
    /// `pull.overlap`: how far a look goes back behind the newest segment.
    pub overlap: Duration,
    /// `pull.sweep-every`: between two looks at everything.
    pub sweep_every: Duration,
    /// `pull.keep`: how long objects stay; zero for ever.
    pub keep: Duration,
    /// `pull.takeover-after`: how long the edge's commits may stop before the host goes on.
    pub takeover_after: Duration,
}

impl Pull {
    /// Checks what concerns several settings; `wrong` makes the error of one of them.
    pub(super) fn check(
        config: &Config,
        wrong: impl Fn(&'static str, String) -> ConfigError,
    ) -> Result<(), ConfigError> {
        let (pull, objects) = (&config.pull, &config.objects);
        let Some(bucket) = &pull.bucket else {
            return Ok(());
        };
        if !pull.keep.is_zero() && pull.keep <= pull.overlap {
            let expected = format!(
                "more than `pull.overlap`, {:?}, or \"0 s\" to delete nothing",
                pull.overlap
            );
            return Err(wrong(keys::PULL_KEEP, expected));
        }
        if pull.access_key_id.is_some() != pull.secret_access_key.is_some() {
            let expected = "set together with `pull.access-key-id`, or not at all".to_owned();
            return Err(wrong(keys::SECRET_ACCESS_KEY, expected));
        }
        // The host would take the edge's segments for its own, and delete them.
        let own = objects.url.as_deref().and_then(|url| url.strip_prefix("s3://"));
        if config.durability == Acknowledge::Bucket
            && own.is_some_and(|own| own.trim_end_matches('/') == bucket)
            && objects.endpoint == pull.endpoint
        {
            let expected = "another bucket than `pull.url`, or a folder in it".to_owned();
            return Err(wrong("objects.url", expected));
        }
        Ok(())
    }
}
