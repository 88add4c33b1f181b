//! Ingest keys and the list of revoked ones.

use std::sync::LazyLock;

use aia_telemetry::{IngestSecrets, KeyId, ProjectId, RevocationList, RootSecret, TenantId};

struct Keys {
    root: RootSecret,
    secrets: IngestSecrets,
    valid: String,
    list: Vec<u8>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let root = RootSecret::new([3; 32]);
    let tenant = TenantId::new("acme").expect("a name");
    let project = ProjectId::new("shop").expect("a name");
    let key_id = KeyId::new("k1").expect("a name");
    let secrets = IngestSecrets::new(2, &root).with_previous(1, &RootSecret::new([4; 32]));
    let valid = secrets.mint(&tenant, &project, &key_id);
    let mut list = RevocationList::default();
    list.revoke(&tenant, &project, &key_id);
    let list = list.seal(&root);
    Keys {
        root,
        secrets,
        valid,
        list,
    }
});

/// Any text, and edits of a valid key: there is one text for each key, and nobody makes another.
pub fn keys(data: &[u8]) {
    let Keys { secrets, valid, .. } = &*KEYS;
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let text = match mode {
        0 => rest.to_vec(),
        _ => edited(valid.as_bytes(), rest),
    };
    let Ok(text) = str::from_utf8(&text) else { return };
    if let Ok(key) = secrets.verify(text) {
        assert_eq!(text, valid, "another text is taken for {key:?}");
        assert_eq!(text, secrets.mint(&key.tenant, &key.project, &key.key_id));
    }
}

/// Any bytes, and edits of a sealed list: nothing opens but what was sealed.
pub fn revocations(data: &[u8]) {
    let Keys { root, list, .. } = &*KEYS;
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    let bytes = match mode {
        0 => rest.to_vec(),
        _ => edited(list, rest),
    };
    assert_eq!(RevocationList::open(&bytes, root).is_ok(), bytes == *list);
}

/// Each pair of bytes replaces, inserts or removes a byte.
fn edited(original: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for edit in edits.chunks_exact(2) {
        let &[at, new] = edit else { continue };
        let place = usize::from(at) % bytes.len().max(1);
        match (new, bytes.get_mut(place)) {
            (0xff, Some(_)) => {
                bytes.remove(place);
            }
            (0x80.., _) => bytes.insert(place.min(bytes.len()), new & 0x7f),
            (_, Some(byte)) => *byte = new,
            (_, None) => bytes.push(new),
        }
    }
    bytes
}
