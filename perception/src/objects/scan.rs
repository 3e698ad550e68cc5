//! The points of a frame as they are read: those of clusters, of the ground,
//! and of neither.

use janus_datasets::{Frame, Pose};
use janus_shaders::fuse::MAX_SWEEPS;

use super::above::{self, Above};
use super::ground::{self, Ground, Plane};
use super::segment::{LARGE_M, Return, Segment};
use super::square::Square;
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::lidar::{LidarScene, Motion, fixed};

/// About so many returns of a cluster are looked at, and of a large one.
const RETURNS: usize = 512;
const RETURNS_OF_LARGE: usize = 4096;
/// Every so manieth return that belongs to nothing is looked at.
const LOOSE_STRIDE: usize = 3;

/// What was read.
pub(super) struct Scan {
    /// The clusters, and where their returns are.
    pub(super) list: Vec<Segment>,
    slots: Vec<Slot>,
    pub(super) returns: Vec<Return>,
    pub(super) ground: Ground,
    pub(super) above: Above,
}

/// Where the returns of a cluster go.
struct Slot {
    /// Every so manieth is taken.
    stride: usize,
    /// How many go by before the next one that is.
    wait: usize,
    /// Where its room ends.
    end: usize,
}

impl Scan {
    /// Every so manieth return of the ground is looked at.
    pub(super) const GROUND_STRIDE: usize = 16;

    /// Reads the points of a frame for its clusters.
    ///
    /// # Errors
    /// [`Error::NoMount`] or [`Error::Pose`].
    pub(super) fn read(
        frame: &Frame,
        pose: &Pose,
        lidar: &LidarScene,
        mut list: Vec<Segment>,
    ) -> Result<Self> {
        let slots = slots(&mut list);
        let room = slots.last().map_or(0, |slot| slot.end);
        let [x, y, z] = pose.translation.vector.into();
        let square = |cell_m| Square::over(&lidar.grid, [x, y], cell_m);
        let mut scan = Self {
            list,
            slots,
            returns: vec![Return::NOWHERE; room],
            ground: Ground::new(Plane::under(pose), square(ground::CELL_M)),
            above: Above::new(square(above::COLUMN_M), z, lidar.clearance_m),
        };
        scan.take(frame, &lidar.cloud, &Motion::new(frame, pose)?)?;
        Ok(scan)
    }

    fn take(&mut self, frame: &Frame, cloud: &Cloud, motion: &Motion) -> Result<()> {
        let mut labels = cloud.labels.iter();
        let (mut on_ground, mut loose) = (0usize, 0usize);
        // The lidars' own step looks at no more sweeps.
        for (number, sweep) in frame.sweeps.iter().enumerate().take(MAX_SWEEPS) {
            let lidar = frame.rig.lidars.get(sweep.lidar);
            let lidar = lidar.ok_or(Error::NoMount { lidar: sweep.lidar })?;
            let mount = fixed(&lidar.base_from_sensor)?;
            for (point, &label) in sweep.points.iter().zip(&mut labels) {
                let place = || {
                    let pose = &motion.poses[motion.of_point(number, point)];
                    let at = pose.apply(mount.apply([point.x, point.y, point.z]));
                    at.map(|mm| f64::from(mm) * 1e-3)
                };
                match label {
                    Cloud::GROUND => {
                        on_ground += 1;
                        if on_ground.is_multiple_of(Self::GROUND_STRIDE) {
                            self.ground.add(place());
                        }
                    }
                    Cloud::UNLABELLED => {
                        loose += 1;
                        if loose.is_multiple_of(LOOSE_STRIDE) && point.is_valid() {
                            self.above.note(place());
                        }
                    }
                    cluster => {
                        let index = (cluster - Cloud::FIRST_CLUSTER) as usize;
                        let Some(slot) = self.slots.get_mut(index) else {
                            continue;
                        };
                        if slot.wait > 0 {
                            slot.wait -= 1;
                            continue;
                        }
                        slot.wait = slot.stride - 1;
                        let range = &mut self.list[index].returns;
                        if range.end < slot.end {
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

/// Makes room for returns of each cluster.
fn slots(list: &mut [Segment]) -> Vec<Slot> {
    let mut room = 0;
    let slots = list.iter_mut().map(|segment| {
        let most = if segment.extent() > LARGE_M {
            RETURNS_OF_LARGE
        } else {
            RETURNS
        };
        let stride = (segment.points as usize).div_ceil(most).max(1);
        segment.returns = room..room;
        room += (segment.points as usize).div_ceil(stride);
        Slot {
            stride,
            wait: 0,
            end: room,
        }
    });
    slots.collect()
}
