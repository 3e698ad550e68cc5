//! Names of topics and frames.

use crate::calibration::Rig;

use super::{BASE, ODOM};

/// What the sensors of a rig are called in ROS, in its order.
#[derive(Debug, PartialEq)]
pub(super) struct Names {
    /// Frames of the lidars; their topics lie below the same names.
    pub(super) lidars: Vec<String>,
    /// What the topics of the cameras lie below.
    pub(super) cameras: Vec<String>,
    /// Frames of the cameras, which look along z (REP 103).
    pub(super) optical: Vec<String>,
}

impl Names {
    /// Names that no two share.
    pub(super) fn of(rig: &Rig) -> Self {
        let mut taken = vec![ODOM.to_owned(), BASE.to_owned()];
        let mut lidars = Vec::new();
        for lidar in &rig.lidars {
            let name = numbered(&lidar.name, |name| taken.iter().any(|other| other == name));
            taken.push(name.clone());
            lidars.push(name);
        }
        let (mut cameras, mut optical) = (Vec::new(), Vec::new());
        for camera in &rig.cameras {
            let frame = |name: &str| format!("{name}_optical");
            let name = numbered(&camera.name, |name| {
                taken
                    .iter()
                    .any(|other| *other == name || *other == frame(name))
            });
            taken.extend([name.clone(), frame(&name)]);
            optical.push(frame(&name));
            cameras.push(name);
        }
        Self {
            lidars,
            cameras,
            optical,
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
            lidars: [
                "/top/points/",
                "top points",
                "base_link",
                "cam_optical",
                "2",
                "",
            ]
            .map(lidar)
            .into(),
            cameras: ["image_02", "cam", "top_points"].map(camera).into(),
            body: None,
        };
        let names = Names::of(&rig);
        assert_eq!(
            names.lidars,
            [
                "top_points",
                "top_points_2",
                "base_link_2",
                "cam_optical",
                "sensor_2",
                "sensor_"
            ]
        );
        let names_of_topics = ["image_02", "cam_2", "top_points_3"];
        assert_eq!(names.cameras, names_of_topics);
        assert_eq!(
            names.optical,
            names_of_topics.map(|name| format!("{name}_optical"))
        );
    }
}
