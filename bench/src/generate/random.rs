//! Numbers that look random and are the same for the same seed.

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or(0)
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T; 6]) -> &'a T {
        let [a, b, c, d, e, f] = from;
        match self.below(6) {
            0 => a,
            1 => b,
            2 => c,
            3 => d,
            4 => e,
            _ => f,
        }
    }

    /// Bytes, such as of an id.
    pub fn bytes<const N: usize>(&mut self) -> Vec<u8> {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let random = self.number().to_le_bytes();
            chunk
                .iter_mut()
                .zip(random)
                .for_each(|(byte, random)| *byte = random);
        }
        bytes.to_vec()
    }
}
