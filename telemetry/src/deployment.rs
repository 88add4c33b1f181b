//! The secret of a deployment: host, Worker and Spin app have the same one, and derive from it what each purpose needs.

use secrecy::zeroize::Zeroizing;

use crate::keys::IngestSecrets;
use crate::secret::RootSecret;

/// The deployment's secret. Every other key is derived from it, each under a context of its own.
#[derive(Debug)]
pub struct DeploymentSecret {
    root: RootSecret,
}

impl DeploymentSecret {
    /// Takes the 32 bytes that an operator keeps.
    #[must_use]
    pub fn new(root: RootSecret) -> Self {
        Self { root }
    }

    /// A key for one purpose, which no other purpose's name may be like.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let context = format!("AIA 2026-11 {purpose}");
        Zeroizing::new(blake3::derive_key(&context, self.root.to_text().as_bytes()))
    }

    /// The secret that the keys of segments and commits are derived from, and that the list of revoked keys is sealed with.
    #[must_use]
    pub fn segments(&self) -> RootSecret {
        RootSecret::new(*self.derive("segments"))
    }

    /// The secrets of ingest keys.
    #[must_use]
    pub fn ingest(&self) -> IngestSecrets {
        IngestSecrets::new(1, &RootSecret::new(*self.derive("ingest keys, version 1")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{KeyId, ProjectId, TenantId};
    use crate::segment::ProjectKeys;

    #[test]
    fn what_is_derived_stays_the_same() {
        // Pinned: a change would make every key and every stored segment worthless.
        let secret = DeploymentSecret::new(RootSecret::new([5; 32]));
        let (tenant, project) = (TenantId::new("acme").unwrap(), ProjectId::new("shop").unwrap());
        let key = secret
            .ingest()
            .mint(&tenant, &project, &KeyId::new("k1").unwrap());
        insta::assert_snapshot!(key, @"aia_1.acme.shop.k1.q7nUaSYPIL0aZ0zcNgl5aNoxfBXFIQkfjA6TpBri7w8");
        let id = ProjectKeys::derive(&secret.segments(), &tenant, &project)
            .empty_header(1)
            .id;
        insta::assert_snapshot!(id, @"2b462436e7703c77f51aacaf045e8759");
    }
}
