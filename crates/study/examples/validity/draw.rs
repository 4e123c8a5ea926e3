//! Random numbers of the simulated studies: the same for the same simulation and study, on any number of threads.

/// SplitMix64 with Box–Muller: a normal deviate from the sum of twelve uniforms would be too short in its tails.
pub(crate) struct Normal {
    state: u64,
}

impl Normal {
    /// A generator of its own for each pair of numbers.
    pub(crate) fn of(simulation: u64, study: u64) -> Normal {
        let mut normal = Normal { state: simulation };
        let mixed = normal.next().wrapping_add(study);
        Normal { state: mixed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1.
    pub(crate) fn draw(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// Mean 0, standard deviation 1, skewness 2: an exponential deviate.
    pub(crate) fn skewed(&mut self) -> f64 {
        -self.uniform().ln() - 1.0
    }

    /// A study: for each arm its value per seed. All arms share what is particular to a seed; `shifts` are the true means.
    #[cfg(test)]
    pub(crate) fn study(&mut self, shifts: &[f64], seeds: usize) -> Vec<Vec<f64>> {
        let shared: Vec<f64> = (0..seeds).map(|_| 2.0 * self.draw()).collect();
        shifts
            .iter()
            .map(|shift| shared.iter().map(|common| common + shift + self.draw()).collect())
            .collect()
    }
}
