//! Serde of one column: its items as one block of little-endian bytes, so that encoding is a copy and LZ4 sees
//! items of equal width.

use bytemuck::Pod;
use serde::{Deserializer, Serializer, de};

#[cfg(not(target_endian = "little"))]
compile_error!("columns are stored as they lie in memory, which must be little-endian");

pub(crate) fn serialize<T: Pod, S: Serializer>(column: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytemuck::cast_slice(column))
}

pub(crate) fn deserialize<'de, T: Pod, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Visitor<T>(std::marker::PhantomData<T>);

    impl<T: Pod> de::Visitor<'_> for Visitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "a block of {}-byte items", size_of::<T>())
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
            if !bytes.len().is_multiple_of(size_of::<T>()) {
                return Err(E::invalid_length(bytes.len(), &self));
            }
            Ok(bytemuck::allocation::pod_collect_to_vec(bytes))
        }
    }

    deserializer.deserialize_bytes(Visitor(std::marker::PhantomData))
}
