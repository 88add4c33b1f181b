//! Scalars as OTLP/JSON writes them. `null` is the default everywhere.

use std::{fmt, marker::PhantomData};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Unexpected, Visitor},
};

use crate::scan::sink::{self, OpenValue, SignalSink};

/// A number of 32 or 64 bits, as a JSON number or a string.
pub(super) fn integer<'de, T: TryFrom<i128> + Default, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<T, A::Error> {
    map.next_value::<Integer<T>>().map(|Integer(number)| number)
}

/// As [`integer`], but `null` is "not there".
pub(super) fn optional_integer<'de, T: TryFrom<i128> + Default, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Option<T>, A::Error> {
    map.next_value::<Option<Integer<T>>>()
        .map(|number| number.map(|Integer(number)| number))
}

struct Integer<T>(T);

impl<'de, T: TryFrom<i128> + Default> Deserialize<'de> for Integer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(IntegerVisitor(PhantomData))
            .map(Self)
    }
}

struct IntegerVisitor<T>(PhantomData<T>);

impl<T: TryFrom<i128> + Default> Visitor<'_> for IntegerVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "an integer of {} bits, as a number or a string",
            8 * size_of::<T>()
        )
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number.into()).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    /// Some writers print large integers as `1.5e18`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an i128 holds every whole double below its bounds"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let whole = number.fract() == 0.0 && number.abs() < 1e30;
        let integer = whole
            .then_some(number as i128)
            .and_then(|integer| T::try_from(integer).ok());
        integer.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let integer = text
            .parse::<i128>()
            .ok()
            .and_then(|integer| T::try_from(integer).ok());
        integer.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// The bits of a double, as a JSON number, a string, or one of `"NaN"`, `"Infinity"` and `"-Infinity"`.
pub(super) fn double<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    map.next_value::<Double>().map(|Double(number)| number.to_bits())
}

/// As [`double`], but `null` is "not there".
pub(super) fn optional_double<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    map.next_value::<Option<Double>>()
        .map(|number| number.map(|Double(number)| number.to_bits()))
}

struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DoubleVisitor).map(Self)
    }
}

struct DoubleVisitor;

impl Visitor<'_> for DoubleVisitor {
    type Value = f64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
    }

    fn visit_unit<E: Error>(self) -> Result<f64, E> {
        Ok(0.0)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            // Rust also reads "inf" and "nan", which JSON writers of protobuf don't write.
            _ => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number),
                _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
            },
        }
    }
}

/// A Boolean.
pub(super) fn bool<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    map.next_value::<Option<bool>>().map(Option::unwrap_or_default)
}

/// An enum: its number, or its name as in `names`, whose places are the numbers.
pub(super) fn enum_number<'de, A: MapAccess<'de>>(
    map: &mut A,
    names: &'static [&'static str],
) -> Result<u8, A::Error> {
    map.next_value_seed(Enum(names)).map(sink::enum_number)
}

struct Enum(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Enum {
    type Value = i32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<i32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Enum {
    type Value = i32;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an enum's number or name")
    }

    fn visit_unit<E: Error>(self) -> Result<i32, E> {
        Ok(0)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<i32, E> {
        let number = self
            .0
            .iter()
            .position(|known| *known == name)
            .and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
    }
}

/// A trace id; zero if it is invalid.
pub(super) fn trace_id<'de, A: MapAccess<'de>>(map: &mut A) -> Result<[u64; 2], A::Error> {
    map.next_value::<Hex>().map(|hex| sink::trace_id(hex.bytes()))
}

/// A span id; zero if it is invalid.
pub(super) fn span_id<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    map.next_value::<Hex>().map(|hex| sink::span_id(hex.bytes()))
}

/// An id in hex. One that is longer than any id keeps its first 17 bytes, and so is of no valid length.
pub(super) struct Hex {
    bytes: [u8; 17],
    length: usize,
}

impl Hex {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HexVisitor)
    }
}

struct HexVisitor;

impl Visitor<'_> for HexVisitor {
    type Value = Hex;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id in hex")
    }

    fn visit_unit<E: Error>(self) -> Result<Hex, E> {
        Ok(Hex {
            bytes: [0; 17],
            length: 0,
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hex, E> {
        let invalid = || E::invalid_value(Unexpected::Str(text), &self);
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(invalid());
        };
        let mut bytes = [0; 17];
        let mut places = bytes.iter_mut();
        for [high, low] in pairs {
            let byte = hex_digit(*high)
                .zip(hex_digit(*low))
                .map(|(high, low)| high << 4 | low);
            let byte = byte.ok_or_else(invalid)?;
            if let Some(place) = places.next() {
                *place = byte;
            }
        }
        Ok(Hex {
            bytes,
            length: pairs.len(),
        })
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A text, as its index.
pub(super) fn text<'de, C: SignalSink, A: MapAccess<'de>>(
    scan: &mut C,
    map: &mut A,
) -> Result<u32, A::Error> {
    map.next_value_seed(Text(scan)).map(Option::unwrap_or_default)
}

/// As [`text`], but `null` is "not there".
pub(super) fn optional_text<'de, C: SignalSink, A: MapAccess<'de>>(
    scan: &mut C,
    map: &mut A,
) -> Result<Option<u32>, A::Error> {
    map.next_value_seed(Text(scan))
}

struct Text<'x, C>(&'x mut C);

impl<'de, C: SignalSink> DeserializeSeed<'de> for Text<'_, C> {
    type Value = Option<u32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u32>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<C: SignalSink> Visitor<'_> for Text<'_, C> {
    type Value = Option<u32>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<u32>, E> {
        self.0.sink().text(text.as_bytes()).map(Some).map_err(E::custom)
    }
}

/// Bytes in base64 of either alphabet, padded or not, into a value.
pub(super) fn bytes<'de, C: SignalSink, A: MapAccess<'de>>(
    scan: &mut C,
    value: &mut OpenValue,
    map: &mut A,
) -> Result<(), A::Error> {
    map.next_value_seed(Bytes { scan, value })
}

struct Bytes<'x, C> {
    scan: &'x mut C,
    value: &'x mut OpenValue,
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

impl<'de, C: SignalSink> DeserializeSeed<'de> for Bytes<'_, C> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<C: SignalSink> Visitor<'_> for Bytes<'_, C> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("bytes in base64")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let alphabet = if text.contains(['-', '_']) {
            BASE64_URL
        } else {
            BASE64
        };
        let bytes = alphabet.decode(text).map_err(E::custom)?;
        self.scan.sink().set_bytes(self.value, &bytes);
        Ok(())
    }
}

/// An array of 64-bit counts, behind those that are there.
pub(super) fn integers<'de, A: MapAccess<'de>>(map: &mut A, numbers: &mut Vec<u64>) -> Result<(), A::Error> {
    map.next_value_seed(Numbers {
        numbers,
        bits: |Integer(number): Integer<u64>| number,
    })
}

/// An array of doubles, behind those that are there.
pub(super) fn doubles<'de, A: MapAccess<'de>>(map: &mut A, numbers: &mut Vec<u64>) -> Result<(), A::Error> {
    map.next_value_seed(Numbers {
        numbers,
        bits: |Double(number)| number.to_bits(),
    })
}

struct Numbers<'x, T> {
    numbers: &'x mut Vec<u64>,
    bits: fn(T) -> u64,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Numbers<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Numbers<'_, T> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of numbers")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(number) = elements.next_element()? {
            self.numbers.push((self.bits)(number));
        }
        Ok(())
    }
}
