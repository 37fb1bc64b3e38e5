//! Random choices that can be repeated: the seed is said, and `BIHUAN_SEED` gives it back.

/// A generator of numbers (xorshift64*, Vigna 2016).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator for `test`: seeded by `BIHUAN_SEED`, else always the same way.
    #[must_use]
    pub fn of(test: &str) -> Self {
        let seed = std::env::var("BIHUAN_SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(20_261_122_u64);
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in test.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self { state: state | 1 }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n.max(1)
    }

    /// One of `all`.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let n = self.below(all.len() as u64);
        &all[usize::try_from(n).expect("a small number")]
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
