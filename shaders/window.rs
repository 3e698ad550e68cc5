//! The square of cells around the vehicle in which the kernels work.

use bytemuck::{Pod, Zeroable};

use crate::fixed::floor_div;

/// A square of cells in odom. The cell (i, j) covers x from i to i + 1 and y
/// from j to j + 1, in units of [`Window::cell_mm`]; grids over a window are
/// row-major, x fastest, from its [`Window::origin`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Window {
    /// Cell coordinates of the least corner, both multiples of
    /// [`Window::STEP`].
    pub origin: [i32; 2],
    /// Cells along a side: a power of two from [`Window::STEP`] to
    /// [`Window::MAX_SIDE`].
    pub side: u32,
    /// Side of a cell, mm: 1 to [`Window::MAX_CELL_MM`].
    pub cell_mm: i32,
}

impl Window {
    /// A window rolls by so many cells at a time.
    pub const STEP: u32 = 16;

    /// The greatest number of cells along a side.
    pub const MAX_SIDE: u32 = 8192;

    /// The largest cell, mm.
    pub const MAX_CELL_MM: i32 = 10_000;

    /// The window about a place in odom, mm.
    pub fn about(centre: [i32; 2], side: u32, cell_mm: i32) -> Self {
        let step = Self::STEP as i32;
        let before = (side / 2) as i32 - step / 2;
        let origin = centre.map(|c| (floor_div(c, cell_mm) - before).div_euclid(step) * step);
        Self {
            origin,
            side,
            cell_mm,
        }
    }

    /// How many cells it has.
    pub fn cells(&self) -> usize {
        (self.side as usize).pow(2)
    }

    /// Where in a grid the cell is that holds a place in odom, mm;
    /// [`Window::NOWHERE`] outside.
    #[inline(always)]
    pub fn index(&self, x: i32, y: i32) -> u32 {
        let [u, v] = [(x, self.origin[0]), (y, self.origin[1])]
            .map(|(c, origin)| c.wrapping_sub(origin.wrapping_mul(self.cell_mm)) as u32);
        let length = self.side.wrapping_mul(self.cell_mm as u32);
        let index = quotient(v, self.cell_mm)
            .wrapping_mul(self.side)
            .wrapping_add(quotient(u, self.cell_mm));
        if (u < length) & (v < length) {
            index
        } else {
            Self::NOWHERE
        }
    }

    /// The index of no cell.
    pub const NOWHERE: u32 = u32::MAX;
}

/// `a / b` for a positive `b`, where that is less than [`Window::MAX_SIDE`]: an
/// estimate in floating point, at most one off, is set right in integers.
/// Processors divide several floats at once, but integers one by one.
#[inline(always)]
pub(crate) fn quotient(a: u32, b: i32) -> u32 {
    let a = a as i32;
    let estimate = nearest(a as f32 * (1.0 / b as f32));
    let rest = a.wrapping_sub(estimate.wrapping_mul(b));
    estimate
        .wrapping_sub(i32::from(rest < 0))
        .wrapping_add(i32::from(rest >= b)) as u32
}

/// The nearest integer of a number below 2²², which is in the lowest bits once
/// 1.5 × 2²³ is added. A cast would ask of each number whether it is one.
#[inline(always)]
pub(crate) fn nearest(x: f32) -> i32 {
    const SHIFT: f32 = 12_582_912.0;
    (x + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_is_in_its_cell(
            centre in prop::array::uniform2(-1_000_000_000..1_000_000_000i32),
            offset in prop::array::uniform2(-30_000_000..30_000_000i32),
            side in 4..=13u32,
            cell_mm in 1..=Window::MAX_CELL_MM,
        ) {
            let window = Window::about(centre, 1 << side, cell_mm);
            prop_assert!(window.origin.iter().all(|c| c % 16 == 0));
            let place = [centre[0] + offset[0], centre[1] + offset[1]];
            for [x, y] in [centre, place] {
                let column = floor_div(x, cell_mm) - window.origin[0];
                let row = floor_div(y, cell_mm) - window.origin[1];
                let inside = (0..1 << side).contains(&column) && (0..1 << side).contains(&row);
                let index = if inside { (row << side) + column } else { -1 };
                prop_assert_eq!(window.index(x, y), index as u32);
            }
            prop_assert!(window.index(centre[0], centre[1]) != Window::NOWHERE);
        }

        #[test]
        fn quotients_are_exact(q in 0..Window::MAX_SIDE, b in 1..=Window::MAX_CELL_MM, r in 0.0..1.0) {
            let rest = (r * f64::from(b)) as u32;
            prop_assert_eq!(quotient(q * b as u32 + rest, b), q);
            prop_assert_eq!(quotient(q * b as u32, b), q);
            prop_assert_eq!(quotient(q * b as u32 + b as u32 - 1, b), q);
        }
    }
}
