//! How a message, or a list of them, is read from JSON: by a type that takes its fields one by one.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::scan::{error::Breach, sink::SignalSink};

/// A message, or one more part of it, that is being read.
pub(in crate::scan) trait Message<C> {
    /// The message's name, for errors.
    const NAME: &'static str;

    /// Begins the message, once it is known to be there and not `null`.
    fn begin(&mut self, _: &mut C) -> Result<(), Breach> {
        Ok(())
    }

    /// Takes the value of field `key` from `map`; by [`skip`] if it isn't known.
    fn field<'de, A: MapAccess<'de>>(&mut self, scan: &mut C, key: &str, map: &mut A)
    -> Result<(), A::Error>;
}

/// A message that is an element of a list.
pub(in crate::scan) trait Element<C>: Message<C> {
    /// Writes what its fields were.
    fn end(self, scan: &mut C) -> Result<(), Breach>;
}

/// Skips the value of a field that isn't known.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Reads an object into a message; `null` sets nothing.
pub(super) struct Object<'x, M, C> {
    pub(super) message: &'x mut M,
    pub(super) scan: &'x mut C,
}

impl<'de, M: Message<C>, C: SignalSink> DeserializeSeed<'de> for Object<'_, M, C> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, M: Message<C>, C: SignalSink> Visitor<'de> for Object<'_, M, C> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object ({})", M::NAME)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { message, scan } = self;
        let begun = message.begin(scan);
        scan.sink().trouble.check(M::NAME, begun)?;
        loop {
            match map.next_key() {
                Ok(None) => return Ok(()),
                Ok(Some(Key(key))) => {
                    if let Err(error) = message.field(scan, &key, &mut map) {
                        scan.sink().trouble.note(M::NAME, &key);
                        return Err(error);
                    }
                }
                Err(error) => {
                    scan.sink().trouble.note(M::NAME, "");
                    return Err(error);
                }
            }
        }
    }
}

/// Reads an array of objects, each into an element that `begin` makes; `null` is an array without any.
pub(super) struct List<'x, C, F> {
    pub(super) scan: &'x mut C,
    pub(super) begin: F,
}

impl<'de, C: SignalSink, M: Element<C>, F: FnMut(&mut C) -> M> DeserializeSeed<'de> for List<'_, C, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, C: SignalSink, M: Element<C>, F: FnMut(&mut C) -> M> Visitor<'de> for List<'_, C, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array of objects ({})", M::NAME)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        loop {
            let mut message = (self.begin)(self.scan);
            if elements
                .next_element_seed(Object {
                    message: &mut message,
                    scan: self.scan,
                })?
                .is_none()
            {
                return Ok(());
            }
            let ended = message.end(self.scan);
            self.scan.sink().trouble.check(M::NAME, ended)?;
        }
    }
}

/// A key, borrowed unless it is written with escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}
