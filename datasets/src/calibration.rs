//! Where the sensors sit on the vehicle, and how its cameras see.

use crate::geometry::Pose;

/// The recording vehicle: its sensors and its body.
#[derive(Clone, Debug, Default)]
pub struct Rig {
    /// Lidars, in the order to which [`crate::Sweep::lidar`] refers.
    pub lidars: Vec<Lidar>,
    /// Cameras, in the order to which [`crate::Image::camera`] refers.
    pub cameras: Vec<Camera>,
    /// The body, where the log or its format tells it.
    pub body: Option<Body>,
}

/// A lidar on the vehicle.
#[derive(Clone, Debug)]
pub struct Lidar {
    /// The log's own name for it.
    pub name: String,
    /// Its pose on the vehicle.
    pub base_from_sensor: Pose,
}

/// A pinhole camera on the vehicle; its frame is x right, y down, z forward.
#[derive(Clone, Debug)]
pub struct Camera {
    /// The log's own name for it.
    pub name: String,
    /// Its pose on the vehicle.
    pub base_from_sensor: Pose,
    /// Width and height, pixels.
    pub resolution: [u32; 2],
    /// Focal lengths in x and y, pixels.
    pub focal: [f64; 2],
    /// Principal point, pixels.
    pub centre: [f64; 2],
}

impl Camera {
    /// The pixel, x right and y down from the centre of the first, that sees
    /// a place in the camera's frame; `None` for a place that is not before
    /// the camera.
    pub fn project(&self, [x, y, z]: [f64; 3]) -> Option<[f64; 2]> {
        let [fx, fy] = self.focal;
        let [cx, cy] = self.centre;
        (z > 0.0).then(|| [fx * x / z + cx, fy * y / z + cy])
    }
}

/// The vehicle's body as a box about `base_link`, metres. Returns from within
/// it are the vehicle's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// Least x and y.
    pub min: [f64; 2],
    /// Greatest x and y.
    pub max: [f64; 2],
    /// Height of the roof with all that stands on it.
    pub height: f64,
}
