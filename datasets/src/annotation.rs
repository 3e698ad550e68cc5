//! What people, or the synthetic world, say is there.

use serde::Serialize;

use crate::geometry::Pose;

/// What an object is. Every format's own classes are folded into these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A car.
    Car,
    /// A van or a pickup.
    Van,
    /// A lorry, or a vehicle for work on the street.
    Truck,
    /// A bus.
    Bus,
    /// A trailer.
    Trailer,
    /// A tram or a train.
    Train,
    /// A motorcycle or a scooter, with its rider.
    Motorcycle,
    /// A bicycle, with its rider.
    Bicycle,
    /// A person on foot, or in what moves at a walk.
    Pedestrian,
    /// An animal.
    Animal,
    /// Something that stands in the way: a cone, a barrier, a sign.
    Obstacle,
    /// Anything else.
    Other,
}

impl Class {
    /// Its name in reports and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Van => "van",
            Self::Truck => "truck",
            Self::Bus => "bus",
            Self::Trailer => "trailer",
            Self::Train => "train",
            Self::Motorcycle => "motorcycle",
            Self::Bicycle => "bicycle",
            Self::Pedestrian => "pedestrian",
            Self::Animal => "animal",
            Self::Obstacle => "obstacle",
            Self::Other => "other",
        }
    }

    /// What detectors mean that are trained on COCO or on the synthetic
    /// world, by their names; `None` for what takes no part in traffic. A
    /// detector without vans calls them cars.
    pub fn of_detector(name: &str) -> Option<Self> {
        Some(match name {
            "car" => Self::Car,
            "van" => Self::Van,
            "truck" => Self::Truck,
            "bus" => Self::Bus,
            "train" | "tram" => Self::Train,
            "motorcycle" | "motorbike" => Self::Motorcycle,
            "bicycle" => Self::Bicycle,
            "person" | "pedestrian" => Self::Pedestrian,
            _ => return None,
        })
    }
}

/// A box around an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// What is the same for one object in all frames; empty where the log
    /// does not follow objects.
    pub track: String,
    /// What it is.
    pub class: Class,
    /// The log's own name for that.
    pub label: String,
    /// Pose of the box's centre in `base_link` at [`crate::Frame::stamp`];
    /// x lies along its length.
    pub base_from_box: Pose,
    /// Length, width and height, m.
    pub size: [f64; 3],
    /// Velocity over the ground, along x and y of `base_link`, m/s.
    pub velocity: Option<[f64; 2]>,
    /// How many lidar returns lie in it, as the log says.
    pub points: Option<u32>,
    /// How much of it can be seen, from 0 to 1.
    pub visibility: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_one_name() {
        for class in [
            Class::Car,
            Class::Van,
            Class::Truck,
            Class::Bus,
            Class::Trailer,
            Class::Train,
            Class::Motorcycle,
            Class::Bicycle,
            Class::Pedestrian,
            Class::Animal,
            Class::Obstacle,
            Class::Other,
        ] {
            let json = serde_json::to_value(class).expect("is JSON");
            assert_eq!(json, class.name());
        }
    }
}
