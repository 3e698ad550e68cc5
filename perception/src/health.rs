//! Whether what was perceived can be relied on, and if not, why.

use janus_datasets::{Frame, Sweep};

use crate::CameraScene;
use crate::lidar::{LidarFault, LidarScene};
use crate::objects::Segments;

/// Fewer returns from the ground are as good as none.
const LEAST_ON_GROUND: u32 = 200;

/// How far a scene can be relied on.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    /// All sensors were there and made sense.
    Ok,
    /// Something was missing or wrong: less may be known than it seems.
    Degraded(Vec<Impairment>),
    /// What was perceived is no ground to drive on.
    Unfit(Vec<Impairment>),
}

/// Something that was missing or wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Impairment {
    /// The frame has no return of any lidar.
    #[error("no lidar sees anything")]
    NoLidar,
    /// The frame has no return of a lidar.
    #[error("lidar {lidar} sees nothing")]
    LidarMissing {
        /// Its index in the rig.
        lidar: usize,
    },
    /// A sweep is of another time than the frame.
    #[error("lidar {lidar} is {late_s:.2} s late")]
    LidarStale {
        /// Its index in the rig.
        lidar: usize,
        /// How much older it is, s; negative if it is newer.
        late_s: f64,
    },
    /// There were more clusters than there is room for, so that there is no
    /// object by lidar.
    #[error("too many clusters: none is known")]
    NoClusters,
    /// Next to nothing was seen of the ground.
    #[error("no ground is seen ({returns} returns)")]
    NoGround {
        /// How many returns it sent.
        returns: u32,
    },
    /// The frame has no picture of a camera.
    #[error("camera {camera} sees nothing")]
    CameraMissing {
        /// Its index in the rig.
        camera: usize,
    },
    /// A picture is of another time than the frame.
    #[error("camera {camera} is {late_s:.2} s late")]
    CameraStale {
        /// Its index in the rig.
        camera: usize,
        /// How much older it is, s; negative if it is newer.
        late_s: f64,
    },
    /// The detector failed at a picture.
    #[error("what camera {camera} shows is unknown ({reason})")]
    CameraUnknown {
        /// Its index in the rig.
        camera: usize,
        /// The key under which the failure is counted.
        reason: &'static str,
    },
    /// A camera looks beside where its calibration says: its boxes are left
    /// out.
    #[error(
        "camera {camera} looks {right_rad:.3} rad right and {down_rad:.3} rad down of where it should"
    )]
    CameraAstray {
        /// Its index in the rig.
        camera: usize,
        /// It looks so far right of where its calibration says, rad.
        right_rad: f64,
        /// And so far down, rad.
        down_rad: f64,
    },
    /// Lidars see next to nothing of what a camera shows near the vehicle: it
    /// looks elsewhere altogether, or its detector sees what is not there. Its
    /// boxes are left out.
    #[error("lidars see {:.0} % of what camera {camera} shows near by", share * 100.0)]
    CameraUnconfirmed {
        /// Its index in the rig.
        camera: usize,
        /// Of the boxes that should have a cluster those that have one, from 0
        /// to 1.
        share: f64,
    },
    /// Nobody knows where the vehicle was at the time of a picture: its boxes
    /// are left out.
    #[error("nobody knows where camera {camera} was at the time of its picture")]
    CameraUnplaced {
        /// Its index in the rig.
        camera: usize,
    },
    /// More things were seen than are followed.
    #[error("{left_out} things are seen and not followed: there are too many")]
    TooManyObjects {
        /// How many were left out in this frame.
        left_out: usize,
    },
    /// Time jumped: nothing that was followed before is followed any more.
    #[error("time went on by {gap_s:.2} s: everything is new")]
    TimeJump {
        /// From the frame before to this one, s.
        gap_s: f64,
    },
    /// Where what moves may be next cannot be told.
    #[error("no forecast: {0}")]
    NoForecast(String),
    /// The frame's pose, or a sensor's, could not be used.
    #[error("no pose: {0}")]
    NoPose(String),
}

impl Impairment {
    /// Whether nothing can be relied on where this is so.
    pub fn is_grave(&self) -> bool {
        matches!(
            self,
            Self::NoLidar
                | Self::NoGround { .. }
                | Self::NoClusters
                | Self::NoForecast(_)
                | Self::NoPose(_)
        )
    }

    /// A short key under which reports count this.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoLidar => "no_lidar",
            Self::LidarMissing { .. } => "lidar_missing",
            Self::LidarStale { .. } => "lidar_stale",
            Self::NoClusters => "no_clusters",
            Self::NoGround { .. } => "no_ground",
            Self::CameraMissing { .. } => "camera_missing",
            Self::CameraStale { .. } => "camera_stale",
            Self::CameraUnknown { .. } => "camera_unknown",
            Self::CameraAstray { .. } => "camera_astray",
            Self::CameraUnconfirmed { .. } => "camera_unconfirmed",
            Self::CameraUnplaced { .. } => "camera_unplaced",
            Self::TooManyObjects { .. } => "too_many_objects",
            Self::TimeJump { .. } => "time_jump",
            Self::NoForecast(_) => "no_forecast",
            Self::NoPose(_) => "no_pose",
        }
    }
}

impl Health {
    /// That of a scene with these impairments.
    pub fn new(impairments: Vec<Impairment>) -> Self {
        if impairments.is_empty() {
            Self::Ok
        } else if impairments.iter().any(Impairment::is_grave) {
            Self::Unfit(impairments)
        } else {
            Self::Degraded(impairments)
        }
    }

    /// What is wrong.
    pub fn impairments(&self) -> &[Impairment] {
        match self {
            Self::Ok => &[],
            Self::Degraded(impairments) | Self::Unfit(impairments) => impairments,
        }
    }
}

/// How much older than a frame something is of this time, s; negative if it is
/// newer.
pub(crate) fn late_s(frame: &Frame, stamp: i64) -> f64 {
    (frame.stamp as f64 - stamp as f64) * 1e-9
}

/// What is wrong with the sensors of a frame. Those that are more than
/// `stale_s` seconds off its time are stale. Cameras count if something was
/// to look at their pictures.
pub(crate) fn of_sensors(
    frame: &Frame,
    cameras: Option<&CameraScene>,
    lidar: &LidarScene,
    stale_s: f64,
) -> Vec<Impairment> {
    let mut found = Vec::new();
    let sees = |sweep: &&Sweep| sweep.points.iter().any(|point| point.is_valid());
    let seeing: Vec<usize> = (frame.sweeps.iter().filter(sees))
        .map(|sweep| sweep.lidar)
        .collect();
    if seeing.is_empty() {
        found.push(Impairment::NoLidar);
    } else {
        let missing = (0..frame.rig.lidars.len()).filter(|lidar| !seeing.contains(lidar));
        found.extend(missing.map(|lidar| Impairment::LidarMissing { lidar }));
    }
    for sweep in &frame.sweeps {
        let late_s = late_s(frame, sweep.stamp);
        if late_s.abs() > stale_s {
            let lidar = sweep.lidar;
            found.push(Impairment::LidarStale { lidar, late_s });
        }
    }
    let no_clusters = |fault: &LidarFault| matches!(fault, LidarFault::TooManyClusters { .. });
    if lidar.faults.iter().any(no_clusters) {
        found.push(Impairment::NoClusters);
    }
    let Some(cameras) = cameras else {
        return found;
    };
    let has = |camera| frame.images.iter().any(|image| image.camera == camera);
    let missing = (0..frame.rig.cameras.len()).filter(|camera| !has(*camera));
    found.extend(missing.map(|camera| Impairment::CameraMissing { camera }));
    for image in &frame.images {
        let late_s = late_s(frame, image.stamp);
        if late_s.abs() > stale_s {
            let camera = image.camera;
            found.push(Impairment::CameraStale { camera, late_s });
        }
    }
    found.extend(
        cameras
            .unseen
            .iter()
            .map(|unseen| Impairment::CameraUnknown {
                camera: unseen.camera,
                reason: unseen.reason,
            }),
    );
    found
}

/// Whether there is too little of the ground.
pub(crate) fn of_ground(segments: &Segments) -> Option<Impairment> {
    let returns = segments.on_ground();
    (returns < LEAST_ON_GROUND).then_some(Impairment::NoGround { returns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_grave_impairment_makes_a_scene_unfit() {
        let late = Impairment::CameraStale {
            camera: 2,
            late_s: 0.5,
        };
        assert_eq!(Health::new(Vec::new()), Health::Ok);
        assert_eq!(
            Health::new(vec![late.clone()]),
            Health::Degraded(vec![late.clone()])
        );
        let both = vec![late, Impairment::NoLidar];
        assert_eq!(Health::new(both.clone()), Health::Unfit(both.clone()));
        assert_eq!(both[0].to_string(), "camera 2 is 0.50 s late");
        assert_eq!(Health::new(both).impairments().len(), 2);
    }
}
