//! Remembers for a batch what its texts came to.

/// Most places of a memo. Arbitrary: a batch has some dozen operations, and what isn't remembered is only made again.
const MOST_PLACES: usize = 256;

/// Remembers a value by `N` numbers of texts, so that what is the same for many rows of a batch is worked out once:
/// numbers of texts mean nothing in another batch, so make one for each.
///
/// It has few places, and what comes to a place takes it from what was there. So it fits only where it makes no
/// difference whether a value is remembered or worked out again.
///
/// ```
/// use aia_plugin_sdk::Memo;
///
/// let mut memo = Memo::new(512);
/// let mut read = Vec::new();
/// for text in [3, 3, 7, 3] {
///     let length = memo.get_or([text], || {
///         read.push(text);
///         text * 10
///     });
///     assert_eq!(length, text * 10);
/// }
/// assert_eq!(read, [3, 7]);
/// ```
#[derive(Clone, Debug)]
pub struct Memo<const N: usize, V> {
    places: Vec<Option<([u32; N], V)>>,
}

impl<const N: usize, V: Copy> Memo<N, V> {
    /// For a batch of so many rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self {
            places: vec![None; rows.next_power_of_two().min(MOST_PLACES)],
        }
    }

    /// The value of these numbers, which is made where it isn't known.
    #[inline]
    pub fn get_or(&mut self, numbers: [u32; N], make: impl FnOnce() -> V) -> V {
        let mixed = numbers.iter().fold(0_u32, |hash, number| {
            (hash ^ number).wrapping_mul(0x9e37_79b1).rotate_left(15)
        });
        let place = mixed as usize & self.places.len().wrapping_sub(1);
        let Some(place) = self.places.get_mut(place) else {
            return make();
        };
        match place {
            Some((known, value)) if *known == numbers => *value,
            _ => {
                let value = make();
                *place = Some((numbers, value));
                value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_room_for_is_made_again() {
        for rows in [0, 1, 7, 100_000] {
            let mut memo = Memo::new(rows);
            assert!(memo.places.len() <= MOST_PLACES);
            for round in 0..3 {
                for number in 0..1000_u32 {
                    let value = memo.get_or([number, number / 2], || u64::from(number) * 3);
                    assert_eq!(value, u64::from(number) * 3, "{round}");
                }
            }
        }
    }

    #[test]
    fn what_repeats_is_made_once() {
        let mut memo = Memo::new(512);
        let mut made = 0;
        for number in (0..6).cycle().take(600) {
            memo.get_or([1, number], || made += 1);
        }
        assert_eq!(made, 6);
    }
}
