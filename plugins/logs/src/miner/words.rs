//! What is known of words beforehand: units, dates, and the like. Words of everyday language, of no particular program.

/// Whether a word is a unit that belongs to the number before it: the same amount comes with different ones.
pub(crate) fn is_unit(word: &[u8]) -> bool {
    matches!(
        word,
        b"B" | b"KB"
            | b"kB"
            | b"MB"
            | b"GB"
            | b"TB"
            | b"KiB"
            | b"MiB"
            | b"GiB"
            | b"TiB"
            | b"ns"
            | b"us"
            | b"ms"
            | b"s"
            | b"sec"
            | b"secs"
            | b"min"
            | b"mins"
            | b"h"
            | b"AM"
            | b"PM"
            | b"UTC"
            | b"GMT"
            | b"%"
    )
}

/// Whether a word is a day of the week or a month.
#[inline]
pub(crate) fn is_calendar(word: &[u8]) -> bool {
    word.len() == 3
        && word.first().is_some_and(u8::is_ascii_uppercase)
        && matches!(
            word,
            b"Mon"
                | b"Tue"
                | b"Wed"
                | b"Thu"
                | b"Fri"
                | b"Sat"
                | b"Sun"
                | b"Jan"
                | b"Feb"
                | b"Mar"
                | b"Apr"
                | b"May"
                | b"Jun"
                | b"Jul"
                | b"Aug"
                | b"Sep"
                | b"Oct"
                | b"Nov"
                | b"Dec"
        )
}

/// Whether a value says that there is none.
#[inline]
pub(crate) fn is_nothing(word: &[u8]) -> bool {
    matches!(
        word,
        b"null" | b"nil" | b"None" | b"undefined" | b"NULL" | b"none"
    )
}

/// Whether a word stands for a decision of the program: where two lines differ in one, they are two statements.
pub(crate) fn is_state(word: &[u8]) -> bool {
    let upper = word.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let lower = word.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    upper > 0 && lower == 0
        || lower + upper == 0
        || [
            &b"true"[..],
            b"false",
            b"True",
            b"False",
            b"yes",
            b"no",
            b"on",
            b"off",
            b"ok",
            b"start",
            b"end",
            b"begin",
            b"enabled",
            b"disabled",
        ]
        .contains(&word)
}

/// Whether a word has the form of an identifier rather than of a word of language: a dotted or qualified name.
pub(crate) fn is_identifier(word: &[u8]) -> bool {
    let inner = word.get(1..word.len().saturating_sub(1)).unwrap_or_default();
    inner
        .iter()
        .any(|byte| matches!(byte, b'.' | b'/' | b'\\' | b'@' | b'$'))
}

/// Whether the word behind this one is a name.
pub(crate) fn announces(word: &[u8]) -> bool {
    [&b"user"[..], b"User", b"username", b"host", b"hostname", b"named"].contains(&word)
}

/// Words by which a statement says that something failed, as starts of words in lower case.
const FAILURES: [&[u8]; 24] = [
    b"abort",
    b"cannot",
    b"corrupt",
    b"crash",
    b"denied",
    b"deadlock",
    b"error",
    b"exception",
    b"exhausted",
    b"fail",
    b"fatal",
    b"forbidden",
    b"invalid",
    b"killed",
    b"lost",
    b"panic",
    b"refused",
    b"reject",
    b"severed",
    b"timeout",
    b"timed-out",
    b"unable",
    b"unavailable",
    b"unreachable",
];

/// Whether a word names failure.
pub(crate) fn names_failure(word: &[u8]) -> bool {
    // `NullPointerException`, `connection_error`: names end in what they are.
    let has = |text: &[u8]| {
        word.len() >= text.len()
            && (word[..text.len()].eq_ignore_ascii_case(text)
                || word[word.len() - text.len()..].eq_ignore_ascii_case(text))
    };
    FAILURES.iter().any(|text| has(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_they_are() {
        assert!(
            names_failure(b"Failed") && names_failure(b"NullPointerException") && names_failure(b"errors")
        );
        assert!(!names_failure(b"terror-free") && !names_failure(b"ok"));
        assert!(is_identifier(b"a.b") && !is_identifier(b"end.") && !is_identifier(b""));
        assert!(is_state(b"RUNNING") && is_state(b"true") && is_state(b"***") && !is_state(b"Paused"));
    }
}
