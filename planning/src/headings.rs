//! The headings of a lattice: the directions of short lattice vectors, so that
//! a straight way along every heading ends on the lattice (Pivtoraiko, Knepper
//! and Kelly, "Differentially Constrained Mobile Robot Motion Planning in State
//! Lattices", 2009).

use std::ops::Neg;

/// Lattice vectors of the headings of the first quarter turn, about equally far
/// apart.
const QUARTER_OF_16: [[i32; 2]; 4] = [[1, 0], [2, 1], [1, 1], [1, 2]];
const QUARTER_OF_32: [[i32; 2]; 8] = [
    [1, 0],
    [5, 1],
    [5, 2],
    [3, 2],
    [1, 1],
    [2, 3],
    [2, 5],
    [1, 5],
];

/// The headings, counterclockwise from +x.
#[derive(Clone, Debug)]
pub(crate) struct Headings {
    quarter: &'static [[i32; 2]],
}

impl Headings {
    /// 32, or else 16 headings.
    pub(crate) fn new(count: u8) -> Self {
        let quarter: &[_] = match count {
            32 => &QUARTER_OF_32,
            _ => &QUARTER_OF_16,
        };
        Self { quarter }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        4 * self.quarter.len()
    }

    /// How many there are in a quarter turn.
    pub(crate) fn quarter(&self) -> usize {
        self.quarter.len()
    }

    /// The shortest lattice vector along a heading.
    pub(crate) fn vector(&self, heading: usize) -> [i32; 2] {
        let [turns, base] = self.split(heading);
        quarter_turned(self.quarter[base], turns)
    }

    /// Its angle, rad, in (−π, π].
    pub(crate) fn angle(&self, heading: usize) -> f64 {
        let [x, y] = self.vector(heading).map(f64::from);
        y.atan2(x)
    }

    /// Its unit vector.
    pub(crate) fn unit(&self, heading: usize) -> [f64; 2] {
        let vector = self.vector(heading);
        vector.map(|c| f64::from(c) / length(vector))
    }

    /// The unit vector of a direction aside of a heading, rad; exactly a quarter
    /// turn apart for headings that are.
    pub(crate) fn aside(&self, heading: usize, angle: f64) -> [f64; 2] {
        let [turns, base] = self.split(heading);
        let ([x, y], (sin, cos)) = (self.unit(base), angle.sin_cos());
        quarter_turned([cos * x - sin * y, sin * x + cos * y], turns)
    }

    /// A heading as quarter turns after one of the first quarter: the lattice
    /// turned by a quarter is itself.
    pub(crate) fn split(&self, heading: usize) -> [usize; 2] {
        [heading / self.quarter(), heading % self.quarter()]
    }

    /// A heading after a number of quarter turns more.
    pub(crate) fn turned(&self, heading: usize, turns: usize) -> usize {
        (heading + turns * self.quarter()) % self.count()
    }
}

/// A vector after quarter turns counterclockwise.
pub(crate) fn quarter_turned<T: Neg<Output = T>>([x, y]: [T; 2], turns: usize) -> [T; 2] {
    match turns % 4 {
        0 => [x, y],
        1 => [-y, x],
        2 => [-x, -y],
        _ => [y, -x],
    }
}

/// Length of a lattice vector, cells.
pub(crate) fn length([x, y]: [i32; 2]) -> f64 {
    f64::from(x).hypot(f64::from(y))
}
