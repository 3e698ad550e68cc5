//! Where the vehicle's rectangle can stand.
//!
//! Most poses are decided by a cover of circles against the distance field
//! (Ziegler and Stiller, "Fast Collision Checking for Intelligent Vehicle
//! Motion Planning", 2010); where that is inconclusive the rectangle is
//! compared with the cells under it, exactly.

use std::f64::consts::FRAC_1_SQRT_2;
use std::ops::Range;

use janus_perception::{Cell, Grid};

use crate::config::Unknown;
use crate::distance::DistanceField;
use crate::pose::{Heading, Pose2};
use crate::vehicle::Vehicle;

/// Where a vehicle's axis lies in odom: its `base_link` and the unit vector of
/// its +x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) origin: [f64; 2],
    pub(crate) unit: [f64; 2],
}

impl Axis {
    /// Of a pose and its flip the unit vectors are exactly opposite.
    pub(crate) fn of(pose: Pose2) -> Self {
        Self {
            origin: [pose.x, pose.y],
            unit: Heading::from_angle(pose.theta).unit(),
        }
    }

    /// A point given along and left of the axis.
    pub(crate) fn point(&self, along: f64, left: f64) -> [f64; 2] {
        let [c, s] = self.unit;
        [
            self.origin[0] + c * along - s * left,
            self.origin[1] + s * along + c * left,
        ]
    }
}

/// The vehicle's rectangle with its margin, and the circles that cover it.
#[derive(Clone, Debug)]
pub(crate) struct Footprint {
    /// Least and greatest x in `base_link`, m.
    along: [f64; 2],
    /// Half the width, m.
    half_width: f64,
    /// Circles that together cover the rectangle.
    circles: Vec<Circle>,
    /// Their radius, m.
    radius: f64,
}

#[derive(Clone, Copy, Debug)]
struct Circle {
    /// x of the centre, m.
    along: f64,
    /// Radius of the greatest circle about the same centre that lies inside of
    /// the rectangle, m.
    inscribed: f64,
}

impl Footprint {
    pub(crate) fn new(vehicle: &Vehicle, margin: f64) -> Self {
        let half = vehicle.length / 2.0 + margin;
        let half_width = vehicle.width / 2.0 + margin;
        // Circles a quarter as far apart as the vehicle is wide stand out from
        // its sides by a thirty-second of half its width at most.
        let count = (4.0 * half / half_width).ceil().max(1.0);
        let pitch = 2.0 * half / count;
        Self {
            along: [vehicle.centre_x - half, vehicle.centre_x + half],
            half_width,
            // Exactly alike on either side of the body's centre.
            circles: (0..count as u32)
                .map(|i| pitch * (f64::from(i) - (count - 1.0) / 2.0))
                .map(|from_centre| Circle {
                    along: vehicle.centre_x + from_centre,
                    inscribed: half_width.min(half - from_centre.abs()),
                })
                .collect(),
            radius: half_width.hypot(pitch / 2.0),
        }
    }

    /// Radius of the circles that cover the rectangle, m.
    pub(crate) fn cover_radius(&self) -> f64 {
        self.radius
    }

    /// Of each of these circles the radius of the greatest about the same centre
    /// that lies inside of the rectangle, m.
    pub(crate) fn inscribed(&self) -> impl Iterator<Item = f64> + '_ {
        self.circles.iter().map(|circle| circle.inscribed)
    }

    /// Along the axis: the body's centre, and from each circle's centre to the
    /// next, m.
    pub(crate) fn circle_line(&self) -> [f64; 2] {
        let middle = (self.along[0] + self.along[1]) / 2.0;
        let pitch = match self.circles[..] {
            [first, second, ..] => second.along - first.along,
            _ => 0.0,
        };
        [middle, pitch]
    }

    /// Distance of the corners from the body's centre, m.
    pub(crate) fn reach_of_body(&self) -> f64 {
        ((self.along[1] - self.along[0]) / 2.0).hypot(self.half_width)
    }

    /// Radius of the greatest circle about `base_link` inside, m.
    pub(crate) fn inscribed_radius(&self) -> f64 {
        self.half_width.min(-self.along[0]).min(self.along[1])
    }

    /// Distance of the farthest corner from `base_link`, m.
    pub(crate) fn reach(&self) -> f64 {
        self.along[1].max(-self.along[0]).hypot(self.half_width)
    }

    /// Distance of a point from the rectangle, m; 0 inside.
    fn distance(&self, axis: &Axis, point: [f64; 2]) -> f64 {
        let ([c, s], [x, y]) = (axis.unit, axis.origin);
        let [dx, dy] = [point[0] - x, point[1] - y];
        let (along, left) = (c * dx + s * dy, c * dy - s * dx);
        let beyond = (self.along[0] - along).max(along - self.along[1]).max(0.0);
        beyond.hypot((left.abs() - self.half_width).max(0.0))
    }

    fn corners(&self, axis: &Axis) -> [[f64; 2]; 4] {
        let ([back, ahead], side) = (self.along, self.half_width);
        [(ahead, side), (back, side), (back, -side), (ahead, -side)]
            .map(|(along, left)| axis.point(along, left))
    }
}

/// Why a vehicle cannot stand somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstruction {
    /// Some of it would be outside of the grid.
    Outside,
    /// Some of it would be over a blocked cell.
    Blocked,
}

/// What is around a vehicle that can stand where it was asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// At least this far to the nearest blocked cell or the grid's edge, m.
    pub(crate) clearance: f64,
    /// Whether there may be unknown cells under its circles.
    pub(crate) unknown: bool,
}

/// A grid with its distance fields, made once per plan.
pub(crate) struct Obstacles<'a> {
    grid: &'a Grid,
    cell: f64,
    /// Distance to the nearest blocked cell.
    blocked: DistanceField,
    /// Distance to the nearest unknown cell, where these have a price and there
    /// are some.
    unknown: Option<DistanceField>,
    /// How many blocked cells there are in each row up to and with each cell.
    blocked_in_row: Vec<u32>,
}

impl<'a> Obstacles<'a> {
    /// Obstacles are looked for up to `sight` from any place, m. The grid must
    /// hold as many cells as its size says.
    pub(crate) fn new(grid: &'a Grid, policy: Unknown, sight: f64) -> Self {
        let width = grid.size[0] as usize;
        let cells = cells(grid).map(|cell| is_blocked(cell, policy));
        let blocked = DistanceField::new(width, cells, in_whole_cells(sight, grid));
        Self {
            grid,
            cell: grid.cell_m(),
            blocked_in_row: counted_in_rows(blocked.cells(), width),
            blocked,
            unknown: None,
        }
    }

    /// Tells how far unknown cells are from now on, up to `within` of the
    /// vehicle, m.
    pub(crate) fn price_unknown(&mut self, footprint: &Footprint, within: f64) {
        if !self.any_unknown() {
            return;
        }
        let sight = in_whole_cells(
            footprint.reach_of_body() + footprint.radius + within,
            self.grid,
        );
        let is_unknown = cells(self.grid).map(|cell| cell == Cell::Unknown);
        let width = self.grid.size[0] as usize;
        self.unknown = Some(DistanceField::new(width, is_unknown, sight));
    }

    /// What is around the vehicle, if it can stand here.
    pub(crate) fn room(&self, footprint: &Footprint, axis: &Axis) -> Result<Room, Obstruction> {
        let [x, y] = self.in_cells(axis.origin);
        let [width, height] = self.grid.size.map(f64::from);
        let ([c, s], scale) = (axis.unit, 1.0 / self.cell);
        let (mut blocked, mut unknown) = (u32::MAX, u32::MAX);
        let mut edge = f64::INFINITY;
        for circle in &footprint.circles {
            let along = circle.along * scale;
            let [x, y] = [x + c * along, y + s * along];
            let from_edge = x.min(y).min(width - x).min(height - y);
            if from_edge.is_nan() || from_edge <= 0.0 {
                return Err(Obstruction::Outside);
            }
            let index = y as usize * self.grid.size[0] as usize + x as usize;
            let distance = self.blocked.squared(index);
            // Nearer than this, the blocked cell's centre is inside.
            let hit = (circle.inscribed * scale - FRAC_1_SQRT_2).max(0.0);
            if f64::from(distance) < hit * hit {
                return Err(Obstruction::Blocked);
            }
            edge = edge.min(from_edge);
            blocked = blocked.min(distance);
            if let Some(distances) = &self.unknown {
                unknown = unknown.min(distances.squared(index));
            }
        }
        // A point is up to half a diagonal from its cell's centre, and as much
        // of a blocked cell reaches from its own centre towards it.
        let half_diagonal = FRAC_1_SQRT_2 * self.cell;
        let nearest = (self.metres(blocked) - 2.0 * half_diagonal).min(edge * self.cell);
        let clearance = nearest - footprint.radius;
        if clearance < 0.0 {
            self.stands(footprint, axis)?;
        }
        Ok(Room {
            clearance: clearance.max(0.0),
            unknown: self.metres(unknown) <= footprint.radius + half_diagonal,
        })
    }

    /// Compares the rectangle with every blocked cell that is near it.
    pub(crate) fn stands(&self, footprint: &Footprint, axis: &Axis) -> Result<(), Obstruction> {
        let corners = footprint.corners(axis).map(|p| self.in_cells(p));
        let [width, height] = self.grid.size.map(f64::from);
        let inside = |p: &[f64; 2]| (0.0..=width).contains(&p[0]) && (0.0..=height).contains(&p[1]);
        if !corners.iter().all(inside) {
            return Err(Obstruction::Outside);
        }
        let scale = 1.0 / self.cell;
        let along = footprint.along.map(|x| x * scale);
        let left = [-footprint.half_width * scale, footprint.half_width * scale];
        let axis = Axis {
            origin: self.in_cells(axis.origin),
            unit: axis.unit,
        };
        if self.is_free(&axis, along, left) {
            Ok(())
        } else {
            Err(Obstruction::Blocked)
        }
    }

    /// Whether a part of the rectangle is free, all in cells: by the circles
    /// about and inside of it, or by those of its halves, down to parts so small
    /// that they are compared with the cells under them.
    fn is_free(&self, axis: &Axis, along: [f64; 2], left: [f64; 2]) -> bool {
        let [length, width] = [along, left].map(|[low, high]| (high - low) / 2.0);
        let [middle, across] = [along, left].map(|[low, high]| (low + high) / 2.0);
        let [x, y] = axis.point(middle, across);
        let [columns, rows] = self.grid.size.map(|n| n as usize);
        let [column, row] = [(x as usize).min(columns - 1), (y as usize).min(rows - 1)];
        let squared = f64::from(self.blocked.squared(row * columns + column));
        // A point is up to half a diagonal from its cell's centre, and as much
        // of a blocked cell reaches from its own centre towards it.
        let clear = (length * length + width * width).sqrt() + 2.0 * FRAC_1_SQRT_2;
        if squared > clear * clear {
            return true;
        }
        let hit = length.min(width) - FRAC_1_SQRT_2;
        if hit > 0.0 && squared < hit * hit {
            return false;
        }
        if length.max(width) <= Self::SMALL_PART {
            let corner = |(x, y): (f64, f64)| axis.point(x, y);
            let corners = [
                (along[1], left[1]),
                (along[0], left[1]),
                (along[0], left[0]),
                (along[1], left[0]),
            ];
            return !self
                .rows(corners.map(corner))
                .any(|(row, columns)| self.any_blocked(row, &columns));
        }
        if length >= width {
            self.is_free(axis, [middle, along[1]], left)
                && self.is_free(axis, [along[0], middle], left)
        } else {
            self.is_free(axis, along, [across, left[1]])
                && self.is_free(axis, along, [left[0], across])
        }
    }

    /// Half the side of a part that is not divided further, cells.
    const SMALL_PART: f64 = 2.5;

    /// Whether there is a blocked cell in some columns of a row.
    fn any_blocked(&self, row: usize, columns: &Range<usize>) -> bool {
        if columns.is_empty() {
            return false;
        }
        let first = row * self.grid.size[0] as usize;
        let counted = &self.blocked_in_row[first..];
        let before = if columns.start > 0 {
            counted[columns.start - 1]
        } else {
            0
        };
        counted[columns.end - 1] > before
    }

    /// Whether any cell is unknown.
    fn any_unknown(&self) -> bool {
        cells(self.grid).any(|cell| cell == Cell::Unknown)
    }

    /// Whether the rectangle covers any unknown cell.
    pub(crate) fn over_unknown(&self, footprint: &Footprint, axis: &Axis) -> bool {
        let corners = footprint.corners(axis).map(|p| self.in_cells(p));
        self.rows(corners).any(|(row, columns)| {
            let first = row * self.grid.size[0] as usize;
            // Beyond the grid there are none.
            let cells = (self.grid.log_odds).get(first + columns.start..first + columns.end);
            let mut cells = cells.unwrap_or_default().iter();
            cells.any(|&log_odds| Cell::of(log_odds) == Cell::Unknown)
        })
    }

    /// Corners of the grid, m.
    pub(crate) fn corners(&self) -> [[f64; 2]; 4] {
        [[0, 0], [1, 0], [1, 1], [0, 1]].map(|side: [u32; 2]| {
            [0, 1].map(|k| {
                let cells = f64::from(self.grid.origin[k]) + f64::from(side[k] * self.grid.size[k]);
                cells * self.cell
            })
        })
    }

    /// Distance from the rectangle to the nearest blocked cell or to the
    /// grid's edge, whichever is less; zero if it does not stand free. Looks
    /// no farther than `limit`, m.
    pub(crate) fn clearance(&self, footprint: &Footprint, axis: &Axis, limit: f64) -> f64 {
        let corners = footprint.corners(axis);
        let mut nearest = corners
            .map(|c| self.edge_distance(c))
            .into_iter()
            .fold(limit, f64::min);
        if nearest <= 0.0 {
            return 0.0;
        }
        // No farther than from any circle inside need be looked.
        for circle in &footprint.circles {
            if let Some(index) = self.index(axis.point(circle.along, 0.0)) {
                let to_centre =
                    self.metres(self.blocked.squared(index)) + FRAC_1_SQRT_2 * self.cell;
                nearest = nearest.min((to_centre - circle.inscribed).max(0.0));
            }
        }
        let reach = nearest;
        let [columns, rows] = [0, 1].map(|k| {
            let of = corners.map(|c| self.in_cells(c)[k]);
            let low = of.into_iter().fold(f64::INFINITY, f64::min) - reach / self.cell;
            let high = of.into_iter().fold(f64::NEG_INFINITY, f64::max) + reach / self.cell;
            overlapped(low, high, self.grid.size[k])
        });
        for row in rows.filter(|&row| self.any_blocked(row, &columns)) {
            let first = row * self.grid.size[0] as usize;
            for column in columns
                .clone()
                .filter(|column| self.blocked.squared(first + column) == 0)
            {
                nearest = nearest.min(self.gap(footprint, axis, [column, row], nearest));
            }
        }
        nearest
    }

    /// Distance between the rectangle and a cell, m; infinite if it is plainly
    /// more than `limit`.
    fn gap(&self, footprint: &Footprint, axis: &Axis, cell: [usize; 2], limit: f64) -> f64 {
        let place = |offset: [f64; 2]| {
            [0, 1]
                .map(|k| (f64::from(self.grid.origin[k]) + cell[k] as f64 + offset[k]) * self.cell)
        };
        let half_diagonal = FRAC_1_SQRT_2 * self.cell;
        if footprint.distance(axis, place([0.5, 0.5])) > limit + half_diagonal {
            return f64::INFINITY;
        }
        // Of two convex shapes apart, a corner of one is nearest to the other.
        let [low, high] = [place([0.0, 0.0]), place([1.0, 1.0])];
        let to_rectangle = [low, high, [low[0], high[1]], [high[0], low[1]]]
            .map(|corner| footprint.distance(axis, corner));
        let to_cell = footprint.corners(axis).map(|p| {
            let beyond = [0, 1].map(|k| (low[k] - p[k]).max(p[k] - high[k]).max(0.0));
            beyond[0].hypot(beyond[1])
        });
        let distances = to_rectangle.into_iter().chain(to_cell);
        distances.fold(f64::INFINITY, f64::min)
    }

    /// The rows of the grid that a convex shape overlaps, and in each the
    /// columns; its corners in cells from the grid's origin.
    fn rows(&self, corners: [[f64; 2]; 4]) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let low = corners.iter().map(|p| p[1]).fold(f64::INFINITY, f64::min);
        let high = corners
            .iter()
            .map(|p| p[1])
            .fold(f64::NEG_INFINITY, f64::max);
        let [width, height] = self.grid.size;
        let edges = [0, 1, 2, 3].map(|i| Edge::new(corners[i], corners[(i + 1) % 4]));
        overlapped(low, high, height).map(move |row| {
            let mut extent = (f64::INFINITY, f64::NEG_INFINITY);
            for edge in &edges {
                edge.extend(&mut extent, row as f64);
            }
            (row, overlapped(extent.0, extent.1, width))
        })
    }

    /// Edge of a cell, m.
    pub(crate) fn cell(&self) -> f64 {
        self.cell
    }

    /// Cells along x and y.
    pub(crate) fn size(&self) -> [u32; 2] {
        self.grid.size
    }

    /// Squared distance of each cell to the nearest blocked one, cells.
    pub(crate) fn field(&self) -> &[u32] {
        self.blocked.cells()
    }

    /// Squared distance of each cell to the nearest unknown one, cells; `None`
    /// if there are none or they have no price.
    pub(crate) fn unknown_field(&self) -> Option<&[u32]> {
        self.unknown.as_ref().map(DistanceField::cells)
    }

    /// A place in cells from the grid's corner.
    pub(crate) fn in_cells(&self, place: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|k| place[k] / self.cell - f64::from(self.grid.origin[k]))
    }

    /// Where the cell that holds a place lies in the grid.
    pub(crate) fn index(&self, place: [f64; 2]) -> Option<usize> {
        let [x, y] = self.in_cells(place);
        let [width, height] = self.grid.size.map(f64::from);
        let inside = x >= 0.0 && x < width && y >= 0.0 && y < height;
        inside.then(|| y as usize * self.grid.size[0] as usize + x as usize)
    }

    /// Distance to the nearest edge of the grid, m; negative outside.
    pub(crate) fn edge_distance(&self, place: [f64; 2]) -> f64 {
        let [x, y] = self.in_cells(place);
        let [width, height] = self.grid.size.map(f64::from);
        x.min(y).min(width - x).min(height - y) * self.cell
    }

    fn metres(&self, squared_cells: u32) -> f64 {
        f64::from(squared_cells).sqrt() * self.cell
    }
}

fn cells(grid: &Grid) -> impl Iterator<Item = Cell> {
    grid.log_odds.iter().map(|&log_odds| Cell::of(log_odds))
}

/// A distance in metres as cells, with room for the diagonals of the cells at
/// both its ends.
fn in_whole_cells(metres: f64, grid: &Grid) -> u32 {
    (metres / grid.cell_m()).ceil() as u32 + 2
}

/// How many cells at no distance there are in each row up to and with each cell.
fn counted_in_rows(distances: &[u32], width: usize) -> Vec<u32> {
    let mut counts = Vec::with_capacity(distances.len());
    for row in distances.chunks(width.max(1)) {
        counts.extend(row.iter().scan(0, |count, &distance| {
            *count += u32::from(distance == 0);
            Some(*count)
        }));
    }
    counts
}

/// Whether the vehicle may not stand on a cell.
pub(crate) fn is_blocked(cell: Cell, policy: Unknown) -> bool {
    match cell {
        Cell::Occupied => true,
        Cell::Unknown => policy == Unknown::Blocked,
        Cell::Free => false,
    }
}

/// The cells of one dimension, of which there are `count`, that an interval
/// overlaps.
fn overlapped(low: f64, high: f64, count: u32) -> Range<usize> {
    // A cast from a float rounds towards zero, and takes what is below to zero.
    let end = high as usize;
    let end = end + usize::from(high > end as f64);
    low as usize..end.min(count as usize)
}

/// A side of a convex shape, from its lower end to its upper.
#[derive(Clone, Copy, Debug)]
struct Edge {
    low: [f64; 2],
    high: [f64; 2],
    /// Change of x with y; 0 where the side is level.
    slope: f64,
}

impl Edge {
    fn new(p: [f64; 2], q: [f64; 2]) -> Self {
        let (low, high) = if p[1] <= q[1] { (p, q) } else { (q, p) };
        let rise = high[1] - low[1];
        let slope = if rise > 0.0 {
            (high[0] - low[0]) / rise
        } else {
            0.0
        };
        Self { low, high, slope }
    }

    /// Extends a range of x by that of the edge between `row` and `row + 1`.
    fn extend(&self, extent: &mut (f64, f64), row: f64) {
        let above = row + 1.0;
        if self.low[1] > above || self.high[1] < row {
            return;
        }
        let x_at = |y: f64| self.low[0] + self.slope * (y - self.low[1]);
        let from = if self.low[1] < row {
            x_at(row)
        } else {
            self.low[0]
        };
        let to = if self.high[1] > above {
            x_at(above)
        } else {
            self.high[0]
        };
        extent.0 = extent.0.min(from).min(to);
        extent.1 = extent.1.max(from).max(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid(occupied: &[[i32; 2]]) -> Grid {
        let cells = (0..60).flat_map(|y| (0..80).map(move |x| [x - 40, y - 30]));
        Grid {
            origin: [-40, -30],
            size: [80, 60],
            cell_mm: 200,
            log_odds: cells
                .map(|c| if occupied.contains(&c) { 500 } else { -500 })
                .collect(),
        }
    }

    fn axis(x: f64, y: f64, theta: f64) -> Axis {
        Axis::of(Pose2::new(x, y, theta))
    }

    #[test]
    fn the_rectangle_is_exact_to_the_cell() {
        let footprint = Footprint::new(&Vehicle::shuttle(), 0.0);
        // The cell (10, 0) covers x from 2.0; the body reaches 1.8 ahead.
        let grid = grid(&[[10, 0]]);
        let obstacles = Obstacles::new(&grid, Unknown::Price, 5.0);
        assert_eq!(obstacles.stands(&footprint, &axis(0.199, 0.0, 0.0)), Ok(()));
        let touching = obstacles.stands(&footprint, &axis(0.201, 0.0, 0.0));
        assert_eq!(touching, Err(Obstruction::Blocked));
        let gap = obstacles.clearance(&footprint, &axis(0.05, 0.0, 0.0), 5.0);
        assert!((gap - 0.15).abs() < 1e-9, "{gap}");
    }

    #[test]
    fn the_window_is_the_end_of_the_world() {
        let footprint = Footprint::new(&Vehicle::shuttle(), 0.0);
        let grid = grid(&[]);
        let obstacles = Obstacles::new(&grid, Unknown::Price, 5.0);
        for (x, y, free) in [
            (6.1, 0.0, true),
            (6.3, 0.0, false),
            (0.0, 5.2, false),
            (1e300, 0.0, false),
        ] {
            let axis = axis(x, y, 0.0);
            assert_eq!(obstacles.room(&footprint, &axis).is_ok(), free, "{x} {y}");
            assert_eq!(
                obstacles.clearance(&footprint, &axis, 9.0) > 0.0,
                free,
                "{x} {y}"
            );
        }
    }

    proptest! {
        #[test]
        fn circles_never_pass_what_the_rectangle_hits(
            cells in proptest::collection::vec((-40i32..40, -30i32..30), 1..40),
            x in -6.0..6.0f64, y in -4.0..4.0f64, theta in 0.0..7.0f64,
        ) {
            let cells: Vec<_> = cells.into_iter().map(|(x, y)| [x, y]).collect();
            let grid = grid(&cells);
            let footprint = Footprint::new(&Vehicle::shuttle(), 0.1);
            let obstacles = Obstacles::new(&grid, Unknown::Price, 5.0);
            let axis = axis(x, y, theta);
            let exact = obstacles.stands(&footprint, &axis);
            let gap = obstacles.clearance(&footprint, &axis, 50.0);
            match obstacles.room(&footprint, &axis) {
                Ok(room) => {
                    prop_assert_eq!(exact, Ok(()));
                    prop_assert!(room.clearance <= gap + 1e-9 || room.clearance == 0.0);
                }
                Err(_) => prop_assert!(exact.is_err()),
            }
            // Two tests of the same thing that share no code.
            let index = |[x, y]: [i32; 2]| [(x + 40) as usize, (y + 30) as usize];
            let apart = cells.iter().all(|&c| obstacles.gap(&footprint, &axis, index(c), 50.0) > 0.0);
            if exact != Err(Obstruction::Outside) && gap > 1e-9 {
                prop_assert!(exact.is_ok() && apart);
            }
            if exact.is_ok() {
                prop_assert!(gap > 0.0 || !apart);
            }
        }
    }
}
