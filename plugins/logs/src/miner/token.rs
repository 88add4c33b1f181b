//! From a line to tokens: constant words, separators, and variables.
//!
//! A line is read once, byte by byte and without regular expressions. What is a variable is told from its form alone:
//! numbers and whatever has a digit, paths, addresses, dates. What isn't told from one line (names, states) is found
//! later by comparing lines, in `merge`.

use super::hash::hash;
use super::words::{is_calendar, is_nothing, is_unit};

/// Most bytes of a line that are read. What is behind them doesn't tell statements of a program apart.
pub(crate) const MAX_LINE_BYTES: usize = 2048;

/// Most tokens of a line.
pub(crate) const MAX_TOKENS: usize = 64;

/// Most bytes of constant words of a line, and of one of them: longer ones are encoded data.
const MAX_CONSTANT_BYTES: u32 = 256;
const MAX_WORD_BYTES: usize = 64;

/// Stands for a variable in the text of a template. Lines never have it: control characters are spaces.
pub(crate) const VARIABLE: u8 = 0;

/// Hash of a variable.
pub(crate) const VARIABLE_HASH: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a token is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A word that is the same in all lines so far.
    #[default]
    Word,
    /// A separator.
    Mark,
    /// A variable.
    Variable,
}

/// A token of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Whether a space comes before it.
    pub(crate) is_spaced: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) hash: u64,
}

/// The tokens of a line.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    tokens: [Token; MAX_TOKENS],
    len: usize,
    constant_bytes: u32,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            tokens: [Token::default(); MAX_TOKENS],
            len: 0,
            constant_bytes: 0,
        }
    }
}

const SPACE: u8 = 1;
const MARK: u8 = 2;
const DIGIT: u8 = 4;
const DOT: u8 = 8;
const SLASH: u8 = 16;
const LETTER: u8 = 32;
const AT: u8 = 64;
const NOT_HEX: u8 = 128;

/// What each byte is.
const CLASSES: [u8; 256] = classes();

#[expect(clippy::cast_possible_truncation, reason = "an index below 256")]
const fn classes() -> [u8; 256] {
    let mut classes = [NOT_HEX; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        classes[at] = match byte {
            VARIABLE => MARK,
            1..=b' ' | 0x7f => SPACE,
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => LETTER,
            b'g'..=b'z' | b'G'..=b'Z' | 0x80.. => LETTER | NOT_HEX,
            b'.' => DOT | NOT_HEX,
            b'/' | b'\\' => SLASH | NOT_HEX,
            b'@' => AT | NOT_HEX,
            b'=' | b':' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'"'
            | b'\'' | b'|' => MARK,
            _ => NOT_HEX,
        };
        at += 1;
    }
    classes
}

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

impl Tokens {
    /// The tokens.
    pub(crate) fn as_slice(&self) -> &[Token] {
        self.tokens.get(..self.len).unwrap_or_default()
    }

    /// Reads a line.
    #[inline]
    pub(crate) fn read(&mut self, line: &[u8]) {
        self.len = 0;
        self.constant_bytes = 0;
        let line = line.get(..MAX_LINE_BYTES).unwrap_or(line);
        let (mut at, mut is_spaced) = (0, false);
        while let Some(&byte) = line.get(at) {
            if self.len >= MAX_TOKENS || self.constant_bytes >= MAX_CONSTANT_BYTES {
                break;
            }
            let kind = class(byte);
            if kind & SPACE != 0 {
                // What is behind the first line is a trace or a dump, of which no statement has the words.
                if byte == b'\n' && self.len > 0 {
                    break;
                }
                is_spaced = true;
                at += 1;
                continue;
            }
            if kind & MARK != 0 {
                at = self.mark(line, at, is_spaced);
            } else {
                at = self.word(line, at, is_spaced);
            }
            is_spaced = false;
        }
    }

    #[inline]
    fn top(&self, below: usize) -> Option<&Token> {
        self.len.checked_sub(below + 1).and_then(|at| self.tokens.get(at))
    }

    #[inline]
    fn push(&mut self, token: Token) {
        if let Some(slot) = self.tokens.get_mut(self.len) {
            *slot = token;
            self.len += 1;
        }
    }

    /// Adds to the last token what is up to there.
    #[expect(clippy::cast_possible_truncation, reason = "a line has at most 2,048 bytes")]
    #[inline]
    fn extend(&mut self, end: usize) {
        if let Some(token) = self.len.checked_sub(1).and_then(|at| self.tokens.get_mut(at)) {
            token.end = end as u32;
        }
    }

    fn is_mark(&self, line: &[u8], below: usize, marks: &[u8]) -> bool {
        self.top(below).is_some_and(|token| {
            token.kind == Kind::Mark
                && line
                    .get(token.start as usize)
                    .is_some_and(|byte| marks.contains(byte))
        })
    }

    /// Reads a separator; gives where to go on.
    #[expect(clippy::cast_possible_truncation, reason = "a line has at most 2,048 bytes")]
    fn mark(&mut self, line: &[u8], at: usize, is_spaced: bool) -> usize {
        let byte = line.get(at).copied().unwrap_or_default();
        let next = line.get(at + 1).copied().unwrap_or_default();
        if byte == VARIABLE {
            self.variable(line, at, at + 1, is_spaced);
            return at + 1;
        }
        // `<1 s` is an amount.
        if matches!(byte, b'<' | b'>') && next.is_ascii_digit() {
            return self.word(line, at + 1, is_spaced);
        }
        // A text in quotes behind `=` is a value, whatever it says.
        if byte == b'"' && self.is_mark(line, 0, b"=") {
            let rest = line.get(at + 1..).unwrap_or_default();
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\n'))
                .map_or(line.len(), |end| at + end + 2);
            self.variable(line, at, end, is_spaced);
            return end;
        }
        // What stands alone in brackets behind a word adds to it and may be missing.
        if byte == b')' {
            if self.top(0).is_some_and(|token| token.kind == Kind::Variable)
                && self.is_mark(line, 1, b"(")
                && self.top(1).is_some_and(|token| token.is_spaced)
            {
                self.len -= 2;
                return at + 1;
            }
            if self.is_mark(line, 0, b"(") && self.top(0).is_some_and(|token| token.is_spaced) {
                self.len -= 1;
                return at + 1;
            }
        }
        self.push(Token {
            kind: Kind::Mark,
            is_spaced,
            start: at as u32,
            end: at as u32 + 1,
            hash: u64::from(byte).wrapping_mul(0xd6e8_feb8_6659_fd93),
        });
        at + 1
    }

    /// Adds a variable. Several in a row are one: lists are of any length.
    #[expect(clippy::cast_possible_truncation, reason = "a line has at most 2,048 bytes")]
    fn variable(&mut self, line: &[u8], start: usize, end: usize, is_spaced: bool) {
        let is_variable = |token: Option<&Token>| token.is_some_and(|token| token.kind == Kind::Variable);
        if is_variable(self.top(0)) {
            self.extend(end);
            return;
        }
        if is_variable(self.top(1)) && self.is_mark(line, 0, b":,;|-#.>") {
            self.len -= 1;
            self.extend(end);
            return;
        }
        self.push(Token {
            kind: Kind::Variable,
            is_spaced,
            start: start as u32,
            end: end as u32,
            hash: VARIABLE_HASH,
        });
    }

    /// Reads a word; gives where to go on.
    #[expect(clippy::cast_possible_truncation, reason = "a line has at most 2,048 bytes")]
    #[inline]
    fn word(&mut self, line: &[u8], start: usize, is_spaced: bool) -> usize {
        let rest = line.get(start..).unwrap_or_default();
        let (mut len, mut seen) = (0, 0_u8);
        for (at, &byte) in rest.iter().enumerate() {
            let kind = class(byte);
            if kind & (SPACE | MARK | DOT) != 0 {
                // Dots in a row lead from a name to its value.
                if kind & DOT == 0 || rest.get(at + 1) == Some(&b'.') {
                    break;
                }
            }
            seen |= kind;
            len = at + 1;
        }
        let mut end = start + len;
        if end == start {
            while line.get(end) == Some(&b'.') {
                end += 1;
            }
            self.push(Token {
                kind: Kind::Mark,
                is_spaced,
                start: start as u32,
                end: end as u32,
                hash: hash(b".."),
            });
            return end;
        }
        let word = line.get(start..end).unwrap_or_default();
        let next = line.get(end).copied().unwrap_or_default();
        if next == b':'
            && seen & NOT_HEX == 0
            && word.len() <= 4
            && let Some(end) = address(line, start)
        {
            self.variable(line, start, end, is_spaced);
            return end;
        }
        let is_value = self.is_mark(line, 0, b"=");
        // A name in brackets behind an address is the same once more, and is left out where it isn't known.
        let is_again = next == b')'
            && self.is_mark(line, 0, b"(")
            && self.top(1).is_some_and(|token| token.kind == Kind::Variable);
        if is_value && let Some(end) = enclosed(line, start, end) {
            self.variable(line, start, end, is_spaced);
            return end;
        }
        let is_variable = if seen & DIGIT != 0 {
            // `r24=`: the name of a value.
            !(next == b'=' && is_name(word))
        } else if seen & LETTER == 0 {
            word.len() > MAX_WORD_BYTES
        } else {
            let first = word.first().copied().unwrap_or_default();
            let last = word.last().copied().unwrap_or_default();
            // Most words have none of these, and needn't be counted through.
            let count = |class_of: u8| {
                let found = word.iter().filter(|byte| class(**byte) & class_of != 0);
                if seen & class_of == 0 { 0 } else { found.count() }
            };
            let (dots, slashes) = (count(DOT), count(SLASH));
            let is_path = slashes > 1 || slashes > 0 && (class(first) & SLASH != 0 || first == b'~');
            let is_host = dots > 0 && next == b':' && line.get(end + 1).is_some_and(u8::is_ascii_digit);
            let is_hex = seen & NOT_HEX == 0 && word.len() >= 8;
            word.len() > MAX_WORD_BYTES
                || is_path
                || is_host
                || is_hex
                || seen & AT != 0 && last != b'@' && first != b'@'
                || is_again && dots > 0
                || is_value && (dots > usize::from(last == b'.') || is_nothing(word))
                || is_calendar(word)
        };
        if is_variable {
            self.variable(line, start, end, is_spaced);
            return end;
        }
        let is_behind = self.top(0).is_some_and(|token| token.kind == Kind::Variable);
        if is_behind && is_unit(word) {
            self.extend(end);
            return end;
        }
        self.constant_bytes += word.len() as u32;
        self.push(Token {
            kind: if word == b"-" { Kind::Mark } else { Kind::Word },
            is_spaced,
            start: start as u32,
            end: end as u32,
            hash: hash(word),
        });
        end
    }
}

/// `name{12}` and the like behind `=`: where it ends, if it has a digit.
fn enclosed(line: &[u8], start: usize, end: usize) -> Option<usize> {
    let close = match line.get(end)? {
        b'{' => b'}',
        b'(' => b')',
        b'[' => b']',
        _ => return None,
    };
    let rest = line.get(end..)?;
    let len = rest
        .iter()
        .position(|byte| *byte == close || class(*byte) & SPACE != 0)?;
    let inside = line.get(start..end + len)?;
    (rest.get(len) == Some(&close) && inside.iter().any(u8::is_ascii_digit)).then_some(end + len + 1)
}

/// Hexadecimal groups with colons between them, as addresses of hardware and IPv6 have: where they end.
fn address(line: &[u8], start: usize) -> Option<usize> {
    let rest = line.get(start..)?;
    let is_part = |byte: &u8| *byte == b':' || byte.is_ascii_hexdigit();
    let len = rest
        .iter()
        .take(48)
        .position(|byte| !is_part(byte))
        .unwrap_or(rest.len().min(48));
    let run = rest.get(..len)?;
    let groups = run.split(|byte| *byte == b':');
    let is_address =
        run.iter().filter(|byte| **byte == b':').count() >= 4 && groups.clone().all(|group| group.len() <= 4);
    (is_address && run.last() != Some(&b':')).then_some(start + len)
}

/// Whether it is a name with a number at its end, as `r24`.
fn is_name(word: &[u8]) -> bool {
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let name = word.get(..word.len() - digits).unwrap_or_default();
    word.len() <= 24
        && digits <= 2
        && !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.' | b'-'))
}
