//! Filling convex polygons into a picture of nearness.

use std::ops::Range;

/// For each pixel the nearest polygon: its nearness, which is greater where
/// it is nearer, and its number.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) nearness: Vec<f32>,
    pub(super) number: Vec<u32>,
}

impl Canvas {
    /// Nothing but what lies `at` a nearness, with the number 0.
    pub(super) fn new([width, height]: [usize; 2], at: f32) -> Self {
        Self {
            width,
            height,
            nearness: vec![at; width * height],
            number: vec![0; width * height],
        }
    }

    /// Fills the pixels whose centres lie in a convex polygon. Nearness is
    /// `plane[0] * u + plane[1] * v + plane[2]` at the pixel (u, v).
    pub(super) fn fill(&mut self, polygon: &[[f64; 2]], plane: [f64; 3], number: u32) {
        let width = self.width;
        spans(polygon, [width, self.height], |v, span| {
            let row = v * width;
            let nearness = &mut self.nearness[row + span.start..row + span.end];
            let numbers = &mut self.number[row + span.start..row + span.end];
            let slope = plane[0] as f32;
            let start = (plane[0] * span.start as f64 + plane[1] * v as f64 + plane[2]) as f32;
            for (i, (nearest, shown)) in nearness.iter_mut().zip(numbers).enumerate() {
                let here = start + slope * i as f32;
                let nearer = here > *nearest;
                *nearest = if nearer { here } else { *nearest };
                *shown = if nearer { number } else { *shown };
            }
        });
    }
}

/// Visits the runs of pixels, row and columns, whose centres lie in a convex
/// polygon.
pub(super) fn spans(
    polygon: &[[f64; 2]],
    [width, height]: [usize; 2],
    mut visit: impl FnMut(usize, Range<usize>),
) {
    let rows = polygon.iter().map(|p| p[1]);
    let top = rows.clone().fold(f64::INFINITY, f64::min);
    let bottom = rows.fold(f64::NEG_INFINITY, f64::max);
    let first = ceil(top).max(0);
    let end = ceil(bottom).min(height as i64);
    for v in first..end {
        let y = v as f64;
        let [mut left, mut right] = [f64::INFINITY, f64::NEG_INFINITY];
        for (i, to) in polygon.iter().enumerate() {
            let from = polygon[if i == 0 { polygon.len() - 1 } else { i - 1 }];
            if (from[1] <= y) != (to[1] <= y) {
                let x = from[0] + (to[0] - from[0]) * ((y - from[1]) / (to[1] - from[1]));
                left = left.min(x);
                right = right.max(x);
            }
        }
        let [first, end] = [left, right].map(|x| ceil(x).clamp(0, width as i64) as usize);
        if first < end {
            visit(v as usize, first..end);
        }
    }
}

/// The least whole number that is not less.
fn ceil(x: f64) -> i64 {
    let whole = x as i64;
    whole.saturating_add(i64::from((whole as f64) < x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearer_polygon_is_shown() {
        let mut canvas = Canvas::new([8, 4], 0.0);
        let square = [[1.0, 1.0], [6.0, 1.0], [6.0, 3.0], [1.0, 3.0]];
        canvas.fill(&square, [0.0, 0.0, 2.0], 7);
        // Slopes through the first.
        canvas.fill(
            &[[0.0, 0.0], [8.0, 0.0], [8.0, 4.0], [0.0, 4.0]],
            [0.5, 0.0, 0.25],
            8,
        );
        assert_eq!(&canvas.number[8..16], [8, 7, 7, 7, 8, 8, 8, 8]);
        assert_eq!(canvas.number[0], 8);
        canvas.fill(
            &[[f64::NAN; 2], [f64::INFINITY; 2], [-1e300, 2.0]],
            [0.0; 3],
            9,
        );
        assert!(!canvas.number.contains(&9));
    }

    proptest! {
        #[test]
        fn a_pixel_is_filled_if_its_centre_is_within(
            corners in prop::collection::vec(prop::array::uniform2(-5.0..25.0f64), 3..7),
        ) {
            let corners = corners.into_iter().map(nalgebra::Vector2::from).collect();
            let hull = crate::synth::solid::hull(corners);
            let polygon: Vec<[f64; 2]> = hull.iter().map(|&p| p.into()).collect();
            let mut canvas = Canvas::new([20, 16], 0.0);
            canvas.fill(&polygon, [0.0, 0.0, 1.0], 1);
            for v in 0..16 {
                for u in 0..20 {
                    let at = nalgebra::Vector2::new(u as f64, v as f64);
                    let sides = (0..hull.len()).map(|i| {
                        let edge = hull[(i + 1) % hull.len()] - hull[i];
                        edge.perp(&(at - hull[i])) / edge.norm()
                    });
                    let inside = sides.fold(f64::INFINITY, f64::min);
                    prop_assert!(inside.abs() < 1e-6
                        || (inside > 0.0) == (canvas.number[v * 20 + u] == 1));
                }
            }
        }
    }
}
