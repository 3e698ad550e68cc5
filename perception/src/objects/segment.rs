//! The clusters of a frame with the returns that make them up.

use std::ops::Range;

use janus_datasets::{Frame, Pose};
use janus_shaders::cluster::Cluster;

use super::ground::{Ground, Plane};
use super::rectangle::{self, dot};
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::lidar::{Motion, fixed};

/// About so many returns of a cluster are looked at, and of a large one.
const RETURNS: usize = 512;
const RETURNS_OF_LARGE: usize = 4096;
/// A cluster that is longer is large: a row of houses, m.
const LARGE_M: f64 = 16.0;
/// Every so manieth return of the ground is looked at.
const GROUND_STRIDE: usize = 16;
/// Directions in which the nearest return is part of the outline.
const DIRECTIONS: usize = 48;
/// Only what is higher may go on above what clusters hold, m.
const TALL_M: f64 = 2.0;
/// What goes on above a cluster is seen so close over it, m,
const ABOVE_M: f64 = 0.6;
/// above this share of it.
const ABOVE_SHARE: f64 = 0.3;
/// Columns in which returns that belong to no cluster are noted: side, m,
const COLUMN_M: f64 = 0.4;
/// number along a side,
const COLUMNS: usize = 320;
/// height of a slice, m, of which there are 64,
const SLICE_M: f64 = 0.25;
/// and how far below the vehicle the lowest is, m.
const BELOW_M: f64 = 4.0;

/// A return on something that stands on the ground, in odom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    /// m.
    pub(super) at: [f64; 3],
    /// When it was measured, s after the frame.
    pub(super) seconds: f64,
    /// Which sweep it is of.
    sweep: u32,
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
    /// Its highest place over the ground, m.
    pub(super) height: f64,
    /// Height of the ground under it, m in odom.
    pub(super) ground: f64,
    /// Number of its points.
    pub(super) points: u32,
    /// Whether it goes on above what clusters hold, or is larger than
    /// anything that moves: a house, a wall, a tree.
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
    /// [`Error::NoPose`], [`Error::NoMount`] or [`Error::Pose`], of which the
    /// lidars' own step had none.
    pub(super) fn new(frame: &Frame, cloud: &Cloud) -> Result<(Pose, Self)> {
        let pose = frame.pose.ok_or(Error::NoPose)?;
        let mut list: Vec<Segment> = cloud.clusters.iter().map(Segment::empty).collect();
        let mut slots = Vec::with_capacity(list.len());
        let mut room = 0;
        for segment in &mut list {
            let most = if segment.extent() > LARGE_M {
                RETURNS_OF_LARGE
            } else {
                RETURNS
            };
            let stride = (segment.points as usize).div_ceil(most).max(1);
            segment.returns = room..room;
            room += (segment.points as usize).div_ceil(stride);
            slots.push(Slot {
                stride,
                count: 0,
                end: room,
            });
        }
        let mut scan = Scan {
            list,
            slots,
            returns: vec![Return::NOWHERE; room],
            ground: Ground::new(Plane::under(&pose)),
            above: Above::about(pose.translation.vector.into()),
        };
        scan.read(frame, cloud, &Motion::new(frame, &pose)?)?;
        let from = [pose.translation.x, pose.translation.y];
        let Scan {
            mut list,
            returns,
            ground,
            above,
            ..
        } = scan;
        for segment in &mut list {
            let of_it = &returns[segment.returns.clone()];
            segment.is_structure =
                segment.extent() > LARGE_M || above.goes_on(segment, of_it);
            if !segment.is_structure {
                segment.hull = hulls(of_it);
                segment.outline = outline(of_it, from);
            }
        }
        let found = Self {
            list,
            returns,
            ground,
        };
        Ok((pose, found))
    }
}

impl Segments {
    /// How many returns of the ground there were, about.
    pub(crate) fn on_ground(&self) -> u32 {
        self.ground.returns() * GROUND_STRIDE as u32
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
            is_structure: false,
            hull: Vec::new(),
            outline: Vec::new(),
            returns: 0..0,
        }
    }

    /// The longer side of its bounds, m.
    fn extent(&self) -> f64 {
        let [min, max] = self.bounds;
        (max[0] - min[0]).max(max[1] - min[1])
    }
}

impl Return {
    const NOWHERE: Self = Self {
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

/// Where the returns of a cluster go.
struct Slot {
    /// Every so manieth is taken.
    stride: usize,
    /// How many there were so far.
    count: usize,
    /// Where its room ends.
    end: usize,
}

/// The points of a frame as they are read.
struct Scan {
    list: Vec<Segment>,
    slots: Vec<Slot>,
    returns: Vec<Return>,
    ground: Ground,
    above: Above,
}

impl Scan {
    fn read(&mut self, frame: &Frame, cloud: &Cloud, motion: &Motion) -> Result<()> {
        let mut labels = cloud.labels.iter();
        let mut on_ground = 0usize;
        for (number, sweep) in frame.sweeps.iter().enumerate() {
            let lidar = frame.rig.lidars.get(sweep.lidar);
            let lidar = lidar.ok_or(Error::NoMount { lidar: sweep.lidar })?;
            let mount = fixed(&lidar.base_from_sensor)?;
            for (point, &label) in sweep.points.iter().zip(&mut labels) {
                if label == Cloud::GROUND {
                    on_ground += 1;
                    if !on_ground.is_multiple_of(GROUND_STRIDE) {
                        continue;
                    }
                }
                let place = || {
                    let pose = &motion.poses[motion.of_point(number, point)];
                    let at = pose.apply(mount.apply([point.x, point.y, point.z]));
                    at.map(|mm| f64::from(mm) * 1e-3)
                };
                match label {
                    Cloud::GROUND => self.ground.add(place()),
                    Cloud::UNLABELLED if point.is_valid() => self.above.note(place()),
                    Cloud::UNLABELLED => {}
                    cluster => {
                        let index = (cluster - Cloud::FIRST_CLUSTER) as usize;
                        let Some(slot) = self.slots.get_mut(index) else {
                            continue;
                        };
                        let taken = slot.count.is_multiple_of(slot.stride);
                        slot.count += 1;
                        let range = &mut self.list[index].returns;
                        if taken && range.end < slot.end {
                            let time = motion.time_of(number, point).unwrap_or(frame.stamp);
                            self.returns[range.end] = Return {
                                at: place(),
                                seconds: (time - frame.stamp) as f64 * 1e-9,
                                sweep: number as u32,
                            };
                            range.end += 1;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where there are returns that belong to no cluster: of each column, in which
/// slices of its height.
struct Above {
    origin: [f64; 3],
    slices: Vec<u64>,
}

impl Above {
    fn about([x, y, z]: [f64; 3]) -> Self {
        let half = COLUMN_M * COLUMNS as f64 / 2.0;
        Self {
            origin: [x - half, y - half, z - BELOW_M],
            slices: vec![0; COLUMNS * COLUMNS],
        }
    }

    fn column(&self, at: [f64; 3]) -> Option<usize> {
        let [u, v] = [0, 1].map(|k| ((at[k] - self.origin[k]) / COLUMN_M).floor());
        let inside = |c: f64| (0.0..COLUMNS as f64).contains(&c);
        (inside(u) && inside(v)).then(|| v as usize * COLUMNS + u as usize)
    }

    fn slice(&self, z: f64) -> Option<u32> {
        let slice = ((z - self.origin[2]) / SLICE_M).floor();
        (0.0..64.0).contains(&slice).then_some(slice as u32)
    }

    fn note(&mut self, at: [f64; 3]) {
        if let (Some(column), Some(slice)) = (self.column(at), self.slice(at[2])) {
            self.slices[column] |= 1 << slice;
        }
    }

    /// Whether something goes on right above much of a cluster.
    fn goes_on(&self, segment: &Segment, returns: &[Return]) -> bool {
        let top = segment.ground + segment.height;
        let (Some(from), Some(to)) = (self.slice(top), self.slice(top + ABOVE_M)) else {
            return false;
        };
        if segment.height < TALL_M || returns.is_empty() {
            return false;
        }
        let mask = (!0u64 << from) & (!0u64 >> (63 - to));
        let below = returns.iter().filter(|r| {
            let column = self.column(r.at);
            column.is_some_and(|column| self.slices[column] & mask != 0)
        });
        below.count() as f64 >= ABOVE_SHARE * returns.len() as f64
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
    let sum = returns.iter().map(about).fold([0.0; 2], |[a, b], [u, v]| [a + u, b + v]);
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
