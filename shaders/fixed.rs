//! Fixed-point transforms: the twin of `common/fixed.wgsl`.

use bytemuck::{Pod, Zeroable};

/// The largest coordinate, mm, that a transform takes (524 m).
pub const LIMIT: i32 = (1 << 19) - 1;

/// Fractional bits of a rotation's entries.
const FRACTION: i32 = 20;

/// The largest translation, mm (about 1,000 km): a point added to it still
/// fits 32 bits.
const MAX_TRANSLATION: f64 = 1e9;

/// A rigid transform: rotation in Q2.20, translation in millimetres.
///
/// Each row holds three rotation entries and the translation.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Transform {
    /// The row that gives x.
    pub x: [i32; 4],
    /// The row that gives y.
    pub y: [i32; 4],
    /// The row that gives z.
    pub z: [i32; 4],
}

/// A transform that fixed point cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pose must be a finite rigid transform within 1,000 km of its origin")]
pub struct NotRigid;

impl Transform {
    /// What changes nothing.
    pub const IDENTITY: Self = Self {
        x: [1 << FRACTION, 0, 0, 0],
        y: [0, 1 << FRACTION, 0, 0],
        z: [0, 0, 1 << FRACTION, 0],
    };

    /// Rounds a rotation (row-major) and a translation in metres.
    ///
    /// # Errors
    /// [`NotRigid`] if an entry is not finite, a rotation's row is longer than
    /// one, or the translation is out of range.
    pub fn new(rotation: [[f64; 3]; 3], translation: [f64; 3]) -> Result<Self, NotRigid> {
        let row = |r: [f64; 3], t: f64| -> Result<[i32; 4], NotRigid> {
            let norm = r.iter().map(|e| e * e).sum::<f64>();
            // Written so that NaN fails, too.
            if !((norm - 1.0).abs() < 1e-6 && (t * 1e3).abs() <= MAX_TRANSLATION) {
                return Err(NotRigid);
            }
            let scale = f64::from(1 << FRACTION);
            let [x, y, z] = r.map(|e| (e * scale).round() as i32);
            Ok([x, y, z, (t * 1e3).round() as i32])
        };
        Ok(Self {
            x: row(rotation[0], translation[0])?,
            y: row(rotation[1], translation[1])?,
            z: row(rotation[2], translation[2])?,
        })
    }

    /// The translation, mm.
    pub fn translation(&self) -> [i32; 3] {
        [self.x[3], self.y[3], self.z[3]]
    }

    /// Transforms a point in mm, each coordinate rounded to the nearest mm.
    /// Exact as long as no coordinate exceeds [`LIMIT`]; wraps beyond it.
    #[inline]
    pub fn apply(&self, p: [i32; 3]) -> [i32; 3] {
        [
            transform_row(self.x, p),
            transform_row(self.y, p),
            transform_row(self.z, p),
        ]
    }
}

/// One row of a transform; see `common/fixed.wgsl` for the bounds.
#[inline]
pub(crate) fn transform_row(row: [i32; 4], p: [i32; 3]) -> i32 {
    let dot = |v: [i32; 3]| {
        row[0]
            .wrapping_mul(v[0])
            .wrapping_add(row[1].wrapping_mul(v[1]))
            .wrapping_add(row[2].wrapping_mul(v[2]))
    };
    let a = dot(p.map(|c| c >> 9));
    let b = dot(p.map(|c| c & 511));
    let low = ((a & 2047) * 512)
        .wrapping_add(b)
        .wrapping_add(1 << (FRACTION - 1));
    (a >> 11).wrapping_add(low >> FRACTION).wrapping_add(row[3])
}

/// The quotient rounded towards minus infinity; `b` is positive.
#[inline]
pub(crate) fn floor_div(a: i32, b: i32) -> i32 {
    a.div_euclid(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rotation(roll: f64, pitch: f64, yaw: f64) -> [[f64; 3]; 3] {
        let (sr, cr) = roll.sin_cos();
        let (sp, cp) = pitch.sin_cos();
        let (sy, cy) = yaw.sin_cos();
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    }

    #[test]
    fn refuses_what_is_not_rigid() {
        let identity = rotation(0.0, 0.0, 0.0);
        assert!(Transform::new(identity, [0.0; 3]).is_ok());
        for bad in [f64::NAN, f64::INFINITY, 1e7] {
            assert_eq!(
                Transform::new(identity, [0.0, bad, 0.0]),
                Err(NotRigid),
                "{bad}"
            );
        }
        let mut sheared = identity;
        sheared[1][0] = 0.5;
        assert_eq!(Transform::new(sheared, [0.0; 3]), Err(NotRigid));
        sheared[1][0] = f64::NAN;
        assert_eq!(Transform::new(sheared, [0.0; 3]), Err(NotRigid));
    }

    proptest! {
        #[test]
        fn stays_near_double_precision(
            angles in prop::array::uniform3(-4.0..4.0f64),
            t in prop::array::uniform3(-1000.0..1000.0f64),
            p in prop::array::uniform3(-LIMIT..=LIMIT),
        ) {
            let r = rotation(angles[0], angles[1], angles[2]);
            let fixed = Transform::new(r, t).expect("rigid").apply(p);
            for i in 0..3 {
                let exact: f64 = (0..3).map(|k| r[i][k] * f64::from(p[k])).sum::<f64>() + t[i] * 1e3;
                // Half an mm for each of two roundings, and the rotation's
                // own rounding over the point's distance.
                let bound = 1.0 + 1.5 * f64::from(LIMIT) / f64::from(1 << 20) + 1e-6;
                prop_assert!((f64::from(fixed[i]) - exact).abs() <= bound);
            }
        }

        #[test]
        fn is_exact_integer_arithmetic(
            angles in prop::array::uniform3(-4.0..4.0f64),
            p in prop::array::uniform3(-LIMIT..=LIMIT),
        ) {
            let r = rotation(angles[0], angles[1], angles[2]);
            let t = Transform::new(r, [0.0; 3]).expect("rigid");
            for (row, got) in [t.x, t.y, t.z].into_iter().zip(t.apply(p)) {
                let dot: i64 = (0..3).map(|k| i64::from(row[k]) * i64::from(p[k])).sum();
                prop_assert_eq!(i64::from(got), (dot + (1 << 19)) >> 20);
            }
        }

        #[test]
        fn floor_div_rounds_down(a in any::<i32>(), b in 1..100_000i32) {
            prop_assert_eq!(i64::from(floor_div(a, b)), (f64::from(a) / f64::from(b)).floor() as i64);
        }
    }
}
