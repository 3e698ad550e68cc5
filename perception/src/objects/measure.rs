//! Where a thing is, by the part of it that was seen. An edge of that part is
//! one of the thing if free ground is seen right beside it, or, less surely,
//! if it faces the vehicle; from such an edge the thing reaches as far as it
//! is known to be long. So what is seen in part is completed away from the
//! sensor, and never over ground that is seen to be free.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use nalgebra::Matrix2;

use super::filter::{Place, nearest_axis};
use super::rectangle::{Rectangle, axes, dot, reach};
use super::segment::{Seen, Segment};
use super::shape::Look;
use crate::grid::{Cell, Grid};

/// Free ground is looked for so far beside an edge, m.
const BESIDE_M: f64 = 0.35;
/// Standard deviations of an edge, m: with free ground beside it, the near one
/// and the far one; that only faces the vehicle; of which nothing is known.
const OPEN_NEAR: f64 = 0.05;
const OPEN_FAR: f64 = 0.1;
const FACING: f64 = 0.2;
const HIDDEN: f64 = 0.4;
/// Angle between beams, rad: of common lidars of 32 to 64 beams.
const BEAM: f64 = 0.012;
/// A heading is told by a side of at least, m,
const LEAST_SIDE: f64 = 1.2;
/// with this standard deviation for one of a metre, rad.
const HEADING: f64 = 0.12;
/// It is looked for within so many standard deviations of the one that is
/// expected,
const NEAR: f64 = 3.0;
/// and no nearer to it than this, rad.
const NEAR_RAD: f64 = 0.25;
/// Fewer places tell no heading.
const LEAST_OUTLINE: usize = 8;

/// From where, and over what ground, things are seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) grid: &'a Grid,
    /// The vehicle in odom, m.
    pub(super) from: [f64; 2],
}

/// What a thing is expected to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Its box at the time of the frame.
    pub(super) rectangle: Rectangle,
    /// Standard deviations of its size, m, and of its heading, rad.
    pub(super) spread: [f64; 2],
    pub(super) yaw_spread: f64,
    /// m/s.
    pub(super) velocity: [f64; 2],
}

/// What was measured of a thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Where its centre is.
    pub(super) place: Place,
    /// What was seen along its length and width.
    pub(super) look: Look,
    /// How it is headed, up to right angles, and the standard deviation of
    /// that, rad, where it was asked for: [`side`].
    pub(super) side: Option<(f64, f64)>,
    /// Height of the ground under it, m in odom.
    pub(super) ground: f64,
}

impl View<'_> {
    /// Whether free ground is seen at most of these places.
    fn is_free(&self, places: impl Iterator<Item = [f64; 2]>) -> bool {
        let (mut free, mut all) = (0, 0);
        for [x, y] in places {
            let [i, j] = self.grid.locate(x, y);
            free += u32::from(self.grid.cell(i, j) == Cell::Free);
            all += 1;
        }
        2 * free > all
    }

    /// Share of the cells under the middle of a box that are seen to be free.
    pub(super) fn free_share(&self, rectangle: &Rectangle) -> f64 {
        let parts = [-0.3, -0.1, 0.1, 0.3];
        let places = parts.into_iter().flat_map(|u| parts.map(|v| [u, v]));
        let free = places.filter(|[u, v]| {
            let [length, width] = rectangle.size;
            let [x, y] = rectangle.outward([u * length, v * width]);
            let [i, j] = self.grid.locate(x, y);
            self.grid.cell(i, j) == Cell::Free
        });
        free.count() as f64 / 16.0
    }

    /// Whether a place is within the grid.
    pub(super) fn reaches(&self, [x, y]: [f64; 2]) -> bool {
        let [i, j] = self.grid.locate(x, y);
        self.grid.index(i, j).is_some()
    }
}

/// Measures a thing by the segments that it was seen as; `None` if they hold
/// nothing.
pub(super) fn measure(
    view: &View<'_>,
    expected: &Expected,
    segments: &[&Segment],
) -> Option<Measured> {
    let hull = segments.iter().flat_map(|segment| &segment.hull);
    let height = segments.iter().map(|s| s.height).fold(0.0, f64::max);
    let ground = segments.iter().map(|s| s.ground);
    let ground = ground.fold(f64::INFINITY, f64::min);
    measure_places(view, expected, hull, height, ground)
}

/// How the sides are headed that are seen of a thing, and the standard
/// deviation of that, rad: of the directions near the one that is expected,
/// up to right angles. `None` if too little is seen to tell.
pub(super) fn side(expected: &Expected, segments: &[&Segment]) -> Option<(f64, f64)> {
    let outline = segments.iter().flat_map(|segment| &segment.outline);
    let outline: Vec<[f64; 2]> = outline.map(|s| s.moved(expected.velocity)).collect();
    if outline.len() < LEAST_OUTLINE {
        return None;
    }
    let yaw = expected.rectangle.yaw;
    let span = (NEAR * expected.yaw_spread).clamp(NEAR_RAD, FRAC_PI_4);
    let fitted = Rectangle::fit_near(&outline, yaw, span)?;
    let side = fitted.size[0].max(fitted.size[1]);
    // The best of all at the end of the search is none.
    let within = span >= FRAC_PI_4 || (fitted.yaw - yaw).abs() < 0.9 * span;
    (side >= LEAST_SIDE && within).then_some((fitted.yaw, HEADING / side))
}

/// Measures a thing as [`measure`] does, by the places where it was seen and
/// its height and ground, m.
pub(super) fn measure_places<'a>(
    view: &View<'_>,
    expected: &Expected,
    places: impl Iterator<Item = &'a Seen> + Clone,
    height: f64,
    ground: f64,
) -> Option<Measured> {
    let yaw = expected.rectangle.yaw;
    let axes = axes(yaw);
    let moved = || places.clone().map(|s| s.moved(expected.velocity));
    let reaches = axes.map(|axis| reach(moved(), axis));
    let sides = reaches.map(|[low, high]| high - low);
    if !sides.iter().all(|side| side.is_finite()) {
        return None;
    }
    let mut covariance = Matrix2::zeros();
    let mut at = [0.0; 2];
    let mut whole = [false; 2];
    for k in 0..2 {
        let (middle, variance, both) = along(view, expected, &axes, &reaches, k);
        whole[k] = both;
        for i in 0..2 {
            at[i] += middle * axes[k][i];
            for j in 0..2 {
                covariance[(i, j)] += variance * axes[k][i] * axes[k][j];
            }
        }
    }
    let range = (at[0] - view.from[0]).hypot(at[1] - view.from[1]);
    Some(Measured {
        place: Place { at, covariance },
        look: Look {
            sides,
            height,
            gap: BEAM * range,
            whole,
        },
        side: None,
        ground,
    })
}

/// The middle of a thing along one of its axes, its variance, and whether both
/// of its ends are seen.
fn along(
    view: &View<'_>,
    expected: &Expected,
    axes: &[[f64; 2]; 2],
    reaches: &[[f64; 2]; 2],
    k: usize,
) -> (f64, f64, bool) {
    let other = 1 - k;
    let [low, high] = reaches[k];
    let size = expected.rectangle.size[k];
    let sensor = dot(view.from, axes[k]);
    let open = |edge: f64, outward: f64| {
        let [from, to] = reaches[other];
        let beside = [0.2, 0.5, 0.8].into_iter().map(|part| {
            let u = edge + outward * BESIDE_M;
            let v = from + part * (to - from);
            [0, 1].map(|i| u * axes[k][i] + v * axes[other][i])
        });
        view.is_free(beside)
    };
    let [opens, faces] = [
        [open(low, -1.0), open(high, 1.0)],
        [sensor < low, sensor > high],
    ];
    let missing = (size - (high - low)).max(0.0);
    if opens == [true; 2] {
        // With much of it missing there is free ground within its box.
        let deviation = OPEN_NEAR + (missing - 2.0 * expected.spread[k]).max(0.0) / 2.0;
        return ((low + high) / 2.0, deviation * deviation, true);
    }
    let deviations = [0, 1].map(|end: usize| match (opens[end], faces[end]) {
        (true, true) => OPEN_NEAR,
        (true, false) => OPEN_FAR,
        (false, true) => FACING,
        (false, false) => HIDDEN + missing / 2.0,
    });
    let half = size.max(high - low) / 2.0;
    let weights = deviations.map(|d| 1.0 / (d * d));
    let sum = weights[0] + weights[1];
    let middle = (weights[0] * (low + half) + weights[1] * (high - half)) / sum;
    let spread = expected.spread[k] / 2.0;
    // Half of what the size may be off, where one end tells the middle.
    let lean = (weights[0] - weights[1]).abs() / sum;
    (middle, 1.0 / sum + (lean * spread).powi(2), false)
}

/// The rectangle around segments, its length the longer side, as it would be
/// if they stood still.
pub(super) fn outline_of(segments: &[&Segment]) -> Option<Rectangle> {
    let seen = segments.iter().flat_map(|segment| &segment.outline);
    let outline: Vec<[f64; 2]> = seen.map(|s| s.at).collect();
    let fitted = Rectangle::fit(&outline)?;
    let hull = segments.iter().flat_map(|segment| &segment.hull);
    let hull: Vec<[f64; 2]> = hull.map(|s| s.at).collect();
    let around = Rectangle::around(&hull, fitted.yaw)?;
    Some(if around.size[0] >= around.size[1] {
        around
    } else {
        around.turned()
    })
}

/// A heading of right angles, brought to the one nearest to `yaw`.
pub(super) fn nearest_side(side: f64, yaw: f64) -> f64 {
    nearest_axis(side, yaw, FRAC_PI_2)
}
