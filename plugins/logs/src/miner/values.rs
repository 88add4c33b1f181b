//! What the values of a template's variables have in common: all of it (`uid=0` in every line), or how they begin
//! (`attempt_…`, `/udev/…`). It makes no difference to what a line is taken for, and says more to who reads the template.

use serde::{Deserialize, Serialize};

use super::token::{Kind, Token};

/// Lines from which on a value that was always the same is taken for part of the template.
const LINES_FOR_A_CONSTANT: u64 = 20;

/// Most bytes of a value, and of all of a template with what a snapshot adds to each.
const VALUE_BYTES: usize = 40;
const ALL_BYTES: usize = 96;
const ADDED_BYTES: usize = 3;

/// What is in common, by position; a variable that has nothing isn't there.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Values(Vec<Common>);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Common {
    position: u8,
    /// Whether it is all of the value, in every line so far.
    is_whole: bool,
    text: Vec<u8>,
}

impl Values {
    /// The values of a template's first line.
    pub(crate) fn of(line: &[u8], tokens: &[Token]) -> Self {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for (token, position) in tokens.iter().zip(0_u8..) {
            let text = text(line, token);
            if token.kind == Kind::Variable
                && !text.is_empty()
                && bytes + text.len() + ADDED_BYTES <= ALL_BYTES
            {
                bytes += text.len() + ADDED_BYTES;
                found.push(Common {
                    position,
                    is_whole: true,
                    text: text.to_vec(),
                });
            }
        }
        Self(found)
    }

    /// Compares with another line.
    #[inline]
    pub(crate) fn see(&mut self, line: &[u8], tokens: &[Token]) {
        if !self.0.is_empty() {
            self.compare(
                |position| {
                    tokens
                        .get(usize::from(position))
                        .map_or(&[], |token| text(line, token))
                },
                false,
            );
        }
    }

    /// Takes over another template's, that turned out to be the same.
    pub(crate) fn absorb(&mut self, other: &Self) {
        let of = |position| other.0.iter().find(|common| common.position == position);
        self.compare(
            |position| of(position).map_or(&[], |common| common.text.as_slice()),
            true,
        );
        for common in &mut self.0 {
            common.is_whole &= of(common.position).is_some_and(|other| other.is_whole);
        }
    }

    fn compare<'a>(&mut self, value: impl Fn(u8) -> &'a [u8], is_part: bool) {
        let mut is_gone = false;
        for common in &mut self.0 {
            let value = value(common.position);
            let is_same = if common.is_whole || is_part {
                value == common.text
            } else {
                value.starts_with(&common.text)
            };
            if !is_same {
                let equal = common
                    .text
                    .iter()
                    .zip(value)
                    .take_while(|(one, other)| one == other);
                let len = beginning(common.text.get(..equal.count()).unwrap_or_default());
                common.text.truncate(len);
                common.is_whole = false;
                is_gone |= len == 0;
            }
        }
        if is_gone {
            self.0.retain(|common| !common.text.is_empty());
        }
    }

    /// What a variable is shown as: what is in common and whether more follows.
    pub(crate) fn shown(&self, position: usize, lines: u64) -> (&[u8], bool) {
        let found = self
            .0
            .iter()
            .find(|common| usize::from(common.position) == position);
        match found {
            None => (&[], true),
            Some(common) if common.is_whole && lines >= LINES_FOR_A_CONSTANT => (&common.text, false),
            Some(common) => {
                let len = beginning(&common.text);
                (common.text.get(..len).unwrap_or_default(), true)
            }
        }
    }
}

/// A token's text, if it isn't too long and has nothing that isn't to be shown.
fn text<'a>(line: &'a [u8], token: &Token) -> &'a [u8] {
    let text = line
        .get(token.start as usize..token.end as usize)
        .unwrap_or_default();
    let is_shown = text.len() <= VALUE_BYTES && text.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    if is_shown { text } else { &[] }
}

/// How much of a value may be the beginning that others have, too: whole words without digits.
fn beginning(text: &[u8]) -> usize {
    let digit = text.iter().position(u8::is_ascii_digit).unwrap_or(text.len());
    let start = text.get(..digit).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b'_' | b'-' | b'/');
    start.iter().rposition(is_end).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use crate::Miner;

    #[test]
    fn what_is_in_common_is_shown() {
        let mut miner = Miner::<()>::new(9);
        let mut id = 0;
        for n in 0..20 {
            let line = format!("task_{n} of uid=0 in /udev/{n} on 10.0.0.{n}");
            id = miner.line(line.as_bytes());
            let text = miner.template(id).unwrap();
            assert_eq!(text.contains("uid=0"), n == 19, "{text}");
        }
        assert_eq!(
            miner.template(id).unwrap(),
            "task_<*> of uid=0 in /udev/<*> on <*>"
        );
        miner.line(b"task-7 of uid=1 in 7 on 10.0.0.1");
        assert_eq!(miner.template(id).unwrap(), "<*> of uid=<*> in <*> on <*>");
    }
}
