//! Characters that make a text something else than it looks like.

use std::fmt::Write as _;

/// Control characters, marks of direction and characters without width.
pub(crate) fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Shows one as what it is, such as `⟦U+202E⟧`.
pub(crate) fn push_visible(out: &mut String, letter: char) {
    // Writing to a string can't fail.
    let _ = write!(out, "⟦U+{:04X}⟧", u32::from(letter));
}
