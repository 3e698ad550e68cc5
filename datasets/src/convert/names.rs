//! Names of topics and frames.

use crate::calibration::Rig;

use super::{BASE, ODOM};

/// What the sensors of a rig are called in ROS, in its order: their frames,
/// and what their topics lie below.
#[derive(Debug, PartialEq)]
pub(super) struct Names {
    pub(super) lidars: Vec<String>,
    pub(super) cameras: Vec<String>,
}

impl Names {
    /// Names that no two share.
    pub(super) fn of(rig: &Rig) -> Self {
        let mut taken = vec![ODOM.to_owned(), BASE.to_owned()];
        let mut take = |name: &String| {
            let name = numbered(name, |name| taken.iter().any(|other| other == name));
            taken.push(name.clone());
            name
        };
        let lidars = rig.lidars.iter().map(|lidar| take(&lidar.name)).collect();
        let cameras = rig.cameras.iter().map(|camera| take(&camera.name));
        Self {
            cameras: cameras.collect(),
            lidars,
        }
    }
}

/// The log's name in the letters that ROS allows, with a number behind it if
/// it is taken.
fn numbered(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut letters: String = name.trim_matches('/').chars().map(letter).collect();
    if !letters.starts_with(|c: char| c.is_ascii_alphabetic()) {
        letters.insert_str(0, "sensor_");
    }
    let others = (2..).map(|number| format!("{letters}_{number}"));
    let mut names = std::iter::once(letters.clone()).chain(others);
    names.find(|name| !is_taken(name)).unwrap_or(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Camera, Lidar};
    use crate::geometry::Pose;

    #[test]
    fn names_are_those_of_the_log_as_far_as_ros_allows() {
        let lidar = |name: &str| Lidar {
            name: name.into(),
            base_from_sensor: Pose::identity(),
        };
        let camera = |name: &str| Camera {
            name: name.into(),
            base_from_sensor: Pose::identity(),
            resolution: [1, 1],
            focal: [1.0, 1.0],
            centre: [0.0, 0.0],
            distortion: Default::default(),
        };
        let rig = Rig {
            lidars: ["/top/points/", "top points", "base_link", "2", ""]
                .map(lidar)
                .into(),
            cameras: ["image_02", "base_link", "top_points"].map(camera).into(),
            ..Rig::default()
        };
        let names = Names::of(&rig);
        let lidars = [
            "top_points",
            "top_points_2",
            "base_link_2",
            "sensor_2",
            "sensor_",
        ];
        assert_eq!(names.lidars, lidars);
        assert_eq!(names.cameras, ["image_02", "base_link_3", "top_points_3"]);
    }
}
