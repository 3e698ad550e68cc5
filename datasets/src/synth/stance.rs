//! How a thing stands in the world: a rigid transform made by arithmetic
//! that rounds exactly, without angles.

use nalgebra::{Matrix3, Quaternion, Translation3, UnitQuaternion, Vector2, Vector3};

use crate::geometry::Pose;

/// A place and three axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stance {
    /// Origin, m.
    pub(super) at: Vector3<f64>,
    /// Unit vectors forward, left and up, as columns.
    pub(super) axes: Matrix3<f64>,
}

impl Stance {
    /// The world's own.
    pub(super) fn origin() -> Self {
        Self {
            at: Vector3::zeros(),
            axes: Matrix3::identity(),
        }
    }

    /// Forward as given; left as near as can be to the given one.
    pub(super) fn new(at: Vector3<f64>, forward: Vector3<f64>, left: Vector3<f64>) -> Self {
        let forward = forward / forward.norm();
        let up = forward.cross(&left);
        let up = up / up.norm();
        Self {
            at,
            axes: Matrix3::from_columns(&[forward, up.cross(&forward), up]),
        }
    }

    /// Upright, with its x axis along `ahead`.
    pub(super) fn upright(at: Vector3<f64>, ahead: Vector2<f64>) -> Self {
        let left = left_of(ahead);
        Self::new(
            at,
            Vector3::new(ahead.x, ahead.y, 0.0),
            Vector3::new(left.x, left.y, 0.0),
        )
    }

    pub(super) fn of(pose: &Pose) -> Self {
        let axis = |axis: Vector3<f64>| pose.rotation * axis;
        Self {
            at: pose.translation.vector,
            axes: Matrix3::from_columns(&[
                axis(Vector3::x()),
                axis(Vector3::y()),
                axis(Vector3::z()),
            ]),
        }
    }

    pub(super) fn outward(&self, local: Vector3<f64>) -> Vector3<f64> {
        self.at + self.axes * local
    }

    pub(super) fn inward(&self, place: Vector3<f64>) -> Vector3<f64> {
        self.axes.tr_mul(&(place - self.at))
    }

    /// This transform after another.
    pub(super) fn then(&self, inner: &Self) -> Self {
        Self {
            at: self.outward(inner.at),
            axes: self.axes * inner.axes,
        }
    }

    /// The direction of x over the ground.
    pub(super) fn ahead(&self) -> Vector2<f64> {
        let ahead = self.axes.column(0).xy();
        ahead / ahead.norm()
    }

    /// Between this and another: the place on the line, and the axes turned
    /// by the same part, to within the cube of the angle between them.
    pub(super) fn between(&self, other: &Self, part: f64) -> Self {
        if self == other {
            return *self;
        }
        let axes = self.axes + (other.axes - self.axes) * part;
        Self::new(
            self.at + (other.at - self.at) * part,
            axes.column(0).into(),
            axes.column(1).into(),
        )
    }

    /// The same as a pose (Shepperd, *Quaternion from Rotation Matrix*, 1978:
    /// of the four quotients that with the greatest divisor).
    pub(super) fn pose(&self) -> Pose {
        let m = &self.axes;
        let squares = [
            1.0 + m[(0, 0)] + m[(1, 1)] + m[(2, 2)],
            1.0 + m[(0, 0)] - m[(1, 1)] - m[(2, 2)],
            1.0 - m[(0, 0)] + m[(1, 1)] - m[(2, 2)],
            1.0 - m[(0, 0)] - m[(1, 1)] + m[(2, 2)],
        ];
        let differences = [
            m[(2, 1)] - m[(1, 2)],
            m[(0, 2)] - m[(2, 0)],
            m[(1, 0)] - m[(0, 1)],
        ];
        let sums = [
            m[(2, 1)] + m[(1, 2)],
            m[(0, 2)] + m[(2, 0)],
            m[(1, 0)] + m[(0, 1)],
        ];
        let greatest = (1..4).fold(
            0,
            |best, i| {
                if squares[i] > squares[best] { i } else { best }
            },
        );
        let square = squares[greatest];
        let [w, i, j, k] = match greatest {
            0 => [square, differences[0], differences[1], differences[2]],
            1 => [differences[0], square, sums[2], sums[1]],
            2 => [differences[1], sums[2], square, sums[0]],
            _ => [differences[2], sums[1], sums[0], square],
        };
        Pose::from_parts(
            Translation3::from(self.at),
            UnitQuaternion::new_normalize(Quaternion::new(w, i, j, k)),
        )
    }
}

/// The unit vector to the left of another.
pub(super) fn left_of(ahead: Vector2<f64>) -> Vector2<f64> {
    Vector2::new(-ahead.y, ahead.x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_pose() -> impl Strategy<Value = Pose> {
        prop::array::uniform6(-3.0..3.0f64)
            .prop_map(|[a, b, c, x, y, z]| Pose::new(Vector3::new(x, y, z), Vector3::new(a, b, c)))
    }

    proptest! {
        #[test]
        fn a_pose_comes_back(pose in any_pose(), place in prop::array::uniform3(-9.0..9.0f64)) {
            let stance = Stance::of(&pose);
            let back = stance.pose();
            prop_assert!(back.rotation.angle_to(&pose.rotation) < 1e-7);
            let place = Vector3::from(place);
            prop_assert!((stance.outward(place) - pose * nalgebra::Point3::from(place).coords
                - pose.translation.vector).norm() < 1e-9);
            prop_assert!((stance.inward(stance.outward(place)) - place).norm() < 1e-9);
        }

        #[test]
        fn what_lies_between_is_what_a_trajectory_says(pose in any_pose(), yaw in -0.1..0.1f64, part in 0.0..1.0f64) {
            let next = pose * Pose::new(Vector3::new(0.4, 0.0, 0.0), Vector3::z() * yaw);
            let found = Stance::of(&pose).between(&Stance::of(&next), part).pose();
            let expected = pose.try_lerp_slerp(&next, part, 1e-9).expect("are near");
            prop_assert!(found.rotation.angle_to(&expected.rotation) < 1e-4);
            prop_assert!((found.translation.vector - expected.translation.vector).norm() < 1e-9);
        }
    }
}
