//! Points and poses. Axes follow REP 103 (x forward, y left, z up), frames
//! follow REP 105 (`map → odom → base_link → sensor`).

use bytemuck::{Pod, Zeroable};
use nalgebra::{Quaternion, UnitQuaternion};

/// A rigid transform in metres. `a_from_b` takes coordinates in `b` to
/// coordinates in `a`.
pub type Pose = nalgebra::Isometry3<f64>;

/// The farthest that anything is from an origin, m: the grid counts its cells
/// in millimetres, of which 32 bits hold some 2,000 km.
const FARTHEST: f64 = 1e6;

/// The pose of a place in metres and a quaternion w, x, y, z; `None` if the
/// place is not within 1,000 km of the origin, or the quaternion not of
/// length 1.
pub(crate) fn pose([x, y, z]: [f64; 3], [w, i, j, k]: [f64; 4]) -> Option<Pose> {
    let quaternion = Quaternion::new(w, i, j, k);
    let unit = (quaternion.norm() - 1.0).abs() <= 1e-3;
    let near = [x, y, z].iter().all(|c| c.abs() <= FARTHEST);
    (unit && near).then(|| {
        let rotation = UnitQuaternion::from_quaternion(quaternion);
        Pose::from_parts([x, y, z].into(), rotation)
    })
}

/// A place on the ego vehicle's way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waypoint {
    /// Nanoseconds since the Unix epoch.
    pub stamp: i64,
    /// `odom_from_base`.
    pub pose: Pose,
}

/// One lidar return in its sensor's frame, in whole millimetres.
///
/// The layout is the one that the kernels read: four 32-bit words.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Point {
    /// Forward, mm.
    pub x: i32,
    /// Left, mm.
    pub y: i32,
    /// Up, mm.
    pub z: i32,
    /// Intensity (low 16 bits, full scale 65,535) and time after the sweep's
    /// stamp (high 16 bits, in [`Point::TICK_NS`]).
    pub tag: u32,
}

impl Point {
    /// The largest coordinate, mm, on either side of zero (524 m). Farther
    /// points are set to it, so that they fail every range crop; the fixed
    /// point arithmetic of the kernels relies on it.
    pub const LIMIT: i32 = (1 << 19) - 1;

    /// Length of one tick of a point's time, ns.
    pub const TICK_NS: i64 = 10_000;

    /// Holds the place of a return that was not finite, so that a point's
    /// index stays the one it has in the log.
    pub const INVALID: Self = Self {
        x: i32::MIN,
        y: i32::MIN,
        z: i32::MIN,
        tag: 0,
    };

    /// Rounds a return in metres to the nearest millimetre. `intensity` is a
    /// fraction of full scale, `after_ns` the time after the sweep's stamp;
    /// both are clamped to what [`Point::tag`] can hold.
    #[inline]
    pub fn from_metres(position: [f64; 3], intensity: f64, after_ns: i64) -> Self {
        if position.iter().any(|c| !c.is_finite()) {
            return Self::INVALID;
        }
        let limit = f64::from(Self::LIMIT);
        let [x, y, z] = position.map(|c| {
            // Half a step and a cast round as `round` does, which is a call
            // where the processor has no instruction for it.
            let mm = (c * 1000.0).clamp(-limit, limit);
            (mm + 0.5f64.copysign(mm)) as i32
        });
        // A cast from a float saturates, and takes NaN to zero.
        let intensity = (intensity * 65_535.0 + 0.5) as u16;
        let ticks = (after_ns / Self::TICK_NS).clamp(0, 65_535) as u32;
        Self {
            x,
            y,
            z,
            tag: ticks << 16 | u32::from(intensity),
        }
    }

    /// Whether the return was finite.
    pub fn is_valid(self) -> bool {
        self.x != i32::MIN
    }

    /// Coordinates in metres.
    pub fn metres(self) -> [f32; 3] {
        [self.x, self.y, self.z].map(|c| c as f32 * 1e-3)
    }

    /// Intensity, 0 to 65,535.
    pub fn intensity(self) -> u16 {
        self.tag as u16
    }

    /// Time after the sweep's stamp, ns.
    pub fn after_ns(self) -> i64 {
        i64::from(self.tag >> 16) * Self::TICK_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn poisoned_returns_keep_their_place() {
        for c in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Point::from_metres([0.0, c, 0.0], 0.5, 0), Point::INVALID);
        }
        let far = Point::from_metres([1e38, -1e38, 0.0], f64::NAN, i64::MAX);
        assert_eq!((far.x, far.y, far.z), (Point::LIMIT, -Point::LIMIT, 0));
        assert_eq!((far.intensity(), far.after_ns()), (0, 655_350_000));
    }

    #[test]
    fn what_is_no_pose_is_none() {
        let turned = [0.5f64.sqrt(), 0.0, 0.0, 0.5f64.sqrt()];
        let ahead = pose([1.0, 2.0, 3.0], turned).expect("is one") * nalgebra::Vector3::x();
        assert!((ahead - nalgebra::Vector3::y()).norm() < 1e-12);
        for quaternion in [[0.0; 4], [2.0, 0.0, 0.0, 0.0], [f64::NAN, 0.0, 0.0, 1.0]] {
            assert_eq!(pose([0.0; 3], quaternion), None);
        }
        for place in [2e6, f64::NAN, f64::INFINITY] {
            assert_eq!(pose([0.0, place, 0.0], turned), None);
        }
    }

    proptest! {
        #[test]
        fn rounds_to_the_nearest_millimetre(x in -500.0..500.0f64, i in 0.0..1.0f64, t in 0i64..600_000_000) {
            let p = Point::from_metres([x, 0.0, 0.0], i, t);
            prop_assert!((f64::from(p.x) - x * 1000.0).abs() <= 0.5 + 1e-9);
            prop_assert!((f64::from(p.intensity()) / 65_535.0 - i).abs() < 1e-5);
            prop_assert!(p.after_ns() <= t && t - p.after_ns() < Point::TICK_NS);
        }
    }
}
