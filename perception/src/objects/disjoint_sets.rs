//! What belongs together, by pairs that do: union and find (Tarjan,
//! "Efficiency of a good but not linear set union algorithm", 1975).

/// Numbers in sets, of which each is known by its least member.
pub(super) struct DisjointSets(Vec<usize>);

impl DisjointSets {
    /// The numbers up to `count`, each a set of its own.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// Makes the sets of two numbers one.
    pub(super) fn join(&mut self, a: usize, b: usize) {
        let [a, b] = [a, b].map(|number| self.of(number));
        self.0[a.max(b)] = a.min(b);
    }

    /// The set that a number is in.
    pub(super) fn of(&mut self, mut number: usize) -> usize {
        while self.0[number] != number {
            self.0[number] = self.0[self.0[number]];
            number = self.0[number];
        }
        number
    }
}
