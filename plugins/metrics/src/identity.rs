//! Which series a point belongs to, and what that is called.

use aia_plugin_sdk::semconv::clip;
use aia_plugin_sdk::{Attribute, Attributes, Memo, Resource, Text, Value};

/// Longest label of a series, in bytes.
const MAX_LABEL_BYTES: usize = 80;

/// Attributes that go into a label at most.
const MAX_LABELS: usize = 6;

/// What says which instance sends, the best first.
const INSTANCE: [&str; 4] = [
    "k8s.pod.name",
    "service.instance.id",
    "host.name",
    "container.name",
];

/// Attributes of resources that change with each release or start, while what is measured stays the same.
const PASSING: [&str; 5] = [
    "service.version",
    "process.pid",
    "container.id",
    "k8s.pod.uid",
    "k8s.container.restart_count",
];

/// A number for some bytes: the same on every machine, since snapshots hold it.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut state = bytes.len() as u64;
    for chunk in chunks {
        state = mix(state, u64::from_le_bytes(*chunk));
    }
    mix(state, u64::from_le_bytes(last))
}

/// Folds a number into another one. With 64 bits only: Wasm has no multiplication of more.
#[inline]
pub(crate) fn mix(state: u64, more: u64) -> u64 {
    let sum = state.rotate_left(23) ^ more ^ 0x9e37_79b9_7f4a_7c15;
    let mixed = (sum ^ (sum >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Numbers for the texts of a batch: most are keys and values of many points.
pub(crate) type Hashes = Memo<1, u64>;

/// A number for attributes in any order.
pub(crate) fn hash_attributes(
    attributes: Attributes<'_>,
    hashes: &mut Hashes,
    is_kept: impl Fn(Attribute<'_>) -> bool,
) -> u64 {
    let mut sum = 0_u64;
    let mut of = |text: Text<'_>| hashes.get_or([text.index()], || hash(text.as_bytes()));
    for attribute in attributes.each() {
        if is_kept(attribute) {
            let value = match attribute.text() {
                Some(text) => of(text),
                None => hash_value(attribute.value()),
            };
            sum = sum.wrapping_add(mix(of(attribute.key()), value));
        }
    }
    sum
}

fn hash_value(value: Value<'_>) -> u64 {
    match value {
        Value::Int(number) => mix(3, number.cast_unsigned()),
        Value::Bool(truth) => mix(2, u64::from(truth)),
        Value::Double(number) => mix(4, number.to_bits()),
        other => hash(other.to_string().as_bytes()),
    }
}

/// A number for a sender.
pub(crate) fn hash_resource(resource: Resource<'_>, hashes: &mut Hashes) -> u64 {
    hash_attributes(resource.attributes(), hashes, |attribute| {
        let key = attribute.key().as_str();
        !PASSING.contains(&key) && !key.starts_with("telemetry.")
    })
}

/// What tells a series from others of its metric: attributes by name, then the instance.
pub(crate) fn label(attributes: Attributes<'_>, resource: Resource<'_>) -> String {
    let mut pairs: Vec<(&str, String)> = attributes
        .iter()
        .map(|(key, value)| (clip(key, 32), clip(&value.to_string(), 32).to_owned()))
        .collect();
    pairs.sort_unstable();
    pairs.truncate(MAX_LABELS);
    let instance = INSTANCE
        .iter()
        .map(|key| resource.attributes().text(*key))
        .find(|text| !text.is_empty());
    let mut label = String::new();
    for (key, value) in pairs {
        label.push_str(if label.is_empty() { "" } else { ", " });
        label.push_str(&format!("{key}={value}"));
    }
    if let Some(instance) = instance {
        label.push_str(if label.is_empty() { "" } else { ", " });
        label.push_str(instance);
    }
    clip(&one_line(&label), MAX_LABEL_BYTES).to_owned()
}

/// What came with telemetry may be anything; a title is one line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_what_they_have_always_been() {
        // Snapshots hold them.
        assert_eq!(hash(b""), hash(b""));
        assert_ne!(hash(b"a"), hash(b"a\0"));
        assert_ne!(hash(b"abcdefgh"), hash(b"abcdefgi"));
        assert_ne!(mix(1, 2), mix(2, 1));
    }
}
