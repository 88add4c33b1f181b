//! Who is let in, before a byte of the body is read: the ingest key, and the list of revoked keys, which is cached.

use aia_telemetry::{
    IngestKey, IngestSecrets, Refusal, RequestHead, RevocationError, RevocationList, RootSecret,
};

const SECOND: u64 = 1_000_000_000;

/// How long the list of revoked keys is believed, in nanoseconds: a revoked key is refused after so long at the latest.
const FRESH_FOR: u64 = 30 * SECOND;

/// The list of revoked keys as an isolate last read it. If it can't be read, the last good one holds.
#[derive(Debug, Default)]
pub struct Revocations {
    list: Option<RevocationList>,
    read_at: u64,
}

/// The list has to be read, since none was read yet or the last one is too old.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevocationsStale {
    /// Whether nobody can be let in before.
    pub is_needed: bool,
}

impl Revocations {
    /// Whether the list has to be read again.
    #[must_use]
    pub fn stale(&self, now: u64) -> Option<RevocationsStale> {
        let is_fresh = self.list.is_some() && now.saturating_sub(self.read_at) < FRESH_FOR;
        (!is_fresh).then_some(RevocationsStale {
            is_needed: self.list.is_none(),
        })
    }

    /// Takes the object that was read; none if there is none, which is an empty list. One that is older than the last stays
    /// away: lists only grow.
    ///
    /// # Errors
    /// If it isn't genuine: the last good one holds, for another while.
    pub fn read(
        &mut self,
        object: Option<&[u8]>,
        root: &RootSecret,
        now: u64,
    ) -> Result<(), RevocationError> {
        self.read_at = now;
        let list = object.map_or_else(
            || Ok(RevocationList::default()),
            |object| RevocationList::open(object, root),
        )?;
        let is_newer = self
            .list
            .as_ref()
            .is_none_or(|known| list.revision >= known.revision);
        if is_newer {
            self.list = Some(list);
        }
        Ok(())
    }

    /// The list couldn't be read: the last one holds, for another while.
    pub fn failed(&mut self, now: u64) {
        self.read_at = now;
    }

    fn is_revoked(&self, key: &IngestKey) -> bool {
        self.list.as_ref().is_some_and(|list| list.is_revoked(key))
    }
}

/// What is looked at before a request's body is.
pub struct Admission<'a> {
    /// Secrets that ingest keys are verified with.
    pub secrets: &'a IngestSecrets,
    /// Revoked keys.
    pub revocations: &'a Revocations,
}

impl Admission<'_> {
    /// Who sends.
    ///
    /// # Errors
    /// If the path or method isn't OTLP's, or the key is missing, not genuine or revoked.
    pub fn admit(&self, head: &RequestHead<'_>) -> Result<IngestKey, Refusal> {
        head.signal()?;
        let key = self.secrets.verify(head.presented_key()?)?;
        if self.revocations.is_revoked(&key) {
            return Err(Refusal::RevokedKey);
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use aia_telemetry::{KeyId, ProjectId, TenantId};

    use super::*;

    fn names() -> (TenantId, ProjectId, KeyId) {
        (
            TenantId::new("acme").unwrap(),
            ProjectId::new("shop").unwrap(),
            KeyId::new("k1").unwrap(),
        )
    }

    fn sealed(revoke: bool, root: &RootSecret) -> Vec<u8> {
        let (tenant, project, key) = names();
        let mut list = RevocationList::default();
        if revoke {
            list.revoke(&tenant, &project, &key);
        }
        list.seal(root)
    }

    #[test]
    fn revoked_keys_are_refused_and_the_last_good_list_holds() {
        let root = RootSecret::new([7; 32]);
        let secrets = IngestSecrets::new(1, &root);
        let (tenant, project, key_id) = names();
        let key = format!("Bearer {}", secrets.mint(&tenant, &project, &key_id));
        let head = RequestHead::new("POST", "/v1/traces", |name| {
            (name == "authorization").then_some(key.as_str())
        });
        let mut revocations = Revocations::default();
        let admit = |revocations: &Revocations| {
            Admission {
                secrets: &secrets,
                revocations,
            }
            .admit(&head)
        };
        assert_eq!(revocations.stale(0), Some(RevocationsStale { is_needed: true }));
        revocations.read(None, &root, 0).unwrap();
        assert!(admit(&revocations).is_ok());
        assert_eq!(
            revocations.stale(FRESH_FOR),
            Some(RevocationsStale { is_needed: false })
        );
        revocations
            .read(Some(&sealed(true, &root)), &root, FRESH_FOR)
            .unwrap();
        assert_eq!(admit(&revocations), Err(Refusal::RevokedKey));
        assert_eq!(revocations.stale(FRESH_FOR + 1), None);
        // Forged, older, or not to be read: it stays revoked.
        let forged = sealed(false, &RootSecret::new([8; 32]));
        assert!(revocations.read(Some(&forged), &root, 0).is_err());
        revocations.read(Some(&sealed(false, &root)), &root, 0).unwrap();
        revocations.read(None, &root, 0).unwrap();
        revocations.failed(0);
        assert_eq!(admit(&revocations), Err(Refusal::RevokedKey));
    }
}
