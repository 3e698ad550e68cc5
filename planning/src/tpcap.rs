//! Cases of the TPCAP parking benchmark: a start, a goal and polygons.
//!
//! B. Li et al., "Online Competition of Trajectory Planning for Automated
//! Parking", 2022: one line of numbers between commas, x, y, θ of start and
//! goal (of the rear axle), the number of obstacles, the number of vertices
//! of each, and their coordinates.

use std::ops::Range;
use std::path::Path;

use janus_perception::Grid;

use crate::file::{FileError, read_text};
use crate::map::Map;
use crate::polygon::Polygon;
use crate::pose::Pose2;
use crate::vehicle::Vehicle;

/// The longest file, bytes.
const FILE_LIMIT: u64 = 16 << 20;
/// The most vertices of all obstacles together.
const MOST_VERTICES: usize = 100_000;
/// How far start and goal may be apart along each axis, m.
const MOST_APART: f64 = 150.0;
/// The farthest coordinate, m.
const FARTHEST_M: f64 = 1e10;

/// A case of the benchmark, in the frame of its file, in which coordinates
/// may be so large that differences of micrometres are lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Where the car's rear axle begins.
    pub start: Pose2,
    /// Where it ends.
    pub goal: Pose2,
    /// The obstacles.
    pub polygons: Vec<Polygon>,
}

impl Case {
    /// How far a case reaches beyond its start and goal, m.
    pub const AROUND_M: f64 = 15.0;

    /// The benchmark's car. Its `base_link` lies on its rear axle, as the
    /// poses of a case do.
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub fn car() -> Vehicle {
        toml::from_str(include_str!("../../tools/configs/vehicles/car.toml"))
            .expect("the built-in vehicle is a vehicle")
    }

    /// Reads a case.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        Self::parse(&read_text(path, FILE_LIMIT)?, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let wrong =
            |field: String, expected: String| Err(FileError::malformed(path, field, expected));
        let mut numbers = Vec::new();
        for (i, word) in text.trim().split(',').enumerate() {
            match word.trim().parse::<f64>() {
                Ok(number) if number.abs() <= FARTHEST_M => numbers.push(number),
                _ => {
                    let said: String = word.trim().chars().take(20).collect();
                    let said = said.escape_default();
                    return wrong(
                        format!("number {}", i + 1),
                        format!("a number of at most 10¹⁰ either way, found `{said}`"),
                    );
                }
            }
        }
        let [
            x,
            y,
            theta,
            goal_x,
            goal_y,
            goal_theta,
            obstacles,
            rest @ ..,
        ] = &numbers[..]
        else {
            return wrong(
                "numbers".into(),
                format!(
                    "start, goal and the number of obstacles, found {}",
                    numbers.len()
                ),
            );
        };
        if obstacles.fract() != 0.0 || !(0.0..=rest.len() as f64).contains(obstacles) {
            return wrong(
                "number of obstacles".into(),
                format!("a whole number that the file has room for, found {obstacles}"),
            );
        }
        let (counts, coordinates) = rest.split_at(*obstacles as usize);
        let mut corners = Vec::with_capacity(counts.len());
        for (i, count) in counts.iter().enumerate() {
            if count.fract() != 0.0 || !(3.0..=MOST_VERTICES as f64).contains(count) {
                return wrong(
                    format!("vertices of obstacle {}", i + 1),
                    format!("a whole number from 3 to {MOST_VERTICES}, found {count}"),
                );
            }
            corners.push(*count as usize);
        }
        let total: usize = corners.iter().sum();
        if total > MOST_VERTICES || coordinates.len() != 2 * total {
            return wrong(
                "coordinates".into(),
                format!(
                    "two for each of {total} vertices, which are at most {MOST_VERTICES}, \
                     found {}",
                    coordinates.len()
                ),
            );
        }
        for (axis, apart) in [("x", goal_x - x), ("y", goal_y - y)] {
            if apart.abs() > MOST_APART {
                return wrong(
                    "goal".into(),
                    format!("{axis} at most {MOST_APART} m from the start's"),
                );
            }
        }
        let mut places = coordinates.chunks_exact(2).map(|at| [at[0], at[1]]);
        let polygons = corners.iter().enumerate().map(|(i, &n)| {
            Polygon::new(places.by_ref().take(n).collect()).map_err(|error| {
                FileError::malformed(path, format!("obstacle {}", i + 1), error.to_string())
            })
        });
        Ok(Self {
            start: Pose2::new(*x, *y, *theta),
            goal: Pose2::new(*goal_x, *goal_y, *goal_theta),
            polygons: polygons.collect::<Result<_, _>>()?,
        })
    }

    /// The obstacles as cells: every cell that a polygon touches is occupied,
    /// every other free. The map reaches [`Case::AROUND_M`] beyond start and
    /// goal and has its origin at a whole metre near them, so that its frame
    /// has small coordinates.
    ///
    /// # Panics
    /// If the cells have no size.
    pub fn map(&self, cell_mm: u32) -> Map {
        assert!(cell_mm > 0, "cells have a size");
        let cell = f64::from(cell_mm) * 1e-3;
        let along = |a: f64, b: f64| {
            let low = (a.min(b) - Self::AROUND_M).floor();
            let cells = (a.max(b) + Self::AROUND_M - low) / cell;
            // Rounding adds no cell.
            (low, (cells - 1e-9).ceil() as u32)
        };
        let (x, width) = along(self.start.x, self.goal.x);
        let (y, height) = along(self.start.y, self.goal.y);
        let mut raster = Raster {
            size: [width as usize, height as usize],
            touched: vec![false; width as usize * height as usize],
        };
        for polygon in &self.polygons {
            let cells = polygon
                .vertices()
                .iter()
                .map(|at| [(at[0] - x) / cell, (at[1] - y) / cell]);
            raster.fill(&cells.collect::<Vec<_>>());
        }
        let log_odds = raster.touched.iter();
        Map {
            grid: Grid {
                origin: [0, 0],
                size: [width, height],
                cell_mm,
                log_odds: log_odds
                    .map(|&t| if t { CERTAIN } else { -CERTAIN })
                    .collect(),
            },
            origin: Pose2::new(x, y, 0.0),
        }
    }
}

/// Log-odds of what a case states, thousandths of a nat.
const CERTAIN: i16 = 4595;

/// How near to a cell's border counts as touching, cells.
const TOUCH: f64 = 1e-6;

/// Cells, told whether a polygon touches them.
struct Raster {
    size: [usize; 2],
    touched: Vec<bool>,
}

impl Raster {
    /// Marks every cell that a polygon touches; coordinates in cells. Such a
    /// cell is either met by an edge, or lies within, with its centre.
    fn fill(&mut self, polygon: &[[f64; 2]]) {
        let ends = polygon.iter().zip(polygon.iter().cycle().skip(1));
        for (&a, &b) in ends.clone() {
            for y in self.rows(a[1].min(b[1]), a[1].max(b[1])) {
                let [from, to] = within(a, b, y as f64 - TOUCH, (y + 1) as f64 + TOUCH);
                self.mark(y, from - TOUCH, to + TOUCH);
            }
        }
        let low = polygon.iter().map(|at| at[1]).fold(f64::MAX, f64::min);
        let high = polygon.iter().map(|at| at[1]).fold(f64::MIN, f64::max);
        let mut crossings = Vec::new();
        for y in self.rows(low, high) {
            let middle = y as f64 + 0.5;
            let crossed = ends
                .clone()
                .filter(|(a, b)| (a[1] > middle) != (b[1] > middle));
            crossings.clear();
            crossings.extend(
                crossed.map(|(a, b)| a[0] + (b[0] - a[0]) * ((middle - a[1]) / (b[1] - a[1]))),
            );
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                self.mark(y, pair[0], pair[1]);
            }
        }
    }

    /// The rows that something from `low` to `high` touches.
    fn rows(&self, low: f64, high: f64) -> Range<usize> {
        covered(low - TOUCH, high + TOUCH, self.size[1])
    }

    fn mark(&mut self, row: usize, from: f64, to: f64) {
        let columns = covered(from, to, self.size[0]);
        let start = row * self.size[0];
        self.touched[start + columns.start..start + columns.end].fill(true);
    }
}

/// The cells of a row of `count` that a stretch touches. Casts saturate.
fn covered(from: f64, to: f64, count: usize) -> Range<usize> {
    let first = (from.floor().max(0.0) as usize).min(count);
    let end = ((to.floor() + 1.0).max(0.0) as usize).min(count);
    first..end.max(first)
}

/// The extent along x of the part of an edge with y from `low` to `high`,
/// some of which must be there.
fn within(a: [f64; 2], b: [f64; 2], low: f64, high: f64) -> [f64; 2] {
    let rise = b[1] - a[1];
    let at = |y: f64| {
        let share = if rise == 0.0 {
            0.0
        } else {
            ((y - a[1]) / rise).clamp(0.0, 1.0)
        };
        a[0] + (b[0] - a[0]) * share
    };
    // A level edge lies in the band as a whole.
    let [p, q] = if rise == 0.0 {
        [a[0], b[0]]
    } else {
        [at(low), at(high)]
    };
    [p.min(q), p.max(q)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_perception::Cell;
    use proptest::prelude::*;

    const SQUARE: &str = "0,0,0,3,0,1.5,1,4,1,1,2,1,2,2,1,2";

    fn case(text: &str) -> Result<Case, FileError> {
        Case::parse(text, Path::new("case.csv"))
    }

    #[test]
    fn the_car_is_the_benchmarks() {
        let car = Case::car();
        car.validate().expect("valid");
        // Front overhang 0.96 m, rear overhang 0.929 m.
        let [front, rear] = car.axles();
        assert!((car.centre_x + car.length / 2.0 - front - 0.96).abs() < 1e-9);
        assert!((rear - (car.centre_x - car.length / 2.0) - 0.929).abs() < 1e-9);
        assert_eq!((rear, car.wheelbase, car.width), (0.0, 2.8, 1.942));
        assert!((car.max_curvature() - 0.75f64.tan() / 2.8).abs() < 1e-12);
    }

    #[test]
    fn a_case_is_read_and_every_cell_that_is_touched_is_occupied() {
        let case = case(&format!("{SQUARE}\r\n")).expect("a case");
        assert_eq!(case.goal, Pose2::new(3.0, 0.0, 1.5));
        assert_eq!(
            case.polygons[0].vertices(),
            [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]]
        );
        let map = case.map(100);
        assert_eq!(map.origin, Pose2::new(-15.0, -15.0, 0.0));
        assert_eq!(map.grid.size, [330, 300]);
        let occupied = map
            .grid
            .log_odds
            .iter()
            .filter(|&&l| Cell::of(l) == Cell::Occupied);
        // Ten by ten, and the cells all around that share a border with them.
        assert_eq!(occupied.count(), 144);
        assert_eq!(map.grid.cell(159, 159), Cell::Occupied);
        assert_eq!(map.grid.cell(158, 165), Cell::Free);
    }

    #[test]
    fn far_from_the_origin_the_frame_is_near() {
        let far = |c: f64| c + 7e9;
        let case = Case {
            start: Pose2::new(far(0.0), far(0.0), 0.0),
            goal: Pose2::new(far(3.0), far(0.0), 0.0),
            polygons: vec![
                Polygon::new(vec![
                    [far(1.0), far(1.0)],
                    [far(2.0), far(1.0)],
                    [far(2.0), far(2.0)],
                ])
                .expect("a triangle"),
            ],
        };
        let map = case.map(50);
        assert_eq!(map.in_grid(case.start), Pose2::new(15.0, 15.0, 0.0));
        assert_eq!(map.grid.cell(330, 322), Cell::Occupied);
        assert_eq!(map.grid.cell(315, 330), Cell::Free);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_its_field() {
        for (text, told) in [
            (
                "",
                "case.csv: number 1: expected a number of at most 10¹⁰ either way, found ``",
            ),
            (
                "1,2,3",
                "case.csv: numbers: expected start, goal and the number of obstacles, found 3",
            ),
            ("0,0,0,3,0,nan,0", "number 6: "),
            ("0,0,0,3,0,1e300,0", "number 6: "),
            ("0,0,0,3,x\u{1b},0,0", "found `x\\u{1b}`"),
            ("0,0,0,3,0,0,1.5", "number of obstacles: "),
            ("0,0,0,3,0,0,-1", "number of obstacles: "),
            ("0,0,0,3,0,0,1e9", "number of obstacles: "),
            (
                "0,0,0,3,0,0,1,2,1,1,2,2",
                "vertices of obstacle 1: expected a whole number from 3 to 100000, found 2",
            ),
            ("0,0,0,3,0,0,1,1e9,1,1", "vertices of obstacle 1: "),
            (
                "0,0,0,3,0,0,1,4,1,1,2,1,2,2,1",
                "coordinates: expected two for each of 4 vertices",
            ),
            ("0,0,0,3,0,0,0,5", "coordinates: "),
            (
                "0,0,0,300,0,0,0",
                "goal: expected x at most 150 m from the start's",
            ),
        ] {
            let said = case(text).expect_err(text).to_string();
            assert!(said.contains(told) && said.lines().count() == 1, "{said}");
        }
        assert!(
            Case::load("no/such/case.csv")
                .expect_err("no file")
                .to_string()
                .starts_with("no/such")
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-0-9a-z.,\\n ]{0,80}") {
            if let Ok(case) = case(&text) {
                case.map(200);
            }
        }

        /// Any point of a star-shaped polygon lies in an occupied cell, and
        /// what is far from it in a free one.
        #[test]
        fn cells_cover_polygons(
            radii in prop::collection::vec(0.05..6.0f64, 3..12),
            (x, y) in (-3.0..3.0f64, -3.0..3.0f64),
            share in 0.0..1.0f64, along in 0.0..1.0f64, corner in any::<prop::sample::Index>(),
        ) {
            let n = radii.len();
            let vertices: Vec<_> = radii.iter().enumerate().map(|(i, r)| {
                let angle = std::f64::consts::TAU * i as f64 / n as f64;
                [x + r * angle.cos(), y + r * angle.sin()]
            }).collect();
            let i = corner.index(n);
            let (a, b) = (vertices[i], vertices[(i + 1) % n]);
            let inside = [0, 1].map(|k| {
                let edge = a[k] + (b[k] - a[k]) * along;
                [x, y][k] + (edge - [x, y][k]) * share
            });
            let case = Case {
                start: Pose2::default(),
                goal: Pose2::default(),
                polygons: vec![Polygon::new(vertices).expect("a star")],
            };
            let map = case.map(170);
            let at = map.in_grid(Pose2::new(inside[0], inside[1], 0.0));
            let [column, row] = map.grid.locate(at.x, at.y);
            prop_assert_eq!(map.grid.cell(column, row), Cell::Occupied);
            for (column, row) in (0..map.grid.size[0] as i32).flat_map(|c| [(c, 0), (c, 30), (0, c)]) {
                let middle = |c: i32| (f64::from(c) + 0.5) * 0.17 - 15.0;
                let from = (middle(column) - x).hypot(middle(row) - y);
                if from > 6.2 {
                    prop_assert_ne!(map.grid.cell(column, row), Cell::Occupied);
                }
            }
        }
    }
}
