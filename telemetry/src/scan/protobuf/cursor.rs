//! The wire format: varints, fixed-width numbers, lengths, and what is skipped.

use crate::scan::error::ScanError;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

/// Deepest nesting of unknown groups. Protobuf deprecated groups long before OTLP; no sender of it has any.
const MAX_GROUP_DEPTH: u32 = 32;

/// Tag of a varint field.
pub(super) const fn varint(field: u32) -> u32 {
    field << 3 | VARINT
}

/// Tag of a field of eight bytes.
pub(super) const fn fixed64(field: u32) -> u32 {
    field << 3 | FIXED64
}

/// Tag of a text, bytes, a message or packed numbers.
pub(super) const fn length(field: u32) -> u32 {
    field << 3 | LENGTH
}

/// Tag of a field of four bytes.
pub(super) const fn fixed32(field: u32) -> u32 {
    field << 3 | FIXED32
}

/// A message type: its name for errors, and which field numbers are known, as bits.
pub(in crate::scan) struct MessageType {
    pub(super) name: &'static str,
    fields: u32,
}

impl MessageType {
    pub(super) const fn new(name: &'static str, fields: &[u32]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < fields.len() {
            bits |= 1 << fields[index];
            index += 1;
        }
        Self { name, fields: bits }
    }
}

/// What is left of a message.
#[derive(Clone, Copy)]
pub(in crate::scan) struct Cursor<'a> {
    rest: &'a [u8],
    /// Where `rest` ends in the body.
    end: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            end: body.len(),
        }
    }

    /// Where the next byte lies in the body.
    #[inline]
    pub(super) fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next tag; none at the end of the message.
    #[inline]
    pub(super) fn tag(&mut self, message: &MessageType) -> Result<Option<u32>, ScanError> {
        match self.rest {
            [] => Ok(None),
            [byte @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(Some(u32::from(*byte)))
            }
            _ => self.long_tag(message).map(Some),
        }
    }

    fn long_tag(&mut self, message: &MessageType) -> Result<u32, ScanError> {
        let tag = self.varint(message.name)?;
        u32::try_from(tag).map_err(|_| ScanError::Tag {
            offset: self.offset(),
            reading: message.name,
            tag,
        })
    }

    #[inline]
    pub(super) fn varint(&mut self, reading: &'static str) -> Result<u64, ScanError> {
        match self.rest {
            [byte @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            [low, high @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(reading),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self, reading: &'static str) -> Result<u64, ScanError> {
        let offset = self.offset();
        let mut value = 0;
        for (index, byte) in self.rest.iter().enumerate() {
            // The tenth byte has room for one bit.
            if index == 9 && *byte > 1 {
                return Err(ScanError::Varint { offset, reading });
            }
            value |= u64::from(*byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or(&[]);
                return Ok(value);
            }
        }
        Err(ScanError::Truncated { offset, reading })
    }

    /// A `uint32`, or bits of an `int32`: protobuf drops what doesn't fit.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "protobuf's rule for 32-bit varints"
    )]
    pub(super) fn varint32(&mut self, reading: &'static str) -> Result<u32, ScanError> {
        self.varint(reading).map(|value| value as u32)
    }

    /// An `int32` or enum.
    #[inline]
    pub(super) fn int32(&mut self, reading: &'static str) -> Result<i32, ScanError> {
        self.varint32(reading).map(u32::cast_signed)
    }

    /// A `sint32`.
    pub(super) fn sint32(&mut self, reading: &'static str) -> Result<i32, ScanError> {
        self.varint32(reading)
            .map(|zigzag| (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed()))
    }

    #[inline]
    pub(super) fn fixed64(&mut self, reading: &'static str) -> Result<u64, ScanError> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u64::from_le_bytes(*bytes))
            }
            None => Err(ScanError::Truncated {
                offset: self.offset(),
                reading,
            }),
        }
    }

    #[inline]
    pub(super) fn fixed32(&mut self, reading: &'static str) -> Result<u32, ScanError> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(u32::from_le_bytes(*bytes))
            }
            None => Err(ScanError::Truncated {
                offset: self.offset(),
                reading,
            }),
        }
    }

    /// The content of a text, bytes, a message or packed numbers.
    #[inline]
    pub(super) fn message(&mut self, reading: &'static str) -> Result<Cursor<'a>, ScanError> {
        let length = self.varint(reading)?;
        let split = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length));
        match split {
            Some((content, rest)) => {
                self.rest = rest;
                Ok(Cursor {
                    rest: content,
                    end: self.end - rest.len(),
                })
            }
            None => Err(ScanError::Length {
                offset: self.offset(),
                reading,
                length,
                left: self.rest.len(),
            }),
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self, reading: &'static str) -> Result<&'a [u8], ScanError> {
        self.message(reading).map(|content| content.rest)
    }

    /// Packed numbers of eight bytes each.
    pub(super) fn packed_fixed64(&mut self, reading: &'static str) -> Result<&'a [[u8; 8]], ScanError> {
        let content = self.message(reading)?;
        match content.rest.as_chunks() {
            (numbers, []) => Ok(numbers),
            _ => Err(ScanError::Packed {
                offset: content.offset(),
                reading,
                length: content.rest.len(),
                width: 8,
            }),
        }
    }

    /// Skips a field that isn't known. One that is must have been of another wire type, and that's an error: to skip it
    /// would be to lose what the sender is told was taken.
    #[cold]
    pub(super) fn skip(&mut self, tag: u32, message: &MessageType) -> Result<(), ScanError> {
        let field = tag >> 3;
        if field < 32 && message.fields & (1 << field) != 0 {
            let (offset, wire_type) = (self.offset(), tag & 7);
            return Err(ScanError::WireType {
                offset,
                reading: message.name,
                field,
                wire_type,
            });
        }
        self.skip_unknown(tag, message, 0)
    }

    fn skip_unknown(&mut self, tag: u32, message: &MessageType, depth: u32) -> Result<(), ScanError> {
        let reading = message.name;
        if tag >> 3 == 0 {
            return Err(ScanError::Tag {
                offset: self.offset(),
                reading,
                tag: tag.into(),
            });
        }
        match tag & 7 {
            VARINT => self.varint(reading).map(drop),
            FIXED64 => self.fixed64(reading).map(drop),
            LENGTH => self.bytes(reading).map(drop),
            FIXED32 => self.fixed32(reading).map(drop),
            GROUP_START => self.skip_group(tag >> 3, message, depth),
            GROUP_END => Err(self.group_error(message, "ends but never began")),
            _ => Err(ScanError::Tag {
                offset: self.offset(),
                reading,
                tag: tag.into(),
            }),
        }
    }

    fn skip_group(&mut self, field: u32, message: &MessageType, depth: u32) -> Result<(), ScanError> {
        if depth >= MAX_GROUP_DEPTH {
            return Err(self.group_error(message, "lies in more than 32 others"));
        }
        while let Some(tag) = self.tag(message)? {
            if tag & 7 != GROUP_END {
                self.skip_unknown(tag, message, depth + 1)?;
            } else if tag >> 3 == field {
                return Ok(());
            } else {
                return Err(self.group_error(message, "ends as another one"));
            }
        }
        Err(self.group_error(message, "doesn't end"))
    }

    fn group_error(&self, message: &MessageType, problem: &'static str) -> ScanError {
        ScanError::Group {
            offset: self.offset(),
            reading: message.name,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: MessageType = MessageType::new("Test", &[1, 31]);

    #[test]
    fn varints_of_every_length() {
        for bits in 0..64 {
            for value in [1_u64 << bits, (1_u64 << bits) - 1, u64::MAX >> (63 - bits)] {
                let mut bytes = Vec::new();
                prost::encoding::encode_varint(value, &mut bytes);
                let mut cursor = Cursor::new(&bytes);
                assert_eq!(cursor.varint("Test"), Ok(value));
                assert!(cursor.is_empty());
            }
        }
    }

    #[test]
    fn zigzag() {
        for (varint, value) in [(0, 0), (1, -1), (2, 1), (3, -2)] {
            assert_eq!(Cursor::new(&[varint]).sint32("Test"), Ok(value));
        }
        assert_eq!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).sint32("Test"),
            Ok(i32::MIN)
        );
    }

    #[test]
    fn varints_that_are_none() {
        let overlong = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
        assert_eq!(
            Cursor::new(&overlong).varint("Test"),
            Err(ScanError::Varint {
                offset: 0,
                reading: "Test"
            })
        );
        let too_large = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(
            Cursor::new(&too_large).varint("Test"),
            Err(ScanError::Varint {
                offset: 0,
                reading: "Test"
            })
        );
        assert_eq!(
            Cursor::new(&[0x80]).varint("Test"),
            Err(ScanError::Truncated {
                offset: 0,
                reading: "Test"
            })
        );
    }

    fn skip(bytes: &[u8]) -> Result<usize, ScanError> {
        let mut cursor = Cursor::new(bytes);
        let tag = cursor.tag(&MESSAGE)?.unwrap();
        cursor.skip(tag, &MESSAGE)?;
        Ok(cursor.offset())
    }

    #[test]
    fn unknown_fields_are_skipped_whole() {
        assert_eq!(skip(&[0x10, 0x80, 0x01, 0xff]), Ok(3));
        assert_eq!(skip(&[0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0xff]), Ok(9));
        assert_eq!(skip(&[0x12, 2, 0, 0, 0xff]), Ok(4));
        assert_eq!(skip(&[0x15, 1, 2, 3, 4, 0xff]), Ok(5));
        // A group in a group, each with a field.
        assert_eq!(
            skip(&[0x13, 0x08, 0x01, 0x1b, 0x12, 0x01, 0x00, 0x1c, 0x14, 0xff]),
            Ok(9)
        );
        // A field number of five bytes.
        assert_eq!(skip(&[0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00]), Ok(6));
    }

    #[test]
    fn groups_that_are_none() {
        let problem = |bytes: &[u8]| match skip(bytes) {
            Err(ScanError::Group { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(problem(&[0x13]), "doesn't end");
        assert_eq!(problem(&[0x13, 0x1c]), "ends as another one");
        assert_eq!(problem(&[0x14]), "ends but never began");
        assert_eq!(problem(&[0x13; 100_000]), "lies in more than 32 others");
    }
}
