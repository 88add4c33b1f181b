//! Payment card numbers: 13 to 19 digits in one group, or grouped as they are embossed, that begin as an issuer's do and
//! whose last digit is right (Luhn). Anything less strict would hit the ids and times that telemetry is full of.

use super::found::Found;

const MIN_DIGITS: usize = 13;
const MAX_DIGITS: usize = 19;

/// How numbers are embossed when they aren't in one group.
const GROUPINGS: &[&[usize]] = &[
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 3],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 1],
];

/// First digits from and to, and the lengths: Visa, Mastercard, American Express, Diners Club, Discover, JCB, China
/// Union Pay, Maestro, Mir.
const ISSUERS: &[(u32, u32, &[usize])] = &[
    (4, 4, &[13, 16, 19]),
    (51, 55, &[16]),
    (2221, 2720, &[16]),
    (34, 34, &[15]),
    (37, 37, &[15]),
    (300, 305, &[14]),
    (36, 36, &[14]),
    (38, 39, &[14]),
    (6011, 6011, &[16, 19]),
    (644, 659, &[16, 19]),
    (3528, 3589, &[16, 19]),
    (62, 62, &[16, 17, 18, 19]),
    (5018, 5018, &[16, 19]),
    (5020, 5020, &[16, 19]),
    (5038, 5038, &[16, 19]),
    (6304, 6304, &[16, 19]),
    (6759, 6763, &[16, 19]),
    (2200, 2204, &[16]),
];

/// Whether a text has a card number.
pub(super) fn is_any(text: &[u8]) -> bool {
    let mut is_found = false;
    find_all(text, &mut |_| is_found = true);
    is_found
}

/// Finds all card numbers of a text.
pub(super) fn find_all(text: &[u8], found: &mut dyn FnMut(Found)) {
    // A number is at least 13 bytes long and of two neighbours in it at least one is a digit: so it is enough to look at
    // two neighbours every 12 bytes.
    const STRIDE: usize = MIN_DIGITS - 1;
    let (mut at, mut done) = (STRIDE, 0);
    while let Some([one, other]) = text.get(at - 1..=at) {
        if one.is_ascii_digit() || other.is_ascii_digit() {
            let sequence = sequence_around(text, at, done);
            done = sequence.end;
            if sequence.len() >= MIN_DIGITS {
                find_in_sequence(text, sequence, found);
            }
            at = at.max(done);
        }
        at += STRIDE;
    }
}

/// The digits around `at` with single separators between them, not before `from`.
fn sequence_around(text: &[u8], at: usize, from: usize) -> std::ops::Range<usize> {
    let at_byte = |at: usize| text.get(at).copied().unwrap_or_default();
    let is_inner = |at: usize| {
        at_byte(at).is_ascii_digit() || (is_separator(at_byte(at)) && at_byte(at + 1).is_ascii_digit())
    };
    // To the left a separator counts if a digit is before it, which the digit's own step finds.
    let mut start = if at_byte(at).is_ascii_digit() { at } else { at - 1 };
    while start > from {
        let before = at_byte(start - 1);
        let is_separated = is_separator(before) && start >= from + 2 && at_byte(start - 2).is_ascii_digit();
        if before.is_ascii_digit() {
            start -= 1;
        } else if is_separated && at_byte(start).is_ascii_digit() {
            start -= 2;
        } else {
            break;
        }
    }
    let mut end = start;
    while end < text.len() && is_inner(end) {
        end += 1;
    }
    start..end.max(at)
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

fn find_in_sequence(text: &[u8], sequence: std::ops::Range<usize>, found: &mut dyn FnMut(Found)) {
    let Some(bytes) = text.get(sequence.clone()) else {
        return;
    };
    let mut groups = Vec::new();
    let mut start = 0;
    for group in bytes.split(|byte| is_separator(*byte)) {
        groups.push(start..start + group.len());
        start += group.len() + 1;
    }
    let mut index = 0;
    while index < groups.len() {
        let rest = groups.get(index..).unwrap_or_default();
        let lengths = std::iter::once(1).chain(GROUPINGS.iter().map(|grouping| grouping.len()));
        let count = lengths
            .filter(|count| is_card(text, sequence.start, rest.get(..*count)))
            .max();
        if let Some((first, last)) = count.and_then(|count| Some((rest.first()?, rest.get(count - 1)?))) {
            found(Found {
                start: sequence.start + first.start,
                end: sequence.start + last.end,
                rule: "payment-card",
            });
        }
        index += count.unwrap_or(1);
    }
}

/// Whether these groups of digits are a card number.
fn is_card(text: &[u8], offset: usize, groups: Option<&[std::ops::Range<usize>]>) -> bool {
    let Some(groups @ [first, .., last] | groups @ [first @ last]) = groups else {
        return false;
    };
    let is_grouping = |grouping: &[usize]| {
        grouping
            .iter()
            .copied()
            .eq(groups.iter().map(std::ops::Range::len))
    };
    if groups.len() > 1 && !GROUPINGS.iter().copied().any(is_grouping) {
        return false;
    }
    let (start, end) = (offset + first.start, offset + last.end);
    let Some(card) = text.get(start..end) else {
        return false;
    };
    let mut digits = [0; MAX_DIGITS];
    let mut count = 0;
    let mut separator = None;
    for byte in card {
        if byte.is_ascii_digit() {
            let Some(digit) = digits.get_mut(count) else {
                return false;
            };
            *digit = byte - b'0';
            count += 1;
        } else if *separator.get_or_insert(*byte) != *byte {
            return false;
        }
    }
    count >= MIN_DIGITS
        && stands_alone(text, start, end)
        && digits
            .get(..count)
            .is_some_and(|digits| is_issued(digits) && luhn(digits))
}

/// Whether the number isn't part of a word, an id or a decimal fraction.
fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let before = match text.get(..start).unwrap_or_default() {
        [.., digit, b'.'] => !digit.is_ascii_digit(),
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., last] => !is_word(last),
        [] => true,
    };
    let after = match text.get(end..).unwrap_or_default() {
        [b'.', digit, ..] => !digit.is_ascii_digit(),
        [next, ..] => !is_word(next),
        [] => true,
    };
    before && after
}

fn is_issued(digits: &[u8]) -> bool {
    ISSUERS.iter().any(|(from, to, lengths)| {
        let count = from.ilog10() as usize + 1;
        let prefix = digits
            .iter()
            .take(count)
            .fold(0, |prefix, digit| prefix * 10 + u32::from(*digit));
        (*from..=*to).contains(&prefix) && lengths.contains(&digits.len())
    })
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match u32::from(*digit) << (index % 2) {
            doubled @ 10.. => doubled - 9,
            digit => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::redacted;
    use super::*;

    #[test]
    fn card_numbers_are_found_however_grouped() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "6200000000000005",
            "4222222222222",
            "2200000000000004",
        ] {
            assert_eq!(redacted(card), "[redacted:payment-card]");
            for (before, after) in [
                ("card ", " declined"),
                ("{\"pan\":\"", "\"}"),
                ("order 123 ", " 12"),
                ("(", ")."),
                ("\\n", "\\n"),
            ] {
                assert_eq!(
                    redacted(&format!("{before}{card}{after}")),
                    format!("{before}[redacted:payment-card]{after}")
                );
            }
        }
    }

    #[test]
    fn ids_times_and_other_numbers_stay() {
        for text in [
            "4111111111111112",
            "1674981234567890123",
            "1674981234567",
            "4111 1111 11111111",
            "4111-1111 1111-1111",
            "41111111111111110000000",
            "0.4111111111111111",
            "4111111111111111.5",
            "a4111111111111111",
            "4111111111111111e",
            "_4111111111111111",
            "ä4111111111111111",
            "00000000000000000000000000000000",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "9111111111111111",
            "",
            "4",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    proptest! {
        #[test]
        fn the_stride_misses_none(before in "[a-z .0-9-]{0,40}", after in "[a-z .0-9-]{0,40}") {
            // A slow but plain search for the same numbers.
            let text = format!("{before}|4111-1111-1111-1111|{after}");
            let mut found = Vec::new();
            find_all(text.as_bytes(), &mut |card| found.push(card.start));
            prop_assert!(found.contains(&(before.len() + 1)));
        }

        #[test]
        fn any_bytes_are_searched_without_a_panic(bytes in prop::collection::vec(prop_oneof![b'0'..=b'9', Just(b' '), Just(b'-'), any::<u8>()], 0..200)) {
            find_all(&bytes, &mut |card| assert!(card.start < card.end && card.end <= bytes.len()));
        }
    }
}
