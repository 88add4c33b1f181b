//! What a matcher found, and what matchers share.

/// A secret at `start..end` of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Rule that found it: what the marker says and metrics count.
    pub(super) rule: &'static str,
}

/// The bytes from `start` on that satisfy a condition.
pub(super) fn run(text: &[u8], start: usize, condition: impl Fn(u8) -> bool) -> &[u8] {
    let rest = text.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| !condition(*byte))
        .unwrap_or(rest.len());
    rest.get(..length).unwrap_or_default()
}

/// Whether something can begin at `at`: the byte before is of another kind, or ends an escape such as `\n` or `%3D`.
pub(super) fn is_start(text: &[u8], at: usize, is_part: impl Fn(u8) -> bool) -> bool {
    match text.get(..at).unwrap_or_default() {
        [] => true,
        [.., last] if !is_part(*last) => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    }
}
