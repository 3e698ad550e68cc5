//! The vehicle that carries the sensors: a lidar at each corner, a camera at
//! each end and to each side.

use nalgebra::{Quaternion, Translation3, UnitQuaternion};

use super::model::EGO;
use crate::calibration::{Body, Camera, Lidar, Rig};
use crate::geometry::Pose;

pub(super) fn rig() -> Rig {
    let mounted = |[x, y, z]: [f64; 3], [w, i, j, k]: [f64; 4]| {
        Pose::from_parts(
            Translation3::new(x, y, z),
            UnitQuaternion::new_normalize(Quaternion::new(w, i, j, k)),
        )
    };
    let [x, y] = [EGO[0] / 2.0, EGO[1] / 2.0];
    // Outside of the body, so that each sees along two of its sides.
    let [x_out, y_out] = [x + 0.06, y + 0.06];
    let ahead = [1.0, 0.0, 0.0, 0.0];
    let back = [0.0, 0.0, 0.0, 1.0];
    let lidar = |name: &str, x, y, turn| Lidar {
        name: name.into(),
        base_from_sensor: mounted([x, y, 1.9], turn),
    };
    let camera = |name: &str, x, y, turn| Camera {
        name: name.into(),
        base_from_sensor: mounted([x, y, 1.9], turn),
        resolution: [640, 384],
        focal: [320.0, 320.0],
        centre: [319.5, 191.5],
        distortion: Default::default(),
    };
    Rig {
        lidars: vec![
            lidar("lidar_a_left", x_out, y_out, ahead),
            lidar("lidar_a_right", x_out, -y_out, ahead),
            lidar("lidar_b_left", -x_out, y_out, back),
            lidar("lidar_b_right", -x_out, -y_out, back),
        ],
        cameras: vec![
            camera("camera_a", x + 0.02, 0.0, [0.5, -0.5, 0.5, -0.5]),
            camera("camera_b", -x - 0.02, 0.0, [0.5, -0.5, -0.5, 0.5]),
            camera("camera_left", 0.0, y + 0.02, [1.0, -1.0, 0.0, 0.0]),
            camera("camera_right", 0.0, -y - 0.02, [0.0, 0.0, 1.0, -1.0]),
        ],
        // With room for the noise of returns from its edges.
        body: Some(Body {
            min: [-x - 0.05, -y - 0.05],
            max: [x + 0.05, y + 0.05],
            height: EGO[2] + 0.05,
        }),
        base_from_rect: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    #[test]
    fn each_camera_looks_outward_and_stands_upright() {
        let outward = [Vector3::x(), -Vector3::x(), Vector3::y(), -Vector3::y()];
        for (camera, outward) in rig().cameras.iter().zip(outward) {
            let looks = camera.base_from_sensor.rotation;
            assert!((looks * Vector3::z() - outward).norm() < 1e-12);
            assert!((looks * Vector3::y() + Vector3::z()).norm() < 1e-12);
            let at = camera.base_from_sensor.translation.vector;
            assert!(at.dot(&outward) > 0.9, "{}", camera.name);
        }
    }
}
