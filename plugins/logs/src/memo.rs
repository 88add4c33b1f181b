//! Remembers which template the lines of a batch were of: a batch has equal texts once, so that where a text lies says
//! which one it is. What is remembered changes no result, only what it costs.

use crate::miner::{Extra, Miner, Place};

/// Texts that are remembered, a power of two. Arbitrary: a service seldom repeats more in one batch.
const TEXTS: usize = 64;

/// Lines and their places.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// Address and length of a line, its slot, and what was learned until then.
    lines: Vec<(usize, usize, usize, u64)>,
}

impl Memo {
    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
    }

    /// Finds the place of a line that lies in a batch.
    #[inline]
    pub(crate) fn place<T: Extra>(&mut self, line: &[u8], miner: &mut Miner<T>) -> Place {
        if self.lines.is_empty() {
            self.lines.resize(TEXTS, (0, 0, 0, 0));
        }
        let (address, len) = (line.as_ptr().addr(), line.len());
        // Texts lie behind each other and are of any length: the low bits are as good as any.
        let known = self.lines.get_mut((address ^ address >> 6) & (TEXTS - 1));
        if let Some((known_address, known_len, slot, learned)) = &known
            && (*known_address, *known_len) == (address, len)
            && miner.again(*slot, *learned)
        {
            return Place {
                slot: *slot,
                is_new: false,
            };
        }
        let place = miner.place(line);
        if let Some(known) = known {
            *known = (address, len, place.slot, miner.learned());
        }
        place
    }
}
