//! Writes a request's bytes anew, as no encoder would but as protobuf allows: fields in any order, messages in several
//! parts, unknown fields and groups everywhere, packed numbers unpacked, lengths in more bytes than they need.

use prost::encoding::{decode_varint, encode_varint};

use aia_telemetry::SignalType;

/// Message types, as far as rewriting needs to tell them apart.
#[derive(Clone, Copy, Debug)]
enum Type {
    Request(SignalType),
    Resources(SignalType),
    Scopes(SignalType),
    Resource,
    Scope,
    KeyValue,
    AnyValue,
    Array,
    List,
    Span,
    Event,
    Link,
    Log,
    Metric,
    Points(&'static Type),
    Number,
    Histogram,
    Exponential,
    Buckets,
    Summary,
    Exemplar,
    /// With nothing in it that is a message.
    Flat,
}

/// What a field of a message is.
enum Field {
    /// A message; whether there may be many, in which case it isn't split.
    Message { of: Type, is_repeated: bool },
    /// Packed numbers of eight bytes.
    PackedFixed64,
    /// Packed varints.
    PackedVarint,
    /// Anything else.
    Scalar,
}

fn many(of: Type) -> Field {
    Field::Message {
        of,
        is_repeated: true,
    }
}

fn one(of: Type) -> Field {
    Field::Message {
        of,
        is_repeated: false,
    }
}

impl Type {
    fn field(self, number: u64) -> Field {
        match (self, number) {
            (Self::Request(signal), 1) => many(Self::Resources(signal)),
            (Self::Resources(_), 1) => one(Self::Resource),
            (Self::Resources(signal), 2) => many(Self::Scopes(signal)),
            (Self::Scopes(_), 1) => one(Self::Scope),
            (Self::Scopes(SignalType::Traces), 2) => many(Self::Span),
            (Self::Scopes(SignalType::Logs), 2) => many(Self::Log),
            (Self::Scopes(SignalType::Metrics), 2) => many(Self::Metric),
            (Self::KeyValue, 2) | (Self::Log, 5) => one(Self::AnyValue),
            (Self::AnyValue, 5) => one(Self::Array),
            (Self::AnyValue, 6) => one(Self::List),
            (Self::Array, 1) => many(Self::AnyValue),
            (Self::Resource | Self::List, 1)
            | (Self::Scope | Self::Event, 3)
            | (Self::Link, 4)
            | (Self::Log, 6)
            | (Self::Span | Self::Histogram, 9)
            | (Self::Number | Self::Summary | Self::Exemplar, 7)
            | (Self::Exponential, 1)
            | (Self::Metric, 12) => many(Self::KeyValue),
            (Self::Span, 11) => many(Self::Event),
            (Self::Span, 13) => many(Self::Link),
            (Self::Span, 15) => one(Self::Flat),
            (Self::Metric, 5 | 7) => one(Self::Points(&Self::Number)),
            (Self::Metric, 9) => one(Self::Points(&Self::Histogram)),
            (Self::Metric, 10) => one(Self::Points(&Self::Exponential)),
            (Self::Metric, 11) => one(Self::Points(&Self::Summary)),
            (Self::Points(of), 1) => many(*of),
            (Self::Number, 5) | (Self::Histogram, 8) | (Self::Exponential, 11) => many(Self::Exemplar),
            (Self::Exponential, 8 | 9) => one(Self::Buckets),
            (Self::Summary, 6) => many(Self::Flat),
            (Self::Histogram, 6 | 7) => Field::PackedFixed64,
            (Self::Buckets, 2) => Field::PackedVarint,
            _ => Field::Scalar,
        }
    }
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (number ^ (number >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// Rewrites a request.
pub(crate) fn rewire(signal: SignalType, body: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    rewrite(Type::Request(signal), body, &mut dice).concat()
}

/// Rewrites a message, and gives its fields.
fn rewrite(message: Type, mut rest: &[u8], dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let tag = decode_varint(&mut rest).unwrap();
        let content = content(&mut rest, tag & 7);
        let number = tag >> 3;
        let field = message.field(number);
        match field {
            Field::Message { of, is_repeated } => {
                let inner = rewrite(of, content, dice);
                if !is_repeated && dice.one_in(3) {
                    let split = usize::try_from(dice.roll(inner.len() as u64 + 1)).unwrap();
                    fields.push(delimited(number, &inner[..split].concat(), dice));
                    fields.push(delimited(number, &inner[split..].concat(), dice));
                } else {
                    fields.push(delimited(number, &inner.concat(), dice));
                }
            }
            Field::PackedFixed64 if dice.one_in(2) => {
                fields.extend(
                    content
                        .chunks(8)
                        .map(|bytes| [&[u8::try_from(number << 3 | 1).unwrap()], bytes].concat()),
                );
            }
            Field::PackedVarint if dice.one_in(2) => {
                let mut numbers = content;
                while !numbers.is_empty() {
                    let mut field = vec![u8::try_from(number << 3).unwrap()];
                    encode_varint(decode_varint(&mut numbers).unwrap(), &mut field);
                    fields.push(field);
                }
            }
            _ => fields.push(whole[..whole.len() - rest.len()].to_vec()),
        }
    }
    if dice.one_in(4) {
        fields.push(unknown(dice));
    }
    if dice.one_in(2) {
        for last in (1..fields.len()).rev() {
            fields.swap(last, usize::try_from(dice.roll(last as u64 + 1)).unwrap());
        }
    }
    fields
}

/// Takes the content of a field off `rest`.
fn content<'a>(rest: &mut &'a [u8], wire_type: u64) -> &'a [u8] {
    let length = match wire_type {
        0 => {
            let whole = *rest;
            decode_varint(rest).unwrap();
            return &whole[..whole.len() - rest.len()];
        }
        1 => 8,
        2 => usize::try_from(decode_varint(rest).unwrap()).unwrap(),
        5 => 4,
        _ => panic!("wire type {wire_type}"),
    };
    let (content, behind) = rest.split_at(length);
    *rest = behind;
    content
}

fn delimited(number: u64, content: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut field = Vec::new();
    encode_varint(number << 3 | 2, &mut field);
    encode_varint(content.len() as u64, &mut field);
    if dice.one_in(8) {
        // The same number in one byte more.
        *field.last_mut().unwrap() |= 0x80;
        field.push(0);
    }
    field.extend_from_slice(content);
    field
}

fn unknown(dice: &mut Dice) -> Vec<u8> {
    let number = [17, 31, 32, 1000, (1 << 29) - 1][usize::try_from(dice.roll(5)).unwrap()];
    let mut field = Vec::new();
    let wire_type = [0, 1, 2, 3, 5][usize::try_from(dice.roll(5)).unwrap()];
    encode_varint(number << 3 | wire_type, &mut field);
    match wire_type {
        0 => encode_varint(dice.roll(u64::MAX), &mut field),
        1 => field.extend_from_slice(&[0xff; 8]),
        2 => field.extend_from_slice(&[3, 0xff, 0xff, 0xff]),
        3 => {
            field.extend_from_slice(&[0x0a, 1, 0xff, 0x13, 0x08, 1, 0x14]);
            encode_varint(number << 3 | 4, &mut field);
        }
        _ => field.extend_from_slice(&[0xff; 4]),
    }
    field
}
