//! Values as text: strings, numbers and booleans as they are, lists as compact JSON, bytes in hexadecimal.

use std::fmt::Write;

use crate::columns::{Common, MAX_VALUE_DEPTH, unpack_range, value_kind};

/// A text of at most `limit` bytes; a longer one is cut at a character and marked.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let kept = text.get(..text.floor_char_boundary(limit)).unwrap_or_default();
    format!("{kept}… [{} of {} bytes]", kept.len(), text.len())
}

/// The first line of a text, cut to fit a title.
pub(super) fn first_line(text: &str) -> String {
    const MAX_TITLE_BYTES: usize = 200;
    let line = text.trim_start().lines().next().unwrap_or_default();
    let kept = line
        .get(..line.floor_char_boundary(MAX_TITLE_BYTES))
        .unwrap_or_default();
    if kept.len() < line.len() {
        format!("{kept}…")
    } else {
        kept.to_owned()
    }
}

/// The text of a value (one of [`value_kind`], and its data), cut to `limit` bytes and marked.
#[must_use]
pub fn render(common: &Common, kind: u8, data: u64, limit: usize) -> String {
    if kind == value_kind::STRING {
        return cut(string(common, data), limit);
    }
    let mut out = String::new();
    // A value can refer to one list many times, so that a small segment has an endless text; writing stops there.
    if write_value(&mut out, common, kind, data, limit, 0).is_err() {
        out.truncate(out.floor_char_boundary(limit));
        out.push_str("… [cut]");
    }
    out
}

/// The text has reached its limit.
struct Full;

fn string(common: &Common, data: u64) -> &str {
    u32::try_from(data).map_or("", |index| common.strings.get(index))
}

fn write_value(
    out: &mut String,
    common: &Common,
    kind: u8,
    data: u64,
    limit: usize,
    depth: usize,
) -> Result<(), Full> {
    // Writing to a `String` can't fail.
    let _ = match kind {
        value_kind::STRING => {
            write_json_string(out, string(common, data), limit);
            Ok(())
        }
        value_kind::BOOL => write!(out, "{}", data != 0),
        value_kind::INT => write!(out, "{}", data.cast_signed()),
        value_kind::DOUBLE => write!(out, "{}", f64::from_bits(data)),
        value_kind::BYTES => {
            let (first, count) = unpack_range(data);
            let range = first as usize..(first as usize).saturating_add(count as usize);
            let bytes = common.bytes.get(range).unwrap_or_default();
            bytes
                .iter()
                .take(limit / 2 + 1)
                .try_for_each(|byte| write!(out, "{byte:02x}"))
        }
        value_kind::ARRAY | value_kind::KEY_VALUES => {
            return write_list(out, common, kind == value_kind::KEY_VALUES, data, limit, depth);
        }
        _ if depth > 0 => write!(out, "null"),
        _ => Ok(()),
    };
    if out.len() > limit { Err(Full) } else { Ok(()) }
}

fn write_list(
    out: &mut String,
    common: &Common,
    has_keys: bool,
    data: u64,
    limit: usize,
    depth: usize,
) -> Result<(), Full> {
    if depth >= MAX_VALUE_DEPTH {
        return Err(Full);
    }
    let (first, count) = unpack_range(data);
    let nested = &common.nested;
    out.push(if has_keys { '{' } else { '[' });
    for (index, row) in (first as usize..(first as usize).saturating_add(count as usize)).enumerate() {
        let (Some(key), Some(kind), Some(data)) =
            (nested.key.get(row), nested.kind.get(row), nested.data.get(row))
        else {
            break;
        };
        if index > 0 {
            out.push(',');
        }
        if has_keys {
            write_json_string(out, common.strings.get(*key), limit);
            out.push(':');
        }
        write_value(out, common, *kind, *data, limit, depth + 1)?;
    }
    out.push(if has_keys { '}' } else { ']' });
    if out.len() > limit { Err(Full) } else { Ok(()) }
}

/// Writes a JSON string, or as much of it as can be needed.
fn write_json_string(out: &mut String, text: &str, limit: usize) {
    let text = text
        .get(..text.floor_char_boundary(limit.saturating_add(1)))
        .unwrap_or_default();
    // A `str` always has a JSON form.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::pack_range;

    fn common() -> Common {
        let mut common = Common::default();
        let texts = ["", "a \"quoted\" text", "käse"];
        common.strings.utf8 = texts.concat().into_bytes();
        common.strings.ends = vec![0, 15, 20];
        common.bytes = vec![0, 0xab, 0xff];
        common.nested.key = vec![0, 0, 2, 0, 2];
        common.nested.kind = vec![1, 3, 6, 7, 5];
        common.nested.data = vec![1, u64::MAX, pack_range(4, 1), pack_range(1, 2), pack_range(0, 2)];
        common
    }

    #[test]
    fn values_as_text() {
        let common = common();
        let render = |kind, data| render(&common, kind, data, 1000);
        assert_eq!(render(value_kind::EMPTY, 0), "");
        assert_eq!(render(value_kind::STRING, 1), "a \"quoted\" text");
        assert_eq!(render(value_kind::BOOL, 1), "true");
        assert_eq!(render(value_kind::INT, u64::MAX), "-1");
        assert_eq!(render(value_kind::DOUBLE, 1.5_f64.to_bits()), "1.5");
        assert_eq!(render(value_kind::BYTES, pack_range(1, 2)), "abff");
        assert_eq!(
            render(value_kind::ARRAY, pack_range(0, 2)),
            r#"["a \"quoted\" text",-1]"#
        );
        assert_eq!(
            render(value_kind::ARRAY, pack_range(2, 2)),
            r#"[{"käse":["a \"quoted\" text",-1]},"abff"]"#.replace("\"abff\"", "abff")
        );
    }

    #[test]
    fn what_is_out_of_range_is_empty() {
        let common = common();
        for kind in 0..=255 {
            for data in [u64::MAX, pack_range(4, 100), pack_range(3, u32::MAX)] {
                assert!(render(&common, kind, data, 100).len() < 200, "kind {kind}");
            }
        }
    }

    #[test]
    fn endless_values_end() {
        let mut common = common();
        // Each list holds the one before it ten times: 10^30 elements in 300 rows.
        common.nested = crate::columns::Attributes::default();
        for level in 0..30_u32 {
            for _ in 0..10 {
                common.nested.key.push(0);
                common.nested.kind.push(value_kind::ARRAY);
                common.nested.data.push(if level == 0 {
                    0
                } else {
                    pack_range((level - 1) * 10, 10)
                });
            }
        }
        let text = render(&common, value_kind::ARRAY, pack_range(290, 10), 1000);
        assert!(text.len() <= 1000 + "… [cut]".len() && text.ends_with("… [cut]"));
    }

    #[test]
    fn cuts_are_marked_and_keep_characters_whole() {
        assert_eq!(cut("käse", 5), "käse");
        assert_eq!(cut("käse", 2), "k… [1 of 5 bytes]");
        assert_eq!(first_line("\n  one\ntwo"), "one");
        assert_eq!(first_line(&"ä".repeat(200)), format!("{}…", "ä".repeat(100)));
    }
}
