//! The clusters of a frame with the returns that make them up.

use std::ops::Range;

use janus_datasets::{Frame, Pose};
use janus_shaders::cluster::Cluster;
use rayon::prelude::*;

use super::above::Above;
use super::ground::Ground;
use super::rectangle::{self, Rectangle, dot};
use super::scan::Scan;
use crate::error::{Error, Result};
use crate::lidar::LidarScene;

/// A cluster that is longer is a row of houses, m: longer than the largest
/// thing, [`super::shape::LARGEST_M`], from corner to corner.
pub(super) const LARGE_M: f64 = 16.0;
/// Directions in which the nearest return is part of the outline.
const DIRECTIONS: usize = 32;
/// What is longer may be several things, m.
const LONG_M: f64 = 7.0;
/// What goes on above and is no higher may be a car or a van, m.
const TALL_M: f64 = 2.0;
/// Sides of what may be a lorry or a bus, if it goes on above, m.
const LORRY_M: [[f64; 2]; 2] = [[4.0, 13.0], [1.6, 3.2]];

/// A return on something that stands on the ground, in odom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    /// m.
    pub(super) at: [f64; 3],
    /// When it was measured, s after the frame.
    pub(super) seconds: f64,
    /// Which sweep it is of.
    pub(super) sweep: u32,
}

/// A place in odom that was seen at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// m.
    pub(super) at: [f64; 2],
    /// s after the frame.
    pub(super) seconds: f64,
}

/// A cluster.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Least x and y, greatest x and y, m.
    pub(super) bounds: [[f64; 2]; 2],
    /// Its highest place over the ground, m; of what goes on above what
    /// clusters hold, that of what is above.
    pub(super) height: f64,
    /// Height of the ground under it, m in odom.
    pub(super) ground: f64,
    /// Number of its points.
    pub(super) points: u32,
    /// Whether it goes on above what clusters hold, and is no car.
    pub(super) is_tall: bool,
    /// Whether it is higher or larger than anything that moves, or goes on
    /// above and is not as long and wide as a lorry: a house, a wall, a tree.
    /// So is a tram or an articulated bus, for nothing tells it from a wall.
    pub(super) is_structure: bool,
    /// Corners of the convex hulls of what each sweep saw of it.
    pub(super) hull: Vec<Seen>,
    /// The nearest return of each direction.
    pub(super) outline: Vec<Seen>,
    /// Its returns, in [`Segments::returns`].
    pub(super) returns: Range<usize>,
}

/// All clusters of a frame.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    pub(super) list: Vec<Segment>,
    pub(super) returns: Vec<Return>,
    pub(super) ground: Ground,
}

impl Segments {
    /// Brings the points of a frame to where its clusters are; with the
    /// frame's own pose.
    ///
    /// # Errors
    /// [`Error::NoPose`], [`Error::NoMount`] or [`Error::Pose`], as the lidars'
    /// own step.
    pub(super) fn new(frame: &Frame, lidar: &LidarScene) -> Result<(Pose, Self)> {
        let pose = frame.pose.ok_or(Error::NoPose)?;
        let list = lidar.cloud.clusters.iter().map(Segment::empty).collect();
        let Scan {
            mut list,
            returns,
            ground,
            above,
            ..
        } = Scan::read(frame, &pose, lidar, list)?;
        let from = [pose.translation.x, pose.translation.y];
        list.par_iter_mut().for_each(|segment| {
            let of_it = &returns[segment.returns.clone()];
            segment.look(of_it, &above, from);
        });
        let mut found = Self {
            list,
            returns,
            ground,
        };
        found.split(&above, from);
        Ok((pose, found))
    }
}

impl Segments {
    /// Adds what stands before structures, and the parts of what is too long
    /// to be one thing, as segments of their own.
    fn split(&mut self, above: &Above, from: [f64; 2]) {
        let pieces = self.list.par_iter().map(|segment| {
            let is_long = !segment.is_tall && segment.extent() > LONG_M;
            if !segment.is_structure && !is_long {
                return Vec::new();
            }
            let pieces = above.pieces(&self.returns[segment.returns.clone()], &self.ground);
            let stride = segment.points / (segment.returns.len() as u32).max(1);
            let of = |piece: Vec<Return>| {
                let segment = Segment::piece(&piece, stride, &self.ground, from);
                (segment, piece)
            };
            pieces.into_iter().map(of).collect()
        });
        let pieces: Vec<Vec<(Segment, Vec<Return>)>> = pieces.collect();
        for (index, pieces) in pieces.into_iter().enumerate() {
            self.list[index].is_structure |= pieces.len() > 1;
            if !self.list[index].is_structure {
                continue;
            }
            for (mut segment, piece) in pieces {
                if !above.may_go_on(segment.height) && segment.extent() < LARGE_M {
                    let first = self.returns.len();
                    segment.returns = first..first + piece.len();
                    self.returns.extend(piece);
                    self.list.push(segment);
                }
            }
        }
    }

    /// How many returns of the ground there were, about.
    pub(crate) fn on_ground(&self) -> u32 {
        self.ground.returns() * Scan::GROUND_STRIDE as u32
    }
}

impl Segment {
    fn empty(cluster: &Cluster) -> Self {
        let metres = |mm: i32| f64::from(mm) * 1e-3;
        let corner = |corner: [i32; 3]| [metres(corner[0]), metres(corner[1])];
        Self {
            bounds: [corner(cluster.min), corner(cluster.max)],
            height: metres(cluster.height),
            ground: metres(cluster.max[2]) - metres(cluster.height),
            points: cluster.points,
            is_tall: false,
            is_structure: false,
            hull: Vec::new(),
            outline: Vec::new(),
            returns: 0..0,
        }
    }

    /// Takes in its returns, and what is above it.
    fn look(&mut self, returns: &[Return], above: &Above, from: [f64; 2]) {
        self.is_structure = self.extent() > LARGE_M || above.is_high(self, returns);
        if self.is_structure {
            return;
        }
        self.hull = hulls(returns);
        self.outline = outline(returns, from);
        if above.goes_on(self, returns) {
            self.height = above.top(self, returns);
            self.is_tall = self.height >= TALL_M;
        }
        self.is_structure = self.is_tall && !self.is_lorry();
    }

    /// What belongs together of a segment, with these returns alone.
    pub(super) fn piece(piece: &[Return], stride: u32, ground: &Ground, from: [f64; 2]) -> Self {
        let along = |k: usize| piece.iter().map(move |one| one.at[k]);
        let low = |k: usize| along(k).fold(f64::INFINITY, f64::min);
        let high = |k: usize| along(k).fold(f64::NEG_INFINITY, f64::max);
        let bounds = [[low(0), low(1)], [high(0), high(1)]];
        let ground = ground.height([0, 1].map(|k| (bounds[0][k] + bounds[1][k]) / 2.0));
        Self {
            bounds,
            height: high(2) - ground,
            ground,
            points: piece.len() as u32 * stride.max(1),
            is_tall: false,
            is_structure: false,
            hull: hulls(piece),
            outline: outline(piece, from),
            returns: 0..piece.len(),
        }
    }

    /// Whether it is as long and wide as a lorry, as far as it was seen.
    fn is_lorry(&self) -> bool {
        let outline: Vec<[f64; 2]> = self.outline.iter().map(|seen| seen.at).collect();
        let hull: Vec<[f64; 2]> = self.hull.iter().map(|seen| seen.at).collect();
        let heading = Rectangle::fit(&outline).map(|fitted| fitted.yaw);
        let around = heading.and_then(|yaw| Rectangle::around(&hull, yaw));
        around.is_some_and(|around| {
            let [a, b] = around.size;
            let sides = [a.max(b), a.min(b)];
            (0..2).all(|k| (LORRY_M[k][0]..=LORRY_M[k][1]).contains(&sides[k]))
        })
    }

    /// The longer side of its bounds, m.
    pub(super) fn extent(&self) -> f64 {
        let [min, max] = self.bounds;
        (max[0] - min[0]).max(max[1] - min[1])
    }
}

impl Return {
    pub(super) const NOWHERE: Self = Self {
        at: [0.0; 3],
        seconds: 0.0,
        sweep: 0,
    };

    /// Its place over the ground.
    pub(super) fn seen(&self) -> Seen {
        let [x, y, _] = self.at;
        Seen {
            at: [x, y],
            seconds: self.seconds,
        }
    }
}

impl Seen {
    /// Where it is at the time of the frame, if it moves so, m/s.
    pub(super) fn moved(&self, velocity: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|k| self.at[k] - velocity[k] * self.seconds)
    }
}

/// The corners of the hulls of what each sweep saw.
fn hulls(returns: &[Return]) -> Vec<Seen> {
    let of_sweeps = returns.chunk_by(|a, b| a.sweep == b.sweep);
    let hulls = of_sweeps.flat_map(|returns| {
        let places: Vec<[f64; 2]> = returns.iter().map(|r| r.seen().at).collect();
        rectangle::hull(&places)
            .into_iter()
            .map(|i| returns[i].seen())
            .collect::<Vec<_>>()
    });
    hulls.collect()
}

/// Of each direction from a place the nearest return; all, where they are all
/// around it.
fn outline(returns: &[Return], from: [f64; 2]) -> Vec<Seen> {
    let about = |r: &Return| [r.at[0] - from[0], r.at[1] - from[1]];
    let sum = returns
        .iter()
        .map(about)
        .fold([0.0; 2], |[a, b], [u, v]| [a + u, b + v]);
    let norm = sum[0].hypot(sum[1]);
    if norm <= 0.0 {
        return returns.iter().map(Return::seen).collect();
    }
    let ahead = sum.map(|c| c / norm);
    let left = [-ahead[1], ahead[0]];
    // The tangent of the direction, and the distance.
    let polar = |r: &Return| {
        let place = about(r);
        let depth = dot(place, ahead);
        (dot(place, left) / depth, depth)
    };
    let directions = returns.iter().map(polar);
    let [low, high, nearest] = directions.fold(
        [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY],
        |[low, high, nearest], (tangent, depth)| {
            [low.min(tangent), high.max(tangent), nearest.min(depth)]
        },
    );
    if nearest <= 0.1 || high <= low {
        return returns.iter().map(Return::seen).collect();
    }
    let scale = DIRECTIONS as f64 / (high - low);
    let mut best: [Option<(f64, usize)>; DIRECTIONS] = [None; DIRECTIONS];
    for (i, r) in returns.iter().enumerate() {
        let (tangent, depth) = polar(r);
        let bin = (((tangent - low) * scale) as usize).min(DIRECTIONS - 1);
        if best[bin].is_none_or(|(least, _)| depth < least) {
            best[bin] = Some((depth, i));
        }
    }
    let kept = best.into_iter().flatten();
    kept.map(|(_, i)| returns[i].seen()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::above;
    use super::super::ground::{self, Plane};
    use super::super::square::Square;
    use super::*;
    use crate::grid::Grid;

    fn square(cell_m: f64) -> Square {
        let grid = Grid {
            origin: [-50; 2],
            size: [100; 2],
            cell_mm: 1000,
            log_odds: Vec::new(),
        };
        Square::over(&grid, [0.0; 2], cell_m)
    }

    fn above() -> Above {
        Above::new(square(above::COLUMN_M), 0.0, 2.5)
    }

    fn at(x: f64, y: f64, z: f64) -> Return {
        Return {
            at: [x, y, z],
            ..Return::NOWHERE
        }
    }

    /// Returns of a wall along x that goes on above what clusters hold, and of
    /// a person before it.
    fn wall_and_person(above: &mut Above) -> Vec<Return> {
        let mut returns = Vec::new();
        for i in 0..60 {
            let x = f64::from(i) * 0.1;
            for k in 0..10 {
                returns.push(at(x, 0.0, 0.2 + 0.22 * f64::from(k)));
                above.note([x, 0.0, 2.5 + 0.2 * f64::from(k)]);
            }
        }
        for i in 0..24 {
            let turn = f64::from(i) * 0.5;
            let z = 0.2 + 0.06 * f64::from(i);
            returns.push(at(3.0 + 0.25 * turn.cos(), 1.0 + 0.2 * turn.sin(), z));
        }
        returns
    }

    #[test]
    fn who_stands_before_a_wall_is_no_part_of_it() {
        let plane = Plane {
            at: [0.0; 3],
            rise: [0.0; 2],
        };
        let mut above = above();
        let returns = wall_and_person(&mut above);
        let ground = Ground::new(plane, square(ground::CELL_M));
        let pieces = above.pieces(&returns, &ground);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].len(), 24);
        let person = Segment::piece(&pieces[0], 2, &ground, [0.0, 10.0]);
        assert_eq!(person.points, 48);
        assert_eq!(person.returns, 0..24);
        assert!((person.height - 1.58).abs() < 0.01, "{}", person.height);
    }

    /// Something square, four metres along x and two along y, up to a height.
    fn block(height: f64) -> Vec<Return> {
        let sides = (0..=40).flat_map(|i| {
            let x = f64::from(i) * 0.1 - 2.0;
            [[x, -1.0], [x, 1.0]]
        });
        let levels = (1..).map(|k| f64::from(k) * 0.2);
        let levels: Vec<f64> = levels.take_while(|z| *z <= height).collect();
        sides
            .flat_map(|[x, y]| levels.iter().map(move |z| at(x, y, *z)))
            .collect()
    }

    #[test]
    fn what_is_above_belongs_to_what_is_below_wherever_clusters_end() {
        let plane = Plane {
            at: [0.0; 3],
            rise: [0.0; 2],
        };
        let ground = Ground::new(plane, square(ground::CELL_M));
        for clearance in [1.5, 2.5, 3.0] {
            let mut above = Above::new(square(above::COLUMN_M), 0.0, clearance);
            let (low, high): (Vec<Return>, Vec<Return>) = block(3.4)
                .into_iter()
                .partition(|one| one.at[2] <= clearance);
            let segment = Segment::piece(&low, 1, &ground, [0.0, -20.0]);
            assert!(!above.goes_on(&segment, &low));
            high.iter().for_each(|one| above.note(one.at));
            assert!(above.goes_on(&segment, &low), "{clearance}");
            let top = above.top(&segment, &low);
            assert!((top - 3.2).abs() < 0.13, "{clearance}: {top}");
            assert!(above.pieces(&low, &ground).is_empty(), "{clearance}");
        }
    }

    #[test]
    fn an_outline_is_what_is_nearest() {
        // A box four metres wide and two deep, seen from before it, with
        // returns from its roof.
        let returns: Vec<Return> = (0..41)
            .flat_map(|i| {
                (0..11).map(move |k| at(f64::from(k) * 0.2 + 10.0, f64::from(i) * 0.1 - 2.0, 1.0))
            })
            .collect();
        let seen = outline(&returns, [0.0; 2]);
        assert!(seen.len() > 20 && seen.len() <= DIRECTIONS);
        let near = seen.iter().filter(|s| s.at[0] < 10.3).count();
        assert!(near * 10 > seen.len() * 8, "{near} of {}", seen.len());
        let corners = hulls(&returns);
        assert_eq!(corners.len(), 4);
        assert!(outline(&[], [0.0; 2]).is_empty() && hulls(&[]).is_empty());
    }
}
