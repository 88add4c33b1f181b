//! The keys of one project: for the ids of its segments, for their MACs, and for those of its sessions' commits.

use secrecy::zeroize::Zeroizing;

use super::header::Header;
use crate::columns::{Columns, SignalType};
use crate::keys::IngestKey;
use crate::names::{ProjectId, SegmentId, TenantId};
use crate::secret::RootSecret;

/// The keys of one project, derived from the deployment's segment secret. Deriving costs a few microseconds: worth
/// keeping for projects that send. Wiped from memory when dropped.
pub struct ProjectKeys {
    tenant: TenantId,
    project: ProjectId,
    id_key: Zeroizing<[u8; 32]>,
    pub(super) mac_key: Zeroizing<[u8; 32]>,
    commit_key: Zeroizing<[u8; 32]>,
}

impl ProjectKeys {
    /// Derives the keys of a project (HKDF-SHA256 over purpose, tenant and project).
    #[must_use]
    pub fn derive(root: &RootSecret, tenant: &TenantId, project: &ProjectId) -> Self {
        let derive = |label: &str| {
            root.derive(&[
                label.as_bytes(),
                b"\0",
                tenant.as_str().as_bytes(),
                b"\0",
                project.as_str().as_bytes(),
            ])
        };
        Self {
            tenant: tenant.clone(),
            project: project.clone(),
            id_key: derive("aia segment id 1"),
            mac_key: derive("aia segment mac 1"),
            commit_key: derive("aia commit mac 1"),
        }
    }

    /// Whose keys they are.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whose keys they are.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    pub(crate) fn commit_key(&self) -> &[u8; 32] {
        &self.commit_key
    }

    /// The id of the segment of a request: the first 128 bits of keyed BLAKE3 over signal and decompressed body. A
    /// client's retry has the same; without the key nobody can make two bodies of one id.
    #[must_use]
    pub fn segment_id(&self, signal: SignalType, body: &[u8]) -> SegmentId {
        let tag = match signal {
            SignalType::Traces => 1,
            SignalType::Logs => 2,
            SignalType::Metrics => 3,
        };
        self.id(tag, body)
    }

    /// The header of a request's segment.
    ///
    /// `body` is the decompressed body, `key` what the request was sent with, `received_at` in nanoseconds since the
    /// Unix epoch. Rows beyond `u32::MAX` don't occur: a body has at most 4 GiB and a row at least two bytes.
    #[must_use]
    pub fn header(&self, columns: &Columns, body: &[u8], received_at: u64, key: &IngestKey) -> Header {
        Header {
            id: self.segment_id(columns.signal(), body),
            tenant: self.tenant.clone(),
            project: self.project.clone(),
            signal: Some(columns.signal()),
            received_at,
            key_id: Some(key.key_id.clone()),
            rows: u32::try_from(columns.rows()).unwrap_or(u32::MAX),
        }
    }

    /// The header of an empty segment, which tells a silent project's sessions that time has passed. Its id follows from
    /// the time.
    #[must_use]
    pub fn empty_header(&self, received_at: u64) -> Header {
        Header {
            id: self.id(0, &received_at.to_le_bytes()),
            tenant: self.tenant.clone(),
            project: self.project.clone(),
            signal: None,
            received_at,
            key_id: None,
            rows: 0,
        }
    }

    fn id(&self, tag: u8, content: &[u8]) -> SegmentId {
        let mut hasher = blake3::Hasher::new_keyed(&self.id_key);
        hasher.update(&[tag]).update(content);
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        SegmentId(id)
    }
}

impl std::fmt::Debug for ProjectKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ProjectKeys")
            .field("tenant", &self.tenant)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: u8, tenant: &str, project: &str) -> ProjectKeys {
        let (tenant, project) = (TenantId::new(tenant).unwrap(), ProjectId::new(project).unwrap());
        ProjectKeys::derive(&RootSecret::new([secret; 32]), &tenant, &project)
    }

    #[test]
    fn every_project_has_keys_of_its_own() {
        let all = [
            keys(1, "acme", "shop"),
            keys(1, "acme", "blog"),
            keys(1, "evil", "shop"),
            keys(2, "acme", "shop"),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_ne!(*one.id_key, *one.mac_key);
            for other in &all[index + 1..] {
                assert_ne!(*one.id_key, *other.id_key);
                assert_ne!(*one.mac_key, *other.mac_key);
            }
        }
        // Where one name ends and the next begins counts.
        assert_ne!(*keys(1, "a", "bc").id_key, *keys(1, "ab", "c").id_key);
        insta::assert_snapshot!(
            format!("{:?}", all[0]),
            @"ProjectKeys { tenant: TenantId(acme), project: ProjectId(shop), .. }"
        );
    }

    #[test]
    fn ids_depend_on_project_signal_and_body() {
        let shop = keys(1, "acme", "shop");
        let id = shop.segment_id(SignalType::Traces, b"body");
        assert_eq!(id, shop.segment_id(SignalType::Traces, b"body"));
        assert_ne!(id, shop.segment_id(SignalType::Logs, b"body"));
        assert_ne!(id, shop.segment_id(SignalType::Traces, b"Body"));
        assert_ne!(
            id,
            keys(1, "acme", "blog").segment_id(SignalType::Traces, b"body")
        );
        assert_ne!(shop.empty_header(1).id, shop.empty_header(2).id);
        // Pinned: ids must stay the same from version to version, or retries across an upgrade count twice.
        insta::assert_snapshot!(id, @"f1ad1d7369fa4a7fb3067151fabfef58");
    }
}
