//! SplitMix64 (Steele, Lea & Flood, *Fast Splittable Pseudorandom Number
//! Generators*, OOPSLA 2014): the same numbers everywhere.

/// A stream of random numbers.
pub(super) struct Random(u64);

impl Random {
    /// The stream that belongs to a list of numbers.
    pub(super) fn new(seeds: &[u64]) -> Self {
        seeds.iter().fold(Self(0), |mut random, &seed| {
            random.0 ^= seed;
            Self(random.next())
        })
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number from `low` to, and without, `high`.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let fraction = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * fraction
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform(0.0, 1.0) < probability
    }

    /// One of a list.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, list: [T; N]) -> T {
        list[(self.next() % N as u64) as usize]
    }

    /// A number about zero of the given standard deviation: a sum of four
    /// uniform ones, which is never farther than 3.5 deviations off.
    pub(super) fn noise(&mut self, deviation: f64) -> f64 {
        let sum: f64 = (0..4).map(|_| self.uniform(-0.5, 0.5)).sum();
        sum * 3f64.sqrt() * deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // The first numbers of the authors' program for the seed 1234567.
        let mut random = Random(1_234_567);
        let first = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([random.next(), random.next()], first);
    }

    #[test]
    fn noise_has_the_deviation_that_was_asked_for() {
        let mut random = Random::new(&[3, 4]);
        let noise: Vec<f64> = (0..20_000).map(|_| random.noise(0.5)).collect();
        let mean = noise.iter().sum::<f64>() / noise.len() as f64;
        let variance = noise.iter().map(|n| n * n).sum::<f64>() / noise.len() as f64;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance.sqrt() - 0.5).abs() < 0.02, "{variance}");
        assert!(noise.iter().all(|n| n.abs() < 0.5 * 3.5));
    }
}
