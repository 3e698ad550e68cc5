//! The ground without what moves on it.
//!
//! The grid itself keeps whatever was seen, so that it depends on the lidars
//! alone, and what stops for good is in it at once.

use std::collections::VecDeque;

use super::object::{Motion, Object, Source};
use super::rectangle::{Rectangle, axes, dot};
use super::segment::Return;
use crate::grid::{Cell, Grid};

/// For so long something that has moved on may have left its mark, s.
const TRAIL_S: f64 = 1.0;
/// A box is known about so well, and a cell belongs to what it touches, m.
const MARGIN_M: f64 = 0.25;
/// What was not seen for longer is not known well enough to clear its place, s.
const UNSEEN_S: f64 = 0.5;

/// Where things moved of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    boxes: VecDeque<(i64, Rectangle)>,
}

impl Trail {
    pub(super) fn forget(&mut self) {
        self.boxes.clear();
    }

    /// The grid without what moves, and without its trail. A cell stays in which
    /// something was just seen that does not move, and so does one under a thing
    /// that stands.
    pub(super) fn clear(
        &mut self,
        stamp: i64,
        objects: &[Object],
        grid: &Grid,
        seen: &[Return],
    ) -> Grid {
        let is_known =
            |object: &&Object| object.source != Source::Camera && object.unseen_s <= UNSEEN_S;
        let known = || objects.iter().filter(is_known);
        let moving: Vec<&Object> = known().filter(|o| o.motion == Motion::Moving).collect();
        let span = span(seen);
        let swept = moving.iter().map(|object| (stamp, swept(object, span)));
        self.boxes.extend(swept);
        let kept_ns = (TRAIL_S * 1e9) as i64;
        self.boxes.retain(|(then, _)| stamp - then <= kept_ns);
        let mut still = grid.clone();
        if self.boxes.is_empty() {
            return still;
        }
        let mut passed = vec![false; grid.log_odds.len()];
        for (_, moved) in &self.boxes {
            for_each_cell(grid, moved, |index| passed[index] = true);
        }
        for object in known().filter(|object| object.motion == Motion::Standing) {
            for_each_cell(grid, &rectangle(object), |index| passed[index] = false);
        }
        let is_mover = |place: [f64; 3], seconds: f64| {
            moving.iter().any(|object| {
                let then = [0, 1].map(|k| place[k] - seconds * object.velocity[k]);
                rectangle(object).holds(then, MARGIN_M)
            })
        };
        for seen in seen {
            let [x, y] = grid.locate(seen.at[0], seen.at[1]);
            let index = grid.index(x, y).filter(|index| passed[*index]);
            if let Some(index) = index {
                passed[index] = is_mover(seen.at, seen.seconds);
            }
        }
        for (log_odds, passed) in still.log_odds.iter_mut().zip(passed) {
            if passed && Cell::of(*log_odds) == Cell::Occupied {
                *log_odds = Grid::FREE;
            }
        }
        still
    }
}

/// From when to when the returns of a frame were measured, s after it.
fn span(seen: &[Return]) -> [f64; 2] {
    let seconds = seen.iter().map(|seen| seen.seconds);
    seconds.fold([0.0, 0.0], |[first, last], s| [first.min(s), last.max(s)])
}

fn rectangle(object: &Object) -> Rectangle {
    Rectangle {
        centre: [object.centre[0], object.centre[1]],
        yaw: object.yaw,
        size: [object.length, object.width],
    }
}

/// What an object covers from some seconds after the frame to some others.
fn swept(object: &Object, [from, to]: [f64; 2]) -> Rectangle {
    let now = rectangle(object);
    let moved = axes(now.yaw).map(|axis| {
        let speed = dot(object.velocity, axis);
        [
            (speed * from).min(speed * to),
            (speed * from).max(speed * to),
        ]
    });
    Rectangle {
        centre: now.outward(moved.map(|[low, high]| (low + high) / 2.0)),
        size: [0, 1].map(|k| now.size[k] + moved[k][1] - moved[k][0]),
        ..now
    }
}

/// Does something for each cell whose centre is in a rectangle or close beside.
fn for_each_cell(grid: &Grid, rectangle: &Rectangle, mut each: impl FnMut(usize)) {
    let reach = rectangle.size[0].hypot(rectangle.size[1]) / 2.0 + MARGIN_M;
    let [x, y] = rectangle.centre;
    let [left, bottom] = grid.locate(x - reach, y - reach);
    let [right, top] = grid.locate(x + reach, y + reach);
    let cell_m = grid.cell_m();
    let from = |cell: i32, middle: f64| (f64::from(cell) + 0.5) * cell_m - middle;
    let axes = axes(rectangle.yaw);
    let half = rectangle.size.map(|side| side / 2.0 + MARGIN_M);
    for row in bottom..=top {
        for column in left..=right {
            let place = [from(column, x), from(row, y)];
            if (0..2).all(|k| dot(place, axes[k]).abs() <= half[k]) {
                grid.index(column, row).map(&mut each);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_NS: i64 = 100_000_000;

    /// All of it occupied.
    fn grid() -> Grid {
        Grid {
            origin: [-100, -32],
            size: [200, 64],
            cell_mm: 200,
            log_odds: vec![800; 200 * 64],
        }
    }

    fn seen_at(places: &[([f64; 2], f64)]) -> Vec<Return> {
        let seen = |&([x, y], seconds): &([f64; 2], f64)| Return {
            at: [x, y, 0.5],
            seconds,
            ..Return::NOWHERE
        };
        places.iter().map(seen).collect()
    }

    fn at(grid: &Grid, x: f64, y: f64) -> Cell {
        let [x, y] = grid.locate(x, y);
        grid.cell(x, y)
    }

    #[test]
    fn what_moves_is_cleared_with_its_trail_and_no_more() {
        let nothing = seen_at(&[]);
        let mut trail = Trail::default();
        trail.clear(0, &[Object::car(-10.0, 10.0)], &grid(), &nothing);
        let still = trail.clear(5 * FRAME_NS, &[Object::car(-5.0, 10.0)], &grid(), &nothing);
        for x in [-11.9, -10.0, -8.1, -6.9, -5.0, -3.1] {
            assert_eq!(at(&still, x, 0.0), Cell::Free, "{x}");
            assert_eq!(at(&still, x, 0.9), Cell::Free, "{x}");
            assert_eq!(at(&still, x, 1.5), Cell::Occupied, "{x}");
        }
        for x in [-12.5, -7.5, -2.5] {
            assert_eq!(at(&still, x, 0.0), Cell::Occupied, "{x}");
        }
        // A second later the first place is remembered no more.
        let still = trail.clear(11 * FRAME_NS, &[Object::car(1.0, 10.0)], &grid(), &nothing);
        assert_eq!(at(&still, -10.0, 0.0), Cell::Occupied);
        assert_eq!(at(&still, -5.0, 0.0), Cell::Free);
        trail.forget();
        assert_eq!(trail.clear(12 * FRAME_NS, &[], &grid(), &nothing), grid());
    }

    #[test]
    fn what_stops_for_good_is_there_at_once() {
        let nothing = seen_at(&[]);
        let mut trail = Trail::default();
        trail.clear(0, &[Object::car(0.0, 5.0)], &grid(), &nothing);
        let still = trail.clear(FRAME_NS, &[Object::car(0.2, 0.0)], &grid(), &nothing);
        assert_eq!(at(&still, 0.2, 0.0), Cell::Occupied);
        assert_eq!(at(&still, 2.0, 0.9), Cell::Occupied);
    }

    #[test]
    fn what_stands_in_the_way_of_the_box_stays() {
        // A post beside the car, within the margin of its box, and the car's own
        // side, which was seen 0.1 s before the frame and so farther back.
        let seen = seen_at(&[([1.0, 1.15], 0.0), ([-2.5, 0.5], -0.1)]);
        let still = Trail::default().clear(0, &[Object::car(0.0, 10.0)], &grid(), &seen);
        assert_eq!(
            at(&still, 1.0, 1.15),
            Cell::Free,
            "as good as the car's own"
        );
        assert_eq!(at(&still, -2.5, 0.5), Cell::Free);
        let seen = seen_at(&[([-2.5, 0.5], 0.0), ([-2.1, -0.5], -0.1)]);
        let still = Trail::default().clear(0, &[Object::car(0.0, 10.0)], &grid(), &seen);
        assert_eq!(
            at(&still, -2.5, 0.5),
            Cell::Occupied,
            "not where the car is"
        );
        assert_eq!(at(&still, -2.1, -0.5), Cell::Free);
    }

    #[test]
    fn what_is_not_known_well_clears_nothing() {
        let nothing = seen_at(&[]);
        for object in [
            Object {
                source: Source::Camera,
                ..Object::car(0.0, 10.0)
            },
            Object {
                unseen_s: 0.6,
                ..Object::car(0.0, 10.0)
            },
        ] {
            let still = Trail::default().clear(0, &[object], &grid(), &nothing);
            assert_eq!(still, grid());
        }
    }
}
