//! A template: tokens, where each is a constant or a variable, and how often it came.

use serde::{Deserialize, Serialize};

use super::hash::hash;
use super::token::{Kind, MAX_TOKENS, Token, VARIABLE_HASH};
use super::values::Values;

/// What a caller keeps with each template.
pub trait Extra: Default {
    /// Takes over what was kept with a template that turned out to be the same.
    fn absorb(&mut self, other: Self);
}

impl Extra for () {
    fn absorb(&mut self, (): Self) {}
}

/// A template, as it is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Template<T> {
    /// Hash of the tokens that it began with.
    pub(crate) id: u64,
    /// Number of the line that it began with.
    pub(crate) born: u64,
    /// Number of the last line.
    pub(crate) last: u64,
    pub(crate) count: u64,
    /// Constants that were found to be variables.
    pub(crate) loosened: u8,
    /// Each token begins with a byte that says what it is, see [`Piece`].
    pub(crate) pieces: Vec<u8>,
    pub(crate) values: Values,
    pub(crate) extra: T,
}

/// A token of a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) kind: Kind,
    is_spaced: bool,
    pub(crate) text: &'a [u8],
}

impl Piece<'_> {
    pub(crate) fn hash(self) -> u64 {
        match self.kind {
            Kind::Variable => VARIABLE_HASH,
            Kind::Word => hash(self.text),
            Kind::Mark if self.text.starts_with(b"..") => hash(b".."),
            Kind::Mark if self.text == b"-" => hash(self.text),
            Kind::Mark => self
                .text
                .iter()
                .fold(0, |_, byte| u64::from(*byte).wrapping_mul(0xd6e8_feb8_6659_fd93)),
        }
    }
}

/// Encodes tokens. Lines have no control characters, so that these can stand for the beginning of a token.
pub(crate) fn encode(line: &[u8], tokens: &[Token]) -> Vec<u8> {
    let mut pieces = Vec::with_capacity(line.len().min(256));
    for token in tokens {
        pieces.push(mark(token.kind, token.is_spaced));
        if token.kind != Kind::Variable {
            let text = line.get(token.start as usize..token.end as usize);
            // Dots in a row are as many as fill a line.
            let text = text.unwrap_or_default();
            pieces.extend_from_slice(text.get(..64).unwrap_or(text));
        }
    }
    pieces
}

fn mark(kind: Kind, is_spaced: bool) -> u8 {
    let kind = match kind {
        Kind::Word => 1,
        Kind::Mark => 3,
        Kind::Variable => 5,
    };
    kind + u8::from(is_spaced)
}

/// The tokens of encoded ones.
pub(crate) fn decode(pieces: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let (&first, behind) = rest.split_first()?;
        let end = behind.iter().position(|byte| *byte <= 6).unwrap_or(behind.len());
        let (text, next) = behind.split_at(end);
        rest = next;
        let kind = match first {
            1 | 2 => Kind::Word,
            3 | 4 => Kind::Mark,
            _ => Kind::Variable,
        };
        Some(Piece {
            kind,
            is_spaced: first % 2 == 0,
            text,
        })
    })
    .take(MAX_TOKENS)
}

/// The same with a variable in place of a constant.
pub(crate) fn loosen(pieces: &[u8], position: usize) -> Vec<u8> {
    let mut loosened = Vec::with_capacity(pieces.len());
    for (at, piece) in decode(pieces).enumerate() {
        if at == position {
            loosened.push(mark(Kind::Variable, piece.is_spaced));
        } else {
            loosened.push(mark(piece.kind, piece.is_spaced));
            loosened.extend_from_slice(piece.text);
        }
    }
    loosened
}

impl<T> Template<T> {
    /// Its text, with `<*>` for variables.
    pub(crate) fn text(&self) -> String {
        let mut text = Vec::with_capacity(self.pieces.len());
        for (at, piece) in decode(&self.pieces).enumerate() {
            if piece.is_spaced && !text.is_empty() {
                text.push(b' ');
            }
            match piece.kind {
                Kind::Variable => {
                    let (common, has_more) = self.values.shown(at, self.count);
                    text.extend_from_slice(common);
                    if has_more {
                        text.extend_from_slice(b"<*>");
                    }
                }
                Kind::Word | Kind::Mark => text.extend_from_slice(piece.text),
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
