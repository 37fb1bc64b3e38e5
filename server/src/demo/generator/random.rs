//! Random numbers that are the same on every machine for the same seed.
//!
//! Every quantity has a stream of its own, named by a few numbers ([`Rng::of`]): the counts of a
//! topic on a day do not depend on how many texts were written before, so the counts can be drawn
//! without the texts and are the same with them.

/// xoshiro256++ (Blackman and Vigna), seeded by splitmix64.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream of this name.
    pub fn of(name: &[u64]) -> Self {
        let mut state = 0x5851_f42d_4c95_7f2d;
        for part in name {
            state ^= *part;
            // Mixed after each part, so that (1, 2) and (2, 1) are different streams.
            state = splitmix(&mut state);
        }
        Self([
            splitmix(&mut state),
            splitmix(&mut state),
            splitmix(&mut state),
            splitmix(&mut state),
        ])
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let out = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let t = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= t;
        *d = d.rotate_left(45);
        out
    }

    /// Uniform in [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether an event of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The bias of a remainder is below 2⁻⁴⁰ for the small n used here.
        self.bits().checked_rem(n).unwrap_or(0)
    }

    /// One of the entries.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(at)
    }

    /// One of the texts; empty for none.
    pub fn word<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.pick(from).copied().unwrap_or_default()
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.unit()).cos()
    }

    /// Poisson with this mean, by counting exponential waits; meant for means below some hundreds.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let (mut left, mut n) = (mean, 0);
        loop {
            left += (1.0 - self.unit()).ln();
            if left < 0.0 {
                return n;
            }
            n += 1;
        }
    }

    /// How many of `n` trials succeed.
    pub fn binomial(&mut self, n: u32, probability: f64) -> u32 {
        (0..n).map(|_| u32::from(self.chance(probability))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_repeatable_and_named() {
        let first = |name: &[u64]| Rng::of(name).bits();
        assert_eq!(first(&[1, 2, 3]), first(&[1, 2, 3]));
        assert_ne!(first(&[1, 2, 3]), first(&[3, 2, 1]));
        assert_ne!(first(&[1, 2]), first(&[1, 2, 0]));
    }

    #[test]
    fn the_moments_are_right() {
        let mut rng = Rng::of(&[7]);
        let n = 20_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || rng.unit()) - 0.5).abs() < 0.01);
        let mut rng = Rng::of(&[8]);
        assert!(mean(&mut || rng.normal()).abs() < 0.02);
        let mut rng = Rng::of(&[8]);
        assert!((mean(&mut || rng.normal().powi(2)) - 1.0).abs() < 0.05);
        let mut rng = Rng::of(&[9]);
        assert!((mean(&mut || f64::from(rng.poisson(40.0))) - 40.0).abs() < 0.2);
        let mut rng = Rng::of(&[10]);
        assert!((mean(&mut || f64::from(rng.binomial(30, 0.7))) - 21.0).abs() < 0.1);
    }
}
